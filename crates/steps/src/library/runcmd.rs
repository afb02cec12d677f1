//! Library `runcmd`: running commands and looking at how they ended and what they wrote.
//!
//! What a scenario's latest command left is its [`Runcmd`] state: `context.state::<Runcmd>()`.
//! Other libraries may read it, and [`run`] or [`try_to_run`] commands of their own, so that the
//! steps of this library then look at those.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_event::OutputSource;
use greenroom_sandbox::process::capture::Tail;
use greenroom_sandbox::process::{
    ExitStatus, Input, Process, Program, ProgramError, SpawnError, find_program, retry_while_busy,
};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::check::{Outlook, Problem, ProblemKind};
use crate::context::{Context, leaves};
use crate::library::bytes::{self, Bytes, bad_regex};
use crate::library::command::{self, QUOTING_HELP};
use crate::library::place::{self, Place, around, cannot, missing, nearest, outside};
use crate::registry::Library;
use crate::step::{Captures, Failure, FailureKind, Output, Relation, StepResult, Stream, Subject, exit_of, output_of};

/// The exit statuses that shells give commands which they cannot run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// A command has no limit of its own: the step's ends it. This is for steps without one.
const NO_LIMIT: Duration = Duration::from_hours(24 * 365);

/// The library.
pub fn library() -> Library {
    let library = Library::new("runcmd", include_str!("runcmd.yaml"))
        .serves("lib/runcmd.py")
        .step("runcmd_helper_script", helper_script)
        .check("runcmd_helper_script", check_helper_script)
        .step("runcmd_put_srcdir_on_path", |context, _| {
            let srcdir = context.source_directory().to_owned();
            context.environment().prepend_to_path(srcdir);
            Ok(())
        })
        .check("runcmd_put_srcdir_on_path", check_srcdir)
        .step("runcmd_set_variable", set_variable)
        .check("runcmd_set_variable", check_variable)
        .step("runcmd_unset_variable", unset_variable)
        .check("runcmd_unset_variable", check_variable)
        .step("runcmd_stdin_from_file", stdin_from_file)
        .check("runcmd_stdin_from_file", |captures, _| outside(captures, &["file"]))
        .step("runcmd_stdin_from_text", stdin_from_text)
        .check("runcmd_stdin_from_text", |_, _| Vec::new())
        .step("runcmd_run", |context, captures| run(context, &Command::of(captures)?))
        .check("runcmd_run", check_run)
        .step("runcmd_try_to_run", |context, captures| try_to_run(context, &Command::of(captures)?))
        .check("runcmd_try_to_run", check_try_to_run)
        .step("runcmd_exit_code_is", |context, captures| exit_code(context, captures, Relation::Is))
        .check("runcmd_exit_code_is", check_outcome)
        .step("runcmd_exit_code_is_not", |context, captures| exit_code(context, captures, Relation::IsNot))
        .check("runcmd_exit_code_is_not", check_outcome)
        .step("runcmd_succeeded", |context, _| latest(context)?.succeeded())
        .check("runcmd_succeeded", check_outcome)
        .step("runcmd_failed", |context, _| failed(context))
        .check("runcmd_failed", check_outcome);
    let relations = [
        ("is", Relation::Is),
        ("is_not", Relation::IsNot),
        ("contains", Relation::Contains),
        ("does_not_contain", Relation::DoesNotContain),
        ("matches_regex", Relation::Matches),
        ("does_not_match_regex", Relation::DoesNotMatch),
    ];
    relations.into_iter().fold(library, |library, (name, relation)| {
        let (stdout, stderr) = (format!("runcmd_stdout_{name}"), format!("runcmd_stderr_{name}"));
        library
            .step(&stdout, move |context, captures| output(context, captures, Stream::Stdout, relation))
            .check(&stdout, check_outcome)
            .step(&stderr, move |context, captures| output(context, captures, Stream::Stderr, relation))
            .check(&stderr, check_outcome)
    })
}

/// What the library keeps in a scenario.
#[derive(Debug, Default)]
pub struct Runcmd {
    latest: Option<Ran>,
    stdin: Stdin,
}

impl Runcmd {
    /// What commands read: the name of a file, or a text, or nothing.
    pub fn input(&self) -> (Option<&str>, Option<&str>) {
        match &self.stdin {
            Stdin::Nothing => (None, None),
            Stdin::File(name) => (Some(name), None),
            Stdin::Text(text) => (None, Some(text)),
        }
    }

    /// Changes what commands read.
    pub fn set_input(&mut self, file: Option<&str>, text: Option<&str>) {
        self.stdin = match (file, text) {
            (Some(name), _) => Stdin::File(name.to_owned()),
            (None, Some(text)) => Stdin::Text(text.to_owned()),
            (None, None) => Stdin::Nothing,
        };
    }

    /// The latest command that was run, if any was.
    pub fn latest(&self) -> Option<&Ran> {
        self.latest.as_ref()
    }
}

/// What commands get to read.
#[derive(Debug, Default)]
enum Stdin {
    #[default]
    Nothing,
    /// A file in the scenario's directory, opened anew for each command.
    File(String),
    Text(String),
}

/// A command to run.
#[derive(Debug, Clone)]
pub struct Command {
    /// As the document writes it, for messages.
    pub line: String,
    /// Its words, the program first.
    pub argv: Vec<String>,
    /// Where it runs, within the scenario's directory; there itself if not given.
    pub directory: Option<String>,
}

impl Command {
    /// Splits a command line as a shell does.
    ///
    /// # Errors
    ///
    /// If quotes are not closed, or no program is named.
    pub fn parse(line: &str, directory: Option<&str>) -> Result<Self, Failure> {
        let line = line.trim();
        let argv = command::split(line).map_err(|error| Failure::new(format!("{error}: {line}")).help(QUOTING_HELP))?;
        if argv.first().is_none_or(String::is_empty) {
            return Err(Failure::new("the command names no program"));
        }
        Ok(Self { line: line.to_owned(), argv, directory: directory.map(str::to_owned) })
    }

    fn of(captures: &Captures) -> Result<Self, Failure> {
        // The two captures meet without anything between them, so quotes may begin in one and end in the other.
        let line = format!("{}{}", captures.text("argv0")?, captures.get("args").unwrap_or_default());
        Self::parse(&line, captures.get("dirname"))
    }
}

/// A command that was run.
#[derive(Debug)]
pub struct Ran {
    command: Command,
    /// When it had ended.
    at: Instant,
    status: ExitStatus,
    stdout: Captured,
    stderr: Captured,
}

impl Ran {
    /// The command.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// How it ended. 127 is the status of one whose program was not found, 126 of one that could not be started.
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// What it wrote to standard output.
    pub fn stdout(&self) -> &Captured {
        &self.stdout
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> &Captured {
        &self.stderr
    }

    fn succeeded(&self) -> StepResult {
        if self.status.success() {
            return Ok(());
        }
        let error = Failure::new(format!("command failed with {}: {}", self.status, self.command.line));
        Err(self.with_outputs(self.place(error)))
    }

    /// Says in which directory it ran, if that is a special one, and whether its output had room.
    fn place(&self, error: Failure) -> Failure {
        let error = place::full_disk(&self.stderr.0).into_iter().fold(error, Failure::note);
        match &self.command.directory {
            Some(directory) => error.note(format!("it ran in directory {directory}")),
            None => error,
        }
    }

    /// Adds what the command was and how it ended.
    fn explain(&self, error: Failure) -> Failure {
        let note = format!("the command was `{}`, and it ended with {}", self.command.line, self.status);
        self.place(error.note(note)).about(self.subject())
    }

    fn subject(&self) -> Subject {
        Subject::Command { line: self.command.line.clone(), exit: Some(exit_of(self.status)) }
    }

    /// Adds both of its outputs.
    fn with_outputs(&self, error: Failure) -> Failure {
        Stream::BOTH.into_iter().fold(error, |error, stream| error.output(self.output(stream)))
    }

    /// The end of one of its outputs.
    fn output(&self, stream: Stream) -> Output {
        let captured = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        captured.output(stream)
    }
}

/// Adds the latest command to the error of a function, if that has run it since a moment and the
/// error does not tell of it.
pub(crate) fn explain_since(context: &mut Context, since: Instant, error: Failure) -> Failure {
    let latest = context.state::<Runcmd>().latest.as_ref().filter(|ran| ran.at >= since);
    let names_it = |ran: &Ran| {
        let is_about_a_command = matches!(error.subject, Some(Subject::Command { .. }));
        let shows_a_command = |output: &Output| matches!(output.source, OutputSource::Command { .. });
        is_about_a_command || error.output.iter().any(shows_a_command) || error.message.contains(&ran.command.line)
    };
    match latest {
        Some(ran) if !names_it(ran) => ran.with_outputs(ran.explain(error)),
        _ => error,
    }
}

/// What a command wrote, in a file without a name. It is as long as it likes, so it is read when it is asked for.
#[derive(Debug)]
pub struct Captured(File);

impl Captured {
    fn new(context: &Context) -> Result<Self, Failure> {
        let make = || -> io::Result<File> {
            let file = tempfile::tempfile_in(context.backstage())?;
            // A program may open /dev/stdout anew, and children may go on writing after it has
            // ended: all of that is to be added at the end.
            fcntl_setfl(&file, fcntl_getfl(&file)? | OFlags::APPEND)?;
            Ok(file)
        };
        make().map(Self).map_err(|error| cannot("make", "a file for the command's output", &error))
    }

    /// How many bytes it is.
    ///
    /// # Errors
    ///
    /// If the file cannot be examined.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Whether it is empty.
    ///
    /// # Errors
    ///
    /// If the file cannot be examined.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// All of it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is larger than 64 MiB.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        Ok(Bytes::of(&self.0)?.all()?.into_owned())
    }

    /// The end of it, some 8 KiB.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn tail(&self) -> io::Result<Tail> {
        Bytes::of(&self.0)?.tail()
    }

    fn output(&self, stream: Stream) -> Output {
        output_of(OutputSource::Command { stream }, &self.tail().unwrap_or_default())
    }

    /// A handle for the program.
    fn writer(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

/// Why a command did not run at all.
struct NotRun {
    /// What a shell would have said.
    status: i32,
    error: Failure,
}

impl NotRun {
    fn new(status: i32, error: Failure) -> Self {
        Self { status, error }
    }
}

/// Something that keeps a command from running is an error of the step, unless it was only tried.
enum Trouble {
    NotRun(NotRun),
    Step(Failure),
}

impl From<Failure> for Trouble {
    fn from(error: Failure) -> Self {
        Self::Step(error)
    }
}

/// Runs a command, as `when I run` does.
///
/// # Errors
///
/// If the command cannot run, does not end in time, or ends with an exit status other than 0.
pub fn run(context: &mut Context, command: &Command) -> StepResult {
    match in_its_directory(context, command) {
        Ok(ran) => {
            let state = context.state::<Runcmd>();
            state.latest.insert(ran).succeeded()
        }
        Err(Trouble::NotRun(NotRun { error, .. }) | Trouble::Step(error)) => {
            context.state::<Runcmd>().latest = None;
            Err(error)
        }
    }
}

/// Runs a command, as `when I try to run` does.
///
/// Any exit status will do. A command that cannot run counts as one that failed.
///
/// # Errors
///
/// If the command does not end in time, or writes more than its limit.
pub fn try_to_run(context: &mut Context, command: &Command) -> StepResult {
    let ran = match in_its_directory(context, command) {
        Ok(ran) => ran,
        Err(Trouble::Step(error)) => return Err(error),
        Err(Trouble::NotRun(NotRun { status, error })) => {
            let (stdout, mut stderr) = (Captured::new(context)?, Captured::new(context)?);
            writeln!(stderr.0, "{}", error.message)?;
            Ran { command: command.clone(), at: Instant::now(), status: ExitStatus::Code(status), stdout, stderr }
        }
    };
    context.state::<Runcmd>().latest = Some(ran);
    Ok(())
}

/// Runs a command of a step host, with variables of its own. Later steps look at its result.
///
/// Any exit status will do.
///
/// # Errors
///
/// If the command cannot run or does not end in time.
pub fn run_words(
    context: &mut Context,
    argv: &[String],
    directory: Option<&Path>,
    environment: Vec<(String, Option<String>)>,
) -> StepResult {
    if argv.first().is_none_or(String::is_empty) {
        return Err(Failure::new("the command names no program"));
    }
    // A host names directories as it sees them, in full, and may name any.
    let here = context.working_directory().map(Path::to_owned);
    let directory = directory.map_or_else(|| here.clone(), |directory| Ok(directory.to_owned()))?;
    let shown = here.ok().and_then(|here| Some(directory.strip_prefix(here).ok()?.display().to_string()));
    let command =
        Command { line: argv.join(" "), argv: argv.to_owned(), directory: shown.filter(|shown| !shown.is_empty()) };
    if !directory.is_dir() {
        let kind = if directory.exists() { "is not a directory" } else { "does not exist" };
        return Err(Failure::new(format!("the command cannot run in {}: it {kind}", directory.display())));
    }
    let before = context.environment().clone();
    for (name, value) in environment {
        match value {
            Some(value) => context.environment().set(name, value),
            None => context.environment().unset(name),
        }
    }
    let ran = carry_out(context, &command, &directory);
    // That was for this command alone.
    *context.environment() = before;
    match ran {
        Ok(ran) => {
            context.state::<Runcmd>().latest = Some(ran);
            Ok(())
        }
        Err(Trouble::NotRun(NotRun { error, .. }) | Trouble::Step(error)) => Err(error),
    }
}

/// Makes later steps look at a command that ran elsewhere.
///
/// # Errors
///
/// If its output cannot be stored.
pub fn set_latest(context: &mut Context, argv: &[String], exit: i32, stdout: &[u8], stderr: &[u8]) -> StepResult {
    let (mut out, mut err) = (Captured::new(context)?, Captured::new(context)?);
    out.0.write_all(stdout)?;
    err.0.write_all(stderr)?;
    let status = ExitStatus::from_returncode(exit);
    let command = Command { line: argv.join(" "), argv: argv.to_owned(), directory: None };
    context.state::<Runcmd>().latest = Some(Ran { command, at: Instant::now(), status, stdout: out, stderr: err });
    Ok(())
}

fn in_its_directory(context: &mut Context, command: &Command) -> Result<Ran, Trouble> {
    let directory = working_directory(context, command)?;
    carry_out(context, command, &directory)
}

fn carry_out(context: &mut Context, command: &Command, directory: &Path) -> Result<Ran, Trouble> {
    let program = program(context, command, directory)?;
    let (stdout, stderr) = (Captured::new(context)?, Captured::new(context)?);
    let mut process = start(context, command, &program, directory, (&stdout, &stderr))?;
    let what = format!("the command `{}`", command.line);
    let watch = context.watch();
    let meters = [
        watch.meter(&format!("stdout of {what}"), &stdout.0, Some(process.shared_pidfd())).map_err(Failure::from)?,
        watch.meter(&format!("stderr of {what}"), &stderr.0, Some(process.shared_pidfd())).map_err(Failure::from)?,
    ];
    let limit = watch.deadline().map_or(NO_LIMIT, |end| end.saturating_duration_since(Instant::now()));
    // For the process, not for the ends of its output: what it leaves in the background is the scenario's.
    let waited = process.wait(watch, &what, limit);
    // All of them, so that none is left behind.
    let metered = meters.map(|meter| watch.unmeter(meter));
    let waited = metered.into_iter().fold(waited, |waited, metered| metered.and(waited));
    if let Ok(Some(ended)) = waited {
        process.release();
        return Ok(Ran { command: command.clone(), at: Instant::now(), status: ended.status, stdout, stderr });
    }
    process.kill();
    let reason = waited.err().map_or_else(|| "the time limit has passed".to_owned(), |cut| cut.to_string());
    Err(Failure::new(format!("{what} was stopped: {reason}"))
        .output(stdout.output(Stream::Stdout))
        .output(stderr.output(Stream::Stderr))
        .into())
}

fn working_directory(context: &Context, command: &Command) -> Result<PathBuf, Failure> {
    let Some(shown) = &command.directory else {
        return Ok(context.working_directory()?.to_owned());
    };
    let directory = context.inside(shown)?;
    match std::fs::metadata(&directory) {
        Ok(metadata) if metadata.is_dir() => Ok(directory),
        Ok(_) => Err(Failure::new(format!("{shown} is a file, not a directory"))),
        Err(_) => Err(missing(context, "directory", shown)),
    }
}

/// The file to execute. A name with a slash is relative to where the command runs or, failing that,
/// to the working directory.
fn program(context: &mut Context, command: &Command, directory: &Path) -> Result<PathBuf, Trouble> {
    let name = command.argv.first().map_or("", String::as_str);
    let path = context.environment().path();
    let error = match find_program(OsStr::new(name), &path, directory) {
        // Scripts see the name that they are executed by, so leave it as it was written.
        Ok(_) if name.contains('/') => return Ok(PathBuf::from(name)),
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    if name.contains('/')
        && let Ok(found) = find_program(OsStr::new(name), &path, context.working_directory()?)
    {
        return Ok(found);
    }
    Err(Trouble::NotRun(match error {
        ProgramError::NotExecutable { path: file } => {
            let file = if name.contains('/') { name.to_owned() } else { file.display().to_string() };
            let error = Failure::new(format!("{file} is not an executable file"))
                .kind(FailureKind::NotExecutable)
                .help(format!("write it with `given executable file`, or run its interpreter: `sh {file}`, say"));
            NotRun::new(NOT_EXECUTABLE, error)
        }
        ProgramError::NotFound { .. } => {
            let error = Failure::new(format!("program not found: {name}")).kind(FailureKind::ProgramNotFound);
            NotRun::new(NOT_FOUND, advise(context, name, command.directory.as_deref(), &path, error))
        }
    }))
}

/// Adds what may have been meant to an error about a program that was not found.
fn advise(context: &Context, name: &str, directory: Option<&str>, path: &OsStr, error: Failure) -> Failure {
    if name.contains('/') {
        return match directory {
            _ if leaves(name) => error,
            Some(directory) => around(context, &format!("{directory}/{name}"), error),
            None => around(context, name, error),
        };
    }
    let error = error.note(format!("PATH is {}", path.to_string_lossy()));
    if context.working_directory().is_ok_and(|here| here.join(name).is_file()) {
        return error.help(format!("{} has such a file: write `./{name}`", context.here()));
    }
    let names = command::names_on(path);
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

fn start(
    context: &mut Context,
    command: &Command,
    program: &Path,
    directory: &Path,
    (stdout, stderr): (&Captured, &Captured),
) -> Result<Process, Trouble> {
    let environment = context.environment().changes();
    let stdin = stdin(context)?;
    let argv: Vec<OsString> = command.argv.iter().map(OsString::from).collect();
    let start = || -> io::Result<Result<Process, SpawnError>> {
        let stdin = match &stdin {
            None => Input::Null,
            Some(file) => Input::File(file.try_clone()?),
        };
        Ok(Program {
            path: program.to_owned(),
            argv: argv.clone(),
            directory: directory.to_owned(),
            environment: environment.clone(),
            stdin,
            stdout: stdout.writer()?,
            stderr: stderr.writer()?,
        }
        .start())
    };
    let is_busy =
        |outcome: &io::Result<Result<Process, SpawnError>>| matches!(outcome, Ok(Err(error)) if error.is_busy());
    let outcome = retry_while_busy(context.watch(), program, start, is_busy).map_err(Failure::from)?;
    match outcome.map_err(Failure::from)? {
        Ok(process) => Ok(process),
        Err(SpawnError { hint, source, .. }) => {
            let name = command.argv.first().map_or("", String::as_str);
            let error = cannot("start", name, &source);
            let error = hint.into_iter().fold(error, Failure::note);
            Err(Trouble::NotRun(NotRun::new(NOT_EXECUTABLE, error)))
        }
    }
}

/// What the scenario chose as standard input, from its start; none for `/dev/null`.
fn stdin(context: &mut Context) -> Result<Option<File>, Failure> {
    let backstage = context.backstage().to_owned();
    match &context.state::<Runcmd>().stdin {
        Stdin::Nothing => Ok(None),
        Stdin::Text(text) => input_file(&backstage, text.as_bytes()).map(Some),
        Stdin::File(name) => {
            let name = name.clone();
            let file = place::read(context, &name)?;
            // Opened without blocking, which is no business of the program's.
            fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
            Ok(Some(file))
        }
    }
}

/// A file rather than a pipe: nobody has to feed it, and nobody minds if it is not read.
fn input_file(backstage: &Path, bytes: &[u8]) -> Result<File, Failure> {
    let write = || -> io::Result<File> {
        let mut file = tempfile::tempfile_in(backstage)?;
        file.write_all_at(bytes, 0)?;
        file.rewind()?;
        Ok(file)
    };
    write().map_err(|error| cannot("make", "a file for the command's input", &error))
}

fn helper_script(context: &mut Context, captures: &Captures) -> StepResult {
    let script = captures.text("script")?;
    let file = context.embedded_file(script)?;
    Place::make(context, script)?.write(file.text.as_bytes(), true)
}

fn check_helper_script(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    outlook.creates(captures.get("script").unwrap_or_default());
    outside(captures, &["script"])
}

fn check_srcdir(_: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    let entries = std::iter::once(outlook.source_directory.clone()).chain(std::env::split_paths(&outlook.path));
    // A directory with a colon in its name cannot be on a PATH at all.
    if let Ok(path) = std::env::join_paths(entries) {
        outlook.path = path;
    }
    Vec::new()
}

fn set_variable(context: &mut Context, captures: &Captures) -> StepResult {
    let (variable, value) = (captures.text("variable")?, captures.text("value")?);
    context.environment().set(variable, value);
    Ok(())
}

fn unset_variable(context: &mut Context, captures: &Captures) -> StepResult {
    let variable = captures.text("variable")?;
    context.environment().unset(variable);
    Ok(())
}

fn check_variable(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    // Which programs there are is then beyond what can be told beforehand.
    let variable = captures.get("variable").unwrap_or_default();
    outlook.anything_goes |= variable == "PATH" || variable.contains("${");
    Vec::new()
}

fn stdin_from_file(context: &mut Context, captures: &Captures) -> StepResult {
    let file = captures.text("file")?;
    context.inside(file)?;
    context.state::<Runcmd>().stdin = Stdin::File(file.to_owned());
    Ok(())
}

fn stdin_from_text(context: &mut Context, captures: &Captures) -> StepResult {
    context.state::<Runcmd>().stdin = Stdin::Text(captures.text("text")?.to_owned());
    Ok(())
}

fn check_run(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    check_command(captures, outlook, true)
}

fn check_try_to_run(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    check_command(captures, outlook, false)
}

fn check_command(captures: &Captures, outlook: &mut Outlook, must_be_found: bool) -> Vec<Problem> {
    let mut problems = outside(captures, &["dirname"]);
    let line = format!("{}{}", captures.get("argv0").unwrap_or_default(), captures.get("args").unwrap_or_default());
    // What a kept value brings is not known yet, quotes included.
    if !line.contains("${") {
        match Command::parse(&line, captures.get("dirname")) {
            Err(error) => {
                let problem = Problem::new("args", ProblemKind::InvalidCommand, error.message);
                problems.push(error.help.into_iter().fold(problem, Problem::help));
            }
            Ok(command) => {
                let found = if must_be_found { check_program(&command, outlook) } else { None };
                let for_shell = found.is_some() && command::shell_help(&command.argv[0], None).is_some();
                problems.extend(found);
                if !for_shell {
                    let program = captures.get("argv0").unwrap_or_default();
                    problems.extend(command::no_shell("args", program.len(), &command.line));
                }
            }
        }
    }
    outlook.anything_goes = true;
    problems
}

/// Whether the program of a command surely cannot be found.
fn check_program(command: &Command, outlook: &Outlook) -> Option<Problem> {
    let name = command.argv.first()?;
    let mut problem = command::not_found("argv0", name, command.directory.as_deref(), outlook)?;
    // Quotes may make it longer than what stands for it in the pattern.
    problem.part = command::words(&command.line).ok()?.into_iter().next().map(|word| word.place);
    if let Some(help) = command::shell_help(name, Some(&command.line)) {
        problem.help = vec![help];
    }
    Some(problem)
}

/// A step that looks at the latest command.
fn check_outcome(captures: &Captures, outlook: &mut Outlook) -> Vec<Problem> {
    let mut problems: Vec<Problem> = bad_regex(captures).into_iter().collect();
    if !outlook.anything_goes && !outlook.ran {
        let mut problem = Problem::new("", ProblemKind::NoCommand, NO_COMMAND).help(NO_COMMAND_HELP);
        problem.capture = None;
        problems.push(problem);
    }
    problems
}

const NO_COMMAND: &str = "no command has been run before this step";
const NO_COMMAND_HELP: &str = "write a step such as `when I try to run ls` before it";

fn latest(context: &mut Context) -> Result<&Ran, Failure> {
    context.state::<Runcmd>().latest.as_ref().ok_or_else(no_command)
}

fn no_command() -> Failure {
    Failure::new(NO_COMMAND).help(NO_COMMAND_HELP)
}

fn exit_code(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let expected: i64 = captures.number("exit")?;
    let ran = latest(context)?;
    let actual = i64::from(ran.status.returncode());
    if (actual == expected) == (relation == Relation::Is) {
        return Ok(());
    }
    let error = Failure::comparison("exit code of the command", relation, expected.to_string(), actual.to_string());
    Err(ran.with_outputs(ran.explain(error)))
}

fn failed(context: &mut Context) -> StepResult {
    let ran = latest(context)?;
    if !ran.status.success() {
        return Ok(());
    }
    let error = Failure::new(format!("command succeeded but should have failed: {}", ran.command.line));
    Err(ran.with_outputs(ran.place(error)))
}

fn output(context: &mut Context, captures: &Captures, stream: Stream, relation: Relation) -> StepResult {
    let expected = match relation {
        Relation::Matches | Relation::DoesNotMatch => captures.text("regex")?,
        _ => captures.text("text")?,
    };
    let (state, watch) = context.state_and_watch::<Runcmd>();
    let ran = state.latest.as_ref().ok_or_else(no_command)?;
    let (what, written) = match stream {
        Stream::Stdout => ("stdout of the command", &ran.stdout),
        Stream::Stderr => ("stderr of the command", &ran.stderr),
    };
    bytes::check(what, Bytes::of(&written.0)?, relation, expected, watch).map_err(|error| {
        let error = ran.explain(error);
        // What went wrong in a command is on its stderr, even if its stdout is what was looked at.
        if stream == Stream::Stdout { error.output(ran.output(Stream::Stderr)) } else { error }
    })
}
