//! `greenroom doctor`: which isolation this machine supports.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use greenroom_report::words;
use greenroom_sandbox::{
    DirectoryFate, Isolation, Launcher, LauncherOptions, NoIdMaps, Property, SandboxChoice, SandboxError, StageUser,
};
use rustix::fs::{StatVfsMountFlags, statvfs};

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
        // Before anything is printed, which a thread does.
        let users = launcher.isolation().try_users();
        let printed = print(&(findings(launcher.isolation(), settings) + &on_users(users)));
        launcher.dismiss(DirectoryFate::Remove);
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
        let (own, shared) = greenroom_run::property_name(property).values();
        let has = isolation.has(property);
        let (meaning, shared_meaning) = property.meanings();
        line(property.name(), if has { own } else { shared }, if has { meaning } else { shared_meaning });
    }
    let user = isolation.user();
    let meaning = match user {
        StageUser::Root => "steps run as root",
        StageUser::Same => "steps run as the user who runs greenroom",
    };
    line("user", user.name(), meaning);
    let temporary = settings.temporary.display().to_string();
    line("TMPDIR", &words::shell_quote(&temporary), "parent of the scenarios' directories");
    text.push('\n');
    if isolation.takes_rights_of_files() {
        text.push_str(
            "In scenarios, set-uid programs (sudo, su) have only the rights of the user, and file capabilities (ping)\n\
             hold only for what the scenario owns, because scenarios run in a user namespace. As root, greenroom uses\n\
             none.\n\n",
        );
    }
    if is_noexec(&settings.temporary) {
        text.push_str(
            "TMPDIR is mounted noexec: scenarios cannot run programs in their directories. Set TMPDIR to a directory\n\
             whose file system lets programs run.\n\n",
        );
    }
    if isolation.is_sealed() {
        text.push_str("Scenarios are sealed.\n");
        return text;
    }
    text.push_str("Scenarios are not sealed, and `--sandbox sealed` fails. What this machine refuses:\n\n");
    for line in error::refusals(&isolation.refusals) {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
    text
}

/// Says whether scenarios can run as another user, and what to do if not.
fn on_users(outcome: Result<(), NoIdMaps>) -> String {
    let what = "run as another user, by `user:` in the metadata";
    match outcome {
        Ok(()) => format!("Scenarios can {what}.\n"),
        Err(reason) => {
            let help = reason.help();
            format!("Scenarios cannot {what}:\n\n  {reason}\n    help: {help}, or run greenroom as root\n")
        }
    }
}

/// Returns whether nothing in a directory may be executed.
fn is_noexec(directory: &Path) -> bool {
    statvfs(directory).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOEXEC))
}
