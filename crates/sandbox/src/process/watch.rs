//! The one loop in which everything waits.
//!
//! Nothing sleeps: a wait is a `poll` on what it waits for, on the order to stop, and on the time that is left. What the
//! kernel has no event for (a port that opens, a file that appears) is looked at again and again inside such a wait, at
//! first every half millisecond, then less often as the wait grows old, never less often than every 10 ms.
//!
//! No wait polls longer than 100 ms at a time. So it is noticed when this process has not run for a while, because somebody
//! has stopped it or the machine was asleep, and that while counts towards no limit.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process_group};

use crate::child::Child;
use crate::process::running::Process;
use crate::process::table;

/// Why a wait ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The step's (or the scenario's) own limit has passed.
    #[error("the time limit has passed")]
    Limit,
    /// The run is being stopped.
    #[error("interrupted")]
    Interrupted,
    /// Something has written more than it may.
    #[error("the output limit has been passed")]
    Output,
}

/// Called when a wait has lasted long enough to tell somebody: what for, and how long it may take.
type Announce = Box<dyn FnMut(&str, Duration)>;

/// Waits, with a limit above every single wait and an ear for the order to stop.
pub struct Watch {
    /// Readable or hung up when the run is being stopped.
    interrupt: Option<OwnedFd>,
    interrupted: bool,
    deadline: Option<Instant>,
    announce: Option<Announce>,
    /// What the latest wait was for.
    latest: String,
    cut: Option<Cut>,
    /// How long this process has not been running while it waited.
    lost: Duration,
    /// How many bytes an output may have.
    output_limit: Option<u64>,
    meters: Vec<Meter>,
    next_meter: u64,
}

/// Looks at how much is written to a file.
struct Meter {
    id: u64,
    what: String,
    file: File,
    /// The leader of the process group that writes, which ends when it has written too much.
    leader: Child,
}

/// Names a meter of [`Watch::meter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterId(u64);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("deadline", &self.deadline)
            .field("interrupted", &self.interrupted)
            .finish_non_exhaustive()
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch {
    /// A wait is announced after this long.
    const ANNOUNCE_AFTER: Duration = Duration::from_millis(200);
    /// One poll takes no longer.
    const PULSE: Duration = Duration::from_millis(100);
    /// What is written is looked at this often: at 2 GB/s, the most that has been seen, that is 20 MB.
    const METER_PULSE: Duration = Duration::from_millis(10);
    /// A poll that takes this much longer than it should has not been running.
    const LAPSE: Duration = Duration::from_millis(500);

    /// A watch without a limit that nobody interrupts.
    pub fn new() -> Self {
        Self {
            interrupt: None,
            interrupted: false,
            deadline: None,
            announce: None,
            latest: String::new(),
            cut: None,
            lost: Duration::ZERO,
            output_limit: None,
            meters: Vec::new(),
            next_meter: 0,
        }
    }

    /// Every wait ends with [`Cut::Interrupted`] once this descriptor is readable.
    #[must_use]
    pub fn interrupted_by(mut self, fd: OwnedFd) -> Self {
        self.interrupt = Some(fd);
        self
    }

    /// Long waits are told to this function.
    #[must_use]
    pub fn announcing(mut self, announce: impl FnMut(&str, Duration) + 'static) -> Self {
        self.announce = Some(Box::new(announce));
        self
    }

    /// Every wait ends with [`Cut::Limit`] at this moment, from now on.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// The moment at which waits are cut.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// From now on interruptions are not heeded: cleaning up must be possible after one. Limits still hold.
    pub fn ignore_interrupts(&mut self) {
        self.interrupt = None;
        self.interrupted = false;
        self.cut = None;
    }

    /// Whether a wait was cut since the last [`Watch::take_cut`].
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Why and in what a wait was cut since the last call, if one was.
    pub fn take_cut(&mut self) -> Option<(Cut, String)> {
        self.cut.take().map(|cut| (cut, std::mem::take(&mut self.latest)))
    }

    /// An output may have this many bytes, for every [`Watch::meter`]; as many as it likes unless this is called.
    pub fn set_output_limit(&mut self, bytes: u64) {
        self.output_limit = Some(bytes);
    }

    /// How many bytes an output may have.
    pub fn output_limit(&self) -> Option<u64> {
        self.output_limit
    }

    /// From now on, waits look at a file that a process and its group write: when it is longer than the output limit the group
    /// is killed, the file is cut to that length and the wait ends with [`Cut::Output`]. `what` is the output's name in messages.
    pub fn meter(&mut self, what: &str, file: &File, process: &Process) -> std::io::Result<MeterId> {
        let id = self.next_meter;
        self.next_meter += 1;
        if self.output_limit.is_some() {
            let (file, leader) = (file.try_clone()?, process.child().try_clone()?);
            self.meters.push(Meter { id, what: what.to_owned(), file, leader });
        }
        Ok(MeterId(id))
    }

    /// Looks a last time at a file, and then no more.
    pub fn unmeter(&mut self, id: MeterId) -> Result<(), Cut> {
        let looked = self.read_meters();
        self.meters.retain(|meter| meter.id != id.0);
        looked
    }

    fn read_meters(&mut self) -> Result<(), Cut> {
        let Some(limit) = self.output_limit else { return Ok(()) };
        let too_long = |meter: &Meter| meter.file.metadata().is_ok_and(|metadata| metadata.len() > limit);
        let Some(at) = self.meters.iter().position(too_long) else { return Ok(()) };
        let meter = self.meters.swap_remove(at);
        // Once the leader is reaped the group's number may be a stranger's.
        if meter.leader.is_ours() {
            let group = meter.leader.pid();
            let _ = kill_process_group(group, Signal::KILL);
            // So that nobody finds its members alive afterwards. That takes milliseconds, or what hangs in the kernel for ever.
            let gone = || (!table::group_lives(group.as_raw_nonzero().get())).then_some(());
            let _ = Self::new().until("what was killed", Duration::from_secs(2), &[], gone);
        }
        let _ = meter.file.set_len(limit);
        self.latest = meter.what;
        Err(self.cut(Cut::Output))
    }

    fn cut(&mut self, cut: Cut) -> Cut {
        self.cut = Some(cut);
        cut
    }

    /// Waits until one of `fds` is readable or hung up (`Ok(true)`), or `until` has come (`Ok(false)`).
    pub fn readable(&mut self, fds: &[BorrowedFd<'_>], until: Instant) -> Result<bool, Cut> {
        let before = self.lost;
        loop {
            if self.interrupted {
                return Err(self.cut(Cut::Interrupted));
            }
            self.read_meters()?;
            let until = until + self.lost.saturating_sub(before);
            let end = self.deadline.map_or(until, |deadline| deadline.min(until));
            let pulse = if self.meters.is_empty() { Self::PULSE } else { Self::METER_PULSE };
            let begun = Instant::now();
            let pause = end.saturating_duration_since(begun).min(pulse);
            let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            if let Some(interrupt) = &self.interrupt {
                polled.push(PollFd::new(interrupt, PollFlags::IN));
            }
            let timeout = Timespec::try_from(pause).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            // An error is EINTR or a lack of memory; in both cases waiting on is right.
            let _ = poll(&mut polled, Some(&timeout));
            let now = Instant::now();
            let too_long = now.saturating_duration_since(begun).saturating_sub(pause);
            if too_long >= Self::LAPSE {
                self.lost += too_long;
                self.deadline = self.deadline.map(|deadline| deadline + too_long);
            }
            if polled[..fds.len()].iter().any(|fd| !fd.revents().is_empty()) {
                return Ok(true);
            }
            if polled.get(fds.len()).is_some_and(|fd| !fd.revents().is_empty()) {
                self.interrupted = true;
                return Err(self.cut(Cut::Interrupted));
            }
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                return Err(self.cut(Cut::Limit));
            }
            if now >= until + self.lost.saturating_sub(before) {
                return Ok(false);
            }
        }
    }

    /// Looks until `look` has found something, or `limit` has passed (`Ok(None)`). It is looked once more after the limit,
    /// so that a machine that was asleep or busy does not turn a thing that is there into a failure.
    ///
    /// `fds` wake the wait early: the pidfd of a process whose end matters to `look`. `what` follows "waiting for".
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        fds: &[BorrowedFd<'_>],
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Cut> {
        what.clone_into(&mut self.latest);
        let (begun, before) = (Instant::now(), self.lost);
        let mut end = begun + limit;
        let mut announced = false;
        // A descriptor stays readable once it is; after the first time it would only make the loop spin.
        let mut fds = fds;
        loop {
            let last = Instant::now() >= end;
            if let Some(found) = look() {
                return Ok(Some(found));
            }
            if last {
                return Ok(None);
            }
            let waited = begun.elapsed();
            if !announced && waited >= Self::ANNOUNCE_AFTER {
                announced = true;
                self.tell(what, limit);
            }
            let pause = (waited / 40).clamp(Duration::from_micros(500), Duration::from_millis(10));
            // The very first looks after a start are the ones that nearly succeed: look sooner.
            let pause = if waited < Duration::from_millis(1) { Duration::from_micros(100) } else { pause };
            if self.readable(fds, (Instant::now() + pause).min(end))? {
                fds = &[];
            }
            end = begun + limit + self.lost.saturating_sub(before);
        }
    }

    /// Tells what is being waited for, without waiting.
    pub fn tell(&mut self, what: &str, limit: Duration) {
        if let Some(announce) = &mut self.announce {
            announce(what, limit);
        }
    }

    /// Waits for one descriptor that will be readable at an end, telling what it waits for once that has taken a while.
    pub fn end_of(&mut self, what: &str, fd: impl AsFd, limit: Duration) -> Result<bool, Cut> {
        what.clone_into(&mut self.latest);
        let begun = Instant::now();
        let end = begun.checked_add(limit).unwrap_or_else(|| begun + Duration::from_hours(24 * 365));
        let fd = fd.as_fd();
        if self.readable(&[fd], end.min(begun + Self::ANNOUNCE_AFTER))? {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        self.tell(what, limit);
        self.readable(&[fd], end)
    }
}
