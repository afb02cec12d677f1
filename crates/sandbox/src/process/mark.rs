//! Marks, by which the descendants of a daemon are known wherever they have gone.
//!
//! A daemon that goes into the background gets another parent, process group and session, often
//! closes its outputs, and may overwrite its environment. What it keeps are its resource limits. One
//! of them has had no effect since Linux 2.4.25: that on file locks. A daemon starts with a soft
//! limit of its own there, which it hands down, and which everyone may read in `/proc`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::table;

/// A value of the limit that no other process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    /// Returns a mark that was not used before; `None` if this process may not set any.
    fn new() -> Option<Self> {
        static FIRST: OnceLock<u64> = OnceLock::new();
        static USED: AtomicU64 = AtomicU64::new(0);
        // Not infinite, and different for runs inside of scenarios.
        let first = FIRST.get_or_init(|| {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            let nanoseconds =
                now.tv_sec.unsigned_abs().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.unsigned_abs());
            (1 << 62) | (nanoseconds << 12 & ((1 << 62) - 1))
        });
        let used = USED.fetch_add(1, Ordering::Relaxed);
        match getrlimit(Resource::Locks).maximum {
            None => Some(Self(first + used)),
            Some(most) => most.checked_sub(1 + used).filter(|&mark| mark > 1 << 20).map(Self),
        }
    }

    /// Runs `start`, whose child processes get a new mark, which is returned with its result.
    pub(super) fn put_on<R>(start: impl FnOnce() -> R) -> (Option<Self>, R) {
        let before = getrlimit(Resource::Locks);
        let mark = Self::new().filter(|mark| {
            setrlimit(Resource::Locks, Rlimit { current: Some(mark.0), maximum: before.maximum }).is_ok()
        });
        let result = start();
        if mark.is_some() {
            let _ = setrlimit(Resource::Locks, before);
        }
        (mark, result)
    }

    /// Whether a process has this mark.
    pub(super) fn is_on(self, pid: i32) -> bool {
        table::soft_limit(pid, "Max file locks") == Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_on_what_was_started_with_it_and_on_nothing_else() {
        let own = i32::try_from(std::process::id()).unwrap();
        let before = getrlimit(Resource::Locks);
        let (first, on_this) = Mark::put_on(|| table::soft_limit(own, "Max file locks"));
        let first = first.unwrap();
        assert_eq!(on_this, Some(first.0));
        assert_eq!(getrlimit(Resource::Locks), before);
        assert!(!first.is_on(own));
        let (second, ()) = Mark::put_on(|| ());
        assert_ne!(second, Some(first));
    }
}
