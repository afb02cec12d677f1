//! Retries system calls that fail for lack of something that is about to be released.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};

/// How long such calls are retried.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Whether an error may pass.
///
/// Namespaces are taken down in the background, and count against their quota until then.
pub(crate) fn may_pass(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM | libc::ENOSPC))
}

/// Whether an error says that something is used up, by its number.
pub(crate) fn is_scarce(errno: i32) -> bool {
    matches!(errno, libc::EAGAIN | libc::ENOMEM | libc::ENOSPC | libc::EMFILE | libc::ENFILE)
}

/// Repeats a call while its error may pass.
pub(crate) fn patiently<T>(call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    patiently_until(Instant::now() + PATIENCE, call)
}

/// Repeats a call while its error may pass, until a moment.
pub(crate) fn patiently_until<T>(until: Instant, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if may_pass(&error) && Instant::now() < until => {
                // The kernel has no event for it: look again in 10 ms.
                let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
            }
            other => return other,
        }
    }
}
