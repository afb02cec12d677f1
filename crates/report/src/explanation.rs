//! What every report for people says about a scenario: failures, daemons, leftovers, how to rerun it.
//!
//! The words are here once. Each report decides where they go and how they look. Names that come
//! from documents are escaped for a line of a screen.

use std::collections::BTreeSet;

use greenroom_event::{
    DaemonEnd, Exit, Failure, FailureKind, Held, Isolation, LeftOver, LeftOverEnd, Location, MergedRun, Origin,
    Outcome, Outline, PrivateNetwork, Property, RunStarted, ScenarioFinished, ScenarioOutline, User,
};

use crate::in_short::in_short;
use crate::records::ScenarioRecord;
use crate::summary::Summary;
use crate::words;

/// Said of a broken scenario.
pub(crate) const BROKEN: &str = "neither passed nor failed: greenroom could not run it to its end";

/// More leftover processes than this with one command line share a line.
const MANY_ALIKE: usize = 3;
/// Characters of a command line that are shown.
const LINE: usize = 400;
/// The number of SIGKILL, on every machine.
const SIGKILL: i32 = 9;

/// Returns the failures of a scenario, with what they are of besides a step.
pub(crate) fn failures<'a>(
    record: &'a ScenarioRecord,
    scenario: Option<&ScenarioOutline>,
    finished: &'a ScenarioFinished,
    nothing: &'a Failure,
) -> Vec<(&'a Failure, Option<String>)> {
    let steps = record.steps.iter().filter(|step| step.outcome != Outcome::Passed);
    let steps = steps.filter_map(|step| Some((step.failure.as_ref()?, None)));
    let cleanups = record.cleanups.iter().filter(|cleanup| cleanup.outcome != Outcome::Passed).map(|cleanup| {
        let of = format!("the cleanup after {}", step_place(scenario, cleanup.step));
        (cleanup.failure.as_ref().unwrap_or(nothing), Some(of))
    });
    steps.chain(cleanups).chain(finished.failure.as_ref().map(|failure| (failure, None))).collect()
}

/// Returns the step that decided how the scenario ended.
pub(crate) fn deciding_step(record: &ScenarioRecord) -> Option<usize> {
    let failed = record.steps.iter().find(|step| step.outcome != Outcome::Passed).map(|step| step.step);
    let cleanup = || record.cleanups.iter().find(|step| step.outcome != Outcome::Passed).map(|step| step.step);
    failed.or(record.open_step).or_else(cleanup)
}

/// Returns `attempt 1 of 3`, if the scenario may have several.
pub(crate) fn attempt(outline: &Outline, record: &ScenarioRecord) -> Option<String> {
    let retries = outline.scenarios.get(record.scenario).map_or(0, |scenario| scenario.retries);
    let number = record.attempt;
    match retries {
        0 if number <= 1 => None,
        0 => Some(format!("attempt {number}")),
        retries => Some(format!("attempt {number} of {}", retries.saturating_add(1))),
    }
}

/// Returns where a scenario failed: `daemon.md:12`.
pub(crate) fn place_of_failure(outline: &Outline, record: &ScenarioRecord) -> Option<String> {
    let scenario = outline.scenarios.get(record.scenario)?;
    Some(place(failed_at(scenario, Some(record))))
}

/// Returns where a scenario failed: the step that decided, or else its heading.
pub(crate) fn failed_at<'a>(scenario: &'a ScenarioOutline, record: Option<&ScenarioRecord>) -> &'a Location {
    let step = record.and_then(deciding_step).and_then(|step| scenario.steps.get(step));
    step.map_or(&scenario.location, |step| &step.location)
}

/// Returns where a scenario failed and where it begins: `daemon.md:12, scenario at daemon.md:9`.
pub(crate) fn place_and_scenario(outline: &Outline, record: &ScenarioRecord) -> Option<String> {
    let failed = place_of_failure(outline, record)?;
    let scenario = place(&outline.scenarios.get(record.scenario)?.location);
    Some(if failed == scenario { failed } else { format!("{failed}, scenario at {scenario}") })
}

/// Returns the first failure in one line.
pub(crate) fn first_message(record: &ScenarioRecord) -> Option<String> {
    let finished = record.finished.as_ref()?;
    let nothing = Failure::default();
    let failures = failures(record, None, finished, &nothing);
    let (failure, _) = failures.first()?;
    (!failure.message.is_empty()).then(|| words::output_line(&in_short(failure), LINE))
}

/// Returns whether an attempt passed, but counts as failed because an earlier one failed.
pub(crate) fn is_only_flaky(record: &ScenarioRecord) -> bool {
    let failure = record.finished.as_ref().and_then(|finished| finished.failure.as_ref());
    failure.is_some_and(|failure| failure.kind == FailureKind::Flaky)
}

/// Returns the name of a signal, or its number.
fn name_of(signal: &greenroom_event::Signal) -> String {
    signal.name.clone().unwrap_or_else(|| format!("signal {}", signal.number))
}

/// Returns how a daemon ended, to follow its name.
pub(crate) fn daemon_end(end: &DaemonEnd) -> String {
    match end {
        DaemonEnd::Running => "still running at the end of the scenario".to_owned(),
        DaemonEnd::Stopped { exit } => format!("stopped by a step ({exit})"),
        DaemonEnd::Killed { exit, after, asked_by } => {
            let (after, asked) = (words::duration(*after), asked_by.as_ref().map_or("SIGTERM".to_owned(), name_of));
            format!("killed because it did not end after {asked}; {exit} after {after}")
        }
        DaemonEnd::OutputLimit => "killed because its output exceeded the limit".to_owned(),
        DaemonEnd::Signalled { signal, after } => {
            format!("ended by {signal} from a step after {}", words::duration(*after))
        }
        DaemonEnd::Exited { exit: Exit::Signal(signal), after, .. } => {
            let memory = if signal.number == SIGKILL { " (out of memory?)" } else { "" };
            format!("killed by {signal} after {}; greenroom did not send it{memory}", words::duration(*after))
        }
        DaemonEnd::Exited { exit: Exit::Status(status), after, .. } => {
            format!("exited with status {status} after {}", words::duration(*after))
        }
        DaemonEnd::Exited { exit: Exit::Unknown, after, .. } => {
            format!("ended with an unknown exit status after {}", words::duration(*after))
        }
        _ => "ended with the scenario".to_owned(),
    }
}

/// Returns whether a scenario that passed is listed even with `-q`.
///
/// That is so if a daemon crashed unnoticed, or a process had to be killed.
pub(crate) fn is_noteworthy(finished: &ScenarioFinished) -> bool {
    finished.daemons.iter().any(|daemon| daemon.end.is_unnoticed_crash())
        || finished.left_over.iter().any(LeftOver::ignored_sigterm)
}

/// Returns what to add about how a leftover process ended; nothing if it ended when it was stopped.
fn leftover_end(end: LeftOverEnd) -> String {
    match end {
        LeftOverEnd::Killed { after } => format!(" when asked to end; killed {} later", words::duration(after)),
        _ => String::new(),
    }
}

/// Returns what a passed scenario left running: `stopped at the end: web`.
pub(crate) fn leftover_note(processes: &[LeftOver]) -> Vec<String> {
    let (killed, stopped): (Vec<&LeftOver>, Vec<&LeftOver>) =
        processes.iter().partition(|process| process.ignored_sigterm());
    let mut notes = Vec::new();
    if !stopped.is_empty() {
        notes.push(format!("stopped at the end: {}", leftover_names(&stopped)));
    }
    if let Some(after) = killed.iter().find_map(|process| match process.end {
        LeftOverEnd::Killed { after } => Some(words::duration(after)),
        _ => None,
    }) {
        notes.push(format!("killed at the end: {} did not end within {after} of SIGTERM", leftover_names(&killed)));
        let line = killed.iter().find_map(|process| process.last_line.as_deref());
        notes.extend(line.map(|line| format!("its last line after SIGTERM: {}", words::output_line(line, LINE))));
    }
    notes
}

/// Returns the processes that had to be killed at the end of a scenario.
pub(crate) fn killed_leftovers(processes: &[LeftOver]) -> impl Iterator<Item = KilledLeftover> {
    processes.iter().filter(|process| process.ignored_sigterm()).map(|process| match &process.daemon {
        Some(daemon) => KilledLeftover::Daemon(words::escape(daemon).into_owned()),
        None => KilledLeftover::Command(words::output_line(&process.command, 40)),
    })
}

/// A leftover process that did not end after SIGTERM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KilledLeftover {
    /// A daemon, by its name.
    Daemon(String),
    /// Another process, by its command line.
    Command(String),
}

/// Returns what to do about leftover processes that had to be killed, if there are any.
pub(crate) fn leftover_help(killed: &BTreeSet<KilledLeftover>) -> Option<String> {
    const MOST: usize = 3;
    let mut names: Vec<String> = killed
        .iter()
        .take(MOST)
        .map(|killed| match killed {
            KilledLeftover::Daemon(name) => format!("daemon {name}"),
            KilledLeftover::Command(line) => line.clone(),
        })
        .collect();
    if killed.len() > MOST {
        names.push(format!("{} more", killed.len() - MOST));
    }
    let it = if killed.len() == 1 { "it" } else { "them" };
    let way = match killed.first()? {
        KilledLeftover::Daemon(daemon) => format!(
            "; or stop {it} in the scenario with more time, `when I stop background process {daemon}, within 30 \
             seconds`, or at once, `when I send signal SIGKILL to daemon {daemon}`"
        ),
        KilledLeftover::Command(_) => format!("; or end {it} in the scenario with another signal"),
    };
    Some(format!("make {} end on SIGTERM{way}", words::list(&names)))
}

/// Returns the names of leftover processes: `sleepyhead and sleep 100`.
fn leftover_names(processes: &[&LeftOver]) -> String {
    const MOST: usize = 3;
    let name = |process: &&LeftOver| match &process.daemon {
        Some(daemon) => words::escape(daemon).into_owned(),
        None => words::output_line(&process.command, 40),
    };
    let mut names: Vec<_> = processes.iter().take(MOST).map(name).collect();
    if processes.len() > MOST {
        names.push(format!("{} more", processes.len() - MOST));
    }
    words::list(&names)
}

/// Returns how often each scenario runs.
pub(crate) fn rounds(outline: &Outline) -> usize {
    let last = outline.scenarios.last().and_then(|scenario| scenario.repetition);
    last.map_or(1, |rounds| rounds.max(1) as usize)
}

/// Returns the title of a scenario, escaped, and which repetition it is.
pub(crate) fn title(outline: &Outline, index: usize) -> String {
    match outline.scenarios.get(index) {
        Some(scenario) => {
            let title = words::escape(&scenario.title);
            match scenario.repetition {
                Some(repetition) => format!("{title} (repetition {repetition} of {})", rounds(outline)),
                None => title.into_owned(),
            }
        }
        None => format!("scenario {}", index.saturating_add(1)),
    }
}

/// Returns a place as `daemon.md:86`.
pub(crate) fn place(location: &Location) -> String {
    format!("{}:{}", words::escape(&location.file), location.line)
}

/// Returns where a step is: `the step in daemon.md:86`.
pub(crate) fn step_place(scenario: Option<&ScenarioOutline>, step: usize) -> String {
    match scenario.and_then(|scenario| scenario.steps.get(step)) {
        Some(step) => format!("the step in {}", place(&step.location)),
        None => "a step".to_owned(),
    }
}

/// Says how many leftover processes there are and what became of them.
pub(crate) fn leftover_title(processes: &[LeftOver]) -> String {
    let count = words::count_of(processes.len(), "leftover process", "leftover processes");
    let killed = processes.iter().filter(|process| process.ignored_sigterm()).count();
    let how = match killed {
        0 => "stopped at the end",
        killed if killed == processes.len() => "killed at the end",
        _ => "stopped or killed at the end",
    };
    format!("{count}, {how}")
}

/// Returns a line per leftover process: its command line and for how long it ran.
pub(crate) fn leftover_lines(processes: &[LeftOver]) -> Vec<String> {
    let mut lines = Vec::new();
    let alike = |one: &LeftOver, other: &LeftOver| {
        let same_end = one.ignored_sigterm() == other.ignored_sigterm();
        one.command == other.command && one.daemon == other.daemon && same_end
    };
    for alike in processes.chunk_by(alike) {
        let command = words::output_line(&alike[0].command, LINE);
        if alike.len() > MANY_ALIKE {
            let ages = alike.iter().map(|process| process.age);
            let (least, most) = (ages.clone().min().unwrap_or_default(), ages.max().unwrap_or_default());
            let ages = format!("{} to {}", words::duration(least), words::duration(most));
            let end = leftover_end(alike[0].end);
            lines.push(format!("{command}  ({} processes, running for {ages}{end})", alike.len()));
            continue;
        }
        for process in alike {
            let daemon = match &process.daemon {
                Some(daemon) => format!("daemon {}, ", words::escape(daemon)),
                None => String::new(),
            };
            let (age, end) = (words::duration(process.age), leftover_end(process.end));
            lines.push(format!("{command}  ({daemon}running for {age}{end})"));
        }
    }
    lines
}

/// What to say about the private network of a scenario that did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetworkNote {
    /// Something wanted to leave it: a statement, and how to allow that.
    LeftAlone {
        /// What happened.
        message: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// A connection was refused, which may be why it failed.
    Refused(&'static str),
}

/// Says that the network was private, which can be why the scenario failed.
pub(crate) fn network(used: Option<PrivateNetwork>) -> Option<NetworkNote> {
    let used = used?;
    if used.other_hosts {
        Some(NetworkNote::LeftAlone {
            message: "it tried to reach or look up another host, but its network was private and has only localhost",
            help: "to use the host's network: label `network-host`, `network: host` in the metadata, \
                   or `--network host`",
        })
    } else if used.refused {
        Some(NetworkNote::Refused(
            "its network was private, without the servers on the host's localhost; a connection was refused",
        ))
    } else {
        None
    }
}

/// Returns how many scenarios run side by side: `one at a time`, `up to 256 at a time`.
pub(crate) fn jobs(jobs: usize) -> String {
    if jobs <= 1 { "one at a time".to_owned() } else { format!("up to {jobs} at a time") }
}

/// Returns how a command begins that runs scenarios again: the program, with the options that they need.
pub(crate) fn rerun_start(run: &RunStarted) -> String {
    let origin = run.origin.as_ref();
    let program = origin.and_then(|origin| origin.test_command.as_deref()).unwrap_or("greenroom run");
    let options = origin.map_or(&[][..], |origin| &origin.rerun_options);
    options.iter().fold(program.to_owned(), |start, option| format!("{start} {}", words::shell_quote(option)))
}

/// Returns the command that runs one scenario again. `start` comes from [`rerun_start`].
pub(crate) fn rerun_command(outline: &Outline, scenario: usize, start: &str) -> Option<String> {
    let scenario = outline.scenarios.get(scenario)?;
    if let Some(test) = &scenario.test {
        return Some(format!("{start} --exact {}", words::shell_quote(test)));
    }
    let document = outline.documents.get(scenario.document)?;
    // A name that begins with a dash looks like an option.
    let path = if document.path.starts_with('-') { format!("./{}", document.path) } else { document.path.clone() };
    let (path, name) = (words::shell_quote(&path), words::shell_quote(&scenario.title));
    let is = if scenario.title.starts_with('-') { '=' } else { ' ' };
    Some(format!("{start} {path} --name{is}{name}"))
}

/// How scenarios are kept apart when they are not sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotSealed {
    /// What the kernel refused; `None` if the user asked for less.
    pub(crate) refused: Option<String>,
    /// All properties: `network=private tmp=shared user=same`.
    pub(crate) properties: String,
}

impl NotSealed {
    /// Returns why they are not sealed, to follow `not sealed`.
    pub(crate) fn reason(&self) -> String {
        self.refused.as_ref().map_or_else(|| ", as requested".to_owned(), |refused| format!(": {refused}"))
    }
}

/// Returns how scenarios are kept apart, unless they are sealed.
pub(crate) fn not_sealed(isolation: &Isolation) -> Option<NotSealed> {
    if isolation.sealed {
        return None;
    }
    let refused = isolation.properties.iter().find_map(|property| match &property.held {
        Held::Refused { call, error } => Some(format!("{call} failed: {error}")),
        Held::Own | Held::Shared => None,
    });
    Some(NotSealed { refused, properties: properties(isolation) })
}

fn properties(isolation: &Isolation) -> String {
    let value = |property: &Property| {
        let (own, shared) = property.name.values();
        format!("{}={}", property.name.name(), if property.held == Held::Own { own } else { shared })
    };
    let user = match isolation.user {
        User::Root => "user=root",
        User::Same => "user=same",
    };
    isolation.properties.iter().map(value).chain([user.to_owned()]).collect::<Vec<_>>().join(" ")
}

/// Returns where a merged run comes from: its recording, partition, machine and time.
pub(crate) fn merged_run(run: &MergedRun) -> String {
    let mut parts = vec![words::escape(&run.recording).into_owned()];
    parts.extend(run.partition.as_ref().map(words::partition));
    let origin =
        |origin: &Origin| format!("on {} at {}", words::escape(&origin.machine.host), words::escape(&origin.started));
    parts.extend(run.origin.as_ref().map(origin));
    parts.push(words::duration(run.took));
    parts.join(", ")
}

/// Says why a run that had nothing to run is a success, if it is one.
pub(crate) fn nothing_to_do(summary: &Summary) -> Option<String> {
    if !summary.is_nothing_left() {
        return summary.empty_partition().map(words::empty_partition);
    }
    let scenarios = match (summary.passed_earlier, summary.left_out) {
        (1, 0) => "the only scenario".to_owned(),
        (1, _) => "the selected scenario".to_owned(),
        (all, 0) => format!("all {all} scenarios"),
        (selected, _) => format!("all {selected} selected scenarios"),
    };
    Some(format!("nothing left to rerun: {scenarios} passed in the last run"))
}
