//! The captures of a pattern: `{name}` and `{name:type}`, or the named groups of a regular expression.

use crate::attribute::Written;

/// The types of captures, as documents write them.
const TYPES: [&str; 11] =
    ["word", "escapedword", "text", "escapedtext", "int", "uint", "number", "file", "path", "json", "jsonpath"];

/// The words that steps begin with.
const KEYWORDS: [&str; 5] = ["given", "when", "then", "and", "but"];

/// Texts that only occur in regular expressions.
const SURELY_REGEX: [&str; 13] = ["(?", ".*", ".+", "\\S", "\\s", "\\d", "\\w", "[^", "]+", "]*", ")?", ")+", ")*"];

/// A capture of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) name: String,
    /// Whether the pattern says its type.
    pub(crate) has_type: bool,
}

/// Returns the captures of a pattern, or what is wrong with it.
pub(crate) fn captures(pattern: &Written) -> Result<Vec<Capture>, String> {
    let text = pattern.text.value();
    if text.trim().is_empty() {
        return Err("empty pattern; write the text of the steps, without the keyword".to_owned());
    }
    if let Some((word, _)) = text.trim_start().split_once(char::is_whitespace)
        && KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
    {
        return Err(format!("the pattern begins with the keyword `{word}`; leave it out"));
    }
    if !pattern.is_regex && looks_like_regex(&text) {
        return Err("this pattern looks like a regular expression; write `regex = \"...\"`, with named groups for \
                    captures: `(?<name>...)`"
            .to_owned());
    }
    let found = if pattern.is_regex { groups(&text)? } else { braces(&text)? };
    for (at, capture) in found.iter().enumerate() {
        if capture.name.starts_with('_') {
            let plain = capture.name.trim_start_matches('_');
            return Err(format!(
                "the capture `{}` begins with an underscore, which does not count in the name of its parameter; name \
                 it `{plain}`",
                capture.name
            ));
        }
        if found[..at].iter().any(|other| other.name == capture.name) {
            return Err(format!("two captures are named `{}`; rename one of them", capture.name));
        }
    }
    Ok(found)
}

/// Whether a pattern has what only regular expressions have.
fn looks_like_regex(text: &str) -> bool {
    SURELY_REGEX.iter().any(|piece| text.contains(piece)) || text.starts_with('^')
}

fn braces(text: &str) -> Result<Vec<Capture>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        if rest[at..].starts_with('}') {
            return Err(stray('}', '{'));
        }
        let Some((inside, after)) = rest[at + 1..].split_once('}') else { return Err(stray('{', '}')) };
        let (name, kind) = inside.split_once(':').map_or((inside, None), |(name, kind)| (name, Some(kind.trim())));
        if name.is_empty() {
            return Err(format!("`{{{inside}}}` lacks the name of the capture; write `{{name}}` or `{{name:type}}`"));
        }
        let is_name = |name: &str| {
            name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !is_name(name) {
            return Err(format!("`{{{inside}}}` is not a capture: its name is a word of letters, digits and `_`"));
        }
        if let Some(kind) = kind
            && !TYPES.contains(&kind)
        {
            if kind.is_empty() {
                return Err(format!("`{{{inside}}}` lacks a type; write `{{{name}}}` or one of {}", TYPES.join(", ")));
            }
            return Err(format!("unknown capture type `{kind}`; the types are {}", TYPES.join(", ")));
        }
        found.push(Capture { name: name.to_owned(), has_type: kind.is_some() });
        rest = after;
    }
    Ok(found)
}

fn stray(brace: char, other: char) -> String {
    format!(
        "a `{brace}` without `{other}`; captures are `{{name}}` or `{{name:type}}`, and `regex = \"...\"` can match a \
         brace: `\\{brace}`"
    )
}

fn groups(text: &str) -> Result<Vec<Capture>, String> {
    let mut parser = regex_syntax::ast::parse::Parser::new();
    let tree = parser.parse(text).map_err(|error| format!("invalid regular expression: {}", error.kind()))?;
    let mut names = Vec::new();
    gather(&tree, &mut names);
    Ok(names.into_iter().map(|name| Capture { name, has_type: false }).collect())
}

fn gather(tree: &regex_syntax::ast::Ast, names: &mut Vec<String>) {
    use regex_syntax::ast::{Ast, GroupKind};
    match tree {
        Ast::Group(group) => {
            if let GroupKind::CaptureName { name, .. } = &group.kind {
                names.push(name.name.clone());
            }
            gather(&group.ast, names);
        }
        Ast::Repetition(repetition) => gather(&repetition.ast, names),
        Ast::Alternation(all) => all.asts.iter().for_each(|tree| gather(tree, names)),
        Ast::Concat(all) => all.asts.iter().for_each(|tree| gather(tree, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::LitStr;

    use super::*;

    fn names(text: &str, is_regex: bool) -> Result<Vec<String>, String> {
        let text = LitStr::new(text, Span::call_site());
        captures(&Written { text, is_regex }).map(|all| all.into_iter().map(|capture| capture.name).collect())
    }

    #[test]
    fn captures_are_found() {
        assert_eq!(names("a shop that sells {article} for {price:uint}", false).unwrap(), ["article", "price"]);
        assert_eq!(names("it rains", false).unwrap(), [""; 0]);
        assert_eq!(names("I (?:see|(?P<what>hear)) (?<whom>\\S+)( again)?", true).unwrap(), ["what", "whom"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, is_regex, expected) in [
            (" ", false, "empty pattern; write the text of the steps, without the keyword"),
            ("when I go", false, "the pattern begins with the keyword `when`; leave it out"),
            ("And so", false, "the pattern begins with the keyword `And`; leave it out"),
            ("a {}", false, "`{}` lacks the name of the capture; write `{name}` or `{name:type}`"),
            ("a {b c}", false, "`{b c}` is not a capture: its name is a word of letters, digits and `_`"),
            ("{b} and {b}", false, "two captures are named `b`; rename one of them"),
            ("(?P<a", true, "invalid regular expression: unclosed capture group name"),
        ] {
            assert_eq!(names(text, is_regex).unwrap_err(), expected);
        }
        for (text, expected) in [("a {b", "a `{` without `}`;"), ("a b}", "a `}` without `{`;")] {
            assert!(names(text, false).unwrap_err().starts_with(expected), "{text}");
        }
        assert!(names("{_b}", false).unwrap_err().ends_with("name it `b`"));
        for text in ["I have (\\d+) apples", "^it rains", "any .* thing"] {
            assert!(names(text, false).unwrap_err().contains("looks like a regular expression"), "{text}");
        }
        assert_eq!(names("{b: int} costs 3.50$ (net)", false).unwrap(), ["b"]);
        assert!(names("{b:num}", false).unwrap_err().starts_with("unknown capture type `num`; the types are word,"));
    }
}
