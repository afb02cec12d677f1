//! A text that shares the memory of the document that it stands in.
//!
//! A run of many scenarios has the text of each of their steps in its outline.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is a part of a larger one, or one of its own.
#[derive(Clone, Default)]
pub struct SharedText {
    whole: Arc<String>,
    start: u32,
    end: u32,
}

impl SharedText {
    /// Creates it from a part of a text.
    ///
    /// # Panics
    ///
    /// If the text does not have this part, or the part ends beyond 4 GiB.
    pub fn within(whole: &Arc<String>, range: Range<usize>) -> Self {
        assert!(whole.get(range.clone()).is_some(), "a part of the text");
        Self { whole: Arc::clone(whole), start: offset(range.start), end: offset(range.end) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.whole[self.start as usize..self.end as usize]
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a document of less than 4 GiB")
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

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_shares_the_memory_of_its_text() {
        let whole = Arc::new("given file é.txt".to_owned());
        let part = SharedText::within(&whole, 11..17);
        assert_eq!(part, "é.txt");
        assert!(Arc::ptr_eq(&part.whole, &whole));
        let json = serde_json::to_string(&part).unwrap();
        assert_eq!(json, "\"é.txt\"");
        assert_eq!(serde_json::from_str::<SharedText>(&json).unwrap(), part);
    }
}
