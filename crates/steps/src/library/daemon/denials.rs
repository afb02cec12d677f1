//! Who was denied a file: what a failure says of paths for which a permission was denied.

use std::fs;
use std::path::{Path, PathBuf};

use greenroom_event::OutputSource;
use greenroom_sandbox::process::table;
use rustix::process::geteuid;

use super::daemons::Daemons;
use crate::context::Context;
use crate::library::ownership::{describe, is_on_noexec, user_name};
use crate::repeat::CHANGES;
use crate::step::{Failure, Output, Stream, Subject};

/// The most paths that are described.
const SHOWN: usize = 3;

/// What programs write when the system denies a permission.
const PHRASES: [&str; 2] = ["permission denied", "eacces"];

/// Words of messages about a file that does not exist yet.
const CREATIONS: [&str; 6] = ["creat", "open", "write", "touch", "mkdir", "renam"];

/// Adds owner and mode of each path for which a permission was denied to the failure of a step.
///
/// The paths are those that the failure, the output in it, or a daemon that has ended names.
pub(crate) fn with_denials(context: &mut Context, error: Failure, texts: &[Text]) -> Failure {
    let Ok(here) = context.working_directory().map(Path::to_owned) else { return error };
    let directory = context.directory().to_owned();
    let mut described: Vec<PathBuf> = Vec::new();
    let mut error = error;
    for Text { text, daemon } in texts {
        for path in text.lines().filter(|line| is_denial(line)).filter_map(|line| path_in(line, &here)) {
            if described.len() == SHOWN || described.contains(&path) {
                continue;
            }
            error = describe_denial(context, error, (&path, &directory), daemon.as_deref());
            described.push(path);
        }
    }
    error
}

/// A text that may say why a step failed.
pub(crate) struct Text {
    pub(crate) text: String,
    /// The daemon that wrote it.
    pub(crate) daemon: Option<String>,
}

/// Returns the texts that may say why a step failed.
///
/// They are the failure itself, the output in it, and that of daemons that it is about or that have
/// ended.
pub(crate) fn texts_of(context: &mut Context, error: &Failure) -> Vec<Text> {
    let about = match &error.subject {
        Some(Subject::Daemon { name }) => Some(name.clone()),
        _ => None,
    };
    // How the results of a repeated step changed is no reason of the last one.
    let notes = error.notes.iter().filter(|note| !note.starts_with(CHANGES));
    let of_failure = notes.chain([&error.message]);
    let mut texts: Vec<Text> = of_failure.map(|text| Text { text: text.clone(), daemon: None }).collect();
    // A server says what does not exist for its clients, which is about URLs.
    let of_processes = |output: &&Output| !matches!(output.source, OutputSource::Response { .. });
    texts.extend(error.output.iter().filter(of_processes).map(|output| {
        let daemon = match &output.source {
            OutputSource::Daemon { name, .. } => Some(name.clone()),
            _ => None,
        };
        Text { text: output.text.clone(), daemon }
    }));
    let daemons = context.state::<Daemons>();
    for name in daemons.names() {
        if let Ok(daemon) = daemons.get(&name)
            && (about.as_ref() == Some(&name) || daemon.try_wait().is_some())
        {
            let written = Stream::BOTH.map(|stream| String::from_utf8_lossy(&daemon.tail(stream).bytes).into_owned());
            texts.extend(written.map(|text| Text { text, daemon: Some(name.clone()) }));
        }
    }
    texts
}

fn describe_denial(
    context: &mut Context,
    error: Failure,
    (path, directory): (&Path, &Path),
    daemon: Option<&str>,
) -> Failure {
    if is_on_noexec(path) {
        return error
            .note(format!("{} is on a file system that is mounted noexec", shown(path, directory)))
            .help("set TMPDIR to a directory whose file system lets programs run, before you start greenroom");
    }
    // Only root can become another user, and root itself is denied little.
    let own = Some(geteuid().as_raw()).filter(|user| *user != 0);
    let user = daemon.and_then(|name| user_of(context, name)).filter(|user| *user != 0).or(own);
    let who = match (user, daemon) {
        (Some(user), Some(_)) => format!("; the process runs as user {}", user_name(user)),
        (Some(user), None) => format!("; the step runs as user {}", user_name(user)),
        (None, _) => String::new(),
    };
    error.note(format!("{}{who}", describe(path, directory, user)))
}

fn shown(path: &Path, directory: &Path) -> String {
    path.strip_prefix(directory).unwrap_or(path).display().to_string()
}

/// Returns the user that a daemon runs as, if it runs.
fn user_of(context: &mut Context, name: &str) -> Option<u32> {
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let pid = daemons.get(name).ok()?.process()?.pid();
    table::user(pid)
}

fn is_denial(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    PHRASES.iter().any(|phrase| line.contains(phrase))
}

/// Finds the path in a line that says that a permission was denied.
///
/// It is between quotes, or the word before the phrase, or any word that is the path of a file. A path that
/// does not exist must be in a directory that does, and one that does comes first.
fn path_in(line: &str, here: &Path) -> Option<PathBuf> {
    let exists = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
    let is_plausible = |path: &PathBuf| exists(path) || path.parent().is_some_and(Path::is_dir);
    let quoted = || quoted(line).map(|text| here.join(text)).find(is_plausible);
    let before = || {
        let lower = line.to_ascii_lowercase();
        let at = PHRASES.iter().find_map(|phrase| lower.find(phrase))?;
        let word = line[..at].trim_end_matches([' ', ':', '(']).rsplit([' ', '\t']).next()?;
        let word = bare(word)?;
        let is_path = word.contains('/') || CREATIONS.iter().any(|creation| lower.contains(creation));
        Some(here.join(word)).filter(|path| is_path && is_plausible(path))
    };
    let any = || line.split_whitespace().filter_map(bare).map(|word| here.join(word)).find(exists);
    quoted().or_else(|| before().filter(exists)).or_else(any).or_else(before)
}

/// Returns the texts between quotes, without empty ones.
pub(super) fn quoted(line: &str) -> impl Iterator<Item = &str> {
    let pairs = [('\'', '\''), ('"', '"'), ('`', '`'), ('\u{2018}', '\u{2019}'), ('\u{201c}', '\u{201d}'), ('`', '\'')];
    pairs.into_iter().flat_map(move |(open, close)| {
        // The apostrophe of `can't` does not begin a name.
        let is_inside_word = move |at: usize| line[..at].ends_with(char::is_alphanumeric);
        let inside = move |(at, _): (usize, &'_ str)| {
            let (text, _) = line[at + open.len_utf8()..].split_once(close)?;
            (!is_inside_word(at)).then_some(text)
        };
        line.match_indices(open).filter_map(inside).filter(|text| !text.is_empty() && !text.contains(": "))
    })
}

/// Returns a word without the punctuation around it.
pub(super) fn bare(word: &str) -> Option<&str> {
    let word = word.trim_matches(|c: char| matches!(c, ':' | ',' | ';' | '(' | ')' | '[' | ']' | '"' | '\''));
    Some(word).filter(|word| !word.is_empty() && !matches!(*word, "." | ".." | "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_what_programs_write() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        fs::create_dir(here.join("data")).unwrap();
        fs::write(here.join("data/x.conf"), "").unwrap();
        let absolute = here.join("data/x.conf").display().to_string();
        let found = |line: &str| {
            let path = path_in(line, here)?;
            Some(path.strip_prefix(here).unwrap_or(&path).display().to_string())
        };
        let lines = [
            ("cat: data/x.conf: Permission denied", "data/x.conf"),
            ("sh: 1: cannot create data/new: Permission denied", "data/new"),
            ("sh: 1: cannot create new: Permission denied", "new"),
            ("touch: cannot touch 'data/new': Permission denied", "data/new"),
            ("touch: cannot touch \u{2018}data/new\u{2019}: Permission denied", "data/new"),
            ("PermissionError: [Errno 13] Permission denied: 'data/x.conf'", "data/x.conf"),
            ("could not open file \"data/x.conf\": Permission denied", "data/x.conf"),
            ("nginx: [emerg] open() \"ABSOLUTE\" failed (13: Permission denied)", "data/x.conf"),
            ("open ABSOLUTE: permission denied", "data/x.conf"),
            ("Error: EACCES: permission denied, open 'ABSOLUTE'", "data/x.conf"),
            ("12:M # Can't chdir to 'data': Permission denied", "data"),
            ("Can't open data/x.conf for reading: Permission denied", "data/x.conf"),
        ];
        for (line, path) in lines {
            assert_eq!(found(&line.replace("ABSOLUTE", &absolute)).as_deref(), Some(path), "{line}");
        }
        assert_eq!(found("permission denied (publickey)"), None);
        assert_eq!(found("me@host: Permission denied (publickey)."), None);
        assert_eq!(found("mkdir: cannot create directory 'none/such': Permission denied"), None);
    }
}
