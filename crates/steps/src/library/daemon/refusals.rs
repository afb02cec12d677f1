//! Who was refused: what a failure says of connections and datagrams that reached no socket.

use std::net::SocketAddr;

use greenroom_event::words;
use greenroom_sandbox::process::attempts::{self, Refusal, Transport};
use greenroom_sandbox::process::ports;

use super::condition::{Condition, PastWait};
use super::daemons::Daemons;
use super::instance::Daemon;
use super::listening::{Listening, SHOWN, list, reaches};
use super::url::port_of_url;
use crate::context::Context;
use crate::step::Failure;

/// The port of name servers.
const NAMES: u16 = 53;

/// Adds which addresses refused connections or datagrams, and what listens, to the failure of a step.
pub(crate) fn with_refusals(context: &mut Context, error: Failure) -> Failure {
    let mut refused = attempts::refused();
    if refused.is_empty() {
        return error;
    }
    refused.sort();
    attempts::record_report();
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let listening = daemons.of_interest(&refused);
    let (late, refused): (Vec<Refusal>, Vec<Refusal>) =
        refused.into_iter().partition(|refusal| listening.iter().any(|it| it.is_reached_at(*refusal)));
    let error = late.into_iter().take(SHOWN).fold(error, |error, refusal| {
        let listener = listening.iter().find(|it| it.is_reached_at(refusal));
        listener.into_iter().fold(error, |error, listener| daemons.explain_late(error, refusal, listener))
    });
    let (names, refused): (Vec<Refusal>, Vec<Refusal>) = refused.into_iter().partition(asks_for_names);
    let error = if refused.is_empty() { error } else { error.note(in_words(&refused, &listening)) };
    let error =
        refused.iter().take(SHOWN).fold(error, |error, refusal| daemons.explain_silence(error, *refusal, &listening));
    names.first().into_iter().fold(error, |error, server| {
        error.note(format!(
            "{server} refused: the scenario's private network has no name server, so only names in /etc/hosts \
             have addresses"
        ))
    })
}

/// Whether a datagram was a question to a name server, in a network without one.
fn asks_for_names(refusal: &Refusal) -> bool {
    ports::are_private() && refusal.transport == Transport::Udp && refusal.address.port() == NAMES
}

/// Says what refused, and what listens.
fn in_words(refused: &[Refusal], listening: &[Listening]) -> String {
    let mut shown: Vec<String> = refused.iter().take(SHOWN).map(ToString::to_string).collect();
    if refused.len() > SHOWN {
        shown.push(format!("{} more", refused.len() - SHOWN));
    }
    let nothing = || {
        let nothing = if ports::are_private() {
            "nothing is listening in the scenario's private network"
        } else {
            "nothing of this scenario is listening"
        };
        nothing.to_owned()
    };
    format!("{} refused; {}", shown.join(" and "), list(listening).unwrap_or_else(nothing))
}

impl Daemons {
    /// Returns what listens and matters for these refusals.
    ///
    /// UDP matters where a datagram was refused, and on the ports that were tried. In a shared
    /// network, processes outside of the scenario matter on those ports only.
    fn of_interest(&mut self, refused: &[Refusal]) -> Vec<Listening> {
        let has_udp = refused.iter().any(|refusal| refusal.transport == Transport::Udp);
        let was_tried = |address: SocketAddr| refused.iter().any(|refusal| refusal.address.port() == address.port());
        let mut sockets = self.sockets();
        sockets.retain(|(transport, listener)| *transport == Transport::Tcp || has_udp || was_tried(listener.address));
        let mut listening = self.whose(sockets);
        listening.retain(|it| it.is_of_scenario || was_tried(it.at.address));
        listening
    }

    /// Adds that an address refused before something listened on it.
    fn explain_late(&mut self, error: Failure, refusal: Refusal, listener: &Listening) -> Failure {
        let Listening { name, .. } = listener;
        let restarted = self.iter().find(|daemon| listener.is_of_daemon && daemon.label() == *name);
        let restarted = restarted.map_or_else(String::new, Daemon::restarted);
        let error = error.note(format!("{refusal} refused, before {name} listened on it{restarted}"));
        match refusal.transport {
            _ if !listener.is_of_daemon => error,
            Transport::Tcp => error.help(wait_step(name, refusal.address.port())),
            Transport::Udp => error.help(format!(
                "wait for what it writes before: `when I wait for daemon {name} to write \"TEXT\" to stderr`"
            )),
        }
    }

    /// Adds why nothing listens on an address on which a daemon has listened before.
    fn explain_silence(&mut self, error: Failure, refusal: Refusal, listening: &[Listening]) -> Failure {
        let (port, address) = (refusal.address.port(), refusal.address);
        // Where it listens on another address of that port, the list says so.
        if refusal.transport == Transport::Udp || listening.iter().any(|it| it.at.address.port() == port) {
            return error;
        }
        let has_listened = |daemon: &&mut Daemon| daemon.has_listened_on(address) || daemon.succeeds_one_on(address);
        let Some(daemon) = self.iter_mut().filter(has_listened).last() else { return error };
        let name = daemon.label();
        if daemon.process().is_none() {
            return error.note(format!("{name} listened on port {port} until a step stopped it"));
        }
        if let Some(ended) = daemon.try_wait() {
            let after = words::duration(ended.after);
            return error
                .note(format!("{name} listened on port {port}, but ended with {} after {after}", ended.status));
        }
        if daemon.has_listened_on(address) {
            return error.note(format!("{name} is running, but no longer listens on port {port}"));
        }
        let how = if daemon.is_restarted { "restarted" } else { "started again" };
        let ago = words::duration(daemon.age());
        error
            .note(format!("{name} was {how} {ago} ago and does not listen on {address} yet"))
            .help(wait_step(&name, port))
    }
}

/// Returns the advice to wait for a port.
fn wait_step(name: &str, port: u16) -> String {
    format!("wait for it before: `when I wait for daemon {name} to listen on port {port}`")
}

impl Daemon {
    /// Whether it was seen to listen on an address.
    fn has_listened_on(&self, address: SocketAddr) -> bool {
        let port = Some(address.port());
        let answered = |wait: &PastWait| matches!(&wait.condition, Condition::Http(url, _) if port_of_url(url) == port);
        self.waits.iter().any(answered) || self.addresses.iter().any(|listener| reaches(*listener, address))
    }

    /// Whether one in whose place it was started listened on an address.
    fn succeeds_one_on(&self, address: SocketAddr) -> bool {
        self.former_addresses.iter().any(|listener| reaches(*listener, address))
    }
}
