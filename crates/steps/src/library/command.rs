//! Command lines: splitting them, and telling beforehand whether their program can be found.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use greenroom_sandbox::process::find_program;

use crate::check::{Outlook, Problem, ProblemKind};
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

/// A word of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without quotes.
    pub(crate) text: String,
    /// What of it is not quoted, with a NUL for each part that is.
    pub(crate) bare: String,
    /// Where it stands, quotes included.
    pub(crate) place: Range<usize>,
}

/// Splits a command line into words as a shell does, quotes and backslashes included. There is no
/// shell, so nothing else in it is special; a `#` begins no comment.
pub(crate) fn split(line: &str) -> Result<Vec<String>, Unfinished> {
    Ok(words(line)?.into_iter().map(|word| word.text).collect())
}

/// The same, with where the words stand and what of them is quoted.
pub(crate) fn words(line: &str) -> Result<Vec<Word>, Unfinished> {
    let mut words = Vec::new();
    // A word may be empty, if it is quoted.
    let mut word: Option<Word> = None;
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word { text: String::new(), bare: String::new(), place: at..at });
        let mut next = |open: Unfinished| characters.next().map(|(_, c)| c).ok_or(open);
        match c {
            '\\' => word.text.push(next(Unfinished::Backslash)?),
            '\'' => loop {
                match next(Unfinished::SingleQuote)? {
                    '\'' => break,
                    c => word.text.push(c),
                }
            },
            '"' => loop {
                match next(Unfinished::DoubleQuote)? {
                    '"' => break,
                    '\\' => {
                        let escaped = next(Unfinished::DoubleQuote)?;
                        if !matches!(escaped, '"' | '\\' | '$' | '`') {
                            word.text.push('\\');
                        }
                        word.text.push(escaped);
                    }
                    c => word.text.push(c),
                }
            },
            c => word.text.push(c),
        }
        word.bare.push(if matches!(c, '\\' | '\'' | '"') { '\0' } else { c });
        word.place.end = characters.offset();
    }
    words.extend(word);
    Ok(words)
}

/// Words with which a command of a shell begins that is no program.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "[[", "alias", "bg", "builtin", "case", "cd", "command", "declare", "eval", "exec", "exit",
    "export", "fg", "for", "function", "hash", "if", "jobs", "let", "local", "popd", "pushd", "read", "readonly",
    "return", "set", "shift", "shopt", "source", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias",
    "unset", "until", "wait", "while", "{",
];

/// What to do about a name that only a shell would have understood. `line` is the command line, if it is known.
pub(crate) fn shell_help(name: &str, line: Option<&str>) -> Option<String> {
    let shell = || match line {
        Some(line) => in_shell(line),
        None => format!("`sh -c '{name} ...'`"),
    };
    if let Some((variable, value)) = name.split_once('=').filter(|(variable, _)| is_variable(variable)) {
        let step = format!("given the environment variable {variable}={value}");
        return Some(format!("write `{step}` before this step, or `env` in front of `{name}`"));
    }
    if name.starts_with('$') {
        return Some(format!("variables are not replaced, since no shell runs this: write {}", shell()));
    }
    if !SHELL_WORDS.contains(&name) {
        return None;
    }
    Some(match name {
        "cd" | "pushd" => format!("`{name}` is a word of the shell: write {}, or `I run, in DIRECTORY, ...`", shell()),
        "export" | "set" | "declare" => {
            let step = "given the environment variable NAME=VALUE";
            format!("`{name}` is a word of the shell: write `{step}` before this step, or {}", shell())
        }
        _ => format!("`{name}` is a word of the shell: write {}", shell()),
    })
}

/// Whether a shell would take this for the name of a variable.
fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A command line for a shell, as code; without quotes in it that would clash, else in words.
fn in_shell(line: &str) -> String {
    match () {
        () if !line.contains(['"', '\\']) => format!("`sh -c \"{line}\"`"),
        () if !line.contains('\'') => format!("`sh -c '{line}'`"),
        () => "it into a shell script, embedded in the document".to_owned(),
    }
}

/// The first word of a command line behind its program that a shell would have taken for more than
/// a word; what is wrong with it.
pub(crate) fn no_shell(capture: &str, skipped: usize, line: &str) -> Option<Problem> {
    let words = words(line).ok()?;
    let (program, arguments) = words.split_first()?;
    // This program has a use for a `;` of its own.
    let ends_itself = arguments.iter().any(|word| matches!(&*word.bare, "-exec" | "-execdir" | "-ok" | "-okdir"));
    let word = arguments.iter().find(|word| match &*word.bare {
        ";" => !ends_itself,
        "|" | "|&" | "||" | "&&" | "&" => true,
        bare => {
            bare.starts_with(['<', '>'])
                || ["1>", "2>", "&>"].iter().any(|redirection| bare.starts_with(redirection))
                || bare.ends_with(';')
                || bare.contains("$(")
                || bare.contains('`')
        }
    })?;
    let written = &line[word.place.clone()];
    let message = format!("`{written}` is passed to {} as it stands: no shell runs this command", program.text);
    let part = word.place.start.checked_sub(skipped)?..word.place.end.checked_sub(skipped)?;
    let help = format!(
        "if a shell should run it, write {}; if it is meant as it stands, put it between quotes",
        in_shell(line)
    );
    Some(Problem::warning(capture, ProblemKind::NoShell, message).part(part).help(help))
}

/// Whether a program surely cannot be found, and why. `directory` is where it would run, within the
/// scenario's directory.
pub(crate) fn not_found(capture: &str, name: &str, directory: Option<&str>, outlook: &Outlook) -> Option<Problem> {
    if outlook.anything_goes || name.contains("${") {
        return None;
    }
    let problem = || Problem::new(capture, ProblemKind::MissingProgram, format!("program not found: {name}"));
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
        if let Some(help) = shell_help(name, None) {
            return Some(problem().help(help));
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
    if let Some(help) = shell_help(name, None) {
        return Some(problem.help(help));
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
    fn words_have_places_and_what_is_bare_in_them() {
        let shown = |line: &str| {
            let words = words(line).unwrap().into_iter();
            words.map(|word| format!("{}:{}", &line[word.place], word.bare.replace('\0', "_"))).collect::<Vec<_>>()
        };
        assert_eq!(shown(r#"a "b c"d  \; é'|'"#), ["a:a", r#""b c"d:_d"#, r"\;:_", "é'|':é_"]);
    }

    #[test]
    fn words_for_a_shell_are_seen() {
        let told = |line: &str| no_shell("args", 0, line).map(|problem| line[problem.part.unwrap()].to_owned());
        let lines = [
            ("a | b", "|"),
            ("a || b", "||"),
            ("a; b", ""),
            ("a b; c", "b;"),
            ("a && b", "&&"),
            ("a &", "&"),
            ("a >b", ">b"),
            ("a >> b", ">>"),
            ("a 2>&1", "2>&1"),
            ("a <b", "<b"),
            ("a x=$(b)", "x=$(b)"),
            ("a `b`", "`b`"),
            ("a >\"b c\"", ">\"b c\""),
            ("find -exec a ;", ""),
            ("find . \\( -name a \\) -exec b \\;", ""),
            ("a '|' \"&&\" \\; \\> '`' \"$(b)\"", ""),
            ("a $HOME *.txt -> = x;y x|y a&b", ""),
            ("a 'b", ""),
            ("", ""),
        ];
        for (line, word) in lines {
            assert_eq!(told(line).unwrap_or_default(), word, "{line}");
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
