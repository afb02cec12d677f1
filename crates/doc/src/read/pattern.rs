//! Patterns of bindings: simple ones with `{captures}`, and regexes. What they capture, and the
//! literals in them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use crate::capture::CaptureType;
use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// No sensible pattern comes near this. A larger one would cost memory for every step.
const REGEX_SIZE_LIMIT: usize = 2 << 20;

/// A pattern. Compiled when first needed: most bindings of the libraries never are.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: String,
    case_sensitive: bool,
    compiled: OnceLock<Option<Regex>>,
    /// The group of each capture, in the order of the binding's captures.
    pub(crate) groups: Vec<usize>,
    /// ASCII literals that every matching step contains in this order, in any case.
    pub(crate) literals: Vec<String>,
    /// Whether captures that the regex accepts may not fit their types.
    pub(crate) check_types: bool,
}

impl Pattern {
    /// Returns the compiled regex. `None` if it is invalid, which was reported when it was read.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| build(&self.regex, self.case_sensitive).ok()).as_ref()
    }

    /// Returns the compiled regex if a text may match it.
    ///
    /// To compile one takes as long as to match a thousand texts, so it looks for the literals before.
    pub(crate) fn regex_for(&self, text: &str) -> Option<&Regex> {
        // Other characters may be cases of ASCII letters.
        if self.compiled.get().is_none() && text.is_ascii() && !self.has_literals(text) {
            return None;
        }
        self.regex()
    }

    /// Whether a text contains all literals in their order.
    fn has_literals(&self, text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        let mut rest = lower.as_str();
        self.literals.iter().all(|literal| match rest.find(literal.as_str()) {
            Some(at) => {
                rest = &rest[at + literal.len()..];
                true
            }
            None => false,
        })
    }
}

fn build(regex: &str, case_sensitive: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).case_insensitive(!case_sensitive).size_limit(REGEX_SIZE_LIMIT).build()
}

/// A mistake in a pattern: its diagnostic, still without a place, and its range in the pattern.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) diagnostic: Diagnostic,
    pub(crate) range: Range<usize>,
}

/// A capture as the pattern has it, before types from `types` are known.
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

/// A parsed simple pattern.
#[derive(Debug, Default)]
pub(crate) struct SimplePattern {
    pieces: Vec<Piece>,
    pub(crate) captures: Vec<RawCapture>,
    pub(crate) mistakes: Vec<Mistake>,
}

/// Characters that may mean that a regex is intended.
const SUSPICIOUS: &[char] = &['$', '^', '*', '.', '(', ')', '+', '?', '|', '[', ']', '\\'];

/// Texts that only occur in regexes.
const SURELY_REGEX: &[&str] = &["(?", ".*", ".+", "\\S", "\\s", "\\d", "\\w", "[^", "]+", "]*", ")?", ")+", ")*"];

impl SimplePattern {
    /// Parses a simple pattern. With `explicit`, the binding has `regex: false`, so nothing is
    /// suspicious.
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
                        simple.mistakes.push(stray(at, '{'));
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
                '}' => simple.mistakes.push(stray(at, '}')),
                // Spaces in steps are collapsed, so a pattern with more could never match.
                c if c.is_ascii_whitespace() => {
                    let space_before = literal.ends_with(' ') || (literal.is_empty() && simple.pieces.is_empty());
                    if !space_before {
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
        let is_regex = SURELY_REGEX.iter().any(|piece| self.literals().any(|literal| literal.contains(piece)))
            || pattern.starts_with('^')
            || pattern.ends_with('$');
        let diagnostic = if is_regex {
            // Braces in a regex would be reported as well, and mislead.
            self.mistakes.clear();
            Diagnostic::error(Code::RegexOrNot, "this pattern looks like a regular expression")
                .help("write `regex: true` if it is one, or `regex: false` to match it literally")
        } else {
            let message = format!("`{}` is matched literally in a simple pattern", &pattern[range.clone()]);
            Diagnostic::warning(Code::RegexOrNot, message)
                .help("write `regex: false` if that is intended, or `regex: true` for a regular expression")
        };
        self.mistakes.push(Mistake { diagnostic, range });
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Capture(_) => None,
        })
    }

    /// Builds the regex, given the type of each capture.
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

fn stray(at: usize, brace: char) -> Mistake {
    let diagnostic = Diagnostic::error(Code::StrayBrace, format!("this `{brace}` does not belong to a capture"))
        .help("write captures as `{name}` or `{name:type}`, without spaces")
        .help("to match a brace, write `regex: true` and put a backslash before the brace");
    Mistake { diagnostic, range: at..at + 1 }
}

/// Reads a regex and returns the names of its groups.
///
/// It is compiled at once, because a mistake is reported even if no step needs the binding. Those of
/// libraries are many and hardly have mistakes, so they are only parsed.
pub(crate) fn parse_regex(
    pattern: &str,
    case_sensitive: bool,
    is_builtin: bool,
) -> Result<(Pattern, Vec<String>), Box<Mistake>> {
    let Scan { literals, escapes_group } = scan(pattern);
    // The group keeps alternatives together: `a|b` means a whole step `a` or a whole step `b`.
    let wrapped = format!("^(?:{pattern})$");
    // Its groups are the same if it minds the case, and to fold the case of classes takes long.
    let parse = || ParserBuilder::new().build().parse(&wrapped).ok();
    let parsed = if is_builtin && !escapes_group { parse() } else { None };
    let (captured, compiled) = if let Some(parsed) = parsed {
        (named_groups(&parsed), OnceLock::new())
    } else {
        let compiled = compile(pattern, &wrapped, case_sensitive, escapes_group)?;
        let all = compiled.capture_names().enumerate();
        let captured = all.filter_map(|(group, name)| Some((group, name?.to_owned()))).collect();
        (captured, OnceLock::from(Some(compiled)))
    };
    let (groups, names) = captured.into_iter().unzip();
    Ok((Pattern { regex: wrapped, case_sensitive, compiled, groups, literals, check_types: true }, names))
}

/// Compiles a regex in the group that is put around it.
fn compile(pattern: &str, wrapped: &str, case_sensitive: bool, escapes_group: bool) -> Result<Regex, Box<Mistake>> {
    match build(wrapped, case_sensitive) {
        Ok(compiled) if !escapes_group => Ok(compiled),
        // Without the wrapping, so that the position is right.
        outcome => match (build(pattern, case_sensitive), outcome) {
            (Err(error), _) | (Ok(_), Err(error)) => Err(Box::new(invalid_regex(pattern, &error))),
            (Ok(_), Ok(compiled)) => Ok(compiled),
        },
    }
}

/// Returns the groups of a regex that have names, in their order.
fn named_groups(regex: &Hir) -> BTreeMap<usize, String> {
    let mut groups = BTreeMap::new();
    let mut left = vec![regex];
    while let Some(part) = left.pop() {
        if let HirKind::Capture(capture) = part.kind()
            && let Some(name) = &capture.name
        {
            groups.insert(capture.index as usize, name.to_string());
        }
        left.extend(part.kind().subs());
    }
    groups
}

/// Reads place and reason from an error of the regex crate, which has them only as text.
///
/// The text has the pattern, a line with carets under it, and the reason.
fn invalid_regex(pattern: &str, error: &regex::Error) -> Mistake {
    let text = error.to_string();
    let mut range = 0..pattern.len();
    let reason = if matches!(error, regex::Error::CompiledTooBig(_)) {
        "it needs too much memory; does it have large `{n}` counts?"
    } else {
        let mut lines = text.lines();
        let carets = lines.find(|line| line.contains('^') && line.trim_matches([' ', '^']).is_empty());
        if let Some(carets) = carets.filter(|_| !pattern.contains('\n')) {
            // Of two marked places the second has the mistake. The pattern is indented by four.
            let carets = carets.trim_end();
            let count = carets.len() - carets.trim_end_matches('^').len();
            let skip = (carets.len() - count).saturating_sub(4);
            let byte = |character| pattern.char_indices().nth(character).map_or(pattern.len(), |(at, _)| at);
            range = byte(skip)..byte(skip + count);
        }
        let last = text.lines().last().unwrap_or_default().trim();
        last.strip_prefix("error: ").unwrap_or(last)
    };
    let diagnostic = Diagnostic::error(Code::BadRegex, format!("invalid regular expression: {reason}"));
    Mistake { diagnostic, range }
}

/// Splits at characters that are not ASCII: their case cannot be ignored by bytes.
fn ascii_runs(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii()).filter(|run| !run.is_empty()).map(str::to_ascii_lowercase)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Scan {
    literals: Vec<String>,
    /// Whether a `)` without a `(` would close the group that is put around the pattern.
    escapes_group: bool,
}

/// Finds literals that every match of a regex contains: runs of plain characters outside groups.
///
/// It skips any regex that is out of the ordinary. Finding nothing only costs speed.
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
                // The braces of `\p{..}`, `\x{..}` and `\b{..}` are not counts.
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
            // A count is not a literal.
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
    // A bracket that comes first is a member of the class.
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

    fn shown(mistake: &Mistake) -> String {
        format!("{}@{}..{}", mistake.diagnostic.message, mistake.range.start, mistake.range.end)
    }

    fn mistakes(pattern: &str) -> Vec<String> {
        let simple = SimplePattern::parse(pattern, false);
        simple.mistakes.iter().map(shown).collect()
    }

    fn captured(pattern: &str, step: &str) -> Option<String> {
        let simple = SimplePattern::parse(pattern, true);
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
    fn json_and_its_paths_split_a_step_in_one_way() {
        let captured = |step| captured("{p:jsonpath} is {j:json}", step);
        assert_eq!(captured(r#"$.m is "this is it""#).as_deref(), Some(r#"$.m|"this is it""#));
        assert_eq!(
            captured(r#"$.a[?@.b == "is 1"].c is [1, "is"]"#).as_deref(),
            Some(r#"$.a[?@.b == "is 1"].c|[1, "is"]"#)
        );
        assert_eq!(captured("$['x is 1'] is 2").as_deref(), Some("$['x is 1']|2"));
        assert_eq!(captured("$.id is ${ID}").as_deref(), Some("$.id|${ID}"));
        for other in ["$.m is not {}", "$.m is at least 2", "$.m is a number", "$.m is milk", "m is 1", "$.m n is 1"] {
            assert_eq!(captured(other), None, "{other}");
        }
    }

    #[test]
    fn simple_patterns_are_checked() {
        assert!(mistakes("a {b} {c:int}").is_empty());
        assert_eq!(mistakes("a } b"), ["this `}` does not belong to a capture@2..3"]);
        assert_eq!(mistakes("a { b"), ["this `{` does not belong to a capture@2..3"]);
        assert_eq!(
            mistakes("a {} {b c}"),
            [
                "this `{` does not belong to a capture@2..3",
                "this `}` does not belong to a capture@3..4",
                "this `{` does not belong to a capture@5..6",
                "this `}` does not belong to a capture@9..10"
            ]
        );
        assert_eq!(mistakes("a {b{c}"), ["this `{` does not belong to a capture@2..3"]);
        assert_eq!(mistakes("a.b"), ["`.` is matched literally in a simple pattern@1..2"]);
        assert_eq!(mistakes("a (?P<x>.*)"), ["this pattern looks like a regular expression@2..3"]);
        assert!(SimplePattern::parse("a.*", true).mistakes.is_empty());
    }

    #[test]
    fn regexes_are_anchored_as_a_whole() {
        for is_builtin in [false, true] {
            let (pattern, names) = parse_regex("alpha|((?P<x>b+)(?<y>c))(d)?", false, is_builtin).unwrap();
            let regex = pattern.regex().unwrap();
            assert_eq!(names, ["x", "y"]);
            assert_eq!(pattern.groups, [2, 3]);
            assert!(regex.is_match("ALPHA") && regex.is_match("bbc"));
            assert!(!regex.is_match("alpha then junk"));
        }
    }

    #[test]
    fn invalid_regexes_say_where() {
        let mistake = |pattern: &str| {
            let of = |is_builtin| shown(&parse_regex(pattern, false, is_builtin).unwrap_err());
            assert_eq!(of(false), of(true));
            of(false)
        };
        assert_eq!(mistake("say (x"), "invalid regular expression: unclosed group@4..5");
        assert_eq!(mistake("é [x"), "invalid regular expression: unclosed character class@3..4");
        assert_eq!(mistake("a)|(b"), "invalid regular expression: unopened group@1..2");
        assert_eq!(mistake("(?P<a>x)(?P<a>y)"), "invalid regular expression: duplicate capture group name@12..13");
        assert!(shown(&parse_regex("(\\pL{1000}){1000}", false, false).unwrap_err()).contains("too much memory"));
    }

    #[test]
    fn literals_of_regexes() {
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
