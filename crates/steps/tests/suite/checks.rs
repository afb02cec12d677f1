//! Problems that are found in steps before anything runs.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use greenroom_steps::{PreflightState, Problem, ProblemKind};

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
    assert_eq!(found("when I run ${program} x"), NONE);
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
            .help("install it, or put its directory on PATH before you start greenroom")]
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
        found("then file x matches regex /a(b/"),
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
