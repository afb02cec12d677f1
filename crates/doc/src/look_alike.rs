//! Characters that look like others: no-break spaces, invisible characters, typographic quotes.
//!
//! They come with text that is pasted from web pages and word processors.

use std::ops::Range;

/// A character and the plain text that it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookAlike {
    pub(crate) character: char,
    pub(crate) plain: &'static str,
    name: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Invisible,
    Quote,
    Dash,
    Other,
}

impl LookAlike {
    /// Names it: `U+00A0 NO-BREAK SPACE`.
    pub(crate) fn name(self) -> String {
        let code = format!("U+{:04X}", u32::from(self.character));
        if self.name.is_empty() { code } else { format!("{code} {}", self.name) }
    }

    /// Says what to write instead.
    pub(crate) fn help(self) -> String {
        match self.kind {
            Kind::Space => "write a plain space instead".to_owned(),
            Kind::Invisible => "remove it".to_owned(),
            Kind::Quote => format!("write straight quotes instead: `{}`", self.plain),
            _ => format!("write `{}` instead", self.plain),
        }
    }
}

/// Returns what a character looks like. `None` if it looks like itself.
pub(crate) fn of(character: char) -> Option<LookAlike> {
    if character.is_ascii() {
        return None;
    }
    let found = |plain, name, kind| Some(LookAlike { character, plain, name, kind });
    if let Some((_, plain, name, kind)) = NAMED.iter().find(|(known, ..)| *known == character) {
        return found(plain, name, *kind);
    }
    match character {
        '\u{2000}'..='\u{200a}' | '\u{1680}' | '\u{205f}' | '\u{2028}' | '\u{2029}' => found(" ", "SPACE", Kind::Space),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{180e}' => {
            found("", "", Kind::Invisible)
        }
        _ => {
            let letters = LETTERS.iter().find(|(_, likes)| likes.contains(character));
            letters.and_then(|(plain, _)| found(plain, script(character), Kind::Other))
        }
    }
}

/// Names the script of a letter that looks like a Latin one.
fn script(letter: char) -> &'static str {
    match letter {
        '\u{370}'..='\u{3ff}' => "(a Greek letter)",
        '\u{400}'..='\u{52f}' => "(a Cyrillic letter)",
        '\u{530}'..='\u{58f}' => "(an Armenian letter)",
        '\u{ff00}'..='\u{ffef}' => "(a wide character)",
        _ => "",
    }
}

/// Finds the first one in a text, and its range.
pub(crate) fn first(text: &str) -> Option<(LookAlike, Range<usize>)> {
    all(text).next()
}

/// Finds all of them in a text, each with its range.
pub(crate) fn all(text: &str) -> impl Iterator<Item = (LookAlike, Range<usize>)> {
    text.char_indices().filter_map(|(at, c)| Some((of(c)?, at..at + c.len_utf8())))
}

/// Returns a text with plain characters, its spaces collapsed.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match of(c) {
            Some(like) => plain.push_str(like.plain),
            None => plain.push(c),
        }
    }
    plain.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Those that have a name in messages.
const NAMED: &[(char, &str, &str, Kind)] = &[
    ('\u{a0}', " ", "NO-BREAK SPACE", Kind::Space),
    ('\u{202f}', " ", "NARROW NO-BREAK SPACE", Kind::Space),
    ('\u{2007}', " ", "FIGURE SPACE", Kind::Space),
    ('\u{2003}', " ", "EM SPACE", Kind::Space),
    ('\u{2009}', " ", "THIN SPACE", Kind::Space),
    ('\u{3000}', " ", "IDEOGRAPHIC SPACE", Kind::Space),
    ('\u{ad}', "", "SOFT HYPHEN", Kind::Invisible),
    ('\u{200b}', "", "ZERO WIDTH SPACE", Kind::Invisible),
    ('\u{200c}', "", "ZERO WIDTH NON-JOINER", Kind::Invisible),
    ('\u{200d}', "", "ZERO WIDTH JOINER", Kind::Invisible),
    ('\u{2060}', "", "WORD JOINER", Kind::Invisible),
    ('\u{feff}', "", "ZERO WIDTH NO-BREAK SPACE", Kind::Invisible),
    ('“', "\"", "LEFT DOUBLE QUOTATION MARK", Kind::Quote),
    ('”', "\"", "RIGHT DOUBLE QUOTATION MARK", Kind::Quote),
    ('„', "\"", "DOUBLE LOW-9 QUOTATION MARK", Kind::Quote),
    ('‟', "\"", "DOUBLE HIGH-REVERSED-9 QUOTATION MARK", Kind::Quote),
    ('″', "\"", "DOUBLE PRIME", Kind::Quote),
    ('＂', "\"", "FULLWIDTH QUOTATION MARK", Kind::Quote),
    ('‘', "'", "LEFT SINGLE QUOTATION MARK", Kind::Quote),
    ('’', "'", "RIGHT SINGLE QUOTATION MARK", Kind::Quote),
    ('‚', "'", "SINGLE LOW-9 QUOTATION MARK", Kind::Quote),
    ('′', "'", "PRIME", Kind::Quote),
    ('‐', "-", "HYPHEN", Kind::Dash),
    ('\u{2011}', "-", "NON-BREAKING HYPHEN", Kind::Dash),
    ('‒', "-", "FIGURE DASH", Kind::Dash),
    ('–', "-", "EN DASH", Kind::Dash),
    ('—', "--", "EM DASH", Kind::Dash),
    ('−', "-", "MINUS SIGN", Kind::Dash),
    ('…', "...", "HORIZONTAL ELLIPSIS", Kind::Other),
    ('ﬁ', "fi", "LATIN SMALL LIGATURE FI", Kind::Other),
    ('ﬂ', "fl", "LATIN SMALL LIGATURE FL", Kind::Other),
];

/// Latin letters and punctuation, with Cyrillic, Greek and wide characters that look like them.
const LETTERS: &[(&str, &str)] = &[
    ("a", "аα"),
    ("c", "сϲ"),
    ("d", "ԁ"),
    ("e", "е"),
    ("h", "һ"),
    ("i", "іι"),
    ("j", "ј"),
    ("n", "ո"),
    ("o", "оο"),
    ("p", "рρ"),
    ("s", "ѕ"),
    ("v", "ν"),
    ("w", "ԝ"),
    ("x", "х"),
    ("y", "у"),
    ("A", "АΑ"),
    ("B", "ВΒ"),
    ("C", "С"),
    ("E", "ЕΕ"),
    ("G", "Ԍ"),
    ("H", "НΗ"),
    ("I", "ІΙ"),
    ("K", "КΚ"),
    ("M", "МΜ"),
    ("N", "Ν"),
    ("O", "ОΟ"),
    ("P", "РΡ"),
    ("T", "ТΤ"),
    ("W", "Ԝ"),
    ("X", "ХΧ"),
    ("Y", "Υ"),
    (",", "，"),
    (":", "：ː"),
    ("=", "＝"),
    ("(", "（"),
    (")", "）"),
    ("{", "｛"),
    ("}", "｝"),
    ("/", "／⁄∕"),
    ("$", "＄"),
    ("*", "＊∗"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_only_plain_characters() {
        assert_eq!(plain("when\u{a0}I  run “a”\u{200b} –x"), "when I run \"a\" -x");
        assert_eq!(plain("Wһеn é 日"), "Wһеn é 日".replace('һ', "h").replace('е', "e"));
    }

    #[test]
    fn names_are_code_points() {
        let name = |text: &str| first(text).map(|(like, range)| (like.name(), range));
        assert_eq!(name("a\u{202f}b"), Some(("U+202F NARROW NO-BREAK SPACE".to_owned(), 1..4)));
        assert_eq!(name("\u{2004}"), Some(("U+2004 SPACE".to_owned(), 0..3)));
        assert_eq!(name("wо"), Some(("U+043E (a Cyrillic letter)".to_owned(), 1..3)));
        assert_eq!(name("naïve – no").map(|(name, _)| name), Some("U+2013 EN DASH".to_owned()));
        assert_eq!(name("日本 é"), None);
    }
}
