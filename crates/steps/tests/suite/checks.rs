//! Problems that are found in steps before anything runs.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use greenroom_steps::{Captures, PreflightState, Problem, ProblemKind, Registry};

use crate::support::{preflight, problems};

fn found(steps: &str) -> Vec<Problem> {
    problems(&mut preflight(), steps).into_iter().map(|(_, problem)| problem).collect()
}

const NONE: [Problem; 0] = [];

#[test]
fn ordinary_steps_are_fine() {
    let steps = "given file foo.txt
        given file sub/foo.txt from foo.txt
        given file sub/foo.txt has modification time 1970-01-02 03:04:05
        given executable file hi.sh
        when I run, in sub, ../hi.sh 'quoted word'
        then stdout matches regex ^hi$
        then file sub/foo.txt matches regex /x+/
        then exit code is 0
        then only files a b exist";
    assert_eq!(found(steps), NONE);
}

#[test]
fn missing_programs_are_found() {
    let not_found =
        |name: &str| Problem::new("argv0", ProblemKind::MissingProgram, format!("program not found: {name}"));
    assert_eq!(found("when I run sh -c true"), NONE);
    assert_eq!(found("when I run /bin/sh -c true"), NONE);
    assert_eq!(found("when I try to run nosuch-program"), NONE);
    assert_eq!(found("given a free port kept as program\nwhen I run ${program} x"), NONE);
    assert_eq!(
        found("when I run mkdri x"),
        [not_found("mkdri").part(0..5).label("not on PATH").help("did you mean `mkdir`?")]
    );
    assert_eq!(
        found("then I can run quite-an-unlikely-program-name"),
        [not_found("quite-an-unlikely-program-name")
            .part(0..30)
            .label("not on PATH")
            .help("install it, or put its directory on PATH before you start greenroom")]
    );
    // Programs are looked up on the PATH that the scenario has at that step.
    assert_eq!(found("given the environment variable PATH=/bin\nwhen I run sh -c true"), NONE);
    assert_eq!(
        found("given the environment variable PATH=/no/such/directory\nwhen I run sh -c true"),
        [not_found("sh")
            .part(0..2)
            .label("not on PATH")
            .help("it is in /usr/bin: add that directory to the PATH that the scenario sets")]
    );
    assert_eq!(found("when I run /no/such/program"), [not_found("/no/such/program").part(0..16)]);
    assert_eq!(
        found("given file hi.sh\nwhen I run hi.sh"),
        [not_found("hi.sh")
            .part(0..5)
            .label("not on PATH")
            .help("the scenario's directory has a file of this name: write `./hi.sh`")]
    );
    assert_eq!(
        found("when I run ./hi.sh"),
        [not_found("./hi.sh")
            .part(0..7)
            .label("no earlier step creates this file")
            .help("embed it in the document, and write `given executable file hi.sh` before this step")]
    );
}

#[test]
fn programs_that_steps_make_are_found() {
    assert_eq!(found("given executable file hi.sh\nwhen I run ./hi.sh"), NONE);
    assert_eq!(found("given helper script hi.sh for runcmd\nwhen I run ././hi.sh"), NONE);
    assert_eq!(found("given executable file d/x from hi.sh\nwhen I run, in d, ./x"), NONE);
    assert_eq!(found("given executable file d/x from hi.sh\nwhen I run d/x"), NONE);
    assert_eq!(found("when I run ../elsewhere/x"), NONE);
    // After a command there may be any.
    assert_eq!(found("when I run touch x\nwhen I run ./x\nwhen I run x"), NONE);
    // Directories that are relative to the scenario's may contain anything.
    assert_eq!(found("given the environment variable PATH=bin:/opt/bin\nwhen I run x"), NONE);
    assert_eq!(found("given the environment variable PATH=/opt/bin\nwhen I run x").len(), 1);
}

/// Returns the messages of problems.
fn messages(steps: &str) -> Vec<String> {
    found(steps).into_iter().map(|problem| problem.message).collect()
}

#[test]
fn files_that_no_step_can_create_are_found() {
    let absent = |kind: &str, name: &str| vec![format!("{kind} {name} does not exist: no earlier step can create it")];
    assert_eq!(messages("then file x exists"), absent("file", "x"));
    assert_eq!(messages("given file foo.txt\nwhen I remember metadata for file fo.txt"), absent("file", "fo.txt"));
    assert_eq!(messages("when I remove file x"), absent("file", "x"));
    assert_eq!(messages("then directory d is empty"), absent("directory", "d"));
    assert_eq!(messages("when I run, in d, ls"), absent("directory", "d"));
    assert_eq!(messages("then file x contains \"a\""), absent("file", "x"));
    for fine in [
        "given a directory d/e\nthen directory d exists",
        "when I touch file d/x\nwhen I remove directory d",
        "then file x does not exist",
        "when I run touch x\nthen file x exists",
        "then file ${x} exists",
        "then directory . is empty",
        "then only files x exist",
    ] {
        assert_eq!(found(fine), NONE, "{fine}");
    }
}

#[test]
fn daemons_that_no_step_starts_are_found() {
    let start = "when I start \"sleep 9\" as a background process as web";
    let absent = |name: &str| vec![format!("no earlier step starts a daemon {name}")];
    for step in [
        "when I stop background process wbe",
        "then daemon wbe is running",
        "then daemon wbe has ended",
        "then daemon wbe has ended by signal TERM",
        "when I send signal TERM to daemon wbe",
        "when I restart daemon wbe",
        "when daemon wbe has produced output",
        "when I wait for daemon wbe to end",
        "when I wait for daemon wbe to listen on port 80, for at most 2 seconds",
        "then daemon wbe stdout contains \"a\"",
    ] {
        assert_eq!(messages(&format!("{start}\n{step}")), absent("wbe"), "{step}");
        assert_eq!(found(&format!("{start}\n{}", step.replace("wbe", "web"))), NONE, "{step}");
    }
    assert_eq!(messages("when I run true\nthen daemon web is running"), absent("web"));
    let tried = "when I try to start \"sleep 9\" as web, on port 80\nwhen I stop background process web";
    assert_eq!(found(tried), NONE);
}

#[test]
fn regexes_between_slashes_or_quotes_are_found() {
    for regex in ["/password/", "\"password\"", "'pass.*'", "/pass/i", "r\"x\""] {
        let problems = found(&format!("when I run true\nthen stdout doesn't match regex {regex}"));
        assert_eq!(problems.len(), 1, "{regex}");
        assert_eq!(problems[0].kind, ProblemKind::WrappedRegex, "{regex}");
    }
    for regex in ["/usr/bin/", "/etc/passwd", "\"a\": \"b\"", "[/]x/", "x"] {
        assert_eq!(found(&format!("when I run true\nthen stderr matches regex {regex}")), NONE, "{regex}");
    }
    assert_eq!(found("when I touch file x\nthen file x matches regex /a/"), NONE);
}

#[test]
fn values_that_no_shell_replaces_are_found() {
    for (step, message) in [
        (
            "given the environment variable A=$HOME/a",
            "`$HOME/a` is the literal value of A: no shell replaces what is in it",
        ),
        ("given the environment variable A=${b}", "`${b}` is the literal value of A: no shell replaces what is in it"),
        ("given the environment variable A=~/a", "`~` is a literal part of the value of A: no shell replaces it"),
        ("given the environment variable A=\"b c\"", "the quotes are part of the value"),
        (
            "when I start \"sleep 9\" as a background process as web, with environment {\"A\": \"$B\"}",
            "`$B` is the literal value of A: no shell replaces what is in it",
        ),
        (
            "when I start \"sleep $TIME\" as a background process as web",
            "`$TIME` is passed to sleep literally: no shell runs this command",
        ),
        (
            "when I try to start \"sleep 9 | cat\" as web, on port 80",
            "`|` is passed to sleep literally: no shell runs this command",
        ),
        ("when I write \"a \\\"b\\\"\" to file x", "this backslash is part of the text: this step takes no escapes"),
        ("when I send exactly \"\\\"\" to stdin", "this backslash is part of the text: this step takes no escapes"),
    ] {
        assert_eq!(messages(step), [message], "{step}");
        assert!(found(step)[0].warning, "{step}");
    }
    assert_eq!(found("given a free port kept as p\ngiven the environment variable A=http://x:${p}/?a=$"), NONE);
}

#[test]
fn escapes_of_a_binding_without_escapes() {
    let registry = Registry::builtin();
    let check = |function: &str, capture: &str, text: &str, escaped: bool| {
        let captures = Captures::new([(capture.to_owned(), text.to_owned())]);
        let names = if escaped { vec![capture.to_owned()] } else { Vec::new() };
        let mut state = PreflightState::new(OsString::new(), PathBuf::new());
        state.anything_goes = true;
        registry.check(function, &captures.with_escapes(names), &mut state)
    };
    let help = |capture: &str| {
        Some(format!("to have escapes replaced, give `{capture}` the type `escapedtext` in the binding"))
    };
    for (function, capture) in [
        ("runcmd_stdout_contains", "text"),
        ("runcmd_stderr_is", "text"),
        ("runcmd_stdout_does_not_contain", "text"),
        ("files_file_contains", "data"),
    ] {
        for text in [r"a\nb", r"\tb"] {
            let problems = check(function, capture, text, false);
            let [problem] = &problems[..] else { panic!("{function} {text}: {problems:?}") };
            assert!(problem.warning && problem.kind == ProblemKind::LiteralEscape, "{function} {text}");
            assert_eq!(problem.help.last().cloned(), help(capture), "{function} {text}");
            // Here the author wrote a backslash as `\\`.
            assert_eq!(check(function, capture, text, true), [], "{function} {text}");
        }
    }
}

#[test]
fn programs_may_be_in_srcdir() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("only-in-srcdir");
    std::fs::write(&program, "").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let mut preflight = PreflightState::new(OsString::from("/usr/bin:/bin"), directory.path().to_owned());
    let steps = "given srcdir is in the PATH\nwhen I run only-in-srcdir";
    assert_eq!(problems(&mut preflight.clone(), steps), []);
    assert_eq!(problems(&mut preflight.clone(), "when I run only-in-srcdir").len(), 1);
    // A directory on the PATH that is relative to the scenario's could have anything.
    preflight.path = OsString::from("bin:/usr/bin");
    assert_eq!(problems(&mut preflight, "when I run only-in-srcdir"), []);
}

#[test]
fn invalid_command_lines_are_found() {
    let help = "quotes and backslashes work as in a shell; to write one literally, put a backslash before it";
    let bad = |message: &str| Problem::new("args", ProblemKind::InvalidCommand, message);
    assert_eq!(found("when I run echo it's"), [bad("a single quote is not closed: echo it's").help(help)]);
    assert_eq!(found("when I try to run \"echo x"), [bad("a double quote is not closed: \"echo x").help(help)]);
    assert_eq!(found("when I try to run \"my prog\" x"), NONE);
    assert_eq!(found("when I run ''"), [bad("the command has no program")]);
    assert_eq!(found("when I run sh ${what} it's"), NONE);
}

#[test]
fn names_outside_of_the_directory_are_found() {
    let outside = |capture: &str, name: &str| {
        Problem::new(capture, ProblemKind::OutsideDirectory, format!("{name} is outside of the scenario's directory"))
            .help("write a path inside the scenario's directory, without a leading `/` or `..`")
    };
    assert_eq!(found("given file ../x from foo.txt"), [outside("filename_on_disk", "../x")]);
    assert_eq!(found("given file ../x"), [outside("embedded_file", "../x")]);
    assert_eq!(found("given helper script ../x for runcmd"), [outside("script", "../x")]);
    assert_eq!(found("given directory /tmp/x"), [outside("path", "/tmp/x")]);
    assert_eq!(found("when I touch file a/../../x"), [outside("filename", "a/../../x")]);
    assert_eq!(found("then files ../a and /b match"), [outside("filename1", "../a"), outside("filename2", "/b")]);
    assert_eq!(found("when I redirect stdin from /dev/null"), [outside("file", "/dev/null")]);
    assert_eq!(found("when I run, in .., ls"), [outside("dirname", "..")]);
}

#[test]
fn invalid_texts_are_found() {
    assert_eq!(
        found("when I touch file x\nthen file x matches regex /a(b/"),
        [Problem::new("regex", ProblemKind::InvalidRegex, "invalid regular expression: unclosed group")]
    );
    assert_eq!(
        found("when I run true\nthen stdout doesn't match regex [z-a]"),
        [Problem::new(
            "regex",
            ProblemKind::InvalidRegex,
            "invalid regular expression: invalid character class range, the start must be <= the end"
        )]
    );
    assert_eq!(
        found("given file x has modification time yesterday"),
        [Problem::new("mtime", ProblemKind::InvalidTime, "invalid date and time: yesterday")
            .help("write it like 1970-01-02 03:04:05, in UTC")]
    );
    assert_eq!(
        found("given datadir has at least 99999999999999999999M of space"),
        [Problem::new(
            "megabytes",
            ProblemKind::InvalidNumber,
            "megabytes is `99999999999999999999`: number too large to fit in target type"
        )]
    );
}

#[test]
fn checks_without_a_command_are_found() {
    let mut expected = Problem::new("", ProblemKind::NoCommand, "no earlier step has run a command")
        .help("write a step such as `when I try to run ls` before this step");
    expected.capture = None;
    assert_eq!(found("given file foo.txt\nthen command fails"), [expected.clone()]);
    assert_eq!(found("then exit code is 0"), [expected]);
    assert_eq!(found("when I try to run x\nthen command fails"), NONE);
}

#[test]
fn an_empty_path_is_the_working_directory() {
    let mut preflight = PreflightState::new(OsString::new(), PathBuf::from("/"));
    // An empty PATH is the working directory, as for a shell.
    assert_eq!(problems(&mut preflight, "when I run sh"), []);
}
