//! What runner, launcher and stages say to one another.
//!
//! - Between runner and launcher go [`Request`]s and [`Answer`]s, as JSON.
//! - A [`StageOrder`] reaches the stage in a file, in front of the payload.
//! - A stage sends [`StageMessage`]s to the runner; the runner sends [`BEGIN`] and [`INTERRUPT`], and
//!   answers questions.
//!
//! Decoding never panics, whatever the bytes.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::isolation::patience::is_scarce;
use crate::isolation::{IdMaps, Isolation, Room, SandboxChoice};
use crate::process::holders::Answers;
use crate::process::{Account, ExitStatus};

/// The hidden command that makes this executable a launcher.
pub(crate) const LAUNCHER_WORD: &str = "__launcher";

/// How long runner and launcher wait at the end for what does not end.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// The exit status of a first process, or worker, that could not set its stage up.
pub(crate) const SETUP_FAILED: i32 = 120;

/// Names a stage; the runner chooses it, unique in its run.
pub type StageId = u32;

/// What the runner asks of the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Begin the run. The prologue is in a descriptor beside it.
    Begin { choice: SandboxChoice, temporary_directory: PathBuf },
    /// Create a stage. Its channel, its order and what it holds are descriptors beside it.
    Launch { stage: StageId, hint: Option<u32>, mapped: Option<MappedStage>, is_observed: bool },
    /// End a stage with everything in it, whatever state its first process is in.
    End { stage: StageId },
    /// Stop the processes of all stages, as Ctrl-Z does.
    Pause,
    /// Continue the processes of all stages.
    Resume,
    /// End the run.
    Dismiss { directory: DirectoryFate },
}

/// A stage whose user namespace has another user beside the present one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MappedStage {
    /// Its users and groups.
    pub(crate) maps: IdMaps,
    /// The directory that belongs to it alone.
    pub(crate) directory: PathBuf,
}

/// What happens to the run's directory at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectoryFate {
    /// It is removed.
    Remove,
    /// It stays, for the user to look at.
    Keep,
}

/// What the launcher answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The run has begun. An error says why there is no directory.
    Ready { isolation: Isolation, run_directory: Result<PathBuf, String> },
    /// A stage has ended. An error says why it never began.
    Gone { stage: StageId, status: Result<ExitStatus, SetupFailure> },
    /// A stage that is observed has its first process.
    Created { stage: StageId, process: i32 },
}

/// Why a stage could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFailure {
    /// The reason.
    pub reason: String,
    /// Whether something was used up: namespaces, processes or memory. It may work later.
    pub is_scarcity: bool,
}

impl SetupFailure {
    /// Creates one whose cause does not pass.
    pub(crate) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_scarcity: false }
    }

    /// Creates one with the number of a system error.
    pub(crate) fn of(errno: Option<i32>, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_scarcity: errno.is_some_and(is_scarce) }
    }
}

/// How a stage is created.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StageOrder {
    /// The stage's data directory. Its parent is created too, and belongs to the stage alone.
    pub(crate) directory: PathBuf,
    /// A directory of a stage that has ended, to use as that parent.
    pub(crate) spare: Option<PathBuf>,
    /// Variables for the worker and everything it starts; one without a value is unset.
    pub(crate) environment: Vec<(String, Option<String>)>,
    /// The user that the worker switches to, if that is another one.
    pub(crate) user: Option<Account>,
    /// Its namespaces.
    pub(crate) room: Room,
}

impl StageOrder {
    /// Encodes it with a payload: the length of the order, the order, the payload.
    pub(crate) fn encode(&self, payload: &[u8]) -> io::Result<Vec<u8>> {
        let order = serde_json::to_vec(self)?;
        let length = u32::try_from(order.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok([&length.to_ne_bytes(), order.as_slice(), payload].concat())
    }

    /// Decodes an order and its payload; `None` when they are malformed.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, Vec<u8>)> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (order, payload) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        Some((serde_json::from_slice(order).ok()?, payload.to_vec()))
    }
}

/// The frame that lets a worker begin.
pub(crate) const BEGIN: &[u8] = b"begin";
/// The frame that asks a worker to stop.
pub(crate) const INTERRUPT: &[u8] = b"interrupt";
/// First byte of the frame that answers a worker's question.
pub(crate) const HOLDERS: u8 = b'h';

/// First byte of a frame of the agent.
const FROM_AGENT: u8 = b'a';
/// First byte of the only frame of a stage that could not be set up.
const NOT_SET_UP: u8 = b'!';
/// The same, if something was used up.
const NOT_SET_UP_YET: u8 = b'~';
/// First byte of a frame that asks for the processes of sockets.
const QUESTION: u8 = b'?';

/// What a stage says to the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageMessage {
    /// A message of the agent.
    Agent(Vec<u8>),
    /// The stage could not be set up; the reason follows "failed to". Nothing else will come.
    NotSetUp(SetupFailure),
    /// A frame that no stage sends: a process of the scenario wrote to the channel.
    Junk(Vec<u8>),
}

impl StageMessage {
    /// Encodes a message of the agent.
    pub(crate) fn encode_agent(message: &[u8]) -> Vec<u8> {
        [&[FROM_AGENT], message].concat()
    }

    /// Encodes the reason why a stage could not be set up.
    pub(crate) fn encode_not_set_up(failure: &SetupFailure) -> Vec<u8> {
        let first = if failure.is_scarcity { NOT_SET_UP_YET } else { NOT_SET_UP };
        [&[first], failure.reason.as_bytes()].concat()
    }

    /// Decodes a frame of a stage.
    pub(crate) fn decode(mut frame: Vec<u8>) -> Self {
        match frame.first() {
            Some(&FROM_AGENT) => {
                frame.remove(0);
                Self::Agent(frame)
            }
            Some(&first @ (NOT_SET_UP | NOT_SET_UP_YET)) => Self::NotSetUp(SetupFailure {
                reason: String::from_utf8_lossy(&frame[1..]).into_owned(),
                is_scarcity: first == NOT_SET_UP_YET,
            }),
            _ => Self::Junk(frame),
        }
    }
}

/// The most questions of a stage that are answered: each takes the runner a few milliseconds.
pub(crate) const MOST_QUESTIONS: usize = 100;

/// Encodes a question for the processes of sockets.
pub(crate) fn encode_question(inodes: &[u64]) -> Vec<u8> {
    [&[QUESTION], serde_json::to_vec(inodes).unwrap_or_default().as_slice()].concat()
}

/// Decodes a question for the processes of sockets; `None` when the frame is another.
pub(crate) fn decode_question(frame: &[u8]) -> Option<Vec<u64>> {
    serde_json::from_slice(frame.strip_prefix(&[QUESTION])?).ok()
}

/// Encodes the answer to a question for the processes of sockets.
pub(crate) fn encode_holders(answers: &Answers) -> Vec<u8> {
    [&[HOLDERS], serde_json::to_vec(answers).unwrap_or_default().as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_decoded_as_encoded_and_malformed_ones_are_refused() {
        let (directory, room) = ("/run/1/data".into(), Room::default());
        let order = StageOrder { directory, spare: None, environment: Vec::new(), user: None, room };
        let bytes = order.encode(b"payload").unwrap();
        let (decoded, payload) = StageOrder::decode(&bytes).unwrap();
        assert_eq!((decoded.directory, payload), (order.directory, b"payload".to_vec()));
        for cut in [0, 3, 4, 20] {
            assert!(StageOrder::decode(&bytes[..cut]).is_none());
        }
        assert!(StageOrder::decode(&[0xff; 64]).is_none());
    }

    #[test]
    fn frames_of_a_stage_are_decoded() {
        let agent = StageMessage::encode_agent(b"done");
        assert_eq!(StageMessage::decode(agent), StageMessage::Agent(b"done".to_vec()));
        for errno in [libc::ENOSPC, libc::EPERM] {
            let failure = SetupFailure::of(Some(errno), "fork");
            assert_eq!(failure.is_scarcity, errno == libc::ENOSPC);
            let frame = StageMessage::encode_not_set_up(&failure);
            assert_eq!(StageMessage::decode(frame), StageMessage::NotSetUp(failure));
        }
        assert_eq!(decode_question(&encode_question(&[7, 8])), Some(vec![7, 8]));
        for junk in [b"".as_slice(), b"{}", b"\x1b[2J", b"?", b"?{}", b"?[-1]"] {
            assert_eq!(StageMessage::decode(junk.to_vec()), StageMessage::Junk(junk.to_vec()));
            assert_eq!(decode_question(junk), None);
        }
    }
}
