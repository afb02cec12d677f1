//! What a daemon has reported to its notify socket, and waiting until it reports that it is ready.

use std::os::fd::AsFd;
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::{NotifySocket, Reports};

use super::background;
use super::daemons::Daemons;
use super::instance::Daemon;
use crate::context::Context;
use crate::step::{Failure, StepResult};

/// How long a report may be on its way when its daemon has ended.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// What to do about a daemon that reports nothing.
pub(super) const HABIT: &str =
    "many programs report only if they are asked to: start redis-server with `--supervised systemd`";

impl Daemon {
    /// Returns what it has reported.
    pub(super) fn reports(&self, name: &str) -> Result<Reports, Failure> {
        let socket = self.notify.as_ref();
        socket.map(NotifySocket::reports).ok_or_else(|| Failure::new(no_socket(name)).help(how_to_have_one(name)))
    }
}

pub(super) fn no_socket(name: &str) -> String {
    format!("daemon {name} has no notify socket to report to")
}

pub(super) fn how_to_have_one(name: &str) -> String {
    format!("write `given daemon {name} reports to a notify socket` before the step that starts it")
}

/// Waits until a daemon reports that it is ready.
pub(super) fn wait_ready(context: &mut Context, name: &str, limit: Duration) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    daemon.reports(name)?;
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let what = format!("daemon {name} to report that it is ready");
    let is_ready = |daemon: &Daemon| daemon.reports(name).is_ok_and(|reports| reports.is_ready);
    let mut found = watch.until(&what, limit, &fds, || {
        let ended = daemon.try_wait().is_some();
        let is_ready = is_ready(daemon);
        (is_ready || ended).then_some(is_ready)
    })?;
    if found == Some(false) {
        found = watch.until(&what, ON_ITS_WAY, &[], || is_ready(daemon).then_some(true))?;
    }
    if found == Some(true) {
        daemon.follow_main();
        return Ok(());
    }
    let mut error = Failure::new(match daemon.try_wait() {
        Some(ended) => format!(
            "daemon {name} ended with {} after {} before it reported ready",
            ended.status,
            words::duration(ended.after)
        ),
        None => format!("daemon {name} did not report ready within {}", words::limit(limit)),
    });
    let reports = daemon.reports(name)?;
    error = match &reports.status {
        Some(status) => error.note(format!("its latest status is \"{status}\"")),
        None if reports.any => error.note("it has reported other things, but not READY=1"),
        None if daemon.try_wait().is_none() => error.note("it has reported nothing").help(HABIT),
        None => error,
    };
    let error = background::explain(daemon, error);
    Err(daemon.show(error))
}
