//! Recognizes functions of `impl` blocks and traits.
//!
//! An attribute sees the function alone. Where that does not mention `Self`, only the file tells where it is.

use proc_macro2::{TokenStream, TokenTree};
use syn::{ImplItem, Item, TraitItem};

/// Whether a function is in an `impl` block or a trait, as far as that is certain.
///
/// `may_be` says whether its place allows it: `impl` blocks indent what they have. `file` reads the file that has it.
pub(crate) fn is_associated(function: &TokenStream, may_be: bool, file: impl FnOnce() -> Option<String>) -> bool {
    let mut names = function.clone().into_iter().skip_while(|it| !is_word(it, "fn")).skip(1);
    let Some(TokenTree::Ident(name)) = names.next() else { return false };
    // Without the body: what is in there may have a `Self` of its own.
    let signature = names.take_while(|it| !matches!(it, TokenTree::Group(it) if is_body(it)));
    if mentions_self(signature) {
        return true;
    }
    if !may_be {
        return false;
    }
    let Some(parsed) = file().and_then(|text| syn::parse_file(&text).ok()) else { return false };
    let found = Found::of(&parsed.items, &name.to_string());
    found.is_associated && !found.is_free
}

/// Where functions of a name are.
#[derive(Default)]
struct Found {
    is_associated: bool,
    is_free: bool,
}

impl Found {
    fn of(items: &[Item], name: &str) -> Self {
        let mut found = Self::default();
        for item in items {
            match item {
                Item::Fn(function) => found.is_free |= function.sig.ident == name,
                Item::Impl(block) => {
                    let is_it = |item: &ImplItem| matches!(item, ImplItem::Fn(it) if it.sig.ident == name);
                    found.is_associated |= block.items.iter().any(is_it);
                }
                Item::Trait(block) => {
                    let is_it = |item: &TraitItem| matches!(item, TraitItem::Fn(it) if it.sig.ident == name);
                    found.is_associated |= block.items.iter().any(is_it);
                }
                Item::Mod(module) => {
                    let inner = module.content.as_ref().map_or(&[][..], |(_, items)| items);
                    let inner = Self::of(inner, name);
                    found.is_associated |= inner.is_associated;
                    found.is_free |= inner.is_free;
                }
                // What a macro makes may be anywhere.
                Item::Macro(_) => found.is_free |= item_mentions(item, name),
                _ => {}
            }
        }
        found
    }
}

fn item_mentions(item: &Item, name: &str) -> bool {
    fn any(tokens: TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|it| match it {
            TokenTree::Group(group) => any(group.stream(), name),
            it => is_word(&it, name),
        })
    }
    any(quote::ToTokens::to_token_stream(item), name)
}

fn mentions_self(mut tokens: impl Iterator<Item = TokenTree>) -> bool {
    tokens.any(|it| match it {
        TokenTree::Group(group) => mentions_self(group.stream().into_iter()),
        it => is_word(&it, "Self"),
    })
}

fn is_body(group: &proc_macro2::Group) -> bool {
    group.delimiter() == proc_macro2::Delimiter::Brace
}

fn is_word(tree: &TokenTree, word: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_impl_blocks_are_recognized() {
        let is = |function: &str, file: &str| is_associated(&function.parse().unwrap(), true, || Some(file.to_owned()));
        assert!(is("fn open(shop: &mut Self) {}", ""));
        assert!(is("fn open() -> Result<(), Box<Self>> {}", ""));
        assert!(is("pub fn open() {}", "impl Shop { #[given(\"x\")] pub fn open() {} }"));
        assert!(is("fn open() {}", "mod inner { trait Shop { fn open() {} } }"));
        assert!(!is("fn open() { impl X { fn new() -> Self { X } } }", "mod inner { fn open() {} }"));
        assert!(!is("fn open() {}", "impl Shop { fn open() {} } fn open() {}"));
        assert!(!is("fn open() {}", "impl Shop { fn open() {} } steps! { fn open() {} }"));
        let unread = || -> Option<String> { panic!("the file was read") };
        assert!(!is_associated(&"fn open() {}".parse().unwrap(), false, unread));
    }
}
