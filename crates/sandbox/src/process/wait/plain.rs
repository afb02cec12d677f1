//! Plain waits, for cleaning up: only their own limit ends them.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clock::{Clock, PULSE};
use super::look::{self, Poller};

/// A limit that is practically none, and safe to add to a moment.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Waits until one of `fds` is readable or hung up; `false` when `until` comes first.
pub(crate) fn readable(fds: &[BorrowedFd<'_>], until: Instant) -> bool {
    let mut plain = Plain { clock: Clock::new() };
    loop {
        let Ok(readable) = plain.readable_by(fds, until + plain.clock.lost());
        if readable || Instant::now() >= until + plain.lost() {
            return readable;
        }
    }
}

/// Waits for a descriptor that becomes readable at an end; `false` when `limit` passes first.
pub(crate) fn end_of(fd: impl AsFd, limit: Duration) -> bool {
    readable(&[fd.as_fd()], Instant::now() + limit.min(LONGEST))
}

/// Looks until `look` finds something; `None` when `limit` passes first. `fds` wake the wait early.
pub(crate) fn until<T>(limit: Duration, fds: &[BorrowedFd<'_>], look: impl FnMut() -> Option<T>) -> Option<T> {
    match look::until(&mut Plain { clock: Clock::new() }, limit.min(LONGEST), fds, look) {
        Ok(found) => found,
    }
}

struct Plain {
    clock: Clock,
}

impl Poller for Plain {
    type Error = Infallible;

    fn readable_by(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, Infallible> {
        loop {
            let begun = Instant::now();
            let pause = until.saturating_duration_since(begun).min(PULSE);
            let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            let timeout = Timespec::try_from(pause).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            // An error is EINTR or a lack of memory; in both cases waiting on is right.
            let _ = poll(&mut polled, Some(&timeout));
            let now = Instant::now();
            let ready = polled.iter().any(|fd| !fd.revents().is_empty());
            let excess = now.saturating_duration_since(begun).saturating_sub(pause);
            if Clock::matters(excess) {
                self.clock.account(excess);
            }
            if ready {
                return Ok(true);
            }
            if now >= until {
                return Ok(false);
            }
        }
    }

    fn lost(&mut self) -> Duration {
        self.clock.account(Duration::ZERO);
        self.clock.lost()
    }

    fn has_waited(&mut self, _: Duration) {}
}
