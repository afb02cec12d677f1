//! Runs the command in a project directory and compares its whole output.
//!
//! It is long because it is one thing: a project, a run of the command in it, and what the run left.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the command as a user does, and ask their environment whether sandboxes are a must"
)]

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::rc::{Rc, Weak};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use snapbox::IntoData;

use crate::order;

/// Metadata with all libraries, in four lines.
pub(crate) const HEAD: &str = "---\ntitle: Trial\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n...\n";

/// A test that takes this long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Creates a document: metadata, then these scenarios.
pub(crate) fn document(scenarios: &str) -> String {
    format!("{HEAD}{scenarios}")
}

/// Creates a document with one scenario of these steps.
pub(crate) fn scenario(steps: &str) -> String {
    document(&format!("# The scenario\n~~~scenario\n{steps}\n~~~\n"))
}

/// Appends the programs of `fixtures/programs` that a document mentions, as embedded files.
pub(crate) fn with_programs(mut text: String) -> String {
    let programs = fixture("programs");
    for name in names(&programs).iter().filter(|name| text.contains(name.as_str())).cloned().collect::<Vec<_>>() {
        let program = fs::read_to_string(programs.join(&name)).unwrap();
        text += &format!("\n~~~{{#{name} .file}}\n{program}~~~\n");
    }
    text
}

/// The sandbox of all runs that do not choose one: `tended` or `sealed`.
static FORCED: LazyLock<Option<String>> = LazyLock::new(|| {
    let forced = std::env::var("GREENROOM_TEST_SANDBOX").ok().filter(|forced| !forced.is_empty())?;
    assert!(["tended", "sealed"].contains(&forced.as_str()), "GREENROOM_TEST_SANDBOX is {forced}");
    Some(forced)
});

/// Why this machine cannot seal scenarios.
static NOT_SEALED: LazyLock<Option<String>> = LazyLock::new(|| {
    if FORCED.as_deref() == Some("tended") {
        return Some("GREENROOM_TEST_SANDBOX is tended".to_owned());
    }
    let project = Project::new().file("x.md", scenario("when I run true"));
    let ran = project.run(["run", "--sandbox", "sealed", "x.md"]);
    (ran.status.code() == Some(4)).then_some(ran.stderr)
});

/// Whether the tests run where everything that they need must be installed.
pub(crate) fn is_ci() -> bool {
    let is = |name: &str, value: &str| std::env::var_os(name).is_some_and(|set| set == value);
    is("CI", "true") || is("GREENROOM_MUST_SANDBOX", "1")
}

/// Returns how often to repeat a test for a race: `GREENROOM_ROUNDS`, or this many times.
pub(crate) fn rounds(few: usize) -> usize {
    let rounds = std::env::var("GREENROOM_ROUNDS").ok().filter(|rounds| !rounds.is_empty());
    rounds.map_or(few, |rounds| rounds.parse().expect("GREENROOM_ROUNDS is a number"))
}

/// Waits for the right to use the host's ports, which one test at a time has.
///
/// A thread that has it already gets it again.
fn turn() -> Rc<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    thread_local! {
        static HELD: RefCell<Weak<MutexGuard<'static, ()>>> = const { RefCell::new(Weak::new()) };
    }
    if let Some(turn) = HELD.with_borrow(Weak::upgrade) {
        return turn;
    }
    let turn = Rc::new(TURN.lock().unwrap_or_else(PoisonError::into_inner));
    HELD.set(Rc::downgrade(&turn));
    turn
}

/// A directory with documents, and beside it a directory for temporary files.
pub(crate) struct Project {
    root: tempfile::TempDir,
    environment: Vec<(OsString, OsString)>,
    /// The user to run as, if the tests run as root.
    user: Option<u32>,
    /// What `/etc/subuid` and `/etc/subgid` are for greenroom, if not those of the machine.
    subordinate_ids: Option<PathBuf>,
    /// A command that starts greenroom.
    through: Vec<OsString>,
    /// Whether to run command lines exactly as the test wrote them.
    bare: bool,
    /// The program to run.
    program: PathBuf,
    _turn: Option<Rc<MutexGuard<'static, ()>>>,
}

impl Project {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("trial-").tempdir().unwrap();
        for directory in ["project", "tmp"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        Self {
            root,
            environment: Vec::new(),
            user: None,
            subordinate_ids: None,
            through: Vec::new(),
            bare: false,
            program: env!("CARGO_BIN_EXE_greenroom").into(),
            _turn: None,
        }
    }

    /// Creates a project whose runs are sealed, or prints why the test is skipped.
    pub(crate) fn sealed() -> Option<Self> {
        let Some(reason) = &*NOT_SEALED else { return Some(Self::new()) };
        let must = FORCED.is_none() && std::env::var_os("GREENROOM_MUST_SANDBOX").is_some_and(|must| must == "1");
        assert!(!must, "{reason}");
        println!("skipped: only for sealed scenarios: {reason}");
        None
    }

    /// Creates a project whose scenarios use ports that other tests use too.
    ///
    /// Tests take turns if scenarios are not sealed.
    pub(crate) fn anywhere() -> Self {
        let turn = NOT_SEALED.is_some().then(turn);
        Self { _turn: turn, ..Self::new() }
    }

    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    pub(crate) fn link(self, path: &str, to: impl AsRef<Path>) -> Self {
        symlink(to, self.path(path)).unwrap();
        self
    }

    pub(crate) fn mode(self, path: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Creates an executable file.
    pub(crate) fn program(self, path: &str, text: &str) -> Self {
        self.file(path, text).mode(path, 0o755)
    }

    /// Creates a named pipe.
    pub(crate) fn fifo(self, path: &str) -> Self {
        let path = self.path(path);
        assert!(Command::new("mkfifo").arg("-m").arg("666").arg(path).status().unwrap().success());
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs greenroom as another user than root, or prints why the test is skipped: it needs root.
    pub(crate) fn by_user(mut self, user: u32) -> Option<Self> {
        if !rustix::process::getuid().is_root() || Command::new("setpriv").arg("--version").output().is_err() {
            println!("skipped: only root can run a test as another user, and needs setpriv for it");
            return None;
        }
        for directory in [self.root.path().to_owned(), self.path("."), self.tmp()] {
            std::os::unix::fs::chown(directory, Some(user), Some(user)).unwrap();
        }
        self.user = Some(user);
        Some(self)
    }

    /// Runs greenroom with this text in place of `/etc/subuid` and `/etc/subgid`, which it alone sees.
    ///
    /// It must be root or run as another user: see [`Project::by_user`].
    pub(crate) fn with_subordinate_ids(mut self, text: &str) -> Self {
        let file = self.root.path().join("subordinate-ids");
        fs::write(&file, text).unwrap();
        self.subordinate_ids = Some(file);
        self
    }

    /// Starts greenroom through this command, which gets the command line as its last arguments.
    pub(crate) fn through<A: AsRef<OsStr>>(mut self, command: impl IntoIterator<Item = A>) -> Self {
        self.through = command.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Runs command lines exactly as written, without a forced sandbox.
    pub(crate) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Runs the test program `examples/steps.rs` on the project's document `x.md` instead of the command.
    pub(crate) fn of_test_program(self) -> Self {
        self.of_example("steps")
    }

    /// Runs this example of the package, a test program.
    pub(crate) fn of_example(mut self, name: &str) -> Self {
        let binaries = Path::new(env!("CARGO_BIN_EXE_greenroom")).parent().unwrap();
        self.program = binaries.join("examples").join(name);
        let features = if name == "async_steps" { " --features tokio" } else { "" };
        let command = format!("cargo build --package greenroom{features} --example {name}");
        assert!(self.program.exists(), "build it first: {command}");
        let directory = self.path(".");
        self.env("CARGO_MANIFEST_DIR", directory).bare()
    }

    /// Makes the kernel refuse system calls. `fixtures/shim.py` explains the rules.
    pub(crate) fn refusing(self, rules: &str) -> Self {
        let shim = fixture("shim.py");
        self.through([OsStr::new("python3"), shim.as_os_str(), OsStr::new(rules), OsStr::new("--")])
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join("project").join(path)
    }

    /// Returns the directory for temporary files.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// Returns the directory for what greenroom remembers, which it creates.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    /// Returns a text that no command line of another test contains.
    pub(crate) fn token(&self) -> String {
        self.root.path().file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Returns the file names in the project directory.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.path("."))
    }

    /// Starts greenroom.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Started<'_> {
        let greenroom = &self.program;
        let mut words: Vec<OsString> = Vec::new();
        let mut program = greenroom.to_owned();
        if let Some(file) = &self.subordinate_ids {
            let mounts = "mount --bind \"$0\" /etc/subuid && mount --bind \"$0\" /etc/subgid && exec \"$@\"";
            words.extend(["unshare", "--mount", "sh", "-c", mounts].map(Into::into));
            words.push(file.into());
        }
        if let Some(user) = self.user {
            // Other users may have no access to the build directory.
            program = self.root.path().join("greenroom");
            if !program.exists() && fs::hard_link(greenroom, &program).is_err() {
                // Not in this process: a child forked by another thread meanwhile would keep the
                // file open for writing, so that it could not be started.
                assert!(Command::new("cp").args([greenroom, &program]).status().unwrap().success());
            }
            words.push("setpriv".into());
            words.extend(
                [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()].map(Into::into),
            );
        }
        words.extend(self.through.iter().cloned());
        words.push(program.into());
        let mut arguments: Vec<OsString> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let says =
            |option: &str| arguments.iter().any(|word| word.to_str().is_some_and(|word| word.starts_with(option)));
        let order = arguments.clone();
        let header = Header { of_any_sandbox: !says("--sandbox"), of_any_jobs: !says("-j") && !says("--jobs") };
        if let (Some(forced), true) =
            (&*FORCED, !self.bare && header.of_any_sandbox && arguments.first().is_some_and(|word| word == "run"))
        {
            arguments.splice(1..1, ["--sandbox".into(), forced.into()]);
        }
        words.extend(arguments);
        let child = Command::new(&words[0])
            .args(&words[1..])
            .current_dir(self.path("."))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TMPDIR", self.tmp())
            .env("XDG_STATE_HOME", self.state())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Started { project: self, child, header, arguments: order }
    }

    /// Runs greenroom to its end. Unless it got `--keep`, it must leave no temporary files.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        let arguments: Vec<A> = arguments.into_iter().collect();
        let keeps = arguments.iter().any(|argument| argument.as_ref() == "--keep");
        let ran = self.start(arguments).finish();
        if !keeps {
            assert_eq!(names(&self.tmp()), [""; 0], "left by\n{}\n{}", ran.stdout, ran.stderr);
        }
        ran
    }

    /// Runs greenroom on a document that it must refuse, without writing any file.
    pub(crate) fn refused<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        let before = self.names();
        let ran = self.run(arguments).code(2).stdout("");
        assert_eq!(self.names(), before, "something was written");
        ran
    }

    /// Waits until no process has the token in its command line and there are no temporary files.
    ///
    /// It polls: the process that cleans up after a killed run is not a child of this one.
    pub(crate) fn nothing_is_left(&self) {
        poll_until(|| {
            let (processes, files) = (self.processes(), names(&self.tmp()));
            if processes.is_empty() && files.is_empty() {
                Ok(())
            } else {
                Err(format!("left: {processes:?} {files:?}"))
            }
        });
    }

    /// Waits until a file contains a text.
    pub(crate) fn wait_for_text(&self, path: &str, text: &str) {
        poll_until(|| {
            let content = fs::read_to_string(self.path(path)).unwrap();
            if content.contains(text) { Ok(()) } else { Err(format!("{path} does not contain {text}: {content}")) }
        });
    }

    /// Returns the command lines that contain the token.
    fn processes(&self) -> Vec<String> {
        let token = self.token();
        let commands = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&command).replace('\0', " "))
        });
        commands.filter(|command| command.contains(&token)).collect()
    }

    /// Replaces everything that differs from run to run.
    fn redact(&self, text: &str) -> String {
        let root = self.root.path().to_str().unwrap();
        let text = text.replace(&format!("{root}/tmp"), "[TMP]").replace(&format!("{root}/project"), "[PROJECT]");
        let text = text.replace(&format!("{root}/state"), "[STATE]");
        let text = text.replace(&self.token(), "[TOKEN]");
        let mut lines: Vec<String> = run_directories(&text).split('\n').map(redact_times).collect();
        for line in lines.iter_mut().filter(|line| line.starts_with("  note: python is /")) {
            "  note: python is [PYTHON]".clone_into(line);
        }
        // The tests must not depend on the user.
        for line in lines.iter_mut().filter(|line| line.starts_with("  kill=")) {
            *line = line.replace("user=root", "user=[USER]").replace("user=same", "user=[USER]");
        }
        if let Some(first) = lines.first_mut() {
            *first = first.replace(concat!("greenroom ", env!("CARGO_PKG_VERSION")), "greenroom [VERSION]");
        }
        lines.join("\n")
    }
}

/// Which parts of the first lines depend on the machine, because the command line does not set
/// them.
#[derive(Debug, Clone, Copy)]
struct Header {
    of_any_sandbox: bool,
    of_any_jobs: bool,
}

impl Header {
    /// Returns a screen as it would be with sealed scenarios.
    fn redact(self, screen: &str) -> String {
        if !self.of_any_sandbox {
            return screen.to_owned();
        }
        let mut lines = Vec::new();
        let mut left_out = 0;
        let not_sealed = screen.contains("\nnot sealed");
        for (number, line) in screen.split('\n').enumerate() {
            // Skip the line and the empty line after it. The network may be private even if
            // scenarios are not sealed.
            if line.starts_with("not sealed") || line.starts_with("  note: its network was private") {
                left_out = 2;
            }
            // Refused connections are seen in private networks only.
            if left_out == 0 && line.starts_with("  note: ") && line.contains(" refused; ") {
                left_out = 1;
            }
            if left_out > 0 {
                left_out -= 1;
            } else if let (0, true, Some(line)) =
                (number, self.of_any_jobs && not_sealed, line.strip_suffix(", one at a time"))
            {
                lines.push(format!("{line}, up to 256 at a time"));
            } else if line.starts_with("  rerun: ") {
                lines.push(line.replace(" --sandbox tended", "").replace(" --sandbox sealed", ""));
            } else {
                lines.push(line.to_owned());
            }
        }
        lines.join("\n")
    }
}

/// Checks a condition until it holds, which must be soon.
fn poll_until(mut condition: impl FnMut() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(unmet) = condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{unmet}");
        let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
    }
}

/// Returns whether a command succeeds on this machine.
pub(crate) fn succeeds(command: &[&str]) -> bool {
    let output = Command::new(command[0]).args(&command[1..]).output();
    output.is_ok_and(|output| output.status.success())
}

/// Returns the path of a file in `fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// Returns the sorted file names in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Replaces the random part of the names of run directories: `greenroom-AbC123`.
fn run_directories(text: &str) -> String {
    let mut parts = text.split("/greenroom-");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let random = part.get(..6).is_some_and(|random| random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        plain += "/greenroom-";
        plain += if random { "XXXXXX" } else { "" };
        plain += if random { &part[6..] } else { part };
    }
    plain.replace("[TMP]/greenroom-XXXXXX", "[RUN]")
}

/// Replaces measured times, which are in a few known places. Limits stay.
fn redact_times(line: &str) -> String {
    let mut line = line.to_owned();
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    if let Some((word, rest)) = trimmed.split_once("  ")
        && ["PASS", "FAIL", "BROKE", "STOP", "SKIP", "RETRY", "FLAKY", "ok", "FAILED", "BROKEN", "STOPPED"]
            .contains(&word)
        && let Some(length) = time_length(rest.trim_start())
    {
        line = format!("{}{word} [TIME]{}", &line[..indent], &rest.trim_start()[length..]);
    }
    for before in ["after ", "running for "] {
        let mut from = 0;
        while let Some(at) = line[from..].find(before).map(|at| from + at + before.len()) {
            if let Some(length) = time_length(&line[at..]) {
                line.replace_range(at..at + length, "[TIME]");
            }
            from = at;
        }
    }
    // Numbers of processes differ where a scenario shares them with the machine.
    let number = "(process ";
    if let Some(at) = line.find(number).map(|at| at + number.len()) {
        let digits = line[at..].bytes().take_while(u8::is_ascii_digit).count();
        line.replace_range(at..at + digits, "[PID]");
    }
    if let Some((text, last)) = line.rsplit_once(", ")
        && let Some(length) = time_length(last)
        && (last.len() == length || last[length..].starts_with(" ("))
    {
        line = format!("{text}, [TIME]{}", &last[length..]);
    }
    line
}

/// Returns the length of a time at the start of a text: `12 ms` or `1.5 s`.
pub(crate) fn time_length(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&at| at > 0)?;
    let unit = ["ms", "s", "min"].into_iter().find(|unit| {
        let rest = text[digits..].strip_prefix(' ').and_then(|rest| rest.strip_prefix(unit));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    })?;
    Some(digits + 1 + unit.len())
}

/// A running greenroom.
pub(crate) struct Started<'a> {
    project: &'a Project,
    child: Child,
    header: Header,
    arguments: Vec<OsString>,
}

impl Started<'_> {
    pub(crate) fn pid(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    pub(crate) fn signal(self, signal: Signal) -> Self {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self
    }

    /// Stops reading its output, as a pager does that the user leaves.
    pub(crate) fn close_stdout(&mut self) {
        self.child.stdout = None;
    }

    /// Returns its output, for the test to read.
    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Waits until it ends.
    pub(crate) fn finish(mut self) -> Ran {
        let read = |mut from: Box<dyn Read + Send>| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                from.read_to_end(&mut bytes).unwrap();
                String::from_utf8(bytes).expect("greenroom prints UTF-8")
            })
        };
        let stdout = read(self.child.stdout.take().map_or(Box::new(std::io::empty()), |stdout| Box::new(stdout)));
        let stderr = read(self.child.stderr.take().map_or(Box::new(std::io::empty()), |stderr| Box::new(stderr)));
        let pidfd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).unwrap();
        let limit = Timespec::try_from(PATIENCE).unwrap();
        let ended = poll(&mut [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)], Some(&limit)).unwrap();
        if ended == 0 {
            self.child.kill().unwrap();
        }
        let status = self.child.wait().unwrap();
        let screen = stdout.join().unwrap();
        let documents = order::documents(&self.project.path("."), &self.arguments);
        let screen = order::restore(&screen, &documents);
        let ran = Ran {
            status,
            stdout: self.header.redact(&self.project.redact(&screen)),
            stderr: self.project.redact(&stderr.join().unwrap()),
        };
        assert_ne!(ended, 0, "greenroom hangs\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }
}

/// The result of a command.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn killed_by(self, signal: Signal) -> Self {
        assert_eq!(self.status.signal(), Some(signal.as_raw()), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }

    /// Compares the whole standard output.
    #[track_caller]
    pub(crate) fn stdout(self, expected: impl IntoData) -> Self {
        same(&self.stdout, expected);
        self
    }

    /// Compares the whole standard error.
    #[track_caller]
    pub(crate) fn stderr(self, expected: impl IntoData) -> Self {
        same(&self.stderr, expected);
        self
    }

    /// Checks that it passed and wrote nothing to standard error.
    #[track_caller]
    pub(crate) fn passes(self) -> Self {
        self.code(0).stderr("")
    }
}

#[track_caller]
pub(crate) fn same(actual: &str, expected: impl IntoData) {
    // Backslashes are escapes, not path separators.
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(actual.to_owned(), expected);
}

/// The reading end of a named pipe, through which processes in scenarios report to a test.
///
/// It ends when the last process that has it open is gone.
pub(crate) struct Fifo(mpsc::Receiver<String>);

impl Fifo {
    /// Opens the pipe as soon as it has a writer.
    pub(crate) fn open(path: PathBuf) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(File::open(path).unwrap()).lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        Self(lines)
    }

    /// Returns the next line.
    pub(crate) fn line(&self) -> String {
        self.0.recv_timeout(PATIENCE).expect("a line comes")
    }

    /// Waits until it has no writer any more, ignoring further lines.
    pub(crate) fn falls_silent(&self) {
        let begun = Instant::now();
        while self.0.recv_timeout(PATIENCE).is_ok() {}
        assert!(begun.elapsed() < PATIENCE, "a process lives on");
    }

    /// Waits until it has no writer any more. There must be no further lines.
    pub(crate) fn closed(&self) {
        let more = self.0.recv_timeout(PATIENCE);
        assert_eq!(more, Err(mpsc::RecvTimeoutError::Disconnected), "a process lives on");
    }
}
