//! Where the URL of a step leads, with http or https.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Returns the port of a URL.
pub(super) fn port_of_url(url: &str) -> Option<u16> {
    target_of_url(url).map(|(_, port)| port)
}

/// Returns host and port of a URL.
fn target_of_url(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let target = authority.rsplit_once('@').map_or(authority, |(_, target)| target);
    match target.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok()?)),
        _ if scheme.eq_ignore_ascii_case("https") => Some((target, 443)),
        _ => Some((target, 80)),
    }
}

/// Returns the path of a URL.
pub(super) fn path_of_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Returns the addresses of this machine that a URL stands for.
pub(super) fn loopback_of_url(url: &str) -> Vec<SocketAddr> {
    let Some((host, port)) = target_of_url(url) else { return Vec::new() };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let ips = match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => vec![ip],
        Err(_) if host == "localhost" || host.ends_with(".localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        _ => Vec::new(),
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_url_is_that_of_its_scheme_unless_it_names_one() {
        for (url, port) in [
            ("http://localhost:8080/a:1", Some(8080)),
            ("http://[::1]/", Some(80)),
            ("http://[::1]:81?x", Some(81)),
            ("http://me:secret@host", Some(80)),
            ("http://host:none/", None),
            ("https://host/", Some(443)),
        ] {
            assert_eq!(port_of_url(url), port, "{url}");
        }
    }

    #[test]
    fn the_path_of_a_url_is_without_its_query() {
        let paths = ["http://a/b/c?d=/e#f", "http://a", "http://a:1?x", "http://[::1]/#"].map(path_of_url);
        assert_eq!(paths, ["/b/c", "/", "/", "/"]);
    }

    #[test]
    fn a_url_stands_for_addresses_of_loopback() {
        let of = |url: &str| loopback_of_url(url).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(of("http://127.0.0.5:81/x"), "127.0.0.5:81");
        assert_eq!(of("http://[::1]/"), "[::1]:80");
        assert_eq!(of("http://Shop.localhost:9/"), "127.0.0.1:9 [::1]:9");
        assert_eq!(of("http://192.0.2.1/ http://example.org/"), "");
    }
}
