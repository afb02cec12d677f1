//! What a process wrote, and which of its outputs it wrote to.

use std::fmt;
use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{micros, words};

/// The end of something that a process wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Output {
    /// Who wrote it.
    pub source: OutputSource,
    /// Its last part; [`raw_byte`] decodes bytes that are not UTF-8. It can hold control characters:
    /// escape it before showing it.
    pub text: String,
    /// How many bytes came before `text`.
    pub omitted: u64,
    /// Whether it was written after greenroom asked the process to end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_stop: bool,
    /// When it was written, in order of position; empty if that was not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// How much had been written at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Mark {
    /// The length of the whole output in bytes, omitted ones included.
    pub length: u64,
    /// When it was first seen to be that long, in microseconds since the start of the scenario.
    #[serde(rename = "at_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub at: Duration,
}

impl Output {
    /// Creates output from bytes, with how many bytes came before them.
    pub fn from_bytes(source: OutputSource, bytes: &[u8], omitted: u64) -> Self {
        Self { source, text: text_of(bytes), omitted, after_stop: false, marks: Vec::new() }
    }

    /// The bytes of `text` as the process wrote them.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.text.len());
        for c in self.text.chars() {
            match raw_byte(c) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }
}

/// Who wrote an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputSource {
    /// The command that the step ran or looked at.
    Command {
        /// Which of its outputs.
        stream: Stream,
    },
    /// A daemon.
    Daemon {
        /// Its name in the document.
        name: String,
        /// Which of its outputs.
        stream: Stream,
    },
    /// The step function or its host, under a title: `output of the python function`, `where it failed`.
    Function {
        /// The title.
        title: String,
    },
    /// The body of the response to an HTTP request.
    Response {
        /// Its size, if only its beginning is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
    },
}

impl fmt::Display for OutputSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { stream } => write!(f, "{stream} of the command"),
            Self::Daemon { name, stream } => write!(f, "{stream} of daemon {name}"),
            Self::Function { title } => f.write_str(title),
            Self::Response { size: None } => f.write_str("body of the response"),
            Self::Response { size: Some(size) } => {
                write!(f, "body of the response, the beginning of {}", words::size(*size))
            }
        }
    }
}

/// One of the outputs of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Both, standard output first.
    pub const BOTH: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Stdout => Self::Stderr,
            Self::Stderr => Self::Stdout,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes as text, reversibly: a byte outside of UTF-8 becomes U+10FF00 plus its value.
pub fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|&byte| char::from_u32(0x10_FF00 + u32::from(byte))));
    }
    text
}

/// The byte that a character of [`text_of`] stands for, if it stands for a byte outside of UTF-8.
pub fn raw_byte(c: char) -> Option<u8> {
    match u32::from(c) {
        number @ 0x10_FF80..=0x10_FFFF => u8::try_from(number & 0xFF).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_gives_back_the_bytes_it_was_made_from() {
        let bytes = b"caf\xc3\xa9 \xff\x80 \0 end";
        let output = Output::from_bytes(OutputSource::Command { stream: Stream::Stdout }, bytes, 7);
        assert_eq!(output.bytes(), bytes);
    }
}
