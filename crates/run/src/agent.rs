//! The half that runs inside the stages: carries out steps and cleanups, and says how they went.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenroom_event::{Captured, Comparison, Daemon, Failure, LeftOver, PrivateNetwork, Relation};
use greenroom_sandbox::process::{Cut, Stopwatch, network};
use greenroom_sandbox::{Agent, Stage};
use greenroom_steps::host::{HostProgram, Hosts, Request};
use greenroom_steps::{self as steps, Captures, Context, EmbeddedFile, Ending, Registry, StepError};

use crate::wire::{DocumentPart, Done, HostPart, Prologue, Report, Script, ScriptStep};

/// Carries out scenarios with the step functions of a registry.
#[derive(Debug)]
pub struct StepAgent {
    registry: Registry,
}

impl StepAgent {
    /// An agent for these functions.
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// The functions.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// The prologue, as the agent uses it.
#[derive(Debug)]
pub struct Prepared {
    source_directory: std::path::PathBuf,
    documents: Vec<PreparedDocument>,
}

#[derive(Debug, Default)]
struct PreparedDocument {
    files: Rc<[EmbeddedFile]>,
    hosts: Vec<HostProgram>,
}

/// Cleanups and the polite end get this long even when the scenario's limit has passed.
const LEAST_TIME_TO_END: Duration = Duration::from_secs(10);

impl Agent for StepAgent {
    type Prologue = Prepared;

    fn prepare(&self, prologue: &[u8]) -> Prepared {
        // A panic of a step function becomes that step's failure; nothing is printed.
        std::panic::set_hook(Box::new(|_| {}));
        let Ok(Prologue { source_directory, documents }) = serde_json::from_slice(prologue) else {
            return Prepared { source_directory: ".".into(), documents: Vec::new() };
        };
        let file =
            |file: greenroom_doc::EmbeddedFile| EmbeddedFile { name: file.name, text: file.text.as_ref().to_owned() };
        let host = |host: HostPart| HostProgram {
            python: host.own && host.language == "python",
            language: host.language,
            program: host.program,
            files: host.files,
        };
        let document = |document: DocumentPart| PreparedDocument {
            files: document.files.into_iter().map(file).collect(),
            hosts: document.hosts.into_iter().map(host).collect(),
        };
        Prepared { source_directory, documents: documents.into_iter().map(document).collect() }
    }

    fn play(&self, prologue: &Prepared, mut stage: Stage) {
        let Ok(script) = serde_json::from_slice::<Script>(stage.payload()) else {
            return;
        };
        let (Ok(watch), Ok(mut sender)) = (stage.watch(), stage.sender()) else {
            return;
        };
        let mut watch = watch.announcing(move |what, limit| {
            if let Ok(message) = serde_json::to_vec(&Report::Waiting { what: what.to_owned(), limit }) {
                let _ = sender.send(&message);
            }
        });
        watch.set_output_limit(script.output_limit);
        let none = PreparedDocument::default();
        let document = prologue.documents.get(script.document).unwrap_or(&none);
        let (files, hosts) = (Rc::clone(&document.files), document.hosts.as_slice());
        let directory = stage.directory().to_owned();
        let mut context = Context::new(directory, prologue.source_directory.clone(), files, watch);
        let mut say = |report: &Report| {
            if let Ok(message) = serde_json::to_vec(report) {
                // When nobody listens any more the first process ends this one in a moment.
                let _ = stage.send(&message);
            }
        };
        let scenario_end = Instant::now() + script.scenario_limit;
        let completed = self.play_steps(&script, hosts, scenario_end, &mut context, &mut say);
        let explain = script.leftovers_fail || completed < script.steps.len();
        self.clean_up(&script, hosts, completed, (scenario_end, explain), &mut context, &mut say);
    }
}

impl StepAgent {
    /// Carries out steps until one does not pass; how many have passed.
    fn play_steps(
        &self,
        script: &Script,
        hosts: &[HostProgram],
        scenario_end: Instant,
        context: &mut Context,
        say: &mut impl FnMut(&Report),
    ) -> usize {
        for (index, step) in script.steps.iter().enumerate() {
            let clock = context.watch().stopwatch();
            let own_end = Instant::now() + script.step_limit;
            let scenario_end = scenario_end + context.watch().lost();
            context.watch().set_deadline(Some(own_end.min(scenario_end)));
            let limit =
                if own_end <= scenario_end { ("step", script.step_limit) } else { ("scenario", script.scenario_limit) };
            let done = self.carry_out(("step", &step.function), step, hosts, context, clock, limit);
            let passed = done.failure.is_none() && !done.interrupted;
            say(&Report::Step(done));
            if !passed {
                return index;
            }
        }
        script.steps.len()
    }

    /// Runs the cleanups of the completed steps in reverse, then ends the scenario.
    fn clean_up(
        &self,
        script: &Script,
        hosts: &[HostProgram],
        completed: usize,
        (scenario_end, mut explain): (Instant, bool),
        context: &mut Context,
        say: &mut impl FnMut(&Report),
    ) {
        // What must end must end also when the run is being stopped.
        context.watch().ignore_interrupts();
        for (index, step) in script.steps.iter().enumerate().take(completed).rev() {
            let Some(cleanup) = &step.cleanup else {
                continue;
            };
            let clock = context.watch().stopwatch();
            let begun = Instant::now();
            let scenario_end = scenario_end + context.watch().lost();
            let end = (begun + script.step_limit).min(scenario_end.max(begun + LEAST_TIME_TO_END));
            context.watch().set_deadline(Some(end));
            let limit = ("cleanup", end.saturating_duration_since(begun));
            let done = self.carry_out(("cleanup", cleanup), step, hosts, context, clock, limit);
            explain |= done.failure.is_some();
            say(&Report::Cleanup { step: index, done });
        }
        let scenario_end = scenario_end + context.watch().lost();
        context.watch().set_deadline(Some(scenario_end.max(Instant::now() + LEAST_TIME_TO_END)));
        let mut ending = Ending { explain, strict: script.leftovers_fail, ..Ending::default() };
        let _ = catch_unwind(AssertUnwindSafe(|| self.registry.end(context, &mut ending)));
        // What was written while all this ended counts too.
        let _ = context.watch().read_meters();
        let failure = match context.watch().take_cut() {
            Some((Cut::Output, output)) => Some(too_long(&output, context)),
            _ => None,
        };
        say(&Report::Ended {
            failure,
            daemons: ending.daemons.into_iter().map(daemon).collect(),
            left_over: ending.left_over.into_iter().map(left_over).collect(),
            network: network::used().map(|used| PrivateNetwork { other_hosts: used.other_hosts }),
        });
    }

    fn carry_out(
        &self,
        (kind, function): (&'static str, &str),
        step: &ScriptStep,
        hosts: &[HostProgram],
        context: &mut Context,
        clock: Stopwatch,
        (what, limit): (&str, Duration),
    ) -> Done {
        let mut captures = Captures::new(step.captures.iter().cloned());
        captures.map(|text| context.expand(text));
        let result = match &step.language {
            Some(language) => match hosts.iter().find(|host| host.language == *language) {
                Some(host) => {
                    let registry = &self.registry;
                    let request = Request {
                        what: kind,
                        function,
                        captures: &captures,
                        kind: &step.kind,
                        text: &step.text,
                        registry,
                    };
                    catch_unwind(AssertUnwindSafe(|| Hosts::carry_out(context, host, request)))
                        .unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
                }
                None => Err(StepError::new(format!("there is no step host for {language}"))),
            },
            None => match self.registry.function(function) {
                Some(function) => catch_unwind(AssertUnwindSafe(|| function(context, &captures)))
                    .unwrap_or_else(|panic| Err(panicked(panic.as_ref()))),
                None => Err(StepError::new(format!("there is no step function {function}"))),
            },
        };
        // What was written too much in the meantime is told of this step.
        let result = result.and_then(|()| Ok(context.watch().read_meters()?));
        let took = clock.elapsed(context.watch());
        let cut = context.watch().take_cut();
        let Err(error) = result else {
            return Done { took, failure: None, interrupted: false };
        };
        let interrupted = matches!(cut, Some((Cut::Interrupted, _)));
        let mut failure = failure(error);
        match cut {
            Some((Cut::Limit, waited_for)) => {
                let waiting =
                    if waited_for.is_empty() { String::new() } else { format!(" while waiting for {waited_for}") };
                failure.message = format!("the {what}'s time limit of {} has passed{waiting}", seconds(limit));
                let option = if what == "scenario" { " or `--timeout`" } else { "" };
                failure.help.push(format!(
                    "give it more time with `{what}_timeout` in the document's metadata{option}, if that is to be expected"
                ));
            }
            Some((Cut::Output, output)) => {
                let Failure { message, help, .. } = too_long(&output, context);
                failure.message = message;
                failure.help.extend(help);
            }
            Some((Cut::Interrupted, _)) | None => {}
        }
        Done { took, failure: Some(failure), interrupted }
    }
}

/// A limit as the user writes it.
pub(crate) fn seconds(limit: Duration) -> String {
    if limit < Duration::from_secs(1) {
        return format!("{} ms", limit.as_millis());
    }
    format!("{} s", (limit.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// An output that was longer than it may be.
fn too_long(output: &str, context: &mut Context) -> Failure {
    let limit = context.watch().output_limit().map_or_else(String::new, |limit| format!(" of {}", bytes(limit)));
    let help =
        "let it have more with `output_limit` in the document's metadata or `--output-limit`, or have it write less";
    Failure {
        message: format!("{output} was longer than the limit{limit}; whatever had it open was killed"),
        help: vec![help.to_owned()],
        ..Failure::default()
    }
}

/// A size as the user writes it.
fn bytes(size: u64) -> String {
    let units = [(1 << 30, " GiB"), (1 << 20, " MiB"), (1 << 10, " KiB"), (1, " bytes")];
    let (unit, name) = units.into_iter().find(|(unit, _)| size.is_multiple_of(*unit)).unwrap_or((1, " bytes"));
    format!("{}{name}", size / unit)
}

fn panicked(panic: &(dyn Any + Send)) -> StepError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    StepError::new(text.unwrap_or_else(|| "the step function gave up without a reason".to_owned()))
}

fn failure(error: StepError) -> Failure {
    Failure {
        message: error.message,
        comparison: error.comparison.map(|comparison| comparison_of(*comparison)),
        notes: error.notes,
        output: error.output.into_iter().map(captured).collect(),
        help: error.help,
    }
}

fn comparison_of(comparison: steps::Comparison) -> Comparison {
    let relation = match comparison.relation {
        steps::Relation::Is => Relation::Is,
        steps::Relation::IsNot => Relation::IsNot,
        steps::Relation::Contains => Relation::Contains,
        steps::Relation::DoesNotContain => Relation::DoesNotContain,
        steps::Relation::Matches => Relation::Matches,
        steps::Relation::DoesNotMatch => Relation::DoesNotMatch,
    };
    Comparison { what: comparison.what, relation, expected: comparison.expected, actual: comparison.actual }
}

fn captured(output: steps::Output) -> Captured {
    let text = String::from_utf8_lossy(&output.tail.bytes).into_owned();
    Captured { of: output.of, text, omitted: output.tail.omitted }
}

fn daemon(report: steps::DaemonReport) -> Daemon {
    Daemon {
        name: report.name,
        command: report.command,
        state: report.state,
        died: report.died,
        output: report.output.into_iter().map(captured).collect(),
    }
}

fn left_over(left: steps::LeftOver) -> LeftOver {
    LeftOver { command: left.command, daemon: left.daemon, age: left.age }
}
