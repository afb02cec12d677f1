//! Limits how much processes write to a file, and records when they do.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};

use super::growth::{Growth, GrowthLog};
use super::plain;
use crate::process::table;

/// Outputs are looked at this often: at 2 GB/s, the fastest that we have seen, that is 20 MB.
pub(super) const PULSE: Duration = Duration::from_millis(10);
/// A killed process dies within milliseconds or is stuck in the kernel; then we stop waiting.
const KILL_LIMIT: Duration = Duration::from_secs(2);
/// Each meter holds a descriptor, so no more than these are kept after their process.
const MOST_KEPT: usize = 128;

/// Names a meter of [`super::Watch::meter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterId(u64);

/// The outputs that are looked at, and the limit that they share.
#[derive(Debug, Default)]
pub(super) struct Meters {
    limit: Option<u64>,
    /// For how many of the last bytes of an output their times are recorded.
    timed: Option<u64>,
    outputs: Vec<Meter>,
    next: u64,
    /// When the outputs were looked at.
    latest: Option<Instant>,
    /// Outputs that were too long.
    overflowed: Vec<String>,
}

/// When outputs have to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    In(Duration),
}

/// One output.
#[derive(Debug)]
struct Meter {
    id: MeterId,
    what: String,
    file: File,
    /// The process that the file was opened for. It is killed in any case, whether or not it can be
    /// seen to have the file open.
    writer: Option<Arc<OwnedFd>>,
    state: State,
    /// When it was written, if that is recorded.
    growth: Option<GrowthLog>,
}

/// Whether an output was too long before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    WithinLimit,
    /// It was too long once, and that was reported.
    Reported,
}

impl Meters {
    /// Sets how many bytes an output may have.
    pub(super) fn set_limit(&mut self, bytes: u64) {
        self.limit = Some(bytes);
    }

    /// Returns how many bytes an output may have.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Records, for outputs that are added from now on, when their last bytes were written.
    pub(super) fn record_growth(&mut self, of_last: u64) {
        self.timed = Some(of_last);
    }

    /// Returns how long no output needs a look; `None` if there is nothing to look at.
    ///
    /// Where times of lines are recorded, a wait looks whenever it wakes.
    pub(super) fn due(&self, now: Instant) -> Option<Due> {
        if self.outputs.is_empty() {
            return None;
        }
        let since = self.latest.map_or(PULSE, |latest| now.saturating_duration_since(latest));
        let left = PULSE.saturating_sub(since);
        Some(if left.is_zero() || self.timed.is_some() { Due::Now } else { Due::In(left) })
    }

    /// Adds an output.
    pub(super) fn add(&mut self, what: &str, file: &File, writer: Option<Arc<OwnedFd>>) -> std::io::Result<MeterId> {
        let id = MeterId(self.next);
        self.next += 1;
        if self.limit.is_some() {
            let file = file.try_clone()?;
            let (what, state) = (what.to_owned(), State::WithinLimit);
            self.outputs.push(Meter { id, what, file, writer, state, growth: self.timed.map(GrowthLog::new) });
        }
        Ok(id)
    }

    /// Drops an output, unless a process may still write to it.
    pub(super) fn release(&mut self, id: MeterId) {
        if let Some(at) = self.outputs.iter().position(|meter| meter.id == id)
            && (table::members().is_empty() || self.outputs.len() > MOST_KEPT)
        {
            self.outputs.swap_remove(at);
        }
    }

    /// Looks at all outputs; returns the name of one that has just become too long.
    ///
    /// Every process that has such a file open is killed, and the file is cut to the limit. `now`
    /// returns the time for growth.
    pub(super) fn read(&mut self, mut now: impl FnMut() -> Duration) -> Option<String> {
        let limit = self.limit?;
        self.latest = Some(Instant::now());
        let mut overflow = None;
        for meter in &mut self.outputs {
            let Ok(length) = meter.file.metadata().map(|metadata| metadata.len()) else { continue };
            if let Some(growth) = &mut meter.growth {
                growth.note(length.min(limit), &mut now);
            }
            if length <= limit {
                continue;
            }
            kill_writers(meter);
            let _ = meter.file.set_len(limit);
            // A process that we cannot kill, or see, may write on: one report is enough.
            if std::mem::replace(&mut meter.state, State::Reported) == State::WithinLimit {
                self.overflowed.push(meter.what.clone());
                overflow = Some(meter.what.clone());
            }
        }
        overflow
    }

    /// Looks at one output, without its limit, and returns when it was written if that is recorded.
    pub(super) fn growth(&mut self, id: MeterId, now: impl FnOnce() -> Duration) -> Vec<Growth> {
        let Some(meter) = self.outputs.iter_mut().find(|meter| meter.id == id) else { return Vec::new() };
        let Some(growth) = &mut meter.growth else { return Vec::new() };
        if let Ok(metadata) = meter.file.metadata() {
            growth.note(metadata.len(), now);
        }
        growth.entries()
    }

    /// Whether an output was too long.
    pub(super) fn has_overflowed(&self, what: &str) -> bool {
        self.overflowed.iter().any(|known| known == what)
    }
}

/// Kills the process that a file was opened for and every process of the stage that has it open,
/// until there is none.
fn kill_writers(meter: &Meter) {
    if let Some(pidfd) = &meter.writer {
        let _ = pidfd_send_signal(pidfd, Signal::KILL);
        plain::end_of(pidfd, KILL_LIMIT);
    }
    let Ok(metadata) = meter.file.metadata() else { return };
    let mut killed: BTreeSet<i32> = BTreeSet::new();
    // A process that is about to end has closed its files already, so wait for its end too.
    plain::until(KILL_LIMIT, &[], || {
        let writers = table::holders_of_file(metadata.dev(), metadata.ino());
        for writer in writers.iter().filter_map(|&pid| Pid::from_raw(pid)) {
            let _ = kill_process(writer, Signal::KILL);
        }
        killed.extend(&writers);
        let gone = writers.is_empty() && !table::members().iter().any(|entry| killed.contains(&entry.pid));
        gone.then_some(())
    });
}
