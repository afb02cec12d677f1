//! Finds the line of a long text that is most like an expected text.
//!
//! One pass counts, per line, how many of the expected text's three-byte sequences it has; letter
//! case, digits and blanks make no difference at first. Only the few lines that have most of them
//! are compared exactly. So the work is linear in the text, and bounded for each line.

use std::borrow::Cow;
use std::io;

use greenroom_sandbox::process::Watch;
use greenroom_sandbox::process::capture;

use crate::step::{Closest, Failure};

/// How many lines are compared exactly.
const CANDIDATES: usize = 8;
/// How many bytes of the expected text are compared.
const PROBE: usize = 200;
/// Lines longer than this, in bytes, are compared in parts.
const LONG: usize = 4096;
/// How much is read at a time, in bytes.
const PIECE: u64 = 64 * 1024;
/// What a different character costs, and one that differs only in case or as a digit.
const DIFFERENT: usize = 4;
const ALIKE: usize = 1;

/// Finds the part of a text that is most like the expected one, if any is like it.
///
/// `read` returns the bytes of the text from a place on, at most so many.
pub(crate) fn closest<'a>(
    length: u64,
    read: impl Fn(u64, u64) -> io::Result<Cow<'a, [u8]>>,
    expected: &str,
    watch: &mut Watch,
) -> Result<Option<Closest>, Failure> {
    let Some(probe) = expected.lines().map(str::trim).max_by_key(|line| line.len()).filter(|line| line.len() > 2)
    else {
        return Ok(None);
    };
    let probe = &probe[..probe.floor_char_boundary(PROBE)];
    let mut candidates = Candidates::new(probe.as_bytes());
    let (mut line, mut number, mut start) = (Vec::new(), 1, 0);
    while start < length {
        watch.check()?;
        let piece = read(start, PIECE)?;
        if piece.is_empty() {
            break;
        }
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            let mut part = part;
            while line.len() + part.len() > LONG {
                let (now, later) = part.split_at(LONG - line.len());
                line.extend_from_slice(now);
                candidates.add(&line, number);
                // The text may be on both sides of the cut.
                line.drain(..LONG - PROBE);
                part = later;
            }
            line.extend_from_slice(part);
            if line.ends_with(b"\n") {
                candidates.add(&line, number);
                line.clear();
                number += 1;
            }
        }
        start += piece.len() as u64;
    }
    candidates.add(&line, number);
    Ok(candidates.best(probe))
}

/// A line that may be like the expected text.
struct Candidate {
    score: (u32, u32),
    number: u64,
    line: Vec<u8>,
}

/// The lines that have most sequences of the expected text.
struct Candidates {
    alike: Sequences,
    exact: Sequences,
    kept: Vec<Candidate>,
}

impl Candidates {
    fn new(probe: &[u8]) -> Self {
        Self { alike: Sequences::new(probe, fold), exact: Sequences::new(probe, |byte| byte), kept: Vec::new() }
    }

    fn add(&mut self, line: &[u8], number: u64) {
        let alike = self.alike.count(line);
        if alike == 0 || alike * 3 < self.alike.total {
            return;
        }
        let score = (alike, self.exact.count(line));
        if self.kept.len() == CANDIDATES {
            let worst = (0..CANDIDATES).min_by_key(|&at| self.kept[at].score).unwrap_or(0);
            if self.kept[worst].score >= score {
                return;
            }
            self.kept.swap_remove(worst);
        }
        self.kept.push(Candidate { score, number, line: line.to_owned() });
    }

    /// Returns the most similar part of the candidates, the first of several.
    fn best(mut self, probe: &str) -> Option<Closest> {
        self.kept.sort_by_key(|candidate| candidate.number);
        let probe: Vec<char> = probe.chars().collect();
        let parts = self.kept.iter().map(|candidate| {
            let line = capture::text(&candidate.line);
            let line: Vec<char> = line.trim_end_matches(['\n', '\r']).chars().collect();
            let (cost, part) = most_similar(&probe, &line);
            (cost, candidate.number, line[part].iter().collect::<String>().trim().to_owned())
        });
        // Two in five characters may differ.
        let most = (DIFFERENT * probe.len() * 2 / 5).max(DIFFERENT);
        let (_, line, text) = parts.filter(|(cost, ..)| *cost <= most).min_by_key(|(cost, line, _)| (*cost, *line))?;
        Some(Closest { line, text })
    }
}

/// The three-byte sequences of the expected text, which are looked up by a hash of 16 bits.
struct Sequences {
    /// What each byte counts as.
    bytes: [u8; 256],
    /// For each hash, the number of its sequence, from 1; 0 for none.
    numbers: Vec<u16>,
    /// For each sequence, the latest count that met it.
    seen: Vec<u64>,
    count: u64,
    total: u32,
}

impl Sequences {
    fn new(text: &[u8], fold: fn(u8) -> u8) -> Self {
        let bytes = std::array::from_fn(|byte| u8::try_from(byte).map_or(0, fold));
        let mut new = Self { bytes, numbers: vec![0; 1 << 16], seen: vec![0], count: 0, total: 0 };
        let mut hashes = Vec::new();
        new.each(text, |_, hash| hashes.push(hash));
        for hash in hashes {
            if new.numbers[hash] == 0
                && let Ok(number) = u16::try_from(new.seen.len())
            {
                new.numbers[hash] = number;
                new.seen.push(0);
                new.total += 1;
            }
        }
        new
    }

    /// Calls a function with the hash of each sequence. Blanks in a row count as one.
    fn each(&mut self, text: &[u8], mut use_hash: impl FnMut(&mut Self, usize)) {
        let (mut window, mut length, mut before) = (0_u32, 0, 0);
        for &byte in text {
            let byte = self.bytes[usize::from(byte)];
            if byte == b' ' && before == b' ' {
                continue;
            }
            before = byte;
            window = (window << 8 | u32::from(byte)) & 0xFF_FFFF;
            length += 1;
            if length > 2 {
                let hash = window.wrapping_mul(0x9E37_79B1) >> 16;
                use_hash(self, usize::try_from(hash).unwrap_or_default());
            }
        }
    }

    /// Returns how many different sequences of the expected text a line has.
    fn count(&mut self, line: &[u8]) -> u32 {
        self.count += 1;
        let mut met = 0;
        self.each(line, |this, hash| {
            let number = this.numbers[hash];
            if number > 0 {
                let seen = std::mem::replace(&mut this.seen[usize::from(number)], this.count);
                met += u32::from(seen != this.count);
            }
        });
        met
    }
}

/// Makes letter case, digits and kinds of blanks equal.
fn fold(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'\t' => b' ',
        other => other.to_ascii_lowercase(),
    }
}

/// Returns the part of a line that is most like a text, and what its differences cost.
///
/// That is an edit distance in which the line may go on before and behind the part for nothing.
fn most_similar(text: &[char], line: &[char]) -> (usize, std::ops::Range<usize>) {
    let cost_of = |one: char, other: char| match () {
        () if one == other => 0,
        () if one.to_lowercase().eq(other.to_lowercase()) => ALIKE,
        () if one.is_numeric() && other.is_numeric() => ALIKE,
        () => DIFFERENT,
    };
    // For each length of the text: what it costs up to here, and where the part began.
    let mut row: Vec<(usize, usize)> = (0..=text.len()).map(|length| (length * DIFFERENT, 0)).collect();
    let mut best = (row[text.len()].0, 0..0);
    for (at, &other) in line.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = (0, at + 1);
        for (length, &one) in text.iter().enumerate() {
            let changed = (diagonal.0 + cost_of(one, other), diagonal.1);
            let left_out = (row[length].0 + DIFFERENT, row[length].1);
            let added = (row[length + 1].0 + DIFFERENT, row[length + 1].1);
            diagonal = row[length + 1];
            row[length + 1] = changed.min(left_out).min(added);
        }
        let (cost, begin) = row[text.len()];
        if cost < best.0 {
            best = (cost, begin..at + 1);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, expected: &str) -> Option<(u64, String)> {
        let read = |start: u64, most: u64| {
            let rest = &text.as_bytes()[usize::try_from(start).unwrap()..];
            Ok(Cow::Borrowed(&rest[..rest.len().min(usize::try_from(most).unwrap())]))
        };
        let closest = closest(text.len() as u64, read, expected, &mut Watch::new()).unwrap();
        closest.map(|closest| (closest.line, closest.text))
    }

    fn lines_with(line: &str) -> String {
        let all_well = |numbers: std::ops::Range<u32>| numbers.map(|n| format!("line {n}: all is well\n"));
        all_well(1..151).chain([format!("{line}\n")]).chain(all_well(152..3000)).collect()
    }

    #[test]
    fn typos_case_blanks_and_numbers_make_no_line_unlike() {
        for (line, expected, part) in [
            ("Error 42: disk full", "Error 41: disk full", "Error 42: disk full"),
            ("12:00 Eror: disk full!", "Error: disk full", "Eror: disk full"),
            ("ERROR: DISK FULL", "error: disk full", "ERROR: DISK FULL"),
            ("error:  disk\tfull", "error: disk full", "error:  disk\tfull"),
            ("Verbindung zur\u{fc}ckgewiesen", "Verbindung zuruckgewiesen", "Verbindung zur\u{fc}ckgewiesen"),
        ] {
            assert_eq!(found(&lines_with(line), expected), Some((151, part.to_owned())), "{expected}");
        }
        assert_eq!(found(&lines_with("x"), "line 1500: all was well"), Some((1500, "line 1500: all is well".into())));
    }

    #[test]
    fn texts_that_are_like_nothing_are_not_found() {
        for expected in ["", "x", "\n\n", "connection refused", "zq", "0123456789"] {
            assert_eq!(found(&lines_with("x"), expected), None, "{expected}");
        }
        assert_eq!(found("", "x"), None);
    }

    #[test]
    fn a_line_without_an_end_is_compared_in_parts() {
        for before in [0, LONG - 10, LONG, 70_000] {
            let text = format!("{}{{\"status\": \"ok\", \"free\": 7}}{}", "x".repeat(before), "y".repeat(9000));
            assert_eq!(found(&text, "\"free\": 8}"), Some((1, "\"free\": 7}".into())), "{before}");
        }
    }
}
