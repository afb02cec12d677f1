//! What generated code uses to write texts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Decodes a text from base64. Bytes that are not UTF-8 are replaced.
///
/// # Panics
/// If it is not base64.
pub fn base64_decode(input: &str) -> String {
    String::from_utf8_lossy(&bytes(input)).into_owned()
}

/// Decodes bytes from base64.
///
/// # Panics
/// If they are not base64.
pub(crate) fn bytes(input: &str) -> Vec<u8> {
    match BASE64_STANDARD.decode(input) {
        Ok(bytes) => bytes,
        Err(error) => panic!("generated code has invalid base64: {error}: {input:?}"),
    }
}
