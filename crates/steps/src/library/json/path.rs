//! Paths into data: `JSONPath` as RFC 9535 defines it, and what a path selects.

use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};

use super::place::{Element, place, push};
use super::show::{brief, kind};
use crate::library::place::{list, nearest};
use crate::step::Failure;

/// A parsed path.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) text: String,
    parsed: JsonPath,
    /// Where each of its segments ends in the text.
    segments: Vec<usize>,
    /// Whether it names one place, with names and indexes only.
    pub(super) is_single: bool,
}

/// Why a text is not a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathError {
    pub(super) reason: String,
    /// Where, in bytes.
    pub(super) at: usize,
    pub(super) help: Option<String>,
}

impl PathError {
    /// Returns the failure of a step with this path.
    pub(super) fn into_failure(self) -> Failure {
        let failure = Failure::new(format!("invalid JSONPath: {}", self.reason));
        self.help.into_iter().fold(failure, Failure::help)
    }
}

/// A value that a path selects.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) place: Vec<Element>,
    pub(super) value: &'a Value,
}

impl Path {
    /// Parses a path.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let parsed = JsonPath::parse(text).map_err(|error| {
            let at = (0..=error.position().min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            let help = advice(text, at);
            let reason = match &text[at..] {
                "" => "it ends too early".to_owned(),
                rest => format!("unexpected `{}`", rest.chars().take(20).collect::<String>()),
            };
            PathError { reason, at, help }
        })?;
        let (segments, is_single) = segments(text);
        Ok(Self { text: text.to_owned(), parsed, segments, is_single })
    }

    /// Returns the path of the whole.
    pub(super) fn root() -> Self {
        Self { text: "$".to_owned(), parsed: JsonPath::default(), segments: Vec::new(), is_single: true }
    }

    /// Returns what it selects.
    pub(super) fn nodes<'a>(&self, value: &'a Value) -> Vec<Node<'a>> {
        let located = self.parsed.query_located(value);
        let node = |located: &serde_json_path::LocatedNode<'a>| Node {
            place: located
                .location()
                .iter()
                .map(|element| match element {
                    PathElement::Name(name) => Element::Name((*name).to_owned()),
                    PathElement::Index(index) => Element::Index(*index),
                })
                .collect(),
            value: located.node(),
        };
        located.iter().map(node).collect()
    }

    /// Returns the one value that it selects. `what` names the data.
    pub(super) fn one<'a>(&self, value: &'a Value, what: &str) -> Result<Node<'a>, Failure> {
        let mut nodes = self.nodes(value);
        match nodes.len() {
            0 => Err(self.nothing(value, what)),
            1 => Ok(nodes.remove(0)),
            count => {
                let text = &self.text;
                let places: Vec<String> = nodes.iter().map(|node| place(&node.place)).collect();
                Err(Failure::new(format!("{text} selects {count} values in {what}, and this step needs one"))
                    .note(format!("they are at {}", list(&places)))
                    .help(format!("to select the first one, write `{}`", places[0])))
            }
        }
    }

    /// Describes that it selects nothing: how far it leads, and what is there.
    pub(super) fn nothing(&self, value: &Value, what: &str) -> Failure {
        let error = Failure::new(format!("nothing at {} in {what}", self.text));
        let mut reached = ("$".to_owned(), value);
        let mut next = self.text.trim_start_matches('$');
        for &end in &self.segments {
            let prefix = &self.text[..end];
            let Ok(path) = JsonPath::parse(prefix) else { break };
            let nodes = path.query_located(value);
            let Some(first) = nodes.first() else { break };
            let elements = first.location().iter().map(|element| match element {
                PathElement::Name(name) => Element::Name((*name).to_owned()),
                PathElement::Index(index) => Element::Index(*index),
            });
            let count = nodes.len();
            let more = if count > 1 { format!(", the first of {count} at {prefix},") } else { String::new() };
            reached = (format!("{}{more}", place(&elements.collect::<Vec<_>>())), first.node());
            next = &self.text[end..];
        }
        let (place, value) = reached;
        match value {
            Value::Object(members) if members.is_empty() => error.note(format!("{place} is an empty object")),
            Value::Object(members) => {
                let names: Vec<String> = members.keys().cloned().collect();
                let error = error.note(format!("{place} has: {}", list(&names)));
                match name_of(next).and_then(|name| nearest(&name, names.iter().map(String::as_str)).map(str::to_owned))
                {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                }
            }
            Value::Array(items) => {
                let error = match items.len() {
                    0 => error.note(format!("{place} is an empty array")),
                    1 => error.note(format!("{place} is an array with 1 element, [0]")),
                    count => error.note(format!("{place} is an array with {count} elements, [0] to [{}]", count - 1)),
                };
                match name_of(next) {
                    Some(name) => {
                        let base = &self.text[..self.text.len() - next.len()];
                        let mut one = format!("{base}[0]");
                        push(&mut one, &Element::Name(name.clone()));
                        let mut all = format!("{base}[*]");
                        push(&mut all, &Element::Name(name));
                        error.help(format!("for one element, write `{one}`; for all, `{all}`"))
                    }
                    None => error,
                }
            }
            value => error.note(format!("{place} is {}, {}", brief(value), kind(value))),
        }
    }
}

/// Splits paths at the commas between them.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let mut start = 0;
    for (at, c, depth) in outside(text) {
        if c == ',' && depth == 0 {
            paths.push(text[start..at].trim());
            start = at + 1;
        }
    }
    paths.push(text[start..].trim());
    paths
}

/// Returns where each segment of a path ends, and whether it has only names and indexes.
fn segments(text: &str) -> (Vec<usize>, bool) {
    let mut starts = Vec::new();
    let mut before = ' ';
    for (at, c, depth) in outside(text) {
        let begins = match c {
            '[' => depth == 1 && before != '.',
            '.' => depth == 0 && before != '.',
            _ => false,
        };
        if begins {
            starts.push(at);
        }
        before = c;
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain((!starts.is_empty()).then_some(text.len())).collect();
    let is_single = starts.iter().zip(&ends).all(|(&start, &end)| is_single(&text[start..end]));
    (ends, is_single)
}

/// Whether a segment selects one member or element.
fn is_single(segment: &str) -> bool {
    if let Some(inside) = segment.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let inside = inside.trim();
        let is_index = inside.parse::<i64>().is_ok();
        let is_name =
            inside.starts_with(['\'', '"']) && outside(inside).all(|(at, ..)| at == 0 || at + 1 == inside.len());
        return is_index || is_name;
    }
    !segment.starts_with("..") && !segment.ends_with('*')
}

/// Returns the characters of a path that are not inside of quotes, with the depth of brackets: a
/// bracket itself is inside of what it opens. Quotes are returned.
fn outside(text: &str) -> impl Iterator<Item = (usize, char, usize)> + '_ {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut is_escaped = false;
    text.char_indices().filter_map(move |(at, c)| {
        if let Some(open) = quote {
            if is_escaped {
                is_escaped = false;
            } else if c == '\\' {
                is_escaped = true;
            } else if c == open {
                quote = None;
                return Some((at, c, depth));
            }
            return None;
        }
        match c {
            '\'' | '"' if depth > 0 || at == 0 => quote = Some(c),
            '[' => depth += 1,
            ']' => {
                depth = depth.saturating_sub(1);
                return Some((at, c, depth + 1));
            }
            _ => {}
        }
        Some((at, c, depth))
    })
}

/// Returns the name that a path goes on with, if it is one.
fn name_of(rest: &str) -> Option<String> {
    if let Some(rest) = rest.strip_prefix('.') {
        let name: String = rest.chars().take_while(|&c| c != '.' && c != '[').collect();
        return (!name.is_empty() && name != "*").then_some(name);
    }
    let rest = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\""))?;
    rest.split(['\'', '"']).next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Advises about a mistake in a path.
fn advice(text: &str, at: usize) -> Option<String> {
    let rest = &text[at..];
    let name = rest.trim_start_matches('.').split(['.', '[']).next().unwrap_or_default();
    let is_number = text[..at].ends_with('.') && name.starts_with(|c: char| c.is_ascii_digit());
    if is_number || (name.contains('-') && !name.contains(']')) {
        let start = text[..at].rfind(['.', '[', ']']).map_or(at, |before| before + 1);
        let full = format!("{}{name}", &text[start..at]);
        return Some(format!("write the name between brackets and quotes: `['{full}']`"));
    }
    if text.ends_with('.') {
        return Some("write a name after the dot, or remove it".to_owned());
    }
    if text.contains("@.") && text.contains(" = ") {
        return Some("equality is `==`".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_that_name_one_place_are_known() {
        for (text, is_one) in [
            ("$", true),
            ("$.a", true),
            ("$.a[0].b", true),
            ("$['a'][\"b\"][-1]", true),
            ("$['a]b, c']", true),
            ("$.a[*]", false),
            ("$.*", false),
            ("$..a", false),
            ("$..[0]", false),
            ("$.a[0,1]", false),
            ("$.a['b','c']", false),
            ("$.a[0:2]", false),
            ("$.a[?@.b == 1]", false),
        ] {
            assert_eq!(Path::parse(text).unwrap().is_single, is_one, "{text}");
        }
    }

    #[test]
    fn lists_of_paths_are_split() {
        assert_eq!(split("$.id, $.items[*].created"), ["$.id", "$.items[*].created"]);
        assert_eq!(split("$['a, b'],$.c[0,1]"), ["$['a, b']", "$.c[0,1]"]);
    }

    #[test]
    fn what_leads_nowhere_says_how_far_it_leads() {
        let data = json!({"items": [{"title": "milk"}, {"title": "bread"}], "n": 5, "empty": {}, "none": []});
        let shown = |text: &str| {
            let Failure { message, notes, help, .. } = Path::parse(text).unwrap().nothing(&data, "stdout");
            [vec![message], notes, help].concat().join("; ")
        };
        for (text, want) in [
            ("$.item", "nothing at $.item in stdout; $ has: empty, items, n, none; did you mean `items`?"),
            (
                "$.items.title",
                "nothing at $.items.title in stdout; $.items is an array with 2 elements, [0] to [1]; \
                 for one element, write `$.items[0].title`; for all, `$.items[*].title`",
            ),
            ("$.items[2]", "nothing at $.items[2] in stdout; $.items is an array with 2 elements, [0] to [1]"),
            ("$.n.x", "nothing at $.n.x in stdout; $.n is 5, a number"),
            ("$.empty.x", "nothing at $.empty.x in stdout; $.empty is an empty object"),
            ("$.none[?@.x == 1].y", "nothing at $.none[?@.x == 1].y in stdout; $.none is an empty array"),
            (
                "$.items[*].titel",
                "nothing at $.items[*].titel in stdout; $.items[0], the first of 2 at $.items[*], has: title; \
                 did you mean `title`?",
            ),
        ] {
            assert_eq!(shown(text), want);
        }
    }

    #[test]
    fn mistakes_in_paths_say_where() {
        match [
            ("$.", "it ends too early at 2; write a name after the dot, or remove it"),
            ("$.a-b", "unexpected `-b` at 3; write the name between brackets and quotes: `['a-b']`"),
            ("$.1a", "unexpected `1a` at 2; write the name between brackets and quotes: `['1a']`"),
            ("$.a[", "unexpected `[` at 3"),
            ("$.a[?(@.b = 1)]", "unexpected `(@.b = 1)]` at 5; equality is `==`"),
            ("$.a b", "unexpected ` b` at 3"),
            ("a.b", "unexpected `a.b` at 0"),
            ("$['a]", "it ends too early at 5"),
            ("$.a[01]", "unexpected `1]` at 5"),
        ]
        .map(|(text, want)| {
            let PathError { reason, at, help } = Path::parse(text).unwrap_err();
            let shown = [Some(format!("{reason} at {at}")), help].into_iter().flatten().collect::<Vec<_>>().join("; ");
            (text, want, shown)
        })
        .into_iter()
        .filter(|(_, want, shown)| want != shown)
        .collect::<Vec<_>>()
        .as_slice()
        {
            [] => {}
            wrong => panic!("{wrong:#?}"),
        }
    }
}
