//! Why a daemon does not listen where a step expects it: UDP, and addresses that are not there.

use std::net::IpAddr;

use greenroom_sandbox::process::ports;

use crate::step::Failure;

/// Adds that a daemon has a UDP socket on the port on which it was expected to listen.
pub(super) fn with_udp(error: Failure, name: &str, port: u16) -> Option<Failure> {
    let address = ports::udp_on_port(port).into_iter().next()?.address;
    Some(error.note(format!("UDP port {port} is open, on {address}, but this step waits for TCP")).help(format!(
        "wait for UDP, in a step of its own: `when I wait for daemon {name} to listen on UDP port {port}`",
    )))
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
}
