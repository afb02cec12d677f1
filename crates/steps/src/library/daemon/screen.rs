//! The text that a program has written to a terminal, without what only moves the cursor or changes
//! colors.

use std::path::Path;

use greenroom_sandbox::process::capture;

use crate::library::bytes::Bytes;

/// How much text is kept, in bytes.
const KEPT: usize = 1 << 20;

/// The text of a terminal, read from the file of its output as that grows.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// How much of the file was read.
    read: u64,
    text: Vec<u8>,
    /// Up to where waits have found what they waited for.
    found: usize,
    state: State,
    parameters: Vec<u8>,
    /// Whether the program has chosen the other mode of arrow keys.
    pub(super) application: bool,
}

/// Where in an escape sequence the output is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// A sequence that begins with `ESC [`.
    Control,
    /// A text for the terminal itself, such as its title.
    Message,
    /// An escape in such a text, which ends it.
    EscapeInMessage,
    /// One more byte, which names a character set.
    One,
}

impl Screen {
    /// Reads what the file has that was not read before.
    pub(super) fn update(&mut self, file: &Path) -> std::io::Result<()> {
        let file = capture::open(file)?;
        let new = Bytes::of(&file)?.part(self.read, u64::MAX)?;
        self.read += new.len() as u64;
        self.take(&new);
        Ok(())
    }

    /// Returns all text that is kept.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns whether the text behind the place where waits have been has a part. The next wait
    /// begins behind it.
    pub(super) fn finds(&mut self, part: &[u8]) -> bool {
        let found = capture::find(&self.text[self.found..], part);
        self.found += found.map_or(0, |at| at + part.len());
        found.is_some()
    }

    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Text, 0x1b) => State::Escape,
                (State::Text, _) => {
                    self.write(byte);
                    State::Text
                }
                (State::Escape, b'[') => {
                    self.parameters.clear();
                    State::Control
                }
                (State::Escape, b']' | b'P' | b'^' | b'_' | b'X') => State::Message,
                (State::Escape, b'(' | b')' | b'*' | b'+' | b'#' | b'%' | b' ') => State::One,
                (State::Control, 0x40..=0x7e) => {
                    self.control(byte);
                    State::Text
                }
                (State::Control, _) => {
                    self.parameters.push(byte);
                    State::Control
                }
                (State::Message, 0x07) | (State::EscapeInMessage, b'\\') | (State::One | State::Escape, _) => {
                    State::Text
                }
                (State::Message, 0x1b) => State::EscapeInMessage,
                (State::Message | State::EscapeInMessage, _) => State::Message,
            };
        }
        let excess = self.text.len().saturating_sub(KEPT);
        self.text.drain(..excess);
        self.found = self.found.saturating_sub(excess).min(self.text.len());
    }

    fn write(&mut self, byte: u8) {
        match byte {
            // Backspace takes the last character of the line away.
            0x08 => {
                while self.text.last().is_some_and(|&last| last != b'\n')
                    && self.text.pop().is_some_and(|last| last & 0xc0 == 0x80)
                {}
            }
            b'\n' | b'\t' | b' '..=0x7e | 0x80.. => self.text.push(byte),
            _ => {}
        }
    }

    /// Whether the text ends within a line.
    fn is_in_line(&self) -> bool {
        self.text.last().is_some_and(|&last| last != b'\n')
    }

    /// Takes a sequence that begins with `ESC [` into account, by its last byte.
    fn control(&mut self, last: u8) {
        match (last, self.parameters.as_slice()) {
            (b'h', b"?1") => self.application = true,
            (b'l', b"?1") => self.application = false,
            // To another line: what comes next does not continue the text before.
            (b'H' | b'f' | b'A' | b'B' | b'E' | b'F' | b'd', _) if self.is_in_line() => self.text.push(b'\n'),
            // To the right: programs write gaps so.
            (b'C', number) => {
                let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()).unwrap_or(1usize);
                self.text.extend(std::iter::repeat_n(b' ', number.min(200)));
            }
            (b'G', _) if self.is_in_line() => self.text.push(b' '),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[&str]) -> String {
        let mut screen = Screen::default();
        for part in parts {
            screen.take(part.as_bytes());
        }
        String::from_utf8(screen.text).unwrap()
    }

    #[test]
    fn text_is_left_without_colors_titles_and_cursor_moves() {
        assert_eq!(text(&["a\r\nb\x1b[1;3", "1mred\x1b[0m\x1b(B!"]), "a\nbred!");
        assert_eq!(text(&["\x1b]0;title\x07x\x1b]0;title\x1b\\y"]), "xy");
        assert_eq!(text(&["one\x1b[2;1Htwo\x1b[4Cthree\x1b[K"]), "one\ntwo    three");
        assert_eq!(text(&["abé\x08 \x08c\x07"]), "abc");
    }

    #[test]
    fn a_wait_begins_where_the_one_before_has_found_its_text() {
        let mut screen = Screen::default();
        screen.take(b"name? name?");
        assert!(screen.finds(b"name?") && screen.finds(b"name?") && !screen.finds(b"name?"));
        screen.take(b"\x1b[?1h name?");
        assert!(screen.finds(b"name?") && screen.application);
        screen.take(&b"x".repeat(2 * KEPT));
        assert_eq!((screen.text.len(), screen.found), (KEPT, 0));
    }
}
