//! Recordings of runs, and the report of whatever they say.

use greenroom_event::recording::{RecordingError, read};
use greenroom_event::{Event, Sink};
use greenroom_report::{Options, Terminal, TerminalReporter, Verbosity};

use crate::checks::{check_screen, fingerprint};
use crate::target::Target;

/// The target `recording`.
pub(crate) const TARGET: Target = Target {
    name: "recording",
    run,
    seeds: &["crates/event/tests/golden"],
    extensions: &["jsonl"],
    dictionary: &[
        "\n",
        "null",
        "true",
        "-1",
        "0",
        "9007199254740993",
        "18446744073709551615",
        "1e308",
        "\"\"",
        "\"\\u001b[31m\"",
        "\\ud800",
        "é",
        "[]",
        "{}",
        ",",
        "{\"scenario\":9}",
        "\"seq\":0,",
        "\"passed\"",
        "\"failed\"",
    ],
};

fn run(input: &[u8]) -> u64 {
    match read(input) {
        Ok(events) => fingerprint((0, report(&events))),
        // What there is can be reported.
        Err(RecordingError::CutShort { events, .. }) => fingerprint((1, report(&events))),
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty());
            // Without the places and numbers in it.
            let words: String = message.chars().filter(char::is_ascii_alphabetic).collect();
            fingerprint((2, words))
        }
    }
}

/// The shape of the report: the first words of its lines.
fn report(events: &[Event]) -> Vec<String> {
    let screen = shown(events, Terminal { colour: false, width: 80, live: false });
    check_screen(&screen);
    // A live display moves the cursor, so there is nothing to check but that it ends.
    shown(events, Terminal { colour: true, width: 40, live: true });
    let mut words: Vec<String> =
        screen.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn shown(events: &[Event], terminal: Terminal) -> String {
    let options = Options { verbosity: Verbosity::Verbose, shows_output: true };
    let mut reporter = TerminalReporter::new(Vec::new(), terminal, options);
    for event in events {
        reporter.push(event);
        reporter.idle(event.at);
    }
    String::from_utf8_lossy(&reporter.into_inner()).into_owned()
}
