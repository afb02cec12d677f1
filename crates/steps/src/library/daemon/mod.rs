//! Library `daemon`: background processes, from their start to their end.
//!
//! Steps are in `processes`, `start`, `stop`, `output`, `wait`, `ports`, `notify`, `stdin`,
//! `terminal` and `option_steps`, each with a table of its steps first. They use `order` (what a step starts),
//! `options` (how it runs), `spawn` (starting it), `daemons` (all daemons of a scenario),
//! `instance` (one of them), `readiness`, `text_wait`, `regex_wait`, `udp`, `tls` and `reports` (waiting for
//! it), and `waits` (what was waited for). `background` has what messages say about one that goes
//! there; `listening`, `refusals`, `taken` and `addresses` what they say about the network. `denials`
//! and `missing` have what they say about files, `running` about processes at a limit, `crash` about
//! faults. `prospect` says whether a repeated look can still find something else. `end` runs at the
//! end of a scenario, and stops `strays`, too.

mod addresses;
mod background;
mod buffering;
mod condition;
mod crash;
mod daemons;
mod denials;
mod end;
mod escapes;
mod instance;
mod keys;
mod limit;
mod listening;
mod missing;
mod notify;
mod option_steps;
mod options;
mod order;
mod output;
mod port;
mod ports;
mod processes;
mod program;
mod prospect;
mod readiness;
mod refusals;
mod regex_wait;
mod renamed_outputs;
mod reports;
mod running;
mod screen;
mod signals;
mod spawn;
mod start;
mod stdin;
mod stop;
mod strays;
mod taken;
mod terminal;
mod text_wait;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod udp;
mod unknown;
mod url;
mod wait;
mod waits;

use crate::registry::Library;
use crate::values::Reading;

pub(crate) use crash::with_crash;
pub use daemons::Daemons;
pub(crate) use denials::{Text, texts_of, with_denials};
pub use instance::Daemon;
pub use limit::LIMIT;
pub(crate) use missing::with_missing_files;
pub(crate) use prospect::OF_DAEMON;
pub(crate) use refusals::with_refusals;
pub use running::with_running;
pub(crate) use taken::with_holder;
pub(crate) use unknown::unknown_in as unknown_daemon;

/// Returns the library.
pub fn library() -> Library {
    let tables = [processes::steps, start::steps, stop::steps, output::steps, wait::steps];
    let further = [ports::steps, notify::steps, option_steps::steps, stdin::steps, terminal::steps];
    let library = Library::new("daemon", include_str!("daemon.yaml"))
        .serves("lib/daemon.py")
        .reads(&["daemon_start", "daemon_try_start", "daemon_start_terminal"], "path", Reading::CommandLine)
        // No escapes are replaced in a status.
        .reads(&["daemon_has_reported_status"], "text", Reading::Text)
        .reads(&[], "text", Reading::Escaped)
        .at_end(end::end)
        .at_check_end(option_steps::check_end);
    let sought = [
        "daemon_stdout_contains",
        "daemon_stderr_contains",
        "daemon_wait_stdout",
        "daemon_wait_stderr",
        "daemon_wait_stdout_again",
        "daemon_wait_stderr_again",
        "daemon_wait_content",
        "daemon_wait_shows",
        "daemon_shows",
    ];
    let library = tables.into_iter().chain(further).fold(library, |library, steps| steps(library));
    library.seeks("text", &sought).seeks("message", &["daemon_start_fails"])
}
