//! What runs in stages, and what it is given.

use std::io;
use std::path::{Path, PathBuf};

use crate::launcher::channel::Pipe;
use crate::launcher::messages::StageMessage;
use crate::process::Watch;

/// What runs inside stages.
///
/// The launcher prepares it once. The worker of every stage plays it once, in a copy of the
/// launcher's memory.
pub trait Agent {
    /// What all stages of the run share.
    type Prologue;

    /// Reads what the runner sent for all stages.
    fn prepare(&self, prologue: &[u8]) -> Self::Prologue;

    /// Starts what many stages share; the launcher calls it before it creates a stage with a hint.
    ///
    /// `in_use` are the hints of the present stages. It is called only where stages have process
    /// namespaces. It must not wait for anything, since every stage would wait too. What the
    /// prologue holds is dropped in the launcher alone, when all stages have ended.
    fn make_ready(&self, prologue: &mut Self::Prologue, hint: u32, in_use: &[u32]) {
        let _ = (prologue, hint, in_use);
    }

    /// Does the work of one stage. The worker process ends when it returns.
    fn play(&self, prologue: &Self::Prologue, stage: Stage);
}

/// The worker's side of a stage.
#[derive(Debug)]
pub struct Stage {
    pipe: Pipe,
    directory: PathBuf,
    payload: Vec<u8>,
}

impl Stage {
    /// Puts it together.
    pub(super) fn new(pipe: Pipe, directory: PathBuf, payload: Vec<u8>) -> Self {
        Self { pipe, directory, payload }
    }

    /// Returns its data directory, which is the working directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns what the runner sent for this stage.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Sends a message to the runner.
    ///
    /// # Errors
    ///
    /// When the runner has died; this process is then about to be killed.
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.pipe.send(&StageMessage::encode_agent(message))
    }

    /// Creates a watch whose waits end on [`crate::launcher::RunnerEnd::interrupt`].
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn watch(&self) -> io::Result<Watch> {
        Ok(Watch::new().interrupted_by(self.pipe.stream().try_clone()?.into()))
    }

    /// Creates another handle to send messages with.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn sender(&self) -> io::Result<Sender> {
        Ok(Sender(Pipe::new(self.pipe.stream().try_clone()?)))
    }
}

/// Sends messages to the runner.
#[derive(Debug)]
pub struct Sender(Pipe);

impl Sender {
    /// Sends a message to the runner.
    ///
    /// # Errors
    ///
    /// When the runner has died.
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.0.send(&StageMessage::encode_agent(message))
    }
}
