//! A socket to which a daemon reports how it is doing, as `sd_notify(3)` describes it.
//!
//! The socket is abstract: it needs no file that a daemon under another user could not reach, and its
//! address is never too long. A thread receives what comes, so that a daemon never waits for a place
//! in the queue. Who sent a report does not matter: only the daemon and what it starts know the
//! socket. Descriptors that come along are closed at once.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A socket for the reports of one daemon.
#[derive(Debug)]
pub struct NotifySocket {
    address: String,
    socket: UnixDatagram,
    reports: Arc<Mutex<Reports>>,
    is_closed: Arc<AtomicBool>,
}

/// What a daemon has reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// Whether it has reported to be ready, and has not begun to reload since.
    pub is_ready: bool,
    /// Whether it has reported that it ends.
    pub is_stopping: bool,
    /// The latest status.
    pub status: Option<String>,
    /// The process that it says to be its main one.
    pub main: Option<i32>,
    /// Whether it has reported anything.
    pub any: bool,
}

impl NotifySocket {
    /// Creates a socket for a daemon of this name.
    ///
    /// # Errors
    ///
    /// When there is no socket or no thread left.
    pub fn new(name: &str) -> io::Result<Self> {
        static USED: AtomicU64 = AtomicU64::new(0);
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let number = USED.fetch_add(1, Ordering::Relaxed);
        // On a shared network, other runs have such sockets too. An address has at most 107 bytes.
        let name: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
        let address = format!("greenroom/{}-{}{:09}-{number}/{name}", std::process::id(), now.tv_sec, now.tv_nsec);
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&address)?)?;
        let (reports, is_closed) = (Arc::<Mutex<Reports>>::default(), Arc::<AtomicBool>::default());
        let (receiver, shared, closed) = (socket.try_clone()?, Arc::clone(&reports), Arc::clone(&is_closed));
        thread::Builder::new().name("greenroom-notify".to_owned()).spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while !closed.load(Ordering::Relaxed) {
                match receiver.recv(&mut buffer) {
                    Ok(length) => lock(&shared).take(&String::from_utf8_lossy(&buffer[..length])),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        })?;
        Ok(Self { address: format!("@{address}"), socket, reports, is_closed })
    }

    /// Returns the value for `NOTIFY_SOCKET`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns what the daemon has reported so far.
    pub fn reports(&self) -> Reports {
        lock(&self.reports).clone()
    }
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

fn lock(reports: &Mutex<Reports>) -> MutexGuard<'_, Reports> {
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reports {
    /// Takes a message into account: lines of the form `NAME=VALUE`.
    fn take(&mut self, message: &str) {
        for (name, value) in message.lines().filter_map(|line| line.split_once('=')) {
            self.any = true;
            match (name, value) {
                ("READY", "1") => self.is_ready = true,
                ("RELOADING", "1") => self.is_ready = false,
                ("STOPPING", "1") => self.is_stopping = true,
                ("STATUS", status) => self.status = Some(status.to_owned()),
                ("MAINPID", pid) => self.main = pid.parse().ok().filter(|&pid| pid > 0).or(self.main),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::Watch;

    #[test]
    fn what_is_reported_is_kept() {
        let mut reports = Reports::default();
        reports.take("STATUS=Loading 3 of 4\nX=1");
        reports.take("READY=1\nMAINPID=12\nnonsense");
        let status = Some("Loading 3 of 4".to_owned());
        let wanted = Reports { is_ready: true, status, main: Some(12), any: true, ..Reports::default() };
        assert_eq!(reports, wanted);
        reports.take("MAINPID=-1\nRELOADING=1\nSTATUS=");
        assert_eq!((reports.is_ready, reports.main, reports.status.as_deref()), (false, Some(12), Some("")));
    }

    #[test]
    fn more_reports_than_a_queue_holds_arrive() {
        let socket = NotifySocket::new("a b/c").unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let name = socket.address().strip_prefix('@').unwrap();
        let address = SocketAddr::from_abstract_name(name).unwrap();
        for number in 0..2000 {
            sender.send_to_addr(format!("STATUS={number}").as_bytes(), &address).unwrap();
        }
        let last = || (socket.reports().status.as_deref() == Some("1999")).then_some(());
        assert_eq!(Watch::new().until("reports", Duration::from_mins(1), &[], last), Ok(Some(())));
    }
}
