//! Words for the test `beside`.

/// Returns how many words a text has.
pub(crate) fn count(text: &str) -> usize {
    text.split_whitespace().count()
}
