//! Where this run comes from: time, machine and command line.

use std::thread::available_parallelism;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use greenroom_event::{Machine, Origin};

use crate::settings::Settings;

/// Returns an origin that has only where the repository is.
pub(crate) fn of_paths(settings: &Settings) -> Origin {
    let root = settings.directory.ancestors().find(|directory| directory.join(".git").exists());
    let directory = root.and_then(|root| Some(settings.directory.strip_prefix(root).ok()?.display().to_string()));
    Origin { root: root.map(|root| root.display().to_string()), directory, ..Origin::default() }
}

/// Returns where this run comes from. It begins now.
pub(crate) fn of_this_run(rerun_options: Vec<String>, settings: &Settings) -> Origin {
    let now = DateTime::<Utc>::from(SystemTime::now());
    let system = rustix::system::uname();
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let names = [system.sysname(), system.release(), system.machine()].map(text);
    Origin {
        id: format!("{:x}-{:x}", now.timestamp_micros(), std::process::id()),
        started: (now + TimeDelta::milliseconds(500)).to_rfc3339_opts(SecondsFormat::Secs, true),
        is_rerun: false,
        machine: Machine {
            host: text(system.nodename()),
            system: names.join(" "),
            cores: available_parallelism().map_or(1, usize::from),
        },
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        rerun_options,
        ..of_paths(settings)
    }
}
