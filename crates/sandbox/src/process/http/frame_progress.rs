//! How far a message of a WebSocket has come, for the failure that it does not come any further.
//!
//! The library that reads frames does not say that. Their heads are enough: whether a frame is the
//! last one of its message, and how long it is.

/// Set in the first byte of a frame that is the last one of its message.
const FINAL: u8 = 0x80;
/// Set in the first byte of a frame that is not a part of a message.
const CONTROL: u8 = 0x08;

/// How far the present message has come.
#[derive(Debug, Default)]
pub(super) struct FrameProgress {
    /// The head of the next frame, as far as it has come.
    head: Vec<u8>,
    /// What is missing of the payload of the present frame.
    missing: u64,
    /// What has come of the message, if one has begun.
    come: Option<u64>,
    /// Whether the present frame is a part of a message, and whether it is the last one.
    is_message: bool,
    is_last: bool,
}

impl FrameProgress {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if self.missing == 0 {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
                if let Some(length) = payload_length(&self.head) {
                    self.begin(length);
                }
                continue;
            }
            let taken = bytes.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
            bytes = &bytes[taken..];
            self.missing -= taken as u64;
            if let Some(come) = self.come.as_mut().filter(|_| self.is_message) {
                *come += taken as u64;
            }
            self.end_if_complete();
        }
    }

    /// Says what has come of the present message, if one has begun.
    pub(super) fn words(&self) -> Option<String> {
        match self.come {
            Some(come) if self.is_message && self.is_last && self.missing > 0 => {
                Some(format!("{come} of {} bytes of a message had come", come.saturating_add(self.missing)))
            }
            Some(come) => Some(format!("{come} bytes of a message without its end had come")),
            None if self.head.is_empty() && self.missing == 0 => None,
            None => Some("a frame had begun".to_owned()),
        }
    }

    /// Begins a frame, whose head is complete.
    fn begin(&mut self, length: u64) {
        self.is_message = self.head[0] & CONTROL == 0;
        self.is_last = self.head[0] & FINAL != 0;
        self.head.clear();
        self.missing = length;
        if self.is_message {
            self.come.get_or_insert(0);
        }
        self.end_if_complete();
    }

    fn end_if_complete(&mut self) {
        if self.missing == 0 && self.is_message && self.is_last {
            self.come = None;
        }
    }
}

/// Returns the length of the payload, with its mask, once the head is complete.
fn payload_length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let length = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(head.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    Some(length.saturating_add(mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(bytes: &[u8]) -> String {
        let mut progress = FrameProgress::default();
        for byte in bytes {
            progress.feed(&[*byte]);
        }
        let mut whole = FrameProgress::default();
        whole.feed(bytes);
        assert_eq!(whole.words(), progress.words());
        whole.words().unwrap_or_default()
    }

    #[test]
    fn what_has_come_of_a_message_is_counted_over_its_frames() {
        assert_eq!(after(b""), "");
        assert_eq!(after(b"\x81\x02ab\x81\x00"), "");
        assert_eq!(after(b"\x81"), "a frame had begun");
        assert_eq!(after(b"\x81\x03a"), "1 of 3 bytes of a message had come");
        assert_eq!(after(b"\x82\x7e\x01\x00abc"), "3 of 256 bytes of a message had come");
        assert_eq!(after(b"\x82\x7f\0\0\0\0\x40\0\0\0a"), "1 of 1073741824 bytes of a message had come");
        assert_eq!(after(b"\x01\x02ab"), "2 bytes of a message without its end had come");
        // A ping between the frames of a message.
        assert_eq!(after(b"\x01\x02ab\x89\x01p"), "2 bytes of a message without its end had come");
        assert_eq!(after(b"\x01\x02ab\x80\x02c"), "3 of 4 bytes of a message had come");
        assert_eq!(after(b"\x01\x02ab\x80\x02cd"), "");
        assert_eq!(after(b"\x89\x02p"), "a frame had begun");
    }
}
