//! The report for programs: the events themselves, one line of JSON each.
//!
//! `greenroom report` shows such a recording as the run was shown. The format is that of
//! [`greenroom_event::recording`].

use greenroom_event::recording::Recorder;

use crate::tee::{Format, Writing};

/// `--events FILE`.
pub const FORMAT: Format = Format {
    option: "events",
    help: "Record the run in this file, one line of JSON per event; `greenroom report` shows it",
    needs_texts: true,
    writing: Writing::Streaming(|to| Box::new(Recorder::new(to))),
};
