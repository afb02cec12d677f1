//! The run: launches scenarios as places come free and listens until all have ended.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use greenroom_doc::{Plan, Sources};
use greenroom_event::{
    Attempt, EventKind, Failure, FailureKind, Outcome, RunStarted, SCHEMA_VERSION, ScenarioFinished, Sink,
};
use greenroom_sandbox::{Launcher, LauncherOptions, Property, SandboxError, StageSpec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};

use crate::admission::{Admission, Admitted};
use crate::emit::Emitter;
use crate::options::{Orders, RunOptions};
use crate::outline::{isolation, outline};
use crate::scenario::{Afterwards, Limits, Running};
use crate::script::{document_part, needs_host, script};
use crate::wire::{OWN_VARIABLES, Prologue};

/// Why a run could not be done.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The sandbox does not work.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Runs the chosen scenarios of a plan that has no errors. Everything that happens goes into `sink`.
///
/// # Errors
///
/// If the run cannot begin. Whatever goes wrong later is an event.
pub fn run(
    plan: &Plan,
    sources: &Sources,
    options: &RunOptions,
    orders: Orders<'_>,
    sink: &mut dyn Sink,
) -> Result<(), RunError> {
    let prologue = Prologue {
        source_directory: options.source_directory.clone(),
        environment: options.environment.clone(),
        documents: plan.documents.iter().map(|document| document_part(document, options)).collect(),
    };
    let launcher = LauncherOptions {
        choice: options.sandbox,
        temporary_directory: options.temporary_directory.clone(),
        keep: options.visible.iter().chain([&options.source_directory]).cloned().collect(),
        prologue: serde_json::to_vec(&prologue).map_err(|error| SandboxError::Start(error.into()))?,
    };
    let launcher = Launcher::start(launcher, orders.stop)?;
    let admission = Admission::new(plan, options, launcher.isolation());
    let jobs = options.jobs.unwrap_or(RunOptions::DEFAULT_JOBS).max(1);
    let mut emit = Emitter::new(sink);
    emit.run(EventKind::RunStarted(RunStarted {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        outline: outline(plan, sources, &options.chosen),
        isolation: isolation(launcher.isolation()),
        jobs: if admission.is_one_at_a_time() { 1 } else { jobs },
        shuffle: options.shuffle,
    }));
    let mut queue: Vec<usize> = (0..options.chosen.len()).collect();
    if let Some(seed) = options.shuffle {
        fastrand::Rng::with_seed(seed).shuffle(&mut queue);
    }
    let mut runner = Runner {
        plan,
        options,
        launcher,
        jobs,
        held_up: None,
        queue: queue.into(),
        running: BTreeMap::new(),
        prepared: VecDeque::new(),
        orders_to_stop: 0,
        not_started: None,
        kept: false,
        admission,
        // One scenario has it as soon by itself.
        warms_hosts: options.chosen.iter().filter(|&&index| needs_host(&plan.scenarios[index])).take(2).count() == 2,
        spare: spare(),
        orders,
        deserted: false,
        foreseen: 0,
        emit,
    };
    runner.play();
    runner.skip_the_rest();
    let Runner { launcher, mut emit, orders_to_stop, kept, .. } = runner;
    launcher.dismiss(kept);
    emit.run(EventKind::RunFinished { interrupted: orders_to_stop > 0 });
    Ok(())
}

struct Runner<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    launcher: Launcher,
    jobs: usize,
    /// Why the launcher takes no further scenario at present.
    held_up: Option<HeldUp>,
    /// Scenarios that wait for a place, as places in reading order.
    queue: VecDeque<usize>,
    /// By place in reading order, which is also the stage's id.
    running: BTreeMap<u32, Running>,
    /// Those of them whose turn has not come.
    prepared: VecDeque<u32>,
    orders_to_stop: u32,
    /// Why no scenario is started any more.
    not_started: Option<(Outcome, String)>,
    /// Whether something in the run's directory is to stay.
    kept: bool,
    admission: Admission,
    /// Whether step hosts are started once for all scenarios that need them.
    warms_hosts: bool,
    /// Descriptors kept for what must not fail for want of them.
    spare: Vec<OwnedFd>,
    orders: Orders<'a>,
    /// Whether nobody takes the results any more.
    deserted: bool,
    /// Orders to stop that are still to come and have been heeded already.
    foreseen: usize,
    emit: Emitter<'a>,
}

/// What keeps a scenario from being launched for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldUp {
    /// The launcher has not caught up with what it was asked.
    Busy,
    /// Descriptors or memory are short: until another scenario has ended.
    Scarcity,
}

/// How many scenarios are prepared at most before their turn.
const AHEAD: usize = 2;

/// How often a display that shows time passing is told that it does.
const TICK: Duration = Duration::from_millis(100);

/// A wait that takes this much longer than it should was none: somebody had stopped this process, or the machine was asleep.
const LAPSE: Duration = Duration::from_millis(500);

/// How long stages may take to go with their launcher.
const GOING: Duration = Duration::from_secs(5);

impl Runner<'_> {
    fn play(&mut self) {
        loop {
            self.start_what_can_start();
            // While something is held up the queue is not done, even if nothing runs at this moment.
            if self.running.is_empty() && self.held_up.is_none() && self.admission.nobody_waits() {
                return;
            }
            self.wait();
        }
    }

    /// Gives free places to prepared scenarios, and prepares the next ones: making a stage takes about as long as a short
    /// scenario, and can go on beside it.
    fn start_what_can_start(&mut self) {
        if let Some((outcome, reason)) = &self.not_started {
            for id in self.prepared.drain(..) {
                if let Some(running) = self.running.get_mut(&id) {
                    running.abandon(*outcome, FailureKind::NotStarted, reason);
                }
            }
            self.queue.extend(self.admission.turn_away());
            self.end_what_wants_to();
            return;
        }
        // A tended stage shares the machine with others until it is gone; one with processes and a network of its own only until its work is done.
        let isolation = self.launcher.isolation();
        let apart = isolation.has(Property::Kill) && isolation.has(Property::Network);
        let holds_a_place = |running: &&Running| running.plays() || (!apart && running.has_begun());
        let mut free = self.jobs.saturating_sub(self.running.values().filter(holds_a_place).count());
        let ahead = if apart { AHEAD.min(self.jobs) } else { 0 };
        while self.not_started.is_none() && self.held_up.is_none() {
            if free > 0
                && let Some(id) = self.prepared.pop_front()
            {
                if let Some(running) = self.running.get_mut(&id) {
                    running.begin(&mut self.emit);
                    free -= 1;
                }
            } else if self.prepared.len() < free.max(ahead)
                && let Some(next) = self.admission.next(&mut self.queue, self.prepared.len() < free, &self.running)
            {
                self.launch(next);
            } else {
                return;
            }
        }
    }

    fn launch(&mut self, admitted: Admitted) {
        let Admitted { index, shares_network, ports, turns } = admitted;
        let scenario = &self.plan.scenarios[self.options.chosen[index]];
        let document = &self.plan.documents[scenario.document];
        let script = script(scenario, document, self.options);
        let limits = Limits { scenario: script.scenario_limit, step: script.step_limit };
        let directory = self.launcher.run_directory().join((index + 1).to_string()).join("data");
        let spec = StageSpec {
            environment: self.environment(&directory),
            directory: directory.clone(),
            host_network: shares_network,
            hint: u32::try_from(scenario.document).ok().filter(|_| self.warms_hosts && needs_host(scenario)),
            holds: turns,
        };
        let payload = serde_json::to_vec(&script).map_err(|error| SandboxError::Launch(error.into()));
        let launched = payload.and_then(|payload| self.launcher.launch(stage_id(index), spec, &payload));
        match launched {
            Ok(end) => {
                let running = Running::new(Attempt::first(index), end, directory, scenario.steps.len(), limits);
                let running = if shares_network { running.sharing_network(ports) } else { running };
                self.running.insert(stage_id(index), running);
                self.prepared.push_back(stage_id(index));
            }
            Err(error) if error.is_busy() => {
                self.held_up = Some(HeldUp::Busy);
                self.admission.take_back(index);
            }
            Err(error) if error.is_scarcity() && !self.running.is_empty() => {
                self.held_up = Some(HeldUp::Scarcity);
                self.admission.take_back(index);
            }
            Err(error) => {
                self.skip(index, Outcome::Broken, &error.to_string());
                if matches!(error, SandboxError::LauncherDied) {
                    self.lose_the_launcher();
                }
            }
        }
    }

    fn environment(&self, directory: &Path) -> Vec<(String, Option<String>)> {
        let directory = directory.display().to_string();
        let values = [directory.clone(), directory, "/bin/sh".to_owned()];
        let own = OWN_VARIABLES.into_iter().zip(values).map(|(name, value)| (name.to_owned(), Some(value)));
        let users = self.options.environment.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        own.chain(users).collect()
    }

    /// Waits for whatever happens next, and deals with it.
    fn wait(&mut self) {
        let mut fds = Vec::with_capacity(self.running.len() + 4);
        let lacks_room = self.launcher.catch_up() || self.held_up == Some(HeldUp::Busy);
        if let Ok(fd) = self.launcher.fd() {
            fds.push(PollFd::from_borrowed_fd(
                fd,
                if lacks_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN },
            ));
        }
        let channels: Vec<u32> =
            self.running.iter().filter(|(_, running)| running.channel().is_some()).map(|(&id, _)| id).collect();
        fds.extend(
            self.running.values().filter_map(Running::channel).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
        );
        let orders = fds.len();
        fds.extend(self.orders.stop.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let pause = fds.len();
        fds.extend(self.orders.pause.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let waiting = fds.len();
        fds.extend(self.admission.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let begun = Instant::now();
        let next = self.running.values().filter_map(Running::deadline).min().unwrap_or(begun + TICK);
        let pulse = next.saturating_duration_since(begun).min(TICK);
        let timeout = Timespec::try_from(pulse).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 100_000_000 });
        let _ = poll(&mut fds, Some(&timeout));
        let too_long = begun.elapsed().saturating_sub(pulse);
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        if too_long >= LAPSE {
            self.shift(too_long);
        }
        for (at, id) in channels.iter().enumerate() {
            if ready.get(at + 1) == Some(&true)
                && let Some(running) = self.running.get_mut(id)
            {
                running.listen(&mut self.emit);
                let failed = running.has_failed();
                self.heed_failure(failed);
            }
        }
        if ready.first() == Some(&true) {
            if self.held_up == Some(HeldUp::Busy) {
                self.held_up = None;
            }
            self.hear_the_launcher();
        }
        self.admission.heed(&ready[waiting.min(ready.len())..]);
        if self.orders.stop.is_some() && ready.get(orders) == Some(&true) {
            self.heed_orders();
        }
        if self.orders.pause.is_some() && ready.get(pause) == Some(&true) {
            self.pause();
        }
        if !self.deserted && self.emit.is_deserted() {
            self.deserted = true;
            // A terminal that is closed says so twice, by a signal and by refusing what is written.
            if self.orders_to_stop == 0 {
                self.stop(1);
                self.foreseen = 1;
            }
        }
        self.watch_the_clock();
        self.emit.idle();
    }

    /// This process has not been running for a while.
    fn shift(&mut self, lost: Duration) {
        for running in self.running.values_mut() {
            running.shift(lost);
        }
        self.admission.shift(lost);
        self.emit.shift(lost);
    }

    /// Lets everything stand still until somebody continues this process.
    fn pause(&mut self) {
        let Some(pause) = self.orders.pause else { return };
        self.emit.pausing();
        self.launcher.pause();
        let until = Instant::now() + LAPSE;
        while self.launcher.catch_up() && Instant::now() < until {
            if let Ok(fd) = self.launcher.fd() {
                let tick = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
                let _ = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], Some(&tick));
            }
        }
        let begun = Instant::now();
        let _ = kill_process(getpid(), Signal::STOP);
        // Continued. Orders that came together were one.
        let _ = rustix::io::read(pause, &mut [0; 16]);
        self.launcher.resume();
        self.shift(begun.elapsed());
    }

    fn hear_the_launcher(&mut self) {
        loop {
            match self.launcher.notice() {
                Ok(Some(notice)) => {
                    if let Some(running) = self.running.remove(&notice.stage) {
                        self.finish(running, &notice.gone);
                    }
                }
                Ok(None) => return,
                Err(_) => return self.lose_the_launcher(),
            }
        }
    }

    fn finish(&mut self, running: Running, gone: &Result<greenroom_sandbox::process::Status, String>) {
        // Removing a directory takes a few descriptors, and stages may have taken all others.
        self.spare.clear();
        let afterwards = Afterwards { keep: self.options.keep, leftovers_fail: self.options.leftovers_fail };
        let (outcome, kept) = running.finish(gone, afterwards, &mut self.emit);
        self.spare = spare();
        self.held_up = None;
        let bad = matches!(outcome, Outcome::Failed | Outcome::Broken);
        if kept && !self.kept {
            self.kept = true;
            self.launcher.leave_directory();
        }
        self.heed_failure(bad);
    }

    /// With `--fail-fast` nothing is started any more once something has failed.
    fn heed_failure(&mut self, failed: bool) {
        if failed && self.options.fail_fast && self.not_started.is_none() {
            self.not_started = Some((Outcome::Skipped, "an earlier scenario failed (--fail-fast)".to_owned()));
        }
    }

    /// Without a launcher nothing can be started, and all that was running goes with it.
    fn lose_the_launcher(&mut self) {
        let reason = SandboxError::LauncherDied.to_string();
        self.not_started.get_or_insert((Outcome::Broken, reason.clone()));
        // They have gone when their ends of the channels have.
        let until = Instant::now() + GOING;
        loop {
            for running in self.running.values_mut() {
                running.listen(&mut self.emit);
            }
            let fds = self.running.values().filter_map(Running::channel);
            let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            let left = until.saturating_duration_since(Instant::now());
            if fds.is_empty() || left.is_zero() {
                break;
            }
            let _ = poll(&mut fds, Timespec::try_from(left).ok().as_ref());
        }
        for running in std::mem::take(&mut self.running).into_values() {
            self.finish(running, &Err(reason.clone()));
        }
    }

    fn heed_orders(&mut self) {
        let Some(stop) = self.orders.stop else {
            return;
        };
        let mut bytes = [0; 16];
        let Ok(count) = rustix::io::read(stop, &mut bytes) else {
            return;
        };
        let foreseen = self.foreseen.min(count);
        self.foreseen -= foreseen;
        self.stop(count - foreseen);
        if count == 0 {
            self.orders.stop = None;
        }
    }

    /// Heeds so many orders to stop.
    fn stop(&mut self, count: usize) {
        let reason = if self.deserted { "the reader of the results is gone" } else { "the run was interrupted" };
        for _ in 0..count {
            self.orders_to_stop += 1;
            self.not_started.get_or_insert((Outcome::Skipped, reason.to_owned()));
            for running in self.running.values_mut() {
                if !running.has_begun() {
                    running.abandon(Outcome::Skipped, FailureKind::NotStarted, reason);
                } else if self.orders_to_stop == 1 {
                    running.interrupt();
                } else {
                    running.abandon(Outcome::Skipped, FailureKind::Interrupted, "interrupted");
                }
            }
        }
    }

    /// Has the launcher end the stages that are to collapse: their first processes may not be able to.
    fn end_what_wants_to(&mut self) {
        for (&id, running) in &mut self.running {
            if running.wants_to_end() {
                self.launcher.end(id);
            }
        }
    }

    fn watch_the_clock(&mut self) {
        let now = Instant::now();
        let emit = &mut self.emit;
        // A third order to stop: what has not ended by then is not waited for.
        let hopeless = self.orders_to_stop > 2;
        let stuck: Vec<u32> = self
            .running
            .iter_mut()
            .filter_map(|(&id, running)| (!running.overdue(now, emit) || hopeless).then_some(id))
            .collect();
        for id in stuck {
            if let Some(running) = self.running.remove(&id) {
                self.finish(running, &Ok(greenroom_sandbox::process::Status::Signal(9)));
            }
        }
        self.end_what_wants_to();
        for (index, reason) in self.admission.overdue(now, &self.running) {
            self.skip(index, Outcome::Broken, &reason);
        }
    }

    /// Says of every scenario that never started why.
    fn skip_the_rest(&mut self) {
        let (outcome, reason) = self.not_started.clone().unwrap_or((Outcome::Skipped, String::new()));
        let mut rest: Vec<usize> = self.queue.drain(..).collect();
        rest.sort_unstable();
        for index in rest {
            self.skip(index, outcome, &reason);
        }
    }

    fn skip(&mut self, index: usize, outcome: Outcome, reason: &str) {
        let failure = Some(Failure::new(reason).kind(FailureKind::NotStarted));
        self.emit.scenario(
            Attempt::first(index),
            EventKind::ScenarioFinished(ScenarioFinished {
                outcome,
                took: Duration::ZERO,
                failure,
                daemons: Vec::new(),
                left_over: Vec::new(),
                kept: None,
                network: None,
            }),
        );
    }
}

/// A few descriptors, or fewer.
fn spare() -> Vec<OwnedFd> {
    (0..6).map_while(|_| rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 3).ok()).collect()
}

fn stage_id(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
