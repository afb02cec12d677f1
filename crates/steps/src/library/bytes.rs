//! Comparing any amount of bytes with what a document expects, without holding more than a little of them.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use greenroom_sandbox::process::Watch;
use greenroom_sandbox::process::capture::{self, Tail};
use regex::bytes::{Regex, RegexBuilder};

use crate::check::{Problem, ProblemKind};
use crate::step::{Captures, Failure, Part, Relation, StepResult};

/// How much of something is shown when it is not what was expected.
pub(crate) const SHOWN: u64 = 8 * 1024;
/// How much may be held: regexes want their text in one piece.
pub(crate) const HELD: u64 = 64 << 20;

/// Read at a time.
const PIECE: usize = 64 * 1024;
/// How much is read between two looks at limits.
const STRETCH: u64 = 4 << 20;

/// Bytes that can be looked at more than once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bytes<'a> {
    /// In a file, as far as it was long at some moment: a process may go on writing to it. It is
    /// read by position only, since its offset may be shared with a process.
    File(&'a File, u64),
    /// In memory.
    Held(&'a [u8]),
}

impl<'a> Bytes<'a> {
    /// All that a file has now.
    pub(crate) fn of(file: &'a File) -> io::Result<Self> {
        Ok(Self::File(file, file.metadata()?.len()))
    }

    pub(crate) fn len(self) -> u64 {
        match self {
            Self::File(_, length) => length,
            Self::Held(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes from `start` on, at most `most`.
    fn part(self, start: u64, most: u64) -> io::Result<Cow<'a, [u8]>> {
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
                        // Somebody has made it shorter in the meantime.
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

    /// All of it; an error when that is too much to hold.
    pub(crate) fn all(self) -> io::Result<Cow<'a, [u8]>> {
        if self.len() > HELD {
            let (length, most) = (self.len(), HELD);
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it has {length} bytes, and {most} is the most that can be held"),
            ));
        }
        self.part(0, HELD)
    }

    /// Where `needle` first is.
    pub(crate) fn find(self, needle: &[u8], watch: &mut Watch) -> Result<Option<u64>, Failure> {
        let step = PIECE as u64;
        let mut start = 0;
        loop {
            look_up(start, watch)?;
            // Each piece reaches as far into the next one as the needle may.
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

    /// Where the two first differ; that may be the end of one of them.
    pub(crate) fn difference(self, other: Bytes<'_>, watch: &mut Watch) -> Result<Option<u64>, Failure> {
        let mut start = 0;
        loop {
            look_up(start, watch)?;
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

    /// The end of it, beginning at a line where that is possible.
    pub(crate) fn tail(self) -> io::Result<Tail> {
        let start = self.line_after(self.len().saturating_sub(SHOWN), self.len())?;
        let bytes = self.part(start, SHOWN)?.into_owned();
        Ok(Tail { bytes, omitted: start })
    }

    /// The first start of a line at or after `start` and before `before`; `start` when there is none.
    fn line_after(self, start: u64, before: u64) -> io::Result<u64> {
        if start == 0 {
            return Ok(0);
        }
        let bytes = self.part(start, SHOWN)?;
        let newline = bytes.iter().position(|&b| b == b'\n').map(|at| start + at as u64 + 1);
        if let Some(line) = newline.filter(|&line| line < before) {
            return Ok(line);
        }
        // Not in the middle of a character, at least.
        let inside = bytes.iter().take(3).take_while(|&&b| b & 0b1100_0000 == 0b1000_0000).count();
        Ok(start + inside as u64)
    }

    /// The text around a place.
    fn around(self, place: u64) -> io::Result<Excerpt> {
        let start = if self.len() <= SHOWN { 0 } else { self.line_after(place.saturating_sub(SHOWN / 2), place)? };
        self.from(start, place)
    }

    /// The text at the end.
    fn end(self) -> io::Result<Excerpt> {
        self.from(self.line_after(self.len().saturating_sub(SHOWN), self.len())?, self.len())
    }

    /// The text from `start` on, to the end of a line if that is behind `place`.
    fn from(self, start: u64, place: u64) -> io::Result<Excerpt> {
        let mut bytes = self.part(start, SHOWN)?.into_owned();
        if start + (bytes.len() as u64) < self.len() {
            let line = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let valid = std::str::from_utf8(&bytes);
            bytes.truncate(match valid {
                _ if start + line as u64 > place => line,
                // Not in the middle of a character, at least.
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => bytes.len(),
            });
        }
        let after = self.len().saturating_sub(start + bytes.len() as u64);
        Ok(Excerpt { bytes, start, after })
    }

    /// How many lines come before a place.
    fn lines_before(self, place: u64, watch: &mut Watch) -> Result<u64, Failure> {
        let (mut lines, mut start) = (0, 0);
        while start < place {
            look_up(start, watch)?;
            let piece = self.part(start, (PIECE as u64).min(place - start))?;
            lines += piece.split(|&byte| byte == b'\n').count() as u64 - 1;
            start += PIECE as u64;
        }
        Ok(lines)
    }
}

/// Whoever reads what may be endless looks up from it now and then: whether it is too late, or not wanted any more.
fn look_up(read: u64, watch: &mut Watch) -> Result<(), Failure> {
    if read > 0 && read.is_multiple_of(STRETCH) {
        watch.check()?;
    }
    Ok(())
}

/// Part of something, for people.
struct Excerpt {
    bytes: Vec<u8>,
    /// Where it begins.
    start: u64,
    /// How much comes after it.
    after: u64,
}

impl Excerpt {
    fn text(&self) -> String {
        capture::text(&self.bytes)
    }

    /// Where a place is in its text.
    fn place(&self, place: u64) -> usize {
        let at = usize::try_from(place.saturating_sub(self.start)).unwrap_or(usize::MAX);
        capture::text(&self.bytes[..at.min(self.bytes.len())]).len()
    }
}

/// What is shown of something that does not relate as it should.
struct Found {
    actual: Excerpt,
    /// What is shown of the expected text, unless that is all of it.
    expected: Option<Excerpt>,
    /// What should not be there.
    place: Option<Range<u64>>,
}

/// Checks that something relates to an expected text as it should; for the last two relations that text is a regex.
pub(crate) fn check(
    what: &str,
    actual: Bytes<'_>,
    relation: Relation,
    expected: &str,
    watch: &mut Watch,
) -> StepResult {
    watch.waits_for(&format!("the end of {what}"));
    let failed = look(actual, relation, expected, watch)
        .map_err(|error| Failure { message: format!("cannot look at {what}: {}", error.message), ..error })?;
    let Some(found) = failed else { return Ok(()) };
    let shown = found.expected.as_ref().map_or_else(|| expected.to_owned(), Excerpt::text);
    let mut error = Failure::comparison(what, relation, shown, found.actual.text());
    if let Some(comparison) = &mut error.comparison {
        comparison.part = part(actual, &found, watch)?;
    }
    Err(error)
}

/// What there is to show; nothing when all is well.
fn look(actual: Bytes<'_>, relation: Relation, expected: &str, watch: &mut Watch) -> Result<Option<Found>, Failure> {
    let wanted = Bytes::Held(expected.as_bytes());
    let end = || actual.end().map(|actual| Some(Found { actual, expected: None, place: None }));
    let at = |place: Range<u64>| {
        let actual = actual.around(place.start)?;
        Ok::<_, io::Error>(Some(Found { actual, expected: None, place: Some(place) }))
    };
    Ok(match relation {
        Relation::Is => match actual.difference(wanted, watch)? {
            None => None,
            Some(at) => {
                let (expected, actual) = both_around(wanted, actual, at)?;
                Some(Found { actual, expected: Some(expected), place: None })
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

fn part(whole: Bytes<'_>, found: &Found, watch: &mut Watch) -> Result<Part, Failure> {
    let Found { actual, expected, place } = found;
    Ok(Part {
        lines_before: whole.lines_before(actual.start, watch)?,
        before: actual.start,
        after: actual.after.max(expected.as_ref().map_or(0, |expected| expected.after)),
        found: place.as_ref().map(|place| (actual.place(place.start), actual.place(place.end))),
    })
}

/// Checks that two things are equal. The error calls them by their names.
pub(crate) fn check_equal(names: (&str, &str), first: Bytes<'_>, second: Bytes<'_>, watch: &mut Watch) -> StepResult {
    watch.waits_for(&format!("the end of {}", names.1));
    let Some(at) = first.difference(second, watch)? else {
        return Ok(());
    };
    let (expected, actual) = both_around(first, second, at)?;
    let what = format!("{} beside {}", names.1, names.0);
    let mut error = Failure::comparison(what, Relation::Is, expected.text(), actual.text());
    error.message = format!("{} and {} differ", names.0, names.1);
    let found = Found { actual, expected: Some(expected), place: None };
    let part = part(second, &found, watch)?;
    if part != Part::default() {
        error = error.note(format!("the first difference is at byte {at}"));
    }
    if let Some(comparison) = &mut error.comparison {
        comparison.part = part;
    }
    Err(error)
}

/// The text of both around the place where they first differ, beginning at the same byte.
fn both_around(first: Bytes<'_>, second: Bytes<'_>, at: u64) -> io::Result<(Excerpt, Excerpt)> {
    let start = if first.len().max(second.len()) <= SHOWN {
        0
    } else {
        // Up to `at` the two are the same, so one start of a line is as good as the other's.
        first.line_after(at.saturating_sub(SHOWN / 2), at)?
    };
    Ok((first.from(start, at)?, second.from(start, at)?))
}

/// Where a regex first matches.
///
/// Documents were written for Python's `re.search`, for which `$` is also before a newline that
/// ends the text; here it is so by looking again without that newline.
fn search(regex: &Regex, text: &[u8]) -> Option<Range<u64>> {
    let found = regex.find(text).or_else(|| regex.find(text.strip_suffix(b"\n")?));
    found.map(|found| found.start() as u64..found.end() as u64)
}

/// Compiles a regex; one that would need much memory is refused.
pub(crate) fn regex(pattern: &str) -> Result<Regex, Failure> {
    RegexBuilder::new(pattern)
        .size_limit(4 << 20)
        .build()
        .map_err(|error| Failure::new(format!("not a regular expression: {}", reason(&error))))
}

/// The crate draws its complaints over several lines; the last one says what is wrong.
fn reason(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(_) = error {
        return "it needs too much memory; are there large `{n}` counts in it?".to_owned();
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// A regex that is none, found before anything runs.
pub(crate) fn bad_regex(captures: &Captures) -> Option<Problem> {
    let pattern = captures.get("regex").filter(|pattern| !pattern.contains("${"))?;
    let error = regex(pattern).err()?;
    Some(Problem::new("regex", ProblemKind::InvalidRegex, error.message))
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
    fn finds_across_the_edges_of_pieces() {
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
    fn long_texts_are_shown_around_the_place_that_matters() {
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
    fn a_dollar_is_also_before_the_last_newline() {
        let matches = |pattern: &str, text: &str| search(&regex(pattern).unwrap(), text.as_bytes()).is_some();
        assert!(matches("^foo$", "foo\n"));
        assert!(matches("foo\n$", "foo\n"));
        assert!(!matches("^foo$", "foo\n\n"));
        assert!(!matches("^foo$", "foo\nbar\n"));
        assert!(matches("(?m)^foo$", "foo\nbar\n"));
        assert!(!matches("a.b", "a\nb"));
    }

    #[test]
    fn regexes_see_bytes_that_are_no_utf_8() {
        let found = search(&regex("b.$").unwrap(), b"\xff\xfea bc\n");
        assert_eq!(found, Some(4..6));
    }

    #[test]
    fn bad_regexes_are_told_in_one_line() {
        let message = |pattern| regex(pattern).unwrap_err().message;
        assert_eq!(message("a(b"), "not a regular expression: unclosed group");
        assert!(message("(?=x)").starts_with("not a regular expression: look-around"));
        assert!(message("(\\pL{1000}){1000}").contains("too much memory"));
    }

    #[test]
    fn too_much_is_not_held() {
        let file = file(b"");
        file.set_len(HELD + 1).unwrap();
        let error = check("it", Bytes::of(&file).unwrap(), Relation::Matches, "x", &mut Watch::new()).unwrap_err();
        assert_eq!(
            error,
            Failure::new("cannot look at it: it has 67108865 bytes, and 67108864 is the most that can be held")
        );
    }
}
