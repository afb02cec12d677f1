//! How many scenarios run side by side.
//!
//! With `-j N` that many. Otherwise as many as the machine can carry: one for each processor at any time,
//! and more while those that run wait for something else than a processor. So few scenarios that compute
//! share a processor, and hundreds that wait do so together.
//!
//! Another scenario may begin when a processor is idle. Where none is, others may use them all; so what
//! counts then are the scenarios of this run that want one. A look at their processes says which do. A
//! scenario that has just begun starts a program, and only then shows whether it waits. Until it does, it
//! counts as much as those before it turned out to compute.
//!
//! Copies of step hosts are not among the processes of a scenario. What most of them do is taken for what
//! all scenarios with such a copy do.
//!
//! Where most scenarios wait, one more may begin though as many as there are processors compute: it will
//! probably wait too, and should not have to do so alone at the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use greenroom_sandbox::StageId;
use greenroom_sandbox::machine::{self, HostCopies, Memory};

/// The most scenarios that run side by side by default: each needs a few megabytes and descriptors.
const MOST: usize = 256;

/// The age of a scenario at the first look at it, and how long after that the next one is while it is young.
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// The age up to which a scenario is young: most programs have started by then.
const YOUNG: Duration = Duration::from_millis(16);

/// How long after its last look a scenario is looked at again of which nothing is known yet, at most.
const LAST_LOOK_AT_UNKNOWN: Duration = Duration::from_millis(8);

/// The age from which a scenario that wants a processor computes: before, it may only be starting a program
/// on a busy machine.
const GROWN: Duration = Duration::from_millis(30);

/// The processor time that starting a program may take, with its scenario. Several that begin at once share
/// the processors for it.
const START: Duration = Duration::from_millis(6);

/// How much a scenario that has just begun counts at least: this limits how many begin at once, in case
/// that all of them compute, though those before them did not.
const LEAST_WEIGHT: f64 = 1.0 / 8.0;

/// How long after its last look a scenario that computes is looked at again, at most.
const LAST_LOOK: Duration = Duration::from_millis(32);

/// How long after its last look a scenario that waits is looked at again, at most.
const LAST_LOOK_AT_WAITING: Duration = Duration::from_millis(256);

/// How long the runner waits at most before it asks again for an idle processor, or for memory.
const PAUSE: Duration = Duration::from_millis(2);

/// Over how many looks the threads that want a processor are averaged: at a single moment few may, though
/// all compute half of the time.
const RECENT: usize = 8;

/// The age up to which nothing is known of a scenario that waits for a copy of a step host, which may still
/// be loading its files.
const LOADING: Duration = Duration::from_secs(5);

/// How long it is known what the copies of step hosts do.
const COPIES_LIFE: Duration = Duration::from_millis(8);

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
    /// The first processes of the stages.
    processes: BTreeMap<StageId, i32>,
    /// Which part of the scenarios that began lately computed, from [`LEAST_WEIGHT`] to 1.
    weight: f64,
    /// How many threads of the machine wanted a processor lately.
    recent: VecDeque<usize>,
    /// The launcher, if it starts step hosts of which scenarios get copies.
    launcher: Option<i32>,
    /// The stages of scenarios that get such a copy.
    hosted: BTreeSet<StageId>,
    /// What the copies did, and when that was seen.
    copies: Option<(Instant, HostCopies)>,
    /// Whether there is memory for another scenario, and when that was seen.
    memory: Option<(Instant, bool)>,
    /// When to ask again, after there was no place for a scenario.
    again: Option<Instant>,
}

/// What is known of a scenario that runs.
#[derive(Debug)]
struct Look {
    begun: Instant,
    /// Whether it gets a copy of a step host.
    is_hosted: bool,
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
    ///
    /// `launcher` starts step hosts of which scenarios get copies, if there are any.
    pub(crate) fn new(chosen: Option<usize>, launcher: Option<i32>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        chosen.map_or_else(
            || Self::Adaptive(Box::new(Adaptive { launcher, ..Adaptive::new(processors) })),
            |jobs| Self::Fixed(jobs.max(1)),
        )
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

    /// Whether it needs to know the first processes of stages: see [`Places::note_process`].
    pub(crate) fn needs_processes(&self) -> bool {
        matches!(self, Self::Adaptive(_))
    }

    /// Notes the first process of a stage, until it is gone.
    pub(crate) fn note_process(&mut self, stage: StageId, process: Option<i32>) {
        if let Self::Adaptive(adaptive) = self {
            if let Some(process) = process {
                adaptive.processes.insert(stage, process);
            } else {
                adaptive.processes.remove(&stage);
                adaptive.hosted.remove(&stage);
            }
        }
    }

    /// Notes that a scenario gets a copy of a step host.
    pub(crate) fn note_hosted(&mut self, stage: StageId) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.hosted.insert(stage);
        }
    }

    /// Returns how many scenarios may begin beside `taken` others.
    ///
    /// `playing` are the stages of those that run steps, in ascending order.
    pub(crate) fn free(&mut self, taken: usize, playing: impl Iterator<Item = StageId> + Clone, now: Instant) -> usize {
        match self {
            Self::Fixed(jobs) => jobs.saturating_sub(taken),
            Self::Adaptive(adaptive) => adaptive.free(taken, playing, now),
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
        let (looks, processes, recent) = (BTreeMap::new(), BTreeMap::new(), VecDeque::with_capacity(RECENT));
        let (launcher, hosted, copies, memory, again) = (None, BTreeSet::new(), None, None, None);
        Self { processors, looks, processes, weight: 0.5, recent, launcher, hosted, copies, memory, again }
    }

    fn free(&mut self, taken: usize, playing: impl Iterator<Item = StageId> + Clone, now: Instant) -> usize {
        self.again = None;
        if taken < self.processors {
            return self.processors - taken;
        }
        self.keep_up_with(playing, now);
        if taken < MOST && self.has_memory(now) {
            self.look_at_copies(now);
            let mut free = self.room();
            if free == 0 && self.look(now, machine::wants_processor) {
                free = self.room();
            }
            // Those that wait for a host leave processors idle, and further ones would wait for it too.
            if free == 0 && !self.lacks_copies(now) {
                free = usize::from(self.has_idle_processor(machine::runnable()));
            }
            if free > 0 {
                return free.min(MOST - taken);
            }
        }
        let next = self.looks.values().map(|look| look.next).min();
        self.again = Some(next.map_or(now + PAUSE, |next| next.clamp(now, now + PAUSE)));
        0
    }

    /// Looks at the scenarios for which it is time; `false` if there are none.
    fn look(&mut self, now: Instant, wants_processor: impl Fn(i32) -> bool) -> bool {
        let lacks_copies = self.lacks_copies(now);
        let hosts = self.copies.map_or_else(HostCopies::default, |(_, copies)| copies);
        let (mut looked, mut any) = (Vec::new(), false);
        for (&id, look) in self.looks.iter_mut().filter(|(_, look)| look.next <= now) {
            any = true;
            // Without its process nothing is known of a scenario: it is not even set up.
            let process = self.processes.get(&id);
            let computes = process.is_none_or(|&pid| wants_processor(pid));
            // A worker waits for its copy. Which one that is does not matter where most of them compute.
            let computes = computes || (look.is_hosted && hosts.computing * 2 > hosts.all);
            if look.is_hosted && !computes && lacks_copies {
                look.next = now + look.interval;
            } else {
                looked.push((id, computes));
            }
        }
        for (id, computes) in looked {
            self.note(id, computes, now);
        }
        any
    }

    /// Finds out what the copies of step hosts do, if that is not known.
    fn look_at_copies(&mut self, now: Instant) {
        let Some(launcher) = self.launcher else { return };
        if self.copies.is_none_or(|(seen, _)| now.saturating_duration_since(seen) >= COPIES_LIFE) {
            let is_first = |pid| self.processes.values().any(|&first| first == pid);
            self.copies = Some((now, machine::host_copies(launcher, is_first)));
        }
    }

    /// Whether a scenario that has begun lately may still wait for its copy of a step host.
    fn lacks_copies(&self, now: Instant) -> bool {
        let Some((_, copies)) = self.copies else { return false };
        let hosted = || self.looks.values().filter(|look| look.is_hosted);
        copies.all < hosted().count() && hosted().any(|look| now.saturating_duration_since(look.begun) < LOADING)
    }

    /// Takes up scenarios that have begun, and drops those that are done.
    fn keep_up_with(&mut self, playing: impl Iterator<Item = StageId> + Clone, now: Instant) {
        if self.looks.keys().copied().eq(playing.clone()) {
            return;
        }
        let mut before = std::mem::take(&mut self.looks);
        let begun = |id| {
            let (is_hosted, next) = (self.hosted.contains(&id), now + FIRST_LOOK);
            Look { begun: now, is_hosted, seen: Seen::Unknown, next, interval: FIRST_LOOK }
        };
        self.looks = playing.map(|id| (id, before.remove(&id).unwrap_or_else(|| begun(id)))).collect();
        // Those that were done so soon did not keep others from their processor. Of one with a step host that is
        // not known: its copy may have computed all the time.
        for _ in before.values().filter(|look| look.seen == Seen::Unknown && !look.is_hosted) {
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
        let places = processors * (1.0 + (1.0 - 2.0 * self.weight).max(0.0));
        while taken < places {
            taken += self.weight;
            room += 1;
        }
        room
    }

    /// Notes whether a scenario wants a processor.
    fn note(&mut self, id: StageId, computes: bool, now: Instant) {
        let grown = self.grown();
        let Some(look) = self.looks.get_mut(&id) else { return };
        let (before, age) = (look.seen, now.saturating_duration_since(look.begun));
        look.seen = match (computes, before) {
            (false, _) => Seen::Waiting,
            (true, Seen::Unknown) if age < grown => Seen::Unknown,
            (true, _) => Seen::Computing,
        };
        if before == Seen::Unknown && look.seen != before {
            self.weight = averaged(self.weight, f64::from(u8::from(computes)));
        }
        let most = match look.seen {
            Seen::Unknown => LAST_LOOK_AT_UNKNOWN,
            Seen::Computing => LAST_LOOK,
            Seen::Waiting => LAST_LOOK_AT_WAITING,
        };
        look.interval = match (computes, before) {
            (true, Seen::Unknown) if age < YOUNG => FIRST_LOOK,
            (true, Seen::Waiting) | (false, Seen::Unknown | Seen::Computing) => LAST_LOOK,
            _ => (look.interval * 2).min(most),
        };
        look.next = now + look.interval;
    }

    /// Returns the age from which a scenario computes, with as many as have just begun.
    fn grown(&self) -> Duration {
        let unknown = self.looks.values().filter(|look| look.seen == Seen::Unknown).count();
        let share = START.saturating_mul(u32::try_from(unknown / self.processors).unwrap_or(u32::MAX));
        GROWN.max(share)
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
///
/// One that waits counts twice. At the start of a run the first few then are enough, and among those that
/// wait one that computes by chance does not keep the others from beginning.
fn averaged(weight: f64, computes: f64) -> f64 {
    let pace = if computes > weight { 8.0 } else { 4.0 };
    (weight + (computes - weight) / pace).clamp(LEAST_WEIGHT, 1.0)
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
        begin(&mut adaptive, 0..2, now);
        adaptive
    }

    /// Has these scenarios run and no others. The number of each is that of its first process.
    fn begin(adaptive: &mut Adaptive, playing: std::ops::Range<StageId>, now: Instant) {
        adaptive.processes = playing.clone().map(|id| (id, i32::try_from(id).unwrap())).collect();
        adaptive.keep_up_with(playing, now);
    }

    #[test]
    fn scenarios_that_compute_leave_no_place() {
        let now = Instant::now();
        let mut adaptive = two_that_begin(now);
        assert_eq!(adaptive.room(), 2, "half of those that begin may wait");
        // Those that have just begun are not looked at.
        assert!(!adaptive.look(now, |_| false));
        assert!(adaptive.look(now + FIRST_LOOK, |_| true));
        assert_eq!(adaptive.looks[&0].seen, Seen::Unknown);
        assert!(adaptive.look(now + GROWN, |_| true));
        assert_eq!(adaptive.room(), 0);
        // One is done, and one waits.
        begin(&mut adaptive, 1..3, now + GROWN);
        assert_eq!(adaptive.room(), 1);
        adaptive.look(now + GROWN + LAST_LOOK, |pid| pid == 2);
        adaptive.look(now + GROWN + LAST_LOOK * 3, |pid| pid == 2);
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
                begin(adaptive, id..id + 1, begun);
            }
            computing.look(begun + GROWN, |_| true);
            waiting.look(begun + FIRST_LOOK, |_| false);
        }
        assert_eq!(places(computing), 3);
        assert_eq!(places(waiting), 28);
        assert_eq!(places(short), 28);
    }

    /// Four begin; once they wait, enough begin to keep the processors busy with starting programs.
    #[test]
    fn a_single_look_at_the_first_scenarios_is_enough() {
        let begun = Instant::now();
        let mut adaptive = Adaptive::new(2);
        begin(&mut adaptive, 0..4, begun);
        assert_eq!(adaptive.room(), 0);
        adaptive.look(begun + FIRST_LOOK, |_| false);
        assert!(adaptive.room() > 16, "{}", adaptive.room());
    }

    /// Two processors are in use, and yet one that will probably wait may begin.
    #[test]
    fn scenarios_that_compute_among_others_that_wait_do_not_keep_them_from_beginning() {
        let begun = Instant::now();
        let mut adaptive = Adaptive::new(2);
        begin(&mut adaptive, 0..8, begun);
        adaptive.look(begun + FIRST_LOOK, |_| false);
        begin(&mut adaptive, 0..10, begun);
        adaptive.look(begun + GROWN, |pid| pid >= 8);
        let computing = adaptive.looks.values().filter(|look| look.seen == Seen::Computing).count();
        assert_eq!(computing, 2);
        assert!((1..=4).contains(&adaptive.room()), "{}", adaptive.room());
        // What computes now are all that began lately.
        begin(&mut adaptive, 8..14, begun);
        adaptive.look(begun + GROWN, |_| true);
        assert_eq!(adaptive.room(), 0);
    }

    #[test]
    fn those_that_share_the_processors_for_their_start_do_not_compute() {
        let begun = Instant::now();
        let mut adaptive = Adaptive::new(2);
        begin(&mut adaptive, 0..28, begun);
        let seen = |adaptive: &Adaptive| adaptive.looks[&0].seen;
        adaptive.look(begun + GROWN, |_| true);
        assert_eq!(seen(&adaptive), Seen::Unknown);
        adaptive.look(begun + START * 14, |_| true);
        assert_eq!(seen(&adaptive), Seen::Computing);
    }

    /// Of a scenario that is not set up yet nothing is known.
    #[test]
    fn a_scenario_without_a_process_is_not_one_that_waits() {
        let begun = Instant::now();
        let mut adaptive = Adaptive::new(2);
        adaptive.keep_up_with(0..1, begun);
        adaptive.look(begun + FIRST_LOOK, |_| false);
        assert_eq!(adaptive.looks[&0].seen, Seen::Unknown);
    }

    /// The workers of both wait: first until their host has loaded its files, then for its copies.
    #[test]
    fn scenarios_with_a_step_host_do_what_its_copies_do() {
        let begun = Instant::now();
        let seen_with = |all, computing, age: Duration| {
            let mut adaptive = Adaptive { hosted: BTreeSet::from([0, 1]), ..Adaptive::new(2) };
            begin(&mut adaptive, 0..2, begun);
            adaptive.copies = Some((begun, HostCopies { all, computing }));
            assert!(adaptive.look(begun + age, |_| false));
            (adaptive.looks[&0].seen, adaptive.lacks_copies(begun + age))
        };
        assert_eq!(seen_with(1, 0, GROWN), (Seen::Unknown, true));
        assert_eq!(seen_with(1, 1, GROWN), (Seen::Computing, true));
        assert_eq!(seen_with(2, 2, GROWN), (Seen::Computing, false));
        assert_eq!(seen_with(2, 1, GROWN), (Seen::Waiting, false));
        assert_eq!(seen_with(0, 0, LOADING), (Seen::Waiting, false));
    }

    #[test]
    fn looks_become_rare() {
        let begun = Instant::now();
        for (computes, expected) in [(true, 34..=46), (false, 5..=12)] {
            let mut adaptive = Adaptive::new(2);
            begin(&mut adaptive, 0..1, begun);
            let looks = (0..1000).filter(|&at| adaptive.look(begun + Duration::from_millis(at), |_| computes)).count();
            assert!(expected.contains(&looks), "{looks}");
        }
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
