//! `greenroom doctor`: what this machine gives to scenarios, and what to change to have more.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use greenroom_report::words;
use greenroom_sandbox::{Isolation, Launcher, LauncherOptions, Property, Refusal, SandboxChoice, SandboxError};

use crate::exit;
use crate::settings::{Settings, complain, print};

pub(crate) fn doctor(settings: &Settings) -> u8 {
    let options = LauncherOptions {
        choice: SandboxChoice::Auto,
        temporary_directory: settings.temporary.clone(),
        ..LauncherOptions::default()
    };
    let launcher = match Launcher::start(options, None) {
        Ok(launcher) => launcher,
        Err(error) => {
            if let SandboxError::Directory { isolation, .. } = &error {
                print(&findings(isolation, settings));
            }
            return cannot(&error, settings);
        }
    };
    let code = print(&findings(launcher.isolation(), settings));
    launcher.dismiss(false);
    code
}

/// Says why there is no sandbox.
pub(crate) fn cannot(error: &SandboxError, settings: &Settings) -> u8 {
    complain(&error.to_string());
    let more = match error {
        SandboxError::NotSealed(refused) => refusals(refused),
        SandboxError::Directory { .. } if settings.names_temporary => {
            vec!["help: `TMPDIR` names it; let it name a directory in which you may make others".to_owned()]
        }
        _ => Vec::new(),
    };
    for line in more {
        let _ = writeln!(io::stderr(), "  {line}");
    }
    exit::CANNOT
}

fn findings(isolation: &Isolation, settings: &Settings) -> String {
    let system = rustix::system::uname();
    let mut text = format!(
        "greenroom {} on {} {}\n\n",
        env!("CARGO_PKG_VERSION"),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy()
    );
    let mut line = |name: &str, value: &str, meaning: &str| {
        let _ = writeln!(text, "  {name:<8} {value:<10} {meaning}");
    };
    for property in Property::ALL {
        let (own, shared) = property.values();
        let has = isolation.has(property);
        line(property.name(), if has { own } else { shared }, meaning(property, has));
    }
    let user = isolation.user();
    line("user", user, if user == "root" { "steps run as root" } else { "steps run as the user who runs greenroom" });
    let temporary = settings.temporary.display().to_string();
    line("TMPDIR", &words::shell_quote(&temporary), "where scenarios have their directories");
    text.push('\n');
    if isolation.is_sealed() {
        text.push_str("Scenarios are sealed.\n");
        return text;
    }
    text.push_str("Scenarios are not sealed, and `--sandbox sealed` is refused. What was tried and failed:\n\n");
    for line in refusals(&isolation.refusals) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// What a property means for those who write documents.
fn meaning(property: Property, has: bool) -> &'static str {
    match (property, has) {
        (Property::Kill, true) => "all that a scenario has started ends with it, by the kernel's hand",
        (Property::Kill, false) => "what a scenario has started is looked for and killed one by one",
        (Property::Network, true) => "each scenario has a localhost of its own, and no way to other hosts",
        (Property::Network, false) => "scenarios share this machine's; those that name the same port take turns",
        (Property::Tmp, true) => "each scenario has an empty /tmp and /dev/shm of its own",
        (Property::Tmp, false) => "scenarios share this machine's /tmp and /dev/shm",
        (Property::Proc, true) => "programs see the processes of their scenario alone",
        (Property::Proc, false) => {
            "programs see this machine's processes in /proc; steps look at their scenario's alone"
        }
        (Property::Host, true) => "each scenario has a host name and System V objects of its own",
        (Property::Host, false) => "scenarios share this machine's host name and System V objects",
    }
}

/// Refusals as lines: each call with the properties that want it, and what to do about it.
pub(crate) fn refusals(refusals: &[Refusal]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut told: Vec<&Refusal> = Vec::new();
    for refusal in refusals {
        let same = |other: &&Refusal| other.call == refusal.call && other.error == refusal.error;
        if told.iter().any(same) {
            continue;
        }
        told.push(refusal);
        let properties: Vec<&str> = refusals.iter().filter(same).map(|other| other.property.name()).collect();
        lines.push(format!("{}: {refusal}", properties.join(", ")));
        lines.extend(refusal.help.iter().map(|help| format!("  help: {help}")));
    }
    lines
}
