//! Step functions in another language, carried out by a step host: a program of that language that talks with the worker over a
//! socket. `docs/PROTOCOL.md` says how; this is greenroom's side of it.
//!
//! A host carries out functions and nothing else. Whatever they do with commands and daemons comes back as calls, which go to
//! the same libraries as the native steps do (`calls`): there is one state and one engine, whoever asks.

mod calls;
pub mod check;
mod line;
mod told;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use greenroom_sandbox::process::capture;
use greenroom_sandbox::process::{Input, Process, Program, Signal, find_program, table};
use rustix::fs::MemfdFlags;
use rustix::io::FdFlags;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::registry::Registry;
use crate::step::{Captures, Output, StepError, StepResult};
use line::Lines;
use told::Variables;

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u64 = 1;

/// How long a host may take to load its files, unless the step's own limit is shorter.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A wait for a host is announced after this long.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(200);

/// How much of what a host wrote a message shows at most, in bytes.
const SHOWN: u64 = 8 * 1024;

/// A step host: how it is started, and what it loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProgram {
    /// The key under `impls` and in bindings.
    pub language: String,
    /// The program, a name on PATH or a path.
    pub program: String,
    /// Whether the program is a Python that carries out greenroom's own host.
    pub python: bool,
    /// The files with the step functions, in order: absolute paths, or names of libraries that are served natively.
    pub files: Vec<PathBuf>,
}

/// The host for Python, which comes with greenroom.
const PYTHON: &str = include_str!("python.py");

/// How a Python gets at it: not by its command line, at which process checks look.
const PYTHON_START: &str =
    "import os;exec(compile(open(int(os.environ.pop('GREENROOM_CODE')),'rb').read(),'<greenroom>','exec'))";

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
    process: Process,
    lines: Lines,
    /// Its standard output and error.
    output: File,
    /// The environment as the host last heard of it.
    told: Variables,
}

/// The hosts of a scenario, by language; started when they are first needed.
#[derive(Debug, Default)]
pub struct Hosts(BTreeMap<String, Host>);

impl Hosts {
    /// Carries out a function of a host, which is started if it does not run yet.
    pub fn carry_out(context: &mut Context, program: &HostProgram, request: Request<'_>) -> StepResult {
        // Out of the context, which calls of the host are given.
        let mut host = match context.state::<Self>().0.remove(&program.language) {
            Some(host) => host,
            None => Host::start(context, program, request.registry)?,
        };
        let result = host.carry_out(context, request);
        // One that is gone, or of which nobody knows what it is about, is of no use to the next step.
        if host.is_well(context) {
            context.state::<Self>().0.insert(program.language.clone(), host);
        }
        result
    }
}

impl Host {
    fn start(context: &mut Context, program: &HostProgram, registry: &Registry) -> Result<Self, StepError> {
        let (ours, theirs) = UnixStream::pair()?;
        let path = context.environment().path();
        let directory = context.directory().to_owned();
        let found = find_program(program.program.as_ref(), &path, &directory).map_err(|_| {
            StepError::new(format!("program not found: {}", program.program))
                .note(format!("it carries out the {} steps of this document", program.language))
                .help(if program.python {
                    "install Python, or say where it is with `--python PATH`".to_owned()
                } else {
                    format!("say where it is with `--host {}=PATH`", program.language)
                })
        })?;
        let mut argv: Vec<OsString> = vec![program.program.clone().into()];
        let mut environment = context.environment().changes();
        let code = program.python.then(|| code_file(PYTHON)).transpose()?;
        if let Some(code) = &code {
            argv.extend(["-c".into(), PYTHON_START.into()]);
            environment.push(("GREENROOM_CODE".into(), Some(code.as_raw_fd().to_string().into())));
        }
        let output = tempfile::tempfile_in(context.backstage())?;
        rustix::fs::fcntl_setfl(&output, rustix::fs::fcntl_getfl(&output)? | rustix::fs::OFlags::APPEND)?;
        environment.push(("GREENROOM_HOST".into(), Some(theirs.as_raw_fd().to_string().into())));
        // These two go along; nothing else is started before they are closed here again.
        for fd in code.iter().map(AsFd::as_fd).chain([theirs.as_fd()]) {
            rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
        }
        let process = Program {
            path: found,
            argv,
            directory,
            environment,
            stdin: Input::Null,
            stdout: output.try_clone()?,
            stderr: output.try_clone()?,
        }
        .start()?;
        table::hide(process.pid());
        drop((code, theirs));
        context.watch().meter(&format!("output of the {} steps", program.language), &output)?;
        let told = context.environment().changes().into_iter().collect();
        let mut host = Self { language: program.language.clone(), process, lines: Lines::new(ours)?, output, told };
        host.greet(context, program, registry)?;
        Ok(host)
    }

    /// Has it load its files and enter the scenario.
    fn greet(&mut self, context: &mut Context, program: &HostProgram, registry: &Registry) -> StepResult {
        let files: Vec<String> = program.files.iter().map(|file| file.display().to_string()).collect();
        let source_directory = context.source_directory().display().to_string();
        let hello = json!({"hello": {
            "protocol": PROTOCOL, "language": self.language, "files": files, "source_directory": source_directory,
        }});
        let (kind, ready) = self.exchange(context, registry, &hello, "its files to be loaded", START_LIMIT)?;
        if kind == "broken" {
            let mut error = told::failure(&ready);
            if error.message.starts_with("ModuleNotFoundError") {
                error.help.push(format!(
                    "install it for that Python (`{} -m pip install NAME`), or choose another one with `--python PATH`",
                    program.program
                ));
            }
            return Err(self.explain(error, 0));
        }
        let protocol = ready.get("protocol").and_then(Value::as_u64);
        if kind != "ready" || protocol != Some(PROTOCOL) {
            return Err(self.nonsense(&format!(
                "answered with `{kind}`, protocol {protocol:?}, instead of `ready`, protocol {PROTOCOL}"
            )));
        }
        let environment = told::texts(&self.told);
        let scenario =
            json!({"scenario": {"directory": context.directory().display().to_string(), "environment": environment}});
        let (kind, _) = self.exchange(context, registry, &scenario, "it to enter the scenario", START_LIMIT)?;
        if kind == "begun" { Ok(()) } else { Err(self.nonsense(&format!("answered with `{kind}` instead of `begun`"))) }
    }

    fn carry_out(&mut self, context: &mut Context, request: Request<'_>) -> StepResult {
        let before = self.written();
        let now: Variables = context.environment().changes().into_iter().collect();
        let changed = told::texts(&told::difference(&self.told, &now));
        self.told = now;
        let captures: Map<String, Value> =
            request.captures.iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
        let message = json!({request.what: {
            "function": request.function, "captures": captures, "environment": changed,
            "kind": request.kind, "text": request.text,
        }});
        let what = format!("{} function {}", self.language, request.function);
        // The step's limit holds; a function has none of its own.
        let limit = context
            .watch()
            .deadline()
            .map_or(Duration::from_hours(24), |end| end.saturating_duration_since(Instant::now()));
        let (kind, done) = self
            .exchange(context, request.registry, &message, &what, limit)
            .map_err(|error| self.explain(error, before))?;
        if kind != "done" {
            return Err(self.explain(self.nonsense(&format!("answered with `{kind}` instead of `done`")), before));
        }
        told::apply(context, done.get("environment").unwrap_or(&Value::Null));
        self.told = context.environment().changes().into_iter().collect();
        match done.get("failure") {
            None | Some(Value::Null) => Ok(()),
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
    ) -> Result<(String, Value), StepError> {
        self.lines.send(message).map_err(|_| self.gone(context))?;
        let until = Instant::now() + limit;
        context.watch().waits_for(what);
        let mut told = false;
        loop {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    let fds = [self.lines.fd(), self.process.pidfd()];
                    let watch = context.watch();
                    if !told && !watch.readable(&fds, until.min(Instant::now() + ANNOUNCE_AFTER))? {
                        told = true;
                        watch.tell(what, limit);
                        continue;
                    }
                    if told && !watch.readable(&fds, until)? {
                        return Err(StepError::new(format!("waited {} s for {what}", limit.as_secs())));
                    }
                    // What it said before its end counts.
                    let ended = self.process.ended().is_some();
                    match self.lines.fill() {
                        Ok(true) if !self.lines.is_over() => continue,
                        Ok(false) if !ended => continue,
                        _ => return Err(self.gone(context)),
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
            if kind != "call" {
                return Ok((kind, body));
            }
            let answer = match calls::carry_out(context, registry, &body) {
                Ok(value) => json!({"result": value}),
                Err(error) if context.watch().is_cut() => return Err(error),
                Err(error) => json!({"error": told::error(&error)}),
            };
            self.lines.send(&answer).map_err(|_| self.gone(context))?;
        }
    }

    /// Its socket is closed: how it has ended.
    fn gone(&mut self, context: &mut Context) -> StepError {
        let waited = self.process.wait(context.watch(), "the end of the step host", Duration::from_secs(2));
        match waited {
            Ok(Some(ended)) => StepError::new(format!(
                "the {} process that carries out the steps has ended, with {}",
                self.language, ended.status
            )),
            _ => StepError::new(format!(
                "the {} process that carries out the steps has closed its socket",
                self.language
            )),
        }
    }

    fn nonsense(&self, what: &str) -> StepError {
        StepError::new(format!("the {} process that carries out the steps {what}", self.language))
            .note("its socket is for the step host alone; a function must not use it")
    }

    /// Whether it can carry out another function: it runs, and is not in the middle of one.
    fn is_well(&mut self, context: &mut Context) -> bool {
        !context.watch().is_cut() && !self.lines.is_over() && self.process.ended().is_none()
    }

    fn written(&self) -> u64 {
        self.output.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Adds what the function printed.
    fn explain(&self, error: StepError, before: u64) -> StepError {
        let mut tail =
            capture::tail_of(&self.output, SHOWN.min(self.written().saturating_sub(before))).unwrap_or_default();
        tail.omitted = tail.omitted.saturating_sub(before);
        error.output(Output { of: format!("output of the {} function", self.language), tail })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has no work of its own to finish.
        let _ = self.process.signal(Signal::KILL);
        self.process.kill();
        table::unhide(self.process.pid());
    }
}

fn code_file(text: &str) -> std::io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create("greenroom-host", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(fd);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

/// What a message is and what is in it.
fn parse(line: &[u8]) -> Option<(String, Value)> {
    match serde_json::from_slice(line).ok()? {
        Value::Object(message) if message.len() == 1 => message.into_iter().next(),
        _ => None,
    }
}
