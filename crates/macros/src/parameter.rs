//! Where a parameter of a step function comes from: a capture, or the context of the scenario.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{FnArg, GenericArgument, Ident, Pat, PathArguments, Type, TypePath};

/// A parameter of a step function.
pub(crate) struct Parameter {
    /// Its name, without underscores in front: that of its capture.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Where a parameter comes from.
pub(crate) enum Kind {
    /// The context itself.
    Context,
    /// A value of this type that the context keeps; by `&mut` or by `&`.
    State { of: Box<Type>, is_mutable: bool },
    /// The text of a capture.
    Text,
    /// The text of a capture, as a path.
    Path,
    /// The embedded file that a capture names; by `&` or by value.
    File { is_reference: bool },
    /// A capture that parses as this type.
    Parsed(Box<Type>),
    /// Likewise, of a group that may take no part in the match.
    Optional(Box<Type>),
}

impl Kind {
    /// Whether it comes from a capture.
    pub(crate) fn is_capture(&self) -> bool {
        !matches!(self, Self::Context | Self::State { .. })
    }
}

impl Parameter {
    /// Reads a parameter.
    pub(crate) fn read(argument: &FnArg) -> syn::Result<Self> {
        let typed = match argument {
            FnArg::Receiver(receiver) => {
                let message = "a step function is not a method: what the scenario keeps is a parameter of its own, \
                               such as `shop: &mut Shop`";
                return Err(syn::Error::new(receiver.span(), message));
            }
            FnArg::Typed(typed) => typed,
        };
        let Pat::Ident(pattern) = &*typed.pat else {
            let message = "the parameter of a step function needs the name of its capture; if the function does not \
                           use it, write an underscore before the name";
            return Err(syn::Error::new_spanned(&typed.pat, message));
        };
        if let Some(message) = impossible(&typed.ty) {
            return Err(syn::Error::new_spanned(&typed.ty, message));
        }
        let name = name_of(&pattern.ident);
        Ok(Self { name, kind: kind_of(&typed.ty), span: typed.span() })
    }
}

/// What is said of a parameter of the type `impl Trait`, or of a type parameter.
pub(crate) const GENERIC: &str =
    "a step function cannot be generic, because steps do not name types; write the type itself";

/// Says why no parameter has a type, if that can be seen.
fn impossible(ty: &Type) -> Option<String> {
    match ty {
        Type::ImplTrait(_) => Some(GENERIC.to_owned()),
        Type::Reference(reference) => {
            if reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") {
                return Some("what a step function gets lasts as long as the step; leave out `'static`".to_owned());
            }
            let inner = &*reference.elem;
            let last = last_word(inner).unwrap_or_default();
            let is_text = matches!(last.as_str(), "str" | "Path");
            if is_text && reference.mutability.is_some() {
                return Some(format!("a step function cannot change a capture; write `&{last}`"));
            }
            let is_unsized = matches!(inner, Type::Slice(_) | Type::TraitObject(_) | Type::Reference(_));
            (is_unsized || matches!(last.as_str(), "OsStr" | "CStr")).then(|| {
                format!(
                    "a parameter cannot be `{}`; a capture is `&str`, `&Path` or a type that implements `FromStr`, and \
                     what the scenario keeps is `&mut T` of a type that implements `Default`",
                    written(ty)
                )
            })
        }
        other => match (last_word(other)?.as_str(), only_argument(other)) {
            ("Context", _) => Some("take the context by reference: `&mut Context`".to_owned()),
            ("Option", Some(Type::Reference(reference))) => {
                let owned = match last_word(&reference.elem).as_deref() {
                    Some("str") => "Option<String>",
                    Some("Path") => "Option<PathBuf>",
                    _ => "Option<T>` of a type that implements `FromStr",
                };
                Some(format!("an optional capture has no reference; write `{owned}`"))
            }
            _ => None,
        },
    }
}

fn name_of(ident: &Ident) -> String {
    let name = ident.to_string();
    let name = name.strip_prefix("r#").unwrap_or(&name);
    name.trim_start_matches('_').to_owned()
}

fn kind_of(ty: &Type) -> Kind {
    match ty {
        Type::Group(group) => kind_of(&group.elem),
        Type::Paren(paren) => kind_of(&paren.elem),
        Type::Reference(reference) => {
            let is_mutable = reference.mutability.is_some();
            match last_word(&reference.elem).as_deref() {
                Some("Context") => Kind::Context,
                Some("str") if !is_mutable => Kind::Text,
                Some("Path") if !is_mutable => Kind::Path,
                Some("EmbeddedFile") if !is_mutable => Kind::File { is_reference: true },
                _ => Kind::State { of: reference.elem.clone(), is_mutable },
            }
        }
        other => match last_word(other).as_deref() {
            Some("EmbeddedFile") => Kind::File { is_reference: false },
            Some("Option") => match only_argument(other) {
                Some(inner) => Kind::Optional(Box::new(inner.clone())),
                None => Kind::Parsed(Box::new(other.clone())),
            },
            _ => Kind::Parsed(Box::new(other.clone())),
        },
    }
}

fn last_word(ty: &Type) -> Option<String> {
    let Type::Path(TypePath { path, .. }) = ty else { return None };
    path.segments.last().map(|segment| segment.ident.to_string())
}

fn only_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { path, .. }) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// Returns a type as messages write it: `Vec<u8>`.
pub(crate) fn written(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    let mut written = String::new();
    for word in text.split(' ') {
        // Words stay apart: `&mut str`, `dyn Display`.
        if written.ends_with(char::is_alphanumeric) && word.starts_with(char::is_alphanumeric) {
            written.push(' ');
        }
        written.push_str(word);
    }
    written
}
