//! Opens the files of a document: the document itself, its Markdown, bindings and implementation
//! files.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity};
use crate::load::lookup;
use crate::plan::ImplementationFile;
use crate::read::binding::{self, BindingsFile, CompiledBinding, InvalidBinding};
use crate::read::metadata::block;
use crate::read::metadata::keys::Metadata;
use crate::read::metadata::value::Name;
use crate::read::plain;
use crate::source::{BuiltinFile, LoadError, Loader, Reach, SourceFile, SourceId, Sources, Span};
use crate::suggest;

/// A file under `impls`: its path, its text for messages, and its bytes.
type Opened = (String, SourceId, Arc<[u8]>);

/// What the key of a built-in bindings file begins with.
const BUILT_IN: &str = "built in//";

/// All bindings of a document.
pub(crate) struct BindingSet {
    pub(crate) bindings: Vec<CompiledBinding>,
    pub(crate) invalid: Vec<InvalidBinding>,
    /// How many of the bindings come first. The others count for steps that match none of these.
    pub(crate) first: usize,
    /// Whether no mistake hides further bindings.
    pub(crate) is_complete: bool,
}

/// What a language under `impls` is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    None,
    /// Steps of the document.
    OfSteps,
    /// A step host that is missing, so the steps cannot run in any case.
    OfHost,
}

/// Opens and decodes files, each bindings file once.
pub(crate) struct SourceReader<'a> {
    loader: &'a dyn Loader,
    builtin: &'a [BuiltinFile],
    pub(crate) sources: Sources,
    /// Bindings files by path. Documents share them.
    bindings: HashMap<String, Rc<BindingsFile>>,
}

impl<'a> SourceReader<'a> {
    pub(crate) fn new(loader: &'a dyn Loader, builtin: &'a [BuiltinFile]) -> Self {
        Self { loader, builtin, sources: Sources::default(), bindings: HashMap::new() }
    }

    /// Opens a document.
    pub(crate) fn document(&mut self, path: &str) -> Result<SourceId, Box<Diagnostic>> {
        match self.loader.load(path) {
            Ok(bytes) => Ok(self.sources.add(SourceFile::new(path, lookup::decode(path, bytes)?))),
            Err(reason) => {
                let mut error = lookup::failure("document", path, &reason);
                if matches!(reason, LoadError::NotFound | LoadError::Directory) {
                    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
                    let mut tries = [
                        format!("{path}.md"),
                        format!("{path}.subplot"),
                        format!("{stem}.md"),
                        format!("{stem}.subplot"),
                    ]
                    .into_iter();
                    let near = tries.find(|near| near != path && lookup::exists(self.loader, near));
                    error.help.extend(near.map(|near| format!("did you mean {near}?")));
                }
                Err(Box::new(error))
            }
        }
    }

    /// Opens a Markdown file of a `.subplot` document and returns its body.
    pub(crate) fn markdown(&mut self, directory: &str, name: &Name, diagnostics: &mut Vec<Diagnostic>) -> Option<Span> {
        let path = lookup::join(directory, &name.text);
        let text = match self.loader.load(&path) {
            Ok(bytes) => lookup::decode(&path, bytes),
            Err(reason) => Err(Box::new(lookup::failure("Markdown file", &path, &reason))),
        };
        match text {
            Ok(text) => {
                let parts = block::split(&text);
                let id = self.sources.add(SourceFile::new(path, text));
                if let Some(yaml) = parts.yaml {
                    let message = "this metadata is ignored: the `.subplot` file has the metadata";
                    let warning = Diagnostic::warning(Code::IgnoredMetadata, message);
                    diagnostics.push(warning.at(Span::new(id, yaml.start..yaml.start), "").help("remove it here"));
                }
                Some(Span::new(id, parts.body))
            }
            Err(error) => {
                diagnostics.push(error.at(name.span, ""));
                None
            }
        }
    }

    /// Reads all bindings files of a document.
    pub(crate) fn bindings(
        &mut self,
        document: &str,
        metadata: &Metadata,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> BindingSet {
        let mut set = BindingSet {
            bindings: Vec::new(),
            invalid: Vec::new(),
            first: 0,
            is_complete: !metadata.bindings_incomplete,
        };
        let mut seen: HashMap<String, Span> = HashMap::new();
        let languages = language_names(metadata);
        let directory = lookup::directory(document);
        for name in &metadata.bindings {
            let Some((path, file)) = self.bindings_file(directory, name, &languages, diagnostics) else {
                set.is_complete = false;
                continue;
            };
            if let Some(&first) = seen.get(&path) {
                diagnostics.push(
                    Diagnostic::warning(Code::DuplicateBindings, format!("`{}` is listed twice", name.text))
                        .at(name.span, "again here")
                        .and_at(first, "first here")
                        .help("remove one of them"),
                );
                continue;
            }
            seen.insert(path, name.span);
            set.is_complete &= !file.is_unreadable;
            set.invalid.extend(file.invalid.iter().cloned());
            set.bindings.extend(file.bindings.iter().cloned());
        }
        let lists_builtin = seen.keys().any(|key| key.starts_with(BUILT_IN));
        let mut others = Vec::new();
        for (builtin, text) in self.builtin.iter().filter_map(|file| Some((file, file.text.as_ref()?))) {
            let reaches = match &builtin.reach {
                Reach::Listed => false,
                Reach::WithBuiltin => lists_builtin,
                Reach::Of(documents) => documents.iter().any(|of| of == document),
                Reach::All => true,
            };
            if reaches && !seen.contains_key(&format!("{BUILT_IN}{}", builtin.name)) {
                let (_, file) = self.builtin_file(builtin, text, diagnostics);
                // Functions of the user's own are as if the document listed them.
                let set = if builtin.places.is_empty() { &mut others } else { &mut set.bindings };
                set.extend(file.bindings.iter().cloned());
            }
        }
        set.first = set.bindings.len();
        set.bindings.extend(others);
        set
    }

    /// Reads all built-in bindings files, for a document that names none.
    pub(crate) fn builtin_bindings(&mut self, document: &str, diagnostics: &mut Vec<Diagnostic>) -> BindingSet {
        let mut set = BindingSet { bindings: Vec::new(), invalid: Vec::new(), first: 0, is_complete: true };
        let mut others = Vec::new();
        for (builtin, text) in self.builtin.iter().filter_map(|file| Some((file, file.text.as_ref()?))) {
            if matches!(&builtin.reach, Reach::Of(documents) if !documents.iter().any(|of| of == document)) {
                continue;
            }
            let (_, file) = self.builtin_file(builtin, text, diagnostics);
            // Functions of the user's own come first, as in a document with metadata.
            let bindings = if builtin.places.is_empty() { &mut others } else { &mut set.bindings };
            bindings.extend(file.bindings.iter().cloned());
        }
        set.first = if set.bindings.is_empty() { others.len() } else { set.bindings.len() };
        set.bindings.extend(others);
        set
    }

    /// Reads a built-in bindings file. Returns it with the key that identifies it.
    fn builtin_file(
        &mut self,
        builtin: &BuiltinFile,
        text: &Arc<str>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> (String, Rc<BindingsFile>) {
        // No path of a user's file has this form.
        let key = format!("{BUILT_IN}{}", builtin.name);
        if let Some(file) = self.bindings.get(&key) {
            return (key, Rc::clone(file));
        }
        let id = self.sources.add(
            SourceFile::builtin(&*builtin.name, plain::without_descriptions(text)).standing_for(builtin.places.clone()),
        );
        let file = Rc::new(binding::read(id, &self.sources, diagnostics));
        self.bindings.insert(key.clone(), Rc::clone(&file));
        (key, file)
    }

    /// Reads the bindings file of this name. Returns it with the key that identifies it.
    fn bindings_file(
        &mut self,
        directory: &str,
        name: &Name,
        languages: &[&str],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<(String, Rc<BindingsFile>)> {
        let path = lookup::join(directory, &name.text);
        let key = lookup::key(&path);
        if let Some(file) = self.bindings.get(&key) {
            return Some((key, Rc::clone(file)));
        }
        let source = match self.loader.load(&path) {
            Ok(bytes) => lookup::decode(&path, bytes).map(|text| SourceFile::new(path, text)),
            Err(LoadError::NotFound) => {
                let found = lookup::builtin(self.builtin, &name.text, languages);
                let Some((file, text)) = found.and_then(|file| Some((file, file.text.as_ref()?))) else {
                    diagnostics.push(self.not_found("bindings file", directory, name, BuiltinFile::is_bindings));
                    return None;
                };
                return Some(self.builtin_file(file, text, diagnostics));
            }
            Err(reason) => Err(Box::new(lookup::failure("bindings file", &path, &reason))),
        };
        let source = source.map_err(|error| diagnostics.push(error.at(name.span, ""))).ok()?;
        let id = self.sources.add(source);
        let file = Rc::new(binding::read(id, &self.sources, diagnostics));
        self.bindings.insert(key.clone(), Rc::clone(&file));
        Some((key, file))
    }

    fn not_found(&self, what: &str, directory: &str, name: &Name, fits: impl Fn(&BuiltinFile) -> bool) -> Diagnostic {
        let error = Diagnostic::error(Code::NotFound, format!("{what} not found: {}", name.text))
            .at(name.span, "")
            .note("it is neither beside the document nor built in");
        let names: Vec<&str> = self.builtin.iter().filter(|file| fits(file)).map(|file| file.name.as_str()).collect();
        let help = self
            .named_from_here(directory, &name.text)
            .or_else(|| suggest::did_you_mean(&name.text, names.iter().copied()))
            .or_else(|| (!names.is_empty()).then(|| format!("built-in files: {}", names.join(", "))));
        help.into_iter().fold(error, Diagnostic::help)
    }

    /// Says how a document names a file that is where its path says when it begins in the working directory.
    fn named_from_here(&self, directory: &str, name: &str) -> Option<String> {
        if directory.is_empty() || !lookup::exists(self.loader, name) {
            return None;
        }
        let below = name.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
        let name = below.map_or_else(|| format!("${{SRCDIR}}/{name}"), str::to_owned);
        Some(format!("paths begin in the directory of the document: write `{name}`"))
    }

    /// Opens the files under `impls`. A missing one is an error only if steps need it.
    pub(crate) fn implementations(
        &mut self,
        directory: &str,
        metadata: &Metadata,
        need: impl Fn(&str) -> Need,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<ImplementationFile> {
        let languages = language_names(metadata);
        let mut all = Vec::new();
        for language in &metadata.languages {
            for name in &language.files {
                let mut listed = ImplementationFile {
                    language: language.name.text.clone(),
                    name: name.text.clone(),
                    span: name.span,
                    file: None,
                    bytes: Arc::new([]),
                    missing: false,
                };
                match self.implementation(directory, name, &language.name.text, &languages) {
                    Ok(Some((path, source, bytes))) => {
                        listed.file = Some((path, source));
                        listed.bytes = bytes;
                    }
                    Ok(None) => {}
                    Err(mut error) => {
                        listed.missing = true;
                        match need(&language.name.text) {
                            Need::OfSteps => diagnostics.push(*error),
                            Need::OfHost => {}
                            Need::None => {
                                error.severity = Severity::Warning;
                                error.notes.push("no step needs it".to_owned());
                                diagnostics.push(*error);
                            }
                        }
                    }
                }
                all.push(listed);
            }
        }
        all
    }

    /// Opens one file under `impls`. `None` if a built-in library stands for it.
    fn implementation(
        &mut self,
        directory: &str,
        name: &Name,
        language: &str,
        languages: &[&str],
    ) -> Result<Option<Opened>, Box<Diagnostic>> {
        let path = lookup::join(directory, &name.text);
        match self.loader.load(&path) {
            Ok(bytes) if u32::try_from(bytes.len()).is_ok() => {
                // The language knows the encoding. Here the text is only shown.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let id = self.sources.add(SourceFile::new(path.clone(), text));
                Ok(Some((path, id, bytes.into())))
            }
            Ok(_) => Err(Box::new(lookup::too_big(&path).at(name.span, ""))),
            Err(LoadError::NotFound) if lookup::builtin(self.builtin, &name.text, languages).is_some() => Ok(None),
            Err(LoadError::NotFound) => {
                // A file in another language is never the one that is meant.
                let fits = |file: &BuiltinFile| {
                    !file.is_bindings() && Path::new(&file.name).extension() == Path::new(&name.text).extension()
                };
                Err(Box::new(self.not_found(&format!("{language} file"), directory, name, fits)))
            }
            Err(reason) => Err(Box::new(lookup::failure("file", &path, &reason).at(name.span, ""))),
        }
    }
}

fn language_names(metadata: &Metadata) -> Vec<&str> {
    metadata.languages.iter().map(|language| language.name.text.as_str()).collect()
}
