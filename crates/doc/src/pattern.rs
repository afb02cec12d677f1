//! Patterns of bindings: the simple form with `{captures}`, and regexes; what they capture, and what text they cannot do without.

use std::ops::Range;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use crate::plan::CaptureType;

/// No pattern that a person writes comes near this; one that does would eat memory for every step.
const REGEX_SIZE_LIMIT: usize = 2 << 20;

/// What steps are matched with. Compiled when first needed: most bindings of the libraries never are.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: String,
    case_sensitive: bool,
    compiled: OnceLock<Option<Regex>>,
    /// The group of each capture, in the order of the binding's captures.
    pub(crate) groups: Vec<usize>,
    /// Pieces of ASCII text that every matching step has in it, in some case.
    pub(crate) literals: Vec<String>,
    /// Whether captures may be of another type than the regex allows, so that it has to be checked.
    pub(crate) check_types: bool,
}

impl Pattern {
    /// The compiled form; `None` if it cannot be had, which was complained about when it was read.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| build(&self.regex, self.case_sensitive).ok()).as_ref()
    }
}

fn build(regex: &str, case_sensitive: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).case_insensitive(!case_sensitive).size_limit(REGEX_SIZE_LIMIT).build()
}

/// Something wrong in a pattern, and where in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) range: Range<usize>,
    pub(crate) help: Vec<String>,
    pub(crate) warning: bool,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>, range: Range<usize>) -> Self {
        Self { code, message: message.into(), range, help: Vec::new(), warning: false }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// A capture as the pattern has it, before types from elsewhere are known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawCapture {
    pub(crate) name: String,
    /// The type written in the pattern.
    pub(crate) kind: Option<String>,
    pub(crate) range: Range<usize>,
}

/// A piece of a simple pattern.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Capture(usize),
}

/// A simple pattern taken apart.
#[derive(Debug, Default)]
pub(crate) struct Simple {
    pieces: Vec<Piece>,
    pub(crate) captures: Vec<RawCapture>,
    pub(crate) faults: Vec<Fault>,
}

/// Characters that may mean that a regex was intended.
const SUSPICIOUS: &[char] = &['$', '^', '*', '.', '(', ')', '+', '?', '|', '[', ']', '\\'];

/// Pieces that nobody writes who does not mean a regex.
const SURELY_REGEX: &[&str] = &["(?", ".*", ".+", "\\S", "\\s", "\\d", "\\w", "[^", "]+", "]*", ")?", ")+", ")*"];

impl Simple {
    /// Takes a simple pattern apart. `explicit`: `regex: false` is written out, so nothing is suspicious.
    pub(crate) fn parse(pattern: &str, explicit: bool) -> Self {
        let mut simple = Self::default();
        let mut literal = String::new();
        let mut suspicious: Option<Range<usize>> = None;
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            let at = pattern.len() - rest.len();
            let width = c.len_utf8();
            match c {
                '{' => {
                    let inside = rest[1..].find(['{', '}']).filter(|&end| rest.as_bytes()[end + 1] == b'}');
                    let name = inside.map_or("", |end| &rest[1..=end]);
                    let (name, kind) = match name.split_once(':') {
                        Some((name, kind)) => (name, Some(kind)),
                        None => (name, None),
                    };
                    if name.is_empty() || name.contains(char::is_whitespace) || name.contains(['"', '\'']) {
                        simple.faults.push(stray(at, '{'));
                        rest = &rest[1..];
                        continue;
                    }
                    let length = inside.unwrap_or(0) + 2;
                    if !literal.is_empty() {
                        simple.pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    simple.pieces.push(Piece::Capture(simple.captures.len()));
                    simple.captures.push(RawCapture {
                        name: name.to_owned(),
                        kind: kind.map(|kind| kind.trim().to_owned()),
                        range: at..at + length,
                    });
                    rest = &rest[length..];
                    continue;
                }
                '}' => simple.faults.push(stray(at, '}')),
                // Steps have their blanks collapsed, so a pattern with more could never match.
                c if c.is_ascii_whitespace() => {
                    let blank_before = literal.ends_with(' ') || (literal.is_empty() && simple.pieces.is_empty());
                    if !blank_before {
                        literal.push(' ');
                    }
                }
                c => {
                    if SUSPICIOUS.contains(&c) && suspicious.is_none() {
                        suspicious = Some(at..at + width);
                    }
                    literal.push(c);
                }
            }
            rest = &rest[width..];
        }
        literal.truncate(literal.trim_end_matches(' ').len());
        if !literal.is_empty() {
            simple.pieces.push(Piece::Literal(literal));
        }
        if let Some(range) = suspicious.filter(|_| !explicit) {
            simple.suspect(pattern, range);
        }
        simple
    }

    fn suspect(&mut self, pattern: &str, range: Range<usize>) {
        let surely = SURELY_REGEX.iter().any(|piece| self.literals().any(|literal| literal.contains(piece)))
            || pattern.starts_with('^')
            || pattern.ends_with('$');
        if surely {
            // Braces inside a regex would be complained about as well, and beside the point.
            self.faults.clear();
            self.faults.push(
                Fault::new("regex-or-not", "this pattern looks like a regular expression", range)
                    .help("write `regex: true` if it is one, `regex: false` if it is meant as it stands"),
            );
        } else {
            let character = &pattern[range.clone()];
            let message = format!("`{character}` is taken as it stands in a simple pattern");
            let mut fault = Fault::new("regex-or-not", message, range)
                .help("write `regex: false` to say that this is meant, or `regex: true` for a regular expression");
            fault.warning = true;
            self.faults.push(fault);
        }
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Capture(_) => None,
        })
    }

    /// Puts it together again, with the type of each capture.
    pub(crate) fn pattern(&self, kinds: &[CaptureType], case_sensitive: bool) -> Pattern {
        let mut regex = String::from("^");
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => regex.push_str(&regex::escape(text)),
                Piece::Capture(index) => {
                    regex.push('(');
                    regex.push_str(kinds[*index].regex());
                    regex.push(')');
                }
            }
        }
        regex.push('$');
        let literals = self.literals().flat_map(ascii_runs).collect();
        let groups = (1..=self.captures.len()).collect();
        Pattern { regex, case_sensitive, compiled: OnceLock::new(), groups, literals, check_types: false }
    }
}

fn stray(at: usize, brace: char) -> Fault {
    Fault::new("stray-brace", format!("this `{brace}` belongs to no capture"), at..at + 1)
        .help("captures are written `{name}` or `{name:type}`, without blanks")
        .help("for a brace in the step, write a pattern with `regex: true` and put a backslash before the brace")
}

/// A regex with its named groups, compiled at once: a mistake in it must be told even if no step needs it.
pub(crate) fn parse_regex(pattern: &str, case_sensitive: bool) -> Result<(Pattern, Vec<String>), Fault> {
    let Scan { literals, escapes_group } = scan(pattern);
    // The group keeps alternatives together: `a|b` means a whole step `a` or a whole step `b`.
    let wrapped = format!("^(?:{pattern})$");
    let compiled = match build(&wrapped, case_sensitive) {
        Ok(compiled) if !escapes_group => compiled,
        // Without the wrapping, so that the position is right.
        outcome => match (build(pattern, case_sensitive), outcome) {
            (Err(error), _) | (Ok(_), Err(error)) => return Err(regex_fault(pattern, &error)),
            (Ok(_), Ok(compiled)) => compiled,
        },
    };
    let captured: Vec<(usize, String)> =
        compiled.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?.to_owned()))).collect();
    let (groups, names) = captured.into_iter().unzip();
    let compiled = OnceLock::from(Some(compiled));
    Ok((Pattern { regex: wrapped, case_sensitive, compiled, groups, literals, check_types: true }, names))
}

/// The regex crate draws its complaint as text: the pattern, a line with carets under it, and the reason.
fn regex_fault(pattern: &str, error: &regex::Error) -> Fault {
    let text = error.to_string();
    let mut range = 0..pattern.len();
    let reason = if matches!(error, regex::Error::CompiledTooBig(_)) {
        "it needs too much memory; are there large `{n}` counts in it?"
    } else {
        let mut lines = text.lines();
        let carets = lines.find(|line| line.contains('^') && line.trim_matches([' ', '^']).is_empty());
        if let Some(carets) = carets.filter(|_| !pattern.contains('\n')) {
            // Of two marked places the second is at fault. The pattern is shown indented by four.
            let carets = carets.trim_end();
            let count = carets.len() - carets.trim_end_matches('^').len();
            let skip = (carets.len() - count).saturating_sub(4);
            let byte = |character| pattern.char_indices().nth(character).map_or(pattern.len(), |(at, _)| at);
            range = byte(skip)..byte(skip + count);
        }
        let last = text.lines().last().unwrap_or_default().trim();
        last.strip_prefix("error: ").unwrap_or(last)
    };
    Fault::new("bad-regex", format!("not a regular expression: {reason}"), range)
}

/// Splits at characters that are not ASCII: their upper and lower case cannot be told apart by bytes.
fn ascii_runs(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii()).filter(|run| !run.is_empty()).map(str::to_ascii_lowercase)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Scan {
    literals: Vec<String>,
    /// A `)` that closes what it did not open, and would end the group put around the pattern.
    escapes_group: bool,
}

/// Finds text that every match of a regex contains: runs of plain characters outside groups. Gives up at anything out of the
/// ordinary; finding nothing only costs speed.
fn scan(pattern: &str) -> Scan {
    let mut runs = Vec::new();
    let mut run = String::new();
    let mut depth = 0_u32;
    let mut useless = false;
    let mut escapes_group = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let mut literal = None;
        match c {
            '\\' => match chars.next() {
                Some(c) if c.is_ascii_punctuation() && !matches!(c, '<' | '>') => literal = Some(c),
                // `\p{..}`, `\x{..}`, `\b{..}` have braces that are no counts.
                Some('p' | 'P' | 'x' | 'u' | 'U' | 'b') => useless = true,
                _ => {}
            },
            '[' => skip_class(&mut chars),
            '(' => {
                depth += 1;
                if chars.peek() == Some(&'?') {
                    chars.next();
                    // Flags change what the rest means.
                    useless |= !matches!(chars.peek(), Some('P' | '<' | ':'));
                }
            }
            ')' => {
                escapes_group |= depth == 0;
                depth = depth.saturating_sub(1);
            }
            '|' => useless |= depth == 0,
            '?' | '*' | '{' => {
                run.pop();
            }
            '.' | '^' | '$' | '+' | '}' => {}
            c => literal = Some(c),
        }
        match literal {
            Some(c) if depth == 0 => run.push(c),
            _ => runs.push(std::mem::take(&mut run)),
        }
        if c == '{' {
            // A count is no text.
            while chars.next_if(|&c| c != '}').is_some() {}
            runs.push(std::mem::take(&mut run));
        }
    }
    runs.push(run);
    let literals = if useless { Vec::new() } else { runs.iter().flat_map(|run| ascii_runs(run)).collect() };
    Scan { literals, escapes_group }
}

fn skip_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut depth = 1_u32;
    chars.next_if_eq(&'^');
    // A bracket that comes first is a member.
    chars.next_if_eq(&']');
    while depth > 0 {
        match chars.next() {
            None => return,
            Some('\\') => {
                chars.next();
            }
            Some('[') => depth += 1,
            Some(']') => depth -= 1,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(pattern: &str) -> Vec<String> {
        let simple = Simple::parse(pattern, false);
        simple.faults.iter().map(|f| format!("{}@{}..{}", f.message, f.range.start, f.range.end)).collect()
    }

    fn captured(pattern: &str, step: &str) -> Option<String> {
        let simple = Simple::parse(pattern, true);
        let kinds: Vec<CaptureType> = simple
            .captures
            .iter()
            .map(|c| c.kind.as_deref().map_or(CaptureType::Word, |kind| CaptureType::from_name(kind).unwrap()))
            .collect();
        let pattern = simple.pattern(&kinds, false);
        let found = pattern.regex().unwrap().captures(step)?;
        let groups = pattern.groups.iter();
        Some(groups.map(|&group| found[group].to_owned()).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn simple_patterns_match() {
        assert_eq!(captured("a thing", "A Thing").as_deref(), Some(""));
        assert_eq!(captured("a thing", "a thing or two"), None);
        assert_eq!(captured("say {x}", "say hi").as_deref(), Some("hi"));
        assert_eq!(captured("say {x}", "say hi there"), None);
        assert_eq!(captured("say {x:text}", "say hi there").as_deref(), Some("hi there"));
        assert_eq!(captured("run {argv0}{args:text}", "run ls -l x").as_deref(), Some("ls| -l x"));
        assert_eq!(captured("{n:number} and {m:int}", "1.50 and -2").as_deref(), Some("1.50|-2"));
        assert_eq!(captured("{n:uint}", "-2"), None);
        assert_eq!(captured("a.b (c) $x", "a.b (c) $x").as_deref(), Some(""));
        assert_eq!(captured("a.b", "axb"), None);
        assert_eq!(captured("  a   b ", "a b").as_deref(), Some(""));
        assert_eq!(captured("{x}  {y}", "1 2").as_deref(), Some("1|2"));
    }

    #[test]
    fn simple_patterns_are_checked() {
        assert!(faults("a {b} {c:int}").is_empty());
        assert_eq!(faults("a } b"), ["this `}` belongs to no capture@2..3"]);
        assert_eq!(faults("a { b"), ["this `{` belongs to no capture@2..3"]);
        assert_eq!(
            faults("a {} {b c}"),
            [
                "this `{` belongs to no capture@2..3",
                "this `}` belongs to no capture@3..4",
                "this `{` belongs to no capture@5..6",
                "this `}` belongs to no capture@9..10"
            ]
        );
        assert_eq!(faults("a {b{c}"), ["this `{` belongs to no capture@2..3"]);
        assert_eq!(faults("a.b"), ["`.` is taken as it stands in a simple pattern@1..2"]);
        assert_eq!(faults("a (?P<x>.*)"), ["this pattern looks like a regular expression@2..3"]);
        assert!(Simple::parse("a.*", true).faults.is_empty());
    }

    #[test]
    fn regexes_are_anchored_as_a_whole() {
        let (pattern, names) = parse_regex("alpha|(?P<x>b+)(c(d))?", false).unwrap();
        let regex = pattern.regex().unwrap();
        assert_eq!(names, ["x"]);
        assert_eq!(pattern.groups, [1]);
        assert!(regex.is_match("ALPHA") && regex.is_match("bb"));
        assert!(!regex.is_match("alpha then junk"));
    }

    #[test]
    fn bad_regexes_say_where() {
        let fault = |pattern: &str| {
            let fault = parse_regex(pattern, false).unwrap_err();
            format!("{}@{}..{}", fault.message, fault.range.start, fault.range.end)
        };
        assert_eq!(fault("say (x"), "not a regular expression: unclosed group@4..5");
        assert_eq!(fault("é [x"), "not a regular expression: unclosed character class@3..4");
        assert_eq!(fault("a)|(b"), "not a regular expression: unopened group@1..2");
        assert_eq!(fault("(?P<a>x)(?P<a>y)"), "not a regular expression: duplicate capture group name@12..13");
        assert!(fault("(\\pL{1000}){1000}").contains("too much memory"));
    }

    #[test]
    fn needed_text_of_regexes() {
        let cases: &[(&str, &[&str])] = &[
            ("abc", &["abc"]),
            ("given file (?P<x>\\S+) has", &["given file ", " has"]),
            ("colou?r", &["colo", "r"]),
            ("ab*c", &["a", "c"]),
            ("ab+c", &["ab", "c"]),
            ("ab{0,2}c", &["a", "c"]),
            ("a\\.b", &["a.b"]),
            ("a\\d+b", &["a", "b"]),
            ("a[x]y]b", &["a", "y]b"]),
            ("a[]x]b", &["a", "b"]),
            ("a|b", &[]),
            ("x(a|b)y", &["x", "y"]),
            ("(?i)abc", &[]),
            ("(?x) a b", &[]),
            ("caféS", &["caf", "s"]),
            ("a\\x{41}b", &[]),
            ("(a(b)c)d", &["d"]),
            ("(ab)?c", &["c"]),
        ];
        for &(pattern, want) in cases {
            assert_eq!(scan(pattern).literals, want, "{pattern}");
        }
    }
}
