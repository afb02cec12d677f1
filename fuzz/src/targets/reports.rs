//! Reports in every format, of whatever a recording says.
//!
//! Lines that are not events are left out, and the rest needs no order: most mutations still give
//! reports something that no run would say.

use std::io::BufRead;

use greenroom_event::{Event, EventKind, Outline, RunEnd};
use greenroom_report::merge::{Recording, merge};
use greenroom_report::page::{self, Drawings, Request, Site};
use greenroom_report::{
    FORMATS, Options, RunRecord, Terminal, TerminalFormat, Verbosity, Writing, github, page::index,
};

use crate::checks::{check_screen, fingerprint};
use crate::formats::{check_annotations, check_html, check_service_messages, check_tap, check_xml};
use crate::target::Target;

/// The target `reports`.
pub(crate) const TARGET: Target = Target {
    name: "reports",
    run,
    seeds: &["crates/event/tests/golden", "fuzz/corpus/recording"],
    extensions: &["jsonl"],
    dictionary: &[
        "\n",
        "0",
        "-1",
        "4294967295",
        "18446744073709551615",
        "1e308",
        "\\u0000",
        "\\u0007",
        "\\u001b[2J",
        "\\u001b]8;;x\\u0007",
        "\\u0085",
        "\\u202e",
        "\\u2028",
        "\\ud800",
        "\\ufffe",
        "\u{10fff0}",
        "]]>",
        "<!--",
        "</script><script>",
        "</style>",
        "' onload='",
        "\\\" onload=\\\"",
        "javascript:alert(1)",
        "\\n##teamcity[testFailed name='x']",
        "|'",
        "\\n::error::x",
        "::add-mask::",
        "::token::",
        "\\nBail out!",
        "\\nnot ok 1",
        " # TODO",
        "\\r",
        "\"is_retried\":true,",
        "\"passed\"",
        "\"failed\"",
        "\"broken\"",
        "\"skipped\"",
        "\"scenario\":{\"index\":9,\"number\":0},",
        "\"kind\":\"scenario_started\"",
    ],
};

/// Unknown to what the recording says, as in a run.
const TOKEN: &str = "4f1c6d0e-token";

fn run(input: &[u8]) -> u64 {
    let lines = input.lines().map_while(Result::ok);
    let events = lines.filter_map(|line| serde_json::from_str(&line).ok());
    let is_start = |event: &Event| matches!(event.kind, EventKind::RunStarted(_));
    // A report is of one run.
    let events: Vec<Event> =
        events.enumerate().filter(|(at, event)| *at == 0 || !is_start(event)).map(|(_, event)| event).collect();
    let Some(EventKind::RunStarted(started)) = events.first().map(|event| &event.kind) else {
        return fingerprint("not a recording");
    };
    let record = RunRecord::of(&events);
    let shape = on_standard_output(&events);
    in_files(&record);
    pages(&started.outline, &record);
    check_screen(&github::summary(&record, 8192));
    // The run merged with its own first half, as two partitions.
    let part = |name: &str, events: &[Event]| Recording {
        name: name.to_owned(),
        events: events.to_vec(),
        cut: Some(RunEnd::CutShort),
    };
    let merged = merge(vec![part("half", &events[..events.len().div_ceil(2)]), part("whole", &events)]);
    in_files(&RunRecord::of(&merged));
    on_standard_output(&merged);
    fingerprint(shape)
}

/// Makes the reports of standard output, and returns the first words of the lines of the first.
fn on_standard_output(events: &[Event]) -> Vec<String> {
    let mut shape = Vec::new();
    for format in TerminalFormat::ALL {
        let mut out = Vec::new();
        let terminal = Terminal { colour: false, width: 80, live: false };
        let options = Options { verbosity: Verbosity::Verbose, shows_output: true };
        let mut report = format.reporter(&mut out, terminal, options, TOKEN.to_owned());
        for event in events {
            report.push(event);
        }
        report.cut_short(false);
        assert!(report.error().is_none());
        drop(report);
        let text = String::from_utf8_lossy(&out);
        match format {
            TerminalFormat::Human => {
                check_screen(&text);
                shape = text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
                shape.sort_unstable();
                shape.dedup();
            }
            TerminalFormat::Tap => check_tap(&text),
            TerminalFormat::Github => check_annotations(&text, TOKEN),
            TerminalFormat::Teamcity => check_service_messages(&text),
            TerminalFormat::Json => {
                let again: Result<Vec<Event>, _> = text.lines().map(serde_json::from_str).collect();
                assert_eq!(again.ok().as_deref(), Some(events), "the events are not those of the recording");
            }
        }
    }
    shape
}

fn in_files(record: &RunRecord) {
    for format in FORMATS {
        if let Writing::Whole(write) = format.writing {
            let mut out = Vec::new();
            let written = write(record, &mut out);
            assert!(written.is_ok(), "{}: {written:?}", format.option);
            if format.option == "junit" {
                check_xml(&String::from_utf8_lossy(&out));
            }
        }
    }
}

/// Makes the pages of all documents, with and without the run, and their index.
fn pages(outline: &Outline, record: &RunRecord) {
    let drawings = Drawings::new();
    let names: Vec<String> = (0..outline.documents.len()).map(|at| format!("{at}.html")).collect();
    let site = Some(Site { pages: &names, index: "index.html" });
    for document in 0..outline.documents.len() {
        for run in [Some(record), None] {
            let drawings = &drawings;
            check_html(&page::page(&Request {
                outline,
                document,
                run,
                drawings,
                links_styles: false,
                site,
                version: "0.1.0",
            }));
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check_html(&index::index(&index::Request { outline, run: Some(record), pages: &names, version: "0.1.0" }));
}
