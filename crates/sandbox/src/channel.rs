//! Messages between runner, launcher and stages.
//!
//! - [`Control`], runner and launcher: one datagram a message, with descriptors beside it.
//! - [`Pipe`], runner and worker: a stream of frames, each a length and that many bytes.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most descriptors beside one message.
pub(crate) const MOST_FDS: usize = 34;

/// Sends a few bytes over a Unix socket in one message, with descriptors, which the other side gets copies of.
pub(crate) fn send_with(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    loop {
        match sendmsg(socket, &[io::IoSlice::new(bytes)], &mut ancillary, flags | SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// One end of the line between runner and launcher.
#[derive(Debug)]
pub(crate) struct Control {
    socket: OwnedFd,
    /// Where messages are received: kept, since every stage of the launcher's would else pay for its pages anew.
    buffer: RefCell<Vec<u8>>,
}

/// The longest message: it has two paths in it.
const LONGEST: usize = 64 * 1024;

impl Control {
    /// Both ends.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self::new(ours), theirs))
    }

    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { socket: fd, buffer: RefCell::new(vec![0; LONGEST]) }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a message with descriptors, which the other side gets copies of. Gives `WouldBlock` instead of waiting unless `wait`.
    pub(crate) fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>], wait: bool) -> io::Result<()> {
        let flags = if wait { SendFlags::empty() } else { SendFlags::DONTWAIT };
        send_with(self.socket.as_fd(), &serde_json::to_vec(message)?, fds, flags)
    }

    /// Takes the next message; `None` when the other end is closed. Waits for one when `wait`, else gives `WouldBlock`.
    pub(crate) fn receive<T: DeserializeOwned>(&self, wait: bool) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut bytes = self.buffer.borrow_mut();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = if wait { RecvFlags::CMSG_CLOEXEC } else { RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT };
        let received = loop {
            match recvmsg(&self.socket, &mut [io::IoSliceMut::new(&mut bytes)], &mut ancillary, flags) {
                Ok(received) => break received.bytes,
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        if received == 0 {
            return Ok(None);
        }
        let fds = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        Ok(Some((serde_json::from_slice(&bytes[..received])?, fds)))
    }
}

/// One end of the line between runner and worker.
#[derive(Debug)]
pub(crate) struct Pipe {
    stream: UnixStream,
    /// What has been read but is no whole frame yet.
    read: Vec<u8>,
}

/// What [`Pipe::receive`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A frame.
    Frame(Vec<u8>),
    /// Nothing at present.
    Nothing,
    /// The other end is closed; a frame cut short is dropped.
    End,
}

impl Pipe {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends a frame, in one write where the kernel allows it.
    pub(crate) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        let length = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut bytes = Vec::with_capacity(frame.len() + 4);
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.extend_from_slice(frame);
        self.stream.write_all(&bytes)
    }

    /// Waits for one frame and reads not a byte beyond it, so that whoever polls the stream sees what comes next. None at the
    /// end of the stream.
    pub(crate) fn wait_for_one(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut rest = vec![0; u32::from_ne_bytes(length) as usize];
        self.stream.read_exact(&mut rest).ok()?;
        Some(rest)
    }

    /// Takes the next frame, without waiting on a stream that does not block.
    pub(crate) fn receive(&mut self) -> Received {
        loop {
            if let Some((length, rest)) = self.read.split_first_chunk::<4>() {
                let length = u32::from_ne_bytes(*length) as usize;
                if rest.len() >= length {
                    let frame = rest[..length].to_vec();
                    self.read.drain(..4 + length);
                    return Received::Frame(frame);
                }
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Received::End,
                Ok(read) => self.read.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Received::Nothing;
                }
                Err(_) => return Received::End,
            }
        }
    }
}
