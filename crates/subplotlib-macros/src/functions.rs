//! Step functions that bindings name and no file has.
//!
//! The compiler would complain about a module that it cannot find. Files are only searched for the name; where they
//! include, import or write names that they do not show, the compiler has the last word.

use std::collections::{BTreeMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::{FnArg, Item, ItemFn, Pat};

/// The names that Rust files mention.
#[derive(Debug, Default)]
pub(crate) struct Names {
    mentioned: HashSet<String>,
    /// The functions, and the parameters of those that are steps, without their context.
    functions: BTreeMap<String, Option<Vec<String>>>,
    modules: HashSet<String>,
    /// Whether there may be other names.
    is_open: bool,
}

/// Why a step cannot call a function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// No file has it. With the name that was probably meant.
    NotFound(Option<String>),
    /// It has no attribute `step`.
    NotAStep,
    /// It has no parameter for this capture. With its parameters.
    NoParameter(String, Vec<String>),
}

impl Names {
    /// Adds the names of a file. Its errors are those of the compiler.
    pub(crate) fn add(&mut self, text: &str) {
        match (text.parse::<TokenStream>(), syn::parse_file(text)) {
            (Ok(tokens), Ok(file)) => {
                self.tokens(tokens);
                self.functions(&file.items);
            }
            _ => self.is_open = true,
        }
    }

    fn functions(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Fn(function) => {
                    let name = function.sig.ident.to_string();
                    let is_new = self.functions.insert(name, parameters(function)).is_none();
                    // Two of a name, in other modules or for other systems: which one is meant is unknown.
                    self.is_open |= !is_new;
                }
                Item::Mod(module) => {
                    self.modules.insert(module.ident.to_string());
                    self.functions(module.content.as_ref().map_or(&[], |(_, items)| items));
                }
                _ => {}
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut before = [const { String::new() }; 3];
        for tree in tokens {
            let text = match &tree {
                TokenTree::Ident(ident) => ident.to_string(),
                TokenTree::Punct(punct) => punct.as_char().to_string(),
                TokenTree::Literal(_) | TokenTree::Group(_) => String::new(),
            };
            let [second, third, last] = &before;
            match &tree {
                TokenTree::Ident(ident) => {
                    self.is_open |= ["macro_rules", "include"].iter().any(|name| ident == name);
                    self.mentioned.insert(ident.to_string());
                }
                // `mod NAME;` is another file, and `NAME::*` may be anything. The prelude has no steps.
                TokenTree::Punct(punct) if punct.as_char() == ';' => self.is_open |= third == "mod",
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    let is_import = third == ":" && last == ":";
                    self.is_open |= is_import && !["prelude", "super", "self"].contains(&second.as_str());
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            before.rotate_left(1);
            before[2] = text;
        }
    }

    /// Returns what is wrong with the call of a function with these captures, as far as the files say.
    pub(crate) fn mistake<'a>(&self, path: &syn::Path, mut captures: impl Iterator<Item = &'a str>) -> Option<Mistake> {
        let name = path.get_ident().filter(|_| !self.is_open)?.to_string();
        match self.functions.get(&name) {
            None if self.mentioned.contains(&name) => None,
            None => {
                let near = greenroom_doc::nearest(&name, self.functions.keys().map(String::as_str));
                Some(Mistake::NotFound(near.map(str::to_owned)))
            }
            // The user may have written what `step` writes.
            Some(None) => (!self.modules.contains(&name)).then_some(Mistake::NotAStep),
            Some(Some(parameters)) => {
                let unknown = captures.find(|capture| !parameters.iter().any(|name| name == capture))?;
                Some(Mistake::NoParameter(unknown.to_owned(), parameters.clone()))
            }
        }
    }
}

/// Returns the parameters of a step function behind its context. `None` if it is another function.
fn parameters(function: &ItemFn) -> Option<Vec<String>> {
    let is_step =
        |attribute: &syn::Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "step");
    function.attrs.iter().any(is_step).then(|| {
        let name = |argument: &FnArg| match argument {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(pattern) => Some(pattern.ident.unraw().to_string().trim_start_matches('_').to_owned()),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        };
        function.sig.inputs.iter().skip(1).filter_map(name).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str, path: &str, captures: &[&str]) -> Option<Mistake> {
        let mut names = Names::default();
        names.add(text);
        names.mistake(&syn::parse_str(path).expect("a path"), captures.iter().copied())
    }

    const TEXT: &str = "use subplotlib::prelude::*; use other::gift; fn help(a: &str) { a * b }
        mod stock { use super::*; #[step] pub fn sell(_: &Shop, _count: u8, r#type: &str) {} }";

    #[test]
    fn mistakes_are_told_apart() {
        assert_eq!(mistake(TEXT, "sel", &[]), Some(Mistake::NotFound(Some("sell".to_owned()))));
        assert_eq!(mistake(TEXT, "help", &[]), Some(Mistake::NotAStep));
        let parameters = vec!["count".to_owned(), "type".to_owned()];
        let expected = Some(Mistake::NoParameter("number".to_owned(), parameters));
        assert_eq!(mistake(TEXT, "sell", &["type", "number"]), expected);
        assert_eq!(mistake(TEXT, "sell", &["type", "count"]), None);
    }

    #[test]
    fn names_of_other_files_may_exist() {
        for path in ["gift", "stock", "stock::sel", "subplotlib::steplibrary::files::touch"] {
            assert_eq!(mistake(TEXT, path, &[]), None, "{path}");
        }
        let other = "mod linux { fn help() {} }";
        for open in ["mod other;", "use helpers::*;", "include!(\"x.rs\");", "macro_rules! x { () => {} }", "\"", other]
        {
            assert_eq!(mistake(&format!("{TEXT} {open}"), "sel", &[]), None, "{open}");
        }
    }
}
