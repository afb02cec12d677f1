//! The one connection that is made to a daemon once its port is open.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, Shutdown, SocketFlags, SocketType, connect, recv, shutdown, socket_with};

use super::ports::Listener;
use super::service::Service;
use super::wait::{WaitError, Watch};

/// A server that does nothing for this long does nothing about the connection.
const IDLE: Duration = Duration::from_millis(4);
/// The longest time that a server has.
const LIMIT: Duration = Duration::from_secs(1);

/// Makes exactly one connection to a listener of `service` and waits until the server has handled
/// it.
///
/// Our half is closed at once. Documents rely on this connection: scripts accept one connection,
/// print something, and end because it was closed. If we closed the other half at once too, the
/// next step, perhaps the script's end, would come before the script has printed. So the wait ends
/// when
///
/// - the server has closed its side or has ended,
/// - no process of the server has had anything to do for 4 ms,
/// - or a second has passed.
///
/// # Errors
///
/// When the wait is cut short.
pub fn greet(watch: &mut Watch, service: &Service, listener: &Listener) -> Result<(), WaitError> {
    let address = listener.target();
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let Ok(socket) = socket_with(family, SocketType::STREAM, flags, None) else {
        return Ok(());
    };
    let begun = Instant::now();
    // On loopback the handshake is done when connect returns; only a full backlog leaves it in
    // progress.
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(_) => return Ok(()),
    }
    let _ = shutdown(&socket, Shutdown::Write);
    let mut quiet_since: Option<Instant> = None;
    let mut buffer = vec![0; 4096];
    while begun.elapsed() < LIMIT {
        let fds = [socket.as_fd(), service.pidfd()];
        if watch.readable(&fds, Instant::now() + Duration::from_millis(1))? {
            match recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()) {
                // The server says something first: read all of it, it may still close.
                Ok((read, _)) if read > 0 => {}
                // Closed; or nothing to read, so it was the pidfd.
                _ => return Ok(()),
            }
        }
        if service.is_busy() {
            quiet_since = None;
        } else if quiet_since.get_or_insert_with(Instant::now).elapsed() >= IDLE {
            return Ok(());
        }
    }
    Ok(())
}
