//! Brings the results on a screen into the order of the documents.
//!
//! Results appear as scenarios finish, which differs from run to run.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::support::time_length;

/// The words that begin the result of a scenario.
const WORDS: [&str; 7] = ["PASS", "FAIL", "BROKEN", "STOP", "SKIP", "RETRY", "FLAKY"];

/// Returns the text of all documents in a directory: first those that a command line names, in its
/// order.
pub(crate) fn documents(directory: &Path, arguments: &[OsString]) -> String {
    let mut paths = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md")) {
                paths.push(entry.path());
            }
        }
    }
    let named = |path: &Path| arguments.iter().position(|word| path.ends_with(word)).unwrap_or(usize::MAX);
    paths.sort_by_key(|path| (named(path), path.clone()));
    let text = |path| fs::read(path).map_or(String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned() + "\n");
    paths.into_iter().filter(|path| path.is_file()).map(text).collect()
}

/// Sorts the results on a screen by the place of their titles in a text.
pub(crate) fn restore(screen: &str, documents: &str) -> String {
    let lines: Vec<&str> = screen.split_inclusive('\n').collect();
    let is_result = |line: &str| WORDS.iter().any(|word| line.starts_with(&format!("{word}  ")));
    let Some(first) = lines.iter().position(|line| is_result(line)) else { return screen.to_owned() };
    let is_ending = |line: &&str| !line.starts_with([' ', '\n']) && !is_result(line);
    let last = first + lines[first..].iter().position(is_ending).unwrap_or(lines.len() - first);
    let mut results: Vec<String> = Vec::new();
    for line in &lines[first..last] {
        if is_result(line) {
            results.push(String::new());
        }
        results.last_mut().unwrap().push_str(line);
    }
    let gap = results.last().is_some_and(|last| last.ends_with("\n\n"));
    results.sort_by_key(|result| place(result, documents));
    let mut text = lines[..first].concat();
    for (index, result) in results.iter().enumerate() {
        let is_block = |result: &String| {
            let always = ["FAIL", "BROKEN", "FLAKY"].iter().any(|word| result.starts_with(word));
            always || result.trim_end().contains("\n\n")
        };
        if index > 0 && (is_block(result) || is_block(&results[index - 1])) {
            text.push('\n');
        }
        text += result.trim_end_matches('\n');
        text.push('\n');
    }
    if gap {
        text.push('\n');
    }
    text + &lines[last..].concat()
}

/// Returns where the title of a result is in the documents.
fn place(result: &str, documents: &str) -> usize {
    let line = result.lines().next().unwrap_or_default();
    let rest = line.split_once("  ").map_or("", |(_, rest)| rest).trim_start();
    let rest = time_length(rest).map_or(rest, |length| rest[length..].trim_start());
    let title = rest.split("  (").next().unwrap_or(rest);
    let title = title.split(" (repetition ").next().unwrap_or(title);
    documents.rfind(&format!("# {title}\n")).unwrap_or(usize::MAX)
}
