//! Repeats a look until it finds something.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Polls descriptors on behalf of [`until`].
pub(super) trait Poller {
    /// Why a wait can end early.
    type Error;

    /// Waits until a descriptor is readable (`true`) or the moment has come (`false`), even if this
    /// process could not run for a part of that time.
    fn readable_by(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, Self::Error>;

    /// Returns how long this process could not run, in all, up to now.
    fn lost(&mut self) -> Duration;

    /// Hears that the wait has lasted so long already.
    fn has_waited(&mut self, waited: Duration);
}

/// Looks until `look` finds something, or `limit` has passed (`Ok(None)`).
///
/// There is one more look after the limit, so that a machine that was asleep or busy does not turn
/// success into failure. `fds` wake the wait early.
pub(super) fn until<P: Poller, T>(
    poller: &mut P,
    limit: Duration,
    mut fds: &[BorrowedFd<'_>],
    mut look: impl FnMut() -> Option<T>,
) -> Result<Option<T>, P::Error> {
    let (begun, before) = (Instant::now(), poller.lost());
    loop {
        let mut end = begun + limit;
        // Before, it does not matter how much time was lost.
        if Instant::now() >= end {
            end += poller.lost().saturating_sub(before);
        }
        let last = Instant::now() >= end;
        if let Some(found) = look() {
            return Ok(Some(found));
        }
        if last {
            return Ok(None);
        }
        let waited = begun.elapsed();
        poller.has_waited(waited);
        if poller.readable_by(fds, (Instant::now() + pause_after(waited)).min(end))? {
            // A descriptor stays readable; polling it again would only make the loop spin.
            fds = &[];
        }
    }
}

/// The longest pause between looks in the first milliseconds of a wait.
const SHORT: Duration = Duration::from_micros(900);

/// Returns the pause before the next look of a wait that has lasted this long.
///
/// What is waited for is found at most 1 ms or 3 % of the time waited too late, whichever is more. Each
/// look wakes a processor, so there are no more of them than that takes.
fn pause_after(waited: Duration) -> Duration {
    // The first looks after a start are the ones that nearly succeed: look sooner.
    let first = (waited / 3).clamp(Duration::from_micros(100), SHORT);
    (waited / 36).clamp(first, Duration::from_millis(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_exact_and_few() {
        let (mut waited, mut looks) = (Duration::ZERO, 0);
        while waited < Duration::from_millis(50) {
            let pause = pause_after(waited);
            assert!(pause <= Duration::from_millis(1).max((waited + pause).mul_f64(0.03)), "{pause:?} at {waited:?}");
            waited += pause;
            looks += 1;
        }
        assert!(looks < 62, "{looks} looks");
        assert_eq!(pause_after(Duration::from_mins(1)), Duration::from_millis(10));
    }
}
