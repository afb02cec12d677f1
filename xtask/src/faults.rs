//! Checks that the tests which `docs/FAULTS.md` names exist.
//!
//! The last column of its tables names tests as ``module `test`, `test`, other/module `test` ``.

use std::collections::BTreeSet;

use crate::workspace::{files, no_problems, read};

const PAGE: &str = "docs/FAULTS.md";
const SUITE: &str = "crates/greenroom/tests/suite/";

/// Checks the page against the test suite of the binary.
pub(crate) fn check() -> Result<(), String> {
    let mut tests = BTreeSet::new();
    for path in files("rs")? {
        if let Some(module) = path.strip_prefix(SUITE) {
            tests.extend(test_names(&read(&path)?).map(|name| (module.to_owned(), name.to_owned())));
        }
    }
    let has = |module: &str, name: &str| {
        tests.iter().any(|(path, test)| {
            let rest = path.strip_prefix(module);
            test == name && rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    let named = named_tests(&read(PAGE)?);
    let mut problems: Vec<String> = named
        .iter()
        .filter(|(_, module, name)| !has(module, name))
        .map(|(line, module, name)| format!("{PAGE}:{line}: no test `{name}` in {SUITE}{module}"))
        .collect();
    if named.is_empty() {
        problems.push(format!("{PAGE} names no test"));
    }
    no_problems("tests that the table of faults names", &problems)
}

/// Returns the names of the functions that follow a `#[test]`.
fn test_names(source: &str) -> impl Iterator<Item = &str> {
    let functions = source.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn "));
    functions.filter_map(|(_, rest)| rest.split_once('(')).map(|(name, _)| name)
}

/// Returns line, module and name of each test in the tables.
fn named_tests(page: &str) -> Vec<(usize, String, String)> {
    let mut named = Vec::new();
    for (at, line) in page.lines().enumerate() {
        let Some(row) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else { continue };
        let cell = row.rsplit('|').next().unwrap_or_default();
        let mut module = String::new();
        // Text and code take turns.
        for (part, text) in cell.split('`').enumerate() {
            if part % 2 == 0 {
                let mut words = text.split([' ', ',', ';', '(', ')']).filter(|word| is_module(word));
                module = words.next_back().map_or(module, str::to_owned);
            } else if is_identifier(text) && text.contains('_') {
                named.push((at + 1, module.clone(), text.to_owned()));
            }
        }
    }
    named
}

/// Returns whether a word is the name of a module, not a word of a sentence.
fn is_module(word: &str) -> bool {
    is_identifier(word) && !["and", "of", "the", "in", "or", "with"].contains(&word)
}

/// Returns whether a text may be the name of a test or of a module.
fn is_identifier(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'/';
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_read_from_the_last_column() {
        let page = "| 1 `a_b` | c | daemon `one_test`, `two_tests` of `x.sh`, faults/start `third_test` |\n";
        let named = named_tests(page);
        let named: Vec<(&str, &str)> = named.iter().map(|(_, module, name)| (module.as_str(), name.as_str())).collect();
        assert_eq!(named, [("daemon", "one_test"), ("daemon", "two_tests"), ("faults/start", "third_test")]);
    }

    #[test]
    fn tests_are_functions_with_the_attribute() {
        let source = "#[test]\nfn one() {}\nfn no() {}\n#[test]\n#[ignore]\nfn two() {}\n";
        assert_eq!(test_names(source).collect::<Vec<_>>(), ["one", "two"]);
    }
}
