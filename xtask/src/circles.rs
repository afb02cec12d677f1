//! Checks that the files of a crate do not use each other in a circle.
//!
//! A file uses another if a path in it, in a `use` or elsewhere, leads to an item of the other
//! file: `crate::a::B`, `super::b`, `child::c`. A re-export (`pub use`) and a `mod` are not a use;
//! what is named through a re-export counts for the file that has the item. Inline modules for
//! tests do not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{files, no_problems, read};

/// The path of a module in its crate: empty for the root.
type Module = Vec<String>;

/// Which modules a module uses.
type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// Checks each crate.
pub(crate) fn check() -> Result<(), String> {
    let mut crates: BTreeMap<String, BTreeMap<Module, String>> = BTreeMap::new();
    for path in files("rs")? {
        if let Some((directory, file)) = path.split_once("/src/") {
            // `lib.rs` comes before `main.rs`, which uses it like any other crate.
            crates.entry(directory.to_owned()).or_default().entry(module(file)).or_insert(read(&path)?);
        }
    }
    let mut problems = Vec::new();
    for (directory, sources) in &crates {
        for circle in circles(&uses(sources)) {
            let names: Vec<String> = circle.iter().map(|module| format!("crate::{}", module.join("::"))).collect();
            problems.push(format!("{directory}: {}", names.join(", ")));
        }
    }
    no_problems("files that use each other in a circle", &problems)
}

/// Returns the module of a file, by its path below `src`.
fn module(file: &str) -> Module {
    let path = file.trim_end_matches(".rs");
    let mut module: Module = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

/// Finds out which files use which.
fn uses(sources: &BTreeMap<Module, String>) -> Uses {
    let parsed: BTreeMap<&Module, Source> =
        sources.iter().map(|(module, text)| (module, Source::parse(module, text, sources))).collect();
    let mut uses = Uses::new();
    for (module, source) in &parsed {
        let targets = source.paths.iter().filter_map(|path| resolve(path, &parsed, 0));
        let targets = targets.filter(|target| target != *module).collect();
        uses.insert((*module).clone(), targets);
    }
    uses
}

/// Returns the file that has the item of a path, from the root of the crate.
fn resolve(path: &[String], parsed: &BTreeMap<&Module, Source>, depth: usize) -> Option<Module> {
    let mut length = path.len();
    while !parsed.contains_key(&path[..length].to_vec()) {
        length = length.checked_sub(1)?;
    }
    let module = path[..length].to_vec();
    let reexport = path.get(length).and_then(|name| parsed[&module].reexports.get(name));
    match reexport {
        Some(target) if depth < 8 => resolve(target, parsed, depth + 1),
        _ => Some(module),
    }
}

/// What a file names.
#[derive(Debug, Default)]
struct Source {
    /// The paths in it, from the root of the crate.
    paths: Vec<Module>,
    /// Where the names that it exports come from.
    reexports: BTreeMap<String, Module>,
}

impl Source {
    fn parse(module: &Module, text: &str, sources: &BTreeMap<Module, String>) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut source = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            let is_public = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
            if tokens[at] == "use" {
                let mut imports = Vec::new();
                at = use_tree(&tokens, at + 1, &Vec::new(), &mut imports);
                for (path, name) in imports {
                    let Some(path) = absolute(module, &path, sources) else { continue };
                    if is_public {
                        source.reexports.insert(name, path);
                    } else {
                        source.paths.push(path);
                    }
                }
            } else if is_name(&tokens[at]) && (at == 0 || !["::", "."].contains(&tokens[at - 1].as_str())) {
                let mut path = vec![tokens[at].clone()];
                while at + 2 < tokens.len() && tokens[at + 1] == "::" && is_name(&tokens[at + 2]) {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                if path.len() > 1 {
                    source.paths.extend(absolute(module, &path, sources));
                }
                at += 1;
            } else {
                at += 1;
            }
        }
        source
    }
}

/// Reads a tree of imports, and returns the place behind it.
fn use_tree(tokens: &[String], mut at: usize, prefix: &Module, imports: &mut Vec<(Module, String)>) -> usize {
    let mut path = prefix.clone();
    while at < tokens.len() {
        match tokens[at].as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at] != "}" {
                    at = use_tree(tokens, at, &path, imports);
                    at += usize::from(tokens.get(at).is_some_and(|token| token != "}"));
                }
                return at + 1;
            }
            "as" => {
                let name = tokens.get(at + 1).cloned().unwrap_or_default();
                imports.push((path, name));
                return at + 2;
            }
            "," | ";" | "}" => break,
            name => {
                if name != "self" || path.is_empty() {
                    path.push(name.to_owned());
                }
                at += 1;
            }
        }
    }
    let name = path.last().cloned().unwrap_or_default();
    imports.push((path, name));
    at
}

/// Returns a path from the root of the crate, unless it leads out of the crate.
fn absolute(module: &Module, path: &[String], sources: &BTreeMap<Module, String>) -> Option<Module> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|first| first == "super") {
                base.pop()?;
                rest = &rest[1..];
            }
        }
        child => {
            base.push(child.to_owned());
            let is_child = sources.contains_key(&base);
            base.pop();
            is_child.then_some(())?;
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// Returns the groups of modules that use each other, directly or around.
fn circles(uses: &Uses) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        uses.keys().map(|module| (module, reachable(module, uses))).collect();
    let mut circles: Vec<BTreeSet<Module>> = Vec::new();
    for module in uses.keys() {
        let is_known = circles.iter().any(|circle| circle.contains(module));
        if reached[module].contains(module) && !is_known {
            let members = reached[module].iter().filter(|other| reached[**other].contains(module));
            circles.push(members.map(|member| (*member).clone()).collect());
        }
    }
    circles
}

/// Returns all modules that a module uses, directly or around.
fn reachable<'a>(module: &Module, uses: &'a Uses) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = uses.get(module).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(uses.get(next).into_iter().flatten());
        }
    }
    reached
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Removes the inline modules behind `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tokens[at..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(str::to_owned));
        let opens = tokens[at..].iter().position(|token| token == "{" || token == ";").map(|open| at + open);
        match opens {
            Some(open) if is_test && tokens[at..open].contains(&"mod".to_owned()) => {
                let mut depth = 0;
                at = open;
                while at < tokens.len() {
                    depth += i32::from(tokens[at] == "{") - i32::from(tokens[at] == "}");
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    kept
}

/// Splits source text into names, `::` and single characters, without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if is_name(rest) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of the string or character that a text begins with.
fn literal(text: &str) -> Option<usize> {
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'));
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = text.len() - raw.len() + hashes + 1;
            return Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()));
        }
    }
    let quote = text.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == quote {
            return Some(at + 1);
        } else if quote == '\'' && at > 1 && !text.starts_with("'\\") {
            // A lifetime, not a character.
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources = files.iter().map(|(file, text)| (module(file), (*text).to_owned())).collect();
        let name = |module: Module| module.join("::");
        circles(&uses(&sources)).into_iter().map(|circle| circle.into_iter().map(name).collect()).collect()
    }

    #[test]
    fn a_circle_around_three_files_is_found() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("a.rs", "use crate::{b::{self, B}};\nstruct A<'a>(&'a str, char);"),
            ("b.rs", "fn f() { crate::c::g('\"', \"crate::x\"); }"),
            ("c.rs", "use super::A;"),
        ];
        assert_eq!(found(&files), [["a", "b", "c"]]);
    }

    #[test]
    fn a_parent_and_its_child_may_use_each_other_in_one_direction_only() {
        let parent = "mod child; fn f() { child::g() } struct P;";
        assert_eq!(found(&[("p/mod.rs", parent), ("p/child.rs", "use super::P;")]), [["p", "p::child"]]);
        assert!(found(&[("p/mod.rs", "mod child; struct P;"), ("p/child.rs", "use super::P;")]).is_empty());
        assert!(
            found(&[("p/mod.rs", parent), ("p/child.rs", "#[cfg(test)] mod tests { use crate::p::P; }")]).is_empty()
        );
    }

    #[test]
    fn comments_strings_and_reexports_are_not_uses() {
        let files = [
            ("lib.rs", "mod a; mod b; pub(crate) use b::B; pub use a::A;"),
            ("a.rs", "use crate::B; // crate::c"),
            ("b.rs", "/* crate::a::A */ const T: &str = r#\"crate::a::A \" \"#;"),
        ];
        assert!(found(&files).is_empty());
    }
}
