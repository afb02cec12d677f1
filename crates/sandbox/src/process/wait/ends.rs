//! Records the moments at which processes end, whatever is being waited for.

use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};

/// Processes that have not ended, each with the place where its end is recorded.
#[derive(Debug, Default)]
pub(super) struct Ends(Vec<(Arc<OwnedFd>, Arc<OnceLock<Instant>>)>);

impl Ends {
    /// From now on, records in `end` when `pidfd` becomes readable.
    pub(super) fn record(&mut self, pidfd: Arc<OwnedFd>, end: Arc<OnceLock<Instant>>) {
        self.0.push((pidfd, end));
    }

    /// Returns what has to be polled.
    pub(super) fn polled(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.0.iter().map(|(pidfd, _)| PollFd::new(pidfd, PollFlags::IN))
    }

    /// Takes the results of a poll, in the order of [`Ends::polled`].
    pub(super) fn take(&mut self, ended: Vec<bool>, now: Instant) {
        let mut ended = ended.into_iter();
        self.0.retain(|(_, end)| {
            let ended = ended.next() == Some(true);
            ended.then(|| end.set(now));
            !ended
        });
    }
}
