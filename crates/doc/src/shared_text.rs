//! A text that shares the memory of the text that it is a part of.
//!
//! A document of many scenarios has many steps and captures. Nearly all of them stand in the document as
//! they are, so a plan does not copy them.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::source::offset;

/// A text that is a part of a larger one, or one of its own.
///
/// It is small, since a plan has one for each step and capture.
#[derive(Clone, Default)]
pub struct SharedText {
    whole: Arc<String>,
    start: u32,
    end: u32,
}

impl SharedText {
    /// Creates it from `text`, as a part of `whole` if this range of it has the same text.
    ///
    /// # Panics
    /// If the text alone has 4 GiB or more.
    pub fn within(whole: &Arc<String>, range: Range<usize>, text: &str) -> Self {
        if whole.get(range.clone()) != Some(text) {
            return Self::from(text);
        }
        Self { whole: Arc::clone(whole), start: offset(range.start), end: offset(range.end) }
    }

    /// Returns the larger text, and where this one is in it.
    pub fn place(&self) -> (&Arc<String>, Range<usize>) {
        (&self.whole, self.start as usize..self.end as usize)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.whole[self.start as usize..self.end as usize]
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self { start: 0, end: offset(text.len()), whole: Arc::new(text) }
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SharedText {}

impl PartialEq<str> for SharedText {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for SharedText {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_shared_and_another_is_not() {
        let whole = Arc::new("given file é.txt".to_owned());
        let shared = SharedText::within(&whole, 11..17, "é.txt");
        assert_eq!(shared.as_str(), "é.txt");
        assert!(Arc::ptr_eq(&shared.whole, &whole));
        for (range, text) in [(11..17, "e.txt"), (11..13, "é.txt"), (12..17, "é.txt"), (11..99, "é.txt")] {
            let own = SharedText::within(&whole, range, text);
            assert_eq!(own.as_str(), text);
            assert!(!Arc::ptr_eq(&own.whole, &whole));
        }
    }
}
