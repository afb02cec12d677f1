//! What reports for programs say about a scenario: names, paths, state, messages, output.
//!
//! Names are unique and do not depend on the machine, because programs recognize a scenario of another
//! run by them. Paths are relative to the root of the repository, with `/`. All texts are escaped, so
//! that they fit on one line or hold no control characters but newlines.

use std::collections::HashMap;
use std::fmt::Write as _;

use greenroom_event::{
    Failure, FailureKind, Origin, Outcome, Output, OutputSource, RunStarted, ScenarioOutline, Stream,
};

use crate::excerpt;
use crate::explanation;
use crate::in_short::{self, in_short};
use crate::records::ScenarioRecord;
use crate::run_record::{RunRecord, ScenarioState};
use crate::terminal;
use crate::words;

/// The message of a scenario that was not run for no recorded reason.
const NOT_RUN: &str = "not run";

/// Characters of a message that is a line or an attribute.
const MESSAGE: usize = 1000;

/// The name of the one case that stands for all repetitions that were not run.
pub(crate) const UNRUN_REPETITIONS: &str = "repetitions that were not run";

/// The names of documents and scenarios in reports for programs.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// A path for each document, from the root of the repository.
    pub(crate) documents: Vec<String>,
    /// The path of each document as the name of a class: `docs.mail`.
    pub(crate) classes: Vec<String>,
    /// A name for each scenario, unique in its document.
    pub(crate) scenarios: Vec<String>,
}

impl Names {
    /// Finds the names of a run.
    pub(crate) fn of(run: &RunStarted) -> Self {
        let outline = &run.outline;
        let paths = outline.documents.iter().map(|document| path(run.origin.as_ref(), &document.path));
        let documents = unique(paths.map(|path| ((), path)));
        let classes = unique(documents.iter().map(|path| ((), class(path))));
        let titles = outline.scenarios.iter().map(|scenario| {
            let title = words::escape(&scenario.title).into_owned();
            let run = scenario.repetition.map(|number| format!(" (repetition {number})")).unwrap_or_default();
            (scenario.document, format!("{title}{run}"))
        });
        Self { documents, classes, scenarios: unique(titles) }
    }

    /// Returns the name of a scenario.
    pub(crate) fn scenario(&self, index: usize) -> &str {
        self.scenarios.get(index).map_or("", String::as_str)
    }

    /// Returns the path of a document.
    pub(crate) fn document(&self, index: usize) -> &str {
        self.documents.get(index).map_or("", String::as_str)
    }
}

/// Numbers names that occur again in their group: `title (2)`.
fn unique<G: Eq + std::hash::Hash + Copy>(names: impl Iterator<Item = (G, String)>) -> Vec<String> {
    let mut seen: HashMap<(G, String), usize> = HashMap::new();
    let mut number = |group: G, name: String| {
        let count = seen.entry((group, name.clone())).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name} ({count})") }
    };
    names.map(|(group, name)| number(group, name)).collect()
}

/// Returns the name of a class for a path. Its only dots are those between directories.
fn class(path: &str) -> String {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let parts = stem.split('/').filter(|part| !part.is_empty()).map(|part| part.replace('.', "_"));
    parts.collect::<Vec<_>>().join(".")
}

/// Returns the path of a file from the root of the repository, as far as that is known.
pub(crate) fn path(origin: Option<&Origin>, file: &str) -> String {
    let root = origin.and_then(|origin| origin.root.as_deref()).map(|root| root.trim_end_matches('/'));
    let inside = |root: &str| Some(file.strip_prefix(root)?.strip_prefix('/')?.to_owned());
    let file = match root.and_then(inside) {
        Some(inside) => inside,
        None if file.starts_with('/') => return words::escape(file).into_owned(),
        None => match origin.and_then(|origin| origin.directory.as_deref()) {
            Some(directory) if !directory.is_empty() => format!("{directory}/{file}"),
            _ => file.to_owned(),
        },
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    words::escape(&parts.join("/")).into_owned()
}

/// Whether a scenario is a repetition, other than the first, that was not started.
///
/// With `--until-failure` there can be thousands. Reports count them instead of listing them.
pub(crate) fn is_unrun_repetition(record: &RunRecord, index: usize) -> bool {
    let scenario = record.started.outline.scenarios.get(index);
    scenario.and_then(|scenario| scenario.repetition).is_some_and(|repetition| repetition > 1)
        && record.state(index) == ScenarioState::Skipped
        && record.deciding_end(index).is_none_or(|attempt| !attempt.started)
}

/// Says how many repetitions of a document's scenarios were not run, and why the first of them was not.
pub(crate) fn unrun_repetitions(record: &RunRecord, document: usize) -> Option<String> {
    let mut unrun = record.scenarios_of(document).filter(|(index, _)| is_unrun_repetition(record, *index)).peekable();
    let &(first, scenario) = unrun.peek()?;
    let message = message(scenario, record.deciding(first).as_deref(), ScenarioState::Skipped);
    Some(unrun_message(unrun.count(), &message))
}

/// Says how many repetitions were not run. `message` is that of the first of them.
pub(crate) fn unrun_message(number: usize, message: &str) -> String {
    let reason = if message == NOT_RUN { String::new() } else { format!(": {message}") };
    format!("{} {NOT_RUN}{reason}", words::count(number, "repetition"))
}

/// Returns why a scenario did not pass, in one line.
pub(crate) fn message(scenario: &ScenarioOutline, record: Option<&ScenarioRecord>, state: ScenarioState) -> String {
    let Some(record) = record else { return NOT_RUN.to_owned() };
    let Some(finished) = &record.finished else {
        return "the recording ends before the scenario does".to_owned();
    };
    if state == ScenarioState::Unfinished {
        return "the recording ends before the next attempt does".to_owned();
    }
    let nothing = Failure::default();
    let failures = explanation::failures(record, Some(scenario), finished, &nothing);
    let stopped = if record.started { "stopped with the run" } else { NOT_RUN };
    let missing = if finished.outcome == Outcome::Skipped { stopped } else { in_short::NO_REASON };
    let Some((failure, of)) = failures.first() else { return missing.to_owned() };
    let of = of.as_ref().map_or(String::new(), |of| format!("{of} failed: "));
    if failure.message.is_empty() {
        return format!("{of}{missing}");
    }
    format!("{of}{}", words::output_line(&in_short(failure), MESSAGE))
}

/// Returns the kind of the first failure of an attempt.
pub(crate) fn kind(record: Option<&ScenarioRecord>) -> &'static str {
    let nothing = Failure::default();
    let failures = record.and_then(|record| {
        let finished = record.finished.as_ref()?;
        explanation::failures(record, None, finished, &nothing).first().map(|(failure, _)| failure.kind.name())
    });
    failures.unwrap_or(FailureKind::Interrupted.name())
}

/// Returns the text that explains a failed attempt, as the terminal shows it.
///
/// Its first line is ` daemon.md:42: MESSAGE`, in which programs find the place.
pub(crate) fn explanation(run: &RunStarted, record: &ScenarioRecord, state: ScenarioState) -> String {
    let Some(scenario) = run.outline.scenarios.get(record.scenario) else { return String::new() };
    let place = explanation::failed_at(scenario, Some(record));
    let (file, line) = (path(run.origin.as_ref(), &place.file), place.line);
    let mut text = format!(" {file}:{line}: {}\n", message(scenario, Some(record), state));
    let block = terminal::explanation(&run.outline, record, &explanation::rerun_start(run));
    if !block.is_empty() {
        text.push('\n');
        text.push_str(&block);
    }
    text
}

/// Returns what the commands and daemons of an attempt wrote, each output once: to stdout or from
/// functions, and to stderr. It has at most about `most` bytes.
pub(crate) fn outputs(record: &ScenarioRecord, most: usize) -> [String; 2] {
    let mut all: Vec<(Option<usize>, &Output)> = Vec::new();
    for step in record.steps.iter().chain(&record.cleanups) {
        let of_failure = step.failure.iter().flat_map(|failure| &failure.output);
        all.extend(step.output.iter().chain(of_failure).map(|output| (Some(step.step), output)));
    }
    if let Some(finished) = &record.finished {
        all.extend(finished.failure.iter().flat_map(|failure| &failure.output).map(|output| (None, output)));
        // They are complete only at the end of the scenario.
        let daemons: Vec<&Output> = finished.daemons.iter().flat_map(|daemon| &daemon.output).collect();
        all.retain(|(_, output)| !daemons.iter().any(|daemon| daemon.source == output.source));
        all.extend(daemons.into_iter().map(|output| (None, output)));
    }
    all.retain(|(_, output)| !output.text.is_empty() || output.omitted > 0);
    let mut texts = [String::new(), String::new()];
    let mut left = most;
    let count = all.len();
    for (at, (step, output)) in all.into_iter().enumerate() {
        let text = &mut texts[usize::from(stream(output) == Stream::Stderr)];
        let before = text.len();
        section(text, step, output, left / (count - at));
        left = left.saturating_sub(text.len() - before);
    }
    texts
}

fn stream(output: &Output) -> Stream {
    match output.source {
        OutputSource::Command { stream } | OutputSource::Daemon { stream, .. } => stream,
        _ => Stream::Stdout,
    }
}

/// Adds an output under a title, without its beginning if it is longer than `most` bytes.
fn section(text: &mut String, step: Option<usize>, output: &Output, most: usize) {
    if !text.is_empty() {
        text.push('\n');
    }
    let step = step.map_or(String::new(), |step| format!(", step {}", step + 1));
    let when = excerpt::when(output);
    let _ = writeln!(text, "--- {}{step}{when} ---", words::escape(&output.source.to_string()));
    let shown = visible(&output.text);
    let mut start = shown.len().saturating_sub(most);
    while !shown.is_char_boundary(start) {
        start += 1;
    }
    // A cut at the beginning of a line, unless the line is long.
    if start > 0
        && let Some(end) = shown[start..].find('\n').filter(|end| *end < shown.len() - start - 1)
    {
        start += end + 1;
    }
    let omitted = output.omitted + start as u64;
    if omitted > 0 {
        let _ = writeln!(text, "... {} before", words::size(omitted));
    }
    text.push_str(&shown[start..]);
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Makes hidden characters visible, except newlines and tabs. Colors are removed.
pub(crate) fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let line = without_colors(line.strip_suffix('\r').unwrap_or(line));
        for (at, part) in line.split('\t').enumerate() {
            if at > 0 {
                visible.push('\t');
            }
            visible.push_str(&words::escape(part));
        }
        visible.push_str(end);
    }
    visible
}

/// Removes escape sequences that set colors.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((codes, rest)) if codes.chars().all(|c| c.is_ascii_digit() || ";:".contains(c)) => text.push_str(rest),
            _ => {
                text.push_str("\x1b[");
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(root: &str, directory: &str) -> Origin {
        Origin { root: Some(root.to_owned()), directory: Some(directory.to_owned()), ..Origin::default() }
    }

    #[test]
    fn paths_begin_at_the_root_of_the_repository() {
        let origin = origin("/home/u/repo", "docs/guide");
        let of = |file: &str| path(Some(&origin), file);
        assert_eq!(of("mail.md"), "docs/guide/mail.md");
        assert_eq!(of("./mail.md"), "docs/guide/mail.md");
        assert_eq!(of("../mail.md"), "docs/mail.md");
        assert_eq!(of("../../../mail.md"), "../mail.md");
        assert_eq!(of("/home/u/repo/mail.md"), "mail.md");
        assert_eq!(of("/home/u/repository/mail.md"), "/home/u/repository/mail.md");
        assert_eq!(of("a\nb.md"), "docs/guide/a\\nb.md");
        assert_eq!(path(None, "./mail.md"), "mail.md");
    }

    #[test]
    fn classes_have_dots_between_directories_only() {
        assert_eq!(class("docs/mail.md"), "docs.mail");
        assert_eq!(class("docs/v1.2.md"), "docs.v1_2");
        assert_eq!(class("../mail.md"), "__.mail");
        assert_eq!(class("/tmp/mail"), "tmp.mail");
    }

    #[test]
    fn names_are_unique_in_their_group() {
        let names = [(0, "a"), (0, "a"), (1, "a"), (0, "b"), (0, "a")].map(|(group, name)| (group, name.to_owned()));
        assert_eq!(unique(names.into_iter()), ["a", "a (2)", "a", "b", "a (3)"]);
    }

    #[test]
    fn output_has_no_control_characters_but_newlines_and_tabs() {
        let text = "a\tb\r\n\x1b[1;31mred\x1b[0m \x1b[2J\0\u{10fff0}\n]]>";
        assert_eq!(visible(text), "a\tb\nred \\x1b[2J\\0\\xf0\n]]>");
    }

    #[test]
    fn a_long_output_loses_its_beginning() {
        let source = OutputSource::Command { stream: Stream::Stdout };
        let output = Output::from_bytes(source, "12345678\n12345678\n".repeat(100).as_bytes(), 7);
        let mut text = String::new();
        section(&mut text, Some(2), &output, 20);
        assert_eq!(text, "--- stdout of the command, step 3 ---\n... 1.8 kB before\n12345678\n12345678\n");
    }
}
