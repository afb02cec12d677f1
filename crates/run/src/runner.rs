//! The run: launches scenarios as places come free and listens until all have ended.
//!
//! It is long because it is one loop: each of its events can change what every other one means.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenroom_doc::{Plan, PlannedScenario, Sources};
use greenroom_event::{
    Attempt, EventKind, Failure, FailureKind, Outcome, RunStarted, SCHEMA_VERSION, ScenarioFinished, Sink,
};
use greenroom_sandbox::process::Account;
use greenroom_sandbox::{
    DirectoryFate, ExitStatus, Launcher, LauncherOptions, Network, Notice, Property, SandboxError, SetupFailure,
    StageSpec,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};

use crate::admission::{Admission, Candidate};
use crate::disk;
use crate::emit::Emitter;
use crate::hold::{Company, LaunchHold};
use crate::options::{Orders, RunOptions};
use crate::order::Order;
use crate::outline::{isolation, outline};
use crate::places::Places;
use crate::scenario::{ActiveScenario, EndPolicy, Limits};
use crate::schedule::{self, Attempts};
use crate::script::{document_part, needs_host, script};
use crate::users::{ScenarioUser, users};
use crate::wire::{OWN_VARIABLES, Prologue};

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The sandbox could not be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Runs the selected scenarios of a plan without errors. Pushes all that happens into `sink`.
///
/// # Errors
///
/// When the run cannot start. Everything that goes wrong later is an event.
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
        keep: options.visible.clone(),
        prologue: serde_json::to_vec(&prologue).map_err(|error| SandboxError::Start(error.into()))?,
        files: &greenroom_steps::function::FILES,
    };
    let launcher = Launcher::start(launcher, orders.stop)?;
    let users = users(plan, launcher.isolation())?;
    disk::require(plan, &options.chosen, launcher.isolation())?;
    if options.network == Some(greenroom_doc::Network::Private) && !launcher.isolation().has(Property::Network) {
        return Err(SandboxError::NoNetwork(launcher.isolation().refusals.clone()).into());
    }
    let admission = Admission::new(plan, options, launcher.isolation());
    // A single scenario starts its own host as fast.
    let warms_hosts = options.repeat.is_some_and(|rounds| rounds > 1)
        || options.chosen.iter().filter(|&&index| needs_host(&plan.scenarios[index])).take(2).count() == 2;
    let places = Places::new(options.jobs, warms_hosts.then(|| launcher.process()));
    let mut outline = outline(plan, sources, &options.chosen, &options.texts, &options.test_names);
    if let Some(partition) = &options.partition {
        // Scenarios of other partitions are not left out.
        outline.left_out = plan.scenarios.len().saturating_sub(partition.scenarios);
    }
    schedule::complete(&mut outline, plan, options);
    let (side_by_side, at_once) = if admission.is_one_at_a_time() { (1, 1) } else { (places.most(), places.least()) };
    let queue = schedule::queue(options, side_by_side > 1 && outline.scenarios.len() > at_once);
    let attempts = Attempts::new(&outline);
    let mut emit = Emitter::new(sink);
    emit.run(EventKind::RunStarted(RunStarted {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        outline: Arc::new(outline),
        isolation: isolation(launcher.isolation()),
        jobs: side_by_side,
        shuffle: options.shuffle,
        origin: options.origin.clone(),
        partition: options.partition.clone(),
        merge: None,
    }));
    let mut runner = Runner {
        plan,
        users,
        options,
        launcher,
        places,
        hold: None,
        queue,
        attempts,
        retries: VecDeque::new(),
        stages: 0,
        running: BTreeMap::new(),
        prepared: VecDeque::new(),
        order: Order::new(side_by_side == 1),
        announced: BTreeSet::new(),
        stop_requests: 0,
        began: Instant::now(),
        not_started: None,
        kept: false,
        admission,
        warms_hosts,
        spare: spare(),
        orders,
        deserted: false,
        stops_already_handled: 0,
        emit,
    };
    runner.play();
    runner.skip_the_rest();
    let Runner { launcher, mut emit, stop_requests, kept, .. } = runner;
    launcher.dismiss(if kept { DirectoryFate::Keep } else { DirectoryFate::Remove });
    emit.run(EventKind::RunFinished { interrupted: stop_requests > 0 });
    Ok(())
}

struct Runner<'a> {
    plan: &'a Plan,
    /// The user of each document's scenarios, if that is another one.
    users: Vec<Option<ScenarioUser>>,
    options: &'a RunOptions,
    launcher: Launcher,
    places: Places,
    /// Why the launcher takes no scenario at the moment.
    hold: Option<LaunchHold>,
    /// Scenarios that wait for a free place, by their index in the outline.
    queue: VecDeque<usize>,
    attempts: Attempts,
    /// Scenarios whose next attempt starts before anything else.
    retries: VecDeque<usize>,
    /// How many stages were launched.
    stages: u32,
    /// Launched scenarios by the id of their stage.
    running: BTreeMap<u32, ActiveScenario>,
    /// Launched scenarios that have not begun.
    prepared: VecDeque<u32>,
    /// Scenarios that are over, but whose results wait for that of an earlier one.
    order: Order,
    /// Attempts whose start was reported.
    announced: BTreeSet<Attempt>,
    stop_requests: u32,
    began: Instant,
    /// Why no further scenario starts.
    not_started: Option<(Outcome, String)>,
    /// Whether something in the run's directory is kept.
    kept: bool,
    admission: Admission,
    /// Whether step hosts start once, for all scenarios that need them.
    warms_hosts: bool,
    /// Descriptors reserved for work that must not fail when all others are in use.
    spare: Vec<OwnedFd>,
    orders: Orders<'a>,
    /// Whether the reader of the results is gone.
    deserted: bool,
    /// Stop requests that have yet to arrive, but were handled already.
    stops_already_handled: usize,
    emit: Emitter<'a>,
}

/// How many scenarios are prepared before their turn, at most.
const AHEAD: usize = 2;

/// How often displays that show time passing are refreshed.
const TICK: Duration = Duration::from_millis(100);

/// A wait that takes this much too long means that this process was suspended, or the machine was.
const LAPSE: Duration = Duration::from_millis(500);

/// How long stages may take to die after their launcher did.
const STAGES_END: Duration = Duration::from_secs(5);

impl Runner<'_> {
    fn play(&mut self) {
        loop {
            while let Some((running, gone)) = self.order.next(&self.running) {
                self.finish(running, &gone);
            }
            self.fill_free_places();
            let is_done = self.queue.is_empty() || self.hold.is_none() || self.not_started.is_some();
            // While launches are on hold the queue is not done, even if nothing runs right now.
            let is_idle = self.retries.is_empty() && self.admission.is_idle();
            if self.running.is_empty() && is_idle && is_done {
                return;
            }
            self.wait();
        }
    }

    /// Starts prepared scenarios in free places, and prepares the next ones.
    ///
    /// Setting up a stage takes about as long as a short scenario, and runs beside it.
    fn fill_free_places(&mut self) {
        if let Some((outcome, reason)) = &self.not_started {
            for id in self.prepared.drain(..) {
                if let Some(running) = self.running.get_mut(&id) {
                    running.abandon(*outcome, FailureKind::NotStarted, reason);
                }
            }
            self.queue.extend(self.retries.drain(..));
            self.queue.extend(self.admission.drain_waiting());
            self.end_collapsing_stages();
            return;
        }
        // A stage that shares the machine takes its place until it is gone; one with its own processes and
        // network only until its work is done, or until it is retried.
        let isolation = self.launcher.isolation();
        let apart = isolation.has(Property::Kill) && isolation.has(Property::Network);
        let may_retry = |running: &ActiveScenario| running.has_failed() && self.attempts.may_retry(running.attempt);
        let holds_a_place =
            |running: &&ActiveScenario| running.plays() || (running.has_begun() && (!apart || may_retry(running)));
        let taken = self.running.values().filter(holds_a_place).count();
        let playing = self.running.iter().filter(|(_, running)| running.plays()).map(|(&id, _)| id);
        let mut free = if self.has_waiting() { self.places.free(taken, playing, Instant::now()) } else { 0 };
        let ahead = if apart { AHEAD.min(self.places.least()) } else { 0 };
        while self.not_started.is_none() {
            if free > 0
                && self.may_launch()
                && let Some(index) = self.retries.pop_front()
            {
                if let Some(candidate) = self.admission.again(index, &self.running) {
                    self.launch(candidate);
                }
            } else if free > 0
                && let Some(id) = self.prepared.pop_front()
            {
                if let Some(running) = self.running.get_mut(&id) {
                    let is_announced = !self.announced.insert(running.attempt);
                    running.begin(is_announced, &mut self.emit);
                    free -= 1;
                }
            } else if self.may_launch()
                && self.prepared.len() < free.max(ahead)
                && let Some(next) = self.admission.next(&mut self.queue, self.prepared.len() < free, &self.running)
            {
                self.launch(next);
            } else {
                return;
            }
        }
    }

    /// Whether a scenario waits for a place.
    fn has_waiting(&self) -> bool {
        let is_done = self.queue.is_empty() && self.prepared.is_empty() && self.retries.is_empty();
        !(is_done && self.admission.is_idle()) && self.not_started.is_none()
    }

    /// Whether the launcher may be asked for another stage.
    fn may_launch(&self) -> bool {
        match self.hold {
            None => true,
            Some(LaunchHold::Busy) => false,
            // Alone, a scenario shows whether there is enough for one. With others that only try as well,
            // it would not.
            Some(LaunchHold::Scarcity { again }) => {
                let is_set_up = |running: &ActiveScenario| running.is_set_up();
                self.running.is_empty() || (Instant::now() >= again && self.running.values().any(is_set_up))
            }
        }
    }

    fn launch(&mut self, admitted: Candidate) {
        let Candidate { index, shares_network, ports, turns } = admitted;
        let company = if self.running.is_empty() { Company::Alone } else { Company::Others };
        if matches!(self.hold, Some(LaunchHold::Scarcity { .. })) {
            self.hold = Some(LaunchHold::scarcity());
        }
        let scenario = self.planned(index);
        let document = &self.plan.documents[scenario.document];
        let user = self.users[scenario.document].clone();
        let script = script(scenario, document, user.is_some(), self.options);
        let limits = Limits { scenario: script.scenario_limit, step: script.step_limit };
        let attempt = self.attempts.current(index);
        let retry = if attempt.number > 1 { format!(".{}", attempt.number) } else { String::new() };
        let directory = self.launcher.run_directory().join(format!("{}{retry}", index + 1)).join("data");
        let disk = disk::size(scenario);
        let warms_host = self.warms_hosts && user.is_none() && needs_host(scenario);
        let spec = StageSpec {
            environment: self.environment(&directory, user.as_ref().map(|user| &user.account)),
            directory: directory.clone(),
            network: if shares_network { Network::Host } else { Network::Private },
            disk,
            hint: u32::try_from(scenario.document).ok().filter(|_| warms_host),
            id_maps: user.as_ref().and_then(|user| user.id_maps.clone()),
            user: user.map(|user| user.account),
            holds: turns,
            is_observed: self.places.needs_processes(),
        };
        let payload = serde_json::to_vec(&script).map_err(|error| SandboxError::Launch(error.into()));
        let stage = self.stages;
        let launched = payload.and_then(|payload| self.launcher.launch(stage, spec, &payload));
        match launched {
            Ok(end) => {
                let running = ActiveScenario::new(attempt, end, directory, scenario.steps.len(), limits);
                let running = if shares_network { running.sharing_network(ports) } else { running };
                let running = running.on_disk(disk);
                let running = running.in_company(company);
                self.running.insert(stage, running);
                if warms_host {
                    self.places.note_hosted(stage);
                }
                if attempt.number > 1 {
                    self.prepared.push_front(stage);
                } else {
                    self.prepared.push_back(stage);
                }
                self.stages += 1;
            }
            Err(error) if error.is_busy() => {
                self.hold = Some(LaunchHold::Busy);
                self.take_back(attempt);
            }
            Err(error) if error.is_scarcity() && company == Company::Others => {
                self.hold = Some(LaunchHold::scarcity());
                self.take_back(attempt);
            }
            Err(error) => {
                self.skip(index, Outcome::Broken, &error.to_string());
                if matches!(error, SandboxError::LauncherDied) {
                    self.on_launcher_death();
                }
            }
        }
    }

    /// Puts back a scenario that could not start now; it comes first next time.
    fn take_back(&mut self, attempt: Attempt) {
        if attempt.number > 1 {
            self.retries.push_front(attempt.index);
        } else {
            self.admission.take_back(attempt.index);
        }
    }

    /// Returns the scenario of an entry of the outline.
    fn planned(&self, index: usize) -> &PlannedScenario {
        let chosen = &self.options.chosen;
        &self.plan.scenarios[chosen[index % chosen.len()]]
    }

    fn environment(&self, directory: &Path, user: Option<&Account>) -> Vec<(String, Option<String>)> {
        let directory = directory.display().to_string();
        let values = [directory.clone(), directory, "/bin/sh".to_owned()];
        let own = OWN_VARIABLES.into_iter().zip(values).map(|(name, value)| (name.to_owned(), Some(value)));
        let names = user.into_iter().flat_map(|user| ["USER", "LOGNAME"].map(|name| (name, &user.name)));
        let names = names.map(|(name, user)| (name.to_owned(), Some(user.clone())));
        let users = self.options.environment.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        own.chain(names).chain(users).collect()
    }

    /// Waits for the next thing to happen, and handles it.
    fn wait(&mut self) {
        let mut fds = Vec::with_capacity(self.running.len() + 4);
        let lacks_room = self.launcher.catch_up() || self.hold == Some(LaunchHold::Busy);
        if let Ok(fd) = self.launcher.fd() {
            fds.push(PollFd::from_borrowed_fd(
                fd,
                if lacks_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN },
            ));
        }
        let channels: Vec<u32> =
            self.running.iter().filter(|(_, running)| running.channel().is_some()).map(|(&id, _)| id).collect();
        fds.extend(
            self.running
                .values()
                .filter_map(ActiveScenario::channel)
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
        );
        let orders = fds.len();
        fds.extend(self.orders.stop.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let pause = fds.len();
        fds.extend(self.orders.pause.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let waiting = fds.len();
        fds.extend(self.admission.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let begun = Instant::now();
        let deadlines = self.running.values().filter_map(ActiveScenario::deadline);
        let place = self.places.again().filter(|_| self.has_waiting());
        let next = deadlines.chain(place).min().unwrap_or(begun + TICK);
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
                let decides = running.has_failed() && !self.attempts.may_retry(running.attempt);
                self.note_failure(decides);
            }
        }
        if ready.first() == Some(&true) {
            if self.hold == Some(LaunchHold::Busy) {
                self.hold = None;
            }
            self.handle_notices();
        }
        self.admission.note_ready(&ready[waiting.min(ready.len())..]);
        if self.orders.stop.is_some() && ready.get(orders) == Some(&true) {
            self.handle_stop_requests();
        }
        if self.orders.pause.is_some() && ready.get(pause) == Some(&true) {
            self.pause();
        }
        if !self.deserted && self.emit.is_deserted() {
            self.deserted = true;
            // A terminal that closes stops us twice: by a signal, and by refusing what is written.
            if self.stop_requests == 0 {
                self.stop(1, "the reader of the results is gone");
                self.stops_already_handled = 1;
            }
        }
        self.handle_time_limit();
        self.handle_deadlines();
        self.emit.idle();
    }

    /// Takes the time for which this process was suspended off all limits.
    fn shift(&mut self, lost: Duration) {
        for running in self.running.values_mut() {
            running.shift(lost);
        }
        self.order.shift(lost);
        self.admission.shift(lost);
        self.emit.shift(lost);
    }

    /// Suspends all stages and this process, until a signal continues it.
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
        // Continued. Requests that came together were one.
        let _ = rustix::io::read(pause, &mut [0; 16]);
        self.launcher.resume();
        self.shift(begun.elapsed());
    }

    fn handle_notices(&mut self) {
        loop {
            match self.launcher.notice() {
                Ok(Some(Notice::Gone { stage, status })) => {
                    self.places.note_process(stage, None);
                    if let Some(running) = self.running.remove(&stage) {
                        self.on_end(stage, running, status);
                    }
                }
                Ok(Some(Notice::Created { stage, process })) => self.places.note_process(stage, Some(process)),
                Ok(None) => return,
                Err(_) => return self.on_launcher_death(),
            }
        }
    }

    /// Finishes a scenario whose stage is gone, or puts it back if its stage lacked something.
    fn on_end(&mut self, id: u32, mut running: ActiveScenario, gone: Result<ExitStatus, SetupFailure>) {
        running.listen(&mut self.emit);
        let lacked = gone.as_ref().is_err_and(|failure| failure.is_scarcity) || running.lacked_room();
        if !lacked {
            if self.order.must_wait(&running, &self.running) {
                return self.order.wait(running, gone);
            }
            return self.finish(running, &gone);
        }
        self.spare.clear();
        let discarded = running.discard();
        self.spare = spare();
        if let Some((outcome, reason)) = self.not_started.clone() {
            self.skip(running.attempt.index, outcome, &reason);
        } else if let Err(reason) = discarded {
            self.finish(running, &Err(SetupFailure { reason, is_scarcity: false }));
        } else if self.running.is_empty() && running.is_alone() {
            self.finish(running, &gone);
        } else {
            self.prepared.retain(|&prepared| prepared != id);
            self.take_back(running.attempt);
        }
        self.hold = Some(LaunchHold::scarcity());
    }

    fn finish(&mut self, running: ActiveScenario, gone: &Result<ExitStatus, SetupFailure>) {
        // Removing a directory takes a few descriptors, and stages may use all others.
        self.spare.clear();
        let attempt = running.attempt;
        // When no further scenario starts, no further attempt does.
        let may_retry = self.not_started.is_none() && self.attempts.may_retry(attempt);
        let policy = EndPolicy {
            keep: self.options.keep,
            strictness: self.options.strictness,
            evidence: self.options.evidence,
            may_retry,
        };
        let ending = running.finish(gone, policy, &self.launcher, &mut self.emit);
        self.spare = spare();
        self.hold = None;
        if ending.is_kept && !self.kept {
            self.kept = true;
            self.launcher.leave_directory();
        }
        if ending.is_retried {
            self.attempts.retry(attempt.index);
            self.retries.push_back(attempt.index);
        } else {
            self.note_failure(matches!(ending.outcome, Outcome::Failed | Outcome::Broken));
        }
    }

    /// With `--fail-fast` or `--until-failure`, starts nothing more once a scenario failed.
    fn note_failure(&mut self, failed: bool) {
        let RunOptions { fail_fast, until_failure, .. } = *self.options;
        if failed && (fail_fast || until_failure) && self.not_started.is_none() {
            let option = if until_failure { "--until-failure" } else { "--fail-fast" };
            self.not_started = Some((Outcome::Skipped, format!("an earlier scenario failed ({option})")));
        }
    }

    /// Ends the run: without a launcher nothing can start, and its stages die with it.
    fn on_launcher_death(&mut self) {
        let reason = SandboxError::LauncherDied.to_string();
        self.not_started.get_or_insert((Outcome::Broken, reason.clone()));
        // A stage is gone when its end of the channel is closed.
        let until = Instant::now() + STAGES_END;
        loop {
            for running in self.running.values_mut() {
                running.listen(&mut self.emit);
            }
            let fds = self.running.values().filter_map(ActiveScenario::channel);
            let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            let left = until.saturating_duration_since(Instant::now());
            if fds.is_empty() || left.is_zero() {
                break;
            }
            let _ = poll(&mut fds, Timespec::try_from(left).ok().as_ref());
        }
        for running in std::mem::take(&mut self.running).into_values() {
            self.finish(running, &Err(SetupFailure { reason: reason.clone(), is_scarcity: false }));
        }
    }

    fn handle_stop_requests(&mut self) {
        let Some(stop) = self.orders.stop else {
            return;
        };
        let mut bytes = [0; 16];
        let Ok(count) = rustix::io::read(stop, &mut bytes) else {
            return;
        };
        let handled = self.stops_already_handled.min(count);
        self.stops_already_handled -= handled;
        self.stop(count - handled, "the run was interrupted");
        if count == 0 {
            self.orders.stop = None;
        }
    }

    /// Handles stop requests: the first is polite, the second kills.
    fn stop(&mut self, count: usize, reason: &str) {
        for _ in 0..count {
            self.stop_requests += 1;
            self.not_started.get_or_insert((Outcome::Skipped, reason.to_owned()));
            for running in self.running.values_mut() {
                if !running.has_begun() {
                    running.abandon(Outcome::Skipped, FailureKind::NotStarted, reason);
                } else if self.stop_requests == 1 {
                    running.interrupt();
                } else {
                    running.abandon(Outcome::Skipped, FailureKind::Interrupted, "interrupted");
                }
            }
        }
    }

    /// Stops the run when its time is over; a little later, kills what still runs.
    fn handle_time_limit(&mut self) {
        let Some(limit) = self.options.time_limit else { return };
        let elapsed = self.began.elapsed();
        let requests = u32::from(elapsed >= limit.stop) + u32::from(elapsed >= limit.kill);
        if self.stop_requests < requests {
            self.stop(1, "the time limit of the run was reached");
        }
    }

    /// Has the launcher end collapsing stages, in case their first processes cannot.
    fn end_collapsing_stages(&mut self) {
        for (&id, running) in &mut self.running {
            if running.needs_the_launcher() {
                self.launcher.end(id);
            }
        }
    }

    fn handle_deadlines(&mut self) {
        let now = Instant::now();
        let emit = &mut self.emit;
        // The third stop request waits for nothing.
        let hopeless = self.stop_requests > 2;
        let stuck: Vec<u32> = self
            .running
            .iter_mut()
            .filter_map(|(&id, running)| (!running.check_deadline(now, emit) || hopeless).then_some(id))
            .collect();
        for id in stuck {
            if let Some(running) = self.running.remove(&id) {
                self.finish(running, &Ok(ExitStatus::Signal(greenroom_sandbox::Signal::KILL)));
            }
        }
        self.end_collapsing_stages();
        for (index, reason) in self.admission.overdue(now, &self.running) {
            self.skip(index, Outcome::Broken, &reason);
        }
    }

    /// Reports every scenario that never started, with the reason.
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
            self.attempts.current(index),
            EventKind::ScenarioFinished(ScenarioFinished { failure, ..ScenarioFinished::new(outcome, Duration::ZERO) }),
        );
    }
}

/// Reserves a few descriptors, or fewer when they are short.
fn spare() -> Vec<OwnedFd> {
    (0..6).map_while(|_| rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 3).ok()).collect()
}
