//! Step functions that bindings name and no file has.
//!
//! The compiler would complain about a module that it cannot find. Files are only searched for the name; where they
//! include, import or write names that they do not show, the compiler has the last word.

use std::collections::{BTreeSet, HashSet};

use proc_macro2::{TokenStream, TokenTree};

/// The names that Rust files mention.
#[derive(Debug, Default)]
pub(crate) struct Names {
    mentioned: HashSet<String>,
    functions: BTreeSet<String>,
    /// Whether there may be other names.
    is_open: bool,
}

impl Names {
    /// Adds the names of a file. Its errors are those of the compiler.
    pub(crate) fn add(&mut self, text: &str) {
        match text.parse::<TokenStream>() {
            Ok(tokens) => self.tokens(tokens),
            Err(_) => self.is_open = true,
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
                    if last == "fn" {
                        self.functions.insert(ident.to_string());
                    }
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

    /// Whether a path leads to no function: its last name is in no file.
    pub(crate) fn lacks(&self, path: &syn::Path) -> bool {
        let is_ours = path.segments.len() == 1;
        is_ours
            && !self.is_open
            && path.segments.last().is_some_and(|last| !self.mentioned.contains(&last.ident.to_string()))
    }

    /// Returns the function that a name was probably meant to be.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        greenroom_doc::nearest(name, self.functions.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(text: &str, path: &str) -> bool {
        let mut names = Names::default();
        names.add(text);
        names.lacks(&syn::parse_str(path).expect("a path"))
    }

    #[test]
    fn names_of_other_files_may_exist() {
        let text = "use subplotlib::prelude::*; mod stock { use super::*; fn sell(a: &str) { a * b } }";
        assert!(lacks(text, "sel"));
        for path in ["sell", "stock", "stock::sel", "subplotlib::steplibrary::files::touch"] {
            assert!(!lacks(text, path), "{path}");
        }
        for open in ["mod other;", "use helpers::*;", "include!(\"x.rs\");", "macro_rules! steps { () => {} }", "\""] {
            assert!(!lacks(&format!("{text} {open}"), "sel"), "{open}");
        }
    }
}
