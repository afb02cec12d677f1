//! Name lookup of waits: `localhost`, and names below it, stand for both addresses of loopback.
//!
//! Names files and resolvers differ in that: some know only one address, or no names below it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks names up like the system, except for `localhost`.
#[derive(Debug, Default)]
pub(super) struct LocalhostResolver(DefaultResolver);

impl Resolver for LocalhostResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if !uri.host().is_some_and(is_localhost) {
            return self.0.resolve(uri, config, timeout);
        }
        let port = uri.port_u16().unwrap_or(80);
        let mut found = self.empty();
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            found.push(SocketAddr::new(ip, port));
        }
        Ok(found)
    }
}

/// Whether a name is `localhost` or below it.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_names_below_it_are_known() {
        for host in ["localhost", "LOCALHOST", "localhost.", "foo.localhost", "a.b.Localhost"] {
            assert!(is_localhost(host), "{host}");
        }
        for host in ["notlocalhost", "localhost.example.org", "127.0.0.1", "[::1]", ""] {
            assert!(!is_localhost(host), "{host}");
        }
    }
}
