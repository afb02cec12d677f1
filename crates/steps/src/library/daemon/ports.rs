//! Steps that check who listens on a port.

use std::net::SocketAddr;

use greenroom_sandbox::process::ports::Listener;
use greenroom_sandbox::process::{holders, ports};

use super::daemons::Daemons;
use super::prospect::OF_DAEMON;
use super::readiness::{belongs_to_another, owner_in_words, with_search};
use super::{background, limit, port, udp};
use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("daemon_listens", listens, Check::With(check_named))
        .step("daemon_listens_udp", listens_udp, Check::With(check_named))
        .step("daemon_nothing_listens", |context, captures| nothing_listens(context, captures, false), PORT)
        .step("daemon_nothing_listens_udp", |context, captures| nothing_listens(context, captures, true), PORT)
        .looks(OF_DAEMON, &["daemon_listens", "daemon_listens_udp"])
        .looks(Look::Live, &["daemon_nothing_listens", "daemon_nothing_listens_udp"])
}

const PORT: Check = Check::With(|captures, state| port::check(captures, state).into_iter().collect());

fn check_named(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    port::check(captures, state).into_iter().chain(limit::check_named(captures, state)).collect()
}

fn listens(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, port) = (captures.text("name")?, port::port_of(captures)?);
    let (daemons, _) = context.state_and_watch::<Daemons>();
    daemons.get(name)?;
    let mut other = None;
    for listener in daemons.listeners().on_port(port) {
        let holder = holders::of_socket(listener.inode);
        match belongs_to_another(daemons, name, holder.as_ref()) {
            None => return Ok(()),
            Some(owner) => other = other.or(Some((owner, holder, listener))),
        }
    }
    if let Some((owner, holder, listener)) = other {
        let error = Failure::new(format!("{owner} listens on port {port}, not daemon {name}"));
        return Err(with_search(error, holder.as_ref(), &listener));
    }
    let others = daemons.addresses_of(name);
    let udp = udp::is_open(daemons, name, port).is_ok();
    let daemon = daemons.get(name)?;
    let mut error = udp::closed(daemon, &format!("port {port}"));
    if udp {
        error = error
            .note(format!("it listens on UDP port {port}"))
            .help(format!("write `UDP port {port}`, if that is meant"));
    } else if !others.is_empty() {
        let addresses: Vec<_> = others.iter().map(SocketAddr::to_string).collect();
        error = error.note(format!("it listens on {}", addresses.join(", ")));
    } else if daemon.try_wait().is_none() {
        error = error
            .note("it listens on no TCP port")
            .help(format!("to wait for it, write `when I wait for daemon {name} to listen on port {port}`"));
    }
    let error = background::explain(daemon, error);
    Err(daemon.show(error))
}

fn listens_udp(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, port) = (captures.text("name")?, port::port_of(captures)?);
    let (daemons, _) = context.state_and_watch::<Daemons>();
    daemons.get(name)?;
    let error = match udp::is_open(daemons, name, port) {
        Ok(()) => return Ok(()),
        Err(Some(owner)) => Failure::new(format!("{owner} listens on UDP port {port}, not daemon {name}")),
        Err(None) => {
            let error = udp::closed(daemons.get(name)?, &format!("UDP port {port}"));
            udp::with_other_ports(daemons, name, port, error)
        }
    };
    let daemon = daemons.get(name)?;
    let error = background::explain(daemon, error);
    Err(daemon.show(error))
}

fn nothing_listens(context: &mut Context, captures: &Captures, is_udp: bool) -> StepResult {
    let port = port::port_of(captures)?;
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let listeners: Vec<Listener> = if is_udp { ports::udp_on_port(port) } else { daemons.listeners().on_port(port) };
    let Some(first) = listeners.first() else { return Ok(()) };
    let holder = holders::of_socket(first.inode);
    let owner = owner_in_words(daemons, holder.as_ref());
    let what = if is_udp { "UDP port" } else { "port" };
    let mut addresses: Vec<String> = listeners.iter().map(|listener| listener.address.to_string()).collect();
    addresses.dedup();
    let error = Failure::new(format!("{owner} listens on {what} {port}"))
        .note(format!("the address is {}", addresses.join(", ")));
    Err(if is_udp { error } else { with_search(error, holder.as_ref(), first) })
}
