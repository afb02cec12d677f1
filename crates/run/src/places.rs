//! How many scenarios run side by side.
//!
//! With `-j N` that many. Otherwise as many as the machine can carry: one for each processor at any time,
//! and more while those that run wait for something else than a processor. So few scenarios that compute
//! share a processor, and hundreds that wait do so together.
//!
//! Another scenario may begin when a processor is idle. Where none is, others may use them all; so what
//! counts then are the scenarios of this run that want one, as the launcher sees them. A scenario that has
//! just begun starts a program, and only then shows whether it waits. Until it does, it counts as much as
//! those before it turned out to compute.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use greenroom_sandbox::machine::{self, Memory};
use greenroom_sandbox::{Launcher, StageId};

/// The most scenarios that run side by side by default: each needs a few megabytes and descriptors.
const MOST: usize = 256;

/// The age of a scenario at the first look at it.
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// The age from which a scenario that wants a processor computes: before, it may only be starting a program
/// on a busy machine.
const GROWN: Duration = Duration::from_millis(30);

/// How much a scenario that has just begun counts at least: this limits how many begin at once, in case
/// that all of them compute, though those before them did not.
const LEAST_WEIGHT: f64 = 1.0 / 16.0;

/// How long after its last look a scenario is looked at again, at most.
const LAST_LOOK: Duration = Duration::from_millis(32);

/// How long the runner waits at most before it asks again for an idle processor, or for memory.
const PAUSE: Duration = Duration::from_millis(2);

/// Over how many looks the threads that want a processor are averaged: at a single moment few may, though
/// all compute half of the time.
const RECENT: usize = 8;

/// How long it is known how much memory there is.
const MEMORY_LIFE: Duration = Duration::from_millis(50);

/// How many scenarios may run side by side.
#[derive(Debug)]
pub(crate) enum Places {
    /// As many as the user chose.
    Fixed(usize),
    /// As many as the machine can carry.
    Adaptive(Box<Adaptive>),
}

/// How many scenarios the machine can carry.
#[derive(Debug)]
pub(crate) struct Adaptive {
    processors: usize,
    /// What is known of the scenarios that run.
    looks: BTreeMap<StageId, Look>,
    /// The scenarios about which an answer of the launcher is yet to come.
    asked: Vec<StageId>,
    /// Which part of the scenarios that began lately computed, from [`LEAST_WEIGHT`] to 1.
    weight: f64,
    /// How many threads of the machine wanted a processor lately.
    recent: VecDeque<usize>,
    /// Whether there is memory for another scenario, and when that was seen.
    memory: Option<(Instant, bool)>,
    /// When to ask again, after there was no place for a scenario.
    again: Option<Instant>,
}

/// What is known of a scenario that runs.
#[derive(Debug)]
struct Look {
    begun: Instant,
    seen: Seen,
    /// When to look at it again.
    next: Instant,
    /// How long after that one to look once more.
    interval: Duration,
}

/// What a scenario does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It has just begun.
    Unknown,
    Computing,
    Waiting,
}

impl Places {
    /// Creates as many as the user chose, or as the machine can carry.
    pub(crate) fn new(chosen: Option<usize>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        chosen.map_or_else(|| Self::Adaptive(Box::new(Adaptive::new(processors))), |jobs| Self::Fixed(jobs.max(1)))
    }

    /// Returns the most scenarios that may run side by side.
    pub(crate) fn most(&self) -> usize {
        match self {
            Self::Fixed(jobs) => *jobs,
            Self::Adaptive(_) => MOST,
        }
    }

    /// Returns how many may run side by side in any case.
    pub(crate) fn least(&self) -> usize {
        match self {
            Self::Fixed(jobs) => *jobs,
            Self::Adaptive(adaptive) => adaptive.processors.min(MOST),
        }
    }

    /// Returns how many scenarios may begin beside `taken` others.
    ///
    /// `playing` are the stages of those that run steps.
    pub(crate) fn free(
        &mut self,
        taken: usize,
        playing: impl Iterator<Item = StageId>,
        launcher: &Launcher,
        now: Instant,
    ) -> usize {
        match self {
            Self::Fixed(jobs) => jobs.saturating_sub(taken),
            Self::Adaptive(adaptive) => adaptive.free(taken, playing, launcher, now),
        }
    }

    /// Notes which of the scenarios that were asked about compute.
    pub(crate) fn note(&mut self, computing: &[StageId]) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.note(computing, Instant::now());
        }
    }

    /// Returns when to ask again, after a scenario found no place.
    pub(crate) fn again(&self) -> Option<Instant> {
        match self {
            Self::Fixed(_) => None,
            Self::Adaptive(adaptive) => adaptive.again,
        }
    }
}

impl Adaptive {
    fn new(processors: usize) -> Self {
        let (looks, recent) = (BTreeMap::new(), VecDeque::with_capacity(RECENT));
        Self { processors, looks, asked: Vec::new(), weight: 0.5, recent, memory: None, again: None }
    }

    fn free(
        &mut self,
        taken: usize,
        playing: impl Iterator<Item = StageId>,
        launcher: &Launcher,
        now: Instant,
    ) -> usize {
        self.again = None;
        if taken < self.processors {
            return self.processors - taken;
        }
        self.keep_up_with(playing, now);
        let has_place = taken < MOST && self.has_memory(now);
        if has_place {
            let is_idle = self.has_idle_processor(machine::runnable());
            let free = self.room().max(usize::from(is_idle));
            if free > 0 {
                return free.min(MOST - taken);
            }
        }
        self.again = Some(now + PAUSE);
        if has_place && self.asked.is_empty() {
            self.asked = self.due(now);
            if !self.asked.is_empty() {
                launcher.look(self.asked.clone());
            }
        }
        0
    }

    /// Returns the scenarios that it is time to look at.
    fn due(&self, now: Instant) -> Vec<StageId> {
        self.looks.iter().filter(|(_, look)| look.next <= now).map(|(&id, _)| id).collect()
    }

    /// Takes up scenarios that have begun, and drops those that are done.
    fn keep_up_with(&mut self, playing: impl Iterator<Item = StageId>, now: Instant) {
        let mut before = std::mem::take(&mut self.looks);
        let begun = || Look { begun: now, seen: Seen::Unknown, next: now + FIRST_LOOK, interval: FIRST_LOOK };
        self.looks = playing.map(|id| (id, before.remove(&id).unwrap_or_else(begun))).collect();
        // Those that were done so soon did not keep others from their processor.
        for _ in before.values().filter(|look| look.seen == Seen::Unknown) {
            self.weight = averaged(self.weight, 0.0);
        }
    }

    /// Returns for how many scenarios there is a processor, as far as is known of those that run.
    fn room(&self) -> usize {
        let weight = |look: &Look| match look.seen {
            Seen::Unknown => self.weight,
            Seen::Computing => 1.0,
            Seen::Waiting => 0.0,
        };
        let (mut taken, mut room) = (self.looks.values().map(weight).sum::<f64>(), 0);
        let processors = f64::from(u32::try_from(self.processors).unwrap_or(u32::MAX));
        while taken < processors {
            taken += self.weight;
            room += 1;
        }
        room
    }

    fn note(&mut self, computing: &[StageId], now: Instant) {
        for id in std::mem::take(&mut self.asked) {
            let Some(look) = self.looks.get_mut(&id) else { continue };
            let computes = computing.contains(&id);
            let before = look.seen;
            look.seen = match (computes, before) {
                (false, _) => Seen::Waiting,
                (true, Seen::Unknown) if now.saturating_duration_since(look.begun) < GROWN => Seen::Unknown,
                (true, _) => Seen::Computing,
            };
            if before == Seen::Unknown && look.seen != before {
                self.weight = averaged(self.weight, f64::from(u8::from(computes)));
            }
            look.interval = (look.interval * 2).min(LAST_LOOK);
            look.next = now + if computes { look.interval } else { LAST_LOOK };
        }
    }

    /// Whether a processor is idle, and was lately.
    fn has_idle_processor(&mut self, runnable: Option<usize>) -> bool {
        let Some(runnable) = runnable else { return false };
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(runnable);
        let sum: usize = self.recent.iter().sum();
        runnable < self.processors && sum <= self.processors * self.recent.len()
    }

    /// Whether a tenth of the memory is available.
    fn has_memory(&mut self, now: Instant) -> bool {
        let known = self.memory.filter(|(seen, _)| now.saturating_duration_since(*seen) < MEMORY_LIFE);
        let (_, has_memory) = *self.memory.insert(known.unwrap_or_else(|| (now, suffices(machine::memory()))));
        has_memory
    }
}

/// Takes another scenario into the average weight: 1 if it computes, 0 if it does not.
fn averaged(weight: f64, computes: f64) -> f64 {
    (weight + (computes - weight) / 8.0).clamp(LEAST_WEIGHT, 1.0)
}

fn suffices(memory: Option<Memory>) -> bool {
    memory.is_none_or(|memory| memory.available >= memory.total / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processors, and scenarios 0 and 1 that have begun at `now`.
    fn two_that_begin(now: Instant) -> Adaptive {
        let mut adaptive = Adaptive::new(2);
        adaptive.keep_up_with([0, 1].into_iter(), now);
        adaptive
    }

    #[test]
    fn scenarios_that_compute_leave_no_place() {
        let now = Instant::now();
        let mut adaptive = two_that_begin(now);
        assert_eq!(adaptive.room(), 2, "half of those that begin may wait");
        let answer = |adaptive: &mut Adaptive, computing: &[StageId], age: Duration| {
            adaptive.asked = adaptive.due(now + age);
            adaptive.note(computing, now + age);
        };
        // Nothing is asked about those that have just begun, so an answer says nothing of them.
        answer(&mut adaptive, &[], Duration::ZERO);
        assert_eq!(adaptive.looks[&0].seen, Seen::Unknown);
        answer(&mut adaptive, &[0, 1], FIRST_LOOK);
        assert_eq!(adaptive.looks[&0].seen, Seen::Unknown);
        answer(&mut adaptive, &[0, 1], GROWN);
        assert_eq!(adaptive.room(), 0);
        // One is done, and one waits.
        adaptive.keep_up_with([1, 2].into_iter(), now + GROWN);
        assert_eq!(adaptive.room(), 1);
        answer(&mut adaptive, &[2], GROWN + LAST_LOOK);
        answer(&mut adaptive, &[2], GROWN + LAST_LOOK * 3);
        assert_eq!((adaptive.looks[&1].seen, adaptive.looks[&2].seen), (Seen::Waiting, Seen::Computing));
    }

    #[test]
    fn how_many_begin_depends_on_what_those_before_did() {
        let begun = Instant::now();
        let places = |mut adaptive: Adaptive| {
            adaptive.keep_up_with(std::iter::empty(), begun);
            adaptive.room()
        };
        assert_eq!(places(Adaptive::new(2)), 4);
        let mut computing = Adaptive::new(2);
        let mut waiting = Adaptive::new(2);
        let mut short = Adaptive::new(2);
        for id in 0..30 {
            for adaptive in [&mut computing, &mut waiting, &mut short] {
                adaptive.keep_up_with([id].into_iter(), begun);
            }
            computing.asked = computing.due(begun + GROWN);
            computing.note(&[id], begun + GROWN);
            waiting.asked = waiting.due(begun + FIRST_LOOK);
            waiting.note(&[], begun + FIRST_LOOK);
        }
        assert_eq!(places(computing), 3);
        assert_eq!(places(waiting), 32);
        assert_eq!(places(short), 32);
    }

    #[test]
    fn looks_become_rare() {
        let begun = Instant::now();
        let mut adaptive = two_that_begin(begun);
        let mut looks = 0;
        for milliseconds in 0..1000 {
            let now = begun + Duration::from_millis(milliseconds);
            adaptive.asked = adaptive.due(now);
            looks += adaptive.asked.len();
            adaptive.note(&[0, 1], now);
        }
        assert!((60..=72).contains(&looks), "{looks}");
    }

    #[test]
    fn a_processor_that_is_idle_for_a_moment_is_not_idle() {
        let mut adaptive = Adaptive::new(2);
        assert!(adaptive.has_idle_processor(Some(0)));
        assert!(!adaptive.has_idle_processor(Some(2)));
        assert!(adaptive.has_idle_processor(Some(1)));
        for _ in 0..RECENT {
            assert!(!adaptive.has_idle_processor(Some(4)));
        }
        assert!(!adaptive.has_idle_processor(Some(0)), "they all compute half of the time");
        assert!(!adaptive.has_idle_processor(None));
    }

    #[test]
    fn a_tenth_of_the_memory_suffices() {
        let of = |available| Some(Memory { available, total: 1000 });
        assert!(suffices(of(100)) && suffices(None));
        assert!(!suffices(of(99)));
    }
}
