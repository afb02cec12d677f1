//! Comparing bytes of any amount with what a document expects, without reading all of them into
//! memory.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use greenroom_sandbox::process::Watch;
use greenroom_sandbox::process::capture::{self, Tail};
use regex::bytes::{Regex, RegexBuilder};

use super::closest::closest;
use crate::check::{Problem, ProblemKind};
use crate::library::difference;
use crate::step::{Captures, Closest, Comparison, Failure, Part, Relation, StepResult};

/// How much of an unexpected text a failure shows, in bytes.
pub(crate) const SHOWN: u64 = 8 * 1024;
/// How much may be in memory, in bytes: regexes need their text in one piece.
pub(crate) const HELD: u64 = 64 << 20;

/// How much is read at a time, in bytes.
const PIECE: usize = 64 * 1024;
/// How much is read between two checks of the time limit, in bytes.
const STRETCH: u64 = 4 << 20;

/// Bytes that can be read more than once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bytes<'a> {
    /// The first bytes of a file, to which a process may go on writing. Read by position, because a
    /// process may share its offset.
    File(&'a File, u64),
    /// In memory.
    Held(&'a [u8]),
}

impl<'a> Bytes<'a> {
    /// Returns the bytes that a file has now.
    pub(crate) fn of(file: &'a File) -> io::Result<Self> {
        Ok(Self::File(file, file.metadata()?.len()))
    }

    pub(crate) fn len(self) -> u64 {
        match self {
            Self::File(_, length) => length,
            Self::Held(bytes) => bytes.len() as u64,
        }
    }

    /// Finds the part that is most like an expected text, if any is like it.
    pub(crate) fn closest(self, expected: &str, watch: &mut Watch) -> Result<Option<Closest>, Failure> {
        closest(self.len(), |start, most| self.part(start, most), expected, watch)
    }

    /// Returns the bytes from `start` on, at most `most`.
    pub(crate) fn part(self, start: u64, most: u64) -> io::Result<Cow<'a, [u8]>> {
        let start = start.min(self.len());
        let end = start.saturating_add(most).min(self.len());
        match self {
            Self::Held(bytes) => {
                let index = |at| usize::try_from(at).unwrap_or(bytes.len());
                Ok(Cow::Borrowed(&bytes[index(start)..index(end)]))
            }
            Self::File(file, _) => {
                let length = usize::try_from(end - start).map_err(io::Error::other)?;
                let mut bytes = vec![0; length];
                let mut filled = 0;
                while filled < length {
                    match file.read_at(&mut bytes[filled..], start + filled as u64) {
                        // The file was truncated in the meantime.
                        Ok(0) => break,
                        Ok(read) => filled += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                bytes.truncate(filled);
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// Returns all of it. An error if it is larger than 64 MiB.
    pub(crate) fn all(self) -> io::Result<Cow<'a, [u8]>> {
        if self.len() > HELD {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {} MiB, the limit for regex steps", HELD >> 20),
            ));
        }
        self.part(0, HELD)
    }

    /// Returns the first position of `needle`.
    pub(crate) fn find(self, needle: &[u8], watch: &mut Watch) -> Result<Option<u64>, Failure> {
        let step = PIECE as u64;
        let mut start = 0;
        loop {
            check_time(start, watch)?;
            // A piece overlaps the next one by the length of the needle.
            let piece = self.part(start, step + needle.len() as u64)?;
            if let Some(at) = capture::find(&piece, needle) {
                return Ok(Some(start + at as u64));
            }
            start += step;
            if start >= self.len() {
                return Ok(None);
            }
        }
    }

    /// Counts how many times it contains `needle`, without overlap.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or `needle` is empty.
    pub(crate) fn count(self, needle: &[u8], watch: &mut Watch) -> Result<Count, Failure> {
        let (mut count, mut start, mut line) = (Count::default(), 0, 1);
        if needle.is_empty() {
            return Err(Failure::new("the text is empty, so it cannot be counted"));
        }
        while start < self.len() {
            check_time(start, watch)?;
            let piece = self.part(start, (PIECE + needle.len()) as u64)?;
            let mut at = 0;
            while let Some(found) = capture::find(&piece[at..], needle) {
                line += newlines(&piece[at..at + found]);
                count.add(line);
                line += newlines(needle);
                at += found + needle.len();
            }
            // A match may begin in the last bytes and go on behind the piece.
            let next = if piece.len() > PIECE { at.max(piece.len() - needle.len() + 1) } else { piece.len() };
            line += newlines(&piece[at..next]);
            start += next as u64;
        }
        Ok(count)
    }

    /// Returns the first position at which the two differ, which may be the end of one.
    pub(crate) fn difference(self, other: Bytes<'_>, watch: &mut Watch) -> Result<Option<u64>, Failure> {
        let mut start = 0;
        loop {
            check_time(start, watch)?;
            let (ours, theirs) = (self.part(start, PIECE as u64)?, other.part(start, PIECE as u64)?);
            if ours != theirs {
                let common = ours.iter().zip(theirs.iter()).take_while(|(a, b)| a == b).count();
                return Ok(Some(start + common as u64));
            }
            if ours.is_empty() {
                return Ok(None);
            }
            start += ours.len() as u64;
        }
    }

    /// Returns the end of it, from the start of a line if possible.
    pub(crate) fn tail(self) -> io::Result<Tail> {
        let start = self.line_after(self.len().saturating_sub(SHOWN), self.len())?;
        let bytes = self.part(start, SHOWN)?.into_owned();
        Ok(Tail { bytes, omitted: start })
    }

    /// Returns the first start of a line from `start` to `before`, or else `start`.
    fn line_after(self, start: u64, before: u64) -> io::Result<u64> {
        if start == 0 {
            return Ok(0);
        }
        let bytes = self.part(start, SHOWN)?;
        let newline = bytes.iter().position(|&b| b == b'\n').map(|at| start + at as u64 + 1);
        if let Some(line) = newline.filter(|&line| line < before) {
            return Ok(line);
        }
        // At least not in the middle of a character.
        let inside = bytes.iter().take(3).take_while(|&&b| b & 0b1100_0000 == 0b1000_0000).count();
        Ok(start + inside as u64)
    }

    /// Returns the text around a place.
    fn around(self, place: u64) -> io::Result<Excerpt> {
        let start = if self.len() <= SHOWN { 0 } else { self.line_after(place.saturating_sub(SHOWN / 2), place)? };
        self.from(start, place)
    }

    /// Returns the text at the end.
    fn end(self) -> io::Result<Excerpt> {
        self.from(self.line_after(self.len().saturating_sub(SHOWN), self.len())?, self.len())
    }

    /// Returns the text from `start` on, to the end of a line if that is after `place`.
    fn from(self, start: u64, place: u64) -> io::Result<Excerpt> {
        let mut bytes = self.part(start, SHOWN)?.into_owned();
        if start + (bytes.len() as u64) < self.len() {
            let line = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let valid = std::str::from_utf8(&bytes);
            bytes.truncate(match valid {
                _ if start + line as u64 > place => line,
                // At least not in the middle of a character.
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => bytes.len(),
            });
        }
        let after = self.len().saturating_sub(start + bytes.len() as u64);
        Ok(Excerpt { bytes, start, after })
    }

    /// Returns the number of lines before a place.
    pub(crate) fn lines_before(self, place: u64, watch: &mut Watch) -> Result<u64, Failure> {
        let (mut lines, mut start) = (0, 0);
        while start < place {
            check_time(start, watch)?;
            let piece = self.part(start, (PIECE as u64).min(place - start))?;
            lines += piece.split(|&byte| byte == b'\n').count() as u64 - 1;
            start += PIECE as u64;
        }
        Ok(lines)
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count() as u64 - 1
}

/// How often a text was found, and where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) times: u64,
    /// The lines of the first ones.
    first: Vec<u64>,
}

impl Count {
    /// How many lines a message names.
    const NAMED: usize = 5;

    fn add(&mut self, line: u64) {
        self.times += 1;
        if self.first.len() < Self::NAMED && self.first.last() != Some(&line) {
            self.first.push(line);
        }
    }

    /// Names the lines: `line 3`, `lines 1, 4`, `lines 1, 4, 5, 7, 9 and further ones`.
    pub(crate) fn lines(&self) -> String {
        let lines: Vec<String> = self.first.iter().map(u64::to_string).collect();
        match lines.len() {
            1 => format!("line {}", lines[0]),
            _ if self.times > Self::NAMED as u64 && lines.len() == Self::NAMED => {
                format!("lines {} and further ones", lines.join(", "))
            }
            _ => format!("lines {}", lines.join(", ")),
        }
    }
}

/// Says how to make `^` and `$` mean lines, if a regex would match then.
pub(crate) fn anchors_help(pattern: &str, text: &[u8]) -> Option<String> {
    let lines = format!("(?m){pattern}");
    let matches = pattern.contains(['^', '$']) && regex(&lines).is_ok_and(|regex| search(&regex, text).is_some());
    matches.then(|| {
        format!("`^` and `$` stand for the start and the end of all output; for those of a line, write `{lines}`")
    })
}

/// Fails if the step timed out or was interrupted. Checked now and then while reading a file that
/// may be endless.
fn check_time(read: u64, watch: &mut Watch) -> Result<(), Failure> {
    if read > 0 && read.is_multiple_of(STRETCH) {
        watch.check()?;
    }
    Ok(())
}

/// A part of a text, to show.
struct Excerpt {
    bytes: Vec<u8>,
    /// Its position in the text.
    start: u64,
    /// The number of bytes after it.
    after: u64,
}

impl Excerpt {
    fn text(&self) -> String {
        capture::text(&self.bytes)
    }

    /// Returns the position of a place in its text.
    fn place(&self, place: u64) -> usize {
        let at = usize::try_from(place.saturating_sub(self.start)).unwrap_or(usize::MAX);
        capture::text(&self.bytes[..at.min(self.bytes.len())]).len()
    }
}

/// What a failed comparison shows.
struct Mismatch {
    actual: Excerpt,
    /// The part of the expected text to show; `None` for all of it.
    expected: Option<Excerpt>,
    /// The place of a text that should not be there.
    place: Option<Range<u64>>,
}

/// Longer texts are not searched for differences that are hard to see.
const COMPARED: u64 = 1 << 20;

/// Compares a text with the expected one, which is a regex for the last two relations.
pub(crate) fn check(
    what: &str,
    actual: Bytes<'_>,
    relation: Relation,
    expected: &str,
    watch: &mut Watch,
) -> StepResult {
    watch.waits_for(&format!("the end of {what}"));
    let failed = look(actual, relation, expected, watch)
        .map_err(|error| Failure { message: format!("cannot check {what}: {}", error.message), ..error })?;
    let Some(found) = failed else { return Ok(()) };
    let shown = found.expected.as_ref().map_or_else(|| expected.to_owned(), Excerpt::text);
    let mut error = Failure::comparison(what, relation, shown, found.actual.text());
    if let Some(comparison) = &mut error.comparison {
        comparison.part = part(actual, &found, watch)?;
        if relation == Relation::Contains && is_long(actual, &found.actual) {
            comparison.closest = actual.closest(expected, watch)?;
        }
    }
    Err(invisible(actual, relation, expected)?.into_iter().fold(error, Failure::note))
}

/// Completes a comparison that a step host has made.
///
/// Finds the closest text, unless it is known, and shortens the text in which it was looked for.
/// Returns the description of a difference that is hard to see.
pub(crate) fn complete(comparison: &mut Comparison, closest: Option<Closest>) -> Result<Option<String>, Failure> {
    let Comparison { relation, expected, actual, part, .. } = comparison;
    let (whole, watch) = (Bytes::Held(actual.as_bytes()), &mut Watch::new());
    // Of a part it is not known what is beside it.
    let hidden = if *part == Part::default() { invisible(whole, *relation, expected)? } else { None };
    if *relation != Relation::Contains {
        return Ok(hidden);
    }
    let end = whole.end()?;
    comparison.closest = match closest {
        None if part.before > 0 || is_long(whole, &end) => whole.closest(expected, watch)?.map(|closest| {
            let line = closest.line + part.lines_before;
            Closest { line, ..closest }
        }),
        known => known,
    };
    part.lines_before += whole.lines_before(end.start, watch)?;
    part.before += end.start;
    *actual = end.text();
    Ok(hidden)
}

/// Describes a difference that is hard to see.
fn invisible(actual: Bytes<'_>, relation: Relation, expected: &str) -> Result<Option<String>, Failure> {
    if actual.len() > COMPARED {
        return Ok(None);
    }
    let find = match relation {
        Relation::Is => difference::invisible,
        Relation::Contains => difference::invisible_within,
        _ => return Ok(None),
    };
    let actual = actual.all()?;
    Ok(std::str::from_utf8(&actual).ok().and_then(|actual| find(expected, actual)))
}

/// Returns whether a text is so long that a failure may not show all of it.
fn is_long(whole: Bytes<'_>, shown: &Excerpt) -> bool {
    const MANY_LINES: usize = 20;
    let lines = shown.bytes.split(|&byte| byte == b'\n').count();
    shown.start > 0 || lines > MANY_LINES || whole.len() > SHOWN / 20
}

/// Returns what to show, or `None` if the relation holds.
fn look(actual: Bytes<'_>, relation: Relation, expected: &str, watch: &mut Watch) -> Result<Option<Mismatch>, Failure> {
    let wanted = Bytes::Held(expected.as_bytes());
    let end = || actual.end().map(|actual| Some(Mismatch { actual, expected: None, place: None }));
    let at = |place: Range<u64>| {
        let actual = actual.around(place.start)?;
        Ok::<_, io::Error>(Some(Mismatch { actual, expected: None, place: Some(place) }))
    };
    Ok(match relation {
        Relation::Is => match actual.difference(wanted, watch)? {
            None => None,
            Some(at) => {
                let (expected, actual) = both_around(wanted, actual, at)?;
                Some(Mismatch { actual, expected: Some(expected), place: None })
            }
        },
        Relation::IsNot => match actual.difference(wanted, watch)? {
            Some(_) => None,
            None => end()?,
        },
        Relation::Contains => match actual.find(expected.as_bytes(), watch)? {
            Some(_) => None,
            None => end()?,
        },
        Relation::DoesNotContain => match actual.find(expected.as_bytes(), watch)? {
            None => None,
            Some(start) => at(start..start + expected.len() as u64)?,
        },
        Relation::Matches | Relation::DoesNotMatch => {
            let regex = regex(expected)?;
            match (search(&regex, &actual.all()?), relation) {
                (None, Relation::Matches) => end()?,
                (Some(place), Relation::DoesNotMatch) => at(place)?,
                _ => None,
            }
        }
    })
}

fn part(whole: Bytes<'_>, found: &Mismatch, watch: &mut Watch) -> Result<Part, Failure> {
    let Mismatch { actual, expected, place } = found;
    Ok(Part {
        lines_before: whole.lines_before(actual.start, watch)?,
        before: actual.start,
        after: actual.after.max(expected.as_ref().map_or(0, |expected| expected.after)),
        found: place.as_ref().map(|place| (actual.place(place.start), actual.place(place.end))),
    })
}

/// Checks that two texts are equal. The failure names them.
pub(crate) fn check_equal(names: (&str, &str), first: Bytes<'_>, second: Bytes<'_>, watch: &mut Watch) -> StepResult {
    watch.waits_for(&format!("the end of {}", names.1));
    let Some(at) = first.difference(second, watch)? else {
        return Ok(());
    };
    let (expected, actual) = both_around(first, second, at)?;
    let what = format!("{} beside {}", names.1, names.0);
    let mut error = Failure::comparison(what, Relation::Is, expected.text(), actual.text());
    error.message = format!("{} and {} differ", names.0, names.1);
    let found = Mismatch { actual, expected: Some(expected), place: None };
    let part = part(second, &found, watch)?;
    if part != Part::default() {
        error = error.note(format!("the first difference is at byte {at}"));
    }
    if let Some(comparison) = &mut error.comparison {
        comparison.part = part;
    }
    Err(error)
}

/// Returns both texts around their first difference, from the same position.
fn both_around(first: Bytes<'_>, second: Bytes<'_>, at: u64) -> io::Result<(Excerpt, Excerpt)> {
    let start = if first.len().max(second.len()) <= SHOWN {
        0
    } else {
        // Up to `at` the two are the same, so lines start at the same positions.
        first.line_after(at.saturating_sub(SHOWN / 2), at)?
    };
    Ok((first.from(start, at)?, second.from(start, at)?))
}

/// Returns the first match of a regex.
///
/// Documents were written for Python's `re.search`, where `$` also matches before a newline at the
/// end of the text. So a second search does without that newline.
fn search(regex: &Regex, text: &[u8]) -> Option<Range<u64>> {
    let found = regex.find(text).or_else(|| regex.find(text.strip_suffix(b"\n")?));
    found.map(|found| found.start() as u64..found.end() as u64)
}

/// Compiles a regex. One that needs much memory is an error.
pub(crate) fn regex(pattern: &str) -> Result<Regex, Failure> {
    RegexBuilder::new(pattern)
        .size_limit(4 << 20)
        .build()
        .map_err(|error| Failure::new(format!("invalid regular expression: {}", reason(&error))))
}

/// Returns the reason of an error, which is the last line of its text.
fn reason(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(_) = error {
        return "it needs too much memory; reduce large `{n}` counts".to_owned();
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// Returns the problem of a step with an invalid regex, or one between the marks of another tool.
pub(crate) fn invalid_regex(captures: &Captures) -> Option<Problem> {
    let pattern = captures.known("regex")?;
    match (regex(pattern), wrapped(pattern)) {
        (Ok(_), Some(wrapped)) => {
            let message = format!("the {} are part of this regex, so it matches only text with them", wrapped.marks);
            let problem = Problem::new("regex", ProblemKind::WrappedRegex, message);
            Some(problem.help(format!("write `{}`", wrapped.right)).help(wrapped.literal))
        }
        (Ok(_), None) => None,
        (Err(error), _) => Some(Problem::new("regex", ProblemKind::InvalidRegex, error.message)),
    }
}

/// A regex between slashes or quotes.
struct WrappedRegex {
    marks: &'static str,
    /// The regex that was probably meant.
    right: String,
    /// What to write if the marks are meant.
    literal: String,
}

/// Returns the parts of a regex that is between slashes or quotes as a whole.
///
/// A path such as `/usr/bin/` has further slashes, so it is not.
fn wrapped(pattern: &str) -> Option<WrappedRegex> {
    let bare = pattern.strip_prefix('r').filter(|rest| rest.starts_with(['"', '\''])).unwrap_or(pattern);
    let mark = bare.chars().next().filter(|c| matches!(c, '/' | '"' | '\'' | '`'))?;
    let end = bare.rfind(mark).filter(|&end| end > 1)?;
    let (inside, flags) = (&bare[1..end], &bare[end + 1..]);
    let is_flags = flags.is_empty() || (mark == '/' && flags.len() < 5 && flags.chars().all(|c| "gimsuxy".contains(c)));
    let mut is_escaped = false;
    let mut has_mark = false;
    for c in inside.chars() {
        has_mark |= c == mark && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
    }
    if !is_flags || has_mark || is_escaped {
        return None;
    }
    let flags: String = flags.chars().filter(|c| "imsx".contains(*c)).collect();
    let inside = inside.replace(&format!("\\{mark}"), &mark.to_string());
    let right = if flags.is_empty() { inside } else { format!("(?{flags}){inside}") };
    let marks = if mark == '/' { "slashes" } else { "quotes" };
    let literal = format!("if the {marks} are meant, write `[{mark}]` for the first one");
    Some(WrappedRegex { marks, right, literal })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn regexes_between_marks_are_recognized() {
        let right = |pattern: &str| wrapped(pattern).map(|wrapped| wrapped.right);
        for (pattern, want) in [
            ("/password/", "password"),
            ("/a b/i", "(?i)a b"),
            (r"/a\/b/g", "a/b"),
            ("\"ok\"", "ok"),
            ("'^x$'", "^x$"),
            (r#"r"\d+""#, r"\d+"),
            ("`x`", "x"),
        ] {
            assert_eq!(right(pattern).as_deref(), Some(want), "{pattern}");
        }
        for pattern in
            ["x", "/", "//", "/usr/bin/", "/etc", "a/", "\"a\": \"b\"", "'a' 'b'", "/a/b", "it's", "[/]etc/", r"/a\/"]
        {
            assert_eq!(right(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn texts_are_found_across_block_boundaries() {
        let watch = &mut Watch::new();
        for at in [0, PIECE - 3, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 2] {
            let mut content = vec![b'.'; 2 * PIECE + 10];
            content[at..at + 6].copy_from_slice(b"needle");
            let file = file(&content);
            assert_eq!(Bytes::of(&file).unwrap().find(b"needle", watch).unwrap(), Some(at as u64));
            assert_eq!(Bytes::Held(&content).find(b"needle", watch).unwrap(), Some(at as u64));
            assert_eq!(Bytes::Held(&content).find(b"noodle", watch).unwrap(), None);
        }
        assert_eq!(Bytes::Held(b"").find(b"", watch).unwrap(), Some(0));
        assert_eq!(Bytes::Held(b"").find(b"x", watch).unwrap(), None);
        assert_eq!(Bytes::Held(b"ab").find(b"abc", watch).unwrap(), None);
    }

    #[test]
    fn texts_are_counted_wherever_they_are() {
        let content =
            [b"ab\n".repeat(PIECE / 3), b"needle needle\n".to_vec(), b"x\n".repeat(PIECE), b"needle".to_vec()];
        let content = content.concat();
        let on_disk = file(&content);
        for bytes in [Bytes::Held(&content), Bytes::of(&on_disk).unwrap()] {
            let count = bytes.count(b"needle", &mut Watch::new()).unwrap();
            let line = PIECE / 3 + 1;
            assert_eq!((count.times, count.lines()), (3, format!("lines {line}, {}", line + 1 + PIECE)));
        }
        assert_eq!(Bytes::Held(b"aaaaa").count(b"aa", &mut Watch::new()).unwrap().times, 2);
        let many = b"y".repeat(3 * PIECE);
        assert_eq!(Bytes::Held(&many).count(b"yyy", &mut Watch::new()).unwrap().times, PIECE as u64);
    }

    #[test]
    fn a_file_without_an_end_is_read_until_it_has_timed_out() {
        let file = file(b"");
        file.set_len(1 << 40).unwrap();
        let mut watch = Watch::new();
        watch.set_deadline(Some(std::time::Instant::now() + std::time::Duration::from_millis(50)));
        assert!(Bytes::of(&file).unwrap().find(b"needle", &mut watch).is_err());
        assert!(watch.has_timed_out());
    }

    #[test]
    fn differences_are_found_wherever_they_are() {
        let long = vec![b'a'; 2 * PIECE];
        let mut other = long.clone();
        other[PIECE + 7] = b'b';
        let on_disk = file(&other);
        let differ = |a: Bytes<'_>, b: Bytes<'_>| a.difference(b, &mut Watch::new()).unwrap();
        assert_eq!(differ(Bytes::Held(&long), Bytes::of(&on_disk).unwrap()), Some(PIECE as u64 + 7));
        assert_eq!(differ(Bytes::Held(&other), Bytes::of(&on_disk).unwrap()), None);
        assert_eq!(differ(Bytes::Held(b"ab"), Bytes::Held(b"abc")), Some(2));
        assert_eq!(differ(Bytes::Held(b""), Bytes::Held(b"")), None);
    }

    #[test]
    fn long_texts_are_shown_around_the_difference() {
        let text: String = (0..10_000).flat_map(|n| ["line ".to_owned(), n.to_string(), " é\n".to_owned()]).collect();
        let check =
            |relation, expected: &str| check("it", Bytes::Held(text.as_bytes()), relation, expected, &mut Watch::new());
        let error = check(Relation::DoesNotContain, "line 5000 ").unwrap_err();
        let shown = &error.comparison.as_ref().unwrap().actual;
        assert!(shown.starts_with("line 4") && shown.contains("line 5000 é\n"), "{shown}");
        assert!(shown.len() as u64 <= SHOWN);
        let part = error.comparison.as_ref().unwrap().part;
        let (start, end) = part.found.unwrap();
        assert_eq!(&shown[start..end], "line 5000 ");
        let before = usize::try_from(part.before).unwrap();
        assert!(text[before..].starts_with(shown));
        assert_eq!(part.before + shown.len() as u64 + part.after, text.len() as u64);
        assert_eq!(part.lines_before, text[..before].lines().count() as u64);
        let error = check(Relation::Contains, "nothing").unwrap_err();
        let shown = &error.comparison.as_ref().unwrap().actual;
        assert!(shown.starts_with("line 9") && shown.ends_with("line 9999 é\n"), "{shown}");
        assert!((SHOWN - 20..=SHOWN).contains(&(shown.len() as u64)));
        let other = text.replace("line 7000 ", "line seven ");
        let error = check(Relation::Is, &other).unwrap_err();
        let comparison = error.comparison.unwrap();
        assert_eq!(comparison.expected.lines().next(), comparison.actual.lines().next());
        assert!(comparison.expected.contains("line seven") && comparison.actual.contains("line 7000"));
    }

    #[test]
    fn a_dollar_matches_before_a_final_newline() {
        let matches = |pattern: &str, text: &str| search(&regex(pattern).unwrap(), text.as_bytes()).is_some();
        assert!(matches("^foo$", "foo\n"));
        assert!(matches("foo\n$", "foo\n"));
        assert!(!matches("^foo$", "foo\n\n"));
        assert!(!matches("^foo$", "foo\nbar\n"));
        assert!(matches("(?m)^foo$", "foo\nbar\n"));
        assert!(!matches("a.b", "a\nb"));
    }

    #[test]
    fn regexes_match_bytes_that_are_not_utf_8() {
        let found = search(&regex("b.$").unwrap(), b"\xff\xfea bc\n");
        assert_eq!(found, Some(4..6));
    }

    #[test]
    fn errors_of_invalid_regexes_have_one_line() {
        let message = |pattern| regex(pattern).unwrap_err().message;
        assert_eq!(message("a(b"), "invalid regular expression: unclosed group");
        assert!(message("(?=x)").starts_with("invalid regular expression: look-around"));
        assert!(message("(\\pL{1000}){1000}").contains("too much memory"));
    }

    #[test]
    fn large_texts_are_not_read_into_memory() {
        let file = file(b"");
        file.set_len(HELD + 1).unwrap();
        let error = check("it", Bytes::of(&file).unwrap(), Relation::Matches, "x", &mut Watch::new()).unwrap_err();
        assert_eq!(error, Failure::new("cannot check it: larger than 64 MiB, the limit for regex steps"));
    }
}
