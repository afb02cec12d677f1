//! Command lines: splitting them into words, and checking that their program can be found.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use greenroom_sandbox::hidden_below;
use greenroom_sandbox::process::{capture, find_program, interpreter, missing_interpreter};

use crate::check::{PathOrigin, PreflightState, Problem, ProblemKind};
use crate::library::expansion::{self, Kept, has_brackets, has_command, has_home, has_variable};
use crate::library::place::{names, nearest};
use crate::step::{HIDDEN_HELP, names_value};

/// Why a command line is incomplete.
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
            Self::Backslash => "a backslash at the end has nothing to escape",
        })
    }
}

/// The advice about quotes and backslashes.
pub(crate) const QUOTING_HELP: &str =
    "quotes and backslashes work as in a shell; to write one literally, put a backslash before it";

/// A word of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word without quotes.
    pub(crate) text: String,
    /// Its unquoted characters, with a NUL for each quoted part.
    pub(crate) bare: String,
    /// Its characters between double quotes, with a NUL for each that a backslash makes literal.
    pub(crate) double: String,
    /// Its range in the line, with quotes.
    pub(crate) place: Range<usize>,
}

/// Splits a command line into words as a shell does.
///
/// Only quotes and backslashes are special; a `#` does not begin a comment.
pub(crate) fn split(line: &str) -> Result<Vec<String>, Unfinished> {
    Ok(words(line)?.into_iter().map(|word| word.text).collect())
}

/// Splits a command line into words, with their ranges and unquoted characters.
pub(crate) fn words(line: &str) -> Result<Vec<Word>, Unfinished> {
    let mut words = Vec::new();
    // A quoted word may be empty.
    let mut word: Option<Word> = None;
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word {
            text: String::new(),
            bare: String::new(),
            double: String::new(),
            place: at..at,
        });
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
                        word.double.push('\0');
                    }
                    c => {
                        word.text.push(c);
                        word.double.push(c);
                    }
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

/// Shell commands that are not programs.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "[[", "alias", "bg", "builtin", "case", "cd", "command", "declare", "eval", "exec", "exit",
    "export", "fg", "for", "function", "hash", "if", "jobs", "let", "local", "popd", "pushd", "read", "readonly",
    "return", "set", "shift", "shopt", "source", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias",
    "unset", "until", "wait", "while", "{",
];

/// Returns advice about a name that only a shell understands. `line` is the command line, if it is
/// known.
pub(crate) fn shell_help(name: &str, line: Option<&str>) -> Option<String> {
    let shell = || match line {
        Some(line) => in_shell(line),
        None => format!("`sh -c '{name} ...'`"),
    };
    if let Some((variable, value)) = name.split_once('=').filter(|(variable, _)| is_variable(variable)) {
        let step = format!("given the environment variable {variable}={value}");
        return Some(format!("write `{step}` before this step, or `env` in front of `{name}`"));
    }
    if name.starts_with('~') {
        return Some(format!("no shell runs this, so `~` is not replaced: write {}", shell()));
    }
    if name.starts_with('$') {
        return Some(format!("no shell runs this, so variables are not replaced: write {}", shell()));
    }
    if !SHELL_WORDS.contains(&name) {
        return None;
    }
    Some(match name {
        "cd" | "pushd" => format!("`{name}` is a shell command: write {}, or `I run, in DIRECTORY, ...`", shell()),
        "export" | "set" | "declare" => {
            let step = "given the environment variable NAME=VALUE";
            format!("`{name}` is a shell command: write `{step}` before this step, or {}", shell())
        }
        _ => format!("`{name}` is a shell command: write {}", shell()),
    })
}

/// Returns whether this is a valid name of a shell variable.
fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the command line as a shell command, or advice in words if its quotes do not allow that.
fn in_shell(line: &str) -> String {
    match () {
        () if !line.contains('\'') => format!("`sh -c '{line}'`"),
        () if !line.contains(['"', '\\', '$', '`']) => format!("`sh -c \"{line}\"`"),
        () => "it as a shell script, embedded in the document".to_owned(),
    }
}

/// Finds the first word that is special in a shell: its range, a message and advice.
pub(crate) fn no_shell(line: &str, state: &PreflightState) -> Option<(Range<usize>, String, String)> {
    let words = words(line).ok()?;
    let name = words.first()?.text.clone();
    let kept = Kept { names: &state.kept, is_open: state.own_code };
    // `find` has its own use for `;`.
    let ends_itself = words.iter().any(|word| matches!(&*word.bare, "-exec" | "-execdir" | "-ok" | "-okdir"));
    let reads_quoted = words.iter().any(|word| expansion::reads_quoted(&word.text));
    let is_special = |at: usize, word: &Word| {
        let is_operator = match &*word.bare {
            ";" => !ends_itself,
            "|" | "|&" | "||" | "&&" | "&" | "#" => true,
            bare => {
                bare.starts_with(['<', '>'])
                    || ["1>", "2>", "&>"].iter().any(|redirection| bare.starts_with(redirection))
                    || bare.ends_with(';')
                    || expansion::redirects_inside(bare)
            }
        };
        let in_quotes = !reads_quoted && (has_variable(&word.double, &kept) || has_command(&word.double));
        (is_operator && (at > 0 || word.bare.ends_with(';')))
            || in_quotes
            || expansion::is_expanded(&word.bare, &kept)
            || (at > 0 && !reads_quoted && has_brackets(&word.bare, &name))
    };
    let (at, word) = words.iter().enumerate().find(|(at, word)| is_special(*at, word))?;
    let written = &line[word.place.clone()];
    let message = match at {
        0 => format!("`{written}` is the literal name of the program: no shell runs this command"),
        _ => format!("`{written}` is passed to {name} literally: no shell runs this command"),
    };
    let help = format!("to run it in a shell, write {}; to pass it literally, put it in single quotes", in_shell(line));
    Some((word.place.clone(), message, help))
}

/// Returns a warning about the value of an environment variable that a shell would change.
pub(crate) fn not_replaced(capture: &str, variable: &str, value: &str, state: &PreflightState) -> Option<Problem> {
    let kept = Kept { names: &state.kept, is_open: state.own_code };
    let warning = |message: String| Some(Problem::warning(capture, ProblemKind::NoShell, message));
    if has_variable(value, &kept) || has_command(value) {
        let message = format!("`{value}` is the literal value of {variable}: no shell replaces what is in it");
        let help = "to use the value of another variable, set it in a shell: `sh -c 'X=\"$Y\" PROGRAM'`";
        return warning(message).map(|problem| problem.help(help));
    }
    if has_home(value) || value.split(':').any(|part| part.starts_with("~/")) {
        let message = format!("`~` is a literal part of the value of {variable}: no shell replaces it");
        return warning(message).map(|problem| problem.help("write the path of the directory"));
    }
    None
}

/// Returns the problem of a program that cannot be found. `directory` is where it runs, inside the
/// scenario's directory.
pub(crate) fn not_found(capture: &str, name: &str, directory: Option<&str>, state: &PreflightState) -> Option<Problem> {
    // What Cargo did not build is reported before, as are missing directories that should be on PATH.
    let is_reported = name.starts_with("cargo:") || state.lacks_path && !name.contains('/');
    if state.anything_goes || names_value(name) || is_reported {
        return None;
    }
    let problem = || Problem::new(capture, ProblemKind::MissingProgram, format!("program not found: {name}"));
    if name.contains('/') {
        let found = if name.starts_with('/') {
            let program = on_path(OsStr::new(""), name);
            if let Some(problem) = program.as_ref().and_then(|program| hidden(capture, name, program, state)) {
                return Some(problem);
            }
            program.is_some()
        } else {
            let below = directory.map(|directory| format!("{}/{name}", directory.trim_end_matches('/')));
            state.may_have(name)
                || below.is_some_and(|name| state.may_have(&name.replace("/./", "/")))
                // What is outside of the directory is unknown.
                || name.split('/').any(|part| part == "..")
        };
        let bare = name.trim_start_matches("./");
        if found {
            let below = directory.map(|directory| format!("{}/{name}", directory.trim_end_matches('/')));
            let script = below.and_then(|name| state.script(&name)).or_else(|| state.script(name));
            return match script {
                Some(line) => without_interpreter(capture, name, line.as_bytes(), state),
                None if name.starts_with('/') => cannot_run(capture, name, Path::new(name), state),
                None => None,
            };
        }
        if let Some(help) = shell_help(name, None) {
            return Some(problem().help(help));
        }
        if name.starts_with('/') {
            return Some(beside(Path::new(name)).into_iter().fold(problem(), Problem::help));
        }
        if let Some(help) = in_source_directory(name, &state.source_directory) {
            return Some(problem().label("not in the scenario's directory").help(help));
        }
        let help = format!("embed it in the document, and write `given executable file {bare}` before this step");
        return Some(problem().label("no earlier step creates this file").help(help));
    }
    let path = state.search_path();
    let searchable = std::env::split_paths(&path).all(|entry| entry.is_absolute());
    if !searchable {
        return None;
    }
    if let Some(program) = on_path(&path, name) {
        let Some(problem) = hidden(capture, &program.path.to_string_lossy(), &program, state) else {
            return cannot_run(capture, name, &program.path, state);
        };
        // The next directory on PATH may have it too.
        let is_visible = |entry: &PathBuf| !is_hidden(entry, state);
        let rest = std::env::join_paths(std::env::split_paths(&path).filter(is_visible)).unwrap_or_default();
        return match on_path(&rest, name).filter(|program| hidden(capture, name, program, state).is_none()) {
            Some(program) => cannot_run(capture, name, &program.path, state),
            None => Some(problem),
        };
    }
    let problem = problem().label("not on PATH");
    if state.may_have_program(name) {
        return Some(problem.help(format!("the scenario's directory has a file of this name: write `./{name}`")));
    }
    if let Some(help) = shell_help(name, None).or_else(|| in_source_directory(name, &state.source_directory)) {
        return Some(problem.help(help));
    }
    let names = names_on(&path);
    let is_elsewhere = matches!(&state.path_origin, PathOrigin::Step { before } if on_path(before, name).is_some());
    Some(match nearest_program(name, &names) {
        Some(near) if !is_elsewhere => problem.help(format!("did you mean `{near}`?")),
        _ => problem.help(put_on_path(name, &state.path_origin)),
    })
}

/// Returns the program that a name was probably meant to be.
///
/// Thousands of programs are on PATH, so a short name is near one of them by chance: one letter may be wrong, but
/// the first, or two in a long name; in a name of three letters one may be missing or two swapped.
pub(crate) fn nearest_program<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let length = name.chars().count();
    let allowed = match length {
        0..=2 => return None,
        3..=7 => 1,
        _ => 2,
    };
    let is_near = |near: &&str| {
        let is_same_length = near.chars().count() == length;
        let is_swapped = is_same_length && same_letters(name, near);
        let begins_alike = name.chars().next() == near.chars().next();
        let distance = strsim::osa_distance(name, near);
        distance <= allowed && (is_swapped || begins_alike && (length > 3 || !is_same_length))
    };
    nearest(name, names.iter().map(String::as_str).filter(is_near))
}

fn same_letters(one: &str, other: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(one) == sorted(other)
}

/// Returns advice about an absolute path that does not exist: a similar name there.
fn beside(path: &Path) -> Option<String> {
    let (directory, name) = (path.parent()?, path.file_name()?.to_str()?);
    let names = names(directory).ok()?;
    let near = nearest(name, names.iter().map(String::as_str))?;
    Some(format!("did you mean `{}`?", directory.join(near).display()))
}

/// Returns advice about a program that is where greenroom was started, but not in the scenario.
pub(crate) fn in_source_directory(name: &str, directory: &Path) -> Option<String> {
    let bare = name.trim_start_matches("./");
    let there = directory.join(bare);
    let is_program = !bare.is_empty() && !bare.starts_with('/') && there.is_file();
    is_program.then(|| {
        let (what, way) = match std::fs::metadata(&there) {
            Ok(file) if file.permissions().mode() & 0o111 != 0 => ("", format!("`${{SRCDIR}}/{bare}`")),
            _ => (" (not executable)", format!("`sh ${{SRCDIR}}/{bare}`, for example")),
        };
        format!("{bare} is in the source directory, not in the scenario's{what}: write {way}")
    })
}

/// Returns advice about a program that is not on PATH.
fn put_on_path(name: &str, origin: &PathOrigin) -> String {
    match origin {
        PathOrigin::Caller => "install it, or put its directory on PATH before you start greenroom".to_owned(),
        PathOrigin::Option => "install it, or add its directory to the PATH of `--env`".to_owned(),
        PathOrigin::Step { before } => {
            match on_path(before, name).and_then(|found| found.path.parent().map(PathBuf::from)) {
                Some(directory) => {
                    format!("it is in {}: add that directory to the PATH that the scenario sets", directory.display())
                }
                None => "install it, or add its directory to the PATH that the scenario sets".to_owned(),
            }
        }
    }
}

/// Returns a warning about a program that was found where scenarios cannot see it.
fn hidden(capture: &str, name: &str, program: &FoundProgram, state: &PreflightState) -> Option<Problem> {
    let directory = hidden_below(&program.real, state.visible.as_ref()?)?;
    let is_link = !is_hidden(program.path.parent()?, state);
    let link = || format!("{name}, a link to {},", program.real.display());
    Some(not_in_scenario(capture, &if is_link { link() } else { name.to_owned() }, directory))
}

/// Returns whether scenarios do not see a directory of the host.
fn is_hidden(directory: &Path, state: &PreflightState) -> bool {
    let real = directory.canonicalize();
    real.is_ok_and(|real| state.visible.as_ref().is_some_and(|visible| hidden_below(&real, visible).is_some()))
}

/// Warns about a program that exists, but not where scenarios can see it.
///
/// It is not an error, because some machines cannot give scenarios a `/tmp` of their own.
fn not_in_scenario(capture: &str, name: &str, directory: &str) -> Problem {
    let message = format!("{name} exists, but scenarios cannot see it: each has an empty {directory} of its own");
    Problem::warning(capture, ProblemKind::HiddenProgram, message).help(HIDDEN_HELP)
}

/// Returns the problem of a script that was found, but whose interpreter is missing.
fn cannot_run(capture: &str, name: &str, program: &Path, state: &PreflightState) -> Option<Problem> {
    static LINES: Mutex<Option<HashMap<PathBuf, Option<Vec<u8>>>>> = Mutex::new(None);
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let line = lines.get_or_insert_default().entry(program.to_owned()).or_insert_with(|| {
        let head = capture::head(program, 256).ok()?;
        head.starts_with(b"#!").then_some(head)
    });
    without_interpreter(capture, name, line.as_deref()?, state)
}

/// Returns the problem of a script that begins with this line, if its interpreter is missing.
fn without_interpreter(capture: &str, name: &str, line: &[u8], state: &PreflightState) -> Option<Problem> {
    let path = state.search_path();
    let Some(missing) = missing_interpreter(line, &path) else {
        let interpreter = interpreter(line, &path)?;
        let directory = hidden_below(&interpreter.canonicalize().ok()?, state.visible.as_ref()?)?;
        let name = format!("{}, the interpreter of {name},", interpreter.display());
        return Some(not_in_scenario(capture, &name, directory));
    };
    let help = "install the interpreter, or change the first line of the script";
    let problem = Problem::new(capture, ProblemKind::MissingProgram, format!("{name} cannot run: {missing}"));
    Some(problem.help(help))
}

/// A program of the host.
#[derive(Debug, Clone)]
struct FoundProgram {
    path: PathBuf,
    /// Its path without symbolic links.
    real: PathBuf,
}

/// Finds a program. Cached: documents have thousands of steps that run the same few programs.
fn on_path(path: &OsStr, name: &str) -> Option<FoundProgram> {
    type Programs = HashMap<(OsString, String), Option<FoundProgram>>;
    static FOUND: Mutex<Option<Programs>> = Mutex::new(None);
    let key = (path.to_owned(), name.to_owned());
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    found
        .get_or_insert_default()
        .entry(key)
        .or_insert_with(|| {
            let path = find_program(OsStr::new(name), path, Path::new("/")).ok()?;
            Some(FoundProgram { real: path.canonicalize().unwrap_or_else(|_| path.clone()), path })
        })
        .clone()
}

/// Returns the names of all programs on a PATH. Cached: thousands of programs may be missing.
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
    fn words_have_ranges_and_unquoted_characters() {
        let shown = |line: &str| {
            let words = words(line).unwrap().into_iter();
            words.map(|word| format!("{}:{}", &line[word.place], word.bare.replace('\0', "_"))).collect::<Vec<_>>()
        };
        assert_eq!(shown(r#"a "b c"d  \; é'|'"#), ["a:a", r#""b c"d:_d"#, r"\;:_", "é'|':é_"]);
    }

    #[test]
    fn arguments_that_are_special_in_a_shell_are_found() {
        let mut state = PreflightState::new(OsString::new(), PathBuf::new());
        state.kept.insert("port".to_owned());
        let found = |line: &str| no_shell(line, &state).map(|(place, ..)| line[place].to_owned());
        let lines = [
            ("a | b", "|"),
            ("a || b", "||"),
            ("a; b", "a;"),
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
            ("a b # c", "#"),
            ("a b>c", "b>c"),
            ("a $HOME", "$HOME"),
            ("a \"b $HOME\"", "\"b $HOME\""),
            ("a \"$(b)\"", "\"$(b)\""),
            ("a ${HOME}", "${HOME}"),
            ("a ~/b", "~/b"),
            ("~/a b", "~/a"),
            ("a *.txt", "*.txt"),
            ("a {b,c}", "{b,c}"),
            ("sh -c \"echo $HOME | cat\"", ""),
            ("grep \"^$x\" '*' \"~\" '{b,c}'", ""),
            ("a '|' \"&&\" \\; \\> '`' '$(b)' \"\\$b\"", ""),
            ("a ${port} -> = x;y x|y a&b a^b$ http://b/?c --d=*.e", ""),
            ("ls [a-z].txt", "[a-z].txt"),
            ("tr [a-z] [A-Z]", ""),
            ("grep -c [0-9] x", ""),
            ("[ -f x ]", ""),
            ("a '[a-z]' \"[0-9]\" \\[ab\\].txt", ""),
            ("a 'b", ""),
            ("", ""),
        ];
        for (line, word) in lines {
            assert_eq!(found(line).unwrap_or_default(), word, "{line}");
        }
    }

    #[test]
    fn incomplete_lines_say_what_is_missing() {
        assert_eq!(split("it's"), Err(Unfinished::SingleQuote));
        assert_eq!(split("a \"b'"), Err(Unfinished::DoubleQuote));
        assert_eq!(split("a \"b\\"), Err(Unfinished::DoubleQuote));
        assert_eq!(split("a \\"), Err(Unfinished::Backslash));
    }

    #[test]
    fn a_program_is_near_only_if_a_typing_error_explains_it() {
        let names = ["nop", "sed", "col", "git", "grep", "redis-server", "python3"].map(str::to_owned);
        let near = |name: &str| nearest_program(name, &names);
        assert_eq!(["shop", "sudo", "tool", "get", "no", "rep", "x"].map(near), [None; 7]);
        assert_eq!(near("gti"), Some("git"));
        assert_eq!(near("gt"), None);
        assert_eq!(near("gitt"), Some("git"));
        assert_eq!(near("gerp"), Some("grep"));
        assert_eq!(near("rgep"), Some("grep"));
        assert_eq!(near("redis-sever"), Some("redis-server"));
        assert_eq!(near("redis-servr-"), Some("redis-server"));
        assert_eq!(near("pyhton3"), Some("python3"));
    }
}
