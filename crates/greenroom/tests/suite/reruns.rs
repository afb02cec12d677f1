//! What greenroom remembers of earlier runs: reruns of what failed, and the slowest first.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, document};

/// Creates a document with these scenarios: each a title and a command.
fn text(scenarios: &[(&str, &str)]) -> String {
    let scenario = |(title, command): &(&str, &str)| format!("# {title}\n~~~scenario\nwhen I run {command}\n~~~\n\n");
    document(&scenarios.iter().map(scenario).collect::<String>())
}

/// Creates a project with one document, `x.md`.
fn project(scenarios: &[(&str, &str)]) -> Project {
    Project::anywhere().file("x.md", text(scenarios))
}

/// Returns which scenarios `--rerun failed` runs, without changing what is recorded.
fn outstanding(project: &Project, more: &[&str]) -> Vec<String> {
    let arguments = [&["run", "-v", "--rerun", "failed", "--no-record", "x.md"], more].concat();
    let ran = project.run(arguments);
    let lines = ran.stdout.lines().filter(|line| ["PASS", "FAIL"].iter().any(|word| line.starts_with(word)));
    lines.filter_map(|line| Some(line.split_once("[TIME]  ")?.1.to_owned())).collect()
}

/// Returns the only file with a record.
fn record(project: &Project) -> PathBuf {
    let entries = fs::read_dir(project.state().join("greenroom/documents")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    let files: Vec<PathBuf> = files.collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_rerun_runs_what_failed_until_all_have_passed() {
    let project = project(&[("Good", "true"), ("Bad", "false"), ("Worse", "false")]);
    project.run(["run", "-q", "x.md"]).code(1);
    project.run(["run", "--rerun", "failed", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

FAIL [TIME]  Bad
  in x.md:12, scenario at x.md:10

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run x.md --name Bad

FAIL [TIME]  Worse
  in x.md:17, scenario at x.md:15

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run x.md --name Worse

FAILED: 2 of 2 scenarios failed, 1 passed earlier, [TIME]
  failed  x.md:10  Bad
  failed  x.md:15  Worse

"#]]);
    let project = project.file("x.md", text(&[("Good", "true"), ("Bad", "true"), ("Worse", "false")]));
    project.run(["run", "--rerun", "failed", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, up to 256 at a time

PASS [TIME]  Bad

FAIL [TIME]  Worse
  in x.md:17, scenario at x.md:15

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run x.md --name Worse

FAILED: 1 of 2 scenarios failed, 1 passed, 1 passed earlier, [TIME]
  failed  x.md:15  Worse

"#]]);
    let project = project.file("x.md", text(&[("Good", "true"), ("Bad", "true"), ("Worse", "true")]));
    project.run(["run", "--rerun", "failed", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Worse

1 scenario passed, 1 step, [TIME] (2 passed earlier)

"#]]);
    project.run(["run", "--rerun", "failed", "--events", "run.jsonl", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

nothing left to rerun: all 3 scenarios passed in the last run

"#]]);
    project.run(["report", "run.jsonl"]).passes().stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

nothing left to rerun: all 3 scenarios passed in the last run

"#]]);
    project.run(["run", "--rerun", "failed", "-n", "good", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

nothing left to rerun: the selected scenario passed in the last run

"#]]);
}

#[test]
fn a_rerun_without_records_runs_everything() {
    let project = project(&[("One", "true"), ("Two", "true")]);
    assert_eq!(outstanding(&project, &[]), ["One", "Two"]);
}

#[test]
fn a_rerun_with_a_filter_does_not_forget_the_others() {
    let project = project(&[("Good", "true"), ("Bad", "false"), ("Worse", "false")]);
    project.run(["run", "-q", "x.md"]).code(1);
    let ran = project.run(["run", "--rerun", "failed", "-q", "x.md", "-n", "bad"]).code(1);
    assert_eq!(ran.stderr, "greenroom: 1 more scenario has not passed yet, but is not selected\n");
    let ran = project.run(["run", "--rerun", "failed", "x.md", "-n", "good"]).code(0).stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

nothing left to rerun: the selected scenario passed in the last run

"#]]);
    assert_eq!(ran.stderr, "greenroom: 2 more scenarios have not passed yet, but are not selected\n");
    assert_eq!(outstanding(&project, &[]), ["Bad", "Worse"]);
    // A run that is not a rerun keeps the others too.
    project.run(["run", "-q", "x.md", "-n", "good"]).code(0);
    assert_eq!(outstanding(&project, &[]), ["Bad", "Worse"]);
}

#[test]
fn edited_new_and_renamed_scenarios_run_again_and_vanished_ones_are_forgotten() {
    let steps = "given file a.txt\nwhen I run cat a.txt";
    let with = |steps: &str, file: &str| {
        document(&format!(
            "# Same\n~~~scenario\nwhen I run true\n~~~\n\n# Edited\n~~~scenario\n{steps}\n~~~\n\n\
             ~~~{{#a.txt .file}}\n{file}\n~~~\n"
        ))
    };
    let project = Project::anywhere().file("x.md", with(steps, "one"));
    project.run(["run", "-q", "x.md"]).code(0);
    assert_eq!(outstanding(&project, &[]), [""; 0]);
    let project = project.file("x.md", with(steps, "two"));
    assert_eq!(outstanding(&project, &[]), ["Edited"]);
    let project = project.file("x.md", with("given file a.txt\nwhen I run cat ./a.txt", "one"));
    assert_eq!(outstanding(&project, &[]), ["Edited"]);
    let project = project.file("x.md", with(steps, "one").replace("# Same", "# Renamed"));
    assert_eq!(outstanding(&project, &[]), ["Renamed"]);
    project.run(["run", "-q", "x.md"]).code(0);
    assert!(!fs::read_to_string(record(&project)).unwrap().contains("Same"));
    // It is as if it had never run.
    let project = project.file("x.md", with(steps, "one"));
    assert_eq!(outstanding(&project, &[]), ["Same"]);
}

#[test]
fn a_changed_binding_changes_its_scenarios() {
    let bindings = "- when: I brew {cups}\n  impl: {python: {function: brew}}\n";
    let head = "---\ntitle: T\nbindings: [own.yaml]\nimpls: {python: [own.py]}\n...\n";
    let project = Project::anywhere()
        .file("x.md", format!("{head}# Tea\n~~~scenario\nwhen I brew 2\n~~~\n"))
        .file("own.yaml", bindings)
        .file("own.py", "def brew(ctx, cups):\n    pass\n");
    project.run(["run", "-q", "x.md"]).code(0);
    assert_eq!(outstanding(&project, &[]), [""; 0]);
    let project = project.file("own.yaml", bindings.replace("{cups}", "{cups:int}"));
    assert_eq!(outstanding(&project, &[]), ["Tea"]);
}

#[test]
fn what_a_scenario_depends_on_in_its_document_changes_it() {
    let with = |limit: &str, kind: &str| {
        format!(
            "---\ntitle: T\nbindings: [lib/runcmd.yaml, lib/json.yaml]\nstep_timeout: {limit}\n---\n# Order\n\
             ~~~scenario\nwhen I run echo '{{\"item\": {{\"count\": 1}}}}'\n\
             then stdout JSON conforms to schema order.json\n~~~\n\
             ~~~{{#order.json .file}}\n{{\"properties\": {{\"item\": {{\"$ref\": \"item.json\"}}}}}}\n~~~\n\
             ~~~{{#item.json .file}}\n{{\"properties\": {{\"count\": {{\"type\": \"{kind}\"}}}}}}\n~~~\n"
        )
    };
    let project = Project::anywhere().file("x.md", with("20s", "integer"));
    project.run(["run", "-q", "x.md"]).code(0);
    assert_eq!(outstanding(&project, &[]), [""; 0]);
    // A file that an embedded file names.
    let project = project.file("x.md", with("20s", "string"));
    assert_eq!(outstanding(&project, &[]), ["Order"]);
    // Metadata that the scenario runs by, and metadata that only readers see.
    let project = project.file("x.md", with("10s", "integer"));
    assert_eq!(outstanding(&project, &[]), ["Order"]);
    let project = project.file("x.md", with("20s", "integer").replace("title: T", "title: Orders\nauthor: Anna"));
    assert_eq!(outstanding(&project, &[]), [""; 0]);
}

#[test]
fn scenarios_that_did_not_start_run_again() {
    let project = project(&[("One", "true"), ("Two", "true"), ("Three", "true")]);
    project.run(["run", "-q", "x.md"]).code(0);
    let project = project.file("x.md", text(&[("One", "true"), ("Two", "false"), ("Three", "true")]));
    project.run(["run", "-q", "-j1", "--fail-fast", "x.md"]).code(1);
    assert_eq!(outstanding(&project, &[]), ["Two", "Three"]);
}

#[test]
fn scenarios_of_a_killed_run_run_again() {
    let program = "#!/bin/sh\necho up >\"$(dirname \"$0\")/fifo\"\nexec sleep 1000\n";
    let steps = "# Good\n~~~scenario\nwhen I run true\n~~~\n\n\
                 # Hangs\n~~~scenario\ngiven srcdir is in the PATH\nwhen I run blocks\n~~~\n";
    let project = Project::anywhere().file("x.md", document(steps)).program("blocks", program).fifo("fifo");
    project.run(["run", "-q", "x.md", "-n", "good"]).code(0);
    let started = project.start(["run", "-j1", "x.md"]);
    Fifo::open(project.path("fifo")).line();
    started.signal(Signal::KILL).finish().killed_by(Signal::KILL);
    project.nothing_is_left();
    let ran = project.run(["run", "--rerun", "failed", "--no-record", "-n", "good", "x.md"]).code(0);
    assert!(ran.stdout.contains("PASS [TIME]  Good\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "greenroom: 1 more scenario has not passed yet, but is not selected\n");
}

#[test]
fn a_run_that_is_not_recorded_changes_nothing() {
    let project = project(&[("One", "true")]);
    project.run(["run", "--no-record", "x.md"]).passes();
    assert!(!project.state().exists());
    project.run(["run", "x.md"]).passes();
    let before = fs::read(record(&project)).unwrap();
    let project = project.file("x.md", text(&[("One", "false")]));
    project.run(["run", "--no-record", "x.md"]).code(1);
    assert_eq!(fs::read(record(&project)).unwrap(), before);
}

#[test]
fn a_flaky_scenario_has_passed_and_all_repetitions_must_pass() {
    // Fails whenever its number of calls is odd.
    let program = "#!/bin/sh\ncalls=$(dirname \"$0\")/calls\necho >>\"$calls\"\n\
                   [ $(($(wc -l <\"$calls\") % 2)) -eq 0 ]\n";
    let steps = "# Shaky\n~~~scenario\ngiven srcdir is in the PATH\nwhen I run every-other-time\n~~~\n";
    let project = Project::anywhere().file("x.md", document(steps)).program("every-other-time", program);
    project.run(["run", "-q", "--retries", "1", "x.md"]).code(0);
    project.run(["run", "--rerun", "failed", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

nothing left to rerun: the only scenario passed in the last run

"#]]);
    project.run(["run", "-q", "-j1", "--repeat", "2", "x.md"]).code(1);
    project.run(["run", "-q", "--rerun", "failed", "--retries", "1", "--flaky", "fail", "x.md"]).code(1);
    project.run(["run", "-q", "--rerun", "failed", "--retries", "1", "x.md"]).code(0);
}

#[test]
fn the_state_directory_is_below_the_home_directory_by_default() {
    for state in ["", "not/absolute"] {
        let project = project(&[("One", "true")]).env("XDG_STATE_HOME", state);
        let project = project.directory("home");
        let home = project.path("home");
        let project = project.env("HOME", &home);
        project.run(["run", "x.md"]).passes();
        assert!(home.join(".local/state/greenroom/documents").is_dir());
    }
}

#[test]
fn without_a_home_nothing_is_recorded() {
    let project = project(&[("One", "true")]).env("XDG_STATE_HOME", "");
    project.run(["run", "x.md"]).passes();
    project.run(["run", "--rerun", "failed", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: there are no records of earlier runs: neither XDG_STATE_HOME nor HOME is an absolute path

"#]]);
}

#[test]
fn records_that_cannot_be_used_are_set_aside() {
    let project = project(&[("One", "true")]);
    for (text, reason) in [
        (&b"{\"version\": 1, \"docu"[..], "it is damaged: EOF while parsing a string at line 1 column 20"),
        (b"", "it is damaged: EOF while parsing a value at line 1 column 0"),
        (b"\xff\xff", "it is damaged: expected value at line 1 column 1"),
        (b"[]", "it is damaged: invalid length 0, expected struct Version with 1 element at line 1 column 2"),
        (b"{\"version\": 2, \"more\": 3}", "it was written by a newer greenroom"),
    ] {
        project.run(["run", "x.md"]).code(0);
        let file = record(&project);
        fs::write(&file, text).unwrap();
        let name = file.display().to_string().replace(project.state().to_str().unwrap(), "[STATE]");
        let ran = project.run(["run", "x.md"]).code(0);
        let expected = format!(
            "greenroom: warning: the record of earlier runs of [PROJECT]/x.md cannot be used: {name}: {reason}\n  \
             note: it is now {name}.unusable, and a new one begins\n"
        );
        assert_eq!(ran.stderr, expected);
        assert_eq!(fs::read(file.with_extension("json.unusable")).unwrap(), text);
        project.run(["run", "--rerun", "failed", "x.md"]).passes();
    }
}

#[test]
fn a_record_that_is_not_a_file_does_not_hang_the_run() {
    let project = project(&[("One", "true")]);
    project.run(["run", "x.md"]).passes();
    let file = record(&project);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let ran = project.run(["run", "x.md"]).code(0);
    assert!(ran.stderr.contains(": it is not a regular file\n"), "{}", ran.stderr);
}

#[test]
fn a_run_that_cannot_be_recorded_is_a_warning() {
    let project = project(&[("One", "true")]);
    fs::write(project.state(), "").unwrap();
    project.run(["run", "x.md"]).code(0).stderr(str![[r#"
greenroom: warning: this run is not recorded: cannot write [STATE]/greenroom/documents/lock: Not a directory (os error 20)
  help: `--no-record` runs without records

"#]]);
}

#[test]
fn a_lock_that_another_run_holds_is_a_warning_after_a_second() {
    let project = project(&[("One", "true")]);
    project.run(["run", "x.md"]).passes();
    let lock = OpenOptions::new().append(true).open(project.state().join("greenroom/documents/lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    project.run(["run", "x.md"]).code(0).stderr(str![[r#"
greenroom: warning: this run is not recorded: another greenroom has held the lock [STATE]/greenroom/documents/lock for 1 s
  help: `--no-record` runs without records

"#]]);
    flock(&lock, FlockOperation::Unlock).unwrap();
    project.run(["run", "x.md"]).passes();
}

#[test]
fn runs_at_the_same_time_record_all_their_scenarios() {
    let titles: Vec<String> = (0..8).map(|number| format!("Number {number}")).collect();
    let scenarios: Vec<(&str, &str)> = titles.iter().map(|title| (title.as_str(), "true")).collect();
    let project = project(&scenarios);
    let started: Vec<_> = titles.iter().map(|title| project.start(["run", "x.md", "-n", title])).collect();
    for run in started {
        run.finish().passes();
    }
    project.run(["run", "--rerun", "failed", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 0 scenarios in x.md

nothing left to rerun: all 8 scenarios passed in the last run

"#]]);
}

#[test]
fn the_slowest_start_first_when_scenarios_compete() {
    let record = "# {title}\n~~~scenario\ngiven srcdir is in the PATH\nwhen I run note {title} {seconds}\n~~~\n\n";
    let scenario = |(title, seconds)| record.replace("{title}", title).replace("{seconds}", seconds);
    let scenarios = [("fast", "0"), ("slow", "0.3"), ("medium", "0.15"), ("fastest", "0")].map(scenario).concat();
    let note = "#!/bin/sh\necho $1 >>\"$(dirname \"$0\")/order\"\nexec sleep $2\n";
    let project = Project::anywhere().file("x.md", document(&scenarios)).program("note", note);
    let Some(project) = Some(project).filter(|_| Project::sealed().is_some()) else { return };
    let order = |arguments: &[&str]| {
        let _ = fs::remove_file(project.path("order"));
        project.run([&["run", "-v", "x.md"], arguments].concat()).passes();
        fs::read_to_string(project.path("order")).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    order(&["-j1"]);
    // The first two start together, so their order is not certain.
    let mut first: Vec<String> = order(&["-j2"]).into_iter().take(2).collect();
    first.sort();
    assert_eq!(first, ["medium", "slow"]);
    // With one place it does not matter, and the order is that of the document.
    assert_eq!(order(&["-j1"]), ["fast", "slow", "medium", "fastest"]);
}
