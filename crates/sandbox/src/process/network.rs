//! Whether a network of the stage's own was used, by the kernel's counters.

use std::fs;

/// What went over the present network since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Something was sent over loopback.
    pub loopback: bool,
    /// Something was meant for another host, to which there is no way.
    pub other_hosts: bool,
}

/// How the stage's network was used; nothing where the network is not its own.
pub fn used() -> Option<Use> {
    if !super::ports::are_private() {
        return None;
    }
    let read = |name: &str| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let found = Use { loopback: packets(&read("dev")) > 0, other_hosts: no_route(&read("snmp"), &read("snmp6")) > 0 };
    (found != Use::default()).then_some(found)
}

/// Packets received, on all interfaces: `  lo:  bytes packets ...`.
fn packets(dev: &str) -> u64 {
    let received = |line: &str| line.split_once(':')?.1.split_whitespace().nth(1)?.parse::<u64>().ok();
    dev.lines().filter_map(received).sum()
}

/// Packets and connections for which there was no route. `snmp` has a line of names and one of numbers for each protocol,
/// `snmp6` a name and a number a line.
fn no_route(snmp: &str, snmp6: &str) -> u64 {
    let mut ip = snmp.lines().filter(|line| line.starts_with("Ip:")).map(str::split_whitespace);
    let v4 = ip.next().zip(ip.next()).and_then(|(names, numbers)| {
        let (_, number) = names.zip(numbers).find(|(name, _)| *name == "OutNoRoutes")?;
        number.parse::<u64>().ok()
    });
    let v6 = snmp6.lines().find_map(|line| line.strip_prefix("Ip6OutNoRoutes")?.trim().parse::<u64>().ok());
    v4.unwrap_or(0) + v6.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read() {
        let dev = "Inter-|   Receive\n face |bytes packets\n    lo:    4321      12    0 0 0\n";
        assert_eq!(packets(dev), 12);
        let snmp = "Ip: Forwarding OutNoRoutes\nIp: 1 3\nTcp: a\nTcp: 1\n";
        assert_eq!(no_route(snmp, "Ip6OutRequests 9\nIp6OutNoRoutes   \t4\n"), 7);
        assert_eq!((packets(""), no_route("", "")), (0, 0));
    }
}
