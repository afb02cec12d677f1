//! Reads step functions from Rust source: their names and patterns, without compiling it.

use std::fs;
use std::path::{Path, PathBuf};

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, FnArg, Item, ItemFn, ItemMod, ItemUse, Lit, Meta, Pat, Token, Type, UseTree};

use greenroom_steps::function::{PREFIX, write_binding};
use greenroom_steps::{Check, Failure, Library};

use super::project::CargoTest;

/// How deep modules may be nested in files.
const DEEPEST: usize = 16;

/// A step function, as its source declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScannedFunction {
    pub(super) name: String,
    pattern: Option<ScannedPattern>,
    cleanup: Option<String>,
    /// Parameters that are embedded files.
    files: Vec<String>,
    /// The source file and line.
    pub(super) place: (String, u32),
}

impl ScannedFunction {
    /// Returns its binding, if it has a pattern.
    pub(super) fn binding(&self) -> Option<String> {
        let (keyword, text, is_regex) = self.pattern.as_ref()?;
        let untyped = |name: &&String| !is_regex && text.contains(&format!("{{{name}}}"));
        let types: Vec<(&str, &str)> = self.files.iter().filter(untyped).map(|name| (&**name, "file")).collect();
        let function = format!("{PREFIX}{}", self.name);
        Some(write_binding((keyword, text, *is_regex), &types, &function, self.cleanup.as_deref()))
    }
}

/// Returns a library of the functions of a test program, as far as its source says, for these documents.
///
/// `name` is that of the library.
pub(super) fn library(name: String, test: &CargoTest, documents: Vec<String>) -> Library {
    let (mut bindings, mut places, mut names) = (String::new(), Vec::new(), Vec::new());
    for function in functions(&test.source, &test.directory) {
        if let Some(binding) = function.binding() {
            bindings.push_str(&binding);
            places.push(function.place);
        }
        names.push(function.name);
    }
    // The source of other crates is not read: one name stands for all of their functions.
    names.extend(crates(&test.source).iter().map(|name| format!("{name}::*")));
    let check = Check::With(|_, state| {
        state.runs_own_code();
        Vec::new()
    });
    let library = Library::new(name, bindings).written_at(places).in_documents(documents);
    names.iter().fold(library, |library, name| {
        let not_here = |_: &mut _, _: &_| Err(Failure::new("this function is in a test program, which Cargo runs"));
        library.step(&format!("{PREFIX}{name}"), not_here, check)
    })
}

/// Returns the crates that a source file imports as a whole, so that their functions are linked: `use steps as _;`.
fn crates(source: &Path) -> Vec<String> {
    let file = fs::read_to_string(source).ok().and_then(|text| syn::parse_file(&text).ok());
    let imported = |item: &Item| match item {
        Item::ExternCrate(item) => Some(item.ident.to_string()),
        Item::Use(ItemUse { tree: UseTree::Rename(tree), .. }) => Some(tree.ident.to_string()),
        _ => None,
    };
    file.iter().flat_map(|file| &file.items).filter_map(imported).collect()
}

/// Returns the step functions of a test program, in the order of its modules. `directory` is that of the
/// package, where names of files begin.
fn functions(source: &Path, directory: &Path) -> Vec<ScannedFunction> {
    let mut found = Vec::new();
    let modules = source.parent().unwrap_or(Path::new("."));
    read_file(source, modules, directory, 0, &mut found);
    found
}

/// Reads a file, whose modules are in the directory `modules`.
fn read_file(source: &Path, modules: &Path, directory: &Path, depth: usize, found: &mut Vec<ScannedFunction>) {
    let Some(text) = fs::read_to_string(source).ok().filter(|_| depth < DEEPEST) else { return };
    // What does not parse does not compile either, and the compiler says so.
    let Ok(parsed) = syn::parse_file(&text) else { return };
    let file = SourceFile { text: &text, path: source, directory };
    file.read(&parsed.items, modules, depth, found);
}

/// A file of Rust source.
struct SourceFile<'a> {
    text: &'a str,
    path: &'a Path,
    /// The directory of the package.
    directory: &'a Path,
}

impl SourceFile<'_> {
    fn read(&self, items: &[Item], modules: &Path, depth: usize, found: &mut Vec<ScannedFunction>) {
        for item in items {
            match item {
                Item::Fn(function) => found.extend(self.scan(function)),
                Item::Mod(ItemMod { content: Some((_, inner)), ident, .. }) => {
                    self.read(inner, &modules.join(ident.to_string()), depth, found);
                }
                Item::Mod(module) => {
                    let name = module.ident.to_string();
                    let own = self.path.parent().unwrap_or(Path::new("."));
                    let (path, inner) = if let Some(path) = module.attrs.iter().find_map(path_of) {
                        let path = own.join(path);
                        let inner = path.parent().unwrap_or(Path::new(".")).to_owned();
                        (path, inner)
                    } else {
                        let (plain, inner) = (modules.join(format!("{name}.rs")), modules.join(&name));
                        (if plain.is_file() { plain } else { inner.join("mod.rs") }, inner)
                    };
                    read_file(&path, &inner, self.directory, depth + 1, found);
                }
                _ => {}
            }
        }
    }

    /// Returns the steps of a function: one for each of its attributes.
    fn scan(&self, function: &ItemFn) -> Vec<ScannedFunction> {
        let name = function.sig.ident.to_string();
        let shown = self.path.strip_prefix(self.directory).unwrap_or(self.path).display();
        let place = (shown.to_string(), self.line_of(&name));
        let files: Vec<String> = function.sig.inputs.iter().filter_map(file_parameter).collect();
        let of = |attribute: &Attribute| {
            let (pattern, cleanup) = arguments(attribute)?;
            let (name, files, place) = (name.clone(), files.clone(), place.clone());
            Some(ScannedFunction { name, pattern, cleanup, files, place })
        };
        function.attrs.iter().filter_map(of).collect()
    }

    /// Returns the line of a function, from 1.
    fn line_of(&self, function: &str) -> u32 {
        let start = format!("fn {function}");
        let is_it = |line: &str| {
            let after = line.split_once(&start).map(|(_, after)| after);
            after.is_some_and(|after| after.starts_with(['(', '<']))
        };
        self.text.lines().zip(1..).find(|(line, _)| is_it(line)).map_or(1, |(_, number)| number)
    }
}

/// The keyword, the pattern, and whether that is a regular expression.
type ScannedPattern = (&'static str, String, bool);

/// Reads the attribute of a step: its pattern and its cleanup; `None` if it is another attribute.
fn arguments(attribute: &Attribute) -> Option<(Option<ScannedPattern>, Option<String>)> {
    let last = attribute.path().segments.last()?.ident.to_string();
    let keyword = ["given", "when", "then", "step"].into_iter().find(|keyword| *keyword == last)?;
    let arguments = match &attribute.meta {
        Meta::List(inner) => Punctuated::<Expr, Token![,]>::parse_terminated.parse2(inner.tokens.clone()).ok()?,
        _ => Punctuated::new(),
    };
    let (mut pattern, mut cleanup) = (None, None);
    for argument in &arguments {
        match argument {
            Expr::Assign(assign) => match &*assign.left {
                Expr::Path(name) if name.path.is_ident("regex") => {
                    pattern = Some((keyword, text_of(&assign.right)?, true));
                }
                Expr::Path(name) if name.path.is_ident("cleanup") => {
                    let Expr::Path(named) = &*assign.right else { continue };
                    cleanup = named.path.get_ident().map(ToString::to_string);
                }
                _ => {}
            },
            other => pattern = text_of(other).map(|text| (keyword, text, false)),
        }
    }
    (keyword == "step" || pattern.is_some()).then_some((pattern, cleanup))
}

fn path_of(attribute: &Attribute) -> Option<PathBuf> {
    let named = attribute.meta.require_name_value().ok().filter(|named| named.path.is_ident("path"))?;
    text_of(&named.value).map(PathBuf::from)
}

fn text_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// Returns the name of a parameter that is an embedded file.
fn file_parameter(argument: &FnArg) -> Option<String> {
    let FnArg::Typed(typed) = argument else { return None };
    let Pat::Ident(name) = &*typed.pat else { return None };
    let ty = match &*typed.ty {
        Type::Reference(reference) => &reference.elem,
        _ => &typed.ty,
    };
    let Type::Path(path) = &**ty else { return None };
    let is_file = path.path.segments.last()?.ident == "EmbeddedFile";
    is_file.then(|| name.ident.to_string().trim_start_matches('_').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_that_are_linked_for_their_functions_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("a.rs");
        fs::write(&source, "use shop_steps as _; extern crate more; use std::io; use other::Thing; mod x;").unwrap();
        assert_eq!(crates(&source), ["shop_steps", "more"]);
    }

    #[test]
    fn attributes_are_read() {
        let text = r#"
            #[given("a shop that sells {article}", cleanup = close)]
            fn shop(article: &str) {}
            mod inner {
                #[greenroom::when(regex = r"I see (?P<what>\S+)")]
                fn see(what: &str) {}
            }
            #[step]
            fn close() {}
            #[then("it is like {file}")]
            #[then("it is {file:file}")]
            fn like(_file: &EmbeddedFile) {}
            #[test]
            fn other() {}
        "#;
        let mut found = Vec::new();
        let parsed = syn::parse_file(text).unwrap();
        let file = SourceFile { text, path: Path::new("/c/tests/a.rs"), directory: Path::new("/c") };
        file.read(&parsed.items, Path::new("/c/tests"), 0, &mut found);
        let names: Vec<&str> = found.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["shop", "see", "close", "like", "like"]);
        let bindings: String = found.iter().filter_map(ScannedFunction::binding).collect();
        assert_eq!(
            bindings,
            "- {given: \"a shop that sells {article}\", regex: false, impl: {native: {function: \"rust:shop\", \
             cleanup: \"rust:close\"}}}\n\
             - {when: \"I see (?P<what>\\\\S+)\", regex: true, impl: {native: {function: \"rust:see\"}}}\n\
             - {then: \"it is like {file}\", regex: false, types: {file: file}, impl: {native: {function: \
             \"rust:like\"}}}\n\
             - {then: \"it is {file:file}\", regex: false, impl: {native: {function: \"rust:like\"}}}\n"
        );
        let places: Vec<u32> = found.iter().map(|function| function.place.1).collect();
        assert_eq!(places, [3, 6, 9, 12, 12]);
        assert_eq!(found[0].place.0, "tests/a.rs");
    }
}
