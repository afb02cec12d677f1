//! Damage: one input in, a slightly different one out.

use fastrand::Rng;

/// Longer inputs are cut, so that each takes about the same time.
pub(crate) const LONGEST: usize = 16 * 1024;

/// Bytes that parsers have special cases for.
const SPECIAL: [u8; 12] = [0, b'\t', b'\n', b'\r', 0x1b, b' ', b'"', b'\\', b'{', 0x7f, 0x80, 0xff];

/// Applies a few mutations to `input`. `other` is a second input to take parts of.
pub(crate) fn mutate(input: &[u8], other: &[u8], dictionary: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=rng.usize(..4) {
        once(&mut bytes, other, dictionary, rng);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn once(bytes: &mut Vec<u8>, other: &[u8], dictionary: &[&str], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..10) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = SPECIAL[rng.usize(..SPECIAL.len())];
            }
        }
        2 => bytes.truncate(at),
        3 => {
            let end = end_of_part(bytes.len(), at, rng);
            bytes.drain(at..end);
        }
        // A part comes twice, the second time elsewhere.
        4 => {
            let part = bytes[at..end_of_part(bytes.len(), at, rng)].to_vec();
            insert(bytes, rng, &part);
        }
        // A part comes many times: nesting, long lines.
        5 => {
            let part = bytes[at..end_of_part(bytes.len(), at, rng).min(at + 16)].repeat(1 << rng.u8(..8));
            insert(bytes, rng, &part);
        }
        6 => {
            let from = rng.usize(..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        7 => {
            let line = line(other, rng).to_vec();
            insert(bytes, rng, &line);
        }
        _ => {
            if let Some(word) = rng.choice(dictionary.iter()) {
                insert(bytes, rng, word.as_bytes());
            }
        }
    }
}

/// Where a part that begins at `at` ends: mostly soon.
fn end_of_part(length: usize, at: usize, rng: &mut Rng) -> usize {
    let most = if rng.u8(..4) == 0 { length } else { 32 };
    at + rng.usize(..=most.min(length - at))
}

fn insert(bytes: &mut Vec<u8>, rng: &mut Rng, part: &[u8]) {
    // Most formats are made of lines, and words often mean something only at the start of one.
    let mut at = rng.usize(..=bytes.len());
    if rng.bool() {
        at = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    }
    bytes.splice(at..at, part.iter().copied());
}

/// Any line, with its end.
fn line<'a>(bytes: &'a [u8], rng: &mut Rng) -> &'a [u8] {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let count = lines.clone().count();
    if count == 0 { &[] } else { lines.clone().nth(rng.usize(..count)).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_mutations() {
        let some = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..200).map(|_| mutate(b"a line\nanother\n", b"other\n", &["word"], &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn no_input_is_too_short() {
        let mut rng = Rng::with_seed(1);
        let mut input = Vec::new();
        for _ in 0..1000 {
            input = mutate(&input, b"", &["word"], &mut rng);
            assert!(input.len() <= LONGEST);
            mutate(b"", b"", &[], &mut rng);
        }
    }
}
