//! Who listens: the sockets of a scenario, and those that are in its way, with words for whose they
//! are.

use std::net::{IpAddr, SocketAddr};

use greenroom_sandbox::process::attempts::{Refusal, Transport};
use greenroom_sandbox::process::holders::{self, Holder, Outsider};
use greenroom_sandbox::process::ports::{self, Listener};
use greenroom_sandbox::process::table;

use super::daemons::Daemons;
use super::instance::Daemon;
use crate::interpreter::known_as;

/// How many addresses a note names.
pub(super) const SHOWN: usize = 6;

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listening {
    /// The place of its daemon, in the order of their start; others follow.
    place: usize,
    /// Whose it is: a daemon, a program, a process.
    pub(super) name: String,
    /// Its address.
    pub(super) at: Refusal,
    /// Whether it belongs to a daemon of the scenario.
    pub(super) is_of_daemon: bool,
    /// Whether it belongs to a process of the scenario.
    pub(super) is_of_scenario: bool,
    /// Whether its process may not be seen.
    pub(super) is_hidden: bool,
}

impl Listening {
    /// Whether what is sent to an address would reach it.
    pub(super) fn is_reached_at(&self, target: Refusal) -> bool {
        self.at.transport == target.transport && reaches(self.at.address, target.address)
    }
}

/// Lists what listens: `listening: stock on 127.0.0.1:7001, and 2 more`; `None` if nothing does.
pub(super) fn list(listening: &[Listening]) -> Option<String> {
    let names: Vec<String> = listening.iter().take(SHOWN).map(|it| format!("{} on {}", it.name, it.at)).collect();
    let names = names.join(", ");
    match listening.len() {
        0 => None,
        1..=SHOWN => Some(format!("listening: {names}")),
        all => Some(format!("listening: {names}, and {} more", all - SHOWN)),
    }
}

/// Whether a connection to an address would reach a listener.
pub(super) fn reaches(listener: SocketAddr, address: SocketAddr) -> bool {
    let is_any = match listener.ip() {
        // The kernel has it accept IPv4 too, unless the program says otherwise.
        IpAddr::V6(ip) => ip.is_unspecified(),
        IpAddr::V4(ip) => ip.is_unspecified() && address.is_ipv4(),
    };
    listener.port() == address.port() && (is_any || listener.ip() == address.ip())
}

impl Daemons {
    /// Returns the addresses that a daemon listens on, in order; none where there is no such daemon.
    pub(super) fn addresses_of(&mut self, name: &str) -> Vec<SocketAddr> {
        let all = self.listeners().all();
        let Some(daemon) = self.get(name).ok().and_then(|daemon| daemon.process()) else { return Vec::new() };
        if all.is_empty() {
            return Vec::new();
        }
        let sockets = table::sockets_of(daemon.living().into_iter().map(|entry| entry.pid));
        let own = all.into_iter().filter(|listener| sockets.contains(&listener.inode));
        let mut addresses: Vec<SocketAddr> = own.map(|listener| listener.address).collect();
        // The kernel returns them in no order.
        addresses.sort();
        addresses
    }

    /// Returns all sockets that listen over TCP, and those of UDP that anyone can send to.
    pub(super) fn sockets(&mut self) -> Vec<(Transport, Listener)> {
        let tcp = self.listeners().all().into_iter().map(|listener| (Transport::Tcp, listener));
        tcp.chain(ports::udp().into_iter().map(|socket| (Transport::Udp, socket))).collect()
    }

    /// Says whose sockets these are: those of daemons first, in the order of their start.
    pub(super) fn whose(&self, sockets: Vec<(Transport, Listener)>) -> Vec<Listening> {
        let members = table::members();
        let order: Vec<String> = self.iter().map(Daemon::label).collect();
        let inodes: Vec<u64> = sockets.iter().map(|(_, listener)| listener.inode).collect();
        let holders = holders::of_sockets(&inodes);
        let whose = |(transport, listener): (Transport, Listener)| {
            let holder = holders.get(&listener.inode);
            let daemon = self.of_holder(&members, holder).map(Daemon::label);
            let is_of_scenario = ports::are_private()
                || matches!(holder, Some(Holder::Seen(entry)) if members.iter().any(|member| member.pid == entry.pid));
            let name = match (&daemon, holder) {
                (Some(name), _) => name.clone(),
                (None, Some(Holder::Seen(entry))) if is_of_scenario => program_of(&known_as(&entry.command)),
                (None, Some(holder)) => in_words(None, holder),
                (None, None) => "a process".to_owned(),
            };
            let place = order.iter().position(|name| Some(name) == daemon.as_ref()).unwrap_or(order.len());
            let at = Refusal { transport, address: listener.address };
            let is_hidden = !is_of_scenario && is_hidden(holder);
            Listening { place, name, at, is_of_daemon: daemon.is_some(), is_of_scenario, is_hidden }
        };
        let mut named: Vec<Listening> = sockets.into_iter().map(whose).collect();
        named.sort();
        named.dedup();
        named
    }

    /// Finds the daemon of a process that has a socket open.
    pub(super) fn of_holder(&self, members: &[table::Entry], holder: Option<&Holder>) -> Option<&Daemon> {
        match holder? {
            Holder::Seen(entry) => self.of_process(members, entry.pid),
            // Its number is that of another process here.
            Holder::Outside(_) => None,
        }
    }
}

/// Describes a process that has a socket open, with the name of its daemon.
pub(super) fn in_words(daemon: Option<String>, holder: &Holder) -> String {
    let (pid, command, of) = match holder {
        Holder::Seen(entry) => (entry.pid, &entry.command, ""),
        Holder::Outside(Outsider::Process { pid, command, is_of_run: true }) => (*pid, command, " of another scenario"),
        Holder::Outside(Outsider::Process { pid, command, is_of_run: false }) => (*pid, command, ""),
        Holder::Outside(Outsider::Hidden { user: Some(user) }) => {
            return format!("a process of user {user} outside of this scenario");
        }
        Holder::Outside(Outsider::Hidden { user: None }) => return OUTSIDE.to_owned(),
    };
    let command = known_as(command);
    match daemon {
        Some(name) => format!("daemon {name} ({command})"),
        None => format!("process {pid} ({command}){of}"),
    }
}

/// A process of which nothing else is known.
pub(super) const OUTSIDE: &str = "a process outside of this scenario";

/// Whether a process that has a socket open may not be seen.
pub(super) fn is_hidden(holder: Option<&Holder>) -> bool {
    matches!(holder, None | Some(Holder::Outside(Outsider::Hidden { .. })))
}

/// Returns the advice how to find a process that may not be seen.
pub(super) fn search(at: Refusal) -> String {
    let option = match at.transport {
        Transport::Tcp => "-ltnp",
        Transport::Udp => "-lunp",
    };
    format!("to see which process that is: `sudo ss {option} 'sport = :{}'`", at.address.port())
}

/// Returns the name of the program in a command line.
fn program_of(command: &str) -> String {
    let program = command.split(' ').next().unwrap_or(command);
    program.rsplit('/').next().unwrap_or(program).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_reached_by_each() {
        let reached = |listener: &str, address: &str| reaches(listener.parse().unwrap(), address.parse().unwrap());
        assert!(reached("0.0.0.0:1", "127.0.0.5:1"));
        assert!(!reached("0.0.0.0:1", "[::1]:1"));
        assert!(reached("[::]:1", "127.0.0.1:1"));
        assert!(!reached("127.0.0.1:1", "127.0.0.5:1"));
        assert!(!reached("127.0.0.1:1", "127.0.0.1:2"));
    }

    #[test]
    fn a_process_is_named_as_well_as_it_is_known() {
        let outside = |outsider: Outsider| in_words(None, &Holder::Outside(outsider));
        let process = |is_of_run| Outsider::Process { pid: 7, command: "nc -l 80".into(), is_of_run };
        assert_eq!(outside(process(false)), "process 7 (nc -l 80)");
        assert_eq!(outside(process(true)), "process 7 (nc -l 80) of another scenario");
        let hidden = |user: Option<&str>| outside(Outsider::Hidden { user: user.map(str::to_owned) });
        assert_eq!(hidden(Some("root")), "a process of user root outside of this scenario");
        assert_eq!(hidden(None), OUTSIDE);
    }
}
