//! Names of Rust tests, from the titles of scenarios, as subplotlib makes them.

use std::collections::HashSet;

/// Makes the names of the tests of a document, each once.
#[derive(Debug, Default)]
pub struct TestNames {
    taken: HashSet<String>,
}

impl TestNames {
    /// Returns the name for a title: its letters and digits of ASCII, in lower case, and `_` for all else.
    ///
    /// The same titles always had these names, so that commands that name a test remain valid.
    pub fn name(&mut self, title: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names() {
        let mut names = TestNames::default();
        let made: Vec<String> = ["Sell a thing", "sell-a thing", "2 things", "Caf\u{e9}", "", "Self", "match"]
            .map(|title| names.name(title))
            .into();
        assert_eq!(made, ["sell_a_thing", "sell_a_thing_0", "n_2_things", "caf_", "n_", "self_", "match"]);
    }
}
