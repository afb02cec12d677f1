//! Numbers of requests, which replies must repeat.
//!
//! Step functions share a process with their host and may fork, so a message on its socket need not come from the host,
//! nor belong to the latest request. A function cannot guess a number that it has not seen.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::sync::LazyLock;

/// The kernel's random numbers. The launcher opens it for the first warm host, so that workers have it.
static DEVICE: LazyLock<io::Result<File>> = LazyLock::new(|| File::open("/dev/urandom"));

/// Returns a new number, as text.
pub(super) fn new() -> String {
    let mut bytes = [0; 16];
    if DEVICE.as_ref().is_ok_and(|mut device| device.read_exact(&mut bytes).is_ok()) {
        return format!("{:032x}", u128::from_ne_bytes(bytes));
    }
    // Without that device: hash keys of the standard library come from the kernel, too.
    format!("{:016x}{:016x}", RandomState::new().hash_one(std::process::id()), RandomState::new().hash_one(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_numbers_are_equal() {
        let numbers: std::collections::BTreeSet<String> = (0..1000).map(|_| super::new()).collect();
        assert_eq!(numbers.len(), 1000);
        assert!(numbers.iter().all(|number| number.len() == 32), "{numbers:?}");
    }
}
