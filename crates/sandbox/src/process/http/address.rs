//! The addresses of a host.
//!
//! `localhost`, and names below it, stand for both addresses of loopback: names files and resolvers
//! differ in that, some know only one address, or no names below it. Other names are looked up by
//! the system, which can take long, so a thread does it, and a pipe tells when it has ended.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::pipe::{PipeFlags, pipe_with};

/// The addresses of a host, or the search for them.
#[derive(Debug)]
pub(super) enum Addresses {
    Known(Vec<SocketAddr>),
    Pending(Lookup),
}

/// A search by the system.
#[derive(Debug)]
pub(super) struct Lookup {
    result: Receiver<io::Result<Vec<SocketAddr>>>,
    /// Readable when the search has ended.
    pub(super) end: OwnedFd,
}

impl Lookup {
    /// Returns the result, if there is one yet.
    pub(super) fn take(&self) -> Option<io::Result<Vec<SocketAddr>>> {
        self.result.try_recv().ok()
    }
}

/// Finds the addresses of a host.
pub(super) fn find(host: &str, port: u16) -> io::Result<Addresses> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Addresses::Known(vec![SocketAddr::new(ip, port)]));
    }
    if is_localhost(host) {
        let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        return Ok(Addresses::Known(both.map(|ip| SocketAddr::new(ip, port)).to_vec()));
    }
    let (end, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let (sender, result) = channel();
    let host = host.to_owned();
    thread::Builder::new().name("greenroom-names".to_owned()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // The exchange may have ended.
        let _ = sender.send(found);
        drop(writer);
    })?;
    Ok(Addresses::Pending(Lookup { result, end }))
}

/// Whether a name is `localhost` or below it.
pub(super) fn is_localhost(host: &str) -> bool {
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
        for host in ["notlocalhost", "localhost.example.org", "127.0.0.1", "::1", ""] {
            assert!(!is_localhost(host), "{host}");
        }
    }
}
