//! A warm host: it has loaded its files once, and each scenario gets a copy of it.
//!
//! The launcher starts it outside of all stages. It enters them, so it is used only where stages
//! are namespaces. Its first message, `ready`, stays unread in its socket, where every worker can
//! look at it. Requests for copies are single messages, answered on the copy's own socket, so that
//! workers need not know of one another.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use greenroom_sandbox::process::{Neighbour, Process, Program};
use rustix::net::RecvFlags;
use serde_json::Value;

use super::line;
use super::number;
use super::program::HostProgram;
use super::protocol::{self, Message, Reply};
use crate::step::Failure;

/// Whether a warm host can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It still loads its files.
    Loading,
    /// It has loaded its files, and can be copied.
    Ready,
    /// It cannot be copied, or has ended.
    Unusable,
}

/// What a warm host that is ready can do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// The version of the protocol that it speaks.
    pub(super) protocol: u64,
    /// Whether it can enter a stage by one of its processes, and leaves it to us to see the ends of copies.
    can_fork_directly: bool,
}

/// A warm host, as the launcher holds it and as the stages see it.
#[derive(Debug)]
pub struct WarmHost {
    /// Dropped only by its owner, since that kills it: stages have copies of this memory.
    process: ManuallyDrop<Process>,
    line: UnixStream,
    /// The number of `hello`.
    number: String,
    /// The process that started it, and that ends it.
    owner: u32,
    /// Whether the kernel says how a copy has ended, though it is the child of another process.
    sees_ends: bool,
}

impl WarmHost {
    /// Starts it, and returns while it loads its files.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn start(of: &HostProgram, source_directory: &Path) -> Result<Self, Failure> {
        let (line, theirs) = UnixStream::pair()?;
        // If loading fails, the host of a scenario that needs it reports that.
        let nowhere = File::options().write(true).open("/dev/null")?;
        let loading = of.loading.clone();
        let process = of.execute(&theirs, &of.path, source_directory, loading, &nowhere, Program::start_attached)?;
        let number = number::new();
        let (owner, sees_ends) = (std::process::id(), Neighbour::status_is_known());
        let mut host = Self { process: ManuallyDrop::new(process), line, number, owner, sees_ends };
        let hello = protocol::hello(&of.language, &of.files, source_directory, protocol::Use::Copies);
        line::send(&mut host.line, &protocol::numbered(hello, &host.number))?;
        Ok(host)
    }

    /// A descriptor that is readable once `readiness` is no longer `Loading`.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// The host's process.
    pub(super) fn process(&self) -> Neighbour {
        self.process.to_neighbour()
    }

    /// Whether the host can be copied.
    pub fn readiness(&self) -> Readiness {
        self.abilities().map_or_else(|readiness| readiness, |_| Readiness::Ready)
    }

    /// What the host can do, or why it cannot be copied now.
    pub(super) fn abilities(&self) -> Result<Abilities, Readiness> {
        let mut head = [0; 4096];
        let (read, _) = match rustix::net::recv(&self.line, &mut head, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok(read) => read,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Err(Readiness::Loading),
            Err(_) => return Err(Readiness::Unusable),
        };
        // The message is short, and comes in one piece.
        let line = head[..read].split(|&byte| byte == b'\n').next().unwrap_or_default();
        let Some(Reply { message, request }) = Reply::parse(line) else { return Err(Readiness::Unusable) };
        match message {
            Message::Ready { protocol: Some(protocol::OLDEST), can_fork: true, .. } => {
                Ok(Abilities { protocol: protocol::OLDEST, can_fork_directly: false })
            }
            Message::Ready { protocol: Some(protocol::VERSION), can_fork: true, can_fork_directly }
                if request.as_ref() == Some(&self.number) =>
            {
                Ok(Abilities { protocol: protocol::VERSION, can_fork_directly })
            }
            _ => Err(Readiness::Unusable),
        }
    }

    /// Asks the host for a copy in this stage; returns whether that could be sent.
    ///
    /// The copy writes to `output` and talks over `theirs`, also about what went wrong.
    pub(super) fn copy(&self, abilities: Abilities, theirs: &UnixStream, output: &File) -> bool {
        if abilities.can_fork_directly
            && self.sees_ends
            && let Some((process, namespaces)) = greenroom_sandbox::process_of_stage()
        {
            let descriptors = [theirs.as_fd(), output.as_fd(), process.as_fd()];
            return self.request(&protocol::fork_directly(namespaces), &descriptors);
        }
        let Ok(namespaces) = greenroom_sandbox::namespaces() else { return false };
        let mut uses = vec!["host", "output"];
        uses.extend(namespaces.iter().map(|_| "namespace"));
        let mut descriptors = vec![theirs.as_fd(), output.as_fd()];
        descriptors.extend(namespaces.iter().map(AsFd::as_fd));
        self.request(&protocol::fork(&uses), &descriptors)
    }

    fn request(&self, message: &Value, descriptors: &[BorrowedFd<'_>]) -> bool {
        let message = format!("{message}\n");
        greenroom_sandbox::try_send_with_fds(self.line.as_fd(), message.as_bytes(), descriptors).is_ok()
    }

    /// Makes the host unusable, for all stages: it did not do what it was asked for.
    pub(super) fn give_up(&self) {
        let _ = self.line.shutdown(Shutdown::Both);
    }
}

impl Drop for WarmHost {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            self.process.kill_all();
        }
    }
}
