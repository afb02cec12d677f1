//! Readiness: a Unix socket accepts connections.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::SocketAddrUnix;

use super::readiness::Readiness;
use crate::process::unix_socket::{connect, connect_to_path};

/// Is met when a Unix socket accepts a connection. One connection is made, and closed at once.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// The name of an abstract socket, which counts if there is no file.
    abstract_name: Option<Vec<u8>>,
    name: String,
    latest: Option<io::Error>,
}

impl Socket {
    /// Creates the condition. Without [`Socket::shown_as`], messages show the path.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self { name: path.display().to_string(), abstract_name: None, path, latest: None }
    }

    /// Looks for an abstract socket of this name where the path does not exist.
    #[must_use]
    pub fn or_abstract(mut self, name: &[u8]) -> Self {
        self.abstract_name = Some(name.to_owned());
        self
    }

    /// Sets the name that messages show.
    #[must_use]
    pub fn shown_as(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Connects, without waiting for a place in the socket's queue.
    fn connect(&self) -> io::Result<()> {
        let connected = match &self.abstract_name {
            Some(name) if !self.path.exists() => connect(&SocketAddrUnix::new_abstract_name(name)?),
            _ => connect_to_path(&self.path),
        };
        connected.map(drop)
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}", self.name)
    }
}

impl Readiness for Socket {
    type Found = ();

    fn look(&mut self, _: Duration) -> Option<()> {
        self.latest = self.connect().err();
        self.latest.is_none().then_some(())
    }

    fn unmet(&self) -> String {
        format!("socket {} did not accept a connection", self.name)
    }

    fn latest(&self) -> Option<String> {
        self.latest.as_ref().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn an_abstract_socket_has_no_file() {
        let name = format!("greenroom-ready-{}", std::process::id());
        let mut socket = Socket::new(format!("/no/such/@{name}")).or_abstract(name.as_bytes());
        assert_eq!(socket.look(Duration::ZERO), None);
        let address = <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(&name);
        let _listener = UnixListener::bind_addr(&address.unwrap()).unwrap();
        assert_eq!(socket.look(Duration::ZERO), Some(()));
    }

    #[test]
    fn a_socket_is_found_once_it_listens_however_long_its_path_is() {
        let room = tempfile::tempdir().unwrap();
        let deep = room.path().join("d".repeat(120));
        let mut socket = Socket::new(deep.join("socket"));
        assert_eq!(socket.look(Duration::ZERO), None);
        assert_eq!(socket.latest().as_deref(), Some("No such file or directory (os error 2)"));
        std::fs::create_dir(&deep).unwrap();
        let listener = UnixListener::bind(room.path().join("socket")).unwrap();
        std::fs::rename(room.path().join("socket"), deep.join("socket")).unwrap();
        assert_eq!((socket.look(Duration::ZERO), socket.latest()), (Some(()), None));
        drop(listener);
        assert_eq!(socket.look(Duration::ZERO), None);
        assert_eq!(socket.latest().as_deref(), Some("Connection refused (os error 111)"));
    }
}
