//! Turns at a port of a network that scenarios share.
//!
//! Of the scenarios that name the same port, also those of other runs, one runs at a time.
//!
//! A turn is a listening Unix socket whose abstract name contains the port. Such names are per
//! network namespace, as ports are, and the kernel releases one when its last holder has ended,
//! however that happened: no lock file of a dead run can be in the way. A waiting
//! process has connected to the socket, and sees the connection end with the turn.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};

/// The right to use a port. It ends when every copy of its descriptor is closed.
#[derive(Debug)]
pub struct Turn(OwnedFd);

impl Turn {
    /// Takes the turn at a port, without waiting.
    ///
    /// # Errors
    ///
    /// When there is no socket for it, or its name is used by something that is not a turn.
    pub fn take(port: u16) -> io::Result<Take> {
        let address = SocketAddrUnix::new_abstract_name(format!("greenroom-port-{port}").as_bytes())?;
        let socket = || {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        };
        for _ in 0..TRIES {
            let own = socket()?;
            match bind(&own, &address) {
                Ok(()) => {
                    // As many can wait as the kernel allows.
                    listen(&own, i32::MAX)?;
                    return Ok(Take::Mine(Self(own)));
                }
                Err(Errno::ADDRINUSE) => {}
                Err(error) => return Err(error.into()),
            }
            let waiting = socket()?;
            match connect(&waiting, &address) {
                Ok(()) => return Ok(Take::Others(Waiting(waiting))),
                // It was released in between; or its holder does not listen yet, which takes
                // microseconds.
                Err(Errno::CONNREFUSED) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::ADDRINUSE.into())
    }
}

/// A holder of the name that never listens is not a turn.
const TRIES: u32 = 1000;

impl From<Turn> for OwnedFd {
    fn from(turn: Turn) -> Self {
        turn.0
    }
}

/// The result of [`Turn::take`].
#[derive(Debug)]
pub enum Take {
    /// We have the turn.
    Mine(Turn),
    /// Another scenario has it.
    Others(Waiting),
}

/// A wait for the end of another scenario's turn.
#[derive(Debug)]
pub struct Waiting(OwnedFd);

impl Waiting {
    /// Returns a descriptor that is readable once the turn has ended.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
