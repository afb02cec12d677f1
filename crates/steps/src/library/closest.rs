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
/// How many lines above and below the closest one are returned.
const AROUND: usize = 3;
/// How much is read above and below the closest line, in bytes.
const BESIDE: u64 = 4096;
/// How many characters of a line are returned.
const MOST_OF_LINE: usize = 400;

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
    let (mut line, mut place, mut start) = (Vec::new(), Place { number: 1, start: 0, is_cut: false }, 0);
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
                candidates.add(&line, place);
                // The text may be on both sides of the cut.
                line.drain(..LONG - PROBE);
                place = Place { start: place.start + (LONG - PROBE) as u64, is_cut: true, ..place };
                part = later;
            }
            line.extend_from_slice(part);
            if line.ends_with(b"\n") {
                candidates.add(&line, place);
                place = Place { number: place.number + 1, start: place.start + line.len() as u64, is_cut: false };
                line.clear();
            }
        }
        start += piece.len() as u64;
    }
    candidates.add(&line, place);
    let Some((mut closest, place, end)) = candidates.best(probe) else { return Ok(None) };
    let from = place.start.saturating_sub(BESIDE);
    // The lines above a part of a long line are far away.
    let above = if place.is_cut { Cow::default() } else { read(from, place.start - from)? };
    let below = read(end, BESIDE.min(length.saturating_sub(end)))?;
    closest.above = lines_above(&above, from == 0);
    closest.below = if *read(end - 1, 1)? == *b"\n" { lines_below(&below) } else { Vec::new() };
    Ok(Some(closest))
}

/// Returns the last lines of a text that may begin within a line.
fn lines_above(text: &[u8], is_whole: bool) -> Vec<String> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    if !is_whole && !lines.is_empty() {
        lines.remove(0);
    }
    lines[lines.len().saturating_sub(AROUND)..].iter().map(|line| beginning(line)).collect()
}

/// Returns the first lines of a text.
fn lines_below(text: &[u8]) -> Vec<String> {
    text.split_inclusive(|&byte| byte == b'\n').take(AROUND).map(beginning).collect()
}

/// Returns a line without its end, with a mark where it is cut.
fn beginning(line: &[u8]) -> String {
    let line = capture::text(line);
    cut_after(line.trim_end_matches(['\n', '\r']), false)
}

/// Returns the beginning of a text, with a mark if there is more.
fn cut_after(text: &str, has_more: bool) -> String {
    match text.char_indices().nth(MOST_OF_LINE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if has_more => format!("{text}…"),
        None => text.to_owned(),
    }
}

/// Returns the end of a text, with a mark if there is more.
fn cut_before(text: &str, has_more: bool) -> String {
    match text.char_indices().rev().nth(MOST_OF_LINE - 1) {
        Some((at, _)) if at > 0 => format!("…{}", &text[at..]),
        _ if has_more => format!("…{text}"),
        _ => text.to_owned(),
    }
}

/// Where a line, or a part of a long line, is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The number of the line, from 1.
    number: u64,
    /// Where it begins, in bytes.
    start: u64,
    /// Whether the line begins before it.
    is_cut: bool,
}

/// A line that may be like the expected text.
struct Candidate {
    score: (u32, u32),
    place: Place,
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

    fn add(&mut self, line: &[u8], place: Place) {
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
        self.kept.push(Candidate { score, place, line: line.to_owned() });
    }

    /// Returns the most similar part of the candidates, the first of several.
    ///
    /// With it go the place of its line, and where what was read of that line ends.
    fn best(mut self, probe: &str) -> Option<(Closest, Place, u64)> {
        self.kept.sort_by_key(|candidate| candidate.place.start);
        let probe: Vec<char> = probe.chars().collect();
        let parts = self.kept.iter().map(|candidate| {
            let line = capture::text(&candidate.line);
            let line: Vec<char> = line.trim_end_matches(['\n', '\r']).chars().collect();
            let (cost, part) = most_similar(&probe, &line);
            (cost, candidate, line, part)
        });
        // Two in five characters may differ.
        let most = (DIFFERENT * probe.len() * 2 / 5).max(DIFFERENT);
        let alike = parts.filter(|(cost, ..)| *cost <= most);
        let (_, candidate, line, part) = alike.min_by_key(|(cost, candidate, ..)| (*cost, candidate.place.start))?;
        let blanks = |line: &[char]| line.iter().take_while(|c| c.is_whitespace()).count();
        let start = part.start + blanks(&line[part.clone()]).min(part.len());
        let end = start + line[start..part.end].iter().collect::<String>().trim_end().chars().count();
        let text = |range: std::ops::Range<usize>| line[range].iter().collect::<String>();
        let goes_on = !candidate.line.ends_with(b"\n") && candidate.line.len() >= LONG;
        let closest = Closest {
            line: candidate.place.number,
            text: text(start..end),
            before: cut_before(&text(0..start), candidate.place.is_cut),
            after: cut_after(&text(end..line.len()), goes_on),
            ..Closest::default()
        };
        Some((closest, candidate.place, candidate.place.start + candidate.line.len() as u64))
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
    fn the_line_is_whole_and_its_neighbours_are_known() {
        let read = |text: &'static str| {
            move |start: u64, most: u64| {
                let rest = &text.as_bytes()[usize::try_from(start).unwrap()..];
                Ok(Cow::Borrowed(&rest[..rest.len().min(usize::try_from(most).unwrap())]))
            }
        };
        let whole = |text: &'static str, expected: &str| {
            let found = closest(text.len() as u64, read(text), expected, &mut Watch::new()).unwrap().unwrap();
            (found.whole_line(), found.above, found.below)
        };
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            whole("a\nb\nc\nd\n12:00 done: 2 pears, 1 plum\ne\r\nf\ng\nh\n", "done: 1 pears"),
            ("12:00 done: 2 pears, 1 plum".into(), lines(&["b", "c", "d"]), lines(&["e", "f", "g"])),
        );
        assert_eq!(whole("done: 2 pears, 1 plum", "done: 1 pears").0, "done: 2 pears, 1 plum");
        assert_eq!(whole("\ndone: 2 pears\n\n", "done: 1 pears").1, [""]);
    }

    #[test]
    fn very_long_lines_are_cut_with_a_mark() {
        let text = format!("{} done: 2 pears {}", "x".repeat(9000), "y".repeat(9000));
        let read = |start: u64, most: u64| {
            let rest = &text.as_bytes()[usize::try_from(start).unwrap()..];
            Ok(Cow::Borrowed(&rest[..rest.len().min(usize::try_from(most).unwrap())]))
        };
        let found = closest(text.len() as u64, read, "done: 1 pears", &mut Watch::new()).unwrap().unwrap();
        assert!(found.before.starts_with("…x"), "{}", found.before);
        assert!(found.after.ends_with("y…"), "{}", found.after);
        assert_eq!((found.above, found.below), (vec![], vec![]));
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
