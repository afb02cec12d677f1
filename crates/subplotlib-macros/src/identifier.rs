//! Identifiers of Rust, from the names of tests and captures.

use proc_macro2::{Ident, Span};

/// Returns an identifier, a raw one if the name is a keyword.
pub(crate) fn identifier(name: &str) -> Option<Ident> {
    match syn::parse_str::<Ident>(name) {
        Ok(ident) => Some(Ident::new(&ident.to_string(), Span::call_site())),
        Err(_) => syn::parse_str::<Ident>(&format!("r#{name}")).ok().map(|_| Ident::new_raw(name, Span::call_site())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_raw_identifiers() {
        assert_eq!(identifier("match").map(|ident| ident.to_string()).as_deref(), Some("r#match"));
        assert_eq!(identifier("a b"), None);
    }
}
