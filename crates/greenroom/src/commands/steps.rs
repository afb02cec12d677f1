//! `greenroom steps`: the steps that documents can use, and the functions that Python steps can use.

use std::io::Write;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use greenroom_doc::{Binding, Loader, SourceFile, bindings_of, nearest};
use greenroom_report::catalogue::{self, Listing};
use greenroom_report::diagnostics;
use greenroom_steps::host::check::{self, PythonCheckError};
use greenroom_steps::{Library, Registry};

use crate::documents::Documents;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::loader::Disk;
use crate::output::print;
use crate::settings::Settings;

/// Show the steps that documents can use
#[derive(Debug, Args)]
pub(crate) struct Steps {
    /// What to show: a library such as daemon, a bindings file, a document, or words to search for
    ///
    /// For a document, all steps that it can use are shown, those of its own bindings files too. Words
    /// are searched for in the built-in steps, their descriptions and examples; a step needs all of
    /// them, in any letter case. Without an argument, all built-in steps are shown.
    #[arg(value_name = "WHAT", conflicts_with = "python")]
    what: Vec<String>,
    /// Show the functions that Python steps can call, as this interpreter finds them
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "python3",
        value_parser = NonEmptyStringValueParser::new()
    )]
    python: Option<String>,
    /// Also show how functions in Rust call the built-in steps
    #[arg(long, conflicts_with = "python")]
    rust: bool,
}

/// The steps of one bindings file.
struct BindingsFile {
    name: String,
    bindings: Vec<Binding>,
}

/// Bindings files, and whether all that they contain could be read.
struct Found {
    files: Vec<BindingsFile>,
    is_valid: bool,
    /// Whether they are all that are built in.
    is_builtin: bool,
}

impl Steps {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        if let Some(python) = &self.python {
            return functions(python, settings);
        }
        let builtin = || registry.libraries().map(source_of);
        let all = || Found { is_builtin: true, ..read(builtin(), settings) };
        let (found, words): (Found, &[String]) = match self.what.as_slice() {
            [one] => match self.named(one, settings, registry)? {
                Some(found) => (found, &[]),
                None => (all(), &self.what),
            },
            words => (all(), words),
        };
        let listings: Vec<Listing<'_>> = found
            .files
            .iter()
            .map(|BindingsFile { name, bindings }| Listing {
                file: name,
                bindings: bindings.iter().filter(|binding| catalogue::has_words(binding, words)).collect(),
                total: bindings.len(),
            })
            .filter(|listing| words.is_empty() || !listing.bindings.is_empty())
            .collect();
        let style = settings.stdout.style();
        let prefixes = if found.is_builtin { catalogue::prefixes(words, style) } else { String::new() };
        if listings.is_empty() && prefixes.is_empty() && !words.is_empty() {
            return Err(CommandError::Usage(vec![not_found(words, registry)]));
        }
        if found.is_valid || listings.iter().any(|listing| listing.total > 0) {
            print(&catalogue::steps(&listings, self.rust, style))?;
            let gap = if listings.is_empty() || prefixes.is_empty() { "" } else { "\n" };
            print(&format!("{gap}{prefixes}"))?;
        }
        if found.is_valid { Ok(ExitCode::Passed) } else { Err(CommandError::InvalidDocument) }
    }

    /// Returns the bindings files that one argument names: those of a library, a file or a document.
    fn named(&self, wanted: &str, settings: &Settings, registry: &Registry) -> Result<Option<Found>, CommandError> {
        let short = wanted.strip_prefix("lib/").unwrap_or(wanted);
        let short = short.strip_suffix(".yaml").unwrap_or(short);
        if let Some(library) = registry.libraries().find(|library| library.name() == short) {
            return Ok(Some(read([source_of(library)], settings)));
        }
        if has_extension(wanted, &["md", "markdown", "subplot"]) {
            return of_document(wanted, settings, registry).map(Some);
        }
        if let Ok(text) = Disk.load(wanted) {
            return Ok(Some(read([SourceFile::new(wanted, String::from_utf8_lossy(&text))], settings)));
        }
        if has_extension(wanted, &["yaml", "yml"]) || wanted.contains('/') {
            return Err(CommandError::Usage(vec![not_found(&self.what, registry)]));
        }
        Ok(None)
    }
}

/// Shows the functions that Python steps can call.
fn functions(python: &str, settings: &Settings) -> Result<ExitCode, CommandError> {
    let failed = |reason: String| CommandError::Usage(vec![reason]);
    let sections = check::provided_functions(python, &settings.path).map_err(|error| match error {
        PythonCheckError::NotFound => failed(format!("{python}: program not found")),
        PythonCheckError::Python(reason) => failed(format!("{python} does not run greenroom's Python code: {reason}")),
        PythonCheckError::Here(error) => CommandError::system(format!("run {python}"), &error),
    })?;
    let listed: Vec<(&str, &[(String, String)])> =
        sections.iter().map(|section| (section.title.as_str(), section.functions.as_slice())).collect();
    print(&catalogue::functions(&listed, settings.stdout.style()))
}

/// Returns the bindings file of a library, under the name by which documents bind it.
fn source_of(library: &Library) -> SourceFile {
    SourceFile::builtin(library.file(), library.bindings()).standing_for(library.places().to_vec())
}

fn has_extension(path: &str, known: &[&str]) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| known.contains(&extension))
}

/// Reads bindings files, and shows what is wrong with them.
fn read(sources: impl IntoIterator<Item = SourceFile>, settings: &Settings) -> Found {
    let mut is_valid = true;
    let mut files = Vec::new();
    for source in sources {
        let name = source.name.clone();
        let (sources, bindings, problems) = bindings_of(source);
        if !problems.is_empty() {
            let text = diagnostics::render(&problems, &sources, settings.stderr.style());
            let _ = std::io::stderr().write_all(text.as_bytes());
            is_valid = false;
        }
        files.push(BindingsFile { name, bindings });
    }
    Found { files, is_valid, is_builtin: false }
}

/// Returns the bindings files of a document, in its order.
fn of_document(path: &str, settings: &Settings, registry: &Registry) -> Result<Found, CommandError> {
    let (loaded, at) = Documents::single(path, settings, registry)?;
    let mut files: Vec<BindingsFile> = Vec::new();
    for binding in &loaded.plan.documents[at].bindings {
        let source = loaded.sources.file(binding.span.source);
        // Functions in Rust are listed by their files.
        let file = source.stands_for(binding.span.start).map(|(file, _)| file);
        let (name, is_builtin) = (file.unwrap_or(&source.name), source.is_builtin && file.is_none());
        match files.iter_mut().find(|file| file.name == name) {
            // Documents load libraries without descriptions.
            Some(_) if is_builtin => {}
            Some(file) => file.bindings.push(binding.clone()),
            None => {
                let library = registry.libraries().find(|library| library.file() == source.name);
                let bindings = match library.filter(|_| is_builtin) {
                    Some(library) => bindings_of(source_of(library)).1,
                    None => vec![binding.clone()],
                };
                files.push(BindingsFile { name: name.to_owned(), bindings });
            }
        }
    }
    Ok(Found { files, is_valid: !loaded.has_errors(), is_builtin: false })
}

/// Says that nothing has this name or these words.
fn not_found(words: &[String], registry: &Registry) -> String {
    let names: Vec<&str> = registry.libraries().map(Library::name).collect();
    let what = match words {
        [one] => format!("no library, bindings file or document is named `{one}`, and no step contains it"),
        _ => format!("no step contains all of {}", words.join(", ")),
    };
    let near = match words {
        [one] => nearest(one, names.iter().copied()),
        _ => None,
    };
    let hint =
        near.map_or_else(|| format!("the libraries are {}", names.join(", ")), |near| format!("did you mean {near}?"));
    format!("{what}; {hint}")
}
