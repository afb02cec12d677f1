//! The output of a command, in a file.

use std::fs::File;
use std::io;

use greenroom_event::OutputSource;
use greenroom_sandbox::process::Growth;
use greenroom_sandbox::process::capture::{self, Tail};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::context::Context;
use crate::evidence::{STEP_OUTPUT, marks_of};
use crate::library::bytes::Bytes;
use crate::library::place::cannot;
use crate::step::{Failure, Output, Stream, output_of};

/// One output of a command, in a file without a name.
///
/// It may be of any size, so it is read only when needed.
#[derive(Debug)]
pub struct CapturedOutput {
    pub(super) file: File,
    /// When it was written, as far as that was recorded.
    pub(super) growth: Vec<Growth>,
}

impl CapturedOutput {
    /// Creates an empty one.
    pub(super) fn new(context: &Context) -> Result<Self, Failure> {
        let make = || -> io::Result<File> {
            let file = tempfile::tempfile_in(context.backstage())?;
            // A program may open /dev/stdout again, and its children may write after it has ended.
            // All of that is appended.
            fcntl_setfl(&file, fcntl_getfl(&file)? | OFlags::APPEND)?;
            Ok(file)
        };
        let created = make().map(|file| Self { file, growth: Vec::new() });
        created.map_err(|error| cannot("create", "a file for the command's output", &error))
    }

    /// Returns its size in bytes.
    ///
    /// # Errors
    ///
    /// If its file cannot be read.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Returns whether it is empty.
    ///
    /// # Errors
    ///
    /// If its file cannot be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Returns all of it.
    ///
    /// # Errors
    ///
    /// If it is larger than 64 MiB, or its file cannot be read.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        Ok(Bytes::of(&self.file)?.all()?.into_owned())
    }

    /// Returns the end of it, about 8 KiB.
    ///
    /// # Errors
    ///
    /// If its file cannot be read.
    pub fn tail(&self) -> io::Result<Tail> {
        Bytes::of(&self.file)?.tail()
    }

    /// Returns the end of it, as failures carry it.
    pub(super) fn output(&self, stream: Stream) -> Output {
        self.with_times(stream, &self.tail().unwrap_or_default())
    }

    /// Returns the end of it, as passed steps carry it; `None` if it is empty.
    pub(super) fn evidence(&self, stream: Stream) -> Option<Output> {
        let tail = capture::tail_of(&self.file, STEP_OUTPUT).ok()?;
        (!tail.bytes.is_empty()).then(|| self.with_times(stream, &tail))
    }

    fn with_times(&self, stream: Stream, tail: &Tail) -> Output {
        let length = tail.omitted + tail.bytes.len() as u64;
        let marks = marks_of(&self.growth, 0..length, tail.omitted);
        Output { marks, ..output_of(OutputSource::Command { stream }, tail) }
    }

    /// Returns a handle for the program.
    pub(super) fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}
