//! What is written in an attribute: the pattern, and the cleanup.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token};

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
                attribute.read_option(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(attribute)
    }
}

impl Attribute {
    fn read_option(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let at = input.span();
        let no_option = || {
            let message = "expected a pattern in double quotes, `regex = \"...\"` or `cleanup = FUNCTION`; a constant \
                           or a macro is not possible here";
            syn::Error::new(at, message)
        };
        let name: Ident = input.parse().map_err(|_| no_option())?;
        let option = ["regex", "cleanup"].into_iter().find(|option| name == option);
        if !input.peek(Token![=]) {
            return Err(match option {
                Some("regex") => syn::Error::new(at, "write `regex = \"...\"`, with the regular expression in quotes"),
                Some(_) => syn::Error::new(at, CLEANUP),
                None => no_option(),
            });
        }
        input.parse::<Token![=]>()?;
        let value = input.span();
        match option {
            Some("regex") => {
                let text = input
                    .parse()
                    .map_err(|_| syn::Error::new(value, "write the regular expression in quotes: `regex = \"...\"`"))?;
                self.set_pattern(Written { text, is_regex: true })
            }
            Some(_) => {
                let path: Path = input.parse().map_err(|_| syn::Error::new(value, CLEANUP))?;
                let function = path.get_ident().ok_or_else(|| {
                    let message = "name the function alone, without its module; it is found by its name";
                    syn::Error::new_spanned(&path, message)
                })?;
                if self.cleanup.replace(function.clone()).is_some() {
                    return Err(syn::Error::new(value, "a second cleanup; a step has one"));
                }
                Ok(())
            }
            None => {
                let message = format!("unknown option `{name}`; the options are `regex` and `cleanup`");
                Err(syn::Error::new(at, message))
            }
        }
    }
}

/// How a cleanup is written.
const CLEANUP: &str = "write `cleanup = FUNCTION`, with the name of a function that has the attribute `#[step]`";

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
