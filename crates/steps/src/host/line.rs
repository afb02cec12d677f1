//! Lines of messages on a stream.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use serde_json::Value;

/// The longest message, in bytes.
const LONGEST: usize = 256 << 20;

/// Sends a message.
pub(super) fn send(stream: &mut UnixStream, message: &Value) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// One end of a host's stream.
#[derive(Debug)]
pub(super) struct Lines {
    stream: UnixStream,
    read: Vec<u8>,
    /// How much of `read` has been searched for the end of a line.
    looked: usize,
    over: bool,
    /// The number of the process that everything must come from, once it is known.
    sender: Option<i32>,
    /// The number of the process that the latest piece came from.
    latest: Option<i32>,
    /// Another process that has written something.
    intruder: Option<i32>,
}

impl Lines {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        // A host that does not read does not answer.
        stream.set_write_timeout(Some(std::time::Duration::from_secs(10)))?;
        // Where that is not possible, only numbers protect replies.
        let _ = greenroom_sandbox::name_senders(stream.as_fd());
        Ok(Self { stream, read: Vec::new(), looked: 0, over: false, sender: None, latest: None, intruder: None })
    }

    /// From now on everything must come from the process that the latest message came from.
    pub(super) fn pin_sender(&mut self) {
        self.sender = self.latest;
    }

    /// The number of another process that has written something.
    pub(super) fn intruder(&self) -> Option<i32> {
        self.intruder
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether the other end is closed and everything that it sent has been taken.
    pub(super) fn is_over(&self) -> bool {
        self.over && self.read.is_empty()
    }

    /// Whether the other end is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.over
    }

    pub(super) fn send(&mut self, message: &Value) -> io::Result<()> {
        send(&mut self.stream, message)
    }

    /// Closes the stream for sending.
    pub(super) fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Takes the next line, without its end, if it is complete; fails if it is too long.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(at) = self.read[self.looked..].iter().position(|&byte| byte == b'\n') {
            let rest = self.read.split_off(self.looked + at + 1);
            let mut line = std::mem::replace(&mut self.read, rest);
            line.pop();
            self.looked = 0;
            return Ok(Some(line));
        }
        self.looked = self.read.len();
        if self.looked > LONGEST { Err(io::ErrorKind::InvalidData.into()) } else { Ok(None) }
    }

    /// What has been read and not taken, up to the end of the first line, if there is anything.
    pub(super) fn peek(&self) -> Option<&[u8]> {
        self.read.split(|&byte| byte == b'\n').next().filter(|_| !self.read.is_empty())
    }

    /// Reads what has arrived; returns whether that was anything, or the end.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        match greenroom_sandbox::receive_from(self.stream.as_fd(), &mut buffer) {
            Ok((0, _)) => self.over = true,
            Ok((read, sender)) => {
                let piece = &buffer[..read];
                // The process that reports the end of a copy is another one.
                if sender != self.sender && self.sender.is_some() && !piece.starts_with(b"{\"ended\"") {
                    self.intruder = self.intruder.or(sender);
                }
                self.latest = sender;
                self.read.extend_from_slice(piece);
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}
