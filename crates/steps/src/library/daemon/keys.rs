//! Keys of a terminal by name, and the bytes that they send.

/// Returns what a key sends. `application` is the mode of arrow keys that programs can choose.
pub(super) fn bytes_of(name: &str, application: bool) -> Option<Vec<u8>> {
    let lower = name.to_ascii_lowercase();
    if let Some(key) = lower.strip_prefix("ctrl-") {
        let key = if key == "space" { "@" } else { key };
        return match key.as_bytes() {
            [key @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_')] => Some(vec![key & 0x1f]),
            _ => None,
        };
    }
    if let Some(key) = lower.strip_prefix("alt-") {
        // The letter case of a character counts.
        let written = &name[name.len() - key.len()..];
        let sent = if written.chars().count() == 1 { written.into() } else { bytes_of(written, application)? };
        return Some([b"\x1b".to_vec(), sent].concat());
    }
    let arrow = |letter: char| format!("\x1b{}{letter}", if application { 'O' } else { '[' });
    let text = match lower.as_str() {
        "enter" | "return" => "\r".to_owned(),
        "tab" => "\t".to_owned(),
        "shift-tab" => "\x1b[Z".to_owned(),
        "escape" | "esc" => "\x1b".to_owned(),
        "space" => " ".to_owned(),
        "backspace" => "\x7f".to_owned(),
        "up" => arrow('A'),
        "down" => arrow('B'),
        "right" => arrow('C'),
        "left" => arrow('D'),
        "home" => arrow('H'),
        "end" => arrow('F'),
        "insert" => "\x1b[2~".to_owned(),
        "delete" => "\x1b[3~".to_owned(),
        "pageup" => "\x1b[5~".to_owned(),
        "pagedown" => "\x1b[6~".to_owned(),
        _ => return function_key(&lower).or_else(|| character(name)),
    };
    Some(text.into_bytes())
}

/// Returns what F1 to F12 send.
fn function_key(name: &str) -> Option<Vec<u8>> {
    let number: usize = name.strip_prefix('f')?.parse().ok()?;
    let codes = ["OP", "OQ", "OR", "OS", "[15~", "[17~", "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"];
    codes.get(number.checked_sub(1)?).map(|code| format!("\x1b{code}").into_bytes())
}

/// Returns what the key of a character sends: itself.
fn character(name: &str) -> Option<Vec<u8>> {
    (name.chars().count() == 1).then(|| name.as_bytes().to_vec())
}

/// The names that messages list.
pub(super) const NAMES: &str = "Enter, Tab, Escape, Backspace, Delete, Up, Down, Left, Right, Home, End, PageUp, \
                                PageDown, F1 to F12, Ctrl-C and the like, Alt-X and the like, or a single character";

/// All names without a variable part, to find the one that was meant.
pub(super) const FIXED: [&str; 16] = [
    "Enter",
    "Return",
    "Tab",
    "Shift-Tab",
    "Escape",
    "Space",
    "Backspace",
    "Up",
    "Down",
    "Right",
    "Left",
    "Home",
    "End",
    "Insert",
    "PageUp",
    "PageDown",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_send_what_a_terminal_sends() {
        let sent = |name: &str| bytes_of(name, false).map(|bytes| String::from_utf8(bytes).unwrap());
        for (name, bytes) in [
            ("Enter", "\r"),
            ("ctrl-c", "\x03"),
            ("Ctrl-Space", "\0"),
            ("Ctrl-[", "\x1b"),
            ("Alt-X", "\x1bX"),
            ("Alt-Enter", "\x1b\r"),
            ("Up", "\x1b[A"),
            ("F1", "\x1bOP"),
            ("F12", "\x1b[24~"),
            ("q", "q"),
            ("ä", "ä"),
        ] {
            assert_eq!(sent(name).as_deref(), Some(bytes), "{name}");
        }
        assert_eq!(bytes_of("Left", true).unwrap(), b"\x1bOD");
        for name in ["", "F13", "F0", "Ctrl-", "Ctrl-1", "Alt-", "Entr"] {
            assert_eq!(bytes_of(name, false), None, "{name}");
        }
    }
}
