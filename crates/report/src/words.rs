//! Plurals, durations, sizes, lists, quoting, escaping: one way to write each.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

pub use greenroom_event::words::{duration, limit, size};
use greenroom_event::{Partition, raw_byte};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns a count with its noun: `1 scenario`, `2 scenarios`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Returns a count with a noun of irregular plural: `1 process`, `2 processes`.
pub fn count_of(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// Says how many Markdown files without scenarios were found in directories.
pub fn skipped_documents(number: usize) -> String {
    format!("skipped {} without scenarios", count(number, "Markdown file"))
}

/// Returns how a part of a run is named: `partition count 1/4`.
pub fn partition(partition: &Partition) -> String {
    format!("partition {} {}/{}", partition.by.name(), partition.index, partition.total)
}

/// Says that a partition has no scenario.
pub fn empty_partition(empty: &Partition) -> String {
    let of = match empty.scenarios {
        0 => "has nothing, because no scenario is selected".to_owned(),
        1 => "does not have the only scenario".to_owned(),
        many => format!("has none of the {}", count(many, "scenario")),
    };
    format!("nothing to run: {} {of}", partition(empty))
}

/// Returns seconds for a column: `0.12 s`; from 100 s on as [`duration`].
pub fn seconds(time: Duration) -> String {
    let hundredths = (time.as_millis() + 5) / 10;
    if hundredths < 10_000 { format!("{}.{:02} s", hundredths / 100, hundredths % 100) } else { duration(time) }
}

/// Returns a list: `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<_> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}

/// Quotes a word for a shell. Control characters need bash, zsh or POSIX 2024 (`$'…'`).
pub fn shell_quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    if !word.chars().any(is_hidden) {
        return Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")));
    }
    let mut quoted = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' => quoted.push_str(r"\'"),
            '\\' => quoted.push_str(r"\\"),
            c if is_hidden(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(quoted, "\\{byte:03o}");
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    Cow::Owned(quoted)
}

/// Returns whether a character is invisible, or moves the cursor or turns the text.
///
/// The joiner of emoji (U+200D) is not one of them: nothing can be hidden with it.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
        // The last two of each plane are not characters, and XML forbids those of the first.
        || u32::from(c) & 0xfffe == 0xfffe
        || raw_byte(c).is_some()
}

/// Returns whether a character looks like a space or nothing, but is different.
pub fn is_deceptive(c: char) -> bool {
    (c.is_whitespace() && c != ' ') || (!c.is_ascii() && c.width() == Some(0))
}

/// Escapes hidden characters for one line of a screen: `\n`, `\x1b`, `\u{202e}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_where(text, is_hidden)
}

/// Escapes deceptive characters too, for a text that differs from another.
pub fn escape_difference(text: &str) -> Cow<'_, str> {
    escape_where(text, |c| is_hidden(c) || is_deceptive(c))
}

fn escape_where(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            escaped.push_str(&escape_char(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn escape_char(c: char) -> String {
    match c {
        '\n' => r"\n".to_owned(),
        '\r' => r"\r".to_owned(),
        '\t' => r"\t".to_owned(),
        '\0' => r"\0".to_owned(),
        c if c.is_ascii() => format!("\\x{:02x}", u32::from(c)),
        c if let Some(byte) = raw_byte(c) => format!("\\x{byte:02x}"),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

/// Escapes a line of output and cuts it after `most` characters. Tabs expand to multiples of 8.
pub fn output_line(line: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut column = 0;
    for (at, c) in line.chars().enumerate() {
        if at >= most {
            let rest = line.chars().count() - at;
            let _ = write!(shown, "… ({} more)", count(rest, "character"));
            break;
        }
        if c == '\t' {
            let blanks = 8 - column % 8;
            shown.extend(std::iter::repeat_n(' ', blanks));
            column += blanks;
        } else if is_hidden(c) {
            let escaped = escape_char(c);
            column += escaped.len();
            shown.push_str(&escaped);
        } else {
            column += c.width().unwrap_or(0);
            shown.push(c);
        }
    }
    shown
}

/// Returns the beginning of a text, of at most so many bytes.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns the columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text to so many columns, with `…` at the cut.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    // A text never has more columns than bytes.
    if text.len() <= columns || text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// Breaks a text into lines of at most so many columns. Blank lines separate paragraphs.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.trim().split("\n\n") {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let word = escape(word);
            if !line.is_empty() && width(&line) + 1 + width(&word) > columns {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn plurals() {
        assert_eq!(count(0, "scenario"), "0 scenarios");
        assert_eq!(count(1, "scenario"), "1 scenario");
        assert_eq!(count(2, "scenario"), "2 scenarios");
        assert_eq!(count_of(2, "process", "processes"), "2 processes");
    }

    #[test]
    fn seconds_have_two_decimals() {
        assert_eq!(seconds(ms(0)), "0.00 s");
        assert_eq!(seconds(ms(121)), "0.12 s");
        assert_eq!(seconds(ms(99_990)), "99.99 s");
        assert_eq!(seconds(ms(100_000)), "1 m 40 s");
    }

    #[test]
    fn lists() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn shell_words() {
        assert_eq!(shell_quote("daemon.md"), "daemon.md");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("Daemon is started"), "'Daemon is started'");
        assert_eq!(shell_quote("it's"), r"'it'\''s'");
        assert_eq!(shell_quote("$HOME `x` ~"), "'$HOME `x` ~'");
        assert_eq!(shell_quote("a\x1b'b"), r"$'a\033\'b'");
        assert_eq!(shell_quote("-x"), "-x");
        assert_eq!(shell_quote("é"), "'é'");
    }

    #[test]
    fn hidden_characters_are_escaped() {
        assert_eq!(escape("plain é 👩\u{200d}💻"), "plain é 👩\u{200d}💻");
        assert_eq!(escape("a\0\x07\x1b[2J\r\n\t\u{9b}\u{202e}\u{7f}"), r"a\0\x07\x1b[2J\r\n\t\u{9b}\u{202e}\x7f");
        assert_eq!(escape("\u{fffe} \u{fdd0} \u{1ffff}"), r"\u{fffe} \u{fdd0} \u{1ffff}");
    }

    #[test]
    fn output_lines() {
        assert_eq!(output_line("a\tb", 400), "a       b");
        assert_eq!(output_line("12345678\tb", 400), "12345678        b");
        assert_eq!(output_line("abcdef", 3), "abc… (3 characters more)");
        assert_eq!(output_line("abc", 3), "abc");
    }

    #[test]
    fn fitting() {
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn wrapping() {
        assert_eq!(wrap("one two\nthree\n\nfour ", 8), ["one two", "three", "", "four"]);
        assert_eq!(wrap("averylongword b", 4), ["averylongword", "b"]);
        assert!(wrap("  ", 4).is_empty());
    }
}
