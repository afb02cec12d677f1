//! Stages: a launcher, what runs in it, and that nothing of it is left. Without libtest's `main`,
//! since the launcher is this executable started again and must come first.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a test program")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests start processes and read their environment")]

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use greenroom_sandbox::machine;
use greenroom_sandbox::process::{ExitStatus, Watch, table};
use greenroom_sandbox::{
    Agent, DirectoryFate, Launcher, LauncherOptions, Network, Notice, Received, RunnerEnd, SandboxChoice, SetupFailure,
    Stage, StageMessage, StageSpec,
};
use rustix::fs::{XattrFlags, listxattr, setxattr};
use rustix::process::{Pid, Signal, kill_process};

/// Does what the payload says: a shell script whose output is sent back, or one of a few words.
struct ShellAgent;

impl Agent for ShellAgent {
    type Prologue = Vec<u8>;

    fn prepare(&self, prologue: &[u8]) -> Vec<u8> {
        prologue.to_owned()
    }

    fn play(&self, prologue: &Vec<u8>, mut stage: Stage) {
        let script = String::from_utf8(stage.payload().to_owned()).unwrap();
        match script.as_str() {
            "prologue" => stage.send(prologue).unwrap(),
            "panic" => panic!("on purpose"),
            "descriptors" => {
                let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
                stage.send(format!("{open}").as_bytes()).unwrap();
            }
            "members" => stage.send(format!("{}", table::members().len()).as_bytes()).unwrap(),
            "wait" => {
                stage.send(b"waiting").unwrap();
                let waited = stage.watch().unwrap().readable(&[], Instant::now() + Duration::from_mins(10));
                stage.send(format!("{waited:?}").as_bytes()).unwrap();
            }
            _ => {
                let output = Command::new("sh").arg("-c").arg(&script).output().unwrap();
                stage.send(&[output.stdout, output.stderr].concat()).unwrap();
            }
        }
    }
}

struct Room {
    launcher: Launcher,
    directory: tempfile::TempDir,
    next: u32,
}

impl Room {
    fn new(choice: SandboxChoice) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = LauncherOptions {
            choice,
            temporary_directory: directory.path().to_owned(),
            keep: Vec::new(),
            prologue: b"for all".to_vec(),
            files: &["notes"],
        };
        Self { launcher: Launcher::start(options, None).unwrap(), directory, next: 0 }
    }

    fn launch(&mut self, script: &str) -> RunnerEnd {
        self.next += 1;
        let spec = StageSpec {
            directory: self.directory(self.next),
            environment: vec![("GREETING".to_owned(), Some("hello".to_owned()))],
            user: None,
            id_maps: None,
            network: Network::Private,
            disk: None,
            hint: None,
            holds: Vec::new(),
            is_observed: true,
        };
        let mut end = self.launcher.launch(self.next, spec, script.as_bytes()).unwrap();
        end.begin();
        end
    }

    fn directory(&self, stage: u32) -> PathBuf {
        self.launcher.run_directory().join(stage.to_string()).join("data")
    }

    /// Waits for the first process of the next stage.
    fn created(&self) -> i32 {
        loop {
            if let Some(Notice::Created { process, .. }) = self.launcher.notice().unwrap() {
                return process;
            }
            Watch::new().readable(&[self.launcher.fd().unwrap()], Instant::now() + Duration::from_mins(1)).unwrap();
        }
    }

    /// Removes the directory of the last stage, which has ended.
    fn remove(&self) {
        self.launcher.remove_directory(&self.directory(self.next)).unwrap();
    }

    fn gone(&self) -> Result<ExitStatus, SetupFailure> {
        loop {
            if let Some(Notice::Gone { status, .. }) = self.launcher.notice().unwrap() {
                return status;
            }
            Watch::new().readable(&[self.launcher.fd().unwrap()], Instant::now() + Duration::from_mins(1)).unwrap();
        }
    }

    /// Everything a stage says, and how it ended.
    fn play(&mut self, script: &str) -> (String, Result<ExitStatus, SetupFailure>) {
        let mut end = self.launch(script);
        let said = all(&mut end);
        (said, self.gone())
    }
}

fn next(end: &mut RunnerEnd) -> Received<StageMessage> {
    loop {
        match end.receive() {
            Received::Nothing => {
                let fd = end.fd().try_clone_to_owned().unwrap();
                Watch::new().readable(&[fd.as_fd()], Instant::now() + Duration::from_mins(1)).unwrap();
            }
            said => return said,
        }
    }
}

fn all(end: &mut RunnerEnd) -> String {
    let mut text = String::new();
    loop {
        match next(end) {
            Received::Message(StageMessage::Agent(message)) => text.push_str(&String::from_utf8_lossy(&message)),
            Received::Message(StageMessage::Junk(bytes)) => panic!("junk: {}", bytes.escape_ascii()),
            Received::Message(StageMessage::NotSetUp(failure)) => return format!("not set up: {}", failure.reason),
            Received::Nothing | Received::End => return text,
        }
    }
}

const FINE: Result<ExitStatus, SetupFailure> = Ok(ExitStatus::Code(0));

fn a_stage_is_set_up_as_ordered(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    assert_eq!(room.play("prologue"), ("for all".to_owned(), FINE));
    assert_eq!(room.play("echo $GREETING; ls -A"), ("hello\n".to_owned(), FINE));
    let directory = room.directory(3).canonicalize();
    assert!(directory.is_err(), "made before it was asked for");
    let (said, _) = room.play("pwd");
    assert_eq!(Path::new(said.trim()), room.directory(3));
    // Big orders and big answers pass whole.
    let long = "x".repeat(100_000);
    let (said, gone) = room.play(&format!("echo {long} | wc -c; head -c 3000000 /dev/zero"));
    assert_eq!((said.len(), &said[..6], gone), (3_000_007, "100001", FINE));
}

fn processes_end_with_their_stage(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    for ending in ["exit", "kill -9 $PPID"] {
        // A double fork into a session of its own that ignores every signal it can. It writes when
        // it is there.
        let stubborn = "trap '' TERM HUP INT QUIT; echo there >ready; exec sleep 4711 >/dev/null 2>&1";
        let script = format!("(setsid sh -c \"{stubborn}\" &); until test -s ready; do :; done; {ending}");
        let _ = room.play(&script);
        assert_eq!(alive("4711"), NOBODY);
    }
}

const NOBODY: [String; 0] = [];

/// Every `sleep` on this machine with this word in its command line.
fn alive(word: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let command_lines = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    command_lines.filter(|line| line.starts_with("sleep\0") && line.contains(word)).collect()
}

fn a_collapse_ends_everything(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    let mut end = room.launch("wait");
    assert_eq!(next(&mut end), Received::Message(StageMessage::Agent(b"waiting".to_vec())));
    end.collapse();
    // Its worker may have noticed first, and ended well.
    assert!(room.gone().is_ok());
    assert!(matches!(all(&mut end).as_str(), "" | "Err(Interrupted)"));
}

/// What other processes of the machine do does not matter.
fn stages_that_compute_are_told_from_those_that_wait(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    // In a session of its own it belongs to the first process, not to the worker.
    let computing = room.launch("(setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &); sleep 4712");
    let mut waiting = room.launch("wait");
    assert_eq!(next(&mut waiting), Received::Message(StageMessage::Agent(b"waiting".to_vec())));
    let [first, second] = [room.created(), room.created()];
    // The worker of the second has just sent its message, and falls asleep.
    let mut watch = Watch::new();
    let told_apart = || (machine::wants_processor(first) && !machine::wants_processor(second)).then_some(());
    assert_eq!(watch.until("a wait", Duration::from_mins(1), &[], told_apart), Ok(Some(())));
    drop((computing, waiting));
    assert!(room.gone().is_ok() && room.gone().is_ok());
}

/// Descriptors of stages that have just ended are not passed on to the next one.
fn stages_that_end_leave_the_next_one_no_descriptors(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    let (expected, _) = room.play("descriptors");
    let launcher = children("thread-self/children").last().copied().and_then(Pid::from_raw).unwrap();
    let mut waiting: Vec<RunnerEnd> = (0..5).map(|_| room.launch("wait")).collect();
    for end in &mut waiting {
        assert_eq!(next(end), Received::Message(StageMessage::Agent(b"waiting".to_vec())));
    }
    let launcher_number = launcher.as_raw_nonzero();
    let firsts = children(&format!("{launcher_number}/task/{launcher_number}/children"));
    // So it sees all ends and the launch at once.
    kill_process(launcher, Signal::STOP).unwrap();
    wait_for_state(launcher_number.get(), 'T');
    drop(waiting);
    let mut next = room.launch("descriptors");
    assert_eq!(firsts.len(), 5);
    for first in firsts {
        wait_for_state(first, 'Z');
    }
    kill_process(launcher, Signal::CONT).unwrap();
    assert_eq!(all(&mut next), expected);
}

/// The processes in a list of children below `/proc`.
fn children(list: &str) -> Vec<i32> {
    let text = std::fs::read_to_string(Path::new("/proc").join(list)).unwrap();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn wait_for_state(pid: i32, state: char) {
    let until = Instant::now() + Duration::from_mins(1);
    while !std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(&format!(") {state} ")) {
        assert!(Instant::now() < until, "process {pid} never gets into state {state}");
    }
}

fn an_interruption_ends_waits(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    let mut end = room.launch("wait");
    assert_eq!(next(&mut end), Received::Message(StageMessage::Agent(b"waiting".to_vec())));
    end.interrupt();
    assert_eq!(all(&mut end), "Err(Interrupted)");
    assert_eq!(room.gone(), FINE);
}

fn a_panic_ends_only_its_stage(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    assert_eq!(room.play("panic"), (String::new(), Ok(ExitStatus::Code(1))));
    assert_eq!(room.play("prologue"), ("for all".to_owned(), FINE));
}

fn a_stage_sees_only_itself(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    assert_eq!(room.play("members"), ("0".to_owned(), FINE));
    let mut other = room.launch("wait");
    assert_eq!(next(&mut other), Received::Message(StageMessage::Agent(b"waiting".to_vec())));
    assert_eq!(room.play("members"), ("0".to_owned(), FINE));
}

fn dropping_the_launcher_ends_all_stages(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    let mut end = room.launch("echo started; exec sleep 4712");
    // What the script writes comes only at its end, which never comes: look at the process table
    // instead.
    let started =
        Watch::new().until("sleep 4712", Duration::from_mins(1), &[], || (alive("4712").len() == 1).then_some(()));
    assert_eq!(started, Ok(Some(())));
    let Room { launcher, directory, .. } = room;
    drop(launcher);
    assert_eq!(next(&mut end), Received::End);
    assert_eq!(alive("4712"), NOBODY);
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 0, "an undismissed launcher removes the run's directory");
}

fn a_sealed_stage_is_isolated() {
    let mut room = Room::new(SandboxChoice::Sealed);
    let (said, _) =
        room.play("ls /tmp | grep -v tmp; cat /proc/net/dev | grep -c :; echo $$ | grep -c '^[0-9]\\{1,2\\}$'; id -u");
    let id = rustix::process::getuid().as_raw();
    assert_eq!(said, format!("1\n1\n{id}\n"));
    let before = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    if id == 0 {
        let _ = room.play("echo greenroom-test >/proc/sys/kernel/hostname; hostname greenroom-test");
    }
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

/// The directory of a stage that has ended becomes that of the next one only if it is as good as
/// new.
fn directories_are_used_again_while_they_are_as_new(choice: SandboxChoice) {
    let mut room = Room::new(choice);
    let state = |room: &mut Room| room.play("stat -c '%a %u %g' . .. && ls -A . ..").0;
    let fresh = state(&mut room);
    room.remove();
    let changes = [
        "mkdir -p a/b/c && touch .hidden a/b/c/file && ln -s / link && mkfifo pipe && chmod 0 a",
        "chmod 777 .",
        "chmod 1755 .",
        "chmod 700 ..",
        "chown 65534:65534 . || :",
        "touch ../beside",
        "ln -s / ../notes",
        "mkfifo ../notes",
        "mkdir ../notes",
        "umask 022; touch ../notes; chmod 755 ../notes",
        "umask 022; touch ../notes; ln ../notes ../more",
        "umask 022; touch ../notes; chown 65534:65534 ../notes || rm ../notes",
        "mv ../data ../other",
        "rmdir ../data",
        "rmdir ../data && ln -s /tmp ../data",
        "rmdir ../data && touch ../data",
        // Root alone may.
        "mkdir -p a/b && touch a/file && chattr +i a/file a/b a . || :",
        "mkdir -p a/b && touch file && chattr +a file a/b a .. || :",
        "for at in $(seq 300); do touch $(printf '%0100d' $at); done",
    ];
    for change in changes {
        assert!(room.play(change).1.is_ok());
        room.remove();
        assert_eq!(state(&mut room), fresh, "after {change}");
        room.remove();
    }
    assert!(room.play(":").1.is_ok());
    let own = room.directory(room.next);
    // Some file systems have none.
    let is_marked = setxattr(&own, "user.mark", b"1", XattrFlags::CREATE).is_ok();
    room.remove();
    let inode = |room: &mut Room| room.play("stat -c %i .").0;
    let first = inode(&mut room);
    let attributes = listxattr(room.directory(room.next), &mut [0_u8; 64]);
    assert!(!is_marked || attributes == Ok(0), "{attributes:?}");
    room.remove();
    let second = inode(&mut room);
    if choice == SandboxChoice::Sealed {
        assert_eq!(second, first, "it was not used again");
    }
    room.remove();
    // Files beside the directory go, but for those that may stay, which are empty then.
    let (notes, _) = room.play("umask 022; touch ../beside ../.hidden; echo text >../notes; stat -c %i ../notes");
    room.remove();
    let (third, _) = room.play("ls -A ..; stat -c %s ../notes; stat -c %i ../notes .");
    if choice == SandboxChoice::Sealed {
        assert_eq!(third, format!("data\nnotes\n0\n{notes}{first}"));
    }
    let kept = room.directory(room.next);
    assert!(room.play(":").1.is_ok());
    room.remove();
    let Room { launcher, directory: _directory, .. } = room;
    let run_directory = launcher.run_directory().to_owned();
    launcher.leave_directory();
    launcher.dismiss(DirectoryFate::Keep);
    let left: Vec<PathBuf> = std::fs::read_dir(run_directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [kept.parent().unwrap()]);
}

type Test = fn(SandboxChoice);

fn main() {
    greenroom_sandbox::enter(&ShellAgent);
    let options = LauncherOptions {
        choice: SandboxChoice::Sealed,
        temporary_directory: std::env::temp_dir(),
        ..LauncherOptions::default()
    };
    let sealed = Launcher::start(options, None);
    let sealed = match sealed {
        Ok(_) => true,
        Err(error) => {
            assert!(std::env::var_os("GREENROOM_MUST_SANDBOX").is_none(), "{error}");
            eprintln!("skipped what needs a sealed sandbox: {error}");
            false
        }
    };
    let tests: &[(&str, Test)] = &[
        ("a_stage_is_set_up_as_ordered", a_stage_is_set_up_as_ordered),
        ("processes_end_with_their_stage", processes_end_with_their_stage),
        ("a_collapse_ends_everything", a_collapse_ends_everything),
        ("an_interruption_ends_waits", an_interruption_ends_waits),
        ("stages_that_compute_are_told_from_those_that_wait", stages_that_compute_are_told_from_those_that_wait),
        ("stages_that_end_leave_the_next_one_no_descriptors", stages_that_end_leave_the_next_one_no_descriptors),
        ("directories_are_used_again_while_they_are_as_new", directories_are_used_again_while_they_are_as_new),
        ("a_panic_ends_only_its_stage", a_panic_ends_only_its_stage),
        ("a_stage_sees_only_itself", a_stage_sees_only_itself),
        ("dropping_the_launcher_ends_all_stages", dropping_the_launcher_ends_all_stages),
    ];
    for (name, test) in tests {
        println!("test {name}, tended");
        test(SandboxChoice::Tended);
        if sealed {
            println!("test {name}, sealed");
            test(SandboxChoice::Sealed);
        }
    }
    if sealed {
        println!("test a_sealed_stage_is_isolated");
        a_sealed_stage_is_isolated();
    }
    println!("test result: ok. {} passed; 0 failed", tests.len() * if sealed { 2 } else { 1 } + usize::from(sealed));
}
