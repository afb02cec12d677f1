//! Parsers for the values of options. Each returns a message for clap to show.

/// Parses `NAME=VALUE`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "expected NAME=VALUE".to_owned())
}

/// Parses `LANGUAGE=PROGRAM`.
pub(crate) fn host(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "expected LANGUAGE=PROGRAM".to_owned())
}

/// Parses the seed of a random order.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}
