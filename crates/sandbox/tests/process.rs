//! Processes without a stage: start, wait, look, stop. The name of each test is the behaviour that it checks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use greenroom_sandbox::process::capture::{self, Seeker};
use greenroom_sandbox::process::ports::Listeners;
use greenroom_sandbox::process::{
    ExitStatus, Input, Process, Program, ProgramError, Signal, StopOutcome, WaitError, Watch, find_program, table,
};

fn shell(directory: &Path, script: &str) -> Process {
    let words = ["sh", "-c", script];
    Program {
        path: "/bin/sh".into(),
        argv: words.map(OsString::from).into(),
        directory: directory.to_owned(),
        environment: vec![("GREETING".into(), Some("hello".into()))],
        stdin: Input::Null,
        stdout: File::create(directory.join("out")).unwrap(),
        stderr: File::create(directory.join("err")).unwrap(),
    }
    .start()
    .unwrap()
}

fn read(directory: &Path, name: &str) -> String {
    let tail = capture::tail(&directory.join(name), 1000).unwrap();
    String::from_utf8(tail.bytes).unwrap()
}

const LONG: Duration = Duration::from_mins(1);

/// Waits until a file holds a text.
fn wait_for(directory: &Path, name: &str, text: &str) {
    let mut seeker = Seeker::new(text.as_bytes());
    let path = directory.join(name);
    let found = Watch::new().until(text, LONG, &[], || seeker.look(&path).unwrap_or(false).then_some(()));
    assert_eq!(found, Ok(Some(())), "{name} never held {text:?}");
}

#[test]
fn a_process_ends_with_its_status_and_output() {
    let room = tempfile::tempdir().unwrap();
    let mut process = shell(room.path(), "echo $GREETING; echo oops >&2; exit 3");
    let ended = process.wait(&mut Watch::new(), "the end", LONG).unwrap().unwrap();
    assert_eq!(ended.status, ExitStatus::Code(3));
    assert_eq!((read(room.path(), "out"), read(room.path(), "err")), ("hello\n".into(), "oops\n".into()));
    assert_eq!(process.stop(&mut Watch::new(), "it", Signal::TERM, LONG), Ok(StopOutcome::Already(ended)));
}

#[test]
fn the_command_line_is_visible_when_start_returns() {
    let room = tempfile::tempdir().unwrap();
    for _ in 0..50 {
        let process = shell(room.path(), "sleep 600; : unmistakable");
        assert!(table::command_line(process.pid()).contains("unmistakable"));
    }
}

#[test]
fn the_end_after_a_stop_is_noticed_at_once() {
    let room = tempfile::tempdir().unwrap();
    let mut process = shell(room.path(), "exec sleep 600");
    let begun = Instant::now();
    let stopped = process.stop(&mut Watch::new(), "it", Signal::TERM, LONG).unwrap();
    assert!(
        matches!(stopped, StopOutcome::Gracefully(ended) if ended.status == ExitStatus::Signal(Signal::TERM)),
        "{stopped:?}"
    );
    assert!(begun.elapsed() < LONG / 2);
}

#[test]
fn a_group_that_ignores_sigterm_is_killed_after_the_grace() {
    let room = tempfile::tempdir().unwrap();
    let mut process = shell(room.path(), "trap '' TERM; echo up; while :; do sleep 600 & wait; done");
    wait_for(room.path(), "out", "up");
    let leader = process.pid();
    let stopped = process.stop(&mut Watch::new(), "it", Signal::TERM, Duration::from_millis(50)).unwrap();
    assert!(
        matches!(stopped, StopOutcome::Killed(ended) if ended.status == ExitStatus::Signal(Signal::KILL)),
        "{stopped:?}"
    );
    let left: Vec<_> = table::members().into_iter().filter(|entry| entry.group == leader).collect();
    assert_eq!(left, []);
}

#[test]
fn a_stopped_process_is_continued_to_end() {
    let room = tempfile::tempdir().unwrap();
    let mut process = shell(room.path(), "trap 'exit 7' TERM; echo up; kill -STOP $$; while :; do :; done");
    wait_for(room.path(), "out", "up");
    let stopped = process.stop(&mut Watch::new(), "it", Signal::TERM, LONG).unwrap();
    assert!(matches!(stopped, StopOutcome::Gracefully(ended) if ended.status == ExitStatus::Code(7)), "{stopped:?}");
}

#[test]
fn a_dropped_process_is_gone() {
    let room = tempfile::tempdir().unwrap();
    let process = shell(room.path(), "exec sleep 600");
    let pid = process.pid();
    drop(process);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_deadline_and_an_interruption_cut_a_wait_short() {
    let room = tempfile::tempdir().unwrap();
    let process = shell(room.path(), "exec sleep 600");
    let mut watch = Watch::new();
    watch.set_deadline(Some(Instant::now() + Duration::from_millis(5)));
    let timed_out = WaitError::TimeLimit { waiting_for: "the end of time".to_owned() };
    assert_eq!(watch.end_of("the end of time", process.pidfd(), LONG), Err(timed_out.clone()));
    assert_eq!((watch.take_error(), watch.take_error()), (Some(timed_out), None));
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut watch = Watch::new().interrupted_by(theirs.into());
    drop(ours);
    assert_eq!(watch.readable(&[process.pidfd().as_fd()], Instant::now() + LONG), Err(WaitError::Interrupted));
}

#[test]
fn there_is_one_more_look_after_the_limit() {
    let mut looks = 0;
    let found = Watch::new().until("nothing", Duration::ZERO, &[], || {
        looks += 1;
        None::<()>
    });
    assert_eq!((found, looks), (Ok(None), 1));
}

#[test]
fn listeners_are_listed_with_their_address() {
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        let listener = std::net::TcpListener::bind(address).unwrap();
        let local = listener.local_addr().unwrap();
        let seen = Listeners::new().on_port(local.port());
        assert_eq!(seen.iter().map(|listener| listener.address).collect::<Vec<_>>(), [local]);
    }
}

#[test]
fn programs_are_found_as_a_shell_finds_them() {
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("script"), "#!/bin/sh\n").unwrap();
    let path: OsString = "/nowhere:/bin".into();
    assert_eq!(find_program("sh".as_ref(), &path, room.path()).unwrap(), Path::new("/bin/sh"));
    let found = find_program("./script".as_ref(), &path, room.path());
    assert!(matches!(found, Err(ProgramError::NotExecutable { .. })), "{found:?}");
    let found = find_program("no-such-program".as_ref(), &path, room.path());
    assert_eq!(found, Err(ProgramError::NotFound { name: "no-such-program".into(), searched_path: true }));
}

#[test]
fn a_missing_interpreter_is_named() {
    let room = tempfile::tempdir().unwrap();
    let script = room.path().join("script");
    std::fs::write(&script, "#!/no/such/interpreter -x\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = Program {
        path: script,
        argv: vec!["script".into()],
        directory: room.path().to_owned(),
        environment: Vec::new(),
        stdin: Input::Null,
        stdout: File::create(room.path().join("out")).unwrap(),
        stderr: File::create(room.path().join("err")).unwrap(),
    };
    let error = program.start().unwrap_err();
    assert_eq!(
        error.hint.as_deref(),
        Some("its first line names the interpreter /no/such/interpreter, which does not exist")
    );
}

#[test]
fn a_text_across_two_reads_is_found() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("log");
    let mut seeker = Seeker::new(b"needle");
    std::fs::write(&path, "hay nee").unwrap();
    assert!(!seeker.look(&path).unwrap());
    std::fs::write(&path, "hay needle").unwrap();
    assert!(seeker.look(&path).unwrap());
    std::fs::write(&path, "x".repeat(64 * 1024 - 3) + "needle").unwrap();
    assert!(Seeker::new(b"needle").look(&path).unwrap());
    assert!(!Seeker::new(b"noodle").look(&path).unwrap());
}

#[test]
fn a_tail_begins_at_a_line_and_counts_omitted_bytes() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("log");
    std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
    let tail = capture::tail(&path, 8).unwrap();
    assert_eq!((tail.bytes.as_slice(), tail.omitted), (b"three\n".as_slice(), 8));
    std::os::unix::fs::symlink(&path, room.path().join("link")).unwrap();
    assert!(capture::tail(&room.path().join("link"), 8).is_err());
}

#[test]
fn a_directory_without_write_permission_is_removed() {
    let room = tempfile::tempdir().unwrap();
    let tree = room.path().join("tree");
    std::fs::create_dir_all(tree.join("closed/below")).unwrap();
    std::fs::write(tree.join("closed/below/file"), "x").unwrap();
    let closed: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    std::fs::set_permissions(tree.join("closed/below"), closed.clone()).unwrap();
    std::fs::set_permissions(tree.join("closed"), closed).unwrap();
    let outside = room.path().join("outside");
    std::fs::write(&outside, "precious").unwrap();
    std::os::unix::fs::symlink(&outside, tree.join("link")).unwrap();
    greenroom_sandbox::tree::remove(&tree).unwrap();
    assert!(!tree.exists());
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "precious");
}

#[test]
fn a_tree_of_thousands_of_levels_is_removed() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let room = tempfile::tempdir().unwrap();
    let tree = room.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let mut deepest = openat(CWD, &tree, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..5000 {
        mkdirat(&deepest, "d", Mode::RWXU).unwrap();
        deepest = openat(&deepest, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    drop(deepest);
    greenroom_sandbox::tree::remove(&tree).unwrap();
    assert!(!tree.exists());
}
