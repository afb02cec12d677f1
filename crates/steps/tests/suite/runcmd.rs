//! Library `runcmd`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use greenroom_event::Exit;
use greenroom_sandbox::process::{ExitStatus, Watch};
use greenroom_steps::library::runcmd::{self, Command, Runcmd};
use greenroom_steps::{Failure, FailureKind, Relation, Stream, Subject};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, test_kill_process};

use crate::support::{Scenario, output};

fn error(message: &str) -> Failure {
    Failure::new(message)
}

/// Of a command that ended, as outcome steps say it.
fn note(line: &str, ending: &str) -> String {
    format!("the command `{line}` ended with {ending}")
}

fn stdout(text: &str) -> greenroom_steps::Output {
    output(Stream::Stdout, text)
}

fn stderr(text: &str) -> greenroom_steps::Output {
    output(Stream::Stderr, text)
}

fn command(line: &str, status: i32) -> Subject {
    Subject::Command { line: line.to_owned(), exit: Some(Exit::Status(status)) }
}

fn not_found(name: &str) -> Failure {
    error(&format!("program not found: {name}")).kind(FailureKind::ProgramNotFound)
}

#[test]
fn commands_run() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"when I run echo hello 'quoted  word' "and" escaped\ blank # $HOME *
         then command is successful
         then command succeeds
         then exit code is 0
         then exit code is not 1
         then stdout is exactly "hello quoted  word and escaped blank # $HOME *\n"
         then stderr is exactly ""
         then I can run true"#,
    );
    let ran = scenario.context.state::<Runcmd>().latest().unwrap();
    assert_eq!(ran.command().line, "true");
    assert_eq!(ran.status(), ExitStatus::Code(0));
    assert!(ran.stdout().is_empty().unwrap());
}

#[test]
fn commands_run_in_the_scenarios_directory() {
    let mut scenario = Scenario::new();
    scenario.passes("when I run touch here\nthen file here exists");
    scenario.passes("given a directory d/e\nwhen I run, in d/e, touch there\nthen file d/e/there exists");
    scenario.passes("when I try to run, in d, ls e\nthen stdout is exactly \"there\\n\"");
    assert_eq!(
        scenario.fails("when I run, in dd, ls"),
        error("directory dd does not exist").note("the scenario's directory contains d, here")
    );
    assert_eq!(scenario.fails("when I try to run, in here, ls"), error("here is a file, not a directory"));
    assert_eq!(
        scenario.fails("when I run, in d, false"),
        error("command failed with exit status 1: false").note("it ran in directory d")
    );
}

#[test]
fn failing_commands_fail_the_step() {
    let mut scenario = Scenario::new();
    scenario.passes("given file foo.txt");
    assert_eq!(
        scenario.fails("when I run grep -q x foo.txt"),
        error("command failed with exit status 1: grep -q x foo.txt")
    );
    assert_eq!(
        scenario.fails("then I can run sh -c 'echo out; echo err >&2; exit 3'"),
        error("command failed with exit status 3: sh -c 'echo out; echo err >&2; exit 3'")
            .output(stdout("out\n"))
            .output(stderr("err\n"))
    );
    assert_eq!(
        scenario.fails("when I run sh -c 'kill -KILL $$'"),
        error("command failed with signal SIGKILL: sh -c 'kill -KILL $$'")
    );
    assert_eq!(scenario.fails("when I run, in nosuch, ls").message, "directory nosuch does not exist");
}

#[test]
fn steps_that_try_accept_failing_commands() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "when I try to run sh -c 'exit 3'
         then exit code is 3
         then exit code is not 0
         then command fails
         when I try to run sh -c 'kill -TERM $$'
         then exit code is -15
         then command fails",
    );
    assert_eq!(
        scenario.fails("then command succeeds"),
        error("command failed with signal SIGTERM: sh -c 'kill -TERM $$'")
    );
}

#[test]
fn only_the_end_of_output_is_shown() {
    let mut scenario = Scenario::new();
    let failed = scenario.fails("when I run sh -c 'seq 100000; exit 1'");
    let tail = &failed.output[0];
    assert!(tail.text.ends_with("99999\n100000\n") && tail.text.len() <= 8192);
    // It begins at a line, and nothing is lost from the count.
    assert!(tail.text.starts_with("98"));
    assert_eq!(tail.text.len() as u64 + tail.omitted, 588_895);
}

#[test]
fn programs_that_are_not_found_have_failed() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"when I try to run nosuch-program --help
         then command fails
         then exit code is 127
         then stdout is exactly ""
         then stderr is exactly "program not found: nosuch-program\n"
         when I try to run ./nosuch-program
         then exit code is 127
         given file foo.txt
         when I try to run ./foo.txt
         then exit code is 126
         then stderr is exactly "./foo.txt is not an executable file\n"
         given executable file broken.sh
         when I try to run ./broken.sh
         then exit code is 126
         then stderr contains "cannot start ./broken.sh""#,
    );
}

#[test]
fn programs_that_are_not_found_are_named() {
    let mut scenario = Scenario::new();
    let path = scenario.context.environment().path().into_string().unwrap();
    assert_eq!(
        scenario.fails("when I run mkdri x"),
        not_found("mkdri").note(format!("PATH is {path}")).help("did you mean `mkdir`?")
    );
    scenario.passes("given executable file hi.sh");
    assert_eq!(
        scenario.fails("when I run hi.sh"),
        not_found("hi.sh")
            .note(format!("PATH is {path}"))
            .help("the scenario's directory has a file of this name: write `./hi.sh`")
    );
    assert_eq!(scenario.fails("when I run ./hi"), not_found("./hi").note("the scenario's directory contains hi.sh"));
    assert_eq!(
        scenario.fails("when I run ./hhi.sh"),
        not_found("./hhi.sh").note("the scenario's directory contains hi.sh").help("did you mean `./hi.sh`?")
    );
    scenario.passes("given file foo.txt");
    assert_eq!(
        scenario.fails("when I run ./foo.txt"),
        error("./foo.txt is not an executable file")
            .kind(FailureKind::NotExecutable)
            .help("write it with `given executable file`, or run its interpreter: `sh ./foo.txt`, for example")
    );
    scenario.passes("given executable file broken.sh");
    assert_eq!(
        scenario.fails("when I run ./broken.sh"),
        error("cannot start ./broken.sh: no such file or directory")
            .note("its first line names the interpreter /no/such/interpreter, which does not exist")
    );
}

#[test]
fn scripts_see_the_name_that_was_written() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"given executable file hi.sh
         when I run ./hi.sh there
         then stdout is exactly "hi from ./hi.sh there\n"
         given executable file d/x from hi.sh
         when I run, in d, ./x
         then stdout is exactly "hi from ./x \n"
         when I run d/x
         then stdout is exactly "hi from d/x \n"
         when I run, in d, ../hi.sh
         then stdout is exactly "hi from ../hi.sh \n"
         when I run, in d, ./hi.sh
         then stdout contains "/hi.sh \n"
         given executable file a'b from hi.sh
         when I run "./a'b"
         then stdout contains "hi from ./a'b""#,
    );
}

#[test]
fn helper_scripts_are_executable() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"given helper script hi.sh for runcmd
         when I run ./hi.sh
         then stdout contains "hi"
         when I run sh hi.sh
         then stdout contains "hi""#,
    );
    assert_eq!(
        scenario.fails("given helper script nosuch for runcmd"),
        error("the document has no embedded file nosuch")
    );
}

#[test]
fn srcdir_can_be_on_the_path() {
    let mut scenario = Scenario::new();
    let program = scenario.context.source_directory().join("only-in-srcdir");
    fs::write(&program, "#!/bin/sh\necho found\n").unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(scenario.fails("when I run only-in-srcdir").message, "program not found: only-in-srcdir");
    scenario.passes(
        r#"given srcdir is in the PATH
         when I run only-in-srcdir
         then stdout is exactly "found\n"
         when I run sh -c only-in-srcdir
         then stdout is exactly "found\n""#,
    );
}

#[test]
fn variables_are_set_and_unset() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"given the environment variable GREENROOM_TEST_1=some value = "x"
         given the environment variable GREENROOM_TEST_2=
         when I run sh -c 'echo "$GREENROOM_TEST_1|${GREENROOM_TEST_2-unset}|"'
         then stdout is exactly "some value = \"x\"||\n"
         given the unset environment variable GREENROOM_TEST_1
         given the unset environment variable GREENROOM_TEST_3
         when I run sh -c 'echo "${GREENROOM_TEST_1-unset}"'
         then stdout is exactly "unset\n""#,
    );
}

#[test]
fn path_can_be_set() {
    let mut scenario = Scenario::new();
    scenario.passes("given the environment variable PATH=/nonexistent");
    assert_eq!(scenario.fails("when I run sh -c true"), not_found("sh").note("PATH is /nonexistent"));
}

#[test]
fn stdin_is_empty_unless_chosen() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"when I run cat
         then stdout is exactly ""
         when I send exactly "a\n b" to stdin
         when I run cat
         then stdout matches regex ^a\\n b$
         when I run cat
         then stdout contains "b"
         given file foo.txt
         when I redirect stdin from foo.txt
         when I run cat
         then stdout is exactly "hello\nworld\n"
         when I run cat
         then stdout is exactly "hello\nworld\n""#,
    );
    scenario.passes("when I redirect stdin from nosuch");
    assert_eq!(
        scenario.fails("when I run cat"),
        error("file nosuch does not exist").note("the scenario's directory contains foo.txt")
    );
    assert_eq!(
        scenario.fails("when I redirect stdin from ../x"),
        error("../x is outside of the scenario's directory")
            .help("write a path inside the scenario's directory, without a leading `/` or `..`")
    );
}

#[test]
fn invalid_quoting_is_reported() {
    let help = "quotes and backslashes work as in a shell; to write one literally, put a backslash before it";
    let mut scenario = Scenario::new();
    assert_eq!(scenario.fails("when I run echo it's"), error("a single quote is not closed: echo it's").help(help));
    assert_eq!(
        scenario.fails("when I try to run echo \\"),
        error("a backslash at the end has nothing to escape: echo \\").help(help)
    );
    assert_eq!(scenario.fails("when I try to run ''"), error("the command has no program"));
}

#[test]
fn checks_without_a_command_fail() {
    for step in [
        "exit code is 0",
        "exit code is not 0",
        "command is successful",
        "command succeeds",
        "command fails",
        "stdout is exactly \"\"",
        "stdout isn't exactly \"x\"",
        "stdout contains \"\"",
        "stdout doesn't contain \"x\"",
        "stdout matches regex x*",
        "stdout doesn't match regex x",
        "stderr is exactly \"\"",
        "stderr isn't exactly \"x\"",
        "stderr contains \"\"",
        "stderr doesn't contain \"x\"",
        "stderr matches regex x*",
        "stderr doesn't match regex x",
    ] {
        assert_eq!(
            Scenario::new().fails(&format!("then {step}")),
            error("no earlier step has run a command")
                .help("write a step such as `when I try to run ls` before this step"),
            "{step}"
        );
    }
}

#[test]
fn exit_codes_are_compared() {
    let mut scenario = Scenario::new();
    let line = "sh -c 'echo out; echo err >&2; exit 3'";
    scenario.passes(&format!("when I try to run {line}"));
    let compared = |relation, expected: &str| {
        Failure::comparison("exit code of the command", relation, expected, "3")
            .note(note(line, "exit status 3"))
            .about(command(line, 3))
            .output(stdout("out\n"))
            .output(stderr("err\n"))
    };
    assert_eq!(scenario.fails("then exit code is 4"), compared(Relation::Is, "4"));
    assert_eq!(scenario.fails("then exit code is not 3"), compared(Relation::IsNot, "3"));
    let failed =
        error(&format!("command failed with exit status 3: {line}")).output(stdout("out\n")).output(stderr("err\n"));
    assert_eq!(scenario.fails("then command is successful"), failed);
    assert_eq!(scenario.fails("then command succeeds"), failed);
    scenario.passes("when I run echo fine");
    assert_eq!(
        scenario.fails("then command fails"),
        error("the command succeeded, but should have failed: echo fine").output(stdout("fine\n"))
    );
    assert_eq!(
        scenario.fails("then exit code is 99999999999999999999"),
        error("exit is `99999999999999999999`: number too large to fit in target type")
    );
}

#[test]
fn output_is_compared() {
    let mut scenario = Scenario::new();
    let line = "sh -c 'echo one; echo two; echo one >&2; echo two >&2'";
    scenario.passes(&format!("when I run {line}"));
    for stream in ["stdout", "stderr"] {
        scenario.passes(&format!(
            r#"then {stream} is exactly "one\ntwo\n"
             then {stream} isn't exactly "one\ntwo"
             then {stream} contains "e\nt"
             then {stream} contains ""
             then {stream} doesn't contain "three"
             then {stream} matches regex two$
             then {stream} matches regex ^one
             then {stream} doesn't match regex ^two"#
        ));
        let text = "one\ntwo\n";
        for (step, relation, expected, found) in [
            (r#"is exactly "one""#, Relation::Is, "one", None),
            (r#"isn't exactly "one\ntwo\n""#, Relation::IsNot, "one\ntwo\n", None),
            (r#"contains "three""#, Relation::Contains, "three", None),
            (r#"doesn't contain "two""#, Relation::DoesNotContain, "two", Some((4, 7))),
            ("matches regex ^two", Relation::Matches, "^two", None),
            ("doesn't match regex ^o.e", Relation::DoesNotMatch, "^o.e", Some((0, 3))),
        ] {
            let mut wanted = Failure::comparison(format!("{stream} of the command"), relation, expected, text)
                .note(note(line, "exit status 0"))
                .about(command(line, 0));
            wanted.comparison.as_mut().unwrap().part.found = found;
            if stream == "stdout" {
                wanted = wanted.output(stderr(text));
            }
            assert_eq!(scenario.fails(&format!("then {stream} {step}")), wanted);
        }
    }
}

#[test]
fn output_need_not_be_utf_8() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"when I run printf 'caf\351 au lait\n'
         then stdout contains " au lait\n"
         then stdout matches regex lait$
         then stdout isn't exactly "café au lait\n""#,
    );
    assert_eq!(
        scenario.fails("then stdout contains \"café\""),
        Failure::comparison("stdout of the command", Relation::Contains, "café", "caf\u{10ffe9} au lait\n")
            .note(note("printf 'caf\\351 au lait\\n'", "exit status 0"))
            .about(command("printf 'caf\\351 au lait\\n'", 0))
    );
}

#[test]
fn much_output_is_fine() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"when I run sh -c 'head -c 30000000 /dev/zero; echo end; echo small >&2'
         then stdout contains "end"
         then stdout doesn't contain "middle"
         then stdout isn't exactly "end\n"
         then stderr is exactly "small\n""#,
    );
    let ran = scenario.context.state::<Runcmd>().latest().unwrap();
    assert_eq!(ran.stdout().len().unwrap(), 30_000_004);
    assert!(ran.stdout().tail().unwrap().bytes.len() <= 8192);
}

#[test]
fn programs_may_open_their_output_anew() {
    let mut scenario = Scenario::new();
    scenario.passes(
        r#"when I run sh -c 'echo one; echo two >> /dev/stdout; echo three'
         then stdout is exactly "one\ntwo\nthree\n""#,
    );
}

/// What a command leaves in the background is not waited for, lives on, and may go on writing.
#[test]
fn children_in_the_background_live_on() {
    let mut scenario = Scenario::new();
    scenario.passes("when I run mkfifo pipe");
    scenario.passes("when I run sh -c '(read line < pipe; echo late; echo done > pipe) & echo $!'");
    let ran = scenario.context.state::<Runcmd>().latest().unwrap();
    let first = ran.stdout().bytes().unwrap();
    let pid = String::from_utf8(first.clone()).unwrap().trim().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    assert_eq!(test_kill_process(pid), Ok(()));
    // It writes, and says when it has.
    fs::write(scenario.path("pipe"), "go\n").unwrap();
    assert_eq!(fs::read(scenario.path("pipe")).unwrap(), b"done\n");
    let ran = scenario.context.state::<Runcmd>().latest().unwrap();
    assert_eq!(ran.stdout().bytes().unwrap(), [first, b"late\n".to_vec()].concat());
    let _ = kill_process(pid, Signal::KILL);
}

/// The command itself says when it has started: it interrupts its own run.
#[test]
fn an_interruption_stops_the_process_group_of_the_command() {
    let room = tempfile::tempdir().unwrap();
    let interrupt = room.path().join("interrupt");
    rustix::fs::mknodat(rustix::fs::CWD, &interrupt, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let end = rustix::fs::open(&interrupt, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let mut scenario = Scenario::watched_by(Watch::new().interrupted_by(end));
    let line = format!("sh -c 'echo here; sleep 1000 & echo $! > pid; echo > {}; wait'", interrupt.display());
    assert_eq!(
        scenario.fails(&format!("when I run {line}")),
        error(&format!("the command `{line}` was stopped: interrupted")).output(stdout("here\n"))
    );
    let pid: i32 = String::from_utf8(scenario.read("pid")).unwrap().trim().parse().unwrap();
    // It has been sent its signal, and dies as soon as it gets to run.
    let Ok(pidfd) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else {
        return;
    };
    let dies = Watch::new().end_of("the child", &pidfd, Duration::from_mins(1));
    assert_eq!(dies, Ok(true));
}

#[test]
fn a_time_limit_stops_the_command() {
    let mut watch = Watch::new();
    watch.set_deadline(Some(std::time::Instant::now()));
    let mut scenario = Scenario::watched_by(watch);
    assert_eq!(
        scenario.fails("when I try to run sleep 1000"),
        error("the command `sleep 1000` was stopped: the time limit has passed")
    );
}

#[test]
fn other_libraries_can_run_commands() {
    let mut scenario = Scenario::new();
    let command = Command::parse("sh -c 'exit 2'", None).unwrap();
    runcmd::try_to_run(&mut scenario.context, &command).unwrap();
    scenario.passes("then exit code is 2");
    let failed = runcmd::run(&mut scenario.context, &command).unwrap_err();
    assert_eq!(failed, error("command failed with exit status 2: sh -c 'exit 2'"));
}
