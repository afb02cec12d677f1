//! The report in the format of JUnit, which Jenkins, GitLab, Allure and reporters for GitHub read.
//!
//! A suite is a document, a case is a scenario. Failures are scenarios that do not hold, errors those
//! that could not be run to their end. All attempts are in the report: a flaky scenario passes with a
//! `flakyFailure` for each attempt that did not; one that always failed has the first attempt as its
//! failure and the others as `rerunFailure`.

use std::io::{self, Write};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use greenroom_event::ScenarioOutline;
use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun, TestSuite};

use crate::case::{self, Names};
use crate::merge;
use crate::records::ScenarioRecord;
use crate::run_record::{RunRecord, ScenarioState};
use crate::tee::{Format, Writing};
use crate::words;

/// `--junit FILE`.
pub const FORMAT: Format = Format {
    option: "junit",
    help: "Write results in JUnit's XML format to this file, for Jenkins, GitLab and others",
    needs_texts: false,
    writing: Writing::Whole(write),
};

/// Bytes of output that a case has. Readers refuse longer texts.
const OUTPUT: usize = 1 << 20;

fn write(record: &RunRecord, to: &mut dyn Write) -> io::Result<()> {
    let names = Names::of(&record.started);
    let mut suites = Vec::new();
    for document in 0..record.started.outline.documents.len() {
        if record.scenarios_of(document).next().is_some() {
            suites.push((document, suite(record, &names, document)));
        }
    }
    let [begin, end] = around_suites(&report(record, suites.iter().map(|(_, suite)| suite)))?;
    to.write_all(begin.as_bytes())?;
    for (document, suite) in suites {
        let [begin, end] = around_cases(suite)?;
        to.write_all(begin.as_bytes())?;
        cases(record, &names, document, |case| to.write_all(text(case)?.as_bytes()))?;
        to.write_all(end.as_bytes())?;
    }
    to.write_all(end.as_bytes())
}

/// Returns the report without its suites, which it counts.
fn report<'a>(record: &RunRecord, suites: impl Iterator<Item = &'a TestSuite>) -> Report {
    let mut report = Report::new("greenroom");
    report.set_time(record.summary.took);
    if let Some(time) = timestamp(record, Duration::ZERO) {
        report.set_timestamp(time);
    }
    for suite in suites {
        report.tests += suite.tests;
        report.skipped += suite.skipped;
        report.failures += suite.failures;
        report.errors += suite.errors;
    }
    report
}

/// The end of a report, and the end of a suite in it.
const ENDS: [&str; 2] = ["</testsuites>\n", "    </testsuite>\n"];

/// Returns what comes before and after the suites of a report.
fn around_suites(report: &Report) -> io::Result<[String; 2]> {
    let mut text = xml(report)?;
    cut(&mut text, ENDS[0])?;
    Ok([text, ENDS[0].to_owned()])
}

/// Returns what comes before and after the cases of a suite, which has properties.
fn around_cases(suite: TestSuite) -> io::Result<[String; 2]> {
    let mut text = in_report(suite)?;
    cut(&mut text, ENDS[1])?;
    Ok([text, ENDS[1].to_owned()])
}

/// Returns a case as it stands in its suite.
///
/// A whole report has an element in memory for each case. So cases are written one by one.
fn text(case: TestCase) -> io::Result<String> {
    let mut suite = TestSuite::new("");
    suite.add_test_case(case);
    let mut text = in_report(suite)?;
    cut(&mut text, ENDS[1])?;
    cut_line(&mut text)?;
    Ok(text)
}

/// Returns a suite as it stands in a report.
fn in_report(suite: TestSuite) -> io::Result<String> {
    let mut report = Report::new("");
    report.add_test_suite(suite);
    let mut text = xml(&report)?;
    cut(&mut text, ENDS[0])?;
    // The declaration of XML, and the beginning of the report.
    cut_line(&mut text)?;
    cut_line(&mut text)?;
    Ok(text)
}

fn xml(report: &Report) -> io::Result<String> {
    report.to_string().map_err(|error: SerializeError| io::Error::other(error.to_string()))
}

/// Removes the end of a text.
fn cut(text: &mut String, end: &str) -> io::Result<()> {
    let begin = text.strip_suffix(end).ok_or_else(|| io::Error::other("an element of XML has no end"))?;
    text.truncate(begin.len());
    Ok(())
}

/// Removes the first line of a text.
fn cut_line(text: &mut String) -> io::Result<()> {
    let end = text.find('\n').ok_or_else(|| io::Error::other("an element of XML has no content"))?;
    text.drain(..=end);
    Ok(())
}

fn timestamp(record: &RunRecord, at: Duration) -> Option<DateTime<FixedOffset>> {
    let time = record.wall_time(at)?;
    DateTime::from_timestamp_micros(time.timestamp_micros()).map(Into::into)
}

/// Returns the suite of a document without its cases, which it counts.
fn suite(record: &RunRecord, names: &Names, document: usize) -> TestSuite {
    // The suites of all partitions meet in one place.
    let mut suite = TestSuite::new(match &record.started.partition {
        Some(partition) => format!("{} ({})", names.document(document), words::partition(partition)),
        None => names.document(document).to_owned(),
    });
    suite.extra.insert("file".into(), names.document(document).into());
    let ends = || record.scenarios_of(document).flat_map(|(index, _)| record.ends(index));
    if let Some(time) = ends().map(|end| end.began).min().and_then(|at| timestamp(record, at)) {
        suite.set_timestamp(time);
    }
    for (name, value) in properties(record) {
        suite.add_property(Property::new(name, value));
    }
    let mut time = Duration::ZERO;
    let mut unrun = 0;
    for (index, _) in record.scenarios_of(document) {
        if case::is_unrun_repetition(record, index) {
            unrun = 1;
            continue;
        }
        suite.tests += 1;
        match record.state(index) {
            ScenarioState::Passed | ScenarioState::Flaky => {}
            ScenarioState::Skipped => suite.skipped += 1,
            ScenarioState::Failed => suite.failures += 1,
            ScenarioState::Broken | ScenarioState::Unfinished => suite.errors += 1,
        }
        time += record.deciding_end(index).map_or(Duration::ZERO, |end| end.took);
    }
    suite.tests += unrun;
    suite.skipped += unrun;
    suite.set_time(time);
    suite
}

/// Passes the cases of a document on, one after another.
fn cases(
    record: &RunRecord,
    names: &Names,
    document: usize,
    mut write: impl FnMut(TestCase) -> io::Result<()>,
) -> io::Result<()> {
    for (index, scenario) in record.scenarios_of(document) {
        if !case::is_unrun_repetition(record, index) {
            write(case(record, names, index, scenario))?;
        }
    }
    if let Some(message) = case::unrun_repetitions(record, document) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(message);
        let mut case = TestCase::new(case::UNRUN_REPETITIONS, status);
        case.set_classname(names.classes.get(document).map_or("", String::as_str));
        write(case)?;
    }
    Ok(())
}

/// Returns facts about the run.
fn properties(record: &RunRecord) -> Vec<(&'static str, String)> {
    let run = &record.started;
    let isolation = if run.isolation.sealed { "sealed" } else { "not sealed" };
    let mut properties = vec![
        ("greenroom.version", run.version.clone()),
        ("greenroom.isolation", isolation.to_owned()),
        ("greenroom.jobs", run.jobs.to_string()),
    ];
    if let Some(origin) = &run.origin {
        let command: Vec<_> = origin.command.iter().map(|word| words::shell_quote(word)).collect();
        properties.extend([
            ("greenroom.machine", origin.machine.host.clone()),
            ("greenroom.system", origin.machine.system.clone()),
            ("greenroom.command", command.join(" ")),
        ]);
    }
    if let Some(partition) = &run.partition {
        properties.push(("greenroom.partition", words::partition(partition)));
    }
    if let Some(seed) = run.shuffle {
        properties.push(("greenroom.shuffle", seed.to_string()));
    }
    if record.summary.interrupted || !record.ended {
        let what = if record.summary.interrupted { "interrupted" } else { "the run did not end" };
        properties.push(("greenroom.incomplete", what.to_owned()));
    }
    let problems = run.merge.iter().flat_map(|merge| &merge.problems);
    properties.extend(problems.map(|problem| ("greenroom.incomplete", merge::explain(problem))));
    for (_, value) in &mut properties {
        *value = words::escape(value).into_owned();
    }
    properties
}

fn case(record: &RunRecord, names: &Names, index: usize, scenario: &ScenarioOutline) -> TestCase {
    let state = record.state(index);
    let attempts = record.attempts(index);
    let deciding = attempts.last().map(|attempt| &**attempt);
    // The attempt that the failure is from; the others are reruns.
    let first = attempts.first().map(|attempt| &**attempt);
    let message = case::message(scenario, deciding, state);
    let mut status = match state {
        ScenarioState::Passed | ScenarioState::Flaky => TestCaseStatus::success(),
        ScenarioState::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message);
            status
        }
        ScenarioState::Failed => failure(record, NonSuccessKind::Failure, scenario, first, state),
        ScenarioState::Broken | ScenarioState::Unfinished => {
            failure(record, NonSuccessKind::Error, scenario, first, state)
        }
    };
    let others = match state {
        ScenarioState::Flaky => &attempts[..attempts.len() - 1],
        ScenarioState::Failed | ScenarioState::Broken | ScenarioState::Unfinished => attempts.get(1..).unwrap_or(&[]),
        ScenarioState::Passed | ScenarioState::Skipped => &[],
    };
    status.add_reruns(others.iter().map(|attempt| rerun(record, scenario, attempt)));
    let mut case = TestCase::new(names.scenario(index), status);
    case.set_classname(names.classes.get(scenario.document).map_or("", String::as_str));
    let file = case::path(record.started.origin.as_ref(), &scenario.location.file);
    case.extra.insert("file".into(), file.into());
    case.extra.insert("line".into(), scenario.location.line.to_string().into());
    case.set_time(deciding.and_then(|attempt| attempt.finished.as_ref()).map_or(Duration::ZERO, |over| over.took));
    if let Some(attempt) = deciding {
        if let Some(time) = timestamp(record, attempt.began) {
            case.set_timestamp(time);
        }
        let shown = if others.is_empty() || state == ScenarioState::Flaky { attempt } else { &attempts[0] };
        let [stdout, stderr] = case::outputs(shown, OUTPUT);
        if !stdout.is_empty() {
            case.set_system_out(stdout);
        }
        if !stderr.is_empty() {
            case.set_system_err(stderr);
        }
    }
    case
}

/// Returns the failure of a scenario that did not pass, which is the one of its first attempt.
fn failure(
    record: &RunRecord,
    kind: NonSuccessKind,
    scenario: &ScenarioOutline,
    first: Option<&ScenarioRecord>,
    state: ScenarioState,
) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let state = first.map_or(state, ScenarioState::of);
    status.set_message(case::message(scenario, first, state));
    status.set_type(case::kind(first));
    if let Some(first) = first {
        status.set_description(case::explanation(&record.started, first, state));
    }
    status
}

fn rerun(record: &RunRecord, scenario: &ScenarioOutline, attempt: &ScenarioRecord) -> TestRerun {
    let state = ScenarioState::of(attempt);
    let kind = if state == ScenarioState::Failed { NonSuccessKind::Failure } else { NonSuccessKind::Error };
    let mut rerun = TestRerun::new(kind);
    rerun.set_message(case::message(scenario, Some(attempt), state));
    rerun.set_type(case::kind(Some(attempt)));
    rerun.set_stack_trace(case::explanation(&record.started, attempt, state));
    let [stdout, stderr] = case::outputs(attempt, OUTPUT);
    if !stdout.is_empty() {
        rerun.set_system_out(stdout);
    }
    if !stderr.is_empty() {
        rerun.set_system_err(stderr);
    }
    rerun
}
