//! The stream of bytes of an exchange: a socket, with or without TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::epoll::EventFlags;

use super::connection::Socket;
use super::error::HttpError;

/// A socket, with or without TLS. Nothing blocks.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, Socket>>),
}

impl Stream {
    /// Returns what to wait for before reading and, if something is left to send, writing.
    pub(super) fn interest(&self, is_sending: bool) -> EventFlags {
        let writes = match self {
            Self::Plain(_) => is_sending,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.conn.wants_write() || is_sending && !stream.conn.is_handshaking(),
        };
        if writes { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
    }

    /// Whether TLS is not agreed on yet.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.conn.is_handshaking(),
        }
    }

    /// Reads; no bytes are the end, also where TLS was not ended properly.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => match stream.read(buffer) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }

    /// Writes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    /// Sends what was written and is still here.
    #[cfg(feature = "websocket")]
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Plain(socket) => socket.as_fd(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.sock.as_fd(),
        }
    }
}

/// Says why reading or writing failed.
pub(super) fn explain(error: io::Error) -> HttpError {
    #[cfg(feature = "tls")]
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref()) {
        return super::tls::explain(error);
    }
    match error.kind() {
        ErrorKind::UnexpectedEof => HttpError::NoAnswer,
        _ => HttpError::Lost(error),
    }
}
