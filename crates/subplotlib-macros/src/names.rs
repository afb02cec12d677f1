//! Names of test functions, from the titles of scenarios.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};

/// Makes names, each once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Returns the name for a title: its letters and digits of ASCII, in lower case, and `_` for all else.
    ///
    /// The same titles always had these names, so that commands that name a test remain valid.
    pub(crate) fn name(&mut self, title: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut stem: String = title.chars().map(plain).collect();
        if stem.starts_with(|c: char| c.is_ascii_digit()) || stem.is_empty() {
            stem.insert_str(0, "n_");
        }
        if ["_", "self", "super", "crate"].contains(&&*stem) {
            stem.push('_');
        }
        let name = if self.taken.contains(&stem) {
            let numbered = (0..).map(|number: usize| format!("{stem}_{number}"));
            numbered.into_iter().find(|name| !self.taken.contains(name)).unwrap_or(stem)
        } else {
            stem
        };
        self.taken.insert(name.clone());
        name
    }
}

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
    fn titles_become_names() {
        let mut names = Names::default();
        let made: Vec<String> = ["Sell a thing", "sell-a thing", "2 things", "Caf\u{e9}", "", "Self", "match"]
            .map(|title| names.name(title))
            .into();
        assert_eq!(made, ["sell_a_thing", "sell_a_thing_0", "n_2_things", "caf_", "n_", "self_", "match"]);
        assert_eq!(identifier("match").map(|ident| ident.to_string()).as_deref(), Some("r#match"));
        assert_eq!(identifier("a b"), None);
    }
}
