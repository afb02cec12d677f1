//! A daemon that a step started: its process, its output files, and how it ended.

use std::fs::File;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use greenroom_event::{DaemonEnd, Exit, Life, Notice, OutputSource, words};
use greenroom_sandbox::process::capture::{self, Tail};
use greenroom_sandbox::process::table::Entry;
use greenroom_sandbox::process::{
    Exit as ProcessExit, MeterId, NotifySocket, Service, Signal, StopOutcome, Terminal, Watch,
};

use super::condition::PastWait;
use super::limit::LIMIT;
use super::order::StartOrder;
use super::screen::Screen;
use crate::context::Context;
use crate::evidence::{DAEMON_OUTPUT, Evidence, marks_of};
use crate::library::place::full_disk;
use crate::step::{Failure, Output, Stream, exit_of, output_of, signal_of};

/// How much of an output a message shows at most, in bytes.
const SHOWN: u64 = 8 * 1024;

/// How much of a daemon's output the end of the scenario reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What a failure shows.
    Short,
    /// What a page shows, with the times of its lines.
    Long,
}

impl Extent {
    /// How many daemons of a scenario are reported at length. One message carries all of them.
    const MOST_LONG: usize = 16;

    /// Returns that of a daemon with so many others before it.
    pub(super) fn of(evidence: Evidence, before: usize) -> Self {
        if evidence == Evidence::Full && before < Self::MOST_LONG { Self::Long } else { Self::Short }
    }

    fn bytes(self) -> u64 {
        match self {
            Self::Short => SHOWN,
            Self::Long => DAEMON_OUTPUT,
        }
    }
}

/// A process that was just started, with what steps need of it.
#[derive(Debug)]
pub(super) struct StartedProcess {
    pub(super) process: Service,
    /// The meters of its outputs: stdout, then stderr.
    pub(super) meters: [MeterId; 2],
    pub(super) stdin: Option<OwnedFd>,
    pub(super) notify: Option<NotifySocket>,
    pub(super) terminal: Option<Terminal>,
}

/// A daemon of the scenario, running or not.
#[derive(Debug)]
pub struct Daemon {
    pub(super) order: StartOrder,
    /// The directory of its output files.
    pub(super) directory: PathBuf,
    pub(super) process: Service,
    /// The end of its standard input that steps write to.
    pub(super) stdin: Option<OwnedFd>,
    /// The socket that it reports to.
    pub(super) notify: Option<NotifySocket>,
    /// Its terminal, and the text in it.
    pub(super) terminal: Option<(Terminal, Screen)>,
    /// The meters of its outputs: stdout, then stderr.
    meters: [MeterId; 2],
    /// When it was started, since the start of the scenario.
    started: Duration,
    /// When a step that waited for it found it ready.
    ready: Option<Duration>,
    /// The number of the step that started it.
    pub(super) start_step: u64,
    /// The processes of its name that ended before it was started.
    pub(super) earlier: Vec<Life>,
    /// How a step stopped it.
    pub(super) stopped: Option<StopOutcome>,
    /// Whether a step asked it to end while it was running.
    asked_to_end: bool,
    /// The signal that asked it to end.
    asked_by: Signal,
    /// The lengths of its outputs when it was asked to end: stdout, then stderr.
    lengths_when_asked: Option<[u64; 2]>,
    /// Signals that steps have sent to it.
    signalled: Vec<Signal>,
    /// Whether a step waited for its end or looked at it.
    end_was_seen: bool,
    /// What steps waited for after its start.
    pub(super) waits: Vec<PastWait>,
    /// Up to where waits have found what they waited for in its outputs: stdout, then stderr.
    found: [u64; 2],
    /// Whether a step restarted it.
    pub(super) is_restarted: bool,
    /// The port that a step waited for in vain.
    pub(super) closed_port: Option<u16>,
    /// What it was seen to listen on.
    pub(super) addresses: Vec<SocketAddr>,
    /// What those listened on in whose place it was started.
    pub(super) former_addresses: Vec<SocketAddr>,
    /// Its number among the daemons of its name, if a later one was started while it ran.
    pub(super) former: Option<usize>,
}

impl Daemon {
    /// Creates the daemon of a process that the present step has just started.
    pub(super) fn new(
        context: &mut Context,
        order: StartOrder,
        directory: PathBuf,
        StartedProcess { process, meters, stdin, notify, terminal }: StartedProcess,
    ) -> Self {
        Self {
            started: context.watch().time_of(process.started()),
            start_step: context.step_number(),
            order,
            directory,
            process,
            stdin,
            notify,
            terminal: terminal.map(|terminal| (terminal, Screen::default())),
            meters,
            ready: None,
            earlier: Vec::new(),
            stopped: None,
            asked_to_end: false,
            asked_by: Signal::TERM,
            lengths_when_asked: None,
            signalled: Vec::new(),
            end_was_seen: false,
            waits: Vec::new(),
            found: [0; 2],
            is_restarted: false,
            closed_port: None,
            addresses: Vec::new(),
            former_addresses: Vec::new(),
            former: None,
        }
    }

    /// Returns the daemon's name in messages: `web`, or `web (1st)`. The second form is for a name
    /// that a later daemon has too.
    pub fn label(&self) -> String {
        match self.former {
            Some(number) => format!("{} ({})", self.order.name, ordinal(number)),
            None => self.order.name.clone(),
        }
    }

    /// Returns its command line as the document writes it.
    pub fn command_line(&self) -> &str {
        &self.order.line
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.process.pid().unsigned_abs()
    }

    /// Notes that a step found it ready. Of several such steps right after its start the last counts.
    pub(super) fn note_ready(&mut self, at: Duration, is_right_after_start: bool) {
        if is_right_after_start || self.ready.is_none() {
            self.ready = Some(at);
        }
    }

    /// Returns its process from the start to the end, if it has ended.
    pub(super) fn life(&mut self, watch: &mut Watch) -> Life {
        let end = self.end(watch);
        let exit = match self.stopped {
            Some(StopOutcome::Already(exit) | StopOutcome::Gracefully(exit) | StopOutcome::Killed(exit)) => Some(exit),
            None => self.try_wait(),
        };
        let ended = exit.filter(|_| end != DaemonEnd::Running);
        let ended = ended.map(|exit| watch.time_of(self.process.started() + exit.after).max(self.started));
        Life { started: self.started, ready: self.ready, ended, end }
    }

    /// Returns its process and those of its name before it. It is about to be forgotten.
    pub(super) fn into_lives(mut self, watch: &mut Watch) -> Vec<Life> {
        let life = self.life(watch);
        std::mem::take(&mut self.earlier).into_iter().chain([life]).collect()
    }

    /// Returns up to where waits have found what they waited for in an output.
    pub(super) fn found(&self, stream: Stream) -> u64 {
        let [stdout, stderr] = self.found;
        if stream == Stream::Stdout { stdout } else { stderr }
    }

    /// Notes that a wait found what it waited for, up to this position of an output.
    pub(super) fn note_found(&mut self, stream: Stream, end: u64) {
        let [stdout, stderr] = &mut self.found;
        let found = if stream == Stream::Stdout { stdout } else { stderr };
        *found = end.max(*found);
    }

    /// Returns the time since it was started.
    pub(super) fn age(&self) -> Duration {
        self.process.started().elapsed()
    }

    /// Says since when it is running, if a step restarted it.
    pub(super) fn restarted(&self) -> String {
        if self.is_restarted {
            format!("; it was restarted {} ago", words::duration(self.age()))
        } else {
            String::new()
        }
    }

    /// Sends it a signal, for a step.
    pub(super) fn signal(&mut self, signal: Signal) -> std::io::Result<()> {
        self.follow_main();
        let Some(process) = self.process_mut() else { return Ok(()) };
        process.signal(signal)?;
        self.signalled.push(signal);
        Ok(())
    }

    /// Takes the process that it reports as its main one for that.
    pub(super) fn follow_main(&mut self) {
        let main = self.notify.as_ref().and_then(|socket| socket.reports().main);
        if let (Some(main), Some(process)) = (main, self.process_mut()) {
            process.follow(main);
        }
    }

    /// Returns the signal that asked it to end.
    pub(super) fn asked_by(&self) -> Signal {
        self.asked_by
    }

    /// Returns how long it may take to end, unless a step sets another limit.
    pub(super) fn end_limit(&self) -> Duration {
        self.order.options.end_limit.unwrap_or(LIMIT)
    }

    /// Asks it and its process group to end, by its own signal unless a step names one. Returns how
    /// it had ended before, if it had.
    pub(super) fn ask_to_end(&mut self, signal: Option<Signal>) -> Option<ProcessExit> {
        self.follow_main();
        self.asked_by = signal.or(self.order.options.stop_signal).unwrap_or(Signal::TERM);
        let before = self.try_wait();
        self.asked_to_end |= before.is_none();
        let length = |stream| std::fs::symlink_metadata(self.file(stream)).map_or(0, |metadata| metadata.len());
        self.lengths_when_asked = Some(Stream::BOTH.map(length));
        self.process.request_stop(self.asked_by);
        if let Some((terminal, _)) = self.terminal.as_mut().filter(|_| self.asked_by == Signal::HUP) {
            terminal.hang_up();
        }
        before
    }

    /// Returns the others in its process group that did not end when it was stopped.
    pub(super) fn stragglers(&self) -> &[Entry] {
        self.process.stragglers()
    }

    /// Whether a step has sent it a signal.
    pub(super) fn was_signalled(&self) -> bool {
        !self.signalled.is_empty()
    }

    /// Notes that a step knows that it has ended.
    pub(super) fn note_end(&mut self) {
        self.end_was_seen = true;
    }

    /// Returns whether its end is expected: a step saw it, or a step or signal asked for it.
    pub(super) fn is_end_expected(&mut self) -> bool {
        let asks = [Signal::TERM, Signal::KILL, Signal::INT, Signal::HUP, Signal::QUIT];
        let asked =
            self.try_wait().and_then(|ended| ended.status.signal()).is_some_and(|signal| asks.contains(&signal));
        self.end_was_seen || asked || !self.signalled.is_empty()
    }

    /// Whether it may have ended when the latest wait was over.
    pub(super) fn may_have_ended(&self) -> bool {
        self.process.may_have_ended()
    }

    /// Returns how it ended, if it has. Does not wait.
    pub fn try_wait(&mut self) -> Option<ProcessExit> {
        self.process.try_wait()
    }

    /// Returns its process, unless a step has stopped it.
    pub(super) fn process(&self) -> Option<&Service> {
        self.stopped.is_none().then_some(&self.process)
    }

    /// Returns its process, unless a step has stopped it.
    pub(super) fn process_mut(&mut self) -> Option<&mut Service> {
        self.stopped.is_none().then_some(&mut self.process)
    }

    /// Returns a descriptor that is readable once it has ended, unless a step has stopped it.
    pub(super) fn end_fd(&self) -> std::io::Result<Option<OwnedFd>> {
        self.process().map(|process| process.pidfd().try_clone_to_owned()).transpose()
    }

    /// Returns the path of an output file.
    pub fn file(&self, stream: Stream) -> PathBuf {
        self.directory.join(output_file(&self.order.name, self.former, stream))
    }

    /// Returns the end of an output; empty if its file cannot be read.
    pub fn tail(&self, stream: Stream) -> Tail {
        capture::tail(&self.file(stream), SHOWN).unwrap_or_default()
    }

    /// Returns the end of an output, as failures carry it.
    pub(crate) fn captured(&self, stream: Stream) -> Output {
        output_of(OutputSource::Daemon { name: self.label(), stream }, &self.tail(stream))
    }

    /// Returns the ends of its outputs, from before and after it was asked to end.
    ///
    /// Only the end of the scenario counts as asking.
    pub(super) fn captured_around_end(&self, watch: &mut Watch, extent: Extent) -> (Vec<Output>, Vec<Output>) {
        // What it writes after a step asked it to end is what the document is about.
        let lengths = self.lengths_when_asked.filter(|_| self.stopped.is_none());
        self.captured_around(lengths, watch, extent)
    }

    /// Returns the ends of its outputs, from before and after they had these lengths.
    fn captured_around(
        &self,
        lengths: Option<[u64; 2]>,
        watch: &mut Watch,
        extent: Extent,
    ) -> (Vec<Output>, Vec<Output>) {
        let [stdout, stderr] = lengths.unwrap_or([u64::MAX; 2]);
        let mut captured = |stream: Stream, asked_at: u64| {
            let source = || OutputSource::Daemon { name: self.label(), stream };
            let Ok(file) = capture::open(&self.file(stream)) else {
                return (output_of(source(), &Tail::default()), None);
            };
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            let asked_at = if splits_line_end(&file, asked_at) { asked_at + 1 } else { asked_at };
            let growth = if extent == Extent::Long { watch.growth(self.meter(stream)) } else { Vec::new() };
            let output = |part: Range<u64>| {
                let tail = capture::end_of_part(&file, part.clone(), extent.bytes()).unwrap_or_default();
                Output { marks: marks_of(&growth, part, tail.omitted), ..output_of(source(), &tail) }
            };
            let before = output(0..asked_at.min(length));
            let after = (asked_at < length).then(|| Output { after_stop: true, ..output(asked_at..length) });
            (before, after)
        };
        let (stdout, stderr) = (captured(Stream::Stdout, stdout), captured(Stream::Stderr, stderr));
        (vec![stdout.0, stderr.0], stdout.1.into_iter().chain(stderr.1).collect())
    }

    fn meter(&self, stream: Stream) -> MeterId {
        let [stdout, stderr] = self.meters;
        match stream {
            Stream::Stdout => stdout,
            Stream::Stderr => stderr,
        }
    }

    /// Adds to a failure that output may be missing because the disk is full.
    pub(super) fn note_full_disk(&self, error: Failure) -> Failure {
        let full = File::open(&self.directory).ok().and_then(full_disk);
        full.into_iter().fold(error, Failure::note)
    }

    /// Adds both outputs to a failure, divided where a step asked it to end.
    pub(super) fn show_around_stop(&self, watch: &mut Watch, error: Failure) -> Failure {
        let (before, after) = self.captured_around(self.lengths_when_asked, watch, Extent::Short);
        before.into_iter().chain(after).fold(self.note_full_disk(error), Failure::output)
    }

    /// Adds both outputs to a failure.
    pub(crate) fn show(&self, error: Failure) -> Failure {
        self.note_full_disk(error).output(self.captured(Stream::Stdout)).output(self.captured(Stream::Stderr))
    }

    /// Returns how it ended, as events carry it.
    pub(super) fn end(&mut self, watch: &Watch) -> DaemonEnd {
        let is_long = |stream| watch.has_overflowed(&meter_name(&self.order.name, stream));
        let wrote_too_much = Stream::BOTH.into_iter().any(is_long);
        let asked_by = (self.asked_by != Signal::TERM).then(|| signal_of(self.asked_by));
        let ended = match (self.stopped, self.process.try_wait()) {
            (Some(StopOutcome::Gracefully(ended)), _) => return DaemonEnd::Stopped { exit: exit_of(ended.status) },
            (Some(StopOutcome::Killed(ended)), _) => {
                return DaemonEnd::Killed { exit: exit_of(ended.status), after: ended.after, asked_by };
            }
            (Some(StopOutcome::Already(ended)), _) | (None, Some(ended)) => ended,
            (None, None) => return DaemonEnd::Running,
        };
        let after = ended.after;
        let sent_by_step = ended.status.signal().is_some_and(|signal| self.signalled.contains(&signal));
        match exit_of(ended.status) {
            _ if was_killed(ended) && wrote_too_much => DaemonEnd::OutputLimit,
            // The step that asked it to end was cut short before it could see that end.
            exit if self.asked_to_end && was_killed(ended) => DaemonEnd::Killed { exit, after, asked_by },
            exit if self.asked_to_end => DaemonEnd::Stopped { exit },
            Exit::Signal(signal) if sent_by_step => DaemonEnd::Signalled { signal, after },
            exit => {
                let notice = if self.is_end_expected() { Notice::Expected } else { Notice::Unnoticed };
                DaemonEnd::Exited { exit, after, notice }
            }
        }
    }
}

/// Returns whether a position is between a line and its end. Some programs write them one after the other.
fn splits_line_end(file: &File, at: u64) -> bool {
    let around = at.checked_sub(1).and_then(|before| capture::end_of_part(file, before..at.checked_add(1)?, 2).ok());
    around.is_some_and(|around| matches!(around.bytes.as_slice(), [last, b'\n'] if *last != b'\n'))
}

fn was_killed(ended: ProcessExit) -> bool {
    ended.status.signal() == Some(Signal::KILL)
}

/// Returns the name of an output file.
pub(super) fn output_file(name: &str, former: Option<usize>, stream: Stream) -> String {
    let number = former.map_or_else(String::new, |number| format!(".{number}"));
    format!("{name}{number}.{}", stream.name())
}

/// Returns the name of an output in messages about its size.
pub(super) fn meter_name(name: &str, stream: Stream) -> String {
    format!("{} of daemon {name}", stream.name())
}

/// Returns `1st` for 1.
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
