//! Who was refused, and who listens: facts about the network for a step that failed.

use std::net::{IpAddr, SocketAddr};

use greenroom_sandbox::process::ports::{self, Listener};
use greenroom_sandbox::process::{attempts, table};

use super::daemons::Daemons;
use super::instance::Daemon;
use crate::context::Context;
use crate::interpreter::known_as;
use crate::step::Failure;

/// How many addresses a note names.
const SHOWN: usize = 6;

/// Adds which addresses refused connections, and what listens, to the failure of a step.
pub fn with_refusals(context: &mut Context, error: Failure) -> Failure {
    let mut refused = attempts::refused();
    if refused.is_empty() {
        return error;
    }
    refused.sort();
    attempts::record_report();
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let listening = daemons.listening();
    let now = |address: SocketAddr| listening.iter().find(move |(_, listener)| reaches(*listener, address));
    let (late, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
        refused.into_iter().partition(|address| now(*address).is_some());
    let error = late.into_iter().take(SHOWN).fold(error, |error, address| {
        let Some((name, _)) = now(address) else { return error };
        let port = address.port();
        error
            .note(format!("{address} refused, before {name} listened on it"))
            .help(format!("wait for it before: `when I wait for daemon {name} to listen on port {port}`"))
    });
    if refused.is_empty() {
        return error;
    }
    let mut shown: Vec<String> = refused.iter().take(SHOWN).map(ToString::to_string).collect();
    if refused.len() > SHOWN {
        shown.push(format!("{} more", refused.len() - SHOWN));
    }
    error.note(format!("{} refused; {}", shown.join(" and "), in_words(&listening)))
}

/// Says what listens.
fn in_words(listening: &[(String, SocketAddr)]) -> String {
    let listens: Vec<String> =
        listening.iter().take(SHOWN).map(|(name, address)| format!("{name} on {address}")).collect();
    let more = listening.len().saturating_sub(SHOWN);
    match (listens.as_slice(), more) {
        ([], _) => "nothing is listening in the scenario's private network".to_owned(),
        (listens, 0) => format!("listening: {}", listens.join(", ")),
        (listens, more) => format!("listening: {}, and {more} more", listens.join(", ")),
    }
}

/// Adds what listens to the failure of a daemon that wrote that its address was in use.
pub(super) fn with_holder(daemons: &mut Daemons, error: Failure, wrote: &[String]) -> Failure {
    let is_taken = wrote.iter().any(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("address already in use") || text.contains("eaddrinuse")
    });
    let listening = if is_taken { daemons.listening() } else { Vec::new() };
    if listening.is_empty() {
        return error;
    }
    error.note(format!("it found its address in use; {}", in_words(&listening)))
}

/// Whether a connection to an address would reach a listener.
fn reaches(listener: SocketAddr, address: SocketAddr) -> bool {
    let is_any = match listener.ip() {
        // The kernel has it accept IPv4 too, unless the program says otherwise.
        IpAddr::V6(ip) => ip.is_unspecified(),
        IpAddr::V4(ip) => ip.is_unspecified() && address.is_ipv4(),
    };
    listener.port() == address.port() && (is_any || listener.ip() == address.ip())
}

impl Daemons {
    /// Returns what listens, by daemon or program, in the order of the start of the daemons.
    fn listening(&mut self) -> Vec<(String, SocketAddr)> {
        let all = self.listeners().all();
        let members = table::members();
        let order: Vec<String> = self.iter().map(Daemon::label).collect();
        let mut named: Vec<(usize, String, SocketAddr)> = all
            .iter()
            .map(|listener: &Listener| {
                let owner = table::holder_of_socket(listener.inode);
                let daemon = owner.as_ref().and_then(|owner| self.of_process(&members, owner.pid)).map(Daemon::label);
                let place = order.iter().position(|name| Some(name) == daemon.as_ref()).unwrap_or(order.len());
                let name = daemon.or_else(|| owner.map(|owner| program_of(&known_as(&owner.command))));
                (place, name.unwrap_or_else(|| "a process".to_owned()), listener.address)
            })
            .collect();
        named.sort();
        named.dedup();
        named.into_iter().map(|(_, name, address)| (name, address)).collect()
    }
}

/// Returns the name of the program in a command line.
fn program_of(command: &str) -> String {
    let program = command.split(' ').next().unwrap_or(command);
    program.rsplit('/').next().unwrap_or(program).to_owned()
}

/// Adds that a daemon has a UDP socket on the port on which it was expected to listen.
pub(super) fn with_udp(error: Failure, port: u16) -> Option<Failure> {
    let address = ports::udp_on_port(port).into_iter().next()?.address;
    Some(error.note(format!("UDP port {port} is open, on {address}, but this step waits for TCP")).help(
        "leave the port out of this step, and wait for what the daemon writes: \
         `when I wait for daemon NAME to write \"TEXT\" to stderr`",
    ))
}

/// Adds that a private network lacks an address that a daemon was given or asked for.
pub(super) fn with_missing_address(error: Failure, words: &[String], wrote: &[String]) -> Failure {
    if !ports::are_private() {
        return error;
    }
    let named = words.iter().flat_map(|word| addresses(word)).find(|ip| !is_there(*ip));
    let is_refused = wrote.iter().any(|text| {
        let text = text.to_ascii_lowercase();
        ["assign requested address", "eaddrnotavail", "address not available"].iter().any(|part| text.contains(part))
    });
    let what = match named {
        Some(ip) if is_refused || !wrote.iter().any(|text| text.contains("EADDRINUSE")) => ip.to_string(),
        _ if is_refused => "the address that it asked for".to_owned(),
        _ => return error,
    };
    error
        .note(format!("{what} does not exist here: the scenario's network is private, with 127.0.0.0/8 and ::1 alone"))
        .help(
            "have it listen on 127.0.0.1; to use the host's network, and its addresses: label `network-host`, \
             `network: host` in the metadata, or `--network host`",
        )
}

/// Returns the IP addresses in a word of a command line.
fn addresses(word: &str) -> Vec<IpAddr> {
    let parts = word.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'));
    let parse = |part: &str| {
        let bare = part.rsplit_once(':').filter(|(ip, _)| ip.contains('.')).map_or(part, |(ip, _)| ip);
        // A version has as many dots at times, but not often in a word of its own.
        bare.trim_matches(':').parse().ok().or_else(|| part.parse().ok())
    };
    parts.filter_map(parse).collect()
}

/// Whether a private network has an address.
fn is_there(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_words() {
        let found = |word: &str| addresses(word).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(found("TCP-LISTEN:5000,bind=192.0.2.2,fork"), "192.0.2.2");
        assert_eq!(found("10.1.2.3:80"), "10.1.2.3");
        assert_eq!(found("--listen=[2001:db8::1]:80"), "2001:db8::1");
        assert_eq!(found("http://127.0.0.1:8080/x"), "127.0.0.1");
        assert_eq!(found("--version 1.2 a.b.c 5000"), "");
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_by_each() {
        let reached = |listener: &str, address: &str| reaches(listener.parse().unwrap(), address.parse().unwrap());
        assert!(reached("0.0.0.0:1", "127.0.0.5:1"));
        assert!(!reached("0.0.0.0:1", "[::1]:1"));
        assert!(reached("[::]:1", "127.0.0.1:1"));
        assert!(!reached("127.0.0.1:1", "127.0.0.5:1"));
        assert!(!reached("127.0.0.1:1", "127.0.0.1:2"));
    }
}
