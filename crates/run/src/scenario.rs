//! One scenario as the runner sees it, from launch to the last event.
//!
//! It is long because it is one state machine: its messages and ends are checked against one state.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_event::{
    Attempt, Daemon, DaemonEnd, EventKind, Exit, Failure, FailureKind, LeftOver, Outcome, Output, OutputSource,
    PrivateNetwork, ScenarioFinished, Scope, StepFinished, Stream, words,
};
use greenroom_sandbox::process::{ExitStatus, Signal, capture, stuck};
use greenroom_sandbox::{COLLAPSE_LIMIT, Launcher, Received, RunnerEnd, SetupFailure, StageMessage, tree};
use greenroom_steps::Evidence;
use greenroom_steps::function::guard;

use crate::disk;
use crate::emit::Emitter;
use crate::hold::Company;
use crate::options::Strictness;
use crate::progress::{OrderError, Progress};
use crate::wire::{StepReply, WorkerMessage};

/// How long the runner waits after a limit for the worker, which stops its daemons politely first.
const SLACK: Duration = Duration::from_secs(15);

/// A stage that is set up, or cannot be, is so within this time.
const SET_UP_LIMIT: Duration = Duration::from_secs(5);

/// Time limits of a scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) scenario: Duration,
    pub(crate) step: Duration,
}

/// The state of a launched scenario.
///
/// However it ends, it passes [`Phase::Ending`] or [`Phase::Collapsing`] before [`ActiveScenario::finish`], the
/// only place that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its stage is being set up, or waits for its turn.
    Isolating,
    /// Its worker runs steps, cleanups, the polite end.
    Playing,
    /// Its worker sent the last message; its first process is about to end, and all others with it.
    Ending { since: Instant },
    /// Its processes are being killed.
    Collapsing { since: Instant },
}

/// A scenario whose stage has been launched.
pub(crate) struct ActiveScenario {
    /// Its place in reading order, and which attempt at it this is.
    pub(crate) attempt: Attempt,
    end: RunnerEnd,
    directory: PathBuf,
    limits: Limits,
    /// When its turn came; the stage is set up earlier.
    begun: Option<Instant>,
    progress: Progress,
    step_begun: Instant,
    outcome: Outcome,
    failure: Option<Failure>,
    phase: Phase,
    last_message: Option<LastMessage>,
    /// When its stage was gone, if it is not reported at once.
    gone: Option<Instant>,
    /// Whether the channel is closed and read to its end.
    drained: bool,
    /// Whether the launcher was asked to end it.
    asked_to_end: bool,
    /// The size of the disk that its directory is on, if it has one of its own.
    disk: Option<u64>,
    /// Ports of the machine's network whose turn it has.
    ports: Vec<u16>,
    /// Whether it uses the machine's network.
    shares_network: bool,
    launched: Instant,
    company: Company,
    setup: Setup,
}

/// What is known about the set-up of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Setup {
    /// Nothing yet.
    Unknown,
    /// It is done: its worker has sent a message.
    Done,
    /// Something was used up.
    Lacking(String),
}

/// The last message of the worker.
#[derive(Default)]
struct LastMessage {
    daemons: Vec<Daemon>,
    left_over: Vec<LeftOver>,
    network: Option<PrivateNetwork>,
}

/// What to do with what scenarios leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndPolicy {
    /// Keep the directories of scenarios that did not pass.
    pub(crate) keep: bool,
    /// What fails a scenario whose steps passed.
    pub(crate) strictness: Strictness,
    /// How much is recorded of them.
    pub(crate) evidence: Evidence,
    /// Whether another attempt follows if this one failed.
    pub(crate) may_retry: bool,
}

/// The end of an attempt at a scenario, as far as the runner needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    /// Whether its directory is kept.
    pub(crate) is_kept: bool,
    /// Whether another attempt follows.
    pub(crate) is_retried: bool,
}

impl ActiveScenario {
    pub(crate) fn new(attempt: Attempt, end: RunnerEnd, directory: PathBuf, steps: usize, limits: Limits) -> Self {
        Self {
            asked_to_end: false,
            disk: None,
            ports: Vec::new(),
            shares_network: false,
            launched: Instant::now(),
            company: Company::Others,
            setup: Setup::Unknown,
            attempt,
            end,
            directory,
            limits,
            begun: None,
            progress: Progress::new(steps),
            step_begun: Instant::now(),
            outcome: Outcome::Passed,
            failure: None,
            phase: Phase::Isolating,
            last_message: None,
            gone: None,
            drained: false,
        }
    }

    /// Marks it as using the machine's network, with its turn at these ports.
    #[must_use]
    pub(crate) fn sharing_network(mut self, ports: Vec<u16>) -> Self {
        self.shares_network = true;
        self.ports = ports;
        self
    }

    /// Sets the size of the disk that its directory is on.
    #[must_use]
    pub(crate) fn on_disk(mut self, size: Option<u64>) -> Self {
        self.disk = size;
        self
    }

    /// Sets what else ran when it was launched.
    #[must_use]
    pub(crate) fn in_company(mut self, company: Company) -> Self {
        self.company = company;
        self
    }

    /// Whether no other scenario was there when it was launched.
    pub(crate) fn is_alone(&self) -> bool {
        self.company == Company::Alone
    }

    /// Whether its stage is known to be set up: otherwise it would have ended.
    pub(crate) fn is_set_up(&self) -> bool {
        self.setup == Setup::Done || self.launched.elapsed() > SET_UP_LIMIT
    }

    /// Whether its stage could not be set up because something was used up.
    pub(crate) fn lacked_room(&self) -> bool {
        matches!(self.setup, Setup::Lacking(_))
    }

    /// Removes what its stage has created, so that it can be launched again.
    pub(crate) fn discard(&self) -> Result<(), String> {
        let own = self.directory.parent().unwrap_or(&self.directory);
        tree::remove(own).map_err(|error| format!("failed to remove {}: {error}", own.display()))
    }

    /// Whether it uses the machine's network.
    pub(crate) fn shares_network(&self) -> bool {
        self.shares_network
    }

    /// Whether it has its turn at this port.
    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Starts it: its turn has come. `is_announced`: its start was reported at an earlier launch.
    pub(crate) fn begin(&mut self, is_announced: bool, emit: &mut Emitter<'_>) {
        self.end.begin();
        let now = Instant::now();
        self.begun = Some(now);
        self.step_begun = now;
        if self.phase == Phase::Isolating {
            self.phase = Phase::Playing;
        }
        if !is_announced {
            emit.scenario(self.attempt, EventKind::ScenarioStarted);
            self.emit_step_started(emit);
        }
    }

    /// Whether something in it failed so far.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::Broken)
    }

    /// Marks its stage as gone, so that waiting for others does not count as its time.
    pub(crate) fn note_gone(&mut self) {
        self.gone = Some(Instant::now());
    }

    /// When it ended, or now.
    fn ended(&self) -> Instant {
        self.gone.unwrap_or_else(Instant::now)
    }

    /// Whether its turn came before that of another.
    pub(crate) fn began_before(&self, other: &Self) -> bool {
        matches!((self.begun, other.begun), (Some(own), Some(others)) if own < others)
    }

    /// Whether its turn has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether it has begun and its worker is not done.
    pub(crate) fn plays(&self) -> bool {
        self.begun.is_some() && self.last_message.is_none()
    }

    /// The channel, while more can arrive on it.
    pub(crate) fn channel(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        (!self.drained).then(|| self.end.fd())
    }

    /// When the runner must act if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Isolating => None,
            Phase::Playing => {
                let begun = self.begun.unwrap_or(self.step_begun);
                Some((self.step_begun + self.limits.step).min(begun + self.limits.scenario) + SLACK)
            }
            Phase::Ending { since } => Some(since + SLACK),
            Phase::Collapsing { since } => Some(since + COLLAPSE_LIMIT),
        }
    }

    /// Handles all messages that the stage has sent.
    pub(crate) fn listen(&mut self, emit: &mut Emitter<'_>) {
        loop {
            match self.end.receive() {
                Received::Message(StageMessage::Agent(message)) => self.receive(&message, emit),
                Received::Message(StageMessage::Junk(_)) if self.is_collapsing() => {}
                Received::Message(StageMessage::Junk(bytes)) => self.break_off_at(&bytes),
                Received::Message(StageMessage::NotSetUp(failure)) => {
                    let message = format!("failed to {}", failure.reason);
                    if failure.is_scarcity && self.setup == Setup::Unknown {
                        self.setup = Setup::Lacking(message);
                    } else {
                        self.fail(Outcome::Broken, FailureKind::Setup, message);
                    }
                }
                Received::Nothing => return,
                Received::End => {
                    self.drained = true;
                    return;
                }
            }
        }
    }

    /// Handles one message. One that is unreadable or out of order ends the scenario, and no other.
    fn receive(&mut self, bytes: &[u8], emit: &mut Emitter<'_>) {
        // A stage that could not be set up says nothing else.
        if self.lacked_room() {
            return self.break_off_at(bytes);
        }
        self.setup = Setup::Done;
        match serde_json::from_slice(bytes) {
            // What a worker still says while it is being killed explains the end, but changes no result.
            Ok(WorkerMessage::Ended { daemons, left_over, network, .. }) if self.is_collapsing() => {
                self.last_message.get_or_insert(LastMessage { daemons, left_over, network });
            }
            _ if self.is_collapsing() => {}
            Ok(message) => {
                if let Err(error) = self.handle(message, emit) {
                    self.break_off(format!("the messages of its steps are out of order: {error}"));
                }
            }
            Err(_) => self.break_off_at(bytes),
        }
    }

    fn handle(&mut self, message: WorkerMessage, emit: &mut Emitter<'_>) -> Result<(), OrderError> {
        match message {
            WorkerMessage::Waiting { what, limit } => {
                if let Some(step) = self.progress.current() {
                    emit.scenario(self.attempt, EventKind::Waiting { step, what, limit });
                }
            }
            WorkerMessage::Step { step, reply } => {
                self.progress.step_done(step, reply.failure.is_none() && !reply.interrupted)?;
                self.finish_step(step, reply, emit);
                self.emit_step_started(emit);
                // After a failure too: the cleanups have a limit of their own.
                self.step_begun = Instant::now();
            }
            WorkerMessage::Cleanup { step, reply } => {
                self.progress.cleanup_done(step)?;
                let outcome = if reply.failure.is_none() { Outcome::Passed } else { Outcome::Failed };
                self.outcome = self.outcome.max(outcome);
                let StepReply { began, took, output, failure, .. } = reply;
                let finished = StepFinished { step, outcome, began, took, failure, output };
                emit.scenario(self.attempt, EventKind::CleanupFinished(finished));
                self.step_begun = Instant::now();
            }
            WorkerMessage::Ended { daemons, left_over, network, failure } => {
                self.progress.ended()?;
                if let Some(failure) = failure {
                    self.outcome = self.outcome.max(Outcome::Failed);
                    self.failure.get_or_insert(failure);
                }
                self.last_message = Some(LastMessage { daemons, left_over, network });
                if self.phase == Phase::Playing {
                    self.phase = Phase::Ending { since: Instant::now() };
                }
            }
        }
        Ok(())
    }

    fn break_off_at(&mut self, bytes: &[u8]) {
        self.break_off(format!("an unreadable message came from its steps: {}", excerpt(bytes)));
    }

    /// Ends a scenario whose messages cannot be trusted.
    fn break_off(&mut self, message: String) {
        self.fail(Outcome::Broken, FailureKind::Channel, message);
        if let Some(failure) = &mut self.failure {
            failure.notes.push(
                "step code, or a process that a step started, wrote to greenroom's own channel or closed it".to_owned(),
            );
        }
        self.collapse();
    }

    fn emit_step_started(&self, emit: &mut Emitter<'_>) {
        if let Some(step) = self.progress.current() {
            emit.scenario(self.attempt, EventKind::StepStarted { step });
        }
    }

    fn finish_step(&mut self, step: usize, done: StepReply, emit: &mut Emitter<'_>) {
        let outcome = match (&done.failure, done.interrupted) {
            (_, true) => Outcome::Skipped,
            (None, false) => Outcome::Passed,
            (Some(_), false) => Outcome::Failed,
        };
        // A lack of processes or memory says nothing about what the step asserts.
        let is_scarcity = done.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Scarcity);
        self.outcome = self.outcome.max(if is_scarcity { Outcome::Broken } else { outcome });
        let failure = if done.interrupted {
            Some(Failure::new("interrupted").kind(FailureKind::Interrupted))
        } else {
            done.failure
        };
        let finished = StepFinished { step, outcome, began: done.began, took: done.took, failure, output: done.output };
        emit.scenario(self.attempt, EventKind::StepFinished(finished));
    }

    fn fail(&mut self, outcome: Outcome, kind: FailureKind, message: String) {
        self.outcome = self.outcome.max(outcome);
        match &mut self.failure {
            None => self.failure = Some(Failure::new(message).kind(kind)),
            Some(first) if first.message != message && !first.notes.contains(&message) => first.notes.push(message),
            Some(_) => {}
        }
    }

    /// Asks the worker to stop its processes politely and end.
    pub(crate) fn interrupt(&mut self) {
        self.end.interrupt();
    }

    /// Kills it, because the run is stopping.
    pub(crate) fn abandon(&mut self, outcome: Outcome, kind: FailureKind, reason: &str) {
        self.fail(outcome, kind, reason.to_owned());
        self.collapse();
    }

    fn collapse(&mut self) {
        if !self.is_collapsing() {
            self.phase = Phase::Collapsing { since: Instant::now() };
        }
        self.end.collapse();
    }

    fn is_collapsing(&self) -> bool {
        matches!(self.phase, Phase::Collapsing { .. })
    }

    /// Whether to ask the launcher to kill it, in case its first process cannot; true once.
    pub(crate) fn needs_the_launcher(&mut self) -> bool {
        self.is_collapsing() && !std::mem::replace(&mut self.asked_to_end, true)
    }

    /// Takes the time for which the run was suspended off its limits.
    pub(crate) fn shift(&mut self, lost: Duration) {
        self.step_begun += lost;
        self.begun = self.begun.map(|begun| begun + lost);
        self.gone = self.gone.map(|gone| gone + lost);
        if let Phase::Ending { since } | Phase::Collapsing { since } = &mut self.phase {
            *since += lost;
        }
    }

    /// Acts when a deadline has passed. Returns `false` when its processes cannot be killed.
    pub(crate) fn check_deadline(&mut self, now: Instant, emit: &mut Emitter<'_>) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return true;
        }
        if self.is_collapsing() {
            let message = format!(
                "its processes cannot be killed: they hang in the kernel, {} after SIGKILL",
                words::limit(COLLAPSE_LIMIT)
            );
            self.fail(Outcome::Broken, FailureKind::Stuck, message);
            let processes = stuck::processes().into_iter().map(|process| process.to_string());
            if let Some(failure) = &mut self.failure {
                failure.notes.extend(processes);
            }
            return false;
        }
        if self.last_message.is_some() {
            // The worker is done, but its first process does not end: something suspended it.
            let message = format!("its processes had not ended {} after its last step", words::limit(SLACK));
            self.fail(Outcome::Broken, FailureKind::Stuck, message);
            self.collapse();
            return true;
        }
        let (scope, limit) = self.nearest_limit(now);
        let message = format!(
            "the {scope} exceeded its time limit of {}, and was still running {} later",
            words::limit(limit),
            words::limit(SLACK)
        );
        let kind = FailureKind::TimeLimit { scope, limit };
        match self.progress.current() {
            Some(step) => {
                let failure = Some(Failure::new(message).kind(kind));
                let took = self.step_begun.elapsed();
                let reply = StepReply { began: None, took, output: Vec::new(), failure, interrupted: false };
                self.finish_step(step, reply, emit);
            }
            None => self.fail(Outcome::Failed, kind, message),
        }
        self.collapse();
        true
    }

    /// Reports the end of a scenario whose stage is gone, and removes or keeps its directory.
    ///
    /// The removal is the last thing that can fail, so this decides whether another attempt follows.
    pub(crate) fn finish(
        mut self,
        gone: &Result<ExitStatus, SetupFailure>,
        policy: EndPolicy,
        launcher: &Launcher,
        emit: &mut Emitter<'_>,
    ) -> Ending {
        self.listen(emit);
        if let Setup::Lacking(message) = std::mem::replace(&mut self.setup, Setup::Unknown) {
            self.fail(Outcome::Broken, FailureKind::Setup, message);
        }
        match gone {
            Err(failure) => self.fail(Outcome::Broken, FailureKind::StageDied, failure.reason.clone()),
            Ok(status) if self.phase == Phase::Playing && self.died_in_function(*status, emit) => {}
            Ok(status) if matches!(self.phase, Phase::Isolating | Phase::Playing) => {
                self.fail(
                    Outcome::Broken,
                    FailureKind::StageDied,
                    format!("the process that runs its steps died: {}", died(*status)),
                );
            }
            // Its last message is in, so all it had to do was to end.
            Ok(status) if !self.is_collapsing() && !status.success() => {
                self.fail(
                    Outcome::Broken,
                    FailureKind::StageDied,
                    format!("the process that runs its steps ended with {} after the last step", died(*status)),
                );
            }
            Ok(_) if self.outcome == Outcome::Passed && !self.progress.is_complete() => {
                self.break_off("not all of its steps were reported".to_owned());
            }
            Ok(_) => {}
        }
        // The worker died before it could report what its daemons wrote, but their files are there.
        let from_files = || LastMessage { daemons: from_files(&self.directory), ..LastMessage::default() };
        let LastMessage { daemons, left_over, network } = self.last_message.take().unwrap_or_else(from_files);
        let crashed: Vec<&Daemon> = daemons.iter().filter(|daemon| daemon.end.is_unnoticed_crash()).collect();
        if policy.strictness.crashes && !crashed.is_empty() && self.outcome == Outcome::Passed {
            self.fail(Outcome::Failed, FailureKind::Crash, crash(&crashed));
            if let Some(failure) = &mut self.failure {
                failure.help.extend(step_that_notices(crashed[0]));
                failure.help.push("allow crashes with `--crashes warn`".to_owned());
            }
        }
        if policy.strictness.leftovers && !left_over.is_empty() && self.outcome == Outcome::Passed {
            self.fail(Outcome::Failed, FailureKind::LeftOver, left_behind(&left_over));
            if let Some(failure) = &mut self.failure {
                let it = if left_over.len() == 1 { "it" } else { "them" };
                failure.help.push(format!("stop {it} in the scenario, or allow {it} with `--leftovers warn`"));
            }
        }
        if policy.strictness.flaky && self.attempt.number > 1 && self.outcome == Outcome::Passed {
            let message = format!("it is flaky: it passed only in attempt {}", self.attempt.number);
            self.fail(Outcome::Failed, FailureKind::Flaky, message);
            if let Some(failure) = &mut self.failure {
                failure.help.push("allow flaky scenarios with `--flaky warn`".to_owned());
            }
        }
        let failed = matches!(self.outcome, Outcome::Failed | Outcome::Broken);
        let kept = policy.keep && failed && self.directory.is_dir();
        if kept
            && self.disk.is_some()
            && let (Err(_), Some(failure)) = (disk::restore(&self.directory), &mut self.failure)
        {
            failure
                .notes
                .push("what was on its disk is lost, since the scenario ended before it was copied".to_owned());
        }
        if !kept && let Err(error) = launcher.remove_directory(&self.directory) {
            let own = self.directory.parent().unwrap_or(&self.directory);
            let message = format!("failed to remove {}: {error}", own.display());
            self.fail(Outcome::Broken, FailureKind::Removal, message);
        }
        let (outcome, passed) = (self.outcome, self.outcome == Outcome::Passed);
        let is_retried = policy.may_retry && self.is_worth_a_retry();
        let shows_all = !passed || policy.evidence == Evidence::Full;
        emit.scenario(
            self.attempt,
            EventKind::ScenarioFinished(ScenarioFinished {
                outcome,
                took: self.begun.map_or(Duration::ZERO, |begun| self.ended().duration_since(begun)),
                failure: self.failure,
                daemons: daemons.into_iter().filter(|daemon| shows_all || daemon.end.is_unnoticed_crash()).collect(),
                left_over,
                kept: kept.then(|| self.directory.display().to_string()),
                network: network.filter(|_| !passed),
                is_retried,
            }),
        );
        Ending { outcome, is_kept: kept, is_retried }
    }

    /// Reports the step whose function ended the process that runs the steps, if that is why it ended.
    fn died_in_function(&mut self, status: ExitStatus, emit: &mut Emitter<'_>) -> bool {
        let (scope, limit) = self.nearest_limit(Instant::now());
        let limits = guard::Limits { time: limit, scope };
        let Some(failure) = guard::died(&self.directory, of_worker(status), limits) else { return false };
        if let Some(step) = self.progress.current() {
            let (took, failure) = (self.ended().duration_since(self.step_begun), Some(failure));
            let reply = StepReply { began: None, took, output: Vec::new(), failure, interrupted: false };
            self.finish_step(step, reply, emit);
        } else {
            // The function of a cleanup.
            self.outcome = self.outcome.max(Outcome::Failed);
            self.failure.get_or_insert(failure);
        }
        true
    }

    /// Returns the limit that a step reaches first, and whose it is.
    fn nearest_limit(&self, now: Instant) -> (Scope, Duration) {
        if self.step_begun + self.limits.step <= self.begun.unwrap_or(now) + self.limits.scenario {
            (Scope::Step, self.limits.step)
        } else {
            (Scope::Scenario, self.limits.scenario)
        }
    }

    /// Returns whether another attempt could end in another way.
    ///
    /// It could if the scenario failed, if the machine lacked processes or memory, and if the worker
    /// died. The flaky one had its attempts. What else breaks a scenario is wrong with the machine
    /// or with the code of its steps.
    fn is_worth_a_retry(&self) -> bool {
        match (self.outcome, self.failure.as_ref().map(|failure| &failure.kind)) {
            (Outcome::Failed, kind) => kind != Some(&FailureKind::Flaky),
            (Outcome::Broken, None | Some(FailureKind::StageDied)) => true,
            _ => false,
        }
    }
}

/// The beginning of a message that should not be, with control characters escaped.
fn excerpt(bytes: &[u8]) -> String {
    const MOST: usize = 80;
    let shown = bytes[..bytes.len().min(MOST)].escape_ascii();
    let more = if bytes.len() > MOST { format!(" ... ({} bytes)", bytes.len()) } else { String::new() };
    format!("`{shown}`{more}")
}

fn crash(daemons: &[&Daemon]) -> String {
    match daemons {
        [one] => format!("daemon {} crashed, and no step noticed it", one.name),
        many => {
            let names: Vec<&str> = many.iter().map(|daemon| daemon.name.as_str()).collect();
            format!("{} daemons crashed, and no step noticed it: {}", many.len(), names.join(", "))
        }
    }
}

/// Returns advice on a step that expects the end of a daemon.
fn step_that_notices(daemon: &Daemon) -> Option<String> {
    let DaemonEnd::Exited { exit, .. } = &daemon.end else { return None };
    let end = match exit {
        Exit::Status(status) => format!("with exit status {status}"),
        Exit::Signal(signal) => format!("by signal {}", signal.title()),
        Exit::Unknown => return None,
    };
    let name = &daemon.name;
    let steps = format!("`when I wait for daemon {name} to end`, `then daemon {name} has ended {end}`");
    Some(format!("if that is as it should be, expect it: {steps}"))
}

fn left_behind(processes: &[LeftOver]) -> String {
    match processes {
        [one] => format!("it left a process running: {}", one.command),
        many => format!("it left {} processes running", many.len()),
    }
}

/// Describes how a worker ended. Its first process reports signals as statuses above 128.
fn died(status: ExitStatus) -> String {
    let status = of_worker(status);
    if status == ExitStatus::Signal(Signal::KILL) { format!("{status} (out of memory?)") } else { status.to_string() }
}

/// Returns how a worker ended, whose first process ends with its signal as a status.
fn of_worker(status: ExitStatus) -> ExitStatus {
    match status {
        ExitStatus::Code(code) if code > 128 => Signal::from_raw(code - 128).map_or(status, ExitStatus::Signal),
        other => other,
    }
}

/// Finds daemons and their output by the files that they write to.
fn from_files(directory: &Path) -> Vec<Daemon> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".stdout").map(str::to_owned))
        .collect();
    names.sort();
    names.truncate(8);
    let daemon = |name: String| {
        let captured = |stream: Stream| {
            let tail = capture::tail(&directory.join(format!("{name}.{stream}")), 8 * 1024).ok()?;
            let source = OutputSource::Daemon { name: name.clone(), stream };
            (!tail.bytes.is_empty()).then(|| Output::from_bytes(source, &tail.bytes, tail.omitted))
        };
        let output = Stream::BOTH.into_iter().filter_map(captured).collect();
        Daemon { command: String::new(), end: DaemonEnd::Unknown, output, lives: Vec::new(), name }
    };
    names.into_iter().map(daemon).collect()
}
