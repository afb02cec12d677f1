//! The formats that programs read: whole outputs, hostile text, and the same counts everywhere.
//!
//! It is long because each format is compared as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use greenroom_event::{
    Comparison, Failure, FailureKind, Machine, Origin, Outcome, Output, OutputSource, Partition, PartitionKind,
    Relation, ScenarioFinished, Stream,
};
use greenroom_report::{RunRecord, TerminalFormat, github};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use snapbox::{IntoData, assert_data_eq, str};

use crate::support::{Run, because, compared, daemon, displayed, exited, logged, over, three, written};

/// A run with a scenario of every outcome, on a machine.
fn every_outcome() -> Run {
    let broken = because("the stage died").kind(FailureKind::StageDied);
    let crashed = daemon("web", "web --port 80", exited(3, 40));
    let mut crashed = crashed;
    crashed.output.push(logged("web", Stream::Stderr, "cannot bind\n", 0));
    let titles = ["It passes", "It fails", "It breaks", "It is flaky", "It is skipped"];
    let scenarios: Vec<(&str, &[&str])> = titles.map(|title| (title, &["when I try", "then it works"][..])).to_vec();
    Run::of(&scenarios)
        .started(|started| {
            started.origin = Some(Origin {
                started: "2026-11-26T18:50:19Z".to_owned(),
                machine: Machine { host: "anvil".to_owned(), system: "Linux 6.12 x86_64".to_owned(), cores: 2 },
                command: ["greenroom", "run", "daemon.md", "--env", "A=b c"].map(str::to_owned).to_vec(),
                root: Some("/home/ann/shop".to_owned()),
                directory: Some("docs".to_owned()),
                ..Origin::default()
            });
            started.partition =
                Some(Partition { by: PartitionKind::Hash, index: 1, total: 4, scenarios: 19, hash: "7".to_owned() });
        })
        .passes(0)
        .begin(1)
        .step(1, 0, 3)
        .step_fails(1, 1, 5, compared("the answer", Relation::Is, "42\n", "41\n"))
        .finish(1, ScenarioFinished { daemons: vec![crashed], ..over(Outcome::Failed, 9) })
        .begin(2)
        .step_started(2, 0)
        .finish(2, ScenarioFinished { failure: Some(broken), ..over(Outcome::Broken, 11) })
        .begin(3)
        .step(3, 0, 3)
        .step_fails(3, 1, 5, because("not yet"))
        .finish(3, over(Outcome::Failed, 9))
        .retried(3)
        .passes(3)
        .second_attempt(3)
        .finish(
            4,
            ScenarioFinished {
                failure: Some(because("--fail-fast stopped the run").kind(FailureKind::NotStarted)),
                ..over(Outcome::Skipped, 0)
            },
        )
        .end()
}

#[test]
fn junit() {
    assert_data_eq!(written("junit", &every_outcome()), str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="greenroom" tests="5" skipped="1" failures="1" errors="1" timestamp="2026-11-26T18:50:19.000+00:00" time="0.111">
    <testsuite name="docs/daemon.md (partition hash 1/4)" tests="5" skipped="1" errors="1" failures="1" timestamp="2026-11-26T18:50:19.001+00:00" time="0.262" file="docs/daemon.md">
        <properties>
            <property name="greenroom.version" value="0.1.0"/>
            <property name="greenroom.isolation" value="sealed"/>
            <property name="greenroom.jobs" value="256"/>
            <property name="greenroom.machine" value="anvil"/>
            <property name="greenroom.system" value="Linux 6.12 x86_64"/>
            <property name="greenroom.command" value="greenroom run daemon.md --env &apos;A=b c&apos;"/>
            <property name="greenroom.partition" value="partition hash 1/4"/>
        </properties>
        <testcase name="It passes" classname="docs.daemon" timestamp="2026-11-26T18:50:19.001+00:00" time="0.121" file="docs/daemon.md" line="18"/>
        <testcase name="It fails" classname="docs.daemon" timestamp="2026-11-26T18:50:19.044+00:00" time="0.009" file="docs/daemon.md" line="21">
            <failure message="the answer is not as expected: expected 42, actual 41" type="assertion"> docs/daemon.md:23: the answer is not as expected: expected 42, actual 41

in daemon.md:23, scenario at daemon.md:21

  ok          3 ms  when I try
  FAILED      5 ms  then it works

the answer is not as expected
  expected: 42\n
  actual:   41\n
             ^

daemon web: exited with status 3 after 40 ms
  command: web --port 80
  stderr of daemon web:
    │ cannot bind

rerun: greenroom run daemon.md --name &apos;It fails&apos;
</failure>
            <system-err>--- stderr of daemon web ---
cannot bind
</system-err>
        </testcase>
        <testcase name="It breaks" classname="docs.daemon" timestamp="2026-11-26T18:50:19.054+00:00" time="0.011" file="docs/daemon.md" line="24">
            <error message="the stage died" type="stage_died"> docs/daemon.md:25: the stage died

in daemon.md:25, scenario at daemon.md:24
neither passed nor failed: greenroom could not run it to its end

  STOPPED           when I try
                    1 step not run

the stage died

rerun: greenroom run daemon.md --name &apos;It breaks&apos;
</error>
        </testcase>
        <testcase name="It is flaky" classname="docs.daemon" timestamp="2026-11-26T18:50:19.066+00:00" time="0.121" file="docs/daemon.md" line="27">
            <flakyFailure message="not yet" type="assertion">
                <stackTrace> docs/daemon.md:29: not yet

in daemon.md:29, scenario at daemon.md:27

  ok          3 ms  when I try
  FAILED      5 ms  then it works

not yet

rerun: greenroom run daemon.md --name &apos;It is flaky&apos; --retries 0 --until-failure
</stackTrace>
            </flakyFailure>
        </testcase>
        <testcase name="It is skipped" classname="docs.daemon" timestamp="2026-11-26T18:50:19.109+00:00" time="0.000" file="docs/daemon.md" line="30">
            <skipped message="--fail-fast stopped the run"/>
        </testcase>
    </testsuite>
</testsuites>

"#]].raw());
}

#[test]
fn tap() {
    assert_data_eq!(displayed(TerminalFormat::Tap, &every_outcome()), str![[r#"
TAP version 14
1..1
# Subtest: docs/daemon.md
    1..5
    ok 1 - It passes
      ---
      duration_ms: 121.0
      ...
    not ok 2 - It fails
      ---
      message: "the answer is not as expected: expected 42, actual 41"
      severity: "fail"
      type: "assertion"
      file: "docs/daemon.md"
      line: 23
      duration_ms: 9.0
      explanation: " docs/daemon.md:23: the answer is not as expected: expected 42, actual 41\n\nin daemon.md:23, scenario at daemon.md:21\n\n  ok          3 ms  when I try\n  FAILED      5 ms  then it works\n\nthe answer is not as expected\n  expected: 42\\n\n  actual:   41\\n\n             ^\n\ndaemon web: exited with status 3 after 40 ms\n  command: web --port 80\n  stderr of daemon web:\n    │ cannot bind\n\nrerun: greenroom run daemon.md --name 'It fails'\n"
      ...
    not ok 3 - It breaks
      ---
      message: "the stage died"
      severity: "error"
      type: "stage_died"
      file: "docs/daemon.md"
      line: 25
      duration_ms: 11.0
      explanation: " docs/daemon.md:25: the stage died\n\nin daemon.md:25, scenario at daemon.md:24\nneither passed nor failed: greenroom could not run it to its end\n\n  STOPPED           when I try\n                    1 step not run\n\nthe stage died\n\nrerun: greenroom run daemon.md --name 'It breaks'\n"
      ...
    ok 4 - It is flaky
      ---
      flaky: true
      attempts: 2
      duration_ms: 121.0
      explanation: " docs/daemon.md:29: not yet\n\nin daemon.md:29, scenario at daemon.md:27\n\n  ok          3 ms  when I try\n  FAILED      5 ms  then it works\n\nnot yet\n\nrerun: greenroom run daemon.md --name 'It is flaky' --retries 0 --until-failure\n"
      ...
    ok 5 - It is skipped # SKIP --fail-fast stopped the run
not ok 1 - docs/daemon.md

"#]].raw());
}

#[test]
fn github_annotations() {
    let shown = displayed(TerminalFormat::Github, &every_outcome());
    let (human, annotations) = shown.split_once("::token::\n").unwrap();
    assert!(human.starts_with("::stop-commands::token\ngreenroom 0.1.0: "), "{human}");
    assert_data_eq!(annotations, str![[r#"
::error file=docs/daemon.md,line=23,title=It fails::docs/daemon.md:23: the answer is not as expected: expected 42, actual 41%0A%0Ain daemon.md:23, scenario at daemon.md:21%0A%0A  ok          3 ms  when I try%0A  FAILED      5 ms  then it works%0A%0Athe answer is not as expected%0A  expected: 42\n%0A  actual:   41\n%0A             ^%0A%0Adaemon web: exited with status 3 after 40 ms%0A  command: web --port 80%0A  stderr of daemon web:%0A    │ cannot bind%0A%0Arerun: greenroom run daemon.md --name 'It fails'%0A
::error file=docs/daemon.md,line=25,title=It breaks::docs/daemon.md:25: the stage died%0A%0Ain daemon.md:25, scenario at daemon.md:24%0Aneither passed nor failed: greenroom could not run it to its end%0A%0A  STOPPED           when I try%0A                    1 step not run%0A%0Athe stage died%0A%0Arerun: greenroom run daemon.md --name 'It breaks'%0A
::warning file=docs/daemon.md,line=29,title=flaky::It is flaky: passed in attempt 2%0Adocs/daemon.md:29: not yet%0A%0Ain daemon.md:29, scenario at daemon.md:27%0A%0A  ok          3 ms  when I try%0A  FAILED      5 ms  then it works%0A%0Anot yet%0A%0Arerun: greenroom run daemon.md --name 'It is flaky' --retries 0 --until-failure%0A

"#]].raw());
}

#[test]
fn github_summary() {
    assert_data_eq!(
        github::summary(&RunRecord::of(&every_outcome().all()), 900 << 10),
        str![[r#"
## greenroom: ❌ 2 of 5 scenarios did not pass

| passed | of these flaky | failed | broken | skipped | time |
|---|---|---|---|---|---|
| 2 | 1 | 1 | 1 | 1 | 111 ms, partition hash 1/4 |

### Failures

| scenario | place | state | reason |
|---|---|---|---|
| It fails | docs/daemon.md&#58;23 | failed | the answer is not as expected&#58; expected 42, actual 41 |
| It breaks | docs/daemon.md&#58;25 | broken | the stage died |

### Flaky

| scenario | place | attempts | reason of the first failure |
|---|---|---|---|
| It is flaky | docs/daemon.md&#58;29 | 2 | not yet |

### Slowest

| scenario | place | time |
|---|---|---|
| It passes | docs/daemon.md&#58;18 | 121 ms |
| It is flaky | docs/daemon.md&#58;29 | 121 ms |
| It breaks | docs/daemon.md&#58;25 | 11 ms |
| It fails | docs/daemon.md&#58;23 | 9 ms |

<details><summary>It fails</summary>

```text
 docs/daemon.md:23: the answer is not as expected: expected 42, actual 41

in daemon.md:23, scenario at daemon.md:21

  ok          3 ms  when I try
  FAILED      5 ms  then it works

the answer is not as expected
  expected: 42\n
  actual:   41\n
             ^

daemon web: exited with status 3 after 40 ms
  command: web --port 80
  stderr of daemon web:
    │ cannot bind

rerun: greenroom run daemon.md --name 'It fails'
```

</details>

<details><summary>It breaks</summary>

```text
 docs/daemon.md:25: the stage died

in daemon.md:25, scenario at daemon.md:24
neither passed nor failed: greenroom could not run it to its end

  STOPPED           when I try
                    1 step not run

the stage died

rerun: greenroom run daemon.md --name 'It breaks'
```

</details>

"#]]
        .raw()
    );
}

#[test]
fn teamcity() {
    assert_data_eq!(displayed(TerminalFormat::Teamcity, &every_outcome()), str![[r#"
##teamcity[testRetrySupport enabled='true']
##teamcity[testSuiteStarted timestamp='2026-11-26T18:50:19.001+0000' flowId='document-1' name='docs/daemon.md']
##teamcity[flowStarted timestamp='2026-11-26T18:50:19.001+0000' flowId='scenario-1-1' parent='document-1']
##teamcity[testStarted timestamp='2026-11-26T18:50:19.001+0000' flowId='scenario-1-1' name='It passes' captureStandardOutput='false']
##teamcity[testFinished timestamp='2026-11-26T18:50:19.043+0000' flowId='scenario-1-1' name='It passes' duration='121']
##teamcity[flowFinished timestamp='2026-11-26T18:50:19.043+0000' flowId='scenario-1-1']
##teamcity[flowStarted timestamp='2026-11-26T18:50:19.044+0000' flowId='scenario-2-1' parent='document-1']
##teamcity[testStarted timestamp='2026-11-26T18:50:19.044+0000' flowId='scenario-2-1' name='It fails' captureStandardOutput='false']
##teamcity[testStdErr timestamp='2026-11-26T18:50:19.053+0000' flowId='scenario-2-1' name='It fails' out='--- stderr of daemon web ---|ncannot bind|n']
##teamcity[testFailed timestamp='2026-11-26T18:50:19.053+0000' flowId='scenario-2-1' name='It fails' message='the answer is not as expected: expected 42, actual 41' details=' docs/daemon.md:23: the answer is not as expected: expected 42, actual 41|n|nin daemon.md:23, scenario at daemon.md:21|n|n  ok          3 ms  when I try|n  FAILED      5 ms  then it works|n|nthe answer is not as expected|n  expected: 42\n|n  actual:   41\n|n             ^|n|ndaemon web: exited with status 3 after 40 ms|n  command: web --port 80|n  stderr of daemon web:|n    |0x2502 cannot bind|n|nrerun: greenroom run daemon.md --name |'It fails|'|n' type='comparisonFailure' expected='42|n' actual='41|n']
##teamcity[testFinished timestamp='2026-11-26T18:50:19.053+0000' flowId='scenario-2-1' name='It fails' duration='9']
##teamcity[flowFinished timestamp='2026-11-26T18:50:19.053+0000' flowId='scenario-2-1']
##teamcity[flowStarted timestamp='2026-11-26T18:50:19.054+0000' flowId='scenario-3-1' parent='document-1']
##teamcity[testStarted timestamp='2026-11-26T18:50:19.054+0000' flowId='scenario-3-1' name='It breaks' captureStandardOutput='false']
##teamcity[testFailed timestamp='2026-11-26T18:50:19.055+0000' flowId='scenario-3-1' name='It breaks' message='the stage died' details=' docs/daemon.md:25: the stage died|n|nin daemon.md:25, scenario at daemon.md:24|nneither passed nor failed: greenroom could not run it to its end|n|n  STOPPED           when I try|n                    1 step not run|n|nthe stage died|n|nrerun: greenroom run daemon.md --name |'It breaks|'|n']
##teamcity[testFinished timestamp='2026-11-26T18:50:19.055+0000' flowId='scenario-3-1' name='It breaks' duration='11']
##teamcity[flowFinished timestamp='2026-11-26T18:50:19.055+0000' flowId='scenario-3-1']
##teamcity[flowStarted timestamp='2026-11-26T18:50:19.056+0000' flowId='scenario-4-1' parent='document-1']
##teamcity[testStarted timestamp='2026-11-26T18:50:19.056+0000' flowId='scenario-4-1' name='It is flaky' captureStandardOutput='false']
##teamcity[testFailed timestamp='2026-11-26T18:50:19.065+0000' flowId='scenario-4-1' name='It is flaky' message='not yet' details=' docs/daemon.md:29: not yet|n|nin daemon.md:29, scenario at daemon.md:27|n|n  ok          3 ms  when I try|n  FAILED      5 ms  then it works|n|nnot yet|n|nrerun: greenroom run daemon.md --name |'It is flaky|' --retries 0 --until-failure|n']
##teamcity[testFinished timestamp='2026-11-26T18:50:19.065+0000' flowId='scenario-4-1' name='It is flaky' duration='9']
##teamcity[flowFinished timestamp='2026-11-26T18:50:19.065+0000' flowId='scenario-4-1']
##teamcity[flowStarted timestamp='2026-11-26T18:50:19.066+0000' flowId='scenario-4-2' parent='document-1']
##teamcity[testStarted timestamp='2026-11-26T18:50:19.066+0000' flowId='scenario-4-2' name='It is flaky' captureStandardOutput='false']
##teamcity[testFinished timestamp='2026-11-26T18:50:19.108+0000' flowId='scenario-4-2' name='It is flaky' duration='121']
##teamcity[flowFinished timestamp='2026-11-26T18:50:19.108+0000' flowId='scenario-4-2']
##teamcity[testIgnored timestamp='2026-11-26T18:50:19.109+0000' flowId='document-1' name='It is skipped' message='--fail-fast stopped the run']
##teamcity[testSuiteFinished timestamp='2026-11-26T18:50:19.109+0000' flowId='document-1' name='docs/daemon.md']

"#]].raw());
}

#[test]
fn json_is_a_recording() {
    assert_eq!(displayed(TerminalFormat::Json, &every_outcome()), written("events", &every_outcome()));
}

/// Scenarios by their outcome.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    flaky: usize,
    failed: usize,
    broken: usize,
    skipped: usize,
}

fn junit_counts(run: &Run) -> Counts {
    let report = Report::deserialize_from_str(&written("junit", run)).unwrap();
    let mut counts = Counts::default();
    for case in report.test_suites.iter().flat_map(|suite| &suite.test_cases) {
        match &case.status {
            TestCaseStatus::Success { flaky_runs } => {
                counts.passed += 1;
                counts.flaky += usize::from(!flaky_runs.is_empty());
            }
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => counts.failed += 1,
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => counts.broken += 1,
            TestCaseStatus::Skipped { .. } => counts.skipped += 1,
        }
    }
    let attributes = (report.tests, report.failures, report.errors, report.skipped);
    let all = counts.passed + counts.failed + counts.broken + counts.skipped;
    assert_eq!(attributes, (all, counts.failed, counts.broken, counts.skipped));
    counts
}

/// A point of TAP with its facts.
#[derive(Debug)]
struct Point {
    is_ok: bool,
    description: String,
    is_skipped: bool,
    facts: BTreeMap<String, serde_json::Value>,
}

/// Reads TAP 14 as far as reports use it. Panics at everything else.
fn tap_points(text: &str) -> Vec<Point> {
    let mut lines = text.lines().peekable();
    assert_eq!(lines.next(), Some("TAP version 14"));
    assert!(lines.next().is_some_and(|plan| plan.starts_with("1..")));
    let mut points: Vec<Point> = Vec::new();
    let mut planned = 0;
    while let Some(line) = lines.next() {
        let Some(inner) = line.strip_prefix("    ") else {
            let is_known = ["# Subtest: ", "ok ", "not ok ", "Bail out! "].iter().any(|word| line.starts_with(word));
            assert!(is_known, "{line}");
            continue;
        };
        if let Some(count) = inner.strip_prefix("1..") {
            planned += count.parse::<usize>().unwrap();
            continue;
        }
        if inner == "  ---" {
            for fact in lines.by_ref().take_while(|line| *line != "      ...") {
                let (key, value) = fact.trim_start().split_once(": ").unwrap();
                let value = serde_json::from_str(value).unwrap();
                points.last_mut().unwrap().facts.insert(key.to_owned(), value);
            }
            continue;
        }
        let (is_ok, rest) = match inner.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => (true, inner.strip_prefix("ok ").unwrap()),
        };
        let (number, rest) = rest.split_once(" - ").unwrap();
        assert_eq!(number.parse::<usize>().unwrap(), points.len() + 1);
        let rest = rest.replace(r"\\", "\u{1}").replace(r"\#", "\u{2}");
        let (description, is_skipped) = match rest.split_once(" # SKIP ") {
            Some((description, _)) => (description, true),
            None => (&*rest, false),
        };
        assert!(!description.contains('#'), "{description}");
        let description = description.replace('\u{1}', r"\").replace('\u{2}', "#");
        points.push(Point { is_ok, description, is_skipped, facts: BTreeMap::new() });
    }
    assert_eq!(points.len(), planned);
    points
}

fn tap_counts(run: &Run) -> Counts {
    let mut counts = Counts::default();
    for point in tap_points(&displayed(TerminalFormat::Tap, run)) {
        match point.facts.get("severity").and_then(|value| value.as_str()) {
            _ if point.is_skipped => counts.skipped += 1,
            Some("fail") => counts.failed += 1,
            Some(_) => counts.broken += 1,
            None => {
                assert!(point.is_ok, "{point:?}");
                counts.passed += 1;
                counts.flaky += usize::from(point.facts.contains_key("flaky"));
            }
        }
    }
    counts
}

/// Reads service messages: name and values. Panics at a line that is not one.
fn messages(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let read = |line: &str| {
        let inner = line.strip_prefix("##teamcity[").and_then(|line| line.strip_suffix(']')).unwrap();
        assert!(inner.chars().all(|c| c == '\t' || c.is_ascii() && !c.is_control()), "{inner}");
        let (name, mut rest) = inner.split_once(' ').unwrap_or((inner, ""));
        let mut values = BTreeMap::new();
        while let Some((key, after)) = rest.split_once("='") {
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (_, '|') => match chars.next().unwrap().1 {
                        'n' => value.push('\n'),
                        'r' => value.push('\r'),
                        '0' => value.extend(chars.by_ref().take(5).map(|(_, c)| c)),
                        c => value.push(c),
                    },
                    (at, '\'') => break at,
                    (_, c) => {
                        assert!(c != '[' && c != ']', "{line}");
                        value.push(c);
                    }
                }
            };
            values.insert(key.trim_start().to_owned(), value);
            rest = &after[end + 1..];
        }
        assert_eq!(rest, "");
        (name.to_owned(), values)
    };
    text.lines().map(read).collect()
}

fn teamcity_counts(run: &Run) -> Counts {
    // The last attempt at a test counts.
    let mut tests: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    let mut open = BTreeMap::new();
    for (name, values) in messages(&displayed(TerminalFormat::Teamcity, run)) {
        let test = || values["name"].clone();
        match &*name {
            "testStarted" => drop(open.insert(values["flowId"].clone(), Outcome::Passed)),
            "testIgnored" if !open.contains_key(&values["flowId"]) => {
                tests.entry(test()).or_default().push(Outcome::Skipped);
            }
            "testIgnored" => drop(open.insert(values["flowId"].clone(), Outcome::Skipped)),
            "testFailed" => {
                let is_broken = values["details"].contains("neither passed nor failed");
                let outcome = if is_broken { Outcome::Broken } else { Outcome::Failed };
                assert!(open.insert(values["flowId"].clone(), outcome).is_some());
            }
            "testFinished" => tests.entry(test()).or_default().push(open.remove(&values["flowId"]).unwrap()),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let mut counts = Counts::default();
    for attempts in tests.values() {
        match attempts.last().unwrap() {
            Outcome::Passed => {
                counts.passed += 1;
                counts.flaky += usize::from(attempts.len() > 1);
            }
            Outcome::Failed => counts.failed += 1,
            Outcome::Broken => counts.broken += 1,
            Outcome::Skipped => counts.skipped += 1,
        }
    }
    counts
}

#[test]
fn all_formats_count_alike() {
    let flaky_at_the_end =
        every_outcome().event(1, None, greenroom_event::EventKind::RunFinished { interrupted: true });
    for run in [every_outcome(), flaky_at_the_end, three().passes(2).passes(0).passes(1).end()] {
        let summary = RunRecord::of(&run.all()).summary;
        let expected = Counts {
            passed: summary.passed,
            flaky: summary.flaky,
            failed: summary.failed,
            broken: summary.broken,
            skipped: summary.skipped,
        };
        assert_eq!(junit_counts(&run), expected);
        assert_eq!(tap_counts(&run), expected);
        assert_eq!(teamcity_counts(&run), expected);
        let Counts { passed, flaky, failed, broken, skipped } = expected;
        let row = format!("| {passed} | {flaky} | {failed} | {broken} | {skipped} | ");
        let markdown = github::summary(&RunRecord::of(&run.all()), 900 << 10);
        assert!(markdown.contains(&row), "{markdown}");
    }
}

#[test]
fn a_recording_that_is_cut_short_gives_complete_reports() {
    let all = every_outcome().events.len();
    for count in 0..all {
        let mut run = every_outcome();
        run.events.truncate(count);
        let record = RunRecord::of(&run.all());
        let junit = Report::deserialize_from_str(&written("junit", &run)).unwrap();
        assert_eq!(junit.tests, 5);
        assert_eq!(junit_counts(&run).failed, record.summary.failed);
        assert_eq!(tap_points(&displayed(TerminalFormat::Tap, &run)).len(), 5);
        assert!(displayed(TerminalFormat::Tap, &run).ends_with("\nBail out! the run did not end\n"));
        let teamcity = teamcity_counts(&run);
        assert_eq!(teamcity.passed, record.summary.passed, "{count}");
        assert!(github::summary(&record, 900 << 10).contains("did not end"));
        assert!(displayed(TerminalFormat::Github, &run).starts_with("::stop-commands::token\n"));
    }
}

/// Texts that mean something in a format or break it.
const HOSTILE: &[&str] = &[
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\0 \u{10ff80}\u{10ffff}\u{fffe}\u{202e}",
    "]]> <![CDATA[ </script> </failure> &amp; &#0; <!-- \" ' --",
    "##teamcity[testFinished name='x'] |n | [ ]",
    "::error::x\n::set-output name=a::b\n::stop-commands::token\n::token::\n##[error]x",
    "ok 1 - x\nnot ok 2\nBail out!\n1..0 # SKIP\n  ---\n  ...\nTAP version 14\n# Subtest: x",
    "````\n```\n</details> | a | b |\n<script>alert(1)</script> [x](javascript:1) \\",
    "\r\n\ta\u{2028}b\u{85}c\u{0b}\u{0c}é 日本 👩\u{200d}💻",
];

/// A run in which everything that is not greenroom's own text is hostile.
fn hostile(text: &str) -> Run {
    let command = |stream| Output::from_bytes(OutputSource::Command { stream }, text.as_bytes(), 3);
    let comparison =
        Comparison { what: text.to_owned(), ..*compared("x", Relation::Is, text, "other").comparison.unwrap() };
    let failure = Failure {
        message: text.to_owned(),
        comparison: Some(Box::new(comparison)),
        notes: vec![text.to_owned()],
        help: vec![text.to_owned()],
        output: vec![command(Stream::Stdout), command(Stream::Stderr)],
        ..Failure::default()
    };
    let mut web = daemon(text, text, exited(1, 2));
    web.output.push(logged(text, Stream::Stderr, text, 0));
    let finished = ScenarioFinished { daemons: vec![web], kept: Some(text.to_owned()), ..over(Outcome::Failed, 45) };
    let steps: &[&str] = &[text, text];
    let mut run = Run::of(&[(text, steps), (text, steps), ("It is flaky", steps)]);
    let outline = Arc::make_mut(&mut run.started.outline);
    let document = &mut outline.documents[0];
    (document.path, document.title) = (text.to_owned(), text.to_owned());
    for scenario in &mut outline.scenarios {
        scenario.labels.push(text.to_owned());
        scenario.location.file = text.into();
        for step in &mut scenario.steps {
            step.location.file = text.into();
        }
    }
    run.started.origin = Some(Origin {
        started: text.to_owned(),
        machine: Machine { host: text.to_owned(), system: text.to_owned(), cores: 1 },
        command: vec![text.to_owned()],
        rerun_options: vec![text.to_owned()],
        directory: Some(text.to_owned()),
        ..Origin::default()
    });
    run.begin(0)
        .step(0, 0, 2)
        .step_fails(0, 1, 40, failure.clone())
        .finish(0, finished)
        .finish(1, ScenarioFinished { failure: Some(failure.clone()), ..over(Outcome::Skipped, 0) })
        .begin(2)
        .step_fails(2, 0, 1, failure)
        .finish(2, over(Outcome::Failed, 3))
        .retried(2)
        .passes(2)
        .second_attempt(2)
        .end()
}

/// Returns whether a text has a character that a terminal or XML must not get.
fn has_control(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && !"\n\t".contains(c)) || ('\u{202a}'..='\u{202e}').contains(&c))
}

fn cases(report: &Report) -> Vec<&TestCase> {
    report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect()
}

#[test]
fn hostile_text_breaks_no_format() {
    let long = "x".repeat(2000);
    let all = HOSTILE.concat();
    for text in HOSTILE.iter().copied().chain([&*long, &*all]) {
        let run = hostile(text);

        let junit = written("junit", &run);
        assert!(!has_control(&junit), "{junit:?}");
        let report = Report::deserialize_from_str(&junit).unwrap();
        assert_eq!(cases(&report).len(), 3);
        assert_eq!(junit_counts(&run), Counts { passed: 1, flaky: 1, failed: 1, broken: 0, skipped: 1 });

        let tap = displayed(TerminalFormat::Tap, &run);
        assert!(!has_control(&tap));
        let points = tap_points(&tap);
        assert_eq!(points.iter().map(|point| point.is_ok).collect::<Vec<_>>(), [false, true, true]);
        assert!(!points[0].description.is_empty());
        assert!(tap.lines().filter(|line| !line.starts_with(' ')).count() == 4, "{tap}");

        assert_eq!(teamcity_counts(&run), junit_counts(&run));

        let shown = displayed(TerminalFormat::Github, &run);
        assert!(!has_control(&shown));
        let (human, annotations) = shown.split_once("\n::token::\n").unwrap();
        assert!(human.starts_with("::stop-commands::token\n"));
        let kinds: Vec<&str> = annotations.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(kinds, ["::error", "::warning"], "{annotations}");
        let message = |line: &str| line.rsplit_once("::").map_or(0, |(_, message)| message.len());
        assert!(annotations.lines().all(|line| message(line) < 16_000));

        let markdown = github::summary(&RunRecord::of(&run.all()), 900 << 10);
        assert!(!has_control(&markdown));
        assert!(!markdown.contains("<script") || markdown.contains("text\n"), "{markdown}");
        assert_eq!(markdown.matches("<details>").count(), 1);
        // The runs of back ticks in the text are shorter than the fence.
        let fence = markdown.lines().find(|line| line.starts_with("```")).unwrap().strip_suffix("text").unwrap();
        assert_eq!(markdown.lines().filter(|line| line.starts_with(fence)).count(), 2, "{markdown}");

        let events = displayed(TerminalFormat::Json, &run);
        let read = greenroom_event::recording::read(events.as_bytes()).unwrap();
        assert_eq!(read, run.all());
    }
}

#[test]
fn a_line_of_a_mebibyte_breaks_no_format() {
    let output = Output::from_bytes(OutputSource::Command { stream: Stream::Stdout }, &b"<".repeat(1 << 20), 0);
    let run = three().begin(0).step_fails(0, 0, 1, because("no").output(output)).finish(0, over(Outcome::Failed, 2));
    let run = run.passes(1).passes(2).end();
    let report = Report::deserialize_from_str(&written("junit", &run)).unwrap();
    assert_eq!(cases(&report)[0].system_out.as_ref().unwrap().as_str().matches('<').count(), 1 << 20);
    assert_eq!(tap_counts(&run).failed, 1);
    assert_eq!(teamcity_counts(&run).failed, 1);
    assert!(displayed(TerminalFormat::Github, &run).len() < 100_000);
    assert!(github::summary(&RunRecord::of(&run.all()), 900 << 10).len() < 100_000);
}

#[test]
fn a_case_has_a_mebibyte_of_output_at_most() {
    let line = format!("{}\n", "x".repeat(99));
    let mut web = daemon("web", "web", exited(1, 2));
    for stream in Stream::BOTH {
        web.output.push(logged("web", stream, &line.repeat(30_000), 5));
    }
    let finished = ScenarioFinished { daemons: vec![web], ..over(Outcome::Failed, 45) };
    let run = three().begin(0).finish(0, finished).end();
    let report = Report::deserialize_from_str(&written("junit", &run)).unwrap();
    let case = &cases(&report)[0];
    for text in [&case.system_out, &case.system_err] {
        let text = text.as_ref().unwrap().as_str();
        assert!((500_000..530_000).contains(&text.len()), "{}", text.len());
        assert!(text.contains("\n... 2.5 MB before\n") && text.ends_with(line.trim_end()), "{}", &text[..200]);
    }
}

#[test]
fn github_gets_ten_annotations_of_a_kind_and_a_summary_that_it_shows() {
    let titles: Vec<String> = (0..400).map(|number| format!("Scenario {number}")).collect();
    let scenarios: Vec<(&str, &[&str])> = titles.iter().map(|title| (&**title, &["then it works"][..])).collect();
    let output = Output::from_bytes(OutputSource::Command { stream: Stream::Stdout }, &[b'x', b'\n'].repeat(2000), 0);
    let mut run = Run::of(&scenarios);
    for scenario in 0..400 {
        let failure = because("no").output(output.clone());
        run = run.begin(scenario).step_fails(scenario, 0, 1, failure).finish(scenario, over(Outcome::Failed, 2));
    }
    let run = run.end();
    let shown = displayed(TerminalFormat::Github, &run);
    let (_, annotations) = shown.split_once("\n::token::\n").unwrap();
    assert_eq!(annotations.lines().count(), 10);
    let last = annotations.lines().last().unwrap();
    assert_eq!(last, "::error title=greenroom::391 more failures; the log and the summary of the job have all of them");
    let record = RunRecord::of(&run.all());
    for budget in [0, 100, 10_000, 200_000, 900 << 10] {
        let markdown = github::summary(&record, budget);
        assert!(markdown.len() <= budget);
        assert!(budget != 200_000 || markdown.ends_with("The log has all of them.\n"), "{markdown}");
    }
}

#[test]
fn names_are_unique_and_stable() {
    let mut run = Run::of(&[("Same", &["then a"]), ("Same", &["then a"]), ("Other", &["then a"])]);
    Arc::make_mut(&mut run.started.outline).scenarios[2].repetition = Some(2);
    let run = run.begin(2).finish(2, over(Outcome::Passed, 2)).end();
    let report = Report::deserialize_from_str(&written("junit", &run)).unwrap();
    let names: Vec<&str> = cases(&report).iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["Same", "Same (2)", "Other (repetition 2)"]);
}
