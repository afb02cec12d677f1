//! Whether a network of the stage's own was used, and what was in vain in it, by the kernel's counters.

use std::fs;

/// What went over the present network since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Something was sent over loopback.
    pub loopback: bool,
    /// A connection or packet came to a port that nobody had.
    pub refused: bool,
    /// Something was meant for another host, to which there is no way.
    pub other_hosts: bool,
}

/// How the stage's network was used; nothing where the network is not its own.
pub fn used() -> Option<Use> {
    if !super::ports::are_private() {
        return None;
    }
    let read = |name: &str| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let (snmp, snmp6) = (read("snmp"), read("snmp6"));
    let found = Use {
        loopback: packets(&read("dev")) > 0,
        refused: refused(&snmp, &snmp6) > 0,
        other_hosts: no_route(&snmp, &snmp6) > 0,
    };
    (found != Use::default()).then_some(found)
}

/// Packets received, on all interfaces: `  lo:  bytes packets ...`.
fn packets(dev: &str) -> u64 {
    let received = |line: &str| line.split_once(':')?.1.split_whitespace().nth(1)?.parse::<u64>().ok();
    dev.lines().filter_map(received).sum()
}

/// Connections of TCP that were not made (those of both families), and datagrams for ports that nobody had.
fn refused(snmp: &str, snmp6: &str) -> u64 {
    counter(snmp, "Tcp:", "AttemptFails") + counter(snmp, "Udp:", "NoPorts") + counter6(snmp6, "Udp6NoPorts")
}

/// Packets and connections for which there was no route.
fn no_route(snmp: &str, snmp6: &str) -> u64 {
    counter(snmp, "Ip:", "OutNoRoutes") + counter6(snmp6, "Ip6OutNoRoutes")
}

/// A counter of `snmp`, which has a line of names and one of numbers for each protocol.
fn counter(snmp: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = snmp.lines().filter(|line| line.starts_with(protocol)).map(str::split_whitespace);
    let value = lines.next().zip(lines.next()).and_then(|(names, numbers)| {
        let (_, number) = names.zip(numbers).find(|(known, _)| *known == name)?;
        number.parse().ok()
    });
    value.unwrap_or(0)
}

/// A counter of `snmp6`, which has a name and a number a line.
fn counter6(snmp6: &str, name: &str) -> u64 {
    snmp6.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read() {
        let snmp = "Ip: Forwarding OutNoRoutes\nIp: 1 3\nTcp: a AttemptFails\nTcp: 1 5\nUdp: In NoPorts\nUdp: 9 8\n";
        let snmp6 = "Ip6OutRequests 9\nIp6OutNoRoutes   \t4\nUdp6NoPorts 100\n";
        assert_eq!((no_route(snmp, snmp6), refused(snmp, snmp6)), (7, 113));
        let dev = "Inter-|   Receive\n face |bytes packets\n    lo:    4321      12    0 0 0\n";
        assert_eq!(packets(dev), 12);
        assert_eq!((packets(""), no_route("", ""), refused("", "")), (0, 0, 0));
    }
}
