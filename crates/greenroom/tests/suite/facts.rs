//! What a recording says beyond what the terminal shows: when daemons lived, when their output came,
//! and what passed steps wrote.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use greenroom_event::recording::read;
use greenroom_event::{
    Daemon, DaemonEnd, EventKind, Exit, Life, Mark, Notice, Output, OutputSource, ScenarioFinished, StepFinished,
    Stream,
};

use crate::support::{Project, Ran, scenario};

/// A recording of a run of one scenario.
struct Recorded {
    steps: Vec<StepFinished>,
    cleanups: Vec<StepFinished>,
    finished: ScenarioFinished,
}

impl Recorded {
    fn of(project: &Project) -> Self {
        let (mut steps, mut cleanups, mut end) = (Vec::new(), Vec::new(), None);
        for event in read(fs::read(project.path("run.jsonl")).unwrap().as_slice()).unwrap() {
            match event.kind {
                EventKind::StepFinished(step) => steps.push(step),
                EventKind::CleanupFinished(step) => cleanups.push(step),
                EventKind::ScenarioFinished(finished) => end = Some(finished),
                _ => {}
            }
        }
        Self { steps, cleanups, finished: end.unwrap() }
    }

    fn began(&self, step: usize) -> Duration {
        self.steps[step].began.unwrap()
    }

    fn ended(&self, step: usize) -> Duration {
        self.began(step) + self.steps[step].took
    }

    /// The daemons, by name and end.
    fn ends(&self) -> Vec<(&str, &DaemonEnd)> {
        self.finished.daemons.iter().map(|daemon| (daemon.name.as_str(), &daemon.end)).collect()
    }
}

/// Runs a document twice, with and without a recording, and checks that both look the same.
fn recorded(project: Project, text: &str) -> (Project, Recorded, Ran) {
    let project = project.file("x.md", text);
    let arguments = ["run", "-v", "x.md"];
    let plain = project.run(arguments);
    let ran = project.run([&arguments[..], &["--events", "run.jsonl"]].concat()).stderr(plain.stderr.clone());
    assert_eq!(ran.stdout, plain.stdout);
    let shown = project.run(["report", "-v", "run.jsonl"]);
    assert_eq!(shown.stdout, ran.stdout);
    let recorded = Recorded::of(&project);
    (project, recorded, ran)
}

fn texts(outputs: &[Output]) -> Vec<(String, &str)> {
    outputs.iter().map(|output| (output.source.to_string(), output.text.as_str())).collect()
}

fn marks(outputs: &[Output]) -> Vec<&[Mark]> {
    outputs.iter().map(|output| output.marks.as_slice()).collect()
}

/// A daemon that says when it is ready.
const SERVER: &str = "\n~~~{#web.sh .file .sh}\necho ready\nexec sleep 9876\n~~~\n";

#[test]
fn a_daemon_has_a_life_for_each_start() {
    let steps = "\
given file web.sh
when I start \"sh web.sh\" as a background process as web
when I run true
when I wait for daemon web to write \"ready\" to stdout
when I start \"sh web.sh\" as a background process as other
when I wait for daemon other to write \"ready\" to stdout
when I restart daemon other
when I send signal KILL to daemon other
when I wait for daemon other to end
when I run true";
    let text = scenario(steps) + SERVER;
    let (_, recorded, _) = recorded(Project::anywhere(), &text);
    let [web, other] = &recorded.finished.daemons[..] else { panic!("{:?}", recorded.ends()) };
    // A text that a step waits for later is not what makes a daemon ready.
    let [Life { started, ready: None, ended: None, end: DaemonEnd::Running }] = &web.lives[..] else {
        panic!("{:?}", web.lives)
    };
    assert!((recorded.began(1)..=recorded.ended(1)).contains(started), "{started:?}");
    assert_eq!(web.end, DaemonEnd::Running);

    let [first, second] = &other.lives[..] else { panic!("{:?}", other.lives) };
    assert!(
        matches!(&first.end, DaemonEnd::Stopped { exit: Exit::Signal(signal) } if signal.number == 15),
        "{first:?}"
    );
    assert!(matches!(&second.end, DaemonEnd::Signalled { signal, .. } if signal.number == 9), "{second:?}");
    assert_eq!(other.end, second.end);
    let times = [
        recorded.began(4),
        first.started,
        recorded.ended(4),
        first.ready.unwrap(),
        recorded.ended(5),
        recorded.began(6),
        first.ended.unwrap(),
        second.started,
        second.ready.unwrap(),
        recorded.ended(6),
        recorded.began(7),
        second.ended.unwrap(),
        recorded.ended(8),
        recorded.finished.took,
    ];
    assert!(times.is_sorted(), "{times:?}");
    // Steps follow one another, on the same clock.
    assert!((1..recorded.steps.len()).all(|step| recorded.ended(step - 1) <= recorded.began(step)));
}

#[test]
fn the_port_of_its_start_or_of_a_later_step_makes_a_daemon_ready() {
    let steps = "\
given file listen.py
given a free port kept as port
given a free port kept as late
when I start \"python3 listen.py ${port}\" as a background process as web, on port ${port}
when I start \"python3 listen.py ${late}\" as a background process as late
when I run true
when I wait for daemon late to listen on port ${late}
when I run true
when I wait for daemon late to listen on port ${late}";
    let (_, recorded, _) = recorded(Project::anywhere(), &(scenario(steps) + LISTEN));
    let ready = |at: usize| recorded.finished.daemons[at].lives[0].ready.unwrap();
    assert!((recorded.began(3)..=recorded.ended(3)).contains(&ready(0)));
    // The first step that found it so, for one that does not follow its start.
    assert!((recorded.began(6)..=recorded.ended(6)).contains(&ready(1)));
}

/// A program that listens on a port.
const LISTEN: &str = "\n~~~{#listen.py .file .python}\nimport socket, sys\ns = socket.create_server((\"127.0.0.1\", \
                      int(sys.argv[1])))\nwhile True: s.accept()[0].close()\n~~~\n";

#[test]
fn lines_come_when_they_were_written() {
    let steps = "\
given file talk.sh
when I start \"sh talk.sh\" as a background process as talk
when I wait for daemon talk to write \"one\" to stdout
when I wait for daemon talk to write \"two\" to stdout, for at most 60 seconds
then daemon talk stdout contains \"two\"";
    let talk = "\n~~~{#talk.sh .file .sh}\necho one; read go < $FIFO; echo two; echo problem >&2; sleep 9999\n~~~\n";
    let project = Project::anywhere().fifo("fifo").file("run.jsonl", "").file("x.md", scenario(steps) + talk);
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["run", "--events", "run.jsonl", "--env", &fifo, "x.md"]);
    // A step says so once it has waited for 200 ms.
    project.wait_for_text("run.jsonl", r#""waiting":{"step":3"#);
    OpenOptions::new().write(true).open(project.path("fifo")).unwrap().write_all(b"go\n").unwrap();
    started.finish().passes();
    let recorded = Recorded::of(&project);
    let [daemon] = &recorded.finished.daemons[..] else { panic!("{:?}", recorded.ends()) };
    let [stdout, stderr] = &daemon.output[..] else { panic!("{:?}", daemon.output) };
    assert_eq!((stdout.text.as_str(), stderr.text.as_str()), ("one\ntwo\n", "problem\n"));
    let [one, two] = stdout.marks[..] else { panic!("{:?}", stdout.marks) };
    assert_eq!((one.length, two.length), (4, 8));
    assert!(daemon.lives[0].started <= one.at && one.at <= recorded.ended(2), "{one:?}");
    assert!(recorded.began(3) + Duration::from_millis(200) <= two.at && two.at <= recorded.ended(3), "{two:?}");
    let [problem] = stderr.marks[..] else { panic!("{:?}", stderr.marks) };
    assert_eq!(problem.length, 8);
    assert!(one.at < problem.at && problem.at <= recorded.finished.took, "{problem:?}");
}

#[test]
fn passed_steps_say_what_their_commands_wrote() {
    let steps = "\
when I run sh -c 'echo good; echo morning >&2'
then stdout contains \"good\"
when I run true
when I try to run sh -c 'echo bad; exit 3'
then exit code is 3
when I try to run missing-program
when I run sh -c 'yes 0123456789abcde | head -c 100000'
when I run printf 'caf\\303 \\033[1m'";
    let (_, recorded, _) = recorded(Project::anywhere(), &scenario(steps));
    let wrote = |step: usize| texts(&recorded.steps[step].output);
    let (stdout, stderr) = ("stdout of the command".to_owned(), "stderr of the command".to_owned());
    assert_eq!(wrote(0), [(stdout.clone(), "good\n"), (stderr.clone(), "morning\n")]);
    assert_eq!(wrote(1), []);
    assert_eq!(wrote(2), []);
    assert_eq!(wrote(3), [(stdout, "bad\n")]);
    assert_eq!(wrote(4), []);
    assert_eq!(wrote(5), [(stderr, "program not found: missing-program\n")]);
    let [long] = &recorded.steps[6].output[..] else { panic!() };
    assert_eq!((long.text.len(), long.omitted), (16 * 1024 - 16, 100_000 - 16 * 1024 + 16));
    assert_eq!(long.marks.last().map(|mark| mark.length), Some(100_000));
    assert_eq!(recorded.steps[7].output[0].bytes(), b"caf\xc3 \x1b[1m");
    for (step, mark) in [0, 3, 6].into_iter().flat_map(|step| {
        let marks = marks(&recorded.steps[step].output);
        marks.concat().into_iter().map(move |mark| (step, mark))
    }) {
        assert!((recorded.began(step)..=recorded.ended(step)).contains(&mark.at), "{step}: {mark:?}");
    }
}

#[test]
fn functions_and_cleanups_say_what_they_wrote() {
    let python = "\
import sys

def speak(ctx):
    print('spoken')
    print('complained', file=sys.stderr)

def be_silent(ctx):
    pass

def clean_up(ctx):
    print('cleaned up')

def run(ctx):
    print('before')
    globals()['runcmd_run'](ctx, ['echo', 'from the command'])
";
    let bindings = "\
- when: I speak
  impl: {python: {function: speak, cleanup: clean_up}}
- when: I am silent
  impl: {python: {function: be_silent}}
- when: I have it run
  impl: {python: {function: run}}
";
    let head = "---\ntitle: Trial\nbindings: [x.yaml, lib/runcmd.yaml]\nimpls: {python: [x.py, lib/runcmd.py]}\n...\n";
    let steps = "# Speaks\n~~~scenario\nwhen I speak\nwhen I am silent\nwhen I have it run\nwhen I speak\n~~~\n";
    let project = Project::anywhere().file("x.py", python).file("x.yaml", bindings);
    let (_, recorded, _) = recorded(project, &format!("{head}{steps}"));
    let of = "output of the python function".to_owned();
    let spoken = [(of.clone(), "spoken\ncomplained\n")];
    assert_eq!(texts(&recorded.steps[0].output), spoken);
    assert_eq!(texts(&recorded.steps[1].output), []);
    assert_eq!(
        texts(&recorded.steps[2].output),
        [("stdout of the command".to_owned(), "from the command\n"), (of.clone(), "before\n")]
    );
    assert_eq!(texts(&recorded.steps[3].output), spoken);
    let cleanups: Vec<_> = recorded.cleanups.iter().flat_map(|cleanup| texts(&cleanup.output)).collect();
    assert_eq!(cleanups, [(of.clone(), "cleaned up\n"), (of, "cleaned up\n")]);
}

#[test]
fn daemons_of_passed_scenarios_are_recorded_but_not_shown() {
    let steps = "\
when I start \"sh -c 'echo expected; exit 7'\" as a background process as brief
when I wait for daemon brief to end
then daemon brief has ended with exit status 7
when I start \"sh -c 'echo running >&2; exec sleep 9876'\" as a background process as long
when daemon long has produced output";
    let (_, recorded, ran) = recorded(Project::anywhere(), &scenario(steps));
    let ran = ran.passes();
    assert!(
        ran.stdout.contains("(stopped at the end: long)") && !ran.stdout.contains("brief exited"),
        "{}",
        ran.stdout
    );
    let [brief, long] = &recorded.finished.daemons[..] else { panic!("{:?}", recorded.ends()) };
    let expected = Exit::Status(7);
    assert!(
        matches!(&brief.end, DaemonEnd::Exited { exit, notice: Notice::Expected, .. } if *exit == expected),
        "{:?}",
        brief.end
    );
    assert_eq!(written(brief, Stream::Stdout), "expected\n");
    assert_eq!((&long.end, written(long, Stream::Stderr)), (&DaemonEnd::Running, "running\n"));
    let ready = long.lives[0].ready.unwrap();
    assert!((recorded.began(4)..=recorded.ended(4)).contains(&ready), "{ready:?}");
}

/// The output of a daemon.
fn written(daemon: &Daemon, stream: Stream) -> &str {
    let source = OutputSource::Daemon { name: daemon.name.clone(), stream };
    let output = daemon.output.iter().find(|output| output.source == source).unwrap();
    output.text.as_str()
}

#[test]
fn a_daemon_that_crashed_keeps_its_output_and_its_life() {
    // Nothing but its end ends the wait for output within 200 ms.
    let steps = "\
when I start \"sh -c 'echo first >&2; exit 7'\" as a background process as web
when daemon web has produced output
when I start \"sh -c 'echo second >&2; exec sleep 9876'\" as a background process as web
when daemon web has produced output";
    let (_, recorded, ran) = recorded(Project::anywhere(), &scenario(steps));
    let ran = ran.passes();
    assert!(ran.stdout.contains("  (daemon web exited with status 7 after "), "{}", ran.stdout);
    let [crashed, web] = &recorded.finished.daemons[..] else { panic!("{:?}", recorded.ends()) };
    assert_eq!((written(crashed, Stream::Stderr), written(web, Stream::Stderr)), ("first\n", "second\n"));
    let ([first], [second]) = (&crashed.lives[..], &web.lives[..]) else { panic!("{crashed:?} {web:?}") };
    assert_eq!((&first.end, &second.end), (&crashed.end, &DaemonEnd::Running));
    assert!(first.started < first.ended.unwrap() && first.ended.unwrap() <= second.started, "{first:?} {second:?}");
}

#[test]
fn a_long_output_is_recorded_at_length_and_shown_as_without_a_recording() {
    // 30,000 lines of 60 bytes: `-v` shows 200 lines, if they are in the last 8 KiB.
    let steps = "\
when I start \"sh -c 'seq -f %059.0f 30000; echo x >&2; exec sleep 9876'\" as a background process as loud
when I wait for daemon loud to write \"x\" to stderr
when I run false";
    let (_, recorded, ran) = recorded(Project::anywhere(), &scenario(steps));
    let ran = ran.code(1);
    let [daemon] = &recorded.finished.daemons[..] else { panic!("{:?}", recorded.ends()) };
    let stdout = &daemon.output[0];
    assert_eq!(stdout.omitted + stdout.text.len() as u64, 30_000 * 60);
    assert!((65_536 - 60..=65_536).contains(&stdout.text.len()), "{}", stdout.text.len());
    assert!(stdout.marks.first().is_some_and(|mark| mark.length > stdout.omitted));
    assert_eq!(stdout.marks.last().map(|mark| mark.length), Some(30_000 * 60));
    assert!(stdout.marks.is_sorted_by(|a, b| a.length < b.length && a.at <= b.at));
    assert!(ran.stdout.contains("(last 10 lines, ") || ran.stdout.contains("(last 136 lines, "), "{}", ran.stdout);
}

#[test]
fn many_daemons_with_much_output_fit_into_a_recording() {
    let start = |number: usize| {
        format!(
            "when I start \"sh -c 'head -c 200000 /dev/zero; echo >&2; exec sleep 9876'\" as a background process as \
             d{number}\nwhen I wait for daemon d{number} to write \"\\n\" to stderr\n"
        )
    };
    let steps: String = (0..40).map(start).collect();
    let project = Project::anywhere().file("x.md", scenario(steps.trim_end()));
    project.run(["run", "--events", "run.jsonl", "x.md"]).passes();
    let recorded = Recorded::of(&project);
    let lengths: Vec<usize> = recorded.finished.daemons.iter().map(|daemon| daemon.output[0].text.len()).collect();
    assert_eq!(lengths, [[65_536; 16].as_slice(), &[8192; 24]].concat());
}

#[test]
fn a_stage_that_dies_leaves_no_times() {
    let steps = "\
when I start \"sh -c 'echo started; exec sleep 9876'\" as a background process as web
when daemon web has produced output
when I run sh -c 'kill -9 $PPID; sleep 9876'";
    let project = Project::anywhere().file("x.md", scenario(steps));
    project.run(["run", "--events", "run.jsonl", "x.md"]).code(1);
    let recorded = Recorded::of(&project);
    let [daemon] = &recorded.finished.daemons[..] else { panic!("{:?}", recorded.ends()) };
    assert_eq!((&daemon.end, &daemon.lives[..]), (&DaemonEnd::Unknown, &[][..]));
    assert_eq!((texts(&daemon.output).len(), marks(&daemon.output)), (1, vec![&[][..]]));
    assert_eq!(written(daemon, Stream::Stdout), "started\n");
}
