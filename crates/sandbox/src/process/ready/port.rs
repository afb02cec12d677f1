//! Readiness: a process listens on a TCP port.

use std::fmt;
use std::time::Duration;

use super::readiness::Readiness;
use crate::process::ports::{Listener, Listeners};
use crate::process::table;

/// Is met when there is a listening TCP socket. No connection is made.
#[derive(Debug)]
pub struct Port {
    listeners: Listeners,
    wanted: Wanted,
    owner: Owner,
}

/// Which ports count.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Any,
    Port(u16),
}

/// Whose sockets count.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Any,
    DescendantOf(i32),
}

impl Port {
    /// Creates the condition for this port, on any address and of any process.
    pub fn new(port: u16) -> Self {
        Self { listeners: Listeners::new(), wanted: Wanted::Port(port), owner: Owner::Any }
    }

    /// Creates the condition for any port.
    pub fn any() -> Self {
        Self { listeners: Listeners::new(), wanted: Wanted::Any, owner: Owner::Any }
    }

    /// Counts only sockets that are open in a descendant of this process.
    #[must_use]
    pub fn of_descendants(mut self, pid: i32) -> Self {
        self.owner = Owner::DescendantOf(pid);
        self
    }

    /// Returns the list of listening sockets that it looks at.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wanted {
            Wanted::Any => f.write_str("a port"),
            Wanted::Port(port) => write!(f, "port {port}"),
        }
    }
}

impl Readiness for Port {
    type Found = Listener;

    fn look(&mut self, _: Duration) -> Option<Listener> {
        let candidates = match self.wanted {
            Wanted::Any => self.listeners.all(),
            Wanted::Port(port) => self.listeners.on_port(port),
        };
        match self.owner {
            Owner::Any => candidates.into_iter().next(),
            Owner::DescendantOf(_) if candidates.is_empty() => None,
            Owner::DescendantOf(pid) => {
                let sockets = table::sockets_of(table::descendants(pid));
                let own = candidates.into_iter().filter(|listener| sockets.contains(&listener.inode));
                own.min_by_key(Listener::target)
            }
        }
    }

    fn unmet(&self) -> String {
        format!("{self} was not opened")
    }
}
