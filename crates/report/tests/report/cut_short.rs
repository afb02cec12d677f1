//! Recordings that end in the middle, as after a crash: every report can be made of them.

use std::fs;
use std::path::Path;

use greenroom_event::recording::{RecordingError, read};
use greenroom_event::{Event, EventKind};
use greenroom_report::page::{Drawings, Request, page};
use greenroom_report::{FORMATS, Options, RunRecord, Terminal, TerminalFormat, Writing};

#[test]
fn a_recording_cut_at_any_byte_has_a_page_and_all_reports() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/tests/golden");
    for name in ["version-1.jsonl", "version-1-full.jsonl"] {
        let recording = fs::read(golden.join(name)).unwrap();
        let first = recording.iter().position(|&byte| byte == b'\n').unwrap();
        // The reports depend on the whole events alone, so one set for each number of them is enough.
        let mut reported = 0;
        for end in first..recording.len() {
            let cut = format!("{name} cut after {end} bytes");
            let (events, is_whole) = match read(&recording[..end]) {
                Ok(events) => (events, true),
                Err(RecordingError::CutShort { events, .. }) => (events, false),
                Err(error) => panic!("{cut}: {error}"),
            };
            assert!(events.len() == reported || events.len() == reported + 1, "{cut}: {} events", events.len());
            if events.len() > reported {
                reported = events.len();
                check(&events, is_whole, &cut);
            }
        }
        assert_eq!(reported, recording.split(|&byte| byte == b'\n').count() - 1, "{name}");
    }
}

/// Makes all reports of a run that has these events.
fn check(events: &[Event], is_whole: bool, cut: &str) {
    let EventKind::RunStarted(started) = &events[0].kind else { panic!("{cut}: {:?}", events[0]) };
    let run = RunRecord::of(events);
    assert_eq!(run.ended, is_whole, "{cut}");
    let drawings = Drawings::new();
    let request = Request {
        outline: &started.outline,
        document: 0,
        run: Some(&run),
        drawings: &drawings,
        links_styles: false,
        site: None,
        version: "0.1.0",
    };
    let page = page(&request);
    assert!(page.ends_with("</body></html>"), "{cut}");
    assert_eq!(page.contains("This recording is cut short."), !is_whole, "{cut}");
    let has_text = started.outline.documents[0].text.is_some();
    for scenario in started.outline.scenarios.iter().filter(|_| has_text) {
        assert!(page.contains(&*scenario.title), "{cut}: {} is missing", scenario.title);
    }
    for format in FORMATS {
        if let Writing::Whole(write) = format.writing {
            write(&run, &mut Vec::new()).unwrap_or_else(|error| panic!("{cut}: {}: {error}", format.option));
        }
    }
    for format in TerminalFormat::ALL {
        let mut out = Vec::new();
        let terminal = Terminal { colour: false, width: 80, live: false };
        let mut report = format.reporter(&mut out, terminal, Options::default(), "token".to_owned());
        for event in events {
            report.push(event);
        }
        if !is_whole {
            report.cut_short(false);
        }
        assert!(report.error().is_none(), "{cut}: {}", format.name());
        drop(report);
        assert!(!out.is_empty(), "{cut}: {}", format.name());
    }
}
