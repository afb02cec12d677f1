//! A host that runs, and the conversation with it.
//!
//! The file is long because start, requests, calls back and end share the state of one conversation.

use std::fs::File;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_event::OutputSource;
use greenroom_sandbox::process::capture;
use greenroom_sandbox::process::{ExitStatus, Neighbour, Process, Program, Signal, Watch, table};
use serde_json::Value;

use super::calls;
use super::line::Lines;
use super::number;
use super::program::HostProgram;
use super::protocol::{self, BrokenCause, Message, Part, Reply, Variables};
use super::stacks;
use super::step_file::StepFile;
use super::warm::{Readiness, WarmHost};
use crate::context::Context;
use crate::evidence::STEP_OUTPUT;
use crate::registry::Registry;
use crate::step::{Captures, Failure, Output, StepResult, output_of};

/// The versions of the protocol that hosts may speak.
const VERSIONS: std::ops::RangeInclusive<u64> = protocol::OLDEST..=protocol::VERSION;

/// How long a host may take to load its files, unless the step's own limit is shorter.
const START_LIMIT: Duration = Duration::from_mins(1);

const FORK_NOTE: &str = "a function that forks must end the child before it returns there";

/// How long a warm host may take to copy itself.
const COPY_LIMIT: Duration = Duration::from_secs(5);

/// How long a host may take to write its stacks, and how long it must be silent to have finished.
const STACKS_LIMIT: Duration = Duration::from_millis(300);
const STACKS_END: Duration = Duration::from_millis(5);

/// The exit status of greenroom's own hosts when their socket is closed.
const LOST_SOCKET: i32 = 70;

/// How much of what a host wrote a message shows at most, in bytes.
const SHOWN: u64 = 8 * 1024;

/// A function that a host has to call.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What the function is for.
    pub part: Part,
    /// The function.
    pub function: &'a str,
    /// The captures of its step.
    pub captures: &'a Captures,
    /// `given`, `when` or `then`.
    pub kind: &'a str,
    /// The step, without its keyword.
    pub text: &'a str,
    /// The native functions, which hosts may call.
    pub registry: &'a Registry,
}

/// A host that runs.
#[derive(Debug)]
pub(super) struct Host {
    language: String,
    /// Whether it is greenroom's own host, for Python.
    pub(super) is_python: bool,
    body: Body,
    lines: Lines,
    /// Its standard output and error.
    output: File,
    /// The environment as the host knows it.
    environment: Variables,
    /// The working directory, likewise.
    directory: PathBuf,
    /// The signal on which it writes its stacks.
    stack_signal: Option<Signal>,
    /// The version of the protocol that it speaks.
    protocol: u64,
    /// Whether it sent something that it should not have: what comes next proves nothing.
    is_distrusted: bool,
}

/// The process of a host.
#[derive(Debug)]
enum Body {
    /// Started here.
    Started(Process),
    /// A copy of a warm host; `None` until it has sent its number.
    Copied {
        process: Option<Neighbour>,
        /// The warm host.
        origin: Neighbour,
    },
}

impl Body {
    /// A descriptor that is readable once the process has ended.
    fn end(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Started(process) => Some(process.pidfd()),
            Self::Copied { process, .. } => process.as_ref().map(Neighbour::pidfd),
        }
    }

    /// The number of the process.
    fn pid(&self) -> Option<i32> {
        match self {
            Self::Started(process) => Some(process.pid()),
            Self::Copied { process, .. } => process.as_ref().map(Neighbour::pid),
        }
    }

    fn signal(&self, signal: Signal) {
        match self {
            Self::Started(process) => drop(process.signal(signal)),
            Self::Copied { process, .. } => process.iter().for_each(|process| process.signal(signal)),
        }
    }

    /// Kills the process, but not its group.
    fn kill(&self) {
        match self {
            Self::Started(process) => {
                let _ = process.signal(Signal::KILL);
                let _ = Watch::new().end_of("a killed step host", process.pidfd(), Duration::from_secs(2));
            }
            Self::Copied { process, .. } => process.iter().for_each(Neighbour::kill),
        }
    }
}

impl Host {
    /// Tells the host that nothing more comes: it ends by itself.
    pub(super) fn finish(&self) {
        self.lines.shut();
    }

    /// Waits for the end of the host, and kills it if that takes too long.
    pub(super) fn wait_or_kill(&self, context: &mut Context, limit: Duration) {
        let what = format!("the {} process that runs the steps to end", self.language);
        let ended = self.body.end().map(|end| context.watch().end_of(&what, end, limit));
        if ended != Some(Ok(true)) {
            self.body.kill();
        }
    }

    /// Copies a warm host into this scenario, or starts one if there is no such copy.
    pub(super) fn enter(
        context: &mut Context,
        program: &HostProgram,
        warm: Option<&WarmHost>,
        registry: &Registry,
    ) -> Result<Self, Failure> {
        let output = tempfile::tempfile_in(context.backstage())?;
        rustix::fs::fcntl_setfl(&output, rustix::fs::fcntl_getfl(&output)? | rustix::fs::OFlags::APPEND)?;
        context.watch().meter(&format!("output of the {} steps", program.language), &output, None)?;
        if let Some(warm) = warm
            && let Some(host) = Self::copy(context, program, warm, registry, &output)?
        {
            return Ok(host);
        }
        Self::start(context, program, registry, output)
    }

    /// Copies a warm host. `None` if that fails: a host of the scenario's own then works, or reports why it does not.
    fn copy(
        context: &mut Context,
        program: &HostProgram,
        warm: &WarmHost,
        registry: &Registry,
        output: &File,
    ) -> Result<Option<Self>, Failure> {
        let what = loading(program);
        let mut wait = Wait::new(context, &what, START_LIMIT);
        let abilities = loop {
            match warm.abilities() {
                Ok(abilities) => break abilities,
                Err(Readiness::Loading) => wait.readable(context, &[warm.fd()])?,
                Err(_) => return Ok(None),
            }
        };
        let (ours, theirs) = UnixStream::pair()?;
        if !warm.copy(abilities, &theirs, output) {
            return Ok(None);
        }
        drop(theirs);
        let body = Body::Copied { process: None, origin: warm.process() };
        let mut host = Self::new(context, program, body, ours, output.try_clone()?)?;
        host.protocol = abilities.protocol;
        match host.begin(context, program, registry, COPY_LIMIT) {
            Ok(pid) => {
                let Some(Ok(neighbour)) = pid.map(Neighbour::hold) else { return Ok(None) };
                table::hide(neighbour.pid());
                host.body = Body::Copied { process: Some(neighbour), origin: warm.process() };
                Ok(Some(host))
            }
            Err(error) if context.watch().is_cut_short() => Err(error),
            Err(_) => {
                // The warm host was stopped, say. A copy that it makes later finds its socket closed, and ends.
                warm.give_up();
                Ok(None)
            }
        }
    }

    fn start(context: &mut Context, program: &HostProgram, registry: &Registry, output: File) -> Result<Self, Failure> {
        let (ours, theirs) = UnixStream::pair()?;
        let loading = program.loading.iter().filter(|(name, _)| name != "TMPDIR").cloned().collect();
        let path = context.environment().path();
        let source_directory = context.source_directory().to_owned();
        let process = program.execute(&theirs, &path, &source_directory, loading, &output, Program::start)?;
        table::hide(process.pid());
        drop(theirs);
        let mut host = Self::new(context, program, Body::Started(process), ours, output)?;
        host.greet(context, program, registry)?;
        host.begin(context, program, registry, START_LIMIT)?;
        Ok(host)
    }

    fn new(
        context: &mut Context,
        program: &HostProgram,
        body: Body,
        socket: UnixStream,
        output: File,
    ) -> Result<Self, Failure> {
        let environment = context.environment().changes().into_iter().collect();
        let (language, directory) = (program.language.clone(), context.directory().to_owned());
        Ok(Self {
            language,
            is_python: program.python,
            body,
            lines: Lines::new(socket)?,
            output,
            environment,
            directory,
            stack_signal: None,
            protocol: protocol::OLDEST,
            is_distrusted: false,
        })
    }

    /// Has the host load its files.
    fn greet(&mut self, context: &mut Context, program: &HostProgram, registry: &Registry) -> StepResult {
        let purpose = protocol::Use::Scenario;
        let hello = protocol::hello(&program.language, &program.files, context.source_directory(), purpose);
        let what = loading(program);
        let loaded = format!("what {} printed when loaded", files_of(program));
        let answer = self.exchange(context, registry, hello, &what, START_LIMIT).map_err(|error| {
            let error = match error {
                ExchangeError::Wait(error) => error,
                ExchangeError::Host(error) => error.note(format!("that was while it loaded {}", files_of(program))),
            };
            self.with_output(error, &loaded, 0)
        })?;
        match answer {
            Message::Ready { protocol: Some(version), .. } if VERSIONS.contains(&version) => {
                self.protocol = version;
                Ok(())
            }
            Message::Ready { protocol, .. } => {
                let protocol = protocol.map_or_else(|| "without a version".to_owned(), |it| format!("version {it}"));
                let known = format!("version {} or {}", VERSIONS.start(), VERSIONS.end());
                Err(self.misuse(&format!("speaks the protocol {protocol}, not {known}")))
            }
            Message::Broken(mut error, cause) => {
                // The host may know a file that is meant.
                if cause == BrokenCause::MissingModule && error.help.is_empty() {
                    error.help.push(format!(
                        "install it for that Python (`{} -m pip install NAME`), or choose another one with \
                         `--python PATH`",
                        program.program
                    ));
                }
                Err(self.with_output(error, &loaded, 0))
            }
            other => Err(self.misuse(&format!("answered with `{}` instead of `ready`", other.name()))),
        }
    }

    /// Has the host enter the scenario; returns the number of its process.
    fn begin(
        &mut self,
        context: &mut Context,
        program: &HostProgram,
        registry: &Registry,
        limit: Duration,
    ) -> Result<Option<i32>, Failure> {
        // The scenario's own variables first, then the changes of its steps.
        let own = program.loading.iter().map(|(name, _)| (name.clone(), context.environment().get(name)));
        let mut environment: Variables = own.chain(self.environment.clone()).collect();
        environment.insert("OLDPWD".into(), context.environment().get("OLDPWD".as_ref()));
        let directory = context.directory().to_owned();
        set_pwd(context, &mut environment, &directory);
        let scenario = protocol::scenario(context.directory(), &environment);
        let what = format!("{} to enter the scenario", self.language);
        match self.exchange(context, registry, scenario, &what, limit)? {
            Message::Begun { process, stack_signal } => {
                self.lines.pin_sender();
                self.stack_signal = stack_signal.and_then(Signal::from_raw);
                Ok(process)
            }
            Message::Broken(failure, _) => Err(failure),
            other => Err(self.misuse(&format!("answered with `{}` instead of `begun`", other.name()))),
        }
    }

    /// Has the host call a function.
    pub(super) fn carry_out(&mut self, context: &mut Context, request: Request<'_>) -> StepResult {
        let before = self.written();
        let now: Variables = context.environment().changes().into_iter().collect();
        let mut changed = protocol::difference(&self.environment, &now);
        self.environment = now;
        // Another host may have changed it, or a former one of this language. If it is gone,
        // functions that need it fail.
        let here = context.working_directory().map_or_else(|_| self.directory.clone(), Path::to_owned);
        if here != self.directory {
            set_pwd(context, &mut changed, &here);
        }
        let Request { part, function: name, captures, kind, text, .. } = request;
        let function = protocol::Function { part, name, captures, kind, text };
        let message = protocol::function(function, &changed, (here != self.directory).then_some(&*here));
        let what = format!("{} function {}", self.language, request.function);
        // The step's limit holds; a function has none of its own.
        let limit = context
            .watch()
            .deadline()
            .map_or(Duration::from_hours(24), |end| end.saturating_duration_since(Instant::now()));
        let answer = self
            .exchange(context, request.registry, message, &what, limit)
            .map_err(Failure::from)
            .map_err(|error| if context.watch().has_timed_out() { self.with_stacks(error) } else { error })
            .map_err(|error| self.explain(error, before))?;
        let (failure, frame) = match answer {
            Message::Done { failure, frame } => (failure, frame),
            other => {
                let error = self.misuse(&format!("answered with `{}` instead of `done`", other.name()));
                return Err(self.explain(error, before));
            }
        };
        calls::apply(context, frame);
        self.directory = context.working_directory().map_or(here, Path::to_owned);
        self.environment = context.environment().changes().into_iter().collect();
        match failure {
            // Its output may have passed the limit since the last look.
            None => context.watch().read_meters().map_err(|cut| self.explain(Failure::from(cut), before)),
            Some(failure) => Err(self.explain(failure, before)),
        }
    }

    /// Sends a message and returns the answer, and handles the calls that come before it.
    fn exchange(
        &mut self,
        context: &mut Context,
        registry: &Registry,
        message: Value,
        what: &str,
        limit: Duration,
    ) -> Result<Message, ExchangeError> {
        let host = ExchangeError::Host;
        self.refuse_stale().map_err(host)?;
        let number = number::new();
        let message = protocol::numbered(message, &number);
        self.lines.send(&message).map_err(|_| host(self.gone(context, None)))?;
        let mut wait = Wait::new(context, what, limit);
        loop {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    let mut fds = vec![self.lines.fd()];
                    if let Body::Started(process) = &self.body {
                        fds.push(process.pidfd());
                    }
                    wait.readable(context, &fds).map_err(ExchangeError::Wait)?;
                    // What it sent before its end counts.
                    let ended = match &mut self.body {
                        Body::Started(process) => process.try_wait().is_some(),
                        Body::Copied { .. } => false,
                    };
                    match self.lines.fill() {
                        Ok(true) if !self.lines.is_over() => continue,
                        Ok(false) if !ended => continue,
                        _ => return Err(host(self.gone(context, None))),
                    }
                }
                Err(_) => return Err(host(self.misuse("wrote something to its socket that is not a message"))),
            };
            if let Some(intruder) = self.lines.intruder() {
                return Err(host(self.intruded(intruder, &line)));
            }
            let Some(Reply { message, request }) = Reply::parse(&line) else {
                return Err(host(self.wrote(&line)));
            };
            let has_number = request.as_deref() == Some(&*number);
            let is_current = match &message {
                // These only make a scenario fail.
                Message::Ended(_) | Message::Broken(..) => true,
                Message::Ready { protocol, .. } => *protocol == Some(protocol::OLDEST) || has_number,
                _ => has_number || (self.protocol == protocol::OLDEST && request.is_none()),
            };
            if !is_current {
                return Err(host(if request.is_some() { self.stale(&line) } else { self.wrote(&line) }));
            }
            let call = match message {
                Message::Call(call) => call,
                Message::Ended(status) => return Err(host(self.gone(context, status))),
                answer => return Ok(answer),
            };
            let result = calls::carry_out(context, registry, call);
            let result = match result {
                Err(error) if context.watch().is_cut_short() => return Err(ExchangeError::Wait(error)),
                result => result,
            };
            self.lines.send(&protocol::answer(&result)).map_err(|_| host(self.gone(context, None)))?;
        }
    }

    /// The error for a host that has closed its socket; says how it ended, if that is known.
    fn gone(&mut self, context: &mut Context, mut status: Option<ExitStatus>) -> Failure {
        match &mut self.body {
            Body::Started(process) => {
                let waited = process.wait(context.watch(), "the end of the step host", Duration::from_secs(2));
                status = waited.ok().flatten().map(|ended| ended.status);
            }
            Body::Copied { process: Some(process), origin } if !origin.has_ended() => {
                status = status.or_else(|| process.status(Duration::from_secs(2)));
            }
            Body::Copied { .. } => {}
        }
        let ending = match status {
            Some(status) => format!("has ended, with {status}"),
            None if matches!(self.body, Body::Copied { .. }) => {
                "was killed, or the one that had loaded its files".to_owned()
            }
            None => "has closed its socket".to_owned(),
        };
        let error = Failure::new(format!("the {} process that runs the steps {ending}", self.language));
        if status == Some(ExitStatus::Code(LOST_SOCKET)) {
            return error.note(format!(
                "it exits with {LOST_SOCKET} when its socket is closed; a function must not close what it has not \
                    opened"
            ));
        }
        error
    }

    /// Fails if something came after the last reply of a host that has ended.
    pub(super) fn refuse_rest(&mut self) -> StepResult {
        while !self.lines.is_closed() && self.lines.fill().is_ok_and(|read| read) {}
        self.refuse_stale()
    }

    /// Fails if something has come since the last reply: it answers no request.
    fn refuse_stale(&mut self) -> Result<(), Failure> {
        let _ = self.lines.fill();
        let intruder = self.lines.intruder();
        match self.lines.peek() {
            Some(line) if intruder.is_some() => {
                let line = line.to_owned();
                Err(self.intruded(intruder.unwrap_or_default(), &line))
            }
            // Waiting for a reply notices the end of the process.
            Some(line) if !matches!(Message::parse(line), Some(Message::Ended(_))) => {
                let line = line.to_owned();
                Err(self.stale(&line))
            }
            _ => Ok(()),
        }
    }

    /// The failure for something on the socket that is not a message of the host.
    fn wrote(&mut self, line: &[u8]) -> Failure {
        self.misuse(&format!("wrote `{}` to its socket", start_of(line)))
    }

    /// The failure for a message of another process than the host.
    fn intruded(&mut self, process: i32, line: &[u8]) -> Failure {
        self.is_distrusted = true;
        let process = if process == 0 { "a process".to_owned() } else { format!("process {process}") };
        let host = format!("the {} process that runs the steps", self.language);
        Failure::new(format!("{process} wrote `{}` to the socket of {host}", start_of(line))).note(FORK_NOTE)
    }

    /// The failure for a reply that does not belong to the current request.
    fn stale(&mut self, line: &[u8]) -> Failure {
        self.misuse(&format!("replied more than once: `{}` does not answer the current request", start_of(line)))
            .note(FORK_NOTE)
    }

    fn misuse(&mut self, what: &str) -> Failure {
        self.is_distrusted = true;
        Failure::new(format!("the {} process that runs the steps {what}", self.language))
            .note("its socket is for the step host alone; a function must not use it")
    }

    /// Whether the host can call another function: it runs, and is not in the middle of one.
    pub(super) fn is_usable(&mut self, context: &mut Context) -> bool {
        let runs = match &mut self.body {
            Body::Started(process) => process.try_wait().is_none(),
            Body::Copied { process, .. } => process.as_ref().is_some_and(|process| !process.has_ended()),
        };
        runs && !self.is_distrusted && !context.watch().is_cut_short() && !self.lines.is_over()
    }

    /// How much the host has written so far.
    pub(super) fn written(&self) -> u64 {
        self.output.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Adds where the function is that ran out of time.
    fn with_stacks(&self, error: Failure) -> Failure {
        let Some(signal) = self.stack_signal else { return error };
        let written = self.written();
        self.body.signal(signal);
        let (mut last, mut since) = (written, Instant::now());
        let ended = || {
            let now = self.written();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            (now > written && since.elapsed() > STACKS_END).then_some(())
        };
        let _ = Watch::new().until("its stacks", STACKS_LIMIT, &[], ended);
        let mut dump = vec![0; 8 * 8192];
        let length = self.output.read_at(&mut dump, written).unwrap_or(0);
        // The stacks are not the function's own output.
        let _ = self.output.set_len(written);
        match stacks::shown(&String::from_utf8_lossy(&dump[..length])) {
            Some(shown) => {
                let source = OutputSource::Function { title: "where it stood".to_owned() };
                error.output(Output { source, text: shown, omitted: 0, after_stop: false, marks: Vec::new() })
            }
            None => error,
        }
    }

    /// Adds what the function printed.
    fn explain(&self, error: Failure, before: u64) -> Failure {
        self.with_output(error, &self.title(), before)
    }

    fn title(&self) -> String {
        format!("output of the {} function", self.language)
    }

    /// Returns what the function printed that has just passed, if anything.
    pub(super) fn printed(&self, before: u64) -> Option<Output> {
        let tail = capture::end_of_part(&self.output, before..self.written(), STEP_OUTPUT).ok()?;
        (!tail.bytes.is_empty()).then(|| output_of(OutputSource::Function { title: self.title() }, &tail))
    }

    /// Adds what functions printed before, if anything.
    pub(super) fn with_earlier_output(&self, error: Failure, before: u64) -> Failure {
        if before == 0 {
            return error;
        }
        self.with_part(error, &format!("output of {} functions before it", self.language), 0..before)
    }

    fn with_output(&self, error: Failure, of: &str, before: u64) -> Failure {
        self.with_part(error, of, before..self.written())
    }

    /// Adds the end of a part of its output.
    fn with_part(&self, error: Failure, of: &str, part: Range<u64>) -> Failure {
        let tail = capture::end_of_part(&self.output, part, SHOWN).unwrap_or_default();
        error.output(output_of(OutputSource::Function { title: of.to_owned() }, &tail))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has had its time to end by itself, or cannot be trusted to.
        self.body.kill();
        if let Body::Started(process) = &mut self.body {
            // With the rest of its group.
            process.kill();
        }
        if let Some(pid) = self.body.pid() {
            table::unhide(pid);
        }
    }
}

/// Has PWD name the working directory, unless the user has given it another value.
fn set_pwd(context: &mut Context, variables: &mut Variables, directory: &Path) {
    if context.environment().get("PWD".as_ref()).is_none() {
        variables.insert("PWD".into(), Some(directory.into()));
    }
}

/// Why a message got no answer.
enum ExchangeError {
    /// The wait ended: the limit passed, or the run is stopping.
    Wait(Failure),
    /// The host ended, or did not keep to the protocol.
    Host(Failure),
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Wait(failure) | ExchangeError::Host(failure) => failure,
        }
    }
}

/// A wait for a message.
struct Wait<'a> {
    what: &'a str,
    limit: Duration,
    until: Instant,
    is_announced: bool,
}

impl<'a> Wait<'a> {
    fn new(context: &mut Context, what: &'a str, limit: Duration) -> Self {
        context.watch().waits_for(what);
        Self { what, limit, until: Instant::now() + limit, is_announced: false }
    }

    /// Waits until there is something to read; an error when the time is over.
    fn readable(&mut self, context: &mut Context, fds: &[BorrowedFd<'_>]) -> StepResult {
        let watch = context.watch();
        if !self.is_announced {
            if watch.readable(fds, self.until.min(Instant::now() + Watch::ANNOUNCE_AFTER))? {
                return Ok(());
            }
            self.is_announced = true;
            watch.tell(self.what, self.limit);
        }
        if watch.readable(fds, self.until)? {
            return Ok(());
        }
        Err(Failure::new(format!("waited {} s for {}", self.limit.as_secs(), self.what)))
    }
}

/// The beginning of a line, for a message.
fn start_of(line: &[u8]) -> String {
    let start = String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned();
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    start.chars().map(escaped).collect()
}

fn loading(program: &HostProgram) -> String {
    format!("{} to be loaded", files_of(program))
}

/// The files that a host loads, for a message.
fn files_of(program: &HostProgram) -> String {
    // The others are names of libraries that greenroom serves itself.
    let own = program.files.iter().filter(|file| file.is_own()).filter_map(StepFile::file_name);
    let names: Vec<String> = own.map(|name| name.display().to_string()).collect();
    match names.as_slice() {
        [_, ..] if names.len() <= 3 => names.join(", "),
        _ => format!("the {} files", program.language),
    }
}
