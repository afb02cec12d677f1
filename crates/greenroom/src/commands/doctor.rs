//! `greenroom doctor`: which isolation this machine supports.

use std::fmt::Write as _;

use clap::Args;
use greenroom_report::words;
use greenroom_sandbox::{Isolation, Launcher, LauncherOptions, Property, SandboxChoice, SandboxError};

use crate::error::{self, CommandError};
use crate::exit::ExitCode;
use crate::output::print;
use crate::settings::Settings;

/// Show which isolation this machine supports and how to enable more
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    #[expect(clippy::unused_self, reason = "all commands are called in the same way")]
    pub(crate) fn execute(&self, settings: &Settings) -> Result<ExitCode, CommandError> {
        let options = LauncherOptions {
            choice: SandboxChoice::Auto,
            temporary_directory: settings.temporary.clone(),
            ..LauncherOptions::default()
        };
        let launcher = match Launcher::start(options, None) {
            Ok(launcher) => launcher,
            Err(error) => {
                if let SandboxError::Directory { isolation, .. } = &error {
                    print(&findings(isolation, settings))?;
                }
                return Err(CommandError::Sandbox { error, tmpdir_is_set: settings.tmpdir_is_set });
            }
        };
        let printed = print(&findings(launcher.isolation(), settings));
        launcher.dismiss(false);
        printed
    }
}

/// Formats what was found out about this machine.
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
    line("TMPDIR", &words::shell_quote(&temporary), "parent of the scenarios' directories");
    text.push('\n');
    if isolation.is_sealed() {
        text.push_str("Scenarios are sealed.\n");
        return text;
    }
    text.push_str("Scenarios are not sealed, and `--sandbox sealed` fails. What this machine refuses:\n\n");
    for line in error::refusals(&isolation.refusals) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// Says what a property means for the authors of documents.
fn meaning(property: Property, has: bool) -> &'static str {
    match (property, has) {
        (Property::Kill, true) => "the kernel kills everything a scenario started",
        (Property::Kill, false) => "greenroom finds and kills a scenario's processes one by one",
        (Property::Network, true) => "each scenario has its own localhost and no outside network",
        (Property::Network, false) => "scenarios share the host's network; those that name the same port take turns",
        (Property::Tmp, true) => "each scenario has its own empty /tmp and /dev/shm",
        (Property::Tmp, false) => "scenarios share the host's /tmp and /dev/shm",
        (Property::Proc, true) => "programs see only the processes of their scenario",
        (Property::Proc, false) => "programs see the host's processes in /proc; steps see only their scenario's",
        (Property::Host, true) => "each scenario has its own host name and System V objects",
        (Property::Host, false) => "scenarios share the host's host name and System V objects",
    }
}
