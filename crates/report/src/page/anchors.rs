//! Anchors: the names by which links find headings, steps and embedded files.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The beginning of names that belong to the page itself.
pub(crate) const RESERVED: &str = "gr-";

/// The anchors of one page, each there once.
///
/// A long document has hundreds of thousands, so this has hashes of them.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    used: HashSet<u64>,
    /// How often an anchor was wanted that was used already, so that many equal headings stay cheap.
    wanted: HashMap<String, usize>,
}

impl Anchors {
    /// Adds an anchor: as wanted, or with a number if the page has that already.
    pub(crate) fn add(&mut self, wanted: &str) -> String {
        let wanted = if wanted.starts_with(RESERVED) { format!("section-{wanted}") } else { wanted.to_owned() };
        if self.used.insert(hash(&wanted)) {
            return wanted;
        }
        let count = self.wanted.entry(wanted.clone()).or_insert(1);
        loop {
            let name = format!("{wanted}-{count}");
            *count += 1;
            if self.used.insert(hash(&name)) {
                return name;
            }
        }
    }

    /// Adds exactly this anchor. Returns whether it is new and not reserved.
    pub(crate) fn claim(&mut self, name: &str) -> bool {
        let is_valid = !name.is_empty() && !name.contains(char::is_whitespace) && !name.starts_with(RESERVED);
        is_valid && self.used.insert(hash(name))
    }

    /// Whether the page has this anchor.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.used.contains(&hash(name))
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Returns the anchor of a text: in lower case, words joined with `-`.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' {
            slug.extend(c.to_lowercase());
        } else if (c.is_whitespace() || c == '-') && !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() { "section".to_owned() } else { slug }
}

/// Returns the anchor of a file: its name, without characters that a link would have to escape.
pub(crate) fn file_anchor(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    format!("file-{}", name.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_the_words_of_the_text() {
        assert_eq!(slug("Daemon is started"), "daemon-is-started");
        assert_eq!(slug("  stdout & stderr: `a_b` (2nd)! "), "stdout-stderr-a_b-2nd");
        assert_eq!(slug("Größe – Éa"), "größe-éa");
        assert_eq!(slug("日本語 テスト"), "日本語-テスト");
        assert_eq!(slug("???"), "section");
    }

    #[test]
    fn anchors_are_unique() {
        let mut anchors = Anchors::default();
        assert_eq!(anchors.add("a"), "a");
        assert_eq!(anchors.add("a-1"), "a-1");
        assert_eq!(anchors.add("a"), "a-2");
        assert_eq!(anchors.add("gr-main"), "section-gr-main");
        assert!(!anchors.claim("a"));
        assert!(!anchors.claim("gr-main"));
        assert!(anchors.claim("b"));
        assert_eq!(anchors.add("b"), "b-1");
        assert_eq!(file_anchor("../a b\".py"), "file-..-a-b-.py");
    }
}
