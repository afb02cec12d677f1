//! Step functions in another language, carried out by a step host: a program of that language that talks with the worker over a
//! socket. `docs/PROTOCOL.md` says how; this is greenroom's side of it.
//!
//! A host carries out functions and nothing else. Whatever they do with commands and daemons comes back as calls, which go to
//! the same libraries as the native steps do (`calls`): there is one state and one engine, whoever asks.

mod calls;
pub mod check;
mod line;
mod program;
mod python;
mod stacks;
mod told;
mod warm;

use std::collections::BTreeMap;
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
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::library::runcmd;
use crate::registry::Registry;
use crate::step::{Captures, Failure, Output, StepResult, output_of};
use line::Lines;
use told::Variables;

pub use program::HostProgram;
pub(crate) use python::known_as;
pub use warm::WarmHost;

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u64 = 1;

/// How long a host may take to load its files, unless the step's own limit is shorter.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long a copy of a warm host, which has loaded its files, may take to be there.
const COPY_LIMIT: Duration = Duration::from_secs(5);

/// How long the hosts of a scenario may take to end, all together.
const END_LIMIT: Duration = Duration::from_secs(2);

/// How long a host may take to write where its functions stand, and how long it must have been silent to be done with it.
const STACKS_LIMIT: Duration = Duration::from_millis(300);
const STACKS_END: Duration = Duration::from_millis(5);

/// With this exit status greenroom's own hosts end when they cannot talk any more.
const LOST_SOCKET: i32 = 70;

/// How much of what a host wrote a message shows at most, in bytes.
const SHOWN: u64 = 8 * 1024;

/// What a host is asked to do.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `step` or `cleanup`.
    pub what: &'static str,
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
pub struct Host {
    language: String,
    body: Body,
    lines: Lines,
    /// Its standard output and error.
    output: File,
    /// The environment as the host last heard of it.
    told: Variables,
    /// The working directory, likewise.
    directory: PathBuf,
    /// The signal upon which it writes where its functions stand.
    stack_signal: Option<Signal>,
}

/// The process of a host.
#[derive(Debug)]
enum Body {
    /// It was started here.
    Started(Process),
    /// It is the copy of a warm one, which says how it has ended; none as long as it has not said its number.
    Copied(Option<Neighbour>),
}

/// The hosts of a scenario, by language; there when they are first needed.
#[derive(Debug, Default)]
pub struct Hosts(BTreeMap<String, Host>);

impl Hosts {
    /// Carries out a function of a host, which is copied or started if the scenario does not have it yet.
    pub fn carry_out(
        context: &mut Context,
        program: &HostProgram,
        warm: Option<&WarmHost>,
        request: Request<'_>,
    ) -> StepResult {
        // Out of the context, which calls of the host are given.
        let mut host = match context.state::<Self>().0.remove(&program.language) {
            Some(host) => host,
            None => Host::enter(context, program, warm, request.registry)?,
        };
        let (begun, before) = (Instant::now(), host.written());
        let mut result = host.carry_out(context, request);
        if request.what == "step" {
            result = result
                .map_err(|error| runcmd::explain_since(context, begun, error))
                .map_err(|error| host.with_earlier_output(error, before));
        }
        // One that is gone, or of which nobody knows what it is about, is of no use to the next step.
        if host.is_well(context) {
            context.state::<Self>().0.insert(program.language.clone(), host);
        }
        result
    }

    /// Adds what functions have printed so far to the error of a native step: it may say why.
    pub fn with_output(context: &mut Context, error: Failure) -> Failure {
        let hosts = &context.state::<Self>().0;
        hosts.values().fold(error, |error, host| host.with_earlier_output(error, host.written()))
    }

    /// The end of the scenario: the hosts end by themselves, with whatever their functions have asked for at the end, or are killed
    /// when that takes too long. Before processes are looked for that nobody has stopped: some may end with their host. Those of
    /// its group that have not are ended when it is dropped.
    pub fn end(context: &mut Context) {
        let hosts = context.take_state::<Self>();
        for host in hosts.0.values() {
            host.lines.shut();
        }
        let until = Instant::now() + END_LIMIT;
        for host in hosts.0.values() {
            let what = format!("the {} process that carries out the steps to end", host.language);
            let limit = until.saturating_duration_since(Instant::now());
            let ended = host.body.end().map(|end| context.watch().end_of(&what, end, limit));
            if ended != Some(Ok(true)) {
                host.body.kill();
            }
        }
        *context.state::<Self>() = hosts;
    }
}

impl Body {
    /// Readable once it has ended.
    fn end(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Started(process) => Some(process.pidfd()),
            Self::Copied(neighbour) => neighbour.as_ref().map(Neighbour::pidfd),
        }
    }

    /// Its number.
    fn pid(&self) -> Option<i32> {
        match self {
            Self::Started(process) => Some(process.pid()),
            Self::Copied(neighbour) => neighbour.as_ref().map(Neighbour::pid),
        }
    }

    fn signal(&self, signal: Signal) {
        match self {
            Self::Started(process) => drop(process.signal(signal)),
            Self::Copied(neighbour) => neighbour.iter().for_each(|neighbour| neighbour.signal(signal)),
        }
    }

    /// Kills it alone.
    fn kill(&self) {
        match self {
            Self::Started(process) => {
                let _ = process.signal(Signal::KILL);
                let _ = Watch::new().end_of("a killed step host", process.pidfd(), Duration::from_secs(2));
            }
            Self::Copied(neighbour) => neighbour.iter().for_each(Neighbour::kill),
        }
    }
}

impl Host {
    /// A host in this scenario: a copy of a warm one where there is one, or else one of the scenario's own.
    fn enter(
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

    /// A copy of a warm host; none when there cannot be one, for whatever reason: one of the scenario's own will do, or say why not.
    fn copy(
        context: &mut Context,
        program: &HostProgram,
        warm: &WarmHost,
        registry: &Registry,
        output: &File,
    ) -> Result<Option<Self>, Failure> {
        let what = loading(program);
        let mut wait = Wait::new(context, &what, START_LIMIT);
        loop {
            match warm.can_be_copied() {
                Some(true) => break,
                Some(false) => return Ok(None),
                None => wait.readable(context, &[warm.fd()])?,
            }
        }
        let (ours, theirs) = UnixStream::pair()?;
        if !warm.copy(&theirs, output) {
            return Ok(None);
        }
        drop(theirs);
        let mut host = Self::new(context, program, Body::Copied(None), ours, output.try_clone()?)?;
        match host.begin(context, program, registry, COPY_LIMIT) {
            Ok(begun) => {
                let pid = begun.get("process").and_then(Value::as_i64).and_then(|pid| i32::try_from(pid).ok());
                let Some(Ok(neighbour)) = pid.map(Neighbour::hold) else { return Ok(None) };
                table::hide(neighbour.pid());
                host.body = Body::Copied(Some(neighbour));
                Ok(Some(host))
            }
            Err(error) if context.watch().is_cut_short() => Err(error),
            Err(_) => {
                // It has been stopped, say. Should the copy come yet, it finds nobody at its socket, and ends.
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
        let told = context.environment().changes().into_iter().collect();
        let (language, directory) = (program.language.clone(), context.directory().to_owned());
        Ok(Self { language, body, lines: Lines::new(socket)?, output, told, directory, stack_signal: None })
    }

    /// Has it load its files.
    fn greet(&mut self, context: &mut Context, program: &HostProgram, registry: &Registry) -> StepResult {
        let hello = program.hello(context.source_directory(), false);
        let what = loading(program);
        let loaded = format!("what {} printed when loaded", files_of(program));
        let (kind, ready) = self.exchange(context, registry, &hello, &what, START_LIMIT).map_err(|error| {
            let is_told = context.watch().is_cut_short() || error.message.ends_with(&what);
            let error =
                if is_told { error } else { error.note(format!("that was while it loaded {}", files_of(program))) };
            self.with_output(error, &loaded, 0)
        })?;
        if kind == "broken" {
            let mut error = told::failure(&ready);
            // The host may know a file that is meant.
            if error.message.starts_with("ModuleNotFoundError") && error.help.is_empty() {
                error.help.push(format!(
                    "install it for that Python (`{} -m pip install NAME`), or choose another one with `--python PATH`",
                    program.program
                ));
            }
            return Err(self.with_output(error, &loaded, 0));
        }
        let protocol = ready.get("protocol").and_then(Value::as_u64);
        if kind != "ready" || protocol != Some(PROTOCOL) {
            return Err(self.nonsense(&format!(
                "answered with `{kind}`, protocol {protocol:?}, instead of `ready`, protocol {PROTOCOL}"
            )));
        }
        Ok(())
    }

    /// Has it enter the scenario; what it says of itself.
    fn begin(
        &mut self,
        context: &mut Context,
        program: &HostProgram,
        registry: &Registry,
        limit: Duration,
    ) -> Result<Value, Failure> {
        // The scenario's own variables first, then what its steps have made of them.
        let own = program.loading.iter().map(|(name, _)| (name.clone(), context.environment().get(name)));
        let environment: Variables = own.chain(self.told.clone()).collect();
        let scenario = json!({"scenario": {
            "directory": context.directory().display().to_string(), "environment": told::texts(&environment),
        }});
        let what = format!("{} to enter the scenario", self.language);
        match self.exchange(context, registry, &scenario, &what, limit)? {
            (kind, begun) if kind == "begun" => {
                let number = begun.get("stack_signal").and_then(Value::as_i64);
                self.stack_signal = number.and_then(|number| Signal::from_raw(i32::try_from(number).ok()?));
                Ok(begun)
            }
            (kind, failure) if kind == "broken" => Err(told::failure(&failure)),
            (kind, _) => Err(self.nonsense(&format!("answered with `{kind}` instead of `begun`"))),
        }
    }

    fn carry_out(&mut self, context: &mut Context, request: Request<'_>) -> StepResult {
        let before = self.written();
        let now: Variables = context.environment().changes().into_iter().collect();
        let changed = told::texts(&told::difference(&self.told, &now));
        self.told = now;
        // Another host may have changed it, or a former one of this language. Where it is gone, the function says so if it minds.
        let here = context.working_directory().map_or_else(|_| self.directory.clone(), Path::to_owned);
        let directory = (here != self.directory).then(|| here.display().to_string());
        let captures: Map<String, Value> =
            request.captures.iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
        let message = json!({request.what: {
            "function": request.function, "captures": captures, "environment": changed,
            "kind": request.kind, "text": request.text, "directory": directory,
        }});
        let what = format!("{} function {}", self.language, request.function);
        // The step's limit holds; a function has none of its own.
        let limit = context
            .watch()
            .deadline()
            .map_or(Duration::from_hours(24), |end| end.saturating_duration_since(Instant::now()));
        let (kind, done) = self
            .exchange(context, request.registry, &message, &what, limit)
            .map_err(|error| if context.watch().has_timed_out() { self.with_stacks(error) } else { error })
            .map_err(|error| self.explain(error, before))?;
        if kind != "done" {
            return Err(self.explain(self.nonsense(&format!("answered with `{kind}` instead of `done`")), before));
        }
        told::apply(context, done.get("environment").unwrap_or(&Value::Null));
        told::enter(context, &done);
        self.directory = context.working_directory().map_or(here, Path::to_owned);
        self.told = context.environment().changes().into_iter().collect();
        match done.get("failure") {
            // It may have written too much before anybody looked.
            None | Some(Value::Null) => {
                context.watch().read_meters().map_err(|cut| self.explain(Failure::from(cut), before))
            }
            Some(told) => Err(self.explain(told::failure(told), before)),
        }
    }

    /// Sends a message and gives what comes back for it, carrying out what the host asks for in between.
    fn exchange(
        &mut self,
        context: &mut Context,
        registry: &Registry,
        message: &Value,
        what: &str,
        limit: Duration,
    ) -> Result<(String, Value), Failure> {
        self.lines.send(message).map_err(|_| self.gone(context, None))?;
        let mut wait = Wait::new(context, what, limit);
        loop {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    let mut fds = vec![self.lines.fd()];
                    if let Body::Started(process) = &self.body {
                        fds.push(process.pidfd());
                    }
                    wait.readable(context, &fds)?;
                    // What it said before its end counts.
                    let ended = match &mut self.body {
                        Body::Started(process) => process.try_wait().is_some(),
                        Body::Copied(_) => false,
                    };
                    match self.lines.fill() {
                        Ok(true) if !self.lines.is_over() => continue,
                        Ok(false) if !ended => continue,
                        _ => return Err(self.gone(context, None)),
                    }
                }
                Err(_) => return Err(self.nonsense("wrote something else to its socket than messages")),
            };
            let Some((kind, body)) = parse(&line) else {
                return Err(self.nonsense(&format!(
                    "wrote `{}` to its socket",
                    String::from_utf8_lossy(&line[..line.len().min(100)]).escape_debug()
                )));
            };
            if kind == "ended" {
                return Err(self.gone(context, told::status(&body)));
            }
            if kind != "call" {
                return Ok((kind, body));
            }
            let answer = match calls::carry_out(context, registry, &body) {
                Ok(value) => json!({"result": value}),
                Err(error) if context.watch().is_cut_short() => return Err(error),
                Err(error) => json!({"error": told::error(&error)}),
            };
            self.lines.send(&answer).map_err(|_| self.gone(context, None))?;
        }
    }

    /// It does not talk any more: how it has ended, if that is known.
    fn gone(&mut self, context: &mut Context, mut status: Option<ExitStatus>) -> Failure {
        if let Body::Started(process) = &mut self.body {
            let waited = process.wait(context.watch(), "the end of the step host", Duration::from_secs(2));
            status = waited.ok().flatten().map(|ended| ended.status);
        }
        let ending = match status {
            Some(status) => format!("has ended, with {status}"),
            // Its socket is also held by the process that tells of its end.
            None if matches!(self.body, Body::Copied(_)) => {
                "was killed, or the one that had loaded its files".to_owned()
            }
            None => "has closed its socket".to_owned(),
        };
        let error = Failure::new(format!("the {} process that carries out the steps {ending}", self.language));
        if status == Some(ExitStatus::Code(LOST_SOCKET)) {
            return error.note(format!("it does so with {LOST_SOCKET} when its socket has been closed; a function must not close what it has not opened"));
        }
        error
    }

    fn nonsense(&self, what: &str) -> Failure {
        Failure::new(format!("the {} process that carries out the steps {what}", self.language))
            .note("its socket is for the step host alone; a function must not use it")
    }

    /// Whether it can carry out another function: it runs, and is not in the middle of one.
    fn is_well(&mut self, context: &mut Context) -> bool {
        let runs = match &mut self.body {
            Body::Started(process) => process.try_wait().is_none(),
            Body::Copied(neighbour) => neighbour.as_ref().is_some_and(|neighbour| !neighbour.has_ended()),
        };
        runs && !context.watch().is_cut_short() && !self.lines.is_over()
    }

    fn written(&self) -> u64 {
        self.output.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Adds where the function stands that is not waited for any longer.
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
        // It is none of the function's own output.
        let _ = self.output.set_len(written);
        match stacks::shown(&String::from_utf8_lossy(&dump[..length])) {
            Some(shown) => {
                let source = OutputSource::Function { title: "where it stood".to_owned() };
                error.output(Output { source, text: shown, omitted: 0 })
            }
            None => error,
        }
    }

    /// Adds what the function printed.
    fn explain(&self, error: Failure, before: u64) -> Failure {
        self.with_output(error, &format!("output of the {} function", self.language), before)
    }

    /// Adds what functions printed before, if anything.
    fn with_earlier_output(&self, error: Failure, before: u64) -> Failure {
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
        // It has had its time to end by itself, or is not to be trusted with any.
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

/// A wait for what a host says.
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

    /// Waits until there is something to be read; an error when the time is over.
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

fn loading(program: &HostProgram) -> String {
    format!("{} to be loaded", files_of(program))
}

/// The files that it loads, for a message.
fn files_of(program: &HostProgram) -> String {
    // The others are names of libraries that are served natively.
    let own = program.files.iter().filter(|file| file.is_absolute()).filter_map(|file| file.file_name());
    let names: Vec<String> = own.map(|name| name.to_string_lossy().into_owned()).collect();
    match names.as_slice() {
        [_, ..] if names.len() <= 3 => names.join(", "),
        _ => format!("the {} files", program.language),
    }
}

/// What a message is and what is in it.
fn parse(line: &[u8]) -> Option<(String, Value)> {
    match serde_json::from_slice(line).ok()? {
        Value::Object(message) if message.len() == 1 => message.into_iter().next(),
        _ => None,
    }
}
