//! Reads step functions from Rust source: their names and patterns, without compiling it.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, FnArg, Item, ItemFn, ItemMacro, ItemMod, ItemUse, Lit, Meta, Pat, Token, Type, UseTree,
};

use greenroom_steps::function::{ANY, Declared, PREFIX, mistakes, write_binding};
use greenroom_steps::{Check, Failure, Library};

use super::test_program::{CargoTest, HarnessKind};
use crate::cargo_manifest;

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
    /// Whether a condition decides if the program has it.
    is_conditional: bool,
}

impl ScannedFunction {
    fn declared(&self) -> Declared<'_> {
        Declared {
            name: &self.name,
            file: &self.place.0,
            line: self.place.1,
            pattern: self.pattern.as_ref().map(|(keyword, text, _)| (*keyword, text.as_str())),
            cleanup: self.cleanup.as_deref(),
        }
    }

    /// Returns its binding, if it has a pattern.
    pub(super) fn binding(&self) -> Option<String> {
        let (keyword, text, is_regex) = self.pattern.as_ref()?;
        let untyped = |name: &&String| !is_regex && text.contains(&format!("{{{name}}}"));
        let types: Vec<(&str, &str)> = self.files.iter().filter(untyped).map(|name| (&**name, "file")).collect();
        let function = format!("{PREFIX}{}", self.name);
        Some(write_binding((keyword, text, *is_regex), &types, &function, self.cleanup.as_deref()))
    }
}

/// Returns a library of the functions of a test program, as far as its source says, for these documents, and what is
/// wrong with the functions.
///
/// `name` is that of the library.
pub(super) fn library(name: String, test: &CargoTest, documents: Vec<String>) -> (Library, Vec<String>) {
    // The functions of subplotlib are named in bindings files, and may be in any file that a document lists.
    let scan = if test.kind == HarnessKind::Greenroom {
        Scan::of(&test.source, &test.directory)
    } else {
        Scan { is_open: true, ..Scan::default() }
    };
    let mistakes = scan.mistakes();
    let (mut bindings, mut places, mut names) = (String::new(), Vec::new(), Vec::new());
    for function in scan.functions {
        if let Some(binding) = function.binding() {
            bindings.push_str(&binding);
            places.push(function.place);
        }
        names.push(function.name);
    }
    if scan.is_open {
        names.push(ANY.to_owned());
    }
    let check = Check::With(|_, state| {
        state.runs_own_code();
        Vec::new()
    });
    let library = Library::new(name, bindings).written_at(places).in_documents(documents);
    let library = names.iter().fold(library, |library, name| {
        let not_here = |_: &mut _, _: &_| Err(Failure::new("this function is in a test program, which Cargo runs"));
        library.step(&format!("{PREFIX}{name}"), not_here, check)
    });
    (library, mistakes)
}

/// What the source of a test program says of its step functions.
#[derive(Debug, Default)]
struct Scan {
    /// The step functions, in the order of the modules.
    functions: Vec<ScannedFunction>,
    /// The names after each `fn`, wherever it is.
    written: Vec<String>,
    /// The functions of modules, with or without an attribute.
    of_modules: Vec<String>,
    /// Whether the program may have other functions: those of other crates and of macros, or in files that do not
    /// parse.
    is_open: bool,
}

impl Scan {
    /// Reads the source of a test program. `directory` is that of the package, where names of files begin.
    fn of(source: &Path, directory: &Path) -> Self {
        let mut scan = Self { is_open: has_other_functions(directory), ..Self::default() };
        scan.read_file(source, source.parent().unwrap_or(Path::new(".")), directory, 0);
        let text = fs::read_to_string(source).unwrap_or_default();
        // A library that the source does not name is not linked.
        for (_, library) in libraries(directory).into_iter().filter(|(name, _)| text.contains(name)) {
            let from = scan.functions.len();
            let modules = library.join("src");
            scan.read_file(&modules.join("lib.rs"), &modules, directory, 0);
            scan.functions[from..].iter_mut().for_each(|function| function.is_conditional = true);
        }
        scan
    }

    /// Returns what is wrong with the functions, as far as that is certain.
    fn mistakes(&self) -> Vec<String> {
        let conditional: BTreeSet<&str> =
            self.functions.iter().filter(|it| it.is_conditional).map(|it| it.name.as_str()).collect();
        let certain = self.functions.iter().filter(|it| !conditional.contains(it.name.as_str()));
        let declared: Vec<Declared<'_>> = certain.map(ScannedFunction::declared).collect();
        // A function inside of another one is a step function as well.
        let count = |names: &[String], name: &str| names.iter().filter(|it| *it == name).count();
        mistakes(&declared, |name| {
            let is_nested = count(&self.written, name) > count(&self.of_modules, name);
            !self.is_open && !is_nested && !conditional.contains(name)
        })
    }

    /// Reads a file, whose modules are in the directory `modules`.
    fn read_file(&mut self, source: &Path, modules: &Path, directory: &Path, depth: usize) {
        // What does not parse does not compile either, and the compiler says so.
        let text = fs::read_to_string(source).ok().filter(|_| depth < DEEPEST);
        let Some((text, parsed)) = text.and_then(|text| syn::parse_file(&text).ok().map(|parsed| (text, parsed)))
        else {
            self.is_open = true;
            return;
        };
        self.written.extend(text.split("fn ").skip(1).map(|rest| {
            rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
        }));
        let file = SourceFile { path: source, directory };
        file.read(&parsed.items, modules, Nesting { depth, is_conditional: false }, self);
    }
}

/// Where items are in the source.
#[derive(Debug, Clone, Copy)]
struct Nesting {
    /// How many files lead there.
    depth: usize,
    /// Whether a condition decides about them.
    is_conditional: bool,
}

/// Whether a package may have step functions in other crates: its own library, or one from a directory.
fn has_other_functions(directory: &Path) -> bool {
    let Some(table) = cargo_manifest::read(directory) else { return true };
    let section = |name: &str| table.get(name).and_then(toml::Value::as_table);
    let has_own = section("dependencies").is_some_and(|section| section.contains_key("greenroom"));
    let of_directory = |(name, value): (&String, &toml::Value)| {
        let value = value.as_table();
        let path = value.and_then(|value| value.get("path")).and_then(toml::Value::as_str);
        let is_elsewhere = value.is_some_and(|value| value.contains_key("git") || value.contains_key("workspace"));
        name != "greenroom"
            && path.map_or(is_elsewhere, |path| may_use_greenroom(&directory.join(path)).unwrap_or(true))
    };
    let mut dependencies = ["dependencies", "dev-dependencies"].into_iter().filter_map(section).flatten();
    has_own || table.contains_key("target") || dependencies.any(of_directory)
}

/// Returns whether a package may use greenroom, or `None` where no package is.
fn may_use_greenroom(directory: &Path) -> Option<bool> {
    Some(fs::read_to_string(directory.join("Cargo.toml")).ok()?.contains("greenroom"))
}

/// Returns the libraries that may have step functions for the tests of a package: its own, and those from directories.
///
/// Each has its name in Rust.
fn libraries(directory: &Path) -> Vec<(String, PathBuf)> {
    let Some(package) = cargo_manifest::read(directory) else { return Vec::new() };
    // Read for the first dependency that needs it, and once.
    let workspace = LazyCell::new(|| cargo_manifest::dependencies_of_workspace(directory));
    let inherited = |name: &str| {
        let (root, dependencies) = workspace.as_ref()?;
        Some(root.join(dependencies.get(name)?.get("path")?.as_str()?))
    };
    let from_directory = |(name, value): (&String, &toml::Value)| {
        let path = match value.get("path") {
            Some(path) => directory.join(path.as_str()?),
            None => value.get("workspace").and_then(|_| inherited(name))?,
        };
        Some((name.clone(), path))
    };
    let sections = ["dependencies", "dev-dependencies"].into_iter().filter_map(|name| package.get(name)?.as_table());
    let own = package.get("package").and_then(|it| it.get("name")?.as_str());
    let own = own.map(|name| (name.to_owned(), directory.to_owned()));
    let all = own.into_iter().chain(sections.flatten().filter_map(from_directory));
    let depends = |path: &Path| may_use_greenroom(path) == Some(true);
    all.filter(|(name, path)| name != "greenroom" && path.join("src/lib.rs").is_file() && depends(path))
        .filter_map(|(name, path)| Some((name.replace('-', "_"), fs::canonicalize(path).ok()?)))
        .collect()
}

/// Whether an item-level macro is known to make no step functions.
fn is_harmless(item: &ItemMacro) -> bool {
    let last = item.mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    ["acceptance_tests", "macro_rules", "thread_local"].contains(&last.as_str())
}

/// Whether the compiler may leave out an item, or see other attributes of it.
fn is_conditional(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr"))
}

/// A file of Rust source.
struct SourceFile<'a> {
    path: &'a Path,
    /// The directory of the package.
    directory: &'a Path,
}

impl SourceFile<'_> {
    fn read(&self, items: &[Item], modules: &Path, nesting: Nesting, scan: &mut Scan) {
        for item in items {
            match item {
                Item::Fn(function) => {
                    scan.of_modules.push(function.sig.ident.to_string());
                    scan.functions.extend(self.scan(function, nesting.is_conditional));
                    scan.is_open |= function.attrs.iter().any(|attribute| attribute.path().is_ident("cfg_attr"));
                }
                Item::Mod(ItemMod { content: Some((_, inner)), ident, attrs, .. }) => {
                    let is_conditional = nesting.is_conditional || is_conditional(attrs);
                    self.read(inner, &modules.join(ident.to_string()), Nesting { is_conditional, ..nesting }, scan);
                }
                Item::Mod(module) => self.read_module(module, modules, nesting, scan),
                Item::Macro(item) => scan.is_open |= !is_harmless(item),
                // The functions of crates that are named only to be linked.
                Item::ExternCrate(_) | Item::Use(ItemUse { tree: UseTree::Rename(_), .. }) => scan.is_open = true,
                _ => {}
            }
        }
    }

    /// Reads a module that has a file of its own.
    fn read_module(&self, module: &ItemMod, modules: &Path, nesting: Nesting, scan: &mut Scan) {
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
        let from = scan.functions.len();
        scan.read_file(&path, &inner, self.directory, nesting.depth + 1);
        if nesting.is_conditional || is_conditional(&module.attrs) {
            scan.functions[from..].iter_mut().for_each(|function| function.is_conditional = true);
        }
    }

    /// Returns the steps of a function: one for each of its attributes.
    fn scan(&self, function: &ItemFn, is_in_conditional: bool) -> Vec<ScannedFunction> {
        let name = function.sig.ident.to_string();
        let shown = self.path.strip_prefix(self.directory).unwrap_or(self.path).display();
        let line = function.sig.ident.span().start().line;
        let place = (shown.to_string(), u32::try_from(line).unwrap_or(u32::MAX));
        let files: Vec<String> = function.sig.inputs.iter().filter_map(file_parameter).collect();
        let is_conditional = is_in_conditional || is_conditional(&function.attrs);
        let of = |attribute: &Attribute| {
            let (pattern, cleanup) = arguments(attribute)?;
            let (name, files, place) = (name.clone(), files.clone(), place.clone());
            Some(ScannedFunction { name, pattern, cleanup, files, place, is_conditional })
        };
        function.attrs.iter().filter_map(of).collect()
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

    /// Returns the scan of a test with this source, in a package with this manifest.
    fn scan(manifest: &str, source: &str) -> Scan {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
        fs::write(directory.path().join("a.rs"), source).unwrap();
        Scan::of(&directory.path().join("a.rs"), directory.path())
    }

    #[test]
    fn functions_that_the_source_does_not_show_may_exist() {
        let is_open = |manifest: &str, source: &str| scan(manifest, source).is_open;
        let plain = "[dev-dependencies]\ngreenroom = { path = \"x\" }\nserde = \"1\"\n";
        assert!(!is_open(plain, "use std::io; use other::Thing; greenroom::acceptance_tests!(\"a.md\"); mod x {}"));
        for open in [
            "use steps as _;",
            "extern crate more;",
            "mod missing;",
            "steps!();",
            "fn (",
            "#[cfg_attr(a, step)] fn a() {}",
        ] {
            assert!(is_open(plain, open), "{open}");
        }
        for open in ["x = { path = \"../x\" }", "x = { workspace = true }", "[dependencies]\ngreenroom = \"1\""] {
            assert!(is_open(&format!("{plain}{open}\n"), ""), "{open}");
        }
    }

    #[test]
    fn mistakes_are_found_that_are_certain() {
        let mistakes = |source: &str| scan("", source).mistakes();
        let twice = "#[step] fn a() {}\nmod x {\n    #[when(\"b\")] fn a() {}\n}";
        assert_eq!(mistakes(twice), ["2 step functions are named `a`: `a` (a.rs:1), `a` (a.rs:3); rename one of them"]);
        let missing = "#[when(\"a\", cleanup = close)] fn a() {}";
        let expected =
            "the cleanup `close` of `a` (a.rs:1) does not exist; give a function of this name the attribute `#[step]`";
        assert_eq!(mistakes(missing), [expected]);
        assert_eq!(mistakes(&format!("{missing} fn close() {{}}")), [expected]);
        for certain in ["#[step] fn close() {}", "mod m { #[step] fn close() {} }", "fn b() { #[step] fn close() {} }"]
        {
            assert_eq!(mistakes(&format!("{missing} {certain}")), [""; 0], "{certain}");
        }
        for uncertain in
            ["steps!();", "#[cfg(unix)] #[step] fn close() {}", "#[cfg(unix)] mod m { #[step] fn close() {} }"]
        {
            assert_eq!(mistakes(&format!("{missing} {uncertain}")), [""; 0], "{uncertain}");
        }
        assert_eq!(mistakes("#[cfg(a)] #[step] fn a() {} #[cfg(not(a))] #[step] fn a() {}"), [""; 0]);
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
        let mut scan = Scan::default();
        let parsed = syn::parse_file(text).unwrap();
        let file = SourceFile { path: Path::new("/c/tests/a.rs"), directory: Path::new("/c") };
        let nesting = Nesting { depth: 0, is_conditional: false };
        file.read(&parsed.items, Path::new("/c/tests"), nesting, &mut scan);
        let found = scan.functions;
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
