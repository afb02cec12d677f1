//! The arguments of `codegen!`.

use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Token};

use crate::filter::Filter;

/// The document, and which of its scenarios become tests.
pub(crate) struct Arguments {
    pub(crate) document: LitStr,
    pub(crate) filter: Filter,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let usage = "name the document first: `codegen!(\"shop.subplot\")`";
        let document = input.parse::<LitStr>().map_err(|error| syn::Error::new(error.span(), usage))?;
        let (mut include, mut exclude) = (None, None);
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            let value: LitStr = input.parse()?;
            let argument = match name.to_string().as_str() {
                "include" => &mut include,
                "exclude" => &mut exclude,
                _ => return Err(syn::Error::new_spanned(name, "unknown argument; there are `include` and `exclude`")),
            };
            if argument.replace(value.value()).is_some() {
                let message = format!("`{name}` is given twice; list all labels in one");
                return Err(syn::Error::new_spanned(name, message));
            }
        }
        Ok(Self { document, filter: Filter::read(include.as_deref(), exclude.as_deref()) })
    }
}
