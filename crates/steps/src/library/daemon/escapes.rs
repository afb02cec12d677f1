//! Escapes in the texts of this library's steps.
//!
//! They are Subplot's for this library: an escape that does not exist stands for itself. The type
//! `escapedtext` of bindings has others and reports invalid ones, so the two have no code in
//! common.

/// Replaces escapes by the characters that they name. A backslash before anything else is kept.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let (character, length) = escape(after).unwrap_or(('\\', 0));
        plain.push(character);
        rest = &after[length..];
    }
    plain.push_str(rest);
    plain
}

/// Returns the character of an escape, and the length of the escape without its backslash.
fn escape(after: &str) -> Option<(char, usize)> {
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    Some(match after.chars().next()? {
        'n' => ('\n', 1),
        't' => ('\t', 1),
        'r' => ('\r', 1),
        '0' => ('\0', 1),
        '\\' => ('\\', 1),
        '"' => ('"', 1),
        '\'' => ('\'', 1),
        'x' => (hex(after.get(1..3)?)?, 3),
        'u' => {
            if let Some(braced) = after.strip_prefix("u{") {
                let end = braced.find('}')?;
                (hex(&braced[..end])?, end + 3)
            } else {
                (hex(after.get(1..5)?)?, 5)
            }
        }
        _ => return None,
    })
}
