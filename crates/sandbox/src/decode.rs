//! Decoders of the messages between runner, launcher and stages, for fuzzing.
//!
//! Each takes arbitrary bytes and must not panic; it returns whether they are a message.

use crate::launcher::channel::{Frame, Frames};
use crate::launcher::messages::{Answer, Request, StageMessage, StageOrder};

/// Decodes a request of the runner to the launcher.
pub fn request(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Request>(bytes).is_ok()
}

/// Decodes an answer of the launcher.
pub fn answer(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Answer>(bytes).is_ok()
}

/// Decodes a stage's order with its payload.
pub fn stage_order(bytes: &[u8]) -> bool {
    StageOrder::decode(bytes).is_some()
}

/// Decodes a stream of frames, and each frame as a message of a stage.
pub fn stage_messages(bytes: &[u8]) -> bool {
    let mut frames = Frames::default();
    frames.extend(bytes);
    let mut any = false;
    while let Frame::Whole(frame) = frames.next() {
        any |= matches!(StageMessage::decode(frame), StageMessage::Agent(_));
    }
    any
}
