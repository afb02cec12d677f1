//! Step functions of the user's own crate, as the attributes `#[given]`, `#[when]`, `#[then]` and
//! `#[step]` declare them.
//!
//! An attribute makes a [`StepDefinition`] and submits it; [`library`] makes a library of all that the
//! program has. [`call`] is what every such function is called by, [`outcome`] is what it may return,
//! and [`capture`] reads its parameters. `output` keeps what it prints, [`panics`] what its
//! panics say, and [`guard`] ends it when it does not end.

pub mod access;
mod assertion;
pub mod call;
pub mod capture;
pub mod guard;
pub mod outcome;
pub(crate) mod output;
pub mod panics;
#[cfg(feature = "tokio")]
pub mod tokio;

use std::collections::BTreeMap;
use std::fmt;

use crate::context::Context;
use crate::registry::{Check, CheckFunction, Library};
use crate::step::{Captures, StepResult};

pub use inventory;

/// The name of the library that has the program's own step functions.
pub const LIBRARY: &str = "rust";

/// What stands before the name of such a function in a registry, so that no built-in one has it.
pub const PREFIX: &str = "rust:";

/// The files beside a scenario's directory that its step functions need.
pub const FILES: [&str; 2] = [output::FILE, guard::FILE];

/// The name that stands for all functions of a test program, where its source does not show them all.
pub const ANY: &str = "*";

/// A step function of the user's own.
#[derive(Debug)]
pub struct StepDefinition {
    /// Its name.
    pub name: &'static str,
    /// The module that has it.
    pub module: &'static str,
    /// Its source file, as the compiler names it.
    pub file: &'static str,
    /// Its line in that file, from 1.
    pub line: u32,
    /// The steps that it is for. A function without them is named in a bindings file, or is a cleanup.
    pub pattern: Option<Pattern>,
    /// The name of the function that cleans up after it.
    pub cleanup: Option<&'static str>,
    /// Calls it.
    pub function: fn(&mut Context, &Captures) -> StepResult,
    /// Finds captures that do not parse, before anything runs.
    pub check: CheckFunction,
}

inventory::collect!(StepDefinition);

/// The steps that a function is for.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// `given`, `when` or `then`.
    pub keyword: &'static str,
    /// The pattern.
    pub text: &'static str,
    /// Whether it is a regular expression.
    pub is_regex: bool,
    /// Captures whose types follow from their parameters, with the names of these types.
    pub types: &'static [(&'static str, &'static str)],
}

/// Why the program's step functions cannot be used: one message for each mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionErrors(pub Vec<String>);

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for DefinitionErrors {}

/// Returns the library of the program's own step functions, without any if it has none.
///
/// Documents have its steps without listing it.
///
/// # Errors
///
/// When two functions are for the same steps, when the name of a cleanup is not that of a function,
/// or when functions that need their names to be told apart have the same one.
pub fn library() -> Result<Option<Library>, DefinitionErrors> {
    let mut all: Vec<&StepDefinition> = inventory::iter::<StepDefinition>.into_iter().collect();
    // The linker determines their order, which must not matter.
    all.sort_by_key(|it| (it.file, it.line, it.name));
    library_of(&all)
}

fn library_of(all: &[&'static StepDefinition]) -> Result<Option<Library>, DefinitionErrors> {
    if all.is_empty() {
        return Ok(None);
    }
    let declared: Vec<Declared<'_>> = all.iter().map(|it| Declared::from(*it)).collect();
    let mistakes = mistakes(&declared, |_| true);
    if !mistakes.is_empty() {
        return Err(DefinitionErrors(mistakes));
    }
    let by_name = by_name(&declared);
    let is_unique = |name: &str| by_name.get(name).is_some_and(|same| same.len() == 1);
    let full = |it: &StepDefinition| {
        if is_unique(it.name) { format!("{PREFIX}{}", it.name) } else { format!("{PREFIX}{}::{}", it.module, it.name) }
    };
    let (mut bindings, mut places) = (String::new(), Vec::new());
    for it in all.iter().filter(|it| it.pattern.is_some()) {
        bindings.push_str(&binding(it, &full(it)));
        places.push((it.file.to_owned(), it.line));
    }
    let library = Library::new(LIBRARY, bindings).written_at(places).in_all_documents();
    let library = all.iter().fold(library, |library, it| library.step(&full(it), it.function, Check::With(it.check)));
    Ok(Some(library))
}

fn binding(it: &StepDefinition, function: &str) -> String {
    let Some(Pattern { keyword, text, is_regex, types }) = it.pattern else { return String::new() };
    write_binding((keyword, text, is_regex), types, function, it.cleanup)
}

/// Writes the binding of a function in one line: messages name the place of the function for it.
///
/// `types` are names of captures with those of their types. The cleanup is a function of the same program.
pub fn write_binding(
    (keyword, text, is_regex): (&str, &str, bool),
    types: &[(&str, &str)],
    function: &str,
    cleanup: Option<&str>,
) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    // A binding that says neither has warnings about characters that regular expressions have.
    let regex = if is_regex { ", regex: true" } else { ", regex: false" };
    let types = types.iter().map(|(name, kind)| format!("{name}: {kind}")).collect::<Vec<_>>().join(", ");
    let types = if types.is_empty() { types } else { format!(", types: {{{types}}}") };
    let cleanup = cleanup.map(|name| format!(", cleanup: {}", quoted(&format!("{PREFIX}{name}"))));
    format!(
        "- {{{keyword}: {}{regex}{types}, impl: {{native: {{function: {}{}}}}}}}\n",
        quoted(text),
        quoted(function),
        cleanup.unwrap_or_default(),
    )
}

/// One attribute of a step function, in a program or in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared<'a> {
    /// The name of the function.
    pub name: &'a str,
    /// Its source file.
    pub file: &'a str,
    /// Its line in that file, from 1.
    pub line: u32,
    /// The keyword and the pattern of its steps.
    pub pattern: Option<(&'a str, &'a str)>,
    /// The name of the function that cleans up after it.
    pub cleanup: Option<&'a str>,
}

impl From<&StepDefinition> for Declared<'static> {
    fn from(it: &StepDefinition) -> Self {
        let pattern = it.pattern.map(|pattern| (pattern.keyword, pattern.text));
        Self { name: it.name, file: it.file, line: it.line, pattern, cleanup: it.cleanup }
    }
}

/// Returns what is wrong with the step functions of a program, all together.
///
/// `knows` says whether a function of a name would be among them if it existed.
pub fn mistakes(all: &[Declared<'_>], knows: impl Fn(&str) -> bool) -> Vec<String> {
    let mut mistakes = Vec::new();
    let by_name = by_name(all);
    let mut by_pattern: BTreeMap<(&str, &str), Vec<&Declared<'_>>> = BTreeMap::new();
    for it in all {
        if let Some(pattern) = it.pattern {
            by_pattern.entry(pattern).or_default().push(it);
        }
    }
    for (name, same) in by_name.iter().filter(|(_, same)| same.len() > 1) {
        // Functions with a pattern in different modules may have the same name.
        if same.iter().any(|it| it.pattern.is_none()) {
            mistakes.push(format!("{}; rename one of them", twice(&format!("are named `{name}`"), same)));
        }
    }
    for ((keyword, text), same) in by_pattern.iter().filter(|(_, same)| same.len() > 1) {
        let what = format!("are for `{keyword} {text}`");
        mistakes.push(format!("{}; change one of the patterns", twice(&what, same)));
    }
    for it in all {
        let Some(cleanup) = it.cleanup else { continue };
        let place = place(it);
        match by_name.get(cleanup).map_or(0, Vec::len) {
            0 if !knows(cleanup) => {}
            0 => mistakes.push(format!(
                "the cleanup `{cleanup}` of `{}` ({place}) does not exist; give a function of this name the attribute \
                 `#[step]`",
                it.name
            )),
            1 => {}
            _ => mistakes.push(format!(
                "the cleanup `{cleanup}` of `{}` ({place}) is the name of several functions; rename one of them",
                it.name
            )),
        }
    }
    mistakes
}

/// Returns functions by their names. One with several attributes is one function.
fn by_name<'a, 'b>(all: &'b [Declared<'a>]) -> BTreeMap<&'a str, Vec<&'b Declared<'a>>> {
    let mut by_name: BTreeMap<&str, Vec<&Declared<'_>>> = BTreeMap::new();
    for it in all {
        let same = by_name.entry(it.name).or_default();
        if !same.iter().any(|known| (known.file, known.line) == (it.file, it.line)) {
            same.push(it);
        }
    }
    by_name
}

fn place(it: &Declared<'_>) -> String {
    format!("{}:{}", it.file, it.line)
}

fn twice(what: &str, same: &[&Declared<'_>]) -> String {
    let named: Vec<String> = same.iter().map(|it| format!("`{}` ({})", it.name, place(it))).collect();
    format!("{} step functions {what}: {}", same.len(), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn definition(name: &'static str, line: u32, pattern: Option<&'static str>) -> StepDefinition {
        let pattern = match pattern {
            Some(text) => Some(Pattern { keyword: "when", text, is_regex: false, types: &[] }),
            None => None,
        };
        StepDefinition {
            name,
            module: "acceptance",
            file: "tests/acceptance.rs",
            line,
            pattern,
            cleanup: None,
            function: |_, _| Ok(()),
            check: |_, _| Vec::new(),
        }
    }

    #[test]
    fn functions_become_a_library_with_bindings() {
        static BREW: StepDefinition =
            StepDefinition { cleanup: Some("wash"), ..definition("brew", 3, Some("I brew {what}")) };
        static WASH: StepDefinition = definition("wash", 9, None);
        let library = library_of(&[&BREW, &WASH]).unwrap().unwrap();
        assert_eq!(library.functions().collect::<Vec<_>>(), ["rust:brew", "rust:wash"]);
        assert_eq!(
            library.bindings(),
            "- {when: \"I brew {what}\", regex: false, impl: {native: {function: \"rust:brew\", cleanup: \
             \"rust:wash\"}}}\n"
        );
        assert_eq!(library.places(), [("tests/acceptance.rs".to_owned(), 3)]);
    }

    #[test]
    fn a_program_without_functions_has_no_library() {
        assert!(library_of(&[]).unwrap().is_none());
    }

    #[test]
    fn a_function_with_several_attributes_is_one_function() {
        static ONE: StepDefinition =
            StepDefinition { cleanup: Some("brew"), ..definition("brew", 3, Some("I brew {what}")) };
        static OTHER: StepDefinition = definition("brew", 3, Some("I make {what}"));
        static NAMED: StepDefinition = definition("brew", 3, None);
        let library = library_of(&[&ONE, &OTHER, &NAMED]).unwrap().unwrap();
        assert!(library.functions().all(|name| name == "rust:brew"));
        assert_eq!(library.bindings().matches("rust:brew").count(), 3);
    }

    #[test]
    fn functions_that_cannot_be_told_apart_are_mistakes() {
        static FIRST: StepDefinition = definition("brew", 3, None);
        static SECOND: StepDefinition = definition("brew", 9, None);
        static ONE: StepDefinition = definition("one", 3, Some("I brew"));
        static OTHER: StepDefinition =
            StepDefinition { cleanup: Some("wash"), ..definition("other", 9, Some("I brew")) };
        let errors = library_of(&[&FIRST, &SECOND]).unwrap_err();
        assert_eq!(
            errors.to_string(),
            "2 step functions are named `brew`: `brew` (tests/acceptance.rs:3), `brew` (tests/acceptance.rs:9); rename \
             one of them"
        );
        let errors = library_of(&[&ONE, &OTHER]).unwrap_err();
        assert_eq!(
            errors.to_string(),
            "2 step functions are for `when I brew`: `one` (tests/acceptance.rs:3), `other` (tests/acceptance.rs:9); \
             change one of the patterns\n\
             the cleanup `wash` of `other` (tests/acceptance.rs:9) does not exist; give a function of this name the \
             attribute `#[step]`"
        );
    }
}
