//! UDP ports of daemons: waiting for one, and checking that one is open.
//!
//! UDP has no connections, so nothing is sent: a port is open when there is a socket on it that
//! anyone can send to.

use std::os::fd::AsFd;
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::{holders, ports};

use super::background;
use super::daemons::Daemons;
use super::instance::Daemon;
use super::readiness::belongs_to_another;
use crate::context::Context;
use crate::step::{Failure, StepResult};

/// Waits until a daemon has a UDP socket on a port.
pub(super) fn wait(context: &mut Context, name: &str, port: u16, limit: Duration) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let fd = daemons.get(name)?.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let found = watch.until(&format!("UDP port {port} of daemon {name}"), limit, &fds, || {
        let is_open = is_open(daemons, name, port).is_ok();
        let ended = daemons.get(name).ok().is_some_and(|daemon| daemon.try_wait().is_some());
        (is_open || (ended && !daemons.lives_on(name))).then_some(is_open)
    })?;
    if found == Some(true) {
        return Ok(());
    }
    let other = is_open(daemons, name, port).err().flatten();
    let daemon = daemons.get(name)?;
    let error = Failure::new(match (other, daemon.try_wait()) {
        (Some(owner), _) => format!("{owner} listens on UDP port {port}, not daemon {name}"),
        (None, Some(ended)) => {
            let after = words::duration(ended.after);
            format!("daemon {name} ended with {} after {after} before it listened on UDP port {port}", ended.status)
        }
        (None, None) => format!("daemon {name} did not listen on UDP port {port} within {}", words::limit(limit)),
    });
    let error = with_other_ports(daemons, name, port, error);
    let daemon = daemons.get(name)?;
    let error = background::explain(daemon, error);
    Err(daemon.show(error))
}

/// Returns whether a daemon has a UDP socket on a port; if not, who else has one.
pub(super) fn is_open(daemons: &mut Daemons, name: &str, port: u16) -> Result<(), Option<String>> {
    let mut other = None;
    for socket in ports::udp_on_port(port) {
        match belongs_to_another(daemons, name, holders::of_socket(socket.inode).as_ref()) {
            None => return Ok(()),
            Some(owner) => other = other.or(Some(owner)),
        }
    }
    Err(other)
}

/// Adds which other ports a daemon has.
pub(super) fn with_other_ports(daemons: &mut Daemons, name: &str, port: u16, error: Failure) -> Failure {
    if daemons.addresses_of(name).iter().any(|address| address.port() == port) {
        return error
            .note(format!("it listens on TCP port {port}"))
            .help(format!("write `port {port}` without UDP, if TCP is meant"));
    }
    let mut others: Vec<String> = Vec::new();
    for socket in ports::udp() {
        if belongs_to_another(daemons, name, holders::of_socket(socket.inode).as_ref()).is_none() {
            others.push(socket.address.to_string());
        }
    }
    others.sort();
    others.dedup();
    if others.is_empty() {
        return error;
    }
    error.note(format!("it listens on UDP {}", others.join(", ")))
}

/// Returns the failure of a check that found a port closed, with the state of the daemon.
pub(super) fn closed(daemon: &mut Daemon, what: &str) -> Failure {
    let name = daemon.label();
    match daemon.try_wait() {
        Some(ended) => Failure::new(format!("daemon {name} does not listen on {what}: it has ended")).note(format!(
            "it ended with {} after {}",
            ended.status,
            words::duration(ended.after)
        )),
        None => Failure::new(format!("daemon {name} does not listen on {what}")),
    }
}
