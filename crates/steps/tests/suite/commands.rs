//! Library `runcmd`: options of commands, and further checks of their outputs.

use std::time::{Duration, Instant};

use greenroom_steps::{Failure, Relation};

use crate::support::{Scenario, preflight, problems};

#[test]
fn outputs_are_checked() {
    let mut scenario = Scenario::new();
    scenario.write("expected", "one\ntwo\none");
    scenario.passes(
        "when I run printf 'one\\ntwo\\none'
         then stdout has 3 lines
         then stdout line 2 is \"two\"
         then stdout line 3 is \"one\"
         then stdout contains \"one\" 2 times
         then stdout contains \"three\" 0 times
         then stdout and file expected match
         then stderr is empty
         then stderr has 0 lines
         when I run printf 'hello\\nworld\\n'
         then stdout is embedded file foo.txt
         then command took at most 60 seconds
         when I try to run sh -c 'kill -9 $$'
         then command was ended by signal KILL
         then command was ended by signal 9
         when I run echo
         then stdout has 1 line
         then stdout line 1 is \"\"",
    );
}

#[test]
fn outputs_that_differ_are_explained() {
    let mut scenario = Scenario::new();
    scenario.passes("when I run sh -c 'echo one; echo two; echo oops >&2'");
    let message = |scenario: &mut Scenario, step: &str| scenario.fails(step).message;
    assert_eq!(message(&mut scenario, "then stdout is empty"), "stdout of the command is not empty");
    assert_eq!(message(&mut scenario, "then stdout line 3 is \"x\""), "stdout of the command has no line 3");
    let failure = scenario.fails("then stdout line 2 is \"x\"");
    assert_eq!(
        failure.comparison.map(|it| (it.relation, it.expected, it.actual)),
        Some((Relation::Is, "x".into(), "two".into()))
    );
    let failure = scenario.fails("then stdout contains \"o\" 1 times");
    assert_eq!(failure.message, "number of times that stdout of the command contains `o` is not as expected");
    assert_eq!(failure.output.len(), 2);
    let failure = scenario.fails("then stdout has 3 lines");
    assert_eq!(failure.comparison.map(|it| (it.expected, it.actual)), Some(("3".into(), "2".into())));
    assert!(scenario.fails("then stdout is embedded file foo.txt").comparison.is_some());
    assert_eq!(message(&mut scenario, "then stdout and file nosuch match"), "file nosuch does not exist");
    let failure = scenario.fails("then command was ended by signal TERM");
    assert_eq!(failure.comparison.map(|it| it.actual), Some("exit status 0".to_owned()));
}

#[test]
fn commands_have_options() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given a directory sub
         given commands run in directory sub
         when I run sh -c 'basename $PWD'
         then stdout is exactly \"sub\\n\"
         given a directory other
         when I run, in other, sh -c 'basename $PWD'
         then stdout is exactly \"other\\n\"
         given the environment variable KEPT=1
         given commands get a clean environment
         when I run sh -c 'env | grep -v ^PWD | sort | cut -d= -f1 | tr \"\\n\" \" \"'",
    );
    let names = scenario.fails("then stdout is exactly \"\"").comparison.map(|it| it.actual).unwrap();
    let names: Vec<&str> =
        names.split(' ').filter(|name| !["HOME", "TMPDIR", "SHELL", "_", ""].contains(name)).collect();
    assert!(names.iter().all(|name| ["KEPT", "PATH", "OLDPWD", "SHLVL"].contains(name)), "{names:?}");
    assert!(names.contains(&"KEPT"), "{names:?}");
}

#[test]
fn one_command_has_variables_of_its_own() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "when I run, with environment {\"A\": \"b c\", \"N\": 1}, sh -c 'echo $A $N'
         then stdout is exactly \"b c 1\\n\"
         when I try to run, with environment {}, sh -c 'echo {} $A, $N'
         then stdout is exactly \"{} ,\\n\"",
    );
    assert!(scenario.fails("when I run, with environment {\"A\": []}, true").message.contains("the value of A is not"));
}

#[test]
fn a_command_that_takes_too_long_is_killed() {
    let mut scenario = Scenario::new();
    scenario.passes("given commands may take 0.2 seconds");
    let begun = Instant::now();
    let expected = Failure::new("the command `sleep 60` did not end within 200 ms and was killed")
        .help("to allow more time, raise the limit of the step `given commands may take N seconds`");
    assert_eq!(scenario.fails("when I try to run sleep 60"), expected);
    assert!(begun.elapsed() < Duration::from_secs(30));
    scenario.passes("when I run true");
}

#[test]
fn options_and_checks_are_checked_before_the_run() {
    let found = problems(
        &mut preflight(),
        "then stdout is empty
         given commands may take 0 seconds
         given commands run in directory nosuch
         given commands run in directory ../x
         when I run, with environment {\"A\": [1]}, true
         then stdout line 0 is \"x\"
         then stdout contains \"\" 1 times
         then stdout has 99999999999999999999 lines
         then command was ended by signal KILLED
         then command took at most 0 seconds
         when I run sleep 5, for at most 3 seconds
         when I run sleep 5, until it succeeds",
    );
    let messages: Vec<&str> = found.iter().map(|(_, problem)| problem.message.as_str()).collect();
    let expected = [
        "no earlier step has run a command",
        "invalid time limit: 0 seconds",
        "directory nosuch does not exist: no earlier step can create it",
        "../x is outside of the scenario's directory",
        "the value of A is not a string, number or boolean",
        "there is no line 0",
        "the text is empty, so it cannot be counted",
        "99999999999999999999 is not a number that can be counted",
        "unknown signal: KILLED",
        "invalid time limit: 0 seconds",
        "everything after `I run` is passed to the program",
        "everything after `I run` is passed to the program",
    ];
    assert_eq!(messages, expected);
}
