//! Connections that were refused inside of a stage's private network, seen without tracing.
//!
//! Two raw sockets get copies of the packets that answer a request for a connection: a refusal, or an
//! acceptance. The kernel filters them, so nothing else is copied, and keeps them until someone asks.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use crate::sys;

/// The sockets for both families, opened by the first process of a stage.
static SOCKETS: OnceLock<[UdpSocket; 2]> = OnceLock::new();

/// What was seen so far.
static SEEN: Mutex<Attempts> = Mutex::new(Attempts { refused: Vec::new(), round: 0, are_reported: false });

/// Addresses that refused connections.
#[derive(Debug, Default)]
struct Attempts {
    /// Each address once, with the round in which it was seen last.
    refused: Vec<(SocketAddr, usize)>,
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
    let open = |family: AddressFamily, header: Header| -> io::Result<UdpSocket> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::RAW, flags, Some(ipproto::TCP))?;
        sys::attach_filter(&socket, &filter(header))?;
        Ok(socket.into())
    };
    let sockets = [open(AddressFamily::INET, Header::Included)?, open(AddressFamily::INET6, Header::Removed)?];
    let _ = SOCKETS.set(sockets);
    Ok(())
}

/// Whether refused connections are seen in this stage.
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

/// Begins a new round: what is refused from now on is later than what was refused so far.
pub fn begin_round() {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.catch_up();
    seen.round += 1;
}

/// Returns the addresses that refused connections in this round; if there are none, in all rounds.
///
/// An address that has accepted a connection since is not among them.
pub fn refused() -> Vec<SocketAddr> {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.catch_up();
    let round = seen.round;
    let latest: Vec<SocketAddr> =
        seen.refused.iter().filter(|(_, at)| *at == round).map(|(address, _)| *address).collect();
    if latest.is_empty() { seen.refused.iter().map(|(address, _)| *address).collect() } else { latest }
}

impl Attempts {
    /// Takes what has arrived.
    fn catch_up(&mut self) {
        let (mut refused, mut accepted) = (Vec::new(), Vec::new());
        for (socket, header) in SOCKETS.get().into_iter().flatten().zip([Header::Included, Header::Removed]) {
            let mut packet = [0; PACKET];
            loop {
                match socket.recv_from(&mut packet) {
                    Ok((length, sender)) => match answer(&packet[..length], sender, header) {
                        Some(Answer::Refused(address)) => refused.push(address),
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

    /// Adds what was seen in a round.
    fn add(&mut self, refused: &[SocketAddr], accepted: &[SocketAddr]) {
        self.refused.retain(|(address, _)| !accepted.contains(address));
        for address in refused {
            // A client that tries both addresses of `localhost` has reached one of them.
            let is_reached = |address: &SocketAddr| accepted.contains(address);
            if is_reached(address) || twin(*address).is_some_and(|twin| is_reached(&twin)) {
                continue;
            }
            self.refused.retain(|(known, _)| known != address);
            self.refused.push((*address, self.round));
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

/// Whether packets from a raw socket begin with their IP header.
#[derive(Debug, Clone, Copy)]
enum Header {
    Included,
    Removed,
}

/// How an address answered a request for a connection.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Refused(SocketAddr),
    Accepted(SocketAddr),
}

/// How many bytes of a packet are kept: the longest IP header, and a TCP header without options.
const PACKET: usize = 60 + 20;

/// The flags of a TCP header that tell answers apart.
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Parses an answer.
fn answer(packet: &[u8], sender: SocketAddr, header: Header) -> Option<Answer> {
    let tcp = match header {
        Header::Included => packet.get(usize::from(packet.first()? & 15) * 4..)?,
        Header::Removed => packet,
    };
    let port = u16::from_be_bytes(*tcp.first_chunk::<2>()?);
    let address = SocketAddr::new(sender.ip(), port);
    Some(if tcp.get(13)? & RST == 0 { Answer::Accepted(address) } else { Answer::Refused(address) })
}

/// Creates a classic BPF program that keeps answers to requests for connections.
///
/// These are a SYN with an ACK, and a RST with an ACK and the sequence number 0: a connection that
/// breaks later has another number.
fn filter(header: Header) -> Vec<(u16, u8, u8, u32)> {
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const LOAD_NOTHING: u16 = 0x01;
    const LOAD_BYTE_AT_X: u16 = 0x50;
    const LOAD_WORD_AT_X: u16 = 0x40;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let start = match header {
        Header::Included => (LOAD_HEADER_LENGTH, 0, 0, 0),
        Header::Removed => (LOAD_NOTHING, 0, 0, 0),
    };
    let kept = u32::try_from(PACKET).unwrap_or(80);
    vec![
        start,
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

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_port_of_an_answer_is_in_its_tcp_header() {
        let mut packet = vec![0x46; 24];
        packet.extend([0x1b, 0x62, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, RST | ACK]);
        let sender = address("127.0.0.1:0");
        let refused = Some(Answer::Refused(address("127.0.0.1:7010")));
        assert_eq!(answer(&packet, sender, Header::Included), refused);
        let sender = address("[::1]:0");
        packet[37] = SYN | ACK;
        let accepted = Some(Answer::Accepted(address("[::1]:7010")));
        assert_eq!(answer(&packet[24..], sender, Header::Removed), accepted);
        assert_eq!(answer(&packet[..30], sender, Header::Included), None);
        assert_eq!(answer(&[], sender, Header::Included), None);
    }

    #[test]
    fn an_address_that_accepts_later_is_no_longer_refused() {
        let (v4, v6, other) = (address("127.0.0.1:1"), address("[::1]:1"), address("127.0.0.1:2"));
        let mut seen = Attempts::default();
        seen.add(&[v4, other, v4], &[]);
        assert_eq!(seen.refused, [(other, 0), (v4, 0)]);
        // A client that tried both addresses of localhost has reached one.
        seen.round = 1;
        seen.add(&[v6], &[v4]);
        assert_eq!(seen.refused, [(other, 0)]);
        // One that is reached only by its other address before is refused.
        seen.add(&[], &[v6]);
        seen.add(&[v4], &[]);
        assert_eq!(seen.refused, [(other, 0), (v4, 1)]);
    }
}
