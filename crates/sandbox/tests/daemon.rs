//! Daemons of ordinary tests, under a test harness with many threads. Each test is named by the
//! behaviour it pins.
//!
//! The witness of most is a fifo that everything holds open that a daemon starts: its end says that
//! all are dead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::exit, reason = "one way for a test process to end")]
#![expect(clippy::disallowed_methods, reason = "a test starts this program again, and others beside the daemons")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use greenroom_sandbox::process::{Watch, table};
use greenroom_sandbox::{Daemon, DaemonCommand, DaemonError, ExitStatus, ProgramError, Signal, StopOutcome, ready};
use rustix::fs::{FileType, Mode, OFlags};

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);

/// A daemon that is a shell script.
fn script(text: &str) -> DaemonCommand {
    let mut command = DaemonCommand::new("sh");
    command.args(["-c", text]);
    command
}

/// A fifo whose writing end everything has open that is started by a script that begins with
/// [`Witness::HOLD`].
struct Witness {
    directory: tempfile::TempDir,
    reader: File,
}

impl Witness {
    /// The script's first words. They open the fifo for the shell and all below it.
    const HOLD: &str = "exec 9>witness; ";

    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("witness");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Opened without waiting for a writer.
        let reader =
            rustix::fs::open(&path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).unwrap();
        Self { directory, reader: reader.into() }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A daemon in the witness's directory that holds the fifo open.
    fn script(&self, text: &str) -> DaemonCommand {
        let mut command = script(&format!("{}{text}", Self::HOLD));
        command.current_dir(self.path());
        command
    }

    /// Whether everything is dead by now that held the fifo.
    fn all_dead(&self) -> bool {
        let mut rest = Vec::new();
        match (&self.reader).read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn wait_until_all_dead(&self) {
        let dead = Watch::new().until("all to be dead", LONG, &[], || self.all_dead().then_some(()));
        assert_eq!(dead, Ok(Some(())), "something lives on");
    }
}

/// Leaves a grandchild in a session of its own that ignores every signal it can, and says `up` when
/// that is so.
const RUNAWAY: &str = "
    (setsid sh -c 'trap \"\" TERM HUP INT QUIT;
        (setsid sh -c \"trap \\\"\\\" TERM HUP; echo up; sleep 600; sleep 600\" &) ; sleep 600; sleep 600' &)
    ";

#[test]
fn a_server_is_started_used_and_stopped() {
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("greeting"), "hello").unwrap();
    let words = ["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"];
    let mut web = DaemonCommand::new("python3").args(words).current_dir(room.path()).spawn().unwrap();
    let address = web.wait_for_listener(LONG).unwrap();
    assert_eq!(web.wait_for_port(address.port(), LONG).unwrap(), address);
    web.wait_for_stdout("Serving", LONG).unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut connection, b"GET /greeting HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    web.wait_for_stderr("GET /greeting", LONG).unwrap();
    assert!(web.stdout().unwrap().contains(&address.port().to_string()));
    assert!(web.try_wait().is_none());
    let stopped = web.stop(LONG).unwrap();
    assert!(
        matches!(stopped, StopOutcome::Gracefully(ended) if ended.status == ExitStatus::Signal(Signal::TERM)),
        "{stopped:?}"
    );
    assert_eq!(web.stop(LONG).map_err(|error| error.to_string()), Ok(StopOutcome::Already(web.try_wait().unwrap())));
    assert!(web.stderr().unwrap().contains("GET /greeting"));
}

#[test]
fn an_early_exit_is_reported_with_status_and_output() {
    let mut daemon = script("echo working on it; echo \"no such \tthing\" >&2; exit 3").spawn().unwrap();
    let error = daemon.wait_for_port(1, LONG).unwrap_err();
    let DaemonError::Exited { exit, .. } = &error else { panic!("{error}") };
    let after = exit.after.as_millis();
    assert_eq!(
        error.to_string(),
        format!(
            "waiting for port 1 of sh: it ended with exit status 3 after {after} ms\n\
             stdout ends with:\n    working on it\nstderr ends with:\n    no such \tthing"
        )
    );
    assert_eq!(format!("{error:?}"), error.to_string());
}

#[test]
fn a_wait_for_missing_text_times_out() {
    let mut daemon = script("echo something else >&2; exec sleep 600").spawn().unwrap();
    daemon.wait_for_stderr("else", LONG).unwrap();
    let error = daemon.wait_for_stdout("ready", SHORT).unwrap_err().to_string();
    assert!(error.starts_with("waiting for \"ready\" on stdout of sh: timed out after 50 ms\n"), "{error}");
    assert!(error.contains("note: stdout is empty; many programs buffer output"), "{error}");
    assert!(error.ends_with("stderr ends with:\n    something else"), "{error}");
    let error = daemon.wait(SHORT).unwrap_err().to_string();
    assert!(error.starts_with("waiting for the end of sh: timed out after 50 ms"), "{error}");
}

#[test]
fn output_from_before_the_end_counts() {
    let mut daemon = script("echo ready; exit 1").spawn().unwrap();
    assert_eq!(daemon.wait(LONG).unwrap().status, ExitStatus::Code(1));
    daemon.wait_for_stdout("ready", Duration::ZERO).unwrap();
    assert!(daemon.wait_for_stdout("more", LONG).is_err());
    assert_eq!(daemon.stdout_bytes().unwrap(), b"ready\n");
}

#[test]
fn a_port_of_another_process_does_not_count() {
    let mine = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mine.local_addr().unwrap().port();
    let mut stranger = server(0).spawn().unwrap();
    let taken = stranger.wait_for_listener(LONG).unwrap();
    let mut daemon = script("exec sleep 600").spawn().unwrap();
    let error = daemon.wait_for_port(port, SHORT).unwrap_err().to_string();
    assert!(error.contains(&format!("note: the test process itself listens on 127.0.0.1:{port}")), "{error}");
    let error = daemon.wait_for_port(taken.port(), SHORT).unwrap_err().to_string();
    assert!(error.contains(&format!("note: process {} (", stranger.id())), "{error}");
    // And one that cannot have it says so, with the culprit.
    let mut second = server(taken.port()).spawn().unwrap();
    let error = second.wait_for_port(taken.port(), LONG).unwrap_err().to_string();
    assert!(error.contains("it ended with exit status 1") && error.contains("Address already in use"), "{error}");
    assert!(error.contains(&format!("note: process {} (", stranger.id())), "{error}");
}

/// Listens on a port, and does nothing about connections.
fn server(port: u16) -> DaemonCommand {
    let program =
        "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)";
    let mut command = DaemonCommand::new("python3");
    command.args(["-c", program, &port.to_string()]);
    command
}

#[test]
fn a_daemon_that_puts_itself_into_the_background_is_kept() {
    let witness = Witness::new();
    let program = "
import os, socket, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
time.sleep(0.05)
s = socket.create_server(('127.0.0.1', 0))
time.sleep(600)
";
    let mut daemon = witness.script("exec python3 -c \"$PROGRAM\"").env("PROGRAM", program).spawn().unwrap();
    daemon.wait_for_listener(LONG).unwrap();
    assert_eq!(daemon.try_wait().map(|ended| ended.status), Some(ExitStatus::Code(0)));
    assert_eq!(daemon.processes().len(), 1);
    // It is asked politely too, and so does not use up its grace.
    let stopped = daemon.stop(LONG).unwrap();
    assert!(matches!(stopped, StopOutcome::Already(_)), "{stopped:?}");
    assert!(witness.all_dead());
}

#[test]
fn a_wait_ends_when_no_process_of_the_daemon_is_left() {
    let mut daemon = script("(exec sleep 0.05) & exit 0").spawn().unwrap();
    let error = daemon.wait_for_listener(LONG).unwrap_err().to_string();
    assert!(error.starts_with("waiting for a port of sh: it ended with exit status 0"), "{error}");
}

#[test]
fn a_daemon_that_ignores_sigterm_is_killed_after_the_grace() {
    let witness = Witness::new();
    let mut daemon = witness.script("trap '' TERM; echo up; while :; do sleep 600; done").spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    let stopped = daemon.stop(SHORT).unwrap();
    assert!(
        matches!(stopped, StopOutcome::Killed(ended) if ended.status == ExitStatus::Signal(Signal::KILL)),
        "{stopped:?}"
    );
    assert!(witness.all_dead());
}

#[test]
fn the_grace_is_for_the_process_group_only() {
    let witness = Witness::new();
    let text = "
        (setsid sh -c 'trap \"\" TERM; echo away; sleep 600; sleep 600' &)
        sh -c 'trap \"sleep 0.05; echo flushed; exit\" TERM; echo up; while :; do sleep 0.01; done' &
        wait";
    let mut daemon = witness.script(text).spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    daemon.wait_for_stdout("away", LONG).unwrap();
    let begun = Instant::now();
    let stopped = daemon.stop(LONG).unwrap();
    assert!(matches!(stopped, StopOutcome::Gracefully(_)), "{stopped:?}");
    assert!(daemon.stdout().unwrap().contains("flushed"));
    assert!(begun.elapsed() < LONG / 2);
    assert!(witness.all_dead());
}

#[test]
fn drop_kills_detached_grandchildren() {
    let witness = Witness::new();
    let mut daemon = witness.script(&format!("{RUNAWAY} exec sleep 600")).spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    assert!(!witness.all_dead());
    drop(daemon);
    assert!(witness.all_dead());
}

#[test]
fn a_process_that_keeps_forking_is_killed() {
    let witness = Witness::new();
    let program = "
import os, sys
print('up', flush=True)
while True:
    if os.fork(): os._exit(0)
    os.setsid()
";
    let mut daemon = witness.script("exec python3 -c \"$PROGRAM\"").env("PROGRAM", program).spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    drop(daemon);
    assert!(witness.all_dead());
}

#[test]
fn hundreds_of_processes_are_killed_at_once() {
    let witness = Witness::new();
    let text = "i=0; while [ $i -lt 300 ]; do sleep 600 & i=$((i+1)); done; echo up; wait";
    let mut daemon = witness.script(text).spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    assert_eq!(daemon.processes().len(), 301);
    drop(daemon);
    assert!(witness.all_dead());
}

#[test]
fn a_stopped_daemon_can_be_ended() {
    let witness = Witness::new();
    let mut daemon = witness.script("trap 'exit 7' TERM; echo up; kill -STOP $$; while :; do :; done").spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    let stopped = daemon.stop(LONG).unwrap();
    assert!(matches!(stopped, StopOutcome::Gracefully(ended) if ended.status == ExitStatus::Code(7)), "{stopped:?}");
    let mut daemon = witness.script("echo up; kill -STOP $$").spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    drop(daemon);
    assert!(witness.all_dead());
}

/// The keeper of a daemon: its parent.
fn keeper_of(daemon: &Daemon) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.id())).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap()
}

fn send(pid: i32, signal: Signal) {
    let signal = rustix::process::Signal::from_named_raw(signal.as_raw()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[test]
fn a_keeper_survives_signals_and_a_stop() {
    let witness = Witness::new();
    let mut daemon = witness.script("echo up; exec sleep 600").spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    let keeper = keeper_of(&daemon);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::STOP] {
        send(keeper, signal);
    }
    drop(daemon);
    assert!(witness.all_dead());
    assert!(!Path::new(&format!("/proc/{keeper}")).exists());
}

#[test]
fn a_killed_keeper_kills_the_daemon_and_is_reported() {
    let witness = Witness::new();
    let mut daemon = witness.script("echo up; exec sleep 600").spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    send(keeper_of(&daemon), Signal::KILL);
    witness.wait_until_all_dead();
    assert_eq!(daemon.wait(LONG).unwrap().status, ExitStatus::Signal(Signal::KILL));
    assert!(matches!(daemon.stop(LONG), Err(DaemonError::KeeperKilled { .. })));
}

#[test]
fn a_panic_ends_the_daemon() {
    let witness = Witness::new();
    let thread = std::thread::spawn({
        let mut command = witness.script(&format!("{RUNAWAY} exec sleep 600"));
        move || {
            let mut daemon = command.spawn().unwrap();
            daemon.wait_for_stdout("up", LONG).unwrap();
            panic!("on purpose");
        }
    });
    assert!(thread.join().is_err());
    assert!(witness.all_dead());
}

/// Runs a test of this file in another process, which starts a daemon in `directory` and says so;
/// returns that process.
fn in_another_process(test: &str, directory: &Path) -> std::process::Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", test])
        .env("DAEMON_TEST_DIRECTORY", directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("the daemon is up")), "{test} has started nothing");
    child
}

fn start_in_given_directory() -> Daemon {
    let directory = PathBuf::from(std::env::var_os("DAEMON_TEST_DIRECTORY").unwrap());
    let mut daemon =
        script(&format!("{}{RUNAWAY} exec sleep 600", Witness::HOLD)).current_dir(directory).spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    // Not by `println!`, which the harness may keep to itself.
    std::io::Write::write_all(&mut std::io::stdout(), b"the daemon is up\n").unwrap();
    daemon
}

#[test]
#[ignore = "run by others, in a process of its own that is killed"]
fn helper_that_waits_with_a_daemon() {
    let mut daemon = start_in_given_directory();
    daemon.wait(LONG).unwrap();
}

#[test]
#[ignore = "run by others, in a process of its own"]
fn helper_that_exits_with_a_daemon() {
    let _daemon = start_in_given_directory();
    std::process::exit(0);
}

#[test]
fn nothing_is_left_when_the_test_process_is_killed() {
    let witness = Witness::new();
    let mut other = in_another_process("helper_that_waits_with_a_daemon", witness.path());
    assert!(!witness.all_dead());
    other.kill().unwrap();
    other.wait().unwrap();
    witness.wait_until_all_dead();
}

#[test]
fn copies_of_descriptors_do_not_keep_the_daemon_alive() {
    let witness = Witness::new();
    let mut other = in_another_process("helper_that_waits_with_a_daemon", witness.path());
    let pid = rustix::process::Pid::from_child(&other);
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    let flags = rustix::process::PidfdGetfdFlags::empty();
    let copies: Vec<_> = (3..100).filter_map(|fd| rustix::process::pidfd_getfd(&pidfd, fd, flags).ok()).collect();
    assert!(!copies.is_empty());
    other.kill().unwrap();
    other.wait().unwrap();
    witness.wait_until_all_dead();
}

#[test]
fn nothing_is_left_when_the_test_process_exits() {
    let witness = Witness::new();
    let mut other = in_another_process("helper_that_exits_with_a_daemon", witness.path());
    other.wait().unwrap();
    witness.wait_until_all_dead();
}

#[test]
fn daemons_of_many_threads_are_independent() {
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                for _ in 0..5 {
                    let witness = Witness::new();
                    let text = format!("{RUNAWAY} echo number $NUMBER; exec sleep 600");
                    let mut daemon = witness.script(&text).env("NUMBER", number.to_string()).spawn().unwrap();
                    daemon.wait_for_stdout(format!("number {number}\n"), LONG).unwrap();
                    daemon.wait_for_stdout("up", LONG).unwrap();
                    if number % 2 == 0 {
                        let stopped = daemon.stop(LONG).unwrap();
                        assert!(matches!(stopped, StopOutcome::Gracefully(_)), "{stopped:?}");
                    } else {
                        drop(daemon);
                    }
                    assert!(witness.all_dead());
                }
            });
        }
    });
}

#[test]
fn a_daemon_that_closes_all_descriptors_is_kept() {
    let witness = Witness::new();
    let program = "
import os, time
print('up', flush=True)
os.closerange(0, 9)
os.closerange(10, 1024)
time.sleep(600)
";
    let mut daemon = witness.script("exec python3 -c \"$PROGRAM\"").env("PROGRAM", program).spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    assert!(daemon.try_wait().is_none());
    drop(daemon);
    assert!(witness.all_dead());
}

#[test]
fn a_daemon_has_three_descriptors_a_group_and_default_signals() {
    // Not to be inherited, though it is not marked so.
    let open = File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    let program = "
import os
fds = os.listdir('/proc/self/fd')
print(sorted(fd for fd in fds if os.path.exists('/proc/self/fd/' + fd)))
print(os.getpgid(0) == os.getpid(), os.getsid(0) != os.getpid())
status = dict(line.split() for line in open('/proc/self/status') if line.startswith('Sig') and '/' not in line)
# Two numbers are the C library's own business, and Python itself ignores two.
print(int(status['SigBlk:'], 16), hex(int(status['SigIgn:'], 16) & ~0x180000000))
try:
    open('/dev/tty')
except OSError as error:
    print(error.strerror)
";
    let mut daemon = DaemonCommand::new("python3").args(["-c", program]).spawn().unwrap();
    let status = daemon.wait(LONG).unwrap().status;
    assert_eq!(status, ExitStatus::Code(0), "{}", daemon.stderr().unwrap());
    assert_eq!(daemon.stdout().unwrap(), "['0', '1', '2']\nTrue True\n0 0x1001000\nNo such device or address\n");
}

#[test]
fn environment_and_directory_can_be_set() {
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("serve"), "#!/bin/sh\npwd -P; echo \"$COLOUR\" \"${HOME-homeless}\"; echo $0\n")
        .unwrap();
    let executable: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(room.path().join("serve"), executable).unwrap();
    let mut daemon = DaemonCommand::new("./serve")
        .current_dir(room.path())
        .env("COLOUR", "green")
        .env_remove("HOME")
        .spawn()
        .unwrap();
    daemon.wait(LONG).unwrap();
    let directory = room.path().canonicalize().unwrap();
    let output = daemon.stdout().unwrap();
    assert!(output.starts_with(&format!("{}\ngreen homeless\n", directory.display())), "{output}");
}

#[test]
fn a_program_that_is_open_for_writing_is_retried() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("serve");
    let mut file = File::create(&path).unwrap();
    std::io::Write::write_all(&mut file, b"#!/bin/sh\n").unwrap();
    let executable: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, executable).unwrap();
    let error = DaemonCommand::new(&path).spawn().unwrap_err().to_string();
    assert!(error.ends_with("Text file busy (os error 26)"), "{error}");
    // Closed by the end of a program that has it open and has been told to end.
    let held = Command::new("sh").args(["-c", "read line"]).stdin(Stdio::piped()).stdout(file).spawn().unwrap();
    let closing = std::thread::spawn(move || held.wait_with_output());
    let mut daemon = DaemonCommand::new(&path).spawn().unwrap();
    assert_eq!(daemon.wait(LONG).unwrap().status, ExitStatus::Code(0));
    closing.join().unwrap().unwrap();
}

#[test]
fn a_signal_reaches_the_daemon() {
    let mut daemon = script("trap 'echo reloaded' HUP; echo up; while :; do sleep 0.01; done").spawn().unwrap();
    daemon.wait_for_stdout("up", LONG).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_stdout("reloaded", LONG).unwrap();
    assert!(daemon.try_wait().is_none());
}

#[test]
fn sockets_and_http_answers_can_be_waited_for() {
    let room = tempfile::tempdir().unwrap();
    let program = "
import http.server, socket, sys
unix = socket.socket(socket.AF_UNIX)
unix.bind('socket')
unix.listen()
server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
server.serve_forever()
";
    let mut daemon = DaemonCommand::new("python3").args(["-c", program]).current_dir(room.path()).spawn().unwrap();
    daemon.wait_for(&mut ready::Socket::new(room.path().join("socket")), LONG).unwrap();
    let address = daemon.wait_for_listener(LONG).unwrap();
    daemon.wait_for(&mut ready::Http::new(&format!("http://{address}/socket"), 404), LONG).unwrap();
    let error = daemon.wait_for(&mut ready::Http::new(&format!("http://{address}/none"), 200), SHORT).unwrap_err();
    let error = error.to_string();
    let first =
        format!("waiting for http://{address}/none to answer with status 200 of python3: timed out after 50 ms\n");
    assert!(error.starts_with(&first) && error.contains("note: it answered with status 404"), "{error}");
    let error = daemon.wait_for(&mut ready::Socket::new("missing"), SHORT).unwrap_err().to_string();
    assert!(error.contains("\nnote: No such file or directory"), "{error}");
    assert!(matches!(daemon.kill(), Ok(StopOutcome::Killed(exit)) if exit.status == ExitStatus::Signal(Signal::KILL)));
}

#[test]
fn any_condition_can_be_waited_for() {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("ready");
    let mut daemon = script("touch ready; exec sleep 600").current_dir(room.path()).spawn().unwrap();
    daemon.wait_until("its file", LONG, || file.exists()).unwrap();
    let error = daemon.wait_until("a miracle", SHORT, || false).unwrap_err();
    assert_eq!(error.to_string(), "waiting for a miracle of sh: timed out after 50 ms");
    daemon.wait_until("nothing", Duration::MAX, || true).unwrap();
}

#[test]
fn start_errors_name_their_cause() {
    let error = DaemonCommand::new("no-such-program").spawn().unwrap_err();
    assert!(matches!(error, DaemonError::Program(ProgramError::NotFound { .. })), "{error}");
    assert_eq!(error.to_string(), "program not found: no-such-program");
    let error = DaemonCommand::new("").spawn().unwrap_err();
    assert!(matches!(error, DaemonError::Program(ProgramError::NotFound { .. })), "{error}");
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("script");
    std::fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    let executable: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&file, executable).unwrap();
    let error = DaemonCommand::new(&file).spawn().unwrap_err();
    let path = file.display();
    assert_eq!(
        error.to_string(),
        format!(
            "failed to start {path}: No such file or directory (os error 2)\n\
             note: its first line names the interpreter /no/such/interpreter, which does not exist"
        )
    );
    let error = script("exit").current_dir("/no/such/directory").spawn().unwrap_err().to_string();
    assert!(error.contains("its working directory does not exist: /no/such/directory"), "{error}");
    let error = script("exit").env("LONG", "x".repeat(1 << 20)).spawn().unwrap_err().to_string();
    assert!(error.contains("E2BIG"), "{error}");
    // Nothing is left of any of the keepers.
    let left: Vec<_> = table::members().into_iter().filter(|entry| entry.command.contains("no/such")).collect();
    assert_eq!(left, []);
}
