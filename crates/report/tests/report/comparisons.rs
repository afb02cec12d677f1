//! Expected and actual, in all relations.

use greenroom_event::Relation;
use greenroom_report::{Terminal, Verbosity};
use snapbox::{IntoData, assert_data_eq, str};

use crate::support::{compared, fails_with, lines};

#[test]
fn one_line_differs() {
    let run = fails_with(compared("stdout of the command", Relation::Is, "hello, world\n", "hello, wurld"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout of the command is not as expected
    expected: hello, world\n
    actual:   hello, wurld
                      ^^^^^^

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn one_line_with_hidden_differences() {
    let run = fails_with(compared("stdout", Relation::Is, "a\tb\\ ", "a    b\\\x1b[0m"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout is not as expected
    expected: a\tb\\·
    actual:   a    b\\\x1b[0m
               ^^^^^^^^^^^^^^
    (· is a trailing space)

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn one_line_and_nothing() {
    let run = fails_with(compared("exit code", Relation::Is, "0", ""));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  exit code is not as expected
    expected: 0
    actual:   (empty)

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn a_long_line_differs_late() {
    let expected = "x".repeat(5000);
    let actual = format!("{}y{}", "x".repeat(3000), "x".repeat(1999));
    let run = fails_with(compared("stdout", Relation::Is, &expected, &actual));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout is not as expected
    expected: …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
    actual:   …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
                                             ^

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn many_lines_differ() {
    let expected = lines(1..40);
    let actual = expected.replace("line 7\n", "line seven \n").replace("line 30\n", "").replace("line 39\n", "line 39");
    let run = fails_with(compared("file out.txt", Relation::Is, &expected, &actual));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  file out.txt is not as expected
  (- expected, + actual):
    … from line 4 of actual:
      line 4
      line 5
      line 6
    - line 7
    + line seven·
      line 8
      line 9
      line 10
    … from line 27 of actual:
      line 27
      line 28
      line 29
    - line 30
      line 31
      line 32
      line 33
    … from line 35 of actual:
      line 36
      line 37
      line 38
    - line 39
    + line 39
    (· is a trailing space)
    (actual does not end with a newline)

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn a_huge_difference_is_cut_and_fast() {
    let expected: String = (0..100_000).map(|n| format!("expected {n}\n")).collect();
    let actual: String = (0..100_000).map(|n| format!("actual {}\n", n * 7 % 1000)).collect();
    let shown = fails_with(compared("stdout", Relation::Is, &expected, &actual)).plain();
    assert!(shown.lines().count() < 100, "{}", shown.lines().count());
    assert!(shown.contains("not shown"));
    let late = format!("{expected}end\n");
    let shown = fails_with(compared("stdout", Relation::Is, &expected, &late)).plain();
    assert_data_eq!(
        shown,
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout is not as expected
  (- expected, + actual):
    … from line 99998 of actual:
      expected 99997
      expected 99998
      expected 99999
    + end

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn contains() {
    let run = fails_with(compared("stdout of the command", Relation::Contains, "line 99", &lines(1..46)));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ line 99
  actual (last 20 lines, 191 bytes before; -v shows more):
    │ line 26
    │ line 27
    │ line 28
    │ line 29
    │ line 30
    │ line 31
    │ line 32
    │ line 33
    │ line 34
    │ line 35
    │ line 36
    │ line 37
    │ line 38
    │ line 39
    │ line 40
    │ line 41
    │ line 42
    │ line 43
    │ line 44
    │ line 45

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
    let run = fails_with(compared("stdout of the command", Relation::Contains, "hello", ""));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout of the command does not contain the expected text
  expected to contain:
    │ hello
  actual: (empty)

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn other_relations() {
    let run = fails_with(compared("stdout", Relation::DoesNotContain, "line 30", &lines(1..46)));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout contains text that it must not contain
  expected not to contain:
    │ line 30
  actual (line 30 has it; shown from line 28):
    │ line 28
    │ line 29
    │ line 30
    │ line 31
    │ line 32

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
    let run = fails_with(compared("stdout", Relation::Matches, r"^v\d+$", "version 3\n"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout does not match the regex
  expected to match the regex:
    │ ^v\d+$
  actual:
    │ version 3

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
    let run = fails_with(compared("stdout", Relation::DoesNotMatch, r"error", "an error\n"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout matches the regex, but must not
  expected not to match the regex:
    │ error
  actual:
    │ an error

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
    let run = fails_with(compared("exit code", Relation::IsNot, "0", "0"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  exit code has the value that it must not have
  expected not to be:
    │ 0

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

#[test]
fn colour_adds_nothing_but_colour() {
    let run = fails_with(compared("stdout", Relation::Is, "a\nb\nc \n", "a\nB\nc\n"));
    let coloured = run.shown(Terminal { colour: true, width: 100, live: false }, Verbosity::Normal);
    assert_ne!(coloured, run.plain());
    assert_eq!(without_colour(&coloured), run.plain());
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn a_newline_differs_from_a_backslash_with_an_n() {
    let run = fails_with(compared("stdout", Relation::Is, "C:\\new", "C:\\now\n"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout is not as expected
    expected: C:\\new
    actual:   C:\\now\n
                   ^^^^

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
    let run = fails_with(compared("stdout", Relation::Is, "a\\tb\n c\n", "a\tb\n c\n"));
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  stdout is not as expected
  (- expected, + actual):
    - a\\tb
    + a\tb
       c

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
}

/// As the sides of an `assert` in Python.
#[test]
fn either_side_may_be_expected() {
    for (left, right, expected) in [
        ("one", "two", "    left:  one\n    right: two\n           ^^^\n"),
        ("a\nb\n", "a\nc\n", "  (- left, + right):\n      a\n    - b\n    + c\n"),
        ("a\nb\n", "", "  (- left, + right):\n    (right is empty)\n    - a\n    - b\n"),
    ] {
        let mut failure = compared("a == b", Relation::Is, left, right);
        failure.comparison.as_mut().unwrap().unordered = true;
        let screen = fails_with(failure).plain();
        assert!(screen.contains(expected), "{screen}");
        assert!(!screen.contains("actual"), "{screen}");
    }
}
