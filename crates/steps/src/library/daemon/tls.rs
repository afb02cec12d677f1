//! Waiting until a daemon accepts TLS on a port.

use std::os::fd::AsFd;
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::ready::{Readiness, TlsHandshake};

use super::daemons::Daemons;
use super::{background, readiness};
use crate::check::Problem;
use crate::context::Context;
use crate::step::{Failure, StepResult};

/// Returns what is known before the run.
pub(super) fn problems() -> [Problem; 0] {
    []
}

/// Waits until a daemon listens on a port and completes a TLS handshake there.
pub(super) fn wait(context: &mut Context, name: &str, port: u16, limit: Duration) -> StepResult {
    let clock = context.watch().stopwatch();
    let listener = readiness::port(context, name, port, limit, "add `, for at most 30 seconds` to this step")?;
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let left = limit.saturating_sub(clock.elapsed(watch));
    let daemon = daemons.get(name)?;
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let mut handshake = TlsHandshake::new(&listener);
    let found = watch.until(&format!("{handshake} of daemon {name}"), left, &fds, || {
        let ended = daemon.try_wait().is_some();
        let found = handshake.look(left).is_some();
        (found || ended || handshake.is_refuted()).then_some(found)
    })?;
    if found == Some(true) {
        return Ok(());
    }
    let mut error = Failure::new(match daemon.try_wait() {
        Some(ended) => format!(
            "daemon {name} ended with {} after {} before it accepted TLS on port {port}",
            ended.status,
            words::duration(ended.after)
        ),
        None if handshake.is_refuted() => format!("daemon {name} does not speak TLS on port {port}"),
        None => format!("daemon {name} did not accept TLS on port {port} within {}", words::limit(limit)),
    });
    if let Some(latest) = handshake.latest().filter(|_| !handshake.is_refuted() && daemon.try_wait().is_none()) {
        error = error.note(format!("last attempt: {latest}"));
    }
    let error = background::explain(daemon, error);
    Err(daemon.show(error))
}
