//! Connections and datagrams that were refused inside of a stage's private network, seen without
//! tracing.
//!
//! Raw sockets get copies of the packets that answer: a refusal or an acceptance of a connection over
//! TCP, and the ICMP message that a destination is unreachable, which quotes the datagram. The kernel
//! filters them, so nothing else is copied, and keeps them until someone asks.
//!
//! In a shared network the packets are not all the scenario's, and only root could see them. There
//! only what greenroom tried itself is known.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use crate::sys;

/// The raw sockets, opened by the first process of a stage.
static SOCKETS: OnceLock<[(UdpSocket, Kind); 4]> = OnceLock::new();

/// What was seen so far.
static SEEN: Mutex<Attempts> = Mutex::new(Attempts { refused: Vec::new(), round: 0, are_reported: false });

/// How something was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// Over a connection.
    Tcp,
    /// As a datagram.
    Udp,
}

/// An address that refused a connection or a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// What it refused.
    pub transport: Transport,
    /// The address.
    pub address: SocketAddr,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, address } = self;
        match transport {
            Transport::Tcp => write!(f, "{address}"),
            Transport::Udp => write!(f, "{address} (UDP)"),
        }
    }
}

/// Addresses that refused.
#[derive(Debug, Default)]
struct Attempts {
    /// Each address once, with the round in which it was seen last.
    refused: Vec<(Refusal, usize)>,
    round: usize,
    /// Whether a failure names them.
    are_reported: bool,
}

/// Opens the sockets, in the network namespace of this process.
///
/// # Errors
///
/// When this process may not open raw sockets.
pub(crate) fn watch() -> io::Result<()> {
    let open = |kind: Kind| -> io::Result<(UdpSocket, Kind)> {
        let (family, protocol) = match kind {
            Kind { header: Header::Included, transport: Transport::Tcp } => (AddressFamily::INET, ipproto::TCP),
            Kind { header: Header::Included, transport: Transport::Udp } => (AddressFamily::INET, ipproto::ICMP),
            Kind { header: Header::Removed, transport: Transport::Tcp } => (AddressFamily::INET6, ipproto::TCP),
            Kind { header: Header::Removed, transport: Transport::Udp } => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::RAW, flags, Some(protocol))?;
        match (kind.transport, kind.header) {
            (Transport::Tcp, header) => sys::attach_filter(&socket, &filter(header))?,
            // Such messages are rare in a network of its own, and a program for the kernel takes longer.
            (Transport::Udp, Header::Included) => sys::receive_only(&socket, false, u32::from(UNREACHABLE_4[0]))?,
            (Transport::Udp, Header::Removed) => sys::receive_only(&socket, true, u32::from(UNREACHABLE_6[0]))?,
        }
        Ok((socket.into(), kind))
    };
    let [v4, v6] = [Header::Included, Header::Removed];
    let [tcp, udp] = [Transport::Tcp, Transport::Udp];
    let kind = |header, transport| Kind { header, transport };
    let sockets = [open(kind(v4, tcp))?, open(kind(v6, tcp))?, open(kind(v4, udp))?, open(kind(v6, udp))?];
    let _ = SOCKETS.set(sockets);
    Ok(())
}

/// Whether what is refused is seen in this stage.
pub(crate) fn are_seen() -> bool {
    SOCKETS.get().is_some()
}

/// Records that a failure names the refused addresses, which is a better lead than what else happened.
pub fn record_report() {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).are_reported = true;
}

/// Whether a failure names the refused addresses.
pub(crate) fn are_reported() -> bool {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).are_reported
}

/// Records that an address refused a connection of greenroom's own, where packets are not seen.
pub fn record_refusal(address: SocketAddr) {
    if !are_seen() {
        let refusal = Refusal { transport: Transport::Tcp, address };
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).add(&[refusal], &[]);
    }
}

/// Begins a new round: what is refused from now on is later than what was refused so far.
pub fn begin_round() {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.catch_up();
    seen.round += 1;
}

/// Returns the addresses that refused in this round; if there are none, in all rounds.
///
/// An address that has accepted a connection since is not among them.
pub fn refused() -> Vec<Refusal> {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.catch_up();
    let round = seen.round;
    let latest: Vec<Refusal> =
        seen.refused.iter().filter(|(_, at)| *at == round).map(|(refusal, _)| *refusal).collect();
    if latest.is_empty() { seen.refused.iter().map(|(refusal, _)| *refusal).collect() } else { latest }
}

impl Attempts {
    /// Takes what has arrived.
    fn catch_up(&mut self) {
        let Some(sockets) = SOCKETS.get() else { return };
        // Mostly nothing has arrived: one look at all of them instead of one at each.
        let mut fds = sockets.each_ref().map(|(socket, _)| PollFd::new(socket, PollFlags::IN));
        if poll(&mut fds, Some(&Timespec::default())) == Ok(0) {
            return;
        }
        let (mut refused, mut accepted) = (Vec::new(), Vec::new());
        for (socket, kind) in sockets {
            let mut packet = [0; PACKET];
            loop {
                match socket.recv_from(&mut packet) {
                    Ok((length, sender)) => match answer(&packet[..length], sender, *kind) {
                        Some(Answer::Refused(refusal)) => refused.push(refusal),
                        Some(Answer::Accepted(address)) => accepted.push(address),
                        None => {}
                    },
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
        self.add(&refused, &accepted);
    }

    /// Adds what was seen in a round. Only connections are accepted.
    fn add(&mut self, refused: &[Refusal], accepted: &[SocketAddr]) {
        let is_reached = |refusal: &Refusal| {
            let tcp = refusal.transport == Transport::Tcp;
            tcp && accepted.contains(&refusal.address)
        };
        self.refused.retain(|(refusal, _)| !is_reached(refusal));
        for refusal in refused {
            // A client that tries both addresses of `localhost` has reached one of them.
            let twin = twin(refusal.address).map(|address| Refusal { address, ..*refusal });
            if is_reached(refusal) || twin.is_some_and(|twin| is_reached(&twin)) {
                continue;
            }
            self.refused.retain(|(known, _)| known != refusal);
            self.refused.push((*refusal, self.round));
        }
    }
}

/// Returns the other address of `localhost`.
fn twin(address: SocketAddr) -> Option<SocketAddr> {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, address.port()))
}

/// What a raw socket receives.
#[derive(Debug, Clone, Copy)]
struct Kind {
    header: Header,
    /// What the packets answer. Those about datagrams are of ICMP.
    transport: Transport,
}

/// Whether packets from a raw socket begin with their IP header: those of IPv4 do.
#[derive(Debug, Clone, Copy)]
enum Header {
    Included,
    Removed,
}

/// How an address answered.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Refused(Refusal),
    Accepted(SocketAddr),
}

/// How many bytes of a packet are kept: two of the longest IP headers, those of ICMP and UDP.
const PACKET: usize = 60 + 8 + 60 + 8;

/// Type and code of a message of ICMP that no socket is at a port, which quotes the datagram.
const UNREACHABLE_4: [u8; 2] = [3, 3];
/// Likewise for the version 6 of it.
const UNREACHABLE_6: [u8; 2] = [1, 4];
/// The number of UDP in the header of a datagram.
const UDP: i32 = libc::IPPROTO_UDP;

/// The flags of a TCP header that tell answers apart.
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Parses an answer.
fn answer(packet: &[u8], sender: SocketAddr, kind: Kind) -> Option<Answer> {
    let content = match kind.header {
        Header::Included => packet.get(header_length(packet)?..)?,
        Header::Removed => packet,
    };
    if kind.transport == Transport::Udp {
        let (port_unreachable, protocol) = match kind.header {
            Header::Included => (UNREACHABLE_4, 9),
            Header::Removed => (UNREACHABLE_6, 6),
        };
        let datagram = content.get(8..)?;
        let is_udp = i32::from(*datagram.get(protocol)?) == UDP;
        if !content.starts_with(&port_unreachable) || !is_udp {
            return None;
        }
        let address = target(datagram, kind.header)?;
        return Some(Answer::Refused(Refusal { transport: Transport::Udp, address }));
    }
    let address = SocketAddr::new(sender.ip(), port(content)?);
    let refused = content.get(13)? & RST != 0;
    let refusal = Refusal { transport: Transport::Tcp, address };
    Some(if refused { Answer::Refused(refusal) } else { Answer::Accepted(address) })
}

/// Returns the length of the IPv4 header that a packet begins with.
fn header_length(packet: &[u8]) -> Option<usize> {
    Some(usize::from(packet.first()? & 15) * 4)
}

/// Returns the port that a header of TCP or UDP begins with.
fn port(header: &[u8]) -> Option<u16> {
    header.first_chunk().copied().map(u16::from_be_bytes)
}

/// Returns where a datagram was sent, from its IP header on, which is quoted in a message of ICMP.
fn target(datagram: &[u8], header: Header) -> Option<SocketAddr> {
    let (ip, length): (IpAddr, usize) = match header {
        Header::Included => ((*datagram.get(16..)?.first_chunk::<4>()?).into(), header_length(datagram)?),
        Header::Removed => ((*datagram.get(24..)?.first_chunk::<16>()?).into(), 40),
    };
    Some(SocketAddr::new(ip, port(datagram.get(length + 2..)?)?))
}

/// An instruction of classic BPF: its code, two jumps, a number.
type Instruction = (u16, u8, u8, u32);

const LOAD_HEADER_LENGTH: u16 = 0xb1;
const LOAD_NOTHING: u16 = 0x01;
const LOAD_BYTE_AT_X: u16 = 0x50;
const LOAD_WORD_AT_X: u16 = 0x40;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Returns the first instruction of a filter, which puts X behind the IP header.
fn start(header: Header) -> Instruction {
    match header {
        Header::Included => (LOAD_HEADER_LENGTH, 0, 0, 0),
        Header::Removed => (LOAD_NOTHING, 0, 0, 0),
    }
}

/// Creates a classic BPF program that keeps answers to requests for connections.
///
/// These are a SYN with an ACK, and a RST with an ACK and the sequence number 0: a connection that
/// breaks later has another number.
fn filter(header: Header) -> Vec<Instruction> {
    let kept = u32::try_from(PACKET).unwrap_or(u32::MAX);
    vec![
        start(header),
        (LOAD_BYTE_AT_X, 0, 0, 13),
        (AND, 0, 0, u32::from(SYN | RST | ACK)),
        (JUMP_IF_EQUAL, 3, 0, u32::from(SYN | ACK)),
        (JUMP_IF_EQUAL, 0, 3, u32::from(RST | ACK)),
        (LOAD_WORD_AT_X, 0, 0, 4),
        (JUMP_IF_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, kept),
        (RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP4: Kind = Kind { header: Header::Included, transport: Transport::Tcp };
    const TCP6: Kind = Kind { header: Header::Removed, ..TCP4 };
    const UDP4: Kind = Kind { transport: Transport::Udp, ..TCP4 };
    const UDP6: Kind = Kind { transport: Transport::Udp, ..TCP6 };

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn tcp(text: &str) -> Refusal {
        Refusal { transport: Transport::Tcp, address: address(text) }
    }

    fn udp(text: &str) -> Refusal {
        Refusal { transport: Transport::Udp, address: address(text) }
    }

    #[test]
    fn the_port_of_an_answer_is_in_its_tcp_header() {
        let mut packet = vec![0x46; 24];
        packet.extend([0x1b, 0x62, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, RST | ACK]);
        let sender = address("127.0.0.1:0");
        assert_eq!(answer(&packet, sender, TCP4), Some(Answer::Refused(tcp("127.0.0.1:7010"))));
        let sender = address("[::1]:0");
        packet[37] = SYN | ACK;
        let accepted = Some(Answer::Accepted(address("[::1]:7010")));
        assert_eq!(answer(&packet[24..], sender, TCP6), accepted);
        assert_eq!(answer(&packet[..30], sender, TCP4), None);
        assert_eq!(answer(&[], sender, TCP4), None);
    }

    #[test]
    fn a_refused_datagram_is_quoted_in_the_answer() {
        let sender = address("127.0.0.1:0");
        let mut packet = vec![0x45; 20];
        packet.extend([3, 3, 0, 0, 0, 0, 0, 0]);
        // The header of the datagram has an option.
        packet.extend([0x46, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 9, 1, 1, 1, 1]);
        packet.extend([0xc0, 0, 0x14, 0xe9, 0, 8, 0, 0]);
        assert_eq!(answer(&packet, sender, UDP4), Some(Answer::Refused(udp("127.0.0.9:5353"))));
        assert_eq!(answer(&packet[..50], sender, UDP4), None);
        // Another code, and a packet of another protocol.
        packet[21] = 1;
        assert_eq!(answer(&packet, sender, UDP4), None);
        packet[21] = 3;
        packet[20 + 8 + 9] = 6;
        assert_eq!(answer(&packet, sender, UDP4), None);
        let mut packet = vec![1, 4, 0, 0, 0, 0, 0, 0];
        packet.extend([0x60, 0, 0, 0, 0, 8, 17, 64]);
        packet.extend(Ipv6Addr::LOCALHOST.octets());
        packet.extend("fd00::7".parse::<Ipv6Addr>().unwrap().octets());
        packet.extend([0xc0, 0, 0, 53, 0, 8, 0, 0]);
        assert_eq!(answer(&packet, sender, UDP6), Some(Answer::Refused(udp("[fd00::7]:53"))));
        assert_eq!(answer(&packet[..20], sender, UDP6), None);
        assert_eq!(
            (udp("[::1]:53").to_string(), tcp("[::1]:53").to_string()),
            ("[::1]:53 (UDP)".into(), "[::1]:53".into())
        );
    }

    #[test]
    fn an_address_that_accepts_later_is_no_longer_refused() {
        let (v4, v6, other) = (tcp("127.0.0.1:1"), tcp("[::1]:1"), tcp("127.0.0.1:2"));
        let mut seen = Attempts::default();
        seen.add(&[v4, other, v4], &[]);
        assert_eq!(seen.refused, [(other, 0), (v4, 0)]);
        // A client that tried both addresses of localhost has reached one.
        seen.round = 1;
        seen.add(&[v6], &[v4.address]);
        assert_eq!(seen.refused, [(other, 0)]);
        // One that is reached only by its other address before is refused.
        seen.add(&[], &[v6.address]);
        seen.add(&[v4], &[]);
        assert_eq!(seen.refused, [(other, 0), (v4, 1)]);
        // A connection says nothing about datagrams.
        let datagram = udp("127.0.0.1:1");
        seen.add(&[datagram], &[v4.address]);
        assert_eq!(seen.refused, [(other, 0), (datagram, 1)]);
    }
}
