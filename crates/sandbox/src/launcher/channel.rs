//! The sockets between runner, launcher and stages.
//!
//! - [`Control`], between runner and launcher: one datagram for each message, with descriptors
//!   beside it.
//! - [`Pipe`], between runner and worker: a stream of frames, each a length and that many bytes.

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

/// The most descriptors beside one message.
pub(crate) const MOST_FDS: usize = 34;

/// The longest message: it contains two paths.
const LONGEST: usize = 64 * 1024;

/// What came over a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<T> {
    /// A message.
    Message(T),
    /// Nothing at present.
    Nothing,
    /// The other end is closed; a message that was cut short is dropped.
    End,
}

/// Sends a few bytes with descriptors, of which the other side gets copies. Does not wait for room.
///
/// # Errors
///
/// When there is no room in the socket (`WouldBlock`), or the other end is closed.
pub fn try_send_with_fds(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    send(socket, bytes, fds, SendFlags::DONTWAIT)
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>], flags: SendFlags) -> io::Result<()> {
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

/// A message with the descriptors beside it.
pub(crate) type WithFds<T> = (T, Vec<OwnedFd>);

/// One end of the socket between runner and launcher.
#[derive(Debug)]
pub(crate) struct Control {
    socket: OwnedFd,
    /// Receives messages. It is kept, or every stage of the launcher would pay for its pages again.
    buffer: RefCell<Vec<u8>>,
}

impl Control {
    /// Creates both ends.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self::new(ours), theirs))
    }

    /// Takes over an end.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { socket: fd, buffer: RefCell::new(vec![0; LONGEST]) }
    }

    /// Closes this end in a copy of the process, and keeps the buffer.
    ///
    /// To free it would have the allocator write to many pages, of which the copy gets its own.
    pub(crate) fn close_in_copy(self) {
        drop(self.socket);
        std::mem::forget(self.buffer);
    }

    /// Returns a descriptor that is readable when there is a message.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a message with descriptors; waits for room.
    pub(crate) fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(self.socket.as_fd(), &serde_json::to_vec(message)?, fds, SendFlags::empty())
    }

    /// Sends a message with descriptors; `WouldBlock` when there is no room.
    pub(crate) fn try_send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(self.socket.as_fd(), &serde_json::to_vec(message)?, fds, SendFlags::DONTWAIT)
    }

    /// Waits for the next message; `None` when the other end is closed.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<WithFds<T>>> {
        match self.receive_with(RecvFlags::empty())? {
            Received::Message(message) => Ok(Some(message)),
            Received::Nothing | Received::End => Ok(None),
        }
    }

    /// Takes the next message without waiting.
    pub(crate) fn try_receive<T: DeserializeOwned>(&self) -> io::Result<Received<WithFds<T>>> {
        self.receive_with(RecvFlags::DONTWAIT)
    }

    fn receive_with<T: DeserializeOwned>(&self, flags: RecvFlags) -> io::Result<Received<WithFds<T>>> {
        let mut bytes = self.buffer.borrow_mut();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let received = loop {
            match recvmsg(&self.socket, &mut [io::IoSliceMut::new(&mut bytes)], &mut ancillary, flags) {
                Ok(received) => break received.bytes,
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok(Received::End),
                Err(Errno::AGAIN) => return Ok(Received::Nothing),
                Err(error) => return Err(error.into()),
            }
        };
        if received == 0 {
            return Ok(Received::End);
        }
        let fds = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        Ok(Received::Message((serde_json::from_slice(&bytes[..received])?, fds)))
    }
}

/// The longest frame. A longer one is not greenroom's: it must not make the runner wait, or grow.
const LONGEST_FRAME: usize = 64 << 20;

/// Bytes of a stream that are not taken yet, from which whole frames are cut.
#[derive(Debug, Default)]
pub(crate) struct Frames(Vec<u8>);

/// What [`Frames`] begin with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A frame.
    Whole(Vec<u8>),
    /// The beginning of a frame, or nothing.
    Part,
    /// A frame that is too long to be one, with its first bytes.
    TooLong(Vec<u8>),
}

impl Frames {
    /// Adds bytes as they came.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Takes the next frame, if all of it is there.
    pub(crate) fn next(&mut self) -> Frame {
        let Some((length, rest)) = self.0.split_first_chunk::<4>() else { return Frame::Part };
        let length = u32::from_ne_bytes(*length) as usize;
        if length > LONGEST_FRAME {
            return Frame::TooLong(std::mem::take(&mut self.0));
        }
        let Some(frame) = rest.get(..length).map(<[u8]>::to_vec) else { return Frame::Part };
        self.0.drain(..4 + length);
        Frame::Whole(frame)
    }
}

/// One end of the socket between runner and worker.
#[derive(Debug)]
pub(crate) struct Pipe {
    stream: UnixStream,
    frames: Frames,
    /// Whether what follows on the stream cannot be cut into frames.
    out_of_step: bool,
}

impl Pipe {
    /// Takes over an end.
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self { stream, frames: Frames::default(), out_of_step: false }
    }

    /// Returns a descriptor that is readable when there is a frame.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Returns the stream.
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

    /// Waits for one frame; `None` at the end of the stream.
    ///
    /// Reads not a byte beyond it, so that a poll of the stream sees what comes next.
    pub(crate) fn wait_for_one(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut rest = vec![0; u32::from_ne_bytes(length) as usize];
        self.stream.read_exact(&mut rest).ok()?;
        Some(rest)
    }

    /// Takes the next frame; does not wait if the stream does not block.
    pub(crate) fn receive(&mut self) -> Received<Vec<u8>> {
        loop {
            if self.out_of_step {
                return Received::End;
            }
            match self.frames.next() {
                Frame::Whole(frame) => return Received::Message(frame),
                Frame::TooLong(start) => {
                    self.out_of_step = true;
                    return Received::Message(start);
                }
                Frame::Part => {}
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Received::End,
                Ok(read) => self.frames.extend(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Received::Nothing,
                Err(_) => return Received::End,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_from_a_stream_however_it_arrives() {
        let mut bytes = 3u32.to_ne_bytes().to_vec();
        bytes.extend_from_slice(b"one");
        bytes.extend_from_slice(&0u32.to_ne_bytes());
        let mut frames = Frames::default();
        let mut taken = Vec::new();
        for byte in bytes {
            frames.extend(&[byte]);
            if let Frame::Whole(frame) = frames.next() {
                taken.push(frame);
            }
        }
        assert_eq!(taken, [b"one".to_vec(), Vec::new()]);
        frames.extend(&[0xff; 5]);
        assert_eq!(frames.next(), Frame::TooLong(vec![0xff; 5]));
    }
}
