//! The files with step functions, as parts of a test.
//!
//! They are included, so that errors and panics name their lines. With subplotlib their text was part of the test, so a
//! file that they name (`mod helpers;`, `include_str!("data.txt")`) was looked for beside the test. A step file that
//! names one which is not beside itself is therefore written into the test.
//!
//! So is one that imports both the prelude and the macro of the crate `lazy_static`: the prelude has a macro of that
//! name, which differs.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::Item;

/// Returns the items of a step file.
pub(crate) fn items(path: &Path, text: &str) -> TokenStream {
    let beside = path.parent().unwrap_or(Path::new(""));
    // Where this fails, the compiler shows the error in the file.
    if let Ok(tokens) = text.parse::<TokenStream>() {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut imports_prelude = false;
        let changed = with_other_prelude(&tokens, &mut imports_prelude);
        if imports_prelude && imports_statics(text) {
            return changed;
        }
        if names_other_file(&tokens, beside) {
            return tokens.into_iter().collect();
        }
    }
    let path = path.to_str().map(Literal::string);
    quote!(include!(#path);)
}

/// Whether a text imports the macro of the crate `lazy_static`.
pub(crate) fn imports_statics(text: &str) -> bool {
    text.contains("lazy_static::")
}

/// Whether a text imports the prelude, for all of its items and always.
pub(crate) fn imports_prelude(text: &str) -> bool {
    let is_import = |item: &Item| {
        let Item::Use(import) = item else { return false };
        // How tokens are spaced is up to the compiler.
        let path = import.tree.to_token_stream().to_string().replace(' ', "");
        import.attrs.is_empty() && path.trim_start_matches("::") == "subplotlib::prelude::*"
    };
    syn::parse_file(text).is_ok_and(|file| file.items.iter().any(is_import))
}

/// Returns the tokens, with the prelude that has the macro of `lazy_static`, and notes whether they import one.
fn with_other_prelude(tokens: &[TokenTree], imports: &mut bool) -> TokenStream {
    let is_ident = |at: usize, name: &str| matches!(&tokens.get(at), Some(TokenTree::Ident(ident)) if ident == name);
    let mut changed = TokenStream::new();
    for (at, tree) in tokens.iter().enumerate() {
        let is_in_crate = at >= 3 && is_ident(at - 3, "subplotlib");
        match tree {
            TokenTree::Ident(ident) if ident == "prelude" && is_in_crate => {
                *imports = true;
                changed.extend(quote!(__private::#ident));
            }
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let stream = if is_in_crate { in_crate(&inner, imports) } else { with_other_prelude(&inner, imports) };
                let mut group = Group::new(group.delimiter(), stream);
                group.set_span(tree.span());
                changed.extend([TokenTree::Group(group)]);
            }
            tree => changed.extend([tree.clone()]),
        }
    }
    changed
}

/// The same for what stands in the braces of `use subplotlib::{...}`.
fn in_crate(tokens: &[TokenTree], imports: &mut bool) -> TokenStream {
    let mut is_first = true;
    let mut changed = TokenStream::new();
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) if ident == "prelude" && is_first => {
                *imports = true;
                changed.extend(quote!(__private::#ident));
            }
            tree => changed.extend([tree.clone()]),
        }
        is_first = matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',');
    }
    changed
}

/// Whether the text names a file that is not in this directory.
fn names_other_file(tokens: &[TokenTree], directory: &Path) -> bool {
    let in_group =
        |group: &Group, directory: &Path| names_other_file(&group.stream().into_iter().collect::<Vec<_>>(), directory);
    let is = |at: usize, punct: char| matches!(&tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == punct);
    let ident = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    };
    let missing = |paths: &[PathBuf]| !paths.iter().any(|path| directory.join(path).is_file());
    (0..tokens.len()).any(|at| match (ident(at).as_deref(), tokens.get(at)) {
        (Some("mod"), _) => {
            let Some(name) = ident(at + 1) else { return false };
            let name = name.trim_start_matches("r#");
            match tokens.get(at + 2) {
                Some(TokenTree::Group(content)) => in_group(content, &directory.join(name)),
                _ if is(at + 2, ';') => match path_attribute(&tokens[..at]) {
                    Some(path) => missing(&[path.into()]),
                    None => missing(&[format!("{name}.rs").into(), Path::new(name).join("mod.rs")]),
                },
                _ => false,
            }
        }
        (Some("include" | "include_str" | "include_bytes"), _) if is(at + 1, '!') => match tokens.get(at + 2) {
            Some(TokenTree::Group(arguments)) => {
                syn::parse2::<syn::LitStr>(arguments.stream()).is_ok_and(|path| missing(&[path.value().into()]))
            }
            _ => false,
        },
        // The content of a module is searched above.
        (None, Some(TokenTree::Group(group))) if !(at >= 2 && ident(at - 2).as_deref() == Some("mod")) => {
            in_group(group, directory)
        }
        _ => false,
    })
}

/// Returns the path in the attribute `#[path = "..."]` among those before an item.
fn path_attribute(before: &[TokenTree]) -> Option<String> {
    // Visibility and attributes, from the item backwards.
    for tree in before.iter().rev() {
        match tree {
            TokenTree::Ident(ident) if ident == "pub" => {}
            TokenTree::Punct(punct) if punct.as_char() == '#' => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let attribute = syn::parse2::<syn::MetaNameValue>(group.stream());
                if let Ok(syn::MetaNameValue { path, value: syn::Expr::Lit(value), .. }) = attribute
                    && path.is_ident("path")
                    && let syn::Lit::Str(value) = value.lit
                {
                    return Some(value.value());
                }
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_beside_the_test_are_found_from_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, "").expect("a file");
        };
        for name in ["here.rs", "also/mod.rs", "inner/deep.rs", "data.txt"] {
            file(name);
        }
        let is_included = |text: &str| {
            let items = items(&directory.path().join("steps.rs"), text).to_string();
            items.starts_with("include") && items.contains("/steps.rs\"")
        };
        for beside_it in [
            "fn f() {}",
            "mod here; mod also;",
            "mod inner { pub(crate) mod deep; fn f() { g(\"mod x;\") } }",
            "#[path = \"here.rs\"] pub mod other;",
            "const X: &str = include_str!(\"data.txt\");",
            "const X: &str = include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/x\"));",
            "let \"",
        ] {
            assert!(is_included(beside_it), "{beside_it}");
        }
        for beside_the_test in [
            "mod there;",
            "#[cfg(unix)] pub(super) mod there;",
            "mod inner { mod here; }",
            "#[path = \"there.rs\"] #[cfg(unix)] mod here;",
            "fn f() { g(include_bytes!(\"there.txt\")) }",
            "include!(\"there.rs\");",
        ] {
            assert!(!is_included(beside_the_test), "{beside_the_test}");
        }
    }

    #[test]
    fn the_macro_lazy_static_may_be_imported_beside_the_prelude() {
        let shown = |text: &str| items(Path::new("/x.rs"), text).to_string().replace(' ', "");
        for only_one in
            ["use lazy_static::lazy_static;", "use subplotlib::prelude::*;", "use lazy_static::*; use x::prelude::*;"]
        {
            assert!(shown(only_one).starts_with("include!"), "{only_one}");
        }
        for (both, changed) in [
            ("pub use subplotlib::prelude::*;", "pubusesubplotlib::__private::prelude::*;"),
            ("mod x { use ::subplotlib::prelude::*; }", "modx{use::subplotlib::__private::prelude::*;}"),
            ("use subplotlib::{file::X, prelude::*};", "usesubplotlib::{file::X,__private::prelude::*};"),
        ] {
            assert_eq!(
                shown(&format!("use lazy_static::lazy_static; {both}")),
                format!("uselazy_static::lazy_static;{changed}")
            );
        }
    }
}
