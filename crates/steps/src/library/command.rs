//! Command lines: splitting them, and telling beforehand whether their program can be found.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use greenroom_sandbox::process::find_program;

use crate::check::{Outlook, Problem};
use crate::library::place::nearest;

/// A command line that ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    SingleQuote,
    DoubleQuote,
    Backslash,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleQuote => "a single quote is not closed",
            Self::DoubleQuote => "a double quote is not closed",
            Self::Backslash => "a backslash at the end stands before nothing",
        })
    }
}

/// What to do about one.
pub(crate) const QUOTING_HELP: &str =
    "quotes and backslashes have the meaning they have in a shell; put a backslash before one that stands for itself";

/// Splits a command line into words as a shell does, quotes and backslashes included. There is no shell, so nothing else in it
/// is special; a `#` begins no comment.
pub(crate) fn split(line: &str) -> Result<Vec<String>, Unfinished> {
    let mut words = Vec::new();
    // A word may be empty, if it is quoted.
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\\' => word.push(characters.next().ok_or(Unfinished::Backslash)?),
            '\'' => loop {
                match characters.next().ok_or(Unfinished::SingleQuote)? {
                    '\'' => break,
                    c => word.push(c),
                }
            },
            '"' => loop {
                match characters.next().ok_or(Unfinished::DoubleQuote)? {
                    '"' => break,
                    '\\' => {
                        let escaped = characters.next().ok_or(Unfinished::DoubleQuote)?;
                        if !matches!(escaped, '"' | '\\' | '$' | '`') {
                            word.push('\\');
                        }
                        word.push(escaped);
                    }
                    c => word.push(c),
                }
            },
            c => word.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Whether a program surely cannot be found, and why. `directory` is where it would run, within the scenario's directory.
pub(crate) fn not_found(capture: &str, name: &str, directory: Option<&str>, outlook: &Outlook) -> Option<Problem> {
    if outlook.anything_goes || name.contains("${") {
        return None;
    }
    let problem = || Problem::new(capture, "program-not-found", format!("program not found: {name}"));
    if name.contains('/') {
        let found = if name.starts_with('/') {
            on_path(OsStr::new(""), name)
        } else {
            let below = directory.map(|directory| format!("{}/{name}", directory.trim_end_matches('/')));
            outlook.may_have(name)
                || below.is_some_and(|name| outlook.may_have(&name.replace("/./", "/")))
                // A way out of the directory leads to what cannot be known.
                || name.split('/').any(|part| part == "..")
        };
        let bare = name.trim_start_matches("./");
        if found {
            return None;
        }
        if name.starts_with('/') {
            return Some(problem());
        }
        let help = format!("embed it in the document, and write `given executable file {bare}` before this step");
        return Some(problem().label("no step before makes this file").help(help));
    }
    let searchable = std::env::split_paths(&outlook.path).all(|entry| entry.is_absolute());
    if !searchable || on_path(&outlook.path, name) {
        return None;
    }
    let problem = problem().label("not on the PATH");
    if outlook.may_have(name) {
        return Some(problem.help(format!("the scenario's directory has such a file: write `./{name}`")));
    }
    let names = names_on(&outlook.path);
    Some(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("install it, or put its directory on the PATH before greenroom is started"),
    })
}

/// Whether a program is found. Documents have thousands of steps that run the same few programs, so answers are kept.
fn on_path(path: &OsStr, name: &str) -> bool {
    static FOUND: Mutex<Option<HashMap<(OsString, String), bool>>> = Mutex::new(None);
    let key = (path.to_owned(), name.to_owned());
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    *found
        .get_or_insert_default()
        .entry(key)
        .or_insert_with(|| find_program(OsStr::new(name), path, Path::new("/")).is_ok())
}

/// Every program on a PATH. Asked for when one was not found, which may be thousands of times, too.
pub(crate) fn names_on(path: &OsStr) -> Arc<[String]> {
    static NAMES: Mutex<Option<HashMap<OsString, Arc<[String]>>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default().entry(path.to_owned()).or_insert_with(|| {
        let mut names: Vec<String> = std::env::split_paths(path)
            .filter_map(|entry| std::fs::read_dir(entry).ok())
            .flat_map(Iterator::flatten)
            .filter(|entry| {
                std::fs::metadata(entry.path())
                    .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
            })
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into()
    });
    Arc::clone(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_does() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  ", &[]),
            ("a  b\tc", &["a", "b", "c"]),
            ("'a b' c", &["a b", "c"]),
            (r#"a"b 'c'"d '' "" "#, &["ab 'c'd", "", ""]),
            (r"a\ b \'", &["a b", "'"]),
            (r#""\"\\\$\`\n""#, &["\"\\$`\\n"]),
            (r"'a\b'", &[r"a\b"]),
            ("a #b c#d", &["a", "#b", "c#d"]),
            ("$HOME *.c > x; ~", &["$HOME", "*.c", ">", "x;", "~"]),
            ("a\u{a0}b é", &["a\u{a0}b", "é"]),
        ];
        for &(line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn unfinished_lines_say_what_is_open() {
        assert_eq!(split("it's"), Err(Unfinished::SingleQuote));
        assert_eq!(split("a \"b'"), Err(Unfinished::DoubleQuote));
        assert_eq!(split("a \"b\\"), Err(Unfinished::DoubleQuote));
        assert_eq!(split("a \\"), Err(Unfinished::Backslash));
    }
}
