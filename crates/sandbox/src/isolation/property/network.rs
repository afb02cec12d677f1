//! Property `network`: a network with nothing but loopback.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::definition::{Definition, Requirement, Setup};
use crate::isolation::failure::{Call, FailedCall};
use crate::process::attempts;
use crate::surroundings::Network;
use crate::sys;

pub(super) const DEFINITION: Definition = Definition {
    name: "network",
    own: "each scenario has its own localhost and no outside network",
    shared: "scenarios share the host's network; those that name the same port take turns",
    requires: Requirement::None,
    clone_namespaces: 0,
    unshare_namespaces: |room| match room.network {
        Network::Private => sys::NEW_NETWORK,
        Network::Host => 0,
    },
    set_up,
    verify: connect_to_self,
    advice: |_| None,
};

/// Brings loopback up, and lets every user of this network listen below port 1024.
fn set_up(setup: &Setup<'_>) -> Result<(), FailedCall> {
    if setup.room.network == Network::Host {
        return Ok(());
    }
    // Without it, only the addresses of refused connections are unknown.
    let _ = attempts::watch();
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(FailedCall::of(Call::Socket))?;
    sys::raise_loopback(&socket).map_err(FailedCall::of(Call::RaiseLoopback))?;
    // If this fails, only low ports do not work, and ping sockets below. Root's daemons may run as others.
    let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    if let Some(ids) = setup.as_user {
        let _ = fs::write("/proc/sys/net/ipv4/ping_group_range", format!("{0} {0}", ids.group));
    }
    Ok(())
}

/// Makes a round trip over loopback: interfaces that are up and carry nothing have been seen.
fn connect_to_self() -> Result<(), FailedCall> {
    let round_trip = || -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        listener.accept().map(|_| ())
    };
    round_trip().map_err(FailedCall::of(Call::ConnectLoopback))
}
