//! Builds runs as events, as the runner pushes them.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use greenroom_event::{
    Attempt, Daemon, DaemonEnd, DocumentOutline, Event, EventKind, Exit, Failure, Isolation, LeftOver, Location,
    Notice, Outcome, Outline, Output, OutputSource, Relation, RunStarted, SCHEMA_VERSION, ScenarioFinished,
    ScenarioOutline, Sink, StepFinished, StepOutline, Stream,
};
use greenroom_report::{FORMATS, Options, RunRecord, Terminal, TerminalFormat, TerminalReporter, Verbosity, Writing};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A run of one document, `daemon.md`, with its own clock.
pub(crate) struct Run {
    pub(crate) started: RunStarted,
    now: Duration,
    pub(crate) events: Vec<Event>,
}

impl Run {
    /// Creates a run of scenarios, each with title and steps.
    pub(crate) fn of(scenarios: &[(&str, &[&str])]) -> Self {
        let mut line = 17;
        let mut place = || {
            line += 1;
            Location { file: "daemon.md".into(), line }
        };
        let scenarios = scenarios
            .iter()
            .map(|(title, steps)| ScenarioOutline {
                document: 0,
                title: (*title).into(),
                location: place(),
                steps: steps.iter().map(|text| StepOutline { text: (*text).into(), location: place() }).collect(),
                ..ScenarioOutline::default()
            })
            .collect();
        let document = DocumentOutline { path: "daemon.md".to_owned(), title: "Daemons".to_owned(), text: None };
        let started = RunStarted {
            schema_version: SCHEMA_VERSION,
            version: "0.1.0".to_owned(),
            outline: Outline { documents: vec![document], scenarios, ..Outline::default() }.into(),
            isolation: Isolation { sealed: true, ..Isolation::default() },
            jobs: 256,
            shuffle: None,
            origin: None,
            partition: None,
            merge: None,
        };
        Self { started, now: Duration::ZERO, events: Vec::new() }
    }

    pub(crate) fn started(mut self, change: impl FnOnce(&mut RunStarted)) -> Self {
        change(&mut self.started);
        self
    }

    pub(crate) fn event(mut self, after: u64, scenario: Option<usize>, kind: EventKind) -> Self {
        self.now += ms(after);
        let scenario = scenario.map(Attempt::first);
        self.events.push(Event { seq: self.events.len() as u64 + 1, at: self.now, scenario, kind });
        self
    }

    /// Makes the events of a scenario so far those of a first attempt, which is followed by another.
    pub(crate) fn retried(mut self, scenario: usize) -> Self {
        for event in &mut self.events {
            if let (Some(attempt), EventKind::ScenarioFinished(finished)) = (event.scenario, &mut event.kind)
                && attempt.index == scenario
            {
                finished.is_retried = true;
            }
        }
        self
    }

    /// Makes the events of a scenario after its first attempt those of a second one.
    pub(crate) fn second_attempt(mut self, scenario: usize) -> Self {
        let mut is_over = false;
        for event in &mut self.events {
            let Some(attempt) = event.scenario.as_mut().filter(|attempt| attempt.index == scenario) else { continue };
            if is_over {
                attempt.number = 2;
            }
            is_over |= matches!(event.kind, EventKind::ScenarioFinished(_));
        }
        self
    }

    pub(crate) fn begin(self, scenario: usize) -> Self {
        self.event(1, Some(scenario), EventKind::ScenarioStarted)
    }

    pub(crate) fn step(self, scenario: usize, step: usize, took: u64) -> Self {
        self.step_started(scenario, step).event(
            took,
            Some(scenario),
            EventKind::StepFinished(StepFinished {
                step,
                outcome: Outcome::Passed,
                began: None,
                took: ms(took),
                failure: None,
                output: Vec::new(),
            }),
        )
    }

    pub(crate) fn step_started(self, scenario: usize, step: usize) -> Self {
        self.event(0, Some(scenario), EventKind::StepStarted { step })
    }

    pub(crate) fn step_fails(self, scenario: usize, step: usize, took: u64, failure: Failure) -> Self {
        let failed = EventKind::StepFinished(StepFinished {
            step,
            outcome: Outcome::Failed,
            began: None,
            took: ms(took),
            failure: Some(failure),
            output: Vec::new(),
        });
        self.step_started(scenario, step).event(took, Some(scenario), failed)
    }

    pub(crate) fn cleanup_fails(self, scenario: usize, step: usize, took: u64, failure: Failure) -> Self {
        let failed = EventKind::CleanupFinished(StepFinished {
            step,
            outcome: Outcome::Failed,
            began: None,
            took: ms(took),
            failure: Some(failure),
            output: Vec::new(),
        });
        self.event(took, Some(scenario), failed)
    }

    pub(crate) fn finish(self, scenario: usize, finished: ScenarioFinished) -> Self {
        self.event(1, Some(scenario), EventKind::ScenarioFinished(finished))
    }

    /// Adds a scenario that passes, with all its steps.
    pub(crate) fn passes(mut self, scenario: usize) -> Self {
        self = self.begin(scenario);
        for step in 0..self.started.outline.scenarios[scenario].steps.len() {
            self = self.step(scenario, step, 20 + step as u64);
        }
        self.finish(scenario, over(Outcome::Passed, 121))
    }

    pub(crate) fn end(self) -> Self {
        self.event(2, None, EventKind::RunFinished { interrupted: false })
    }

    pub(crate) fn interrupted(self) -> Self {
        self.event(2, None, EventKind::RunFinished { interrupted: true })
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        let kind = EventKind::RunStarted(self.started.clone());
        let first = Event { seq: 0, at: Duration::ZERO, scenario: None, kind };
        std::iter::once(first).chain(self.events.iter().cloned()).collect()
    }

    /// Returns the log without colour.
    pub(crate) fn text(&self, verbosity: Verbosity) -> String {
        self.shown(Terminal { colour: false, width: 100, live: false }, verbosity)
    }

    pub(crate) fn plain(&self) -> String {
        self.text(Verbosity::Normal)
    }

    pub(crate) fn shown(&self, terminal: Terminal, verbosity: Verbosity) -> String {
        let options = Options { verbosity, shows_output: false };
        let mut reporter = TerminalReporter::new(Vec::new(), terminal, options);
        for event in self.all() {
            reporter.push(&event);
        }
        String::from_utf8(reporter.into_inner()).unwrap()
    }
}

/// Three small scenarios.
pub(crate) fn three() -> Run {
    Run::of(&[
        ("Daemon is started and terminated", STARTED),
        ("Daemon takes a while to open its port", SLOW),
        ("Daemon never opens the intended port", &["given a daemon that is silent", "then it is not heard"]),
    ])
}

pub(crate) const STARTED: &[&str] = &[
    r#"given there is no "sleep 12765" process"#,
    r#"when I start "sleep 12765" as a background process as sleepyhead"#,
    r#"then a process "sleep 12765" is running"#,
    "when I stop background process sleepyhead",
];

pub(crate) const SLOW: &[&str] = &[
    "given a daemon helper shell script slow-start-daemon.py",
    r#"when I start "./slow-start-daemon.py" as slow-daemon, on port 8888"#,
    "then starting the daemon succeeds",
    "when I stop background process slow-daemon",
];

pub(crate) fn one(steps: &[&str]) -> Run {
    Run::of(&[("Daemon takes a while to open its port", steps)])
}

pub(crate) fn over(outcome: Outcome, took: u64) -> ScenarioFinished {
    ScenarioFinished::new(outcome, ms(took))
}

pub(crate) fn because(message: &str) -> Failure {
    Failure { message: message.to_owned(), ..Failure::default() }
}

pub(crate) fn compared(what: &str, relation: Relation, expected: &str, actual: &str) -> Failure {
    Failure::comparison(what, relation, expected, actual)
}

/// Output under a title.
pub(crate) fn captured(title: &str, text: &str, omitted: u64) -> Output {
    Output {
        source: OutputSource::Function { title: title.to_owned() },
        text: text.to_owned(),
        omitted,
        after_stop: false,
        marks: Vec::new(),
    }
}

/// Output of a daemon.
pub(crate) fn logged(daemon: &str, stream: Stream, text: &str, omitted: u64) -> Output {
    Output {
        source: OutputSource::Daemon { name: daemon.to_owned(), stream },
        text: text.to_owned(),
        omitted,
        after_stop: false,
        marks: Vec::new(),
    }
}

/// A daemon that exited after this many milliseconds.
pub(crate) fn exited(status: i32, after: u64) -> DaemonEnd {
    DaemonEnd::Exited { exit: Exit::Status(status), after: ms(after), notice: Notice::Unnoticed }
}

pub(crate) fn daemon(name: &str, command: &str, end: DaemonEnd) -> Daemon {
    Daemon { name: name.to_owned(), command: command.to_owned(), end, output: Vec::new(), lives: Vec::new() }
}

pub(crate) fn left(command: &str, daemon: Option<&str>, age: u64) -> LeftOver {
    LeftOver {
        command: command.to_owned(),
        daemon: daemon.map(str::to_owned),
        age: ms(age),
        end: greenroom_event::LeftOverEnd::Stopped,
        last_line: None,
    }
}

/// A run of one scenario whose second step fails.
pub(crate) fn fails_with(failure: Failure) -> Run {
    one(SLOW).begin(0).step(0, 0, 2).step_fails(0, 1, 40, failure).finish(0, over(Outcome::Failed, 45)).end()
}

/// The lines `line 1`, `line 2` and so on, of these numbers.
pub(crate) fn lines(range: std::ops::Range<usize>) -> String {
    range.map(|number| format!("line {number}\n")).collect()
}

/// A file in memory.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the report of this option writes.
pub(crate) fn written(option: &str, run: &Run) -> String {
    let mut memory = Memory::default();
    let format = FORMATS.iter().find(|format| format.option == option).unwrap();
    match format.writing {
        Writing::Streaming(create) => {
            let mut sink = create(Box::new(memory.clone()));
            run.all().iter().for_each(|event| sink.push(event));
        }
        Writing::Whole(write) => write(&RunRecord::of(&run.all()), &mut memory).unwrap(),
    }
    String::from_utf8(memory.0.take()).unwrap()
}

/// What standard output shows of a run in a format; without an end of the run as `report` shows it.
pub(crate) fn displayed(format: TerminalFormat, run: &Run) -> String {
    let memory = Memory::default();
    let terminal = Terminal { colour: false, width: 100, live: false };
    let mut reporter = format.reporter(memory.clone(), terminal, Options::default(), "token".to_owned());
    let events = run.all();
    for event in &events {
        reporter.push(event);
    }
    if !events.iter().any(|event| matches!(event.kind, EventKind::RunFinished { .. })) {
        reporter.cut_short(false);
    }
    drop(reporter);
    String::from_utf8(memory.0.take()).unwrap()
}
