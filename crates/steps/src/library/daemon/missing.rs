//! Files that a program looked for in vain, and that no step has put into the scenario's directory.

use std::fs;
use std::path::{Component, Path};

use super::denials::{Text, bare, quoted};
use crate::context::Context;
use crate::step::Failure;

/// The most files that are named.
const SHOWN: usize = 3;

/// What programs write when a file is missing.
const PHRASES: [&str; 4] = ["no such file", "enoent", "file not found", "does not exist"];

/// Words of messages about files that programs make or remove themselves.
const OWN_FILES: [&str; 9] =
    ["creat", "mkdir", "touch", "connect", "socket", "remov", "unlink", "renam", "cannot write"];

/// Ends of the names of files that programs make themselves.
const OWN_NAMES: [&str; 4] = [".sock", ".pid", ".lock", ".log"];

/// Words before the phrase that are not names.
const WORDS: [&str; 5] = ["error", "failed", "fatal", "warning", "failure"];

/// Adds to the failure of a step how to provide the files that its programs did not find.
///
/// The files are those that the failure, the output in it, or a daemon that has ended names.
pub(crate) fn with_missing_files(context: &mut Context, error: Failure, texts: &[Text]) -> Failure {
    let Ok(here) = context.working_directory().map(Path::to_owned) else { return error };
    let (directory, source) = (context.directory().to_owned(), context.source_directory().to_owned());
    let mut names: Vec<String> = Vec::new();
    // A step that asserts that a file exists says the same, but asks for no file.
    let is_assertion = |text: &str| *text == error.message && text.ends_with("does not exist");
    for Text { text, .. } in texts.iter().filter(|it| !is_assertion(&it.text)) {
        for name in text.lines().filter_map(|line| missing_in(line, &here, &directory)) {
            if names.len() < SHOWN && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.iter().fold(error, |error, name| {
        let step = format!("`given file {name}`");
        let beside = source.join(name);
        error.help(if source != directory && beside.is_file() {
            format!(
                "{name} is in {}, but not in the scenario's directory: embed it in the document and write {step} \
                 before this step, or copy it: `when I run cp {} {name}`",
                source.display(),
                beside.display()
            )
        } else {
            format!(
                "{name} is not in the scenario's directory: embed it in the document and write {step} before this step"
            )
        })
    })
}

/// Finds the file, relative to the scenario's directory, of a line that says that it is missing.
fn missing_in(line: &str, here: &Path, directory: &Path) -> Option<String> {
    // What Rust's `unwrap` writes in front of the error names no files.
    let line = line.split_once("` on an `Err` value: ").map_or(line, |(_, error)| error);
    let lower = line.to_ascii_lowercase();
    let at = PHRASES.iter().filter_map(|phrase| lower.find(phrase)).min()?;
    if OWN_FILES.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let missing = |name: &str| {
        let path = here.join(name);
        let inside = path.strip_prefix(directory).ok()?;
        let is_plain = inside.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let is_own = OWN_NAMES.iter().any(|end| name.ends_with(end));
        let is_absent = |path: &Path| fs::symlink_metadata(path).is_err();
        let name: String = inside.components().collect::<std::path::PathBuf>().to_str()?.to_owned();
        let is_name = !name.is_empty() && !name.contains(char::is_whitespace) && !name.contains(['{', '*', '%', '$']);
        (is_plain && is_name && !is_own && is_absent(&path) && is_absent(&directory.join(&name))).then_some(name)
    };
    let is_file = |word: &&str| {
        let extension = Path::new(word).extension().is_some_and(|end| end.as_encoded_bytes()[0].is_ascii_alphabetic());
        (extension || word.contains('/')) && !word.contains("://")
    };
    // An unquoted name is the last word before the phrase or the last one of the line.
    let before = line[..at].trim_end_matches([' ', ':', '(', '[', '-']);
    let before = before.trim_end_matches("Errno 2] ").trim_end_matches([' ', ':', '[']);
    let word = before.rsplit([' ', '\t']).next().and_then(bare);
    // `cat: orders: No such file or directory`
    let is_named = before.strip_suffix(word.unwrap_or(" ")).is_some_and(|start| {
        let program = start.trim_end().strip_suffix(':');
        program.is_some_and(|program| !program.is_empty() && !program.contains(' '))
    });
    let plain = word.filter(|word| is_named && !WORDS.contains(&word.to_ascii_lowercase().as_str()));
    let last = line.split_whitespace().next_back().and_then(bare).filter(is_file);
    quoted(line)
        .find_map(missing)
        .or_else(|| word.filter(is_file).and_then(missing))
        .or_else(|| plain.and_then(missing))
        .or_else(|| last.and_then(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_missing_files_are_found_in_what_programs_write() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        fs::write(here.join("there.json"), "").unwrap();
        let found = |line: &str| missing_in(&line.replace("HERE", &here.display().to_string()), here, here);
        for (line, name) in [
            ("FileNotFoundError: [Errno 2] No such file or directory: 'orders.json'", "orders.json"),
            ("orders: cannot read orders.json: no such file", "orders.json"),
            ("sh: 0: cannot open orders.json: No such file", "orders.json"),
            ("cat: orders.json: No such file or directory", "orders.json"),
            ("cat: orders: No such file or directory", "orders"),
            ("ls: cannot access 'data/orders': No such file or directory", "data/orders"),
            ("python3: can't open file 'HERE/orders.py': [Errno 2] No such file or directory", "orders.py"),
            ("Error: ENOENT: no such file or directory, open './orders.json'", "orders.json"),
            ("2026/11/26 open conf/orders.toml: no such file or directory", "conf/orders.toml"),
            ("No such file or directory @ rb_sysopen - orders.json", "orders.json"),
            ("java.io.FileNotFoundException: orders.json (No such file or directory)", "orders.json"),
            ("config file \"orders.json\" does not exist", "orders.json"),
        ] {
            assert_eq!(found(line).as_deref(), Some(name), "{line}");
        }
        for line in [
            "cat: there.json: No such file or directory",
            "cat: /etc/none.json: No such file or directory",
            "rm: cannot remove 'old.json': No such file or directory",
            "psql: error: connection to server on socket \"run/s.PGSQL\" failed: No such file or directory",
            "cannot create out/x: Directory nonexistent",
            "database \"orders two\" does not exist",
            "server: fatal: No such file or directory",
            "cat: ../orders.json: No such file or directory",
            "called `Result::unwrap()` on an `Err` value: Os { code: 2, message: \"No such file or directory\" }",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
