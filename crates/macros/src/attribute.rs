//! What is written in an attribute: the pattern, and the cleanup.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Ident, LitStr, Token};

/// Which steps an attribute is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Given,
    When,
    Then,
}

impl Keyword {
    /// Returns it as bindings and documents write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::When => "when",
            Self::Then => "then",
        }
    }
}

/// The pattern of an attribute.
pub(crate) struct Written {
    pub(crate) text: LitStr,
    pub(crate) is_regex: bool,
}

/// What is written in an attribute.
#[derive(Default)]
pub(crate) struct Attribute {
    pub(crate) pattern: Option<Written>,
    pub(crate) cleanup: Option<Ident>,
}

impl Attribute {
    /// Reads an attribute.
    pub(crate) fn read(keyword: Option<Keyword>, tokens: TokenStream) -> syn::Result<Self> {
        let attribute = Self::parse.parse2(tokens)?;
        match (keyword, &attribute.pattern) {
            (Some(keyword), None) => {
                let word = keyword.word();
                let message = format!(
                    "missing pattern; write `#[{word}(\"...\")]` with the text of the steps, without the keyword"
                );
                Err(syn::Error::new(Span::call_site(), message))
            }
            (None, Some(pattern)) => {
                let message = "`step` takes no pattern: bindings files name this function; to give it a pattern here, \
                               write `#[given(...)]`, `#[when(...)]` or `#[then(...)]`";
                Err(syn::Error::new(pattern.text.span(), message))
            }
            _ => Ok(attribute),
        }
    }
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attribute = Self::default();
        while !input.is_empty() {
            if input.peek(LitStr) {
                attribute.set_pattern(Written { text: input.parse()?, is_regex: false })?;
            } else {
                let name: Ident = input.parse().map_err(|error| {
                    syn::Error::new(error.span(), "expected a pattern in quotes, `regex = \"...\"` or `cleanup = ...`")
                })?;
                input.parse::<Token![=]>()?;
                if name == "regex" {
                    attribute.set_pattern(Written { text: input.parse()?, is_regex: true })?;
                } else if name == "cleanup" {
                    attribute.cleanup = Some(input.parse()?);
                } else {
                    let message = format!("unknown option `{name}`; the options are `regex` and `cleanup`");
                    return Err(syn::Error::new(name.span(), message));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(attribute)
    }
}

impl Attribute {
    fn set_pattern(&mut self, pattern: Written) -> syn::Result<()> {
        if self.pattern.is_some() {
            let message = "a second pattern; give the function a second attribute instead";
            return Err(syn::Error::new(pattern.text.span(), message));
        }
        self.pattern = Some(pattern);
        Ok(())
    }
}
