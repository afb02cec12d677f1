//! Texts that stand for themselves, although their author may have meant something else.
//!
//! These are backslashes, as in `\"`, `\n` and `\t`, and words that only a shell would replace.

use std::ops::Range;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::library::command::{Word, no_shell, words};
use crate::library::expansion::reads_quoted;
use crate::step::Captures;

/// What to write in place of an escape that nothing replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// An embedded file with the text, which a step puts in its place.
    File,
    /// An embedded file, from which the next command reads.
    Stdin,
    /// A binding whose capture takes escapes.
    Binding,
    /// A part of the text, on one line.
    Part,
}

impl Remedy {
    /// Returns the advice for a capture.
    fn help(self, captures: &Captures, capture: &str) -> String {
        match self {
            Self::File => {
                let file = captures.get("filename").unwrap_or("FILE");
                format!("embed the text as a file of the document, and write `given file {file} from EMBEDDED-FILE`")
            }
            Self::Stdin => "embed the text as a file of the document, and write `given file FILE` and \
                            `when I redirect stdin from FILE`"
                .to_owned(),
            Self::Binding => {
                format!("to have escapes replaced, give `{capture}` the type `escapedtext` in the binding")
            }
            Self::Part => "write a part of the text that is on one line".to_owned(),
        }
    }
}

/// Returns a warning about `\"`, `\n` or `\t` in a text in which backslashes are literal.
pub(crate) fn literal_escape(captures: &Captures, capture: &str, remedy: Remedy) -> Option<Problem> {
    if captures.takes_escapes(capture) {
        return None;
    }
    let text = captures.get(capture)?;
    let warning = |message: String, part| Problem::warning(capture, ProblemKind::LiteralEscape, message).part(part);
    if let Some(at) = text.find("\\\"") {
        let message = "this backslash is part of the text: this step takes no escapes".to_owned();
        let help = "write `\"` without a backslash: quotes within the text need none";
        return Some(warning(message, at..at + 2).help(help));
    }
    let escape = control_escape(text)?;
    let message = format!("`{}` is part of the text: this step takes no escapes", &text[escape.clone()]);
    Some(warning(message, escape).help(remedy.help(captures, capture)))
}

/// Returns a warning about `\n` or `\t` in the value of an environment variable.
pub(crate) fn literal_value(capture: &str, variable: &str, value: &str) -> Option<Problem> {
    // A value that is nothing but an escape is a separator, which the program replaces.
    if matches!(value, "\\n" | "\\t" | "\\r\\n") || (variable.starts_with("PS") && variable.len() == 3) {
        return None;
    }
    let escape = control_escape(value)?;
    let message = format!(
        "`{}` is a literal part of the value of {variable}: this step takes no escapes",
        &value[escape.clone()]
    );
    let daemon = format!("for a daemon, end its start with `, with environment {{\"{variable}\": \"{value}\"}}`");
    let help = if value.contains('\'') {
        daemon
    } else {
        format!("{daemon}; for a command, run `sh -c '{variable}=$(printf \"%b\" \"{value}\") PROGRAM'`")
    };
    Some(Problem::warning(capture, ProblemKind::LiteralEscape, message).part(escape).help(help))
}

/// Returns a warning about the first word that its author may not mean literally.
///
/// `line` is the whole command line, and `captures` are the two that it comes from: that of the
/// program, and that of its arguments, with the length of the first.
pub(crate) fn taken_literally(
    captures: [&str; 2],
    program: usize,
    line: &str,
    state: &PreflightState,
) -> Option<Problem> {
    let (kind, (place, message, help)) = match no_shell(line, state) {
        Some(found) => (ProblemKind::NoShell, found),
        None => (ProblemKind::LiteralEscape, literal_in_command(line)?),
    };
    let (capture, part) = if place.start < program {
        (captures[0], place)
    } else {
        (captures[1], place.start - program..place.end - program)
    };
    Some(Problem::warning(capture, kind, message).part(part).help(help))
}

/// Finds the first word of a command line with a `\n` or `\t` that nothing replaces.
///
/// That is outside of quotes, or in a text for `echo`. Returns its range, a message and advice.
fn literal_in_command(line: &str) -> Option<(Range<usize>, String, String)> {
    let words = words(line).ok()?;
    let name = &words.first()?.text;
    let for_code = words.iter().any(|word| reads_quoted(&word.text));
    let is_echo = name == "echo" || name.ends_with("/echo");
    let replaces = is_echo && words.get(1).is_some_and(|word| is_echo_option(&word.text) && word.text.contains('e'));
    let is_echoed = |word: &Word| {
        let inside = line[word.place.clone()].trim_matches(['\'', '"']);
        is_echo && !replaces && !for_code && control_escape(inside).is_some()
    };
    let word = words.iter().skip(1).find(|word| unquoted_escape(&line[word.place.clone()]) || is_echoed(word))?;
    let written = &line[word.place.clone()];
    let help = if is_echo && !replaces && !for_code {
        let options = words[1..].iter().take_while(|word| is_echo_option(&word.text)).count();
        let arguments = words[1 + options..].iter().map(|word| line[word.place.clone()].trim_matches(['\'', '"']));
        let text = arguments.collect::<Vec<_>>().join(" ");
        let end = if options > 0 { "" } else { "\\n" };
        let quote = if text.contains('\'') { '"' } else { '\'' };
        format!("`printf` replaces escapes: write `printf '%b{end}' {quote}{text}{quote}`")
    } else {
        format!("put it in quotes, as in a shell: `'{written}'`")
    };
    let message = if unquoted_escape(written) {
        format!("`{written}` is passed to {name} as `{}`: outside of quotes, the backslash is removed", word.text)
    } else {
        format!("`{written}` is passed to {name} literally, and it replaces no escapes")
    };
    Some((word.place.clone(), message, help))
}

/// Returns whether a word is an option of `echo`.
fn is_echo_option(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|letters| !letters.is_empty() && letters.chars().all(|c| "neE".contains(c)))
}

/// Returns whether a word as written has `\n` or `\t` outside of quotes.
fn unquoted_escape(written: &str) -> bool {
    let mut quote = None;
    let mut characters = written.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None | Some('"'), '\\') => {
                let next = characters.next();
                if quote.is_none() && matches!(next, Some('n' | 't')) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Programs that replace escapes themselves. A text that names one is a script.
const REPLACERS: [&str; 10] = ["printf", "echo -e", "awk", "grep", "sed", "tr ", "perl", "python", "regex", "jq "];

/// Returns the first `\n` or `\t` of a text, unless it is likely meant literally.
///
/// Code, JSON, patterns, formats, paths of Windows and TeX mean it literally.
fn control_escape(text: &str) -> Option<Range<usize>> {
    let mut first = None;
    // Inside of these quotes, which make the text code or JSON.
    let mut quote: Option<char> = None;
    let mut before = ' ';
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => {
                let (_, escaped) = characters.next()?;
                match escaped {
                    'n' | 't' if quote.is_some() || is_markup(&text[at + 2..]) => return None,
                    'n' | 't' => _ = first.get_or_insert(at),
                    'r' | '"' | '\'' => {}
                    // A backslash before anything else is no escape for a control character.
                    _ => return None,
                }
            }
            '"' | '\'' | '`' if quote == Some(c) => quote = None,
            // After a letter it is an apostrophe.
            '"' | '\'' | '`' if quote.is_none() && (c == '"' || !before.is_alphanumeric()) => quote = Some(c),
            '%' if characters.peek().is_some_and(|(_, next)| next.is_ascii_alphanumeric() || "-(.".contains(*next)) => {
                return None;
            }
            ':' if text[at + 1..].starts_with('\\') && at == 1 => return None,
            _ => {}
        }
        before = c;
    }
    let is_pattern = text.starts_with('^')
        || text.starts_with("s/")
        || [".*", ".+", "[^", "(?", ")?", "]+"].iter().any(|sign| text.contains(sign));
    let is_code = REPLACERS.iter().any(|program| text.contains(program));
    first.filter(|_| !is_pattern && !is_code).map(|at| at..at + 2)
}

/// Returns whether letters after a backslash are a command of TeX.
fn is_markup(after: &str) -> bool {
    after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_texts() {
        for text in [
            r"a\nb",
            r"\thello",
            r"a\r\n",
            r"it's\nfine",
            r"a b\n",
            r"#!/bin/sh\nexit 1",
            r"50%\n",
            r"[x]\ny = 1\n",
            r"key\tvalue",
            r"a: 1\nb: 2",
        ] {
            assert!(control_escape(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a",
            r"a\\nb",
            r"\d+\n",
            r"^a\tb",
            r#"{"a": "b\n"}"#,
            r#"print("a\n")"#,
            r"echo 'a\n'",
            r"printf a\n",
            r"C:\new\table",
            r"%s\n",
            r"\textbf{a}",
            r"\title{x}",
            r"a.*\n",
            r"[^\n]",
            r"a\",
            r"\u0041\n",
            r"sed s/a/\n/",
            r"s/a\tb/c/",
        ] {
            assert_eq!(control_escape(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_in_commands() {
        let part = |line: &str| literal_in_command(line).map(|(place, ..)| line[place].to_owned()).unwrap_or_default();
        for (line, word) in [
            (r#"echo "a\nb""#, r#""a\nb""#),
            (r"echo -n 'a\tb'", r"'a\tb'"),
            (r"/bin/echo a\nb", r"a\nb"),
            (r"printf a\nb", r"a\nb"),
            (r"sed s/\t/x/ f", r"s/\t/x/"),
            (r#"printf "a\nb""#, ""),
            (r"echo -e 'a\n'", ""),
            (r"echo -ne 'a\n'", ""),
            (r"grep -P 'a\tb' x", ""),
            (r"tr '\n' ' '", ""),
            (r#"awk '{print $1 "\n"}' x"#, ""),
            (r#"python3 -c "print('a\nb')""#, ""),
            (r#"sh -c "echo 'a\nb'""#, ""),
            (r"echo a\ b \\n", ""),
            (r"find . \( -name a \) -exec b \;", ""),
            (r#"echo '{"a": "b\n"}'"#, ""),
            (r"echo 'a", ""),
            ("", ""),
        ] {
            assert_eq!(part(line), word, "{line}");
        }
    }

    #[test]
    fn escapes_in_values() {
        for (variable, value, is_one) in [
            ("MOTD", r"a\nb", true),
            ("COLUMNS", r"a\tb", true),
            ("FS", r"\t", false),
            ("PS1", r"x\n", false),
            ("FORMAT", r"%s\n", false),
            ("PATTERN", r"^\w+\n", false),
            ("DIR", r"C:\new", false),
            ("JSON", r#"{"a": "\n"}"#, false),
            ("EMPTY", "", false),
        ] {
            assert_eq!(literal_value("value", variable, value).is_some(), is_one, "{variable}={value}");
        }
    }
}
