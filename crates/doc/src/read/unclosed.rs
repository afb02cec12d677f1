//! Finds the quote or bracket of a YAML text that is never closed.
//!
//! YAML parsers notice it only where the text after it stops making sense, which may be far below.

/// A quote or bracket that is never closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Its offset.
    pub(crate) at: usize,
    pub(crate) open: char,
    /// What closes it.
    pub(crate) close: char,
}

/// Finds the first one in a text that is not valid YAML.
///
/// A quoted text or a list may go on in lines that are indented further. A line that begins a key or
/// an item beside it or further out shows that it is not closed.
pub(crate) fn find(yaml: &str) -> Option<Unclosed> {
    let mut scanner = Scanner { brackets: Vec::new(), quote: None, scalar: None };
    let mut start = 0;
    for line in yaml.split_inclusive('\n') {
        if let Some(found) = scanner.line(line.trim_end(), start) {
            return Some(found);
        }
        start += line.len();
    }
    scanner.innermost().map(Open::unclosed)
}

/// An open quote or bracket.
#[derive(Clone, Copy)]
struct Open {
    at: usize,
    character: char,
    close: char,
    /// The column of the key or item that it belongs to.
    column: usize,
}

impl Open {
    fn unclosed(self) -> Unclosed {
        Unclosed { at: self.at, open: self.character, close: self.close }
    }
}

struct Scanner {
    brackets: Vec<Open>,
    quote: Option<Open>,
    /// The column of the key whose block of text goes on, after `|` or `>`.
    scalar: Option<usize>,
}

impl Scanner {
    fn innermost(&self) -> Option<Open> {
        self.quote.or(self.brackets.last().copied())
    }

    /// Scans one line that begins at `start`.
    fn line(&mut self, line: &str, start: usize) -> Option<Unclosed> {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        if let Some(column) = self.scalar {
            if line.is_empty() || indentation > column {
                return None;
            }
            self.scalar = None;
        }
        if let Some(open) = self.innermost().filter(|open| indentation <= open.column && begins_entry(line)) {
            return Some(open.unclosed());
        }
        let column = entry_column(line);
        let mut before = ' ';
        // Whether a value may begin: a quote within plain text is text.
        let mut may_begin = true;
        let mut characters = line.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map(|&(_, next)| next);
            if let Some(open) = self.quote {
                match c {
                    '\\' if open.close == '"' => drop(characters.next()),
                    '\'' if open.close == '\'' && next == Some('\'') => drop(characters.next()),
                    c if c == open.close => self.quote = None,
                    _ => {}
                }
                may_begin = false;
                before = c;
                continue;
            }
            let is_flow = !self.brackets.is_empty();
            let close = match c {
                '#' if before.is_whitespace() => break,
                '"' | '\'' if may_begin => Some(c),
                '[' if may_begin => Some(']'),
                '{' if may_begin => Some('}'),
                ']' | '}' if is_flow => {
                    let open = self.brackets.pop()?;
                    if open.close != c {
                        return Some(open.unclosed());
                    }
                    None
                }
                _ => None,
            };
            if let Some(close) = close {
                let open = Open { at: start + at, character: c, close, column };
                if c == close {
                    self.quote = Some(open);
                } else {
                    self.brackets.push(open);
                }
            }
            let ends_key = |next: Option<char>| next.is_none_or(char::is_whitespace);
            may_begin = match c {
                ' ' | '\t' => may_begin,
                ':' | '?' => ends_key(next),
                '-' => may_begin && ends_key(next),
                '[' | '{' => close.is_some(),
                ',' => is_flow,
                _ => false,
            };
            before = c;
        }
        let value = line.rsplit([' ', ':']).next().unwrap_or_default();
        let is_block = value.starts_with(['|', '>']) && value[1..].chars().all(|c| matches!(c, '+' | '-' | '0'..='9'));
        if is_block && self.innermost().is_none() {
            self.scalar = Some(column);
        }
        None
    }
}

/// Returns the column of the first key or text of a line, after the marks of list items.
fn entry_column(line: &str) -> usize {
    let mut rest = line.trim_start_matches(' ');
    while let Some(after) = rest.strip_prefix("- ") {
        rest = after.trim_start_matches(' ');
    }
    line.len() - rest.len()
}

/// Whether a line begins with a key or the mark of a list item.
fn begins_entry(line: &str) -> bool {
    let text = line.trim_start_matches(' ');
    if text.starts_with("- ") || text == "-" {
        return true;
    }
    text.split_once(':').is_some_and(|(key, value)| {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        !key.is_empty() && key.chars().all(is_word) && (value.is_empty() || value.starts_with([' ', '\t']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclosed_ones_are_found_where_they_open() {
        let cases = [
            ("title: \"Greeter\nbindings: [\"a.yaml\"]\n", Some((7, '"'))),
            ("title: 'it''s\nbindings:\n- a.yaml\n", Some((7, '\''))),
            ("title: a\nbindings: [a.yaml, b.yaml\n", Some((19, '['))),
            ("bindings: [a.yaml\nimpls: {python: [a.py]}\n", Some((10, '['))),
            ("- given: \"a thing\n  impl: {native: {function: a}}\n", Some((9, '"'))),
            ("- given: a thing\n  impl: {native: {function: a}\n- when: b\n", Some((25, '{'))),
            ("- given: a\n  types: {a: [b, c}\n", Some((24, '['))),
            ("a: |\n  it's \"\nb: \"c\n", Some((17, '"'))),
            ("a: \"x \\\" y\n", Some((3, '"'))),
            ("- 'a\n- b\n", Some((2, '\''))),
            ("a: it's # \"no\nb: 5\" [x\nc: \"d\n  e: f\"\n", None),
            ("a: [b,\n  \"c\", {d: 'e'}\n]\n", None),
            ("a: \"b\": c\n", None),
            ("", None),
        ];
        for (yaml, want) in cases {
            assert_eq!(find(yaml).map(|found| (found.at, found.open)), want, "{yaml:?}");
        }
    }
}
