//! Runs on disk: one event per line, as JSON.
//!
//! [`Recorder`] writes a run as it happens, [`read`] reads it back. The first line names the format
//! and its version, so that a reader can tell a newer recording from a damaged one.

use std::fmt;
use std::io::{self, BufRead, BufWriter, Write};

use serde::Deserialize;

use crate::{Event, EventKind, SCHEMA_VERSION, Sink};

/// Writes each event as a line of JSON, flushed, so that a crash loses at most one line.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    to: W,
    error: Option<io::Error>,
}

impl<W: Write> Recorder<W> {
    /// Creates a recorder that writes there.
    pub fn new(to: W) -> Self {
        Self { to, error: None }
    }

    /// The first write that failed. Nothing is written after it.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// Ends the recorder and gives the writer back.
    pub fn into_inner(self) -> W {
        self.to
    }
}

impl<W: Write> Sink for Recorder<W> {
    fn push(&mut self, event: &Event) {
        if self.error.is_some() {
            return;
        }
        // The start of a run of many scenarios is a long line.
        let written = match event.kind {
            EventKind::RunStarted(_) => write_long(&mut self.to, event),
            _ => serde_json::to_vec(event).map_err(io::Error::other).and_then(|mut line| {
                line.push(b'\n');
                self.to.write_all(&line)?;
                self.to.flush()
            }),
        };
        self.error = written.err();
    }
}

/// Writes an event piece by piece.
fn write_long(to: &mut impl Write, event: &Event) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(LONG, to);
    serde_json::to_writer(&mut to, event)?;
    to.write_all(b"\n")?;
    to.flush()
}

/// Bytes of a long line that are written at once.
const LONG: usize = 64 << 10;

/// Why a recording cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordingError {
    /// It could not be read.
    Io(io::Error),
    /// Its first line is not the start of a run.
    NotARecording,
    /// A newer greenroom wrote it.
    Newer {
        /// The version of its schema.
        found: u32,
    },
    /// A line is not an event.
    Invalid {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// Another run begins, or something follows the end of the run.
    SeveralRuns {
        /// The first line that does not belong to the run, from 1.
        line: usize,
    },
    /// It ends before the end of the run.
    CutShort {
        /// The last line, from 1.
        line: usize,
        /// The complete events.
        events: Vec<Event>,
    },
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the recording: {error}"),
            Self::NotARecording => f.write_str("not a recording of a run: its first line is not the start of one"),
            Self::Newer { found } => write!(
                f,
                "the recording has schema version {found}; this greenroom reads versions up to {SCHEMA_VERSION}"
            ),
            Self::Invalid { line, error } => {
                let message = error.to_string();
                // Its own place is within the line.
                let place = format!(" at line {} column {}", error.line(), error.column());
                let message = message.strip_suffix(&place).unwrap_or(&message);
                write!(f, "line {line} of the recording is not an event: {message}")
            }
            Self::SeveralRuns { line } => write!(
                f,
                "line {line} of the recording does not belong to its run; pass the recordings of several runs as \
                 several files"
            ),
            Self::CutShort { line, .. } => {
                write!(f, "the recording is cut short: it ends after line {line}, before the end of the run")
            }
        }
    }
}

impl std::error::Error for RecordingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Invalid { error, .. } => Some(error),
            Self::NotARecording | Self::Newer { .. } | Self::SeveralRuns { .. } | Self::CutShort { .. } => None,
        }
    }
}

/// The part of the first line that every version has.
#[derive(Deserialize)]
struct Head {
    kind: HeadKind,
}

#[derive(Deserialize)]
struct HeadKind {
    run_started: HeadVersion,
}

#[derive(Deserialize)]
struct HeadVersion {
    schema_version: u32,
}

/// Reads a whole recording.
///
/// # Errors
/// When it cannot be read, is not a recording, is newer than this crate, has a line that is not an
/// event, has more than one run, or ends before the run does.
pub fn read(from: impl BufRead) -> Result<Vec<Event>, RecordingError> {
    let mut events: Vec<Event> = Vec::new();
    let mut number = 0;
    let mut lines = from.split(b'\n');
    while let Some(line) = lines.next() {
        let line = line.map_err(RecordingError::Io)?;
        number += 1;
        if events.is_empty() {
            let head: Head = serde_json::from_slice(&line).map_err(|_| RecordingError::NotARecording)?;
            let found = head.kind.run_started.schema_version;
            if found > SCHEMA_VERSION {
                return Err(RecordingError::Newer { found });
            }
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) if !follows(&event, events.last()) => {
                return Err(RecordingError::SeveralRuns { line: number });
            }
            Ok(event) => events.push(event),
            // A writer that was killed leaves half a line, after which nothing follows.
            Err(error) if error.is_eof() && lines.next().is_none() => {
                return Err(RecordingError::CutShort { line: number - 1, events });
            }
            Err(error) => return Err(RecordingError::Invalid { line: number, error }),
        }
    }
    match events.last() {
        None => Err(RecordingError::NotARecording),
        Some(Event { kind: EventKind::RunFinished { .. }, .. }) => Ok(events),
        Some(_) => Err(RecordingError::CutShort { line: number, events }),
    }
}

/// Returns whether an event can follow another one in a run.
fn follows(event: &Event, last: Option<&Event>) -> bool {
    let is_start = matches!(event.kind, EventKind::RunStarted(_));
    match last {
        None => is_start,
        Some(last) => !is_start && !matches!(last.kind, EventKind::RunFinished { .. }),
    }
}
