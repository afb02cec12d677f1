//! `greenroom run`: selection, order, time limits and the screen.

use std::fs;
use std::io::{BufRead, BufReader};

use snapbox::str;

use crate::support::{Fifo, Project, document, names, scenario, with_programs};

const MIXED: &str = "\
# Greets
~~~scenario
when I run echo hello
then stdout contains \"hello\"
~~~

# Greets politely
~~~{.scenario label=slow label=manners}
when I run echo good morning
then stdout contains \"good evening\"
and command is successful
~~~

# Leaves
~~~{.scenario label=slow}
when I run echo bye
~~~
";

/// A project with three scenarios, of which the second fails.
fn mixed() -> Project {
    Project::anywhere().file("x.md", document(MIXED))
}

#[test]
fn passes() {
    let project = Project::anywhere();
    project
        .file("x.md", scenario("given a directory d\nwhen I run ls\nthen stdout is exactly \"d\\n\""))
        .run(["run", "x.md"])
        .passes()
        .stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  The scenario

1 scenario passed, 3 steps, [TIME]

"#]]);
}

#[test]
fn fails() {
    let project = mixed();
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, up to 256 at a time

PASS [TIME]  Greets

FAIL [TIME]  Greets politely
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run echo good morning
    FAILED [TIME]  then stdout contains "good evening"
                      1 step not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ good evening
  actual:
    │ good morning
  note: the command `echo good morning` ended with exit status 0

  rerun: greenroom run x.md --name 'Greets politely'

PASS [TIME]  Leaves

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:11  Greets politely

"#]]);
}

#[test]
fn verbose() {
    let project = mixed();
    project.run(["run", "-v", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, up to 256 at a time

PASS [TIME]  Greets
    ok [TIME]  when I run echo hello
    ok [TIME]  then stdout contains "hello"

FAIL [TIME]  Greets politely
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run echo good morning
    FAILED [TIME]  then stdout contains "good evening"
                      1 step not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ good evening
  actual:
    │ good morning
  note: the command `echo good morning` ended with exit status 0

  rerun: greenroom run x.md --name 'Greets politely'

PASS [TIME]  Leaves
    ok [TIME]  when I run echo bye

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:11  Greets politely

"#]]);
}

#[test]
fn quiet() {
    let project = mixed();
    project.run(["run", "-q", "x.md", "-n", "leaves"]).passes().stdout(str![[r#"
1 scenario passed, 1 step, [TIME] (2 left out by the filters)

"#]]);
    project.run(["run", "-q", "x.md"]).code(1).stderr("").stdout(str![[r#"
FAIL [TIME]  Greets politely
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run echo good morning
    FAILED [TIME]  then stdout contains "good evening"
                      1 step not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ good evening
  actual:
    │ good morning
  note: the command `echo good morning` ended with exit status 0

  rerun: greenroom run x.md --name 'Greets politely'

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:11  Greets politely

"#]]);
}

#[test]
fn fail_fast() {
    let project = mixed();
    project.run(["run", "--fail-fast", "-j", "1", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md, one at a time

PASS [TIME]  Greets

FAIL [TIME]  Greets politely
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run echo good morning
    FAILED [TIME]  then stdout contains "good evening"
                      1 step not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ good evening
  actual:
    │ good morning
  note: the command `echo good morning` ended with exit status 0

  rerun: greenroom run x.md --name 'Greets politely'

1 scenario not run: an earlier scenario failed (--fail-fast)
FAILED: 1 of 3 scenarios failed, 1 passed, 1 not run, [TIME]
  failed  x.md:11  Greets politely

"#]]);
}

#[test]
fn keep() {
    let project = Project::anywhere();
    let text = scenario(
        "when I run sh -c 'echo data > file; mkdir d'\nwhen I start \"echo hello\" as a background process as d\n\
            when I wait for daemon d to end\nwhen I run false",
    );
    let project = project.file("x.md", text);
    project.run(["run", "--keep", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  when I run sh -c 'echo data > file; mkdir d'
    ok [TIME]  when I start "echo hello" as a background process as d
    ok [TIME]  when I wait for daemon d to end
    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  daemon d: exited with status 0 after [TIME]
    command: echo hello
    stdout of daemon d:
      │ hello

  kept:  [RUN]/1/data
  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    let runs = names(&project.tmp());
    assert_eq!(runs.len(), 1, "{runs:?}");
    let kept = project.tmp().join(&runs[0]).join("1/data");
    assert_eq!(names(&kept), ["d", "d.stderr", "d.stdout", "file"]);
    assert_eq!(fs::read_to_string(kept.join("d.stdout")).unwrap(), "hello\n");
    fs::remove_dir_all(project.tmp().join(&runs[0])).unwrap();
    // Without `--keep`, and for scenarios that pass, nothing is kept.
    project.run(["run", "x.md"]).code(1);
    project.nothing_is_left();
    let project = project.file("y.md", scenario("when I run touch file"));
    project.run(["run", "--keep", "y.md"]).passes();
    project.nothing_is_left();
}

#[test]
fn shuffle() {
    let project = Project::anywhere();
    let scenarios: String =
        (1..=9).map(|n| format!("# S{n}\n~~~scenario\nwhen I run sh -c 'echo {n} >> $ORDER'\n~~~\n")).collect();
    let order = project.path("order");
    let project = project.file("x.md", document(&scenarios)).file("order", "");
    let variable = format!("ORDER={}", order.display());
    let started_in = |shuffle: &str| {
        fs::write(&order, "").unwrap();
        let ran = project.run(["run", "-j", "1", shuffle, "--env", &variable, "x.md"]).passes();
        (fs::read_to_string(&order).unwrap(), ran.stdout)
    };
    let (order, screen) = started_in("--shuffle=7");
    assert_ne!(order, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    assert_eq!(started_in("--shuffle=7"), (order.clone(), screen.clone()));
    assert_ne!(started_in("--shuffle=8").0, order);
    crate::support::same(
        &screen,
        str![[r#"
greenroom [VERSION]: 9 scenarios in x.md, one at a time
order shuffled with seed 7

PASS [TIME]  S1
PASS [TIME]  S2
PASS [TIME]  S3
PASS [TIME]  S4
PASS [TIME]  S5
PASS [TIME]  S6
PASS [TIME]  S7
PASS [TIME]  S8
PASS [TIME]  S9

9 scenarios passed, 9 steps, [TIME]

"#]],
    );
    // The generated seed is shown, and gives the same order again.
    let (order, screen) = started_in("--shuffle");
    let seed = screen.split("with seed ").nth(1).unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
    assert_eq!(started_in(&format!("--shuffle={seed}")).0, order);
}

#[test]
fn timeout_from_the_command_line() {
    let project = Project::anywhere();
    let project = project.file(
        "x.md",
        scenario(
            "when I start \"sleep 9876\" as a background process as sleepy\n\
        when I run sleep 8765\nthen command is successful",
        ),
    );
    project.run(["run", "--timeout", "3s", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sleep 9876" as a background process as sleepy
    FAILED [TIME]  when I run sleep 8765
                      1 step not run

  the scenario exceeded its time limit of 3 s while waiting for the command `sleep 8765`
  note: when the limit passed it was running "sleep 8765" (process [PID], asleep)
  help: if it hangs there, correct it; if it needs more time, set `scenario_timeout` in the document's metadata or `--timeout`

  daemon sleepy: still running at the end of the scenario
    command: sleep 9876
    no output

  1 leftover process, stopped at the end:
    sleep 9876  (daemon sleepy, running for [TIME])

  rerun: greenroom run --timeout 3s x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
    project.nothing_is_left();
}

#[test]
fn timeout_from_the_document() {
    let project = Project::anywhere();
    let waits = "when I run sleep 8765";
    let with = |key: &str| scenario(waits).replace("bindings:", &format!("{key}: 2s\nbindings:"));
    let project = project.file("step.md", with("step_timeout")).file("scenario.md", with("scenario_timeout"));
    project.run(["run", "step.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in step.md

FAIL [TIME]  The scenario
  in step.md:8, scenario at step.md:6

    FAILED [TIME]  when I run sleep 8765

  the step exceeded its time limit of 2 s while waiting for the command `sleep 8765`
  note: when the limit passed it was running "sleep 8765" (process [PID], asleep)
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run step.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  step.md:6  The scenario

"#]]);
    project.run(["run", "scenario.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in scenario.md

FAIL [TIME]  The scenario
  in scenario.md:8, scenario at scenario.md:6

    FAILED [TIME]  when I run sleep 8765

  the scenario exceeded its time limit of 2 s while waiting for the command `sleep 8765`
  note: when the limit passed it was running "sleep 8765" (process [PID], asleep)
  help: if it hangs there, correct it; if it needs more time, set `scenario_timeout` in the document's metadata or `--timeout`

  rerun: greenroom run scenario.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  scenario.md:6  The scenario

"#]]);
    project.nothing_is_left();
}

#[test]
fn the_timeout_of_the_command_line_wins() {
    let project = Project::anywhere();
    let text = scenario("when I run sleep 1").replace("bindings:", "scenario_timeout: 1ms\nbindings:");
    project.file("x.md", text).run(["run", "--timeout", "100s", "x.md"]).passes();
}

#[test]
fn environment() {
    let project = Project::anywhere();
    let text = scenario(
        "when I run sh -c 'echo $GREETING, $NAME'\nthen stdout is exactly \"good day, A = B\\n\"\n\
         when I start \"sh -c 'echo $GREETING'\" as a background process as d\nwhen I wait for daemon d to end\n\
         then daemon d stdout is \"good day\\n\"",
    );
    let project = project.file("x.md", text);
    project.run(["run", "x.md", "--env", "GREETING=good day", "--env", "NAME=A = B"]).passes();
    project.run(["run", "x.md", "--env", "GREETING=good day", "--env", "NAME=it's"]).code(1).stderr("").stdout(str![[
        r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I run sh -c 'echo $GREETING, $NAME'
    FAILED [TIME]  then stdout is exactly "good day, A = B\n"
                      3 steps not run

  stdout of the command is not as expected
    expected: good day, A = B\n
    actual:   good day, it's\n
                        ^^^^^
  note: the command `sh -c 'echo $GREETING, $NAME'` ended with exit status 0

  rerun: greenroom run --env 'GREETING=good day' --env 'NAME=it'\''s' x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#
    ]]);
}

#[test]
fn select_by_name() {
    let project = mixed();
    // Part of a title, ignoring case.
    project.run(["run", "x.md", "--name", "LEAV"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Leaves

1 scenario passed, 1 step, [TIME] (2 left out by the filters)

"#]]);
    // A full title selects only that scenario.
    project.run(["run", "x.md", "--name", "greets"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Greets

1 scenario passed, 2 steps, [TIME] (2 left out by the filters)

"#]]);
    project.run(["run", "-q", "x.md", "-n", "greet", "-n", "leaves"]).code(1).stderr("").stdout(str![[r#"
FAIL [TIME]  Greets politely
  in x.md:14, scenario at x.md:11

    ok [TIME]  when I run echo good morning
    FAILED [TIME]  then stdout contains "good evening"
                      1 step not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ good evening
  actual:
    │ good morning
  note: the command `echo good morning` ended with exit status 0

  rerun: greenroom run x.md --name 'Greets politely'

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  x.md:11  Greets politely

"#]]);
}

#[test]
fn select_by_label() {
    let project = mixed();
    project.run(["run", "x.md", "--label", "slow", "--without-label", "manners"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

PASS [TIME]  Leaves

1 scenario passed, 1 step, [TIME] (2 left out by the filters)

"#]]);
    // A misspelled label would leave out nothing; one that only other documents have is right.
    let ran = project.run(["run", "-q", "x.md", "--without-label", "slwo", "--without-label", "manners"]);
    ran.code(0).stderr(str![[r#"
greenroom: no scenario has the label slwo, so `--without-label slwo` leaves out none; did you mean slow?

"#]]);
}

#[test]
fn no_scenario_matches() {
    let project = Project::new().file("x.md", document(MIXED));
    project.run(["run", "x.md", "-n", "greets polietly"]).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario has "greets polietly" in its title or in a heading above it; did you mean "Greets politely"?

"#]]);
    project.run(["run", "x.md", "-n", "coffee", "-n", "leaves"]).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario has "coffee" in its title or in a heading above it; `greenroom list` shows the titles

"#]]);
    project.run(["run", "x.md", "-l", "slwo"]).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario has the label slwo; did you mean slow?

"#]]);
    project.run(["run", "x.md", "-l", "manners", "--without-label", "slow"]).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario matches the filters; `greenroom list` shows titles and labels

"#]]);
}

#[test]
fn one_at_a_time() {
    let project = Project::anywhere();
    let exclusive = "~~~scenario\nwhen I run sh -c 'mkdir $LOCK && rmdir $LOCK'\n~~~\n";
    let scenarios: String = (1..=12).map(|n| format!("# S{n}\n{exclusive}")).collect();
    let lock = format!("LOCK={}", project.path("lock").display());
    let project = project.file("x.md", document(&scenarios));
    project.run(["run", "-j", "1", "--env", &lock, "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 12 scenarios in x.md, one at a time

PASS [TIME]  S1
PASS [TIME]  S2
PASS [TIME]  S3
PASS [TIME]  S4
PASS [TIME]  S5
PASS [TIME]  S6
PASS [TIME]  S7
PASS [TIME]  S8
PASS [TIME]  S9
PASS [TIME]  S10
PASS [TIME]  S11
PASS [TIME]  S12

12 scenarios passed, 12 steps, [TIME]

"#]]);
}

#[test]
fn several_documents() {
    let project = mixed();
    project
        .file("sub/y.md", scenario("when I run true"))
        .run(["run", "x.md", "sub/y.md", "--without-label", "manners"])
        .passes()
        .stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in x.md and sub/y.md, up to 256 at a time

PASS [TIME]  Greets
PASS [TIME]  Leaves
PASS [TIME]  The scenario

3 scenarios passed, 4 steps, [TIME] (1 left out by the filters)

"#]]);
}

#[test]
fn results_appear_as_scenarios_finish() {
    let Some(project) = Project::sealed() else { return };
    // The first can only end when the test says so: after it has read the result of the second.
    let scenarios = "# First\n~~~scenario\nwhen I run sh -c 'read line < $FIFO; echo $line'\n\
        then stdout is exactly \"go\\n\"\n~~~\n\
                     # Second\n~~~scenario\nwhen I run false\n~~~\n# Third\n~~~scenario\nwhen I run true\n~~~\n\
                     # Fourth\n~~~scenario\nwhen I run false\n~~~\n";
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let project = project.fifo("fifo").file("x.md", document(scenarios));
    let mut run = project.start(["run", "--env", &fifo, "x.md"]);
    let mut lines = BufReader::new(run.take_stdout()).lines().map(Result::unwrap);
    let mut shown: Vec<String> = Vec::new();
    while shown.iter().filter(|line| line.contains("rerun: ")).count() < 2
        || !shown.iter().any(|line| line.ends_with("Third"))
    {
        shown.push(lines.next().unwrap());
    }
    assert!(!shown.iter().any(|line| line.ends_with("First")), "{shown:?}");
    fs::write(project.path("fifo"), "go\n").unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.starts_with("PASS") && line.ends_with("First")), "{rest:?}");
    // The summary is in the order of the document.
    let failed: Vec<&String> = rest.iter().filter(|line| line.starts_with("  failed  ")).collect();
    assert_eq!(failed, ["  failed  x.md:10  Second", "  failed  x.md:18  Fourth"]);
    run.finish().code(1);
}

#[test]
fn one_ctrl_c_stops_the_run() {
    let project = Project::anywhere();
    let waits = "given a daemon helper shell script up.py\nwhen I start \"./up.py\" as a background process as up\n\
                 when I wait for daemon up to write \"ready\" to stdout\n\
                 when I run sh -c 'echo waiting > $FIFO; sleep 9999'";
    let text = with_programs(document(&format!(
        "# Waits\n~~~scenario\n{waits}\n~~~\n# Next\n~~~scenario\nwhen I run true\n~~~\n"
    )));
    let project = project.fifo("fifo").file("x.md", text);
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["run", "-j", "1", "--env", &fifo, "x.md"]);
    Fifo::open(project.path("fifo")).line();
    started.signal(rustix::process::Signal::INT).finish().code(130).stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in x.md, one at a time

STOP [TIME]  Waits
               stopped at x.md:10: when I run sh -c 'echo waiting > $FIFO; sleep 9999'

1 scenario not run: the run was interrupted
INTERRUPTED: 2 of 2 scenarios not finished, [TIME]

"#]]);
    project.nothing_is_left();
}
