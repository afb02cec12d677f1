//! `greenroom report` with several recordings: the partitions of a run, reruns, and what is missing.

use std::fs;

use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, Ran, document, scenario};

/// Eight scenarios, two of which fail, in two documents.
fn project() -> Project {
    let block = |title: &str, step: &str| format!("# {title}\n~~~scenario\nwhen I run {step}\n~~~\n\n");
    let tea = ["Assam", "Bancha", "Ceylon", "Darjeeling", "Earl Grey"].map(|title| block(title, "echo tea"));
    let coffee =
        block("Filter", "true") + &block("Espresso", "sh -c 'echo cold >&2; exit 3'") + &block("Ristretto", "false");
    Project::anywhere().file("tea.md", document(&tea.concat())).file("coffee.md", document(&coffee))
}

/// Runs the parts of a partition, each recorded in `N.jsonl`.
fn run_parts(project: &Project, kind: &str, total: usize) -> Vec<String> {
    let run = |index: usize| {
        let (file, partition) = (format!("{index}.jsonl"), format!("{kind}:{index}/{total}"));
        let options = ["run", "-q", "-j1", "--partition", &partition, "--events", &file];
        let ran = project.run(options.into_iter().chain(["coffee.md", "tea.md"]));
        assert!([Some(0), Some(1)].contains(&ran.status.code()), "{}", ran.stderr);
        file
    };
    (1..=total).map(run).collect()
}

fn report<A: AsRef<str>>(project: &Project, arguments: &[A]) -> Ran {
    project.run(["report"].into_iter().chain(arguments.iter().map(AsRef::as_ref)))
}

/// Returns a JUnit report without times, and without the command line and the machine.
fn junit(project: &Project, file: &str) -> String {
    let text = fs::read_to_string(project.path(file)).unwrap();
    let of_machine = |line: &&str| !line.contains("greenroom.command") && !line.contains("greenroom.machine");
    let without_times = |line: &str| {
        // Steps have their times in a column.
        if let ["ok" | "FAILED", _, _, step @ ..] = &line.split_whitespace().collect::<Vec<_>>()[..] {
            return step.join(" ") + "\n";
        }
        let words = line.split(' ').map(|word| match word.split_once("=\"") {
            Some((name @ ("time" | "timestamp"), rest)) => format!("{name}=\"\"{}", rest.split_once('"').unwrap().1),
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ") + "\n"
    };
    text.lines().filter(of_machine).map(without_times).collect()
}

#[test]
fn merged_partitions_equal_the_whole() {
    let project = project();
    let arguments = ["run", "-v", "-j1", "--events", "whole.jsonl", "--junit", "whole.xml", "coffee.md", "tea.md"];
    let whole = project.run(arguments).code(1).stderr("");
    for kind in ["hash", "count"] {
        let parts = run_parts(&project, kind, 4);
        let arguments = [&["-v", "--junit", "merged.xml"].map(str::to_owned)[..], &parts].concat();
        let merged = report(&project, &arguments).code(1).stderr("").stdout;
        // All but the machines.
        let lines = merged.lines().filter(|line| !line.starts_with("merged from") && !line.contains(".jsonl, "));
        let same: String = lines.map(|line| format!("{line}\n")).collect();
        crate::support::same(&same, snapbox::Data::text(whole.stdout.clone()));
        crate::support::same(&junit(&project, "merged.xml"), snapbox::Data::text(junit(&project, "whole.xml")));
    }
}

/// Returns the text of a page without times, and without what describes command line and machines.
fn page_text(project: &Project, file: &str) -> String {
    let text = fs::read_to_string(project.path(file)).unwrap();
    let (text, _) = text.split_once("<script").unwrap();
    let (_, text) = text.split_once("<body").unwrap();
    let words = text.split('<').filter_map(|part| part.split_once('>')).flat_map(|(_, words)| words.lines());
    let mut shown = words.map(str::trim).filter(|line| !line.is_empty()).peekable();
    let mut lines = Vec::new();
    while let Some(line) = shown.next() {
        match line {
            "command" | "time" => drop(shown.next()),
            "when" => drop(shown.next_if(|line| line.ends_with(" UTC"))),
            "runs" => while shown.next_if(|line| line.contains(".jsonl, partition")).is_some() {},
            _ => lines.push(without_times(line)),
        }
    }
    lines.join("\n")
}

/// Removes the numbers and units of `12 ms` and `1.2 s`.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_number = |at: usize| words[at].parse::<f64>().is_ok();
    let is_unit = |at: usize| ["ms", "s", "min"].contains(&words[at].trim_end_matches([',', ';', ')']));
    let is_time = |at: usize| {
        is_number(at) && at + 1 < words.len() && is_unit(at + 1) || at > 0 && is_unit(at) && is_number(at - 1)
    };
    let left = words.iter().enumerate().filter(|(at, _)| !is_time(*at)).map(|(_, word)| *word);
    left.collect::<Vec<_>>().join(" ")
}

#[test]
fn merged_partitions_make_the_pages_of_the_whole() {
    let project = project();
    project.run(["run", "-q", "-j1", "--html", "whole", "coffee.md", "tea.md"]).code(1);
    let parts = run_parts(&project, "count", 4);
    report(&project, &[&["--html", "merged"].map(str::to_owned)[..], &parts].concat()).code(1).stderr("");
    for page in ["index.html", "coffee.html", "tea.html"] {
        let [whole, merged] = ["whole", "merged"].map(|directory| page_text(&project, &format!("{directory}/{page}")));
        assert!(page != "coffee.html" || whole.contains("command failed with exit status 1: false"), "{whole}");
        crate::support::same(&merged, snapbox::Data::text(whole));
    }
}

#[test]
fn the_order_of_the_recordings_does_not_matter() {
    let project = project();
    let mut parts = run_parts(&project, "count", 3);
    let merged = report(&project, &parts).code(1).stderr("").stdout;
    parts.reverse();
    assert_eq!(report(&project, &parts).code(1).stderr("").stdout, merged);
    crate::support::same(
        &report(&project, &parts).stdout,
        str![[r#"
greenroom [VERSION]: 8 scenarios in coffee.md and tea.md, one at a time
merged from 3 runs on 1 machine, running for [TIME] in total

PASS [TIME]  Filter

FAIL [TIME]  Espresso
  in coffee.md:12, scenario at coffee.md:10

    FAILED [TIME]  when I run sh -c 'echo cold >&2; exit 3'

  command failed with exit status 3: sh -c 'echo cold >&2; exit 3'
  stderr of the command:
    │ cold

  rerun: greenroom run coffee.md --name Espresso

FAIL [TIME]  Ristretto
  in coffee.md:17, scenario at coffee.md:15

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run coffee.md --name Ristretto

PASS [TIME]  Assam
PASS [TIME]  Bancha
PASS [TIME]  Ceylon
PASS [TIME]  Darjeeling
PASS [TIME]  Earl Grey

FAILED: 2 of 8 scenarios failed, 6 passed, [TIME]
  failed  coffee.md:10  Espresso
  failed  coffee.md:15  Ristretto

"#]],
    );
}

#[test]
fn a_partition_that_is_missing_is_named() {
    let project = project();
    run_parts(&project, "count", 4);
    report(&project, &["-q", "1.jsonl", "4.jsonl"])
        .code(2)
        .stdout(str![[r#"
FAIL [TIME]  Espresso
  in coffee.md:12, scenario at coffee.md:10

    FAILED [TIME]  when I run sh -c 'echo cold >&2; exit 3'

  command failed with exit status 3: sh -c 'echo cold >&2; exit 3'
  stderr of the command:
    │ cold

  rerun: greenroom run coffee.md --name Espresso

FAILED: 1 of 4 scenarios failed, 3 passed, [TIME]
  failed  coffee.md:10  Espresso

"#]])
        .stderr(str![[r#"
greenroom: partitions count 2/4 to 3/4 are missing; given: 1.jsonl and 4.jsonl
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
    report(&project, &["-q", "--allow-missing", "1.jsonl", "4.jsonl"]).code(1).stderr(str![[r#"
greenroom: partitions count 2/4 to 3/4 are missing; given: 1.jsonl and 4.jsonl

"#]]);
    // One alone may be all that a build has kept.
    report(&project, &["-q", "2.jsonl"])
        .code(2)
        .stdout(str![[r#"
2 scenarios passed, 2 steps, [TIME]

"#]])
        .stderr(str![[r#"
greenroom: partitions count 1/4 and 3/4 to 4/4 are missing; given: 2.jsonl
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
}

#[test]
fn partitions_that_do_not_belong_together_are_named() {
    let project = project();
    run_parts(&project, "count", 2);
    project.run(["run", "-q", "--partition", "count:2/2", "--events", "again.jsonl", "coffee.md", "tea.md"]).passes();
    report(&project, &["-q", "1.jsonl", "2.jsonl", "again.jsonl"]).code(2).stderr(str![[r#"
greenroom: partition count 2/2 is given more than once: 2.jsonl and again.jsonl
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
    project.run(["run", "-q", "--partition", "count:2/2", "--events", "other.jsonl", "tea.md"]).passes();
    report(&project, &["-q", "1.jsonl", "other.jsonl"]).code(2).stderr(str![[r#"
greenroom: the partitions are of different lists of scenarios: 2 partitions by count of 5 scenarios (other.jsonl); 2 partitions by count of 8 scenarios (1.jsonl)
greenroom: partition count 1/2 is missing; given: other.jsonl
greenroom: partition count 2/2 is missing; given: 1.jsonl
greenroom: "Bancha" and 1 more scenario are in several runs without --rerun failed: 1.jsonl and other.jsonl
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
    report(&project, &["-q", "1.jsonl", "2.jsonl", "2.jsonl"]).code(2).stderr(str![[r#"
greenroom: recordings of the same run: 2.jsonl and 2.jsonl
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
    let text = fs::read_to_string(project.path("2.jsonl")).unwrap();
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let project = project.file("old.jsonl", text.replacen(&version, "\"version\":\"0.0.9\"", 1));
    report(&project, &["-q", "1.jsonl", "old.jsonl"]).code(2).stderr(str![[r#"
greenroom: different versions of greenroom: 0.0.9 (old.jsonl); 0.1.0 (1.jsonl)
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
}

#[test]
fn a_document_that_changed_between_the_runs_is_named() {
    let project = project();
    project.run(["run", "-q", "--partition", "count:1/2", "--events", "1.jsonl", "tea.md"]).passes();
    let tea = fs::read_to_string(project.path("tea.md")).unwrap().replace("echo tea", "echo green tea");
    let project = project.file("tea.md", tea);
    project.run(["run", "-q", "--partition", "count:2/2", "--events", "2.jsonl", "tea.md"]).passes();
    report(&project, &["-q", "1.jsonl", "2.jsonl"]).code(2).stderr(str![[r#"
greenroom: tea.md differs between 1.jsonl and 2.jsonl; scenarios with other steps than in the latest are not counted
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
}

#[test]
fn a_scenario_of_several_runs_is_named_and_the_later_result_counts() {
    let project = project().directory("work");
    let project = project.file("x.md", scenario("when I run sh -c 'test -e \"$MARK\"'"));
    let variable = format!("MARK={}", project.path("mark").display());
    project.run(["run", "-q", "--env", &variable, "--events", "first.jsonl", "x.md"]).code(1);
    let project = project.file("mark", "");
    project.run(["run", "-q", "--env", &variable, "--events", "second.jsonl", "x.md"]).passes();
    let recordings = ["second.jsonl", "first.jsonl"];
    report(&project, &recordings)
        .code(2)
        .stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md
merged from 2 runs on 1 machine, running for [TIME] in total

RETRY [TIME]  The scenario  (attempt 1 of 2)
               failed in x.md:7: command failed with exit status 1: sh -c 'test -e "$MARK"'

FLAKY [TIME]  The scenario  (passed in attempt 2 of 2)
  attempt 1 failed in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I run sh -c 'test -e "$MARK"'

  command failed with exit status 1: sh -c 'test -e "$MARK"'

  rerun: greenroom run --env MARK=[PROJECT]/mark x.md --name 'The scenario' --retries 0 --until-failure

1 scenario passed, 1 step, [TIME] (1 flaky)
  flaky   x.md:5  The scenario

"#]])
        .stderr(str![[r#"
greenroom: "The scenario" is in several runs without --rerun failed: first.jsonl and second.jsonl
  help: `--allow-missing` lets the scenarios alone decide the exit code

"#]]);
    let accepted = report(&project, &["-q", "--allow-missing", "second.jsonl", "first.jsonl"]).code(0);
    accepted.stderr(str![[r#"
greenroom: "The scenario" is in several runs without --rerun failed: first.jsonl and second.jsonl

"#]]);
}

#[test]
fn every_recording_that_cannot_be_read_is_named() {
    let project = project().file("not.jsonl", "hello\n");
    run_parts(&project, "count", 2);
    report(&project, &["1.jsonl", "missing.jsonl", "not.jsonl"]).code(2).stdout("").stderr(str![[r#"
greenroom: missing.jsonl: cannot read the recording: No such file or directory (os error 2)
greenroom: not.jsonl: not a recording of a run: its first line is not the start of one

"#]]);
    report(&project, &["-", "-"]).code(3).stdout("").stderr(str![[r#"
greenroom: standard input (-) can be read only once

"#]]);
}

#[test]
fn a_partition_that_is_cut_short_is_named_and_its_scenarios_count_as_not_finished() {
    let project = project();
    run_parts(&project, "count", 2);
    let text = fs::read_to_string(project.path("2.jsonl")).unwrap();
    let first = text.lines().next().unwrap();
    let project = project.file("2.jsonl", format!("{first}\n"));
    report(&project, &["-q", "1.jsonl", "2.jsonl"])
        .code(130)
        .stdout(str![[r#"
FAIL [TIME]  Espresso
  in coffee.md:12, scenario at coffee.md:10

    FAILED [TIME]  when I run sh -c 'echo cold >&2; exit 3'

  command failed with exit status 3: sh -c 'echo cold >&2; exit 3'
  stderr of the command:
    │ cold

  rerun: greenroom run coffee.md --name Espresso

FAIL [TIME]  Ristretto
  in coffee.md:17, scenario at coffee.md:15

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run coffee.md --name Ristretto

INTERRUPTED: the run did not end; 2 of 8 scenarios failed, 2 passed, 4 not finished, [TIME]
  failed  coffee.md:10  Espresso
  failed  coffee.md:15  Ristretto

"#]])
        .stderr(str![[r#"
greenroom: 2.jsonl: the recording is cut short: it ends after line 1, before the end of the run

"#]]);
}

#[test]
fn a_run_that_still_goes_on_is_shown_as_such() {
    let waits = "when I run true\nwhen I run sh -c 'echo waiting > $FIFO; sleep 9999'";
    let project =
        Project::anywhere().fifo("fifo").file("x.md", scenario(waits)).file("y.md", scenario("when I run true"));
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["run", "--events", "run.jsonl", "--env", &fifo, "x.md"]);
    Fifo::open(project.path("fifo")).line();
    project.wait_for_text("run.jsonl", r#""step_started":{"step":1}"#);
    let shown = project.start(["report", "run.jsonl", "--html", "run.html"]).finish().code(130);
    let page = || fs::read_to_string(project.path("run.html")).unwrap();
    assert!(page().contains("<b>This run still goes on.</b>"));
    assert!(page().contains("data-state=\"unfinished\"") && page().contains("it was still running"));
    let ending = "\nSTILL RUNNING: 1 of 1 scenario not finished, ";
    assert!(shown.stdout.contains(ending), "{}", shown.stdout);
    assert!(
        shown.stderr.starts_with("greenroom: run.jsonl: the run still goes on; shown up to line "),
        "{}",
        shown.stderr
    );
    // A second run does not write into the same file.
    let recorded = fs::read_to_string(project.path("run.jsonl")).unwrap();
    project.start(["run", "-q", "--events", "run.jsonl", "y.md"]).finish().code(4).stderr(str![[r#"
greenroom: failed to write run.jsonl: another run is writing to it

"#]]);
    assert!(fs::read_to_string(project.path("run.jsonl")).unwrap().starts_with(&recorded));
    started.signal(Signal::INT).finish().code(130);
    let shown = report(&project, &["run.jsonl", "--html", "run.html"]).code(130).stderr("");
    assert!(page().contains("<b>This run was interrupted.</b>") && page().contains("data-state=\"skipped\""));
    assert!(shown.stdout.contains("\nINTERRUPTED: 1 of 1 scenario not finished, "), "{}", shown.stdout);
}
