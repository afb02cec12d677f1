//! The daemons of a scenario: what was asked for, what runs, what it wrote, and their end.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenroom_event::{Daemon as Report, DaemonEnd, Exit, LeftOver, Notice, OutputSource};
use greenroom_sandbox::process::capture::{self, Tail};
use greenroom_sandbox::process::{
    Exit as ProcessExit, ExitStatus, Input, Process, Program, ProgramError, Signal, StopOutcome, Watch, find_program,
    ports, ports::Listeners, table,
};
use greenroom_sandbox::turn::{Take, Turn};

use super::{LIMIT, SETTLE};
use crate::context::Context;
use crate::interpreter::known_as;
use crate::library::command;
use crate::library::place::{Place, full_disk};
use crate::step::{Captures, Ending, Failure, FailureKind, Output, StepResult, Stream, exit_of, output_of};

/// How much of an output a message shows at most, in bytes.
const SHOWN: u64 = 8 * 1024;

/// What a step asks for.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) name: String,
    /// The command line as the document writes it.
    line: String,
    words: Vec<String>,
    /// Where it runs: the working directory when the step came.
    directory: PathBuf,
    /// The scenario's environment and the step's own variables over it, as they were when the step came.
    environment: Vec<(OsString, Option<OsString>)>,
    pub(super) port: Option<u16>,
}

impl Order {
    pub(super) fn from_captures(context: &mut Context, captures: &Captures) -> Result<Self, Failure> {
        let name = captures.text("name")?.to_owned();
        if let Err(problem) = check_name(&name) {
            return Err(Failure::new(problem).help(NAME_HELP));
        }
        let line = command_line(captures)?;
        let words = split(&line).map_err(Failure::new)?;
        let own = captures.get("env").map_or(Ok(Vec::new()), |json| parse_environment(json).map_err(Failure::new))?;
        let mut environment = context.environment().changes();
        environment.extend(own.into_iter().map(|(name, value)| (name.into(), Some(value.into()))));
        let port = captures.get("port").map(|_| super::readiness::port_of(captures)).transpose()?;
        let directory = context.working_directory()?.to_owned();
        Ok(Self { name, line, words, directory, environment, port })
    }
}

/// What to do about a name that cannot be one.
pub(super) const NAME_HELP: &str =
    "a daemon's name is the name of its output files: use letters, digits, `-`, `_` and `.`";

/// A daemon's name is part of file names, and only that.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let bad = name.is_empty() || name.len() > 200 || name.starts_with('.') || name.contains(['/', '\0', '\n']);
    if bad { Err(format!("`{}` cannot be a daemon's name", name.escape_debug())) } else { Ok(()) }
}

/// The command line of a step: its first word and the rest are captured apart.
pub(super) fn command_line(captures: &Captures) -> Result<String, Failure> {
    Ok(format!("{}{}", captures.text("path")?, captures.get("args").unwrap_or_default()))
}

/// Splits a command line into words as a shell does.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    match command::split(line) {
        Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
        Ok(_) => Err("there is no program to start".to_owned()),
        Err(unfinished) => Err(format!("{unfinished} in {line}")),
    }
}

/// Environment variables from a JSON object.
pub(super) fn parse_environment(json: &str) -> Result<Vec<(String, String)>, String> {
    use serde_json::Value;
    let value: Value = serde_json::from_str(json).map_err(|error| format!("the environment is not JSON: {error}"))?;
    let kind = match value {
        Value::Object(object) => {
            return object
                .into_iter()
                .map(|(name, value)| {
                    if name.is_empty() || name.contains(['=', '\0']) {
                        return Err(format!("`{}` cannot be the name of an environment variable", name.escape_debug()));
                    }
                    match value {
                        Value::String(text) if text.contains('\0') => {
                            Err(format!("the value of {name} has a NUL character in it"))
                        }
                        Value::String(text) => Ok((name, text)),
                        Value::Number(number) => Ok((name, number.to_string())),
                        Value::Bool(truth) => Ok((name, truth.to_string())),
                        Value::Null | Value::Array(_) | Value::Object(_) => {
                            Err(format!("the value of {name} is neither a string nor a number nor a boolean"))
                        }
                    }
                })
                .collect();
        }
        Value::Array(_) => "a list",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    Err(format!("the environment is {kind}, not a JSON object"))
}

/// Texts of this library's steps name characters by escapes; a backslash before anything else stands for itself.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let (character, length) = escape(after).unwrap_or(('\\', 0));
        plain.push(character);
        rest = &after[length..];
    }
    plain.push_str(rest);
    plain
}

/// The character that an escape stands for, and how long the escape is without its backslash.
fn escape(after: &str) -> Option<(char, usize)> {
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    Some(match after.chars().next()? {
        'n' => ('\n', 1),
        't' => ('\t', 1),
        'r' => ('\r', 1),
        '0' => ('\0', 1),
        '\\' => ('\\', 1),
        '"' => ('"', 1),
        '\'' => ('\'', 1),
        'x' => (hex(after.get(1..3)?)?, 3),
        'u' => {
            if let Some(braced) = after.strip_prefix("u{") {
                let end = braced.find('}')?;
                (hex(&braced[..end])?, end + 3)
            } else {
                (hex(after.get(1..5)?)?, 5)
            }
        }
        _ => return None,
    })
}

/// A daemon of the scenario, running or not.
#[derive(Debug)]
pub struct Daemon {
    order: Order,
    /// Where its output files are.
    directory: PathBuf,
    process: Process,
    /// A step has stopped it.
    stopped: Option<StopOutcome>,
    /// Signals that steps have sent to it.
    signalled: Vec<Signal>,
    /// Whether a step has waited for its end or looked at it.
    noted: bool,
    /// Which of its name it is, if another has been started under that while it ran.
    former: Option<usize>,
}

impl Daemon {
    /// What it is called in messages: its name, and which of that name it is unless it is the one that the name means.
    pub fn label(&self) -> String {
        match self.former {
            Some(number) => format!("{} ({})", self.order.name, ordinal(number)),
            None => self.order.name.clone(),
        }
    }

    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// Its command line.
    pub fn command(&self) -> String {
        self.order.line.clone()
    }

    /// The number of its process.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// How long ago it was started.
    pub(super) fn age(&mut self) -> Duration {
        self.process.started().elapsed()
    }

    /// Sends it a signal, for a step.
    pub(super) fn signal(&mut self, signal: Signal) -> std::io::Result<()> {
        let Some(process) = self.process() else { return Ok(()) };
        process.signal(signal)?;
        self.signalled.push(signal);
        Ok(())
    }

    /// Others of its group that did not end when it was stopped.
    pub(super) fn stragglers(&self) -> &[String] {
        self.process.stragglers()
    }

    /// A step knows that it has ended.
    pub(super) fn note_end(&mut self) {
        self.noted = true;
    }

    /// Whether nobody need be told that it has ended: a step knows, or somebody has asked it to end.
    fn is_end_known(&mut self) -> bool {
        let asks = [Signal::TERM, Signal::KILL, Signal::INT, Signal::HUP, Signal::QUIT];
        let asked = self
            .ended()
            .is_some_and(|ended| matches!(ended.status, ExitStatus::Signal(signal) if asks.contains(&signal)));
        self.noted || asked || !self.signalled.is_empty()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ProcessExit> {
        self.process.try_wait()
    }

    pub(super) fn process(&self) -> Option<&Process> {
        self.stopped.is_none().then_some(&self.process)
    }

    /// What is readable once it has ended; nothing when a step has stopped it.
    pub(super) fn end_fd(&self) -> std::io::Result<Option<OwnedFd>> {
        self.process().map(|process| process.pidfd().try_clone_to_owned()).transpose()
    }

    pub(super) fn process_mut(&mut self) -> Option<&mut Process> {
        self.stopped.is_none().then_some(&mut self.process)
    }

    /// The file that an output goes to.
    pub fn file(&self, stream: Stream) -> PathBuf {
        self.directory.join(output_file(&self.order.name, self.former, stream))
    }

    /// The end of an output; nothing when its file cannot be read.
    pub fn tail(&self, stream: Stream) -> Tail {
        capture::tail(&self.file(stream), SHOWN).unwrap_or_default()
    }

    pub(super) fn captured(&self, stream: Stream) -> Output {
        output_of(OutputSource::Daemon { name: self.label(), stream }, &self.tail(stream))
    }

    /// Adds why what it wrote may be missing, if that is so.
    pub(super) fn note_full_disk(&self, error: Failure) -> Failure {
        let full = File::open(&self.directory).ok().and_then(full_disk);
        full.into_iter().fold(error, Failure::note)
    }

    /// Adds what it wrote to an error.
    pub(super) fn show(&self, error: Failure) -> Failure {
        self.note_full_disk(error).output(self.captured(Stream::Stdout)).output(self.captured(Stream::Stderr))
    }

    /// How it ended, if it has.
    fn end(&mut self, watch: &Watch) -> DaemonEnd {
        let is_long = |stream| watch.has_overflowed(&meter_name(&self.order.name, stream));
        let wrote_too_much = Stream::BOTH.into_iter().any(is_long);
        let ended = match (self.stopped, self.process.try_wait()) {
            (Some(StopOutcome::Gracefully(ended)), _) => return DaemonEnd::Stopped { exit: exit_of(ended.status) },
            (Some(StopOutcome::Killed(ended)), _) => {
                return DaemonEnd::Killed { exit: exit_of(ended.status), after: ended.after };
            }
            (Some(StopOutcome::Already(ended)), _) | (None, Some(ended)) => ended,
            (None, None) => return DaemonEnd::Running,
        };
        let after = ended.after;
        match (ended.status, exit_of(ended.status)) {
            (ExitStatus::Signal(Signal::KILL), _) if wrote_too_much => DaemonEnd::OutputLimit,
            (ExitStatus::Signal(sent), Exit::Signal(signal)) if self.signalled.contains(&sent) => {
                DaemonEnd::Signalled { signal, after }
            }
            (_, exit) => {
                let notice = if self.is_end_known() { Notice::Expected } else { Notice::Unnoticed };
                DaemonEnd::Exited { exit, after, notice }
            }
        }
    }
}

/// The name of the file that an output goes to.
fn output_file(name: &str, former: Option<usize>, stream: Stream) -> String {
    let number = former.map_or_else(String::new, |number| format!(".{number}"));
    format!("{name}{number}.{}", stream.name())
}

/// What an output is called when there is too much of it.
fn meter_name(name: &str, stream: Stream) -> String {
    format!("{} of daemon {name}", stream.name())
}

/// `1st`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// All daemons of a scenario.
#[derive(Debug, Default)]
pub struct Daemons {
    started: Vec<Daemon>,
    /// The outcome of the latest step that tried to start one.
    pub(super) tried: Option<Result<(), Failure>>,
    listeners: Option<Listeners>,
    /// The free port that was given out last.
    last_port: u16,
    /// The turns at those that were given out.
    turns: Vec<Turn>,
}

impl Daemons {
    /// The daemon of this name: the latest that was started under it.
    ///
    /// # Errors
    ///
    /// If no step of the scenario started a daemon of this name.
    pub fn get(&mut self, name: &str) -> Result<&mut Daemon, Failure> {
        let known = self.names();
        self.started.iter_mut().rev().find(|daemon| daemon.order.name == name).ok_or_else(|| {
            let error = Failure::new(format!("no step of this scenario has started a daemon {name}"));
            match known.as_slice() {
                [] => error,
                _ => error.help(format!("there is {}", known.join(", "))),
            }
        })
    }

    /// Their names, in the order of the start of those that they mean.
    pub fn names(&self) -> Vec<String> {
        let meant = self.started.iter().filter(|daemon| daemon.former.is_none());
        meant.map(|daemon| daemon.order.name.clone()).collect()
    }

    /// Stops all daemons of a name, also those that it does not mean any more, all at once. Gives
    /// those that had to be killed, they or others of their groups.
    pub(super) fn stop(
        &mut self,
        watch: &mut Watch,
        name: &str,
        grace: Duration,
    ) -> Result<Vec<(&Daemon, StopOutcome)>, Failure> {
        self.get(name)?;
        let is_meant = |daemon: &Daemon| daemon.order.name == name && daemon.stopped.is_none();
        let clock = watch.stopwatch();
        let mut before = Vec::new();
        for daemon in self.started.iter_mut().filter(|daemon| is_meant(daemon)) {
            before.push(daemon.ended());
            daemon.process.request_stop(Signal::TERM);
        }
        let mut killed = Vec::new();
        for (daemon, before) in self.started.iter_mut().filter(|daemon| is_meant(daemon)).zip(before) {
            let what = format!("daemon {} to end", daemon.label());
            let left = grace.saturating_sub(clock.elapsed(watch));
            let stopped = daemon.process.finish_stop(watch, &what, before, left)?;
            daemon.stopped = Some(stopped);
            if matches!(stopped, StopOutcome::Killed(_)) || !daemon.process.stragglers().is_empty() {
                killed.push((&*daemon, stopped));
            }
        }
        Ok(killed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Daemon> {
        self.started.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Daemon> {
        self.started.iter_mut()
    }

    pub(super) fn listeners(&mut self) -> &Listeners {
        self.listeners.get_or_insert_with(Listeners::new)
    }

    /// What came of the latest try to start a daemon.
    pub(super) fn tried(&self) -> Result<Result<(), &Failure>, Failure> {
        let none = || {
            Failure::new("no step before this one tried to start a daemon")
                .help("write `when I try to start \"PROGRAM\" as NAME, on port PORT` before it")
        };
        self.tried.as_ref().map(|tried| tried.as_ref().copied()).ok_or_else(none)
    }

    /// Starts a daemon, without waiting for anything.
    pub(super) fn start(context: &mut Context, order: Order) -> Result<(), Failure> {
        let is_inside = order.directory.starts_with(context.directory());
        let directory = if is_inside { order.directory.clone() } else { context.directory().to_owned() };
        let path = find(context, &order)?;
        let aside = Aside::set(context, &order.name, &directory)?;
        let started = Self::execute(context, &order, path, &directory);
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                // The name goes on meaning the one that runs.
                aside.map(|aside| aside.take_back(context, &directory)).transpose()?;
                return Err(error);
            }
        };
        let daemons = &mut context.state::<Self>().started;
        if let Some(aside) = aside {
            daemons[aside.at].former = Some(aside.number);
        }
        // A former daemon of this name that has ended: its output files now belong to this one.
        daemons.retain(|daemon| daemon.order.name != order.name || daemon.former.is_some());
        daemons.push(Daemon {
            order,
            directory,
            process,
            stopped: None,
            signalled: Vec::new(),
            noted: false,
            former: None,
        });
        Ok(())
    }

    /// Executes the program of a daemon.
    fn execute(context: &mut Context, order: &Order, path: PathBuf, directory: &Path) -> Result<Process, Failure> {
        let (stdout, stderr) =
            (create(context, directory, order, Stream::Stdout)?, create(context, directory, order, Stream::Stderr)?);
        let outputs = [(Stream::Stdout, stdout.try_clone()?), (Stream::Stderr, stderr.try_clone()?)];
        let program = Program {
            path,
            argv: order.words.iter().map(OsString::from).collect(),
            directory: order.directory.clone(),
            environment: order.environment.clone(),
            stdin: Input::Null,
            stdout,
            stderr,
        };
        let process = program.start().map_err(|error| {
            let hint = error.hint.clone();
            let failure = Failure::from(error);
            match hint {
                Some(hint) => failure.note(hint),
                None => failure,
            }
        })?;
        process.record_end_in(context.watch());
        for (stream, file) in &outputs {
            context.watch().meter(&meter_name(&order.name, *stream), file, Some(process.shared_pidfd()))?;
        }
        Ok(process)
    }

    /// A port that nothing listens on and that was not given out before. Below the range from which
    /// the kernel takes ports for outgoing connections, so that none of those gets it meanwhile. In
    /// a network that others use too it comes with the turn at it, so that no other scenario, of
    /// whatever run, is given it at the same time.
    pub(super) fn free_port(&mut self) -> Result<u16, Failure> {
        const FIRST: u16 = 20_000;
        const LAST: u16 = 32_000;
        let shared = !ports::are_private();
        for port in self.last_port.max(FIRST - 1) + 1..LAST {
            let turn = if shared {
                match Turn::take(port) {
                    Ok(Take::Mine(turn)) => Some(turn),
                    Ok(Take::Others(_)) => continue,
                    Err(_) => None,
                }
            } else {
                None
            };
            if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
                self.last_port = port;
                self.turns.extend(turn);
                return Ok(port);
            }
        }
        Err(Failure::new(format!("no port from {FIRST} to {LAST} is free")))
    }
}

/// The output files of a daemon that runs, out of the way of another one of its name.
struct Aside {
    /// Which daemon.
    at: usize,
    /// Which of its name it is from now on.
    number: usize,
    moved: Vec<(String, String)>,
}

impl Aside {
    /// Moves the output files of the daemon that a name means, if it runs.
    fn set(context: &mut Context, name: &str, directory: &Path) -> Result<Option<Self>, Failure> {
        let daemons = &mut context.state::<Daemons>().started;
        let known: Vec<String> = daemons.iter().map(|daemon| daemon.order.name.clone()).collect();
        let running = |daemon: &mut Daemon| daemon.stopped.is_none() && daemon.ended().is_none();
        let is_meant = |daemon: &Daemon| daemon.order.name == name && daemon.former.is_none();
        let Some(at) = daemons.iter().position(is_meant).filter(|&at| running(&mut daemons[at])) else {
            return Ok(None);
        };
        let is_in_the_way = daemons[at].directory == directory;
        let first = known.iter().filter(|known| *known == name).count();
        let mut number = first;
        loop {
            let files = [Stream::Stdout, Stream::Stderr]
                .map(|stream| (output_file(name, None, stream), output_file(name, Some(number), stream)));
            let is_free = !known.contains(&format!("{name}.{number}"))
                && files.iter().all(|(_, new)| std::fs::symlink_metadata(directory.join(new)).is_err());
            if !is_free {
                number += 1;
                continue;
            }
            let mut aside = Self { at, number, moved: Vec::new() };
            for (old, new) in files.into_iter().filter(|_| is_in_the_way) {
                Place::make_in(context, directory, &old)?.rename(&Place::make_in(context, directory, &new)?)?;
                aside.moved.push((old, new));
            }
            return Ok(Some(aside));
        }
    }

    /// Puts the files back.
    fn take_back(self, context: &Context, directory: &Path) -> StepResult {
        for (old, new) in &self.moved {
            Place::make_in(context, directory, new)?.rename(&Place::make_in(context, directory, old)?)?;
        }
        Ok(())
    }
}

/// Finds the program of a daemon: on PATH, where /usr/sbin and /sbin count too, else in the
/// directory where it is to run.
fn find(context: &mut Context, order: &Order) -> Result<PathBuf, Failure> {
    let (name, directory) = (order.words[0].as_str(), order.directory.as_path());
    let path = search_path(&context.environment().path());
    let not_found = |error: ProgramError| Failure::from(error).kind(FailureKind::ProgramNotFound);
    let found = |name: &str| {
        // Relative to where it will run, so that a script sees itself under the name that the document says.
        let as_written = |found| if name.contains('/') { PathBuf::from(name) } else { found };
        find_program(name.as_ref(), &path, directory).map(as_written)
    };
    found(name).or_else(|error| match error {
        ProgramError::NotFound { searched_path: true, .. } => found(&format!("./{name}")).map_err(|_| not_found(error)),
        ProgramError::NotExecutable { ref path } => {
            let shown = path.strip_prefix(directory).unwrap_or(path).display().to_string();
            let bare = shown.trim_start_matches("./");
            let help =
                format!("put it there with `given a daemon helper shell script {bare}`, which makes it executable");
            Err(Failure::new(format!("{shown} is not an executable file")).kind(FailureKind::NotExecutable).help(help))
        }
        ProgramError::NotFound { .. } => Err(not_found(error)),
    })
}

/// PATH with the places where daemons are installed.
pub(super) fn search_path(path: &std::ffi::OsStr) -> OsString {
    let entries = std::env::split_paths(path).chain(["/usr/sbin".into(), "/sbin".into()]);
    std::env::join_paths(entries).unwrap_or_else(|_| path.to_owned())
}

/// An output file: new, in place of whatever has its name, and within the scenario's directory
/// whatever a step has made of that.
fn create(context: &Context, directory: &Path, order: &Order, stream: Stream) -> Result<File, Failure> {
    Place::make_in(context, directory, &output_file(&order.name, None, stream))?.replace()
}

/// The end of a scenario: stops what still runs, politely and all at once, and tells how every daemon fared.
pub(super) fn end(context: &mut Context, ending: &mut Ending) {
    let mut daemons = context.take_state::<Daemons>();
    let ends: Vec<DaemonEnd> = daemons.started.iter_mut().map(|daemon| daemon.end(context.watch())).collect();
    let mut members = table::members();
    if ending.strict {
        // What ends by itself in a moment was not left running.
        let daemons: Vec<i32> = daemons.started.iter().filter_map(|daemon| Some(daemon.process()?.pid())).collect();
        let _ = context.watch().until("processes that are about to end", SETTLE, &[], || {
            members = table::members();
            members.iter().all(|entry| daemons.contains(&entry.pid)).then_some(())
        });
    }
    // One that has only just been started has no command line yet.
    if members.iter().any(|entry| entry.is_unnamed) {
        let _ = context.watch().until("command lines to appear", Duration::from_millis(20), &[], || {
            members = table::members();
            (!members.iter().any(|entry| entry.is_unnamed)).then_some(())
        });
    }
    // Daemons in the order of their start, then the rest, the oldest first.
    let place = |pid: i32| {
        let is_it = |daemon: &Daemon| daemon.process().is_some_and(|process| process.pid() == pid);
        daemons.started.iter().position(is_it)
    };
    members.sort_by_key(|entry| (place(entry.pid).unwrap_or(usize::MAX), Reverse(entry.age)));
    for entry in &members {
        ending.left_over.push(LeftOver {
            command: known_as(&entry.command).into_owned(),
            daemon: place(entry.pid).map(|at| daemons.started[at].label()),
            age: entry.age,
        });
    }
    let clock = context.watch().stopwatch();
    let running = daemons.started.iter_mut().filter(|daemon| daemon.stopped.is_none());
    let mut running: Vec<(&mut Daemon, Option<ProcessExit>)> = running
        .map(|daemon| {
            let ended = daemon.ended();
            (daemon, ended)
        })
        .collect();
    for (daemon, _) in &running {
        // All of them first, so that they share the grace.
        daemon.process.request_stop(Signal::TERM);
    }
    for (daemon, ended) in running.iter_mut().rev() {
        let what = format!("daemon {} to end", daemon.label());
        // A cut here means that the scenario's time is up: the sandbox's end kills what is left.
        let left = LIMIT.saturating_sub(clock.elapsed(context.watch()));
        let _ = daemon.process.finish_stop(context.watch(), &what, *ended, left);
    }
    // What they wrote while they ended belongs to it.
    for (daemon, mut end) in daemons.started.iter_mut().zip(ends) {
        if let DaemonEnd::Exited { notice, .. } = &mut end
            && daemon.is_end_known()
        {
            *notice = Notice::Expected;
        }
        let streams = if ending.explain { Stream::BOTH.as_slice() } else { &[] };
        let output = streams.iter().map(|stream| daemon.captured(*stream)).collect();
        ending.daemons.push(Report { name: daemon.label(), command: daemon.command(), end, output });
    }
}
