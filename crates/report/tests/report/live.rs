//! The lines that show what is running, as a terminal shows them.

use greenroom_event::{Attempt, Event, EventKind, Outcome, Sink};
use greenroom_report::{Options, Terminal, TerminalReporter, Verbosity};
use snapbox::{IntoData, assert_data_eq, str};

use crate::support::{Run, because, ms, over, three};

/// Returns what a terminal shows after these bytes. It refuses escape sequences that the reporter
/// does not use.
fn screen(bytes: &str) -> String {
    let mut lines = vec![String::new()];
    let (mut row, mut column) = (0, 0);
    let mut chars = bytes.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                (row, column) = (row + 1, 0);
                lines.resize(lines.len().max(row + 1), String::new());
            }
            '\r' => column = 0,
            '\x1b' => {
                assert_eq!(chars.next(), Some('['));
                let mut sequence = String::new();
                for c in chars.by_ref() {
                    sequence.push(c);
                    if c.is_alphabetic() {
                        break;
                    }
                }
                match sequence.as_str() {
                    "J" => {
                        assert_eq!(column, 0);
                        lines.truncate(row);
                        lines.push(String::new());
                    }
                    "?7l" | "?7h" => {}
                    up => row -= up.strip_suffix('A').unwrap().parse::<usize>().unwrap(),
                }
            }
            c => {
                assert_eq!(lines[row].chars().count(), column, "overwrites");
                lines[row].push(c);
                column += 1;
            }
        }
    }
    lines.join("\n")
}

const TERMINAL: Terminal = Terminal { colour: false, width: 80, live: true };

fn reporter(run: &Run) -> TerminalReporter<Vec<u8>> {
    let mut reporter = TerminalReporter::new(Vec::new(), TERMINAL, Options::default());
    run.all().iter().for_each(|event| reporter.push(event));
    reporter
}

#[test]
fn shows_what_runs_and_waits() {
    let waiting = EventKind::Waiting { step: 1, what: "port 8888 of slow-daemon".to_owned(), limit: ms(5000) };
    let run = three().begin(1).begin(2).step(1, 0, 3).step_started(1, 1).passes(0).event(300, Some(1), waiting);
    assert_data_eq!(
        screen(&shown_so_far(&run, 1700)),
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time

PASS   0.12 s  Daemon is started and terminated
   1.7 s Daemon takes a …: waiting for port 8888 of slow-daemon (1.7 s of 5 s)
   1.7 s Daemon never opens the intended port
1/3 scenarios, 1.7 s

"#]]
        .raw()
    );
}

/// Returns the bytes written up to a moment.
fn shown_so_far(run: &Run, at: u64) -> String {
    let mut bytes = Vec::new();
    {
        let mut reporter = TerminalReporter::new(&mut bytes, TERMINAL, Options::default());
        run.all().iter().for_each(|event| reporter.push(event));
        reporter.idle(ms(at));
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn many_at_once() {
    let titles: Vec<String> =
        (0..40).map(|number| format!("A scenario with quite a long title, number {number}")).collect();
    let steps: &[&str] =
        &["when I run a command that is so long that it does not fit beside the title of the scenario"];
    let scenarios: Vec<(&str, &[&str])> = titles.iter().map(|title| (title.as_str(), steps)).collect();
    let mut run = Run::of(&scenarios);
    for index in 0..12 {
        run = run.begin(index).step_started(index, 0);
    }
    let shown = screen(&shown_so_far(&run, 3210));
    assert!(shown.lines().all(|line| line.chars().count() < 80));
    assert_data_eq!(
        shown,
        str![[r#"
greenroom 0.1.0: 40 scenarios in daemon.md, up to 256 at a time

   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
   3.2 s A scenario with quite a long ti…: when I run a command that is so lon…
         and 4 more
0/40 scenarios, 3.2 s

"#]]
        .raw()
    );
}

#[test]
fn the_final_screen_is_the_plain_log() {
    let run = three()
        .passes(2)
        .begin(1)
        .step_fails(1, 0, 300, because("no"))
        .passes(0)
        .finish(1, over(Outcome::Failed, 500))
        .end();
    let mut reporter = TerminalReporter::new(Vec::new(), TERMINAL, Options::default());
    for event in run.all() {
        reporter.push(&event);
        reporter.idle(event.at);
    }
    let shown = screen(&String::from_utf8(reporter.into_inner()).unwrap());
    let plain = run.shown(Terminal { live: false, ..TERMINAL }, Verbosity::Normal);
    assert_eq!(shown, plain);
}

#[test]
fn a_run_that_breaks_off_leaves_a_clean_line() {
    let run = three().begin(0);
    let shown = screen(&String::from_utf8(reporter(&run).into_inner()).unwrap());
    assert_data_eq!(
        shown,
        str![[r#"
greenroom 0.1.0: 3 scenarios in daemon.md, up to 256 at a time


"#]]
        .raw()
    );
}

#[test]
fn events_close_in_time_share_a_frame() {
    let mut reporter = reporter(&three().begin(0));
    let before = frames(&mut reporter);
    for seq in 0..1000 {
        reporter.push(&Event {
            seq,
            at: ms(2),
            scenario: Some(Attempt::first(0)),
            kind: EventKind::StepStarted { step: 0 },
        });
    }
    assert_eq!(frames(&mut reporter), before);
}

fn frames(reporter: &mut TerminalReporter<Vec<u8>>) -> usize {
    String::from_utf8_lossy(reporter.get_ref()).matches("\x1b[?7l").count()
}
