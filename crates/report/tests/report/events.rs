//! The report for programs.

use greenroom_event::recording;

use crate::support::{three, written};

#[test]
fn the_report_for_programs_is_a_recording_of_the_run() {
    let run = three().passes(0).passes(1).passes(2).end();
    let written = written("events", &run);
    assert_eq!(recording::read(written.as_bytes()).unwrap(), run.all());
    assert_eq!(written.lines().count(), run.all().len());
}
