//! Use of the stage's private network, read from the kernel's counters.

use std::fs;

use super::attempts;
use crate::surroundings::{self, Network};

/// What went over the network since it was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Something was sent over loopback.
    pub loopback: bool,
    /// A connection or packet was sent to a port that was not open.
    pub refused: bool,
    /// Something was sent to another host, to which there is no route.
    pub other_hosts: bool,
}

/// Returns how the stage's network was used; `None` when it was not used or is not private.
pub fn used() -> Option<Use> {
    if surroundings::network() == Network::Host {
        return None;
    }
    let read = |name: &str| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let (snmp, snmp6) = (read("snmp"), read("snmp6"));
    let found = Use {
        loopback: packets(&read("dev")) > 0,
        refused: refused(&snmp, &snmp6) > 0,
        // Servers look names up when they start, so this explains less than a refused connection.
        other_hosts: no_route(&snmp, &snmp6) > 0 && !attempts::are_reported(),
    };
    (found != Use::default()).then_some(found)
}

/// Counts packets received on all interfaces: `  lo:  bytes packets ...`.
fn packets(dev: &str) -> u64 {
    let received = |line: &str| line.split_once(':')?.1.split_whitespace().nth(1)?.parse::<u64>().ok();
    dev.lines().filter_map(received).sum()
}

/// Counts TCP connections that failed (of both families) and datagrams to ports that were not open.
///
/// Where the addresses are known, they say more than a number.
fn refused(snmp: &str, snmp6: &str) -> u64 {
    if attempts::are_seen() {
        return 0;
    }
    let connections = counter(snmp, "Tcp:", "AttemptFails");
    connections + counter(snmp, "Udp:", "NoPorts") + counter6(snmp6, "Udp6NoPorts")
}

/// Counts packets and connections without a route.
fn no_route(snmp: &str, snmp6: &str) -> u64 {
    counter(snmp, "Ip:", "OutNoRoutes") + counter6(snmp6, "Ip6OutNoRoutes")
}

/// Reads a counter of `snmp`, which has a line of names and one of numbers for each protocol.
fn counter(snmp: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = snmp.lines().filter(|line| line.starts_with(protocol)).map(str::split_whitespace);
    let value = lines.next().zip(lines.next()).and_then(|(names, numbers)| {
        let (_, number) = names.zip(numbers).find(|(known, _)| *known == name)?;
        number.parse().ok()
    });
    value.unwrap_or(0)
}

/// Reads a counter of `snmp6`, which has a name and a number in each line.
fn counter6(snmp6: &str, name: &str) -> u64 {
    snmp6.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_both_families_are_added_up() {
        let snmp = "Ip: Forwarding OutNoRoutes\nIp: 1 3\nTcp: a AttemptFails\nTcp: 1 5\nUdp: In NoPorts\nUdp: 9 8\n";
        let snmp6 = "Ip6OutRequests 9\nIp6OutNoRoutes   \t4\nUdp6NoPorts 100\n";
        assert_eq!((no_route(snmp, snmp6), refused(snmp, snmp6)), (7, 113));
        let dev = "Inter-|   Receive\n face |bytes packets\n    lo:    4321      12    0 0 0\n";
        assert_eq!(packets(dev), 12);
        assert_eq!((packets(""), no_route("", ""), refused("", "")), (0, 0, 0));
    }
}
