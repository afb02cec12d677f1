//! A host that has loaded its files once for many scenarios: each gets a copy of it.
//!
//! The launcher starts it, outside of all stages, which it can enter; so it is of use only where stages are namespaces. What it says
//! first, `ready`, stays unread in its socket, where every worker can look at it. Orders for copies are single messages and are
//! answered on the copy's own socket, so that workers need not know of one another.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use greenroom_sandbox::process::{Process, Program};
use rustix::net::RecvFlags;
use serde_json::{Value, json};

use super::{HostProgram, PROTOCOL, parse};
use crate::step::Failure;

/// Such a host, as the launcher holds it and as the stages see it.
#[derive(Debug)]
pub struct WarmHost {
    /// Not dropped by itself, which would kill it: stages have copies of this memory, and must not end what is in it.
    process: ManuallyDrop<Process>,
    line: UnixStream,
    /// The process that started it, and that ends it.
    owner: u32,
}

impl WarmHost {
    /// Starts it, and returns while it loads its files.
    pub fn start(of: &HostProgram, source_directory: &Path) -> Result<Self, Failure> {
        let (line, theirs) = UnixStream::pair()?;
        // Should loading fail, a host of its own will tell the scenario that needs it.
        let nowhere = File::options().write(true).open("/dev/null")?;
        let loading = of.loading.clone();
        let process = of.execute(&theirs, &of.path, source_directory, loading, &nowhere, Program::start_attached)?;
        let mut host = Self { process: ManuallyDrop::new(process), line, owner: std::process::id() };
        super::line::send(&mut host.line, &of.hello(source_directory, true))?;
        Ok(host)
    }

    /// Readable once it is known whether it can be copied.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// Whether it can be copied; none as long as that is not known.
    pub fn can_be_copied(&self) -> Option<bool> {
        let mut head = [0; 4096];
        let (read, _) = match rustix::net::recv(&self.line, &mut head, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok(read) => read,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return None,
            Err(_) => return Some(false),
        };
        // It is short, and said at once.
        let line = head[..read].split(|&byte| byte == b'\n').next().unwrap_or_default();
        let ready = parse(line).filter(|(kind, _)| kind == "ready").map(|(_, ready)| ready);
        let can = |ready: Value| {
            let protocol = ready.get("protocol").and_then(Value::as_u64);
            protocol == Some(PROTOCOL) && ready.get("can_fork").and_then(Value::as_bool) == Some(true)
        };
        Some(ready.is_some_and(can))
    }

    /// Has it make a copy in this stage, which writes to `output`, and of which the socket's other end is `theirs`. Whether it was
    /// told to: what comes of it is said on that socket.
    pub(super) fn copy(&self, theirs: &UnixStream, output: &File) -> bool {
        let Ok(namespaces) = greenroom_sandbox::namespaces() else { return false };
        let mut uses = vec!["host", "output"];
        uses.extend(namespaces.iter().map(|_| "namespace"));
        let mut message = json!({"fork": {"descriptors": uses}}).to_string();
        message.push('\n');
        let mut descriptors = vec![theirs.as_fd(), output.as_fd()];
        descriptors.extend(namespaces.iter().map(AsFd::as_fd));
        greenroom_sandbox::try_send_with_fds(self.line.as_fd(), message.as_bytes(), &descriptors).is_ok()
    }

    /// It does not do what it is told to: nobody is to try again, in no stage.
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
