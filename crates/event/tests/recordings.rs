//! The published format: a golden recording, and recordings that cannot be read.

use greenroom_event::recording::{Recorder, RecordingError, read};
use greenroom_event::{Attempt, EventKind, Outcome, SCHEMA_VERSION, Sink};

/// A run of five scenarios with every kind of event. It was recorded once and must parse for ever.
const GOLDEN: &str = include_str!("golden/version-1.jsonl");
/// A run with all that a recording keeps for reports: the text of the document with a picture, what
/// passed steps wrote, the lives of daemons, retries. It was recorded once and must parse for ever.
const FULL: &str = include_str!("golden/version-1-full.jsonl");

#[test]
fn the_golden_recording_still_parses() {
    let events = read(GOLDEN.as_bytes()).unwrap();
    assert!(events.iter().enumerate().all(|(at, event)| event.seq == at as u64));
    let outcomes: Vec<Outcome> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::ScenarioFinished(finished) => Some(finished.outcome),
            _ => None,
        })
        .collect();
    for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Broken, Outcome::Skipped] {
        assert!(outcomes.contains(&outcome), "no scenario in it is {outcome:?}");
    }
}

#[test]
fn the_full_golden_recording_still_has_all_that_reports_need() {
    let events = read(FULL.as_bytes()).unwrap();
    let EventKind::RunStarted(started) = &events[0].kind else { panic!("{:?}", events[0]) };
    assert_eq!(started.origin.as_ref().unwrap().command[..2], ["greenroom", "run"]);
    let text = started.outline.documents[0].text.as_ref().unwrap();
    assert!(text.parts[0].text.contains("What the shop has"));
    assert_eq!((text.assets[0].name.as_str(), text.steps.len()), ("shelf.svg", 12));
    let of = |index, number| {
        let of = events.iter().filter(move |event| event.scenario == Some(Attempt { index, number }));
        of.map(|event| &event.kind)
    };
    let finished = |index, number| {
        let end = of(index, number).find_map(|kind| match kind {
            EventKind::ScenarioFinished(finished) => Some(finished),
            _ => None,
        });
        end.unwrap()
    };
    let wrote = of(0, 1).find_map(|kind| match kind {
        EventKind::StepFinished(step) if step.step == 3 => Some(&step.output),
        _ => None,
    });
    let wrote: Vec<&str> = wrote.unwrap().iter().map(|output| output.text.as_str()).collect();
    assert_eq!(wrote, ["counted\n", "carefully\n"]);
    let life = &finished(0, 1).daemons[0].lives[0];
    assert!(life.started < life.ready.unwrap() && life.ready < life.ended, "{life:?}");
    assert_eq!((finished(1, 1).outcome, finished(1, 1).is_retried), (Outcome::Failed, true));
    assert_eq!((finished(1, 2).outcome, finished(1, 2).is_retried), (Outcome::Passed, false));
    assert_eq!(finished(2, 2).outcome, Outcome::Failed);
    assert_eq!(finished(2, 2).left_over[0].daemon.as_deref(), Some("server"));
}

#[test]
fn a_recording_that_is_read_and_written_is_the_same() {
    for recording in [GOLDEN, FULL] {
        let mut recorder = Recorder::new(Vec::new());
        for event in read(recording.as_bytes()).unwrap() {
            recorder.push(&event);
        }
        assert_eq!(String::from_utf8(recorder.into_inner()).unwrap(), recording);
    }
}

#[test]
fn a_recording_has_one_run() {
    let lines = GOLDEN.lines().count();
    let second = |text: String| match read(text.as_bytes()) {
        Err(RecordingError::SeveralRuns { line }) => Some(line),
        _ => None,
    };
    assert_eq!(second(format!("{GOLDEN}{GOLDEN}")), Some(lines + 1), "one behind the other");
    let (start, rest) = GOLDEN.split_once('\n').unwrap();
    assert_eq!(second(format!("{start}\n{start}\n{rest}")), Some(2), "a second start");
    let last_but_one = GOLDEN.lines().nth(lines - 2).unwrap();
    assert_eq!(second(format!("{GOLDEN}{last_but_one}\n")), Some(lines + 1), "an event after the end");
}

#[test]
fn a_recording_cut_at_any_byte_is_refused_with_the_place() {
    let lines = GOLDEN.lines().count();
    for end in 1..GOLDEN.len() - 1 {
        let cut = &GOLDEN.as_bytes()[..end];
        let whole_lines = cut.split(|byte| *byte == b'\n').count() - 1;
        match read(cut) {
            // A line can be complete without its newline.
            Err(RecordingError::CutShort { line, events }) => {
                assert!(line == whole_lines || line == whole_lines + 1, "cut after {end} bytes: line {line}");
                assert!(events.len() == line && line < lines);
            }
            Err(RecordingError::NotARecording) => assert_eq!(whole_lines, 0),
            other => panic!("cut after {end} bytes: {other:?}"),
        }
    }
}

#[test]
fn a_newer_recording_is_refused_with_its_version() {
    let first = GOLDEN.lines().next().unwrap();
    let newer = first.replace("\"schema_version\":1", "\"schema_version\":7,\"something_new\":true");
    assert_ne!(newer, first);
    let error = read(newer.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the recording has schema version 7; this greenroom reads versions up to {SCHEMA_VERSION}")
    );
}

#[test]
fn other_files_are_not_recordings() {
    for text in
        ["", "\n", "{}\n", "# A document\n", "[1, 2]\n", "{\"kind\":{\"run_finished\":{\"interrupted\":false}}}\n"]
    {
        let error = read(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "not a recording of a run: its first line is not the start of one", "{text:?}");
    }
}

#[test]
fn a_damaged_line_is_refused_with_its_number() {
    let damaged = GOLDEN.replacen("\"scenario_started\"", "\"scenario_eaten\"", 1);
    let number = GOLDEN.lines().position(|line| line.contains("\"scenario_started\"")).unwrap() + 1;
    let error = read(damaged.as_bytes()).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with(&format!("line {number} of the recording is not an event: ")), "{message}");
}

#[test]
fn half_a_line_is_damage_unless_it_is_the_last() {
    let mut lines: Vec<&str> = GOLDEN.lines().collect();
    lines[3] = &lines[3][..lines[3].len() / 2];
    let message = read(lines.join("\n").as_bytes()).unwrap_err().to_string();
    assert_eq!(message, "line 4 of the recording is not an event: EOF while parsing an object");
}

#[test]
fn fields_that_a_reader_does_not_know_are_ignored() {
    let with_more = GOLDEN.replace("{\"seq\":", "{\"colour\":\"green\",\"seq\":");
    assert_eq!(read(with_more.as_bytes()).unwrap(), read(GOLDEN.as_bytes()).unwrap());
}
