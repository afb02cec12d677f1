//! Turns at a port of a network that scenarios share: of those that name the same port, also of other runs, one at a time.
//!
//! A turn is a listening Unix socket whose abstract name has the port in it. Such names are per network namespace, as ports
//! are, and the kernel gives one back when its last holder has ended, however that was: no lock file of a dead run can be in
//! the way. Who waits has connected to it, and sees the connection end with the turn.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};

/// The right to use a port; over when every copy of its descriptor is closed.
#[derive(Debug)]
pub struct Turn(OwnedFd);

impl Turn {
    /// Takes the turn at a port, without waiting.
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
                    // As many can wait as the kernel lets.
                    listen(&own, i32::MAX)?;
                    return Ok(Take::Mine(Self(own)));
                }
                Err(Errno::ADDRINUSE) => {}
                Err(error) => return Err(error.into()),
            }
            let waiting = socket()?;
            match connect(&waiting, &address) {
                Ok(()) => return Ok(Take::Others(Waiting(waiting))),
                // It came free in between; or its holder has not come to listen yet, which takes it microseconds.
                Err(Errno::CONNREFUSED) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::ADDRINUSE.into())
    }
}

/// Somebody who has the name and never listens is not one of us.
const TRIES: u32 = 1000;

impl From<Turn> for OwnedFd {
    fn from(turn: Turn) -> Self {
        turn.0
    }
}

/// What [`Turn::take`] came to.
#[derive(Debug)]
pub enum Take {
    /// It is ours.
    Mine(Turn),
    /// Somebody else has it.
    Others(Waiting),
}

/// Waiting for somebody else's turn to end.
#[derive(Debug)]
pub struct Waiting(OwnedFd);

impl Waiting {
    /// Readable once the turn is over.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
