//! The half that runs inside the stages: runs steps and cleanups, and reports how they went.

use std::any::Any;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenroom_event::{Failure, FailureKind, Output, PrivateNetwork, Scope, words};
use greenroom_sandbox::process::{Stopwatch, WaitError, attempts, network};
use greenroom_sandbox::{Agent, Stage, callers_variables};
use greenroom_steps::function::call::drop_kept;
use greenroom_steps::function::panics;
use greenroom_steps::host::{HostProgram, Hosts, Part, Readiness, Request, WarmHost};
use greenroom_steps::library::daemon::with_running;
use greenroom_steps::library::files::keep_disk;
use greenroom_steps::library::runcmd::written_since;
use greenroom_steps::library::{advice_on_time, explain};
use greenroom_steps::{
    Captures, Context, EmbeddedFile, Evidence, Look, Reading, Registry, ScenarioEnd, StepResult, repeat,
};

use crate::options::Strictness;
use crate::wire::{
    CaptureForm, DocumentPart, HostPart, OWN_VARIABLES, Prologue, Script, ScriptStep, StepReply, WorkerMessage,
};

/// Runs scenarios with the step functions of a registry.
#[derive(Debug)]
pub struct StepAgent {
    registry: Registry,
}

impl StepAgent {
    /// Creates an agent for the functions of a registry.
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// The prologue in the form that the agent uses.
#[derive(Debug)]
pub struct AgentPrologue {
    source_directory: PathBuf,
    /// The names of variables that the user set.
    variables: Vec<OsString>,
    documents: Vec<AgentDocument>,
    /// Hosts that scenarios get copies of; `None` for a host that cannot be copied.
    warm: Vec<(HostProgram, Option<WarmHost>)>,
}

#[derive(Debug, Default)]
struct AgentDocument {
    directory: String,
    path: Vec<PathBuf>,
    files: Rc<[EmbeddedFile]>,
    hosts: Vec<HostProgram>,
}

/// The step hosts that a scenario can use.
#[derive(Clone, Copy)]
struct StepHosts<'a> {
    programs: &'a [HostProgram],
    warm: &'a [(HostProgram, Option<WarmHost>)],
}

/// The most warm hosts at a time: each holds its step files in memory, and documents run one after another.
const MOST_WARM: usize = 8;

/// The least time that cleanups and the polite end get, even after the scenario's limit.
const LEAST_TIME_TO_END: Duration = Duration::from_secs(10);

impl Agent for StepAgent {
    type Prologue = AgentPrologue;

    #[expect(clippy::disallowed_methods, reason = "the environment of the launcher is the user's")]
    fn prepare(&self, prologue: &[u8]) -> AgentPrologue {
        // A panic in a step function becomes that step's failure and prints nothing.
        std::panic::set_hook(Box::new(panics::hook));
        let Ok(Prologue { source_directory, environment, documents }) = serde_json::from_slice(prologue) else {
            let (variables, documents, warm) = (Vec::new(), Vec::new(), Vec::new());
            return AgentPrologue { source_directory: ".".into(), variables, documents, warm };
        };
        // Step files are loaded in the user's environment, before any scenario begins. Its programs get PWD anyway.
        let own = OWN_VARIABLES.into_iter().map(|name| (name.into(), std::env::var_os(name)));
        let callers = callers_variables().into_iter().filter(|(name, _)| name != "PWD" && name != "OLDPWD");
        let own = own.chain(callers.map(|(name, value)| (name, Some(value))));
        let variables: Vec<OsString> = environment.iter().map(|(name, _)| name.into()).collect();
        let users = environment.into_iter().map(|(name, value)| (name.into(), Some(value.into())));
        let loading: Vec<(OsString, Option<OsString>)> = own.chain(users).collect();
        let path = loading.iter().rev().find(|(name, _)| name == "PATH").and_then(|(_, value)| value.clone());
        let path = path.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        let host = |host: HostPart| HostProgram {
            python: host.own && host.language == "python",
            language: host.language,
            program: host.program,
            files: host.files,
            path: path.clone(),
            loading: loading.clone(),
        };
        let document = |document: DocumentPart| AgentDocument {
            directory: document.directory,
            path: document.path,
            files: document.files.into(),
            hosts: document.hosts.into_iter().map(host).collect(),
        };
        let documents = documents.into_iter().map(document).collect();
        AgentPrologue { source_directory, variables, documents, warm: Vec::new() }
    }

    fn make_ready(&self, prologue: &mut AgentPrologue, hint: u32, in_use: &[u32]) {
        let AgentPrologue { source_directory, documents, warm, .. } = prologue;
        for (_, host) in &mut *warm {
            host.take_if(|host| host.readiness() == Readiness::Unusable);
        }
        let hosts_of = |hint: u32| usize::try_from(hint).ok().and_then(|at| documents.get(at)).map(|it| &it.hosts);
        let needed: Vec<&HostProgram> =
            in_use.iter().chain([&hint]).filter_map(|&hint| hosts_of(hint)).flatten().collect();
        for program in hosts_of(hint).into_iter().flatten() {
            if warm.iter().any(|(known, _)| known == program) {
                continue;
            }
            if warm.iter().filter(|(_, host)| host.is_some()).count() >= MOST_WARM {
                let idle = |(known, host): &(HostProgram, Option<WarmHost>)| host.is_some() && !needed.contains(&known);
                let Some(idle) = warm.iter().position(idle) else { return };
                // For good: with documents in mixed order its files would be loaded again and again.
                warm[idle].1 = None;
            }
            warm.push((program.clone(), WarmHost::start(program, source_directory).ok()));
        }
    }

    fn play(&self, prologue: &AgentPrologue, mut stage: Stage) {
        let Ok(script) = serde_json::from_slice::<Script>(stage.payload()) else {
            return;
        };
        let (Ok(watch), Ok(mut sender)) = (stage.watch(), stage.sender()) else {
            return;
        };
        let mut watch = watch.announcing(move |what, limit| {
            if let Ok(message) = serde_json::to_vec(&WorkerMessage::Waiting { what: what.to_owned(), limit }) {
                let _ = sender.send(&message);
            }
        });
        watch.set_output_limit(script.output_limit);
        let none = AgentDocument::default();
        let document = prologue.documents.get(script.document).unwrap_or(&none);
        let files = Rc::clone(&document.files);
        // A copy of a warm host would have the user of the launcher.
        let warm = if script.switches_user { &[] } else { prologue.warm.as_slice() };
        let hosts = StepHosts { programs: &document.hosts, warm };
        let directory = stage.directory().to_owned();
        let mut context = Context::new(directory, prologue.source_directory.clone(), files, watch);
        context.record(script.evidence);
        if !prologue.variables.is_empty() {
            context.environment().note_of_user(prologue.variables.iter().cloned());
        }
        if !document.path.is_empty() {
            context.environment().set_path_prefix(document.path.clone());
        }
        for predefined in &script.predefined {
            let known = predefined.value(context.source_directory(), &document.directory);
            if let Some(value) = known.or_else(|| context.directory().to_str().map(str::to_owned)) {
                context.keep(predefined.name(), value);
            }
        }
        let mut send = |report: &WorkerMessage| {
            if let Ok(message) = serde_json::to_vec(report) {
                // When the runner is gone the first process ends this one in a moment.
                let _ = stage.send(&message);
            }
        };
        let scenario_end = Instant::now() + script.scenario_limit;
        let completed = self.play_steps(&script, hosts, scenario_end, &mut context, &mut send);
        let explain = script.strictness != Strictness::default() || completed < script.steps.len();
        self.clean_up(&script, hosts, completed, (scenario_end, explain), &mut context, &mut send);
    }
}

impl StepAgent {
    /// Runs steps until one does not pass, and returns how many passed.
    fn play_steps(
        &self,
        script: &Script,
        hosts: StepHosts<'_>,
        scenario_end: Instant,
        context: &mut Context,
        send: &mut impl FnMut(&WorkerMessage),
    ) -> usize {
        for (index, step) in script.steps.iter().enumerate() {
            attempts::begin_round();
            let clock = context.watch().stopwatch();
            let own_end = Instant::now() + script.step_limit;
            let scenario_end = scenario_end + context.watch().lost();
            context.watch().set_deadline(Some(own_end.min(scenario_end)));
            let limit = if own_end <= scenario_end {
                Limit { scope: Scope::Step, of_scenario: false, time: script.step_limit }
            } else {
                Limit { scope: Scope::Scenario, of_scenario: true, time: script.scenario_limit }
            };
            let is_last = index + 1 == script.steps.len();
            let reply = self.carry_out((Part::Step, &step.function, is_last), step, hosts, context, clock, limit);
            let passed = reply.failure.is_none() && !reply.interrupted;
            send(&WorkerMessage::Step { step: index, reply });
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
        hosts: StepHosts<'_>,
        completed: usize,
        (scenario_end, mut explain): (Instant, bool),
        context: &mut Context,
        send: &mut impl FnMut(&WorkerMessage),
    ) {
        // Cleanups run to their end, even while the run is stopping.
        context.watch().ignore_interrupts();
        for (index, step) in script.steps.iter().enumerate().take(completed).rev() {
            let Some(cleanup) = &step.cleanup else {
                continue;
            };
            let clock = context.watch().stopwatch();
            let begun = Instant::now();
            let scenario_end = scenario_end + context.watch().lost();
            let (own_end, last) = (begun + script.step_limit, scenario_end.max(begun + LEAST_TIME_TO_END));
            let end = own_end.min(last);
            context.watch().set_deadline(Some(end));
            let time = end.saturating_duration_since(begun);
            let limit = Limit { scope: Scope::Cleanup, of_scenario: own_end > last, time };
            let reply = self.carry_out((Part::Cleanup, cleanup, false), step, hosts, context, clock, limit);
            explain |= reply.failure.is_some();
            send(&WorkerMessage::Cleanup { step: index, reply });
        }
        let scenario_end = scenario_end + context.watch().lost();
        let last = scenario_end.max(Instant::now() + LEAST_TIME_TO_END);
        context.watch().set_deadline(Some(last.min(Instant::now() + script.step_limit)));
        let kept = drop_kept(context).err();
        explain |= kept.is_some();
        context.watch().set_deadline(Some(last));
        let mut ending = ScenarioEnd { explain, strict: script.strictness.leftovers, ..ScenarioEnd::default() };
        let hosts = catch_unwind(AssertUnwindSafe(|| Hosts::end(context)));
        let _ = catch_unwind(AssertUnwindSafe(|| self.registry.end(context, &mut ending)));
        if script.keeps_disk {
            // The runner finds out if it is missing.
            let _ = keep_disk(context);
        }
        // Output that was written during the end counts too.
        let _ = context.watch().read_meters();
        let failure = match context.watch().take_error() {
            Some(WaitError::OutputLimit { output }) => Some(too_long(&output, context)),
            _ if kept.is_some() => kept,
            // After a failed step it does not matter what else its host has sent.
            _ if completed < script.steps.len() => None,
            _ => hosts.ok().and_then(Result::err),
        };
        // Only a scenario that fails shows it, and the kernel adds its counters up for each look.
        let network = if explain || failure.is_some() { network::used() } else { None };
        send(&WorkerMessage::Ended {
            failure,
            daemons: ending.daemons,
            left_over: ending.left_over,
            network: network.map(|used| PrivateNetwork { refused: used.refused, other_hosts: used.other_hosts }),
        });
    }

    fn carry_out(
        &self,
        (part, function, is_last): (Part, &str, bool),
        step: &ScriptStep,
        hosts: StepHosts<'_>,
        context: &mut Context,
        clock: Stopwatch,
        limit: Limit,
    ) -> StepReply {
        let captures = self.captures_of(function, step, context);
        context.begin_step();
        let attempt = |context: &mut Context| self.attempt((part, function), step, hosts, context, &captures);
        let result = match step.repetition.as_ref().filter(|_| part == Part::Step) {
            None => attempt(context),
            Some(repetition) => {
                let look = match &step.language {
                    Some(_) => Look::Live,
                    None => self.registry.look(function, &captures),
                };
                let is_alive =
                    |context: &mut Context| step.language.as_ref().is_none_or(|language| Hosts::has(context, language));
                repeat(context, repetition, (look, &captures), attempt, is_alive)
            }
        };
        // An assertion of a thread that failed meanwhile, if no function in Python comes that would report it.
        let result = match result {
            Ok(()) if is_last && step.language.is_none() => Hosts::refuse_failed_threads(context, &self.registry),
            result => result,
        };
        // Output over the limit is this step's failure.
        let result = result.and_then(|()| Ok(context.watch().read_meters()?));
        let began = Some(context.watch().time_of(clock.begun()));
        let took = clock.elapsed(context.watch());
        let cut = context.watch().take_error();
        let Err(error) = result else {
            let output = written(context, clock.begun());
            return StepReply { began, took, output, failure: None, interrupted: false };
        };
        let interrupted = cut == Some(WaitError::Interrupted);
        let mut failure = error;
        match cut {
            Some(WaitError::TimeLimit { waiting_for }) => {
                let waiting =
                    if waiting_for.is_empty() { String::new() } else { format!(" while waiting for {waiting_for}") };
                let Limit { scope, of_scenario, time } = limit;
                failure.kind = FailureKind::TimeLimit { scope, limit: time };
                failure.message = format!("the {scope} exceeded its time limit of {}{waiting}", words::limit(time));
                failure = with_running(context, failure);
                failure.help.push(advice_on_time(of_scenario));
            }
            Some(WaitError::OutputLimit { output }) => {
                let Failure { kind, message, help, .. } = too_long(&output, context);
                failure.kind = kind;
                failure.message = message;
                failure.help.extend(help);
            }
            Some(WaitError::Interrupted) | None => {}
        }
        if part == Part::Step && !interrupted {
            failure = explain(context, failure);
        }
        StepReply { began, took, output: Vec::new(), failure: Some(failure), interrupted }
    }

    /// Returns the captures of a step, with the values that it names.
    fn captures_of(&self, function: &str, step: &ScriptStep, context: &Context) -> Captures {
        let texts = step.captures.iter().map(|capture| (capture.name.clone(), capture.text.clone()));
        let mut captures = Captures::new(texts);
        context.expand_captures(&mut captures, |name| {
            let capture = step.captures.iter().find(|capture| capture.name == name);
            match capture.map_or(CaptureForm::Text, |capture| capture.form) {
                CaptureForm::Text | CaptureForm::Unescaped if step.language.is_some() => Reading::OwnFunction,
                form => form.reading(&self.registry, function, name),
            }
        });
        captures
    }

    /// Returns the failure of a step that looks for a text that has become empty by the values in it.
    fn seeks_nothing(&self, function: &str, step: &ScriptStep, captures: &Captures) -> Option<Failure> {
        let capture = self.registry.seeks_nothing(function, captures)?;
        let written = step.captures.iter().find(|it| it.name == capture && !it.text.is_empty())?;
        let message = format!("there is nothing to look for: {} is empty, and every text contains it", written.text);
        Some(Failure::new(message).help("check the value where it is kept"))
    }

    /// Calls the function of a step once.
    fn attempt(
        &self,
        (part, function): (Part, &str),
        step: &ScriptStep,
        hosts: StepHosts<'_>,
        context: &mut Context,
        captures: &Captures,
    ) -> StepResult {
        match &step.language {
            Some(language) => match hosts.programs.iter().find(|host| host.language == *language) {
                Some(host) => {
                    let warm =
                        hosts.warm.iter().find(|(program, _)| program == host).and_then(|(_, warm)| warm.as_ref());
                    let registry = &self.registry;
                    let request = Request { part, function, captures, kind: &step.kind, text: &step.text, registry };
                    catch_unwind(AssertUnwindSafe(|| Hosts::carry_out(context, host, warm, request)))
                        .unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
                }
                None => Err(Failure::new(format!("no step host for {language}"))),
            },
            None => match self.registry.function(function) {
                Some(_) if let Some(failure) = self.seeks_nothing(function, step, captures) => Err(failure),
                Some(function) => catch_unwind(AssertUnwindSafe(|| function(context, captures)))
                    .unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
                    .map_err(|error| if part == Part::Step { Hosts::with_output(context, error) } else { error }),
                None => Err(Failure::new(format!("no step function is named {function}"))),
            },
        }
    }
}

/// Returns what a passed step wrote, if that is recorded: its latest command, and its function.
fn written(context: &mut Context, since: Instant) -> Vec<Output> {
    match context.evidence() {
        Evidence::OfFailures => Vec::new(),
        Evidence::Full => written_since(context, since).into_iter().chain(context.take_written()).collect(),
    }
}

/// The limit that holds for a step or cleanup.
#[derive(Debug, Clone, Copy)]
struct Limit {
    scope: Scope,
    /// Whether it is what the scenario's own limit leaves.
    of_scenario: bool,
    time: Duration,
}

/// The failure of a step whose processes wrote more than the output limit.
fn too_long(output: &str, context: &mut Context) -> Failure {
    // The sizes of outputs are in decimal units.
    let limit = |limit| match (words::size_limit(limit), words::size(limit)) {
        (exact, size) if exact == size => format!(" of {exact}"),
        (exact, size) => format!(" of {exact} (= {size})"),
    };
    let limit = context.watch().output_limit().map_or_else(String::new, limit);
    Failure::new(format!("{output} exceeded the output limit{limit}; the processes that wrote to it were killed"))
        .kind(FailureKind::OutputLimit)
        .help(
            "stop it from writing without end; if it is meant to write this much, raise the limit with `output_limit` \
             in the document's metadata or `--output-limit`",
        )
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Failure::new(text.unwrap_or_else(|| "the step function panicked without a message".to_owned()))
        .kind(FailureKind::Panic)
}
