//! One scenario as the runner sees it, from launch to the last event.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_event::{Captured, Daemon, Failure, Kind, LeftOver, Outcome, ScenarioFinished};
use greenroom_sandbox::process::{Status, capture};
use greenroom_sandbox::{COLLAPSE_LIMIT, RunnerEnd, Said, tree};

use crate::agent::seconds;
use crate::emit::Emitter;
use crate::wire::{Done, Report};

/// How long after a limit the runner waits for the worker to notice it by itself: it stops its daemons politely first.
const SLACK: Duration = Duration::from_secs(15);

/// Time limits of a scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) scenario: Duration,
    pub(crate) step: Duration,
}

/// A scenario whose stage has been launched.
pub(crate) struct Running {
    /// Its place in reading order.
    pub(crate) index: usize,
    end: RunnerEnd,
    directory: PathBuf,
    steps: usize,
    limits: Limits,
    /// When its turn came; its stage is made before.
    begun: Option<Instant>,
    /// The step that is being carried out; the number of steps once all are done.
    step: usize,
    step_begun: Instant,
    outcome: Outcome,
    failure: Option<Failure>,
    ended: Option<(Vec<Daemon>, Vec<LeftOver>)>,
    /// The channel has nothing more.
    drained: bool,
    collapsing: Option<Instant>,
}

impl Running {
    pub(crate) fn new(index: usize, end: RunnerEnd, directory: PathBuf, steps: usize, limits: Limits) -> Self {
        Self {
            index,
            end,
            directory,
            steps,
            limits,
            begun: None,
            step: 0,
            step_begun: Instant::now(),
            outcome: Outcome::Passed,
            failure: None,
            ended: None,
            drained: false,
            collapsing: None,
        }
    }

    /// Its turn has come.
    pub(crate) fn begin(&mut self, emit: &mut Emitter<'_>) {
        self.end.begin();
        let now = Instant::now();
        self.begun = Some(now);
        self.step_begun = now;
        emit.scenario(self.index, Kind::ScenarioStarted);
        if self.steps > 0 {
            emit.scenario(self.index, Kind::StepStarted { step: 0 });
        }
    }

    /// Whether something in it has failed so far.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::Broken)
    }

    /// Whether its turn has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether it is its turn: it has begun, and its worker has not done all its work.
    pub(crate) fn plays(&self) -> bool {
        self.begun.is_some() && self.ended.is_none()
    }

    /// The channel, while something may still come.
    pub(crate) fn channel(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        (!self.drained).then(|| self.end.fd())
    }

    /// When the runner must act, should nothing happen before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match (self.collapsing, self.begun) {
            (Some(since), _) => Some(since + COLLAPSE_LIMIT),
            (None, Some(begun)) => Some((self.step_begun + self.limits.step).min(begun + self.limits.scenario) + SLACK),
            (None, None) => None,
        }
    }

    /// Takes in all that the stage has said.
    pub(crate) fn listen(&mut self, emit: &mut Emitter<'_>) {
        loop {
            match self.end.receive() {
                Said::Message(message) => {
                    if let Ok(report) = serde_json::from_slice(&message) {
                        self.take(report, emit);
                    }
                }
                Said::NotSetUp(reason) => self.fail(Outcome::Broken, format!("failed to {reason}")),
                Said::Nothing => return,
                Said::End => {
                    self.drained = true;
                    return;
                }
            }
        }
    }

    fn take(&mut self, report: Report, emit: &mut Emitter<'_>) {
        match report {
            Report::Waiting { what, limit } => {
                if self.step < self.steps {
                    emit.scenario(self.index, Kind::Waiting { step: self.step, what, limit });
                }
            }
            Report::Step(done) => {
                let passed = done.failure.is_none() && !done.interrupted;
                self.finish_step(done, emit);
                if passed {
                    self.step += 1;
                    if self.step < self.steps {
                        emit.scenario(self.index, Kind::StepStarted { step: self.step });
                    }
                }
                // Also after a failure: the cleanups have this long.
                self.step_begun = Instant::now();
            }
            Report::Cleanup { step, done } => {
                let outcome = if done.failure.is_none() { Outcome::Passed } else { Outcome::Failed };
                self.outcome = self.outcome.max(outcome);
                let Done { took, failure, .. } = done;
                emit.scenario(self.index, Kind::CleanupFinished { step, outcome, took, failure });
                self.step_begun = Instant::now();
            }
            Report::Ended { daemons, left_over } => self.ended = Some((daemons, left_over)),
        }
    }

    fn finish_step(&mut self, done: Done, emit: &mut Emitter<'_>) {
        let outcome = match (&done.failure, done.interrupted) {
            (_, true) => Outcome::Skipped,
            (None, false) => Outcome::Passed,
            (Some(_), false) => Outcome::Failed,
        };
        self.outcome = self.outcome.max(outcome);
        let failure = if done.interrupted {
            Some(Failure { message: "interrupted".to_owned(), ..Failure::default() })
        } else {
            done.failure
        };
        emit.scenario(self.index, Kind::StepFinished { step: self.step, outcome, took: done.took, failure });
    }

    fn fail(&mut self, outcome: Outcome, message: String) {
        self.outcome = self.outcome.max(outcome);
        self.failure.get_or_insert_with(|| Failure { message, ..Failure::default() });
    }

    /// Asks for a quick but orderly end.
    pub(crate) fn interrupt(&mut self) {
        self.end.interrupt();
    }

    /// Ends it at once, because it is not to run any more.
    pub(crate) fn abandon(&mut self, outcome: Outcome, reason: &str) {
        self.fail(outcome, reason.to_owned());
        self.collapse();
    }

    fn collapse(&mut self) {
        self.collapsing.get_or_insert_with(Instant::now);
        self.end.collapse();
    }

    /// Acts on a deadline that has passed. `false` when the scenario will not end any more.
    pub(crate) fn overdue(&mut self, now: Instant, emit: &mut Emitter<'_>) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return true;
        }
        if self.collapsing.is_some() {
            self.fail(Outcome::Broken, "its processes cannot be killed: they hang in the kernel".to_owned());
            return false;
        }
        let (what, limit) = if self.step_begun + self.limits.step <= self.begun.unwrap_or(now) + self.limits.scenario {
            ("step", self.limits.step)
        } else {
            ("scenario", self.limits.scenario)
        };
        let message = format!(
            "the {what}'s time limit of {} has passed, and it did not stop by itself {} later",
            seconds(limit),
            seconds(SLACK)
        );
        if self.step < self.steps && self.outcome == Outcome::Passed {
            let failure = Some(Failure { message, ..Failure::default() });
            let done = Done { took: self.step_begun.elapsed(), failure, interrupted: false };
            self.finish_step(done, emit);
        } else {
            self.fail(Outcome::Failed, message);
        }
        self.collapse();
        true
    }

    /// The stage is gone: says the last word and clears its directory away, or keeps it. Gives how it ended, and whether its
    /// directory is kept.
    pub(crate) fn finish(
        mut self,
        gone: &Result<Status, String>,
        keep: bool,
        emit: &mut Emitter<'_>,
    ) -> (Outcome, bool) {
        self.listen(emit);
        match gone {
            Err(reason) => self.fail(Outcome::Broken, reason.clone()),
            Ok(status) if self.ended.is_none() && self.collapsing.is_none() => {
                self.fail(
                    Outcome::Broken,
                    format!("the process that carries out its steps has died: {}", died(*status)),
                );
            }
            Ok(_) => {}
        }
        let said = self.ended.is_some();
        let (mut daemons, left_over) = self.ended.take().unwrap_or_default();
        if self.outcome == Outcome::Passed {
            daemons.clear();
        } else if !said {
            // The worker could not say any more what its daemons wrote; their files can.
            daemons = from_files(&self.directory);
        }
        let own = self.directory.parent().unwrap_or(&self.directory);
        let kept = keep && matches!(self.outcome, Outcome::Failed | Outcome::Broken) && self.directory.is_dir();
        if !kept && let Err(error) = tree::remove(own) {
            self.fail(Outcome::Broken, format!("failed to remove {}: {error}", own.display()));
        }
        let outcome = self.outcome;
        emit.scenario(
            self.index,
            Kind::ScenarioFinished(ScenarioFinished {
                outcome,
                took: self.begun.map_or(Duration::ZERO, |begun| begun.elapsed()),
                failure: self.failure,
                daemons,
                left_over,
                kept: kept.then(|| self.directory.display().to_string()),
            }),
        );
        (outcome, kept)
    }
}

/// A worker's end in words. Its first process gives signals as 128 and more.
fn died(status: Status) -> String {
    match status {
        Status::Exit(code) if code > 128 => Status::Signal(code - 128).to_string(),
        other => other.to_string(),
    }
}

/// What daemons wrote, by the files that they write to.
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
        let captured = |stream: &str| {
            let tail = capture::tail(&directory.join(format!("{name}.{stream}")), 8 * 1024).ok()?;
            let text = String::from_utf8_lossy(&tail.bytes).into_owned();
            (!text.is_empty()).then(|| Captured {
                of: format!("{stream} of daemon {name}"),
                text,
                omitted: tail.omitted,
            })
        };
        let output = ["stdout", "stderr"].into_iter().filter_map(captured).collect();
        Daemon { command: String::new(), state: "ended with the scenario".to_owned(), died: false, output, name }
    };
    names.into_iter().map(daemon).collect()
}
