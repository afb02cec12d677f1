//! Listening TCP sockets, read from the kernel by netlink (`sock_diag`).
//!
//! A connect succeeds exactly when there is a socket in state LISTEN. Looking is therefore as good
//! as trying, and touches nothing: a server that accepts a single connection still has it to give.
//! A look takes ten microseconds, reading `/proc/net/tcp` a hundred times as much.

use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use crate::surroundings::{self, Network};

/// A listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Its inode, which leads to its process.
    pub inode: u64,
    /// Connections that were not accepted yet.
    pub pending: u32,
    /// The number of the user who created it, as this user namespace has it.
    pub user: u32,
}

/// Lists listening sockets; keeps its netlink socket between looks.
#[derive(Debug)]
pub struct Listeners {
    /// Opened by the first look that needs it.
    netlink: OnceCell<Option<OwnedFd>>,
    counters: Option<Counters>,
    /// Receives the answers.
    buffer: RefCell<Vec<u8>>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self::new()
    }
}

const STATE_LISTEN: u32 = 10;
const TCPDIAG_GETSOCK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

impl Listeners {
    /// Prepares looks at the present network namespace.
    pub fn new() -> Self {
        let counters = if are_private() { Counters::open().ok() } else { None };
        Self { netlink: OnceCell::new(), counters, buffer: RefCell::default() }
    }

    /// Returns all listening sockets.
    pub fn all(&self) -> Vec<Listener> {
        if self.counters.as_ref().is_some_and(Counters::are_zero) {
            return Vec::new();
        }
        let open =
            || socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG)).ok();
        let Some(netlink) = self.netlink.get_or_init(open) else { return from_proc(TCP) };
        let mut buffer = self.buffer.borrow_mut();
        // The kernel answers in pieces of at most 32 KiB.
        buffer.resize(32 * 1024, 0);
        ask(netlink, &mut buffer).unwrap_or_else(|_| from_proc(TCP))
    }

    /// Returns the sockets that listen on this port, whatever the address.
    pub fn on_port(&self, port: u16) -> Vec<Listener> {
        let mut found = self.all();
        found.retain(|listener| listener.address.port() == port);
        // The address that most clients try first comes first.
        found.sort_by_key(|listener| (!reaches(listener, Ipv4Addr::LOCALHOST.into()), listener.address));
        found
    }
}

/// The kernel's numbers of TCP sockets in a private network, one file for each family.
///
/// Before a server opens its port there is often none, and reading that takes a quarter of the time
/// of a list, for which the kernel goes through the table of the whole machine.
#[derive(Debug)]
struct Counters([(File, &'static [u8]); 2]);

impl Counters {
    /// Opens the files of the present network namespace.
    fn open() -> io::Result<Self> {
        let open = |name: &str| File::open(format!("/proc/self/net/{name}"));
        Ok(Self([(open("sockstat")?, b"TCP: inuse 0 "), (open("sockstat6")?, b"TCP6: inuse 0\n")]))
    }

    /// Whether all sockets are closed: none listens or is connected.
    fn are_zero(&self) -> bool {
        self.0.iter().all(|(file, line)| {
            let mut text = [0; 512];
            let read = file.read_at(&mut text, 0).unwrap_or(0);
            text[..read].windows(line.len()).any(|part| part == *line)
        })
    }
}

fn reaches(listener: &Listener, address: IpAddr) -> bool {
    listener.address.ip() == address || listener.address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

/// Asks for the listening TCP sockets of both families.
///
/// Uses the older form of the request, which names no family, so that one request is enough.
fn ask(netlink: &OwnedFd, buffer: &mut [u8]) -> io::Result<Vec<Listener>> {
    const LENGTH: u32 = 76;
    // struct nlmsghdr, then struct inet_diag_req: 52 bytes without a filter, the states, 4 unused
    // bytes.
    let mut request = Vec::with_capacity(LENGTH as usize);
    request.extend_from_slice(&LENGTH.to_ne_bytes());
    request.extend_from_slice(&TCPDIAG_GETSOCK.to_ne_bytes());
    request.extend_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    request.resize(16 + 52, 0);
    request.extend_from_slice(&(1u32 << STATE_LISTEN).to_ne_bytes());
    request.resize(LENGTH as usize, 0);
    sendto(netlink, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut found = Vec::new();
    loop {
        let (length, _) = recv(netlink, &mut *buffer, RecvFlags::empty())?;
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let length = number(rest, 0) as usize;
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            if length < 16 || length > rest.len() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            match kind {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return Err(io::ErrorKind::Unsupported.into()),
                _ => found.extend(listener(&rest[16..length])),
            }
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |bytes| u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Parses a `struct inet_diag_msg`.
///
/// It has family, state, timer and retransmissions, then the socket's ports (network order) and
/// addresses at 4, expiry, the queues at 56 and 60, the user at 64, and the inode at 68.
fn listener(message: &[u8]) -> Option<Listener> {
    if message.len() < 72 {
        return None;
    }
    let port = u16::from_be_bytes([message[4], message[5]]);
    let address: [u8; 16] = message[8..24].try_into().ok()?;
    let ip = if i32::from(message[0]) == i32::from(AddressFamily::INET.as_raw()) {
        IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3]))
    } else {
        IpAddr::V6(Ipv6Addr::from(address))
    };
    Some(Listener {
        address: SocketAddr::new(ip, port),
        inode: u64::from(number(message, 68)),
        pending: number(message, 56),
        user: number(message, 64),
    })
}

/// Returns the UDP sockets that are bound and not connected.
pub fn udp() -> Vec<Listener> {
    from_proc(UDP)
}

/// Returns the UDP sockets that are bound to this port and not connected.
pub fn udp_on_port(port: u16) -> Vec<Listener> {
    udp().into_iter().filter(|socket| socket.address.port() == port).collect()
}

/// Files of `/proc/self/net`, and the state of the sockets that count.
type Tables = ([&'static str; 2], &'static str);

const TCP: Tables = (["tcp", "tcp6"], "0A");
const UDP: Tables = (["udp", "udp6"], "07");

/// Reads sockets from `/proc`; listening ones for kernels without `sock_diag`.
fn from_proc((tables, state): Tables) -> Vec<Listener> {
    let mut found = Vec::new();
    for table in tables {
        let Ok(text) = std::fs::read_to_string(format!("/proc/self/net/{table}")) else {
            continue;
        };
        found.extend(text.lines().skip(1).filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, port) = fields.get(1)?.split_once(':')?;
            if *fields.get(3)? != state {
                return None;
            }
            let port = u16::from_str_radix(port, 16).ok()?;
            // Words of four bytes, each printed as a number in this machine's byte order.
            let bytes: Vec<u8> = (0..address.len() / 8)
                .filter_map(|word| u32::from_str_radix(&address[word * 8..word * 8 + 8], 16).ok())
                .flat_map(u32::to_ne_bytes)
                .collect();
            let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
                Ok(v4) => IpAddr::from(v4),
                Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?),
            };
            let pending = fields.get(4)?.split_once(':').and_then(|(_, rx)| u32::from_str_radix(rx, 16).ok());
            let (user, inode) = (fields.get(7)?.parse().ok()?, fields.get(9)?.parse().ok()?);
            Some(Listener { address: SocketAddr::new(ip, port), inode, pending: pending.unwrap_or(0), user })
        }));
    }
    found
}

impl Listener {
    /// Returns the address at which a client reaches it.
    pub(crate) fn target(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port())
    }
}

/// Whether only processes of this stage can listen on its ports.
pub fn are_private() -> bool {
    surroundings::network() == Network::Private
}
