//! Stops the run when the program that started it is gone: Cargo or nextest, however it ended.
//!
//! A test whose runner was killed would otherwise go on, with nobody to read its result.

use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, Signal, getpid, getppid, kill_process, pidfd_open};

/// Has this process get SIGTERM when its parent ends.
///
/// The kernel's own signal for that would come when the thread of the parent ends that started this
/// process.
pub(super) fn follow() {
    let Some(parent) = getppid() else { return };
    let Ok(pidfd) = pidfd_open(parent, PidfdFlags::empty()) else { return };
    // Before the descriptor was there, the number could pass on.
    if getppid() != Some(parent) {
        return;
    }
    let wait = move || {
        let mut ended = [PollFd::new(&pidfd, PollFlags::IN)];
        while poll(&mut ended, None).is_err() {}
        let _ = kill_process(getpid(), Signal::TERM);
    };
    // Without a thread the run only lasts longer than its parent.
    let _ = thread::Builder::new().name("parent".to_owned()).spawn(wait);
}
