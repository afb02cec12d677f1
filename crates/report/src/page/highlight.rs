//! Highlights code by the grammars of an editor.
//!
//! Grammars name what each piece of text is with long paths; pages need a handful of classes. So a
//! piece gets the class of the first row of [`CLASSES`] that one of its names begins with. Code in
//! an unknown language, and very long code, stays plain.

use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use crate::page::markup::escape;

/// Longer code stays plain: grammars take about 50 ms for 100 KiB.
const LONGEST: usize = 256 << 10;

/// Longer lines do not occur in code that people read.
const LONGEST_LINE: usize = 2000;

/// What begins the name of a piece, and its class. The innermost name that has a class counts.
const CLASSES: &[(&str, &str)] = &[
    ("comment", "hl-comment"),
    ("constant.character.escape", "hl-escape"),
    ("constant.numeric", "hl-number"),
    ("constant", "hl-constant"),
    ("string", "hl-string"),
    ("keyword.operator", ""),
    ("keyword", "hl-keyword"),
    ("storage", "hl-keyword"),
    ("entity.name.tag", "hl-name"),
    ("entity.name", "hl-name"),
    ("entity.other.attribute-name", "hl-constant"),
    ("support.function", "hl-name"),
    ("support.type", "hl-name"),
    ("variable.other.readwrite.shell", "hl-constant"),
    ("variable.language", "hl-constant"),
    ("markup.heading", "hl-keyword"),
];

struct Grammars {
    set: SyntaxSet,
    classes: Vec<(Scope, &'static str)>,
}

static GRAMMARS: LazyLock<Grammars> = LazyLock::new(|| Grammars {
    set: SyntaxSet::load_defaults_newlines(),
    classes: CLASSES.iter().filter_map(|(name, class)| Some((Scope::new(name).ok()?, *class))).collect(),
});

/// Returns the lines of a code as HTML. `languages` are names of its language, likely ones first;
/// `file` is its name, if it is a file.
pub(crate) fn lines(code: &str, languages: &[String], file: Option<&str>) -> Vec<String> {
    highlighted(code, languages, file).unwrap_or_else(|| {
        let plain = |line: &str| {
            let mut html = String::with_capacity(line.len() + 8);
            escape(&mut html, line);
            html
        };
        code.lines().map(plain).collect()
    })
}

fn highlighted(code: &str, languages: &[String], file: Option<&str>) -> Option<Vec<String>> {
    if code.len() > LONGEST || code.lines().any(|line| line.len() > LONGEST_LINE) {
        return None;
    }
    if languages.is_empty() && file.is_none() {
        return None;
    }
    let syntax = syntax(&GRAMMARS.set, code, languages, file)?;
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut lines = Vec::new();
    for line in code.split_inclusive('\n') {
        // Grammars expect a line end.
        let whole = if line.ends_with('\n') { line.to_owned() } else { format!("{line}\n") };
        let operations = state.parse_line(&whole, &GRAMMARS.set).ok()?;
        let mut html = String::with_capacity(line.len() * 2);
        let mut open = "";
        let mut from = 0;
        let text = whole.trim_end_matches('\n');
        for (at, operation) in operations {
            piece(&mut html, &mut open, text, from..at, &stack);
            from = at;
            stack.apply(&operation).ok()?;
        }
        piece(&mut html, &mut open, text, from..text.len(), &stack);
        if !open.is_empty() {
            html.push_str("</span>");
        }
        lines.push(html);
    }
    Some(lines)
}

/// Adds a piece of a line. Pieces of the same class share an element.
fn piece(html: &mut String, open: &mut &'static str, text: &str, range: std::ops::Range<usize>, stack: &ScopeStack) {
    let Some(text) = text.get(range.start..range.end.min(text.len())).filter(|text| !text.is_empty()) else { return };
    let class = class(stack);
    if class != *open && !text.trim().is_empty() {
        if !open.is_empty() {
            html.push_str("</span>");
        }
        if !class.is_empty() {
            html.push_str("<span class=\"");
            html.push_str(class);
            html.push_str("\">");
        }
        *open = class;
    }
    escape(html, text);
}

fn class(stack: &ScopeStack) -> &'static str {
    let of_scope = |scope: &Scope| {
        let row = GRAMMARS.classes.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope));
        row.map(|(_, class)| *class)
    };
    stack.as_slice().iter().rev().find_map(of_scope).unwrap_or_default()
}

fn syntax<'a>(set: &'a SyntaxSet, code: &str, languages: &[String], file: Option<&str>) -> Option<&'a SyntaxReference> {
    let by_name = languages.iter().find_map(|language| set.find_syntax_by_token(other_name(language)));
    let extension = file.and_then(|file| file.rsplit_once('.')).map(|(_, extension)| extension);
    by_name
        .or_else(|| set.find_syntax_by_extension(extension?))
        .or_else(|| file.and_then(|file| set.find_syntax_by_extension(file)))
        .or_else(|| file.and_then(|_| set.find_syntax_by_first_line(code)))
        .filter(|syntax| syntax.name != "Plain Text")
}

/// Returns the name that grammars have for a language.
fn other_name(language: &str) -> &str {
    match language {
        "shell" | "console" | "shell-session" => "sh",
        "python3" => "py",
        "jsonc" | "json5" => "json",
        "typescript" | "ts" | "jsx" | "tsx" => "js",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn highlight(code: &str, language: &str) -> Vec<String> {
        lines(code, &[language.to_owned()], None)
    }

    #[test]
    fn code_gets_classes_and_stays_text() {
        assert_eq!(
            highlight("# a <b>\nprint(\"&\")\n\nif 1: pass", "python"),
            [
                "<span class=\"hl-comment\"># a &lt;b&gt;</span>",
                "<span class=\"hl-name\">print</span>(<span class=\"hl-string\">&quot;&amp;&quot;</span>)",
                "",
                "<span class=\"hl-keyword\">if </span><span class=\"hl-number\">1</span>: \
                 <span class=\"hl-keyword\">pass</span>",
            ]
        );
    }

    #[test]
    fn all_languages_of_known_documents_are_known() {
        for language in
            ["python", "sh", "shell", "bash", "rust", "yaml", "json", "sql", "markdown", "html", "c", "make"]
        {
            assert!(syntax(&GRAMMARS.set, "", &[language.to_owned()], None).is_some(), "{language}");
        }
        assert!(syntax(&GRAMMARS.set, "#!/bin/sh\n", &[], Some("server")).is_some());
        assert!(syntax(&GRAMMARS.set, "", &[], Some("server.py")).is_some());
        assert!(syntax(&GRAMMARS.set, "", &[], Some("Makefile")).is_some());
    }

    #[test]
    fn an_unknown_language_and_long_code_stay_plain() {
        assert_eq!(highlight("if <x>", "nosuch"), ["if &lt;x&gt;"]);
        assert_eq!(highlight(&"x".repeat(LONGEST_LINE + 1), "python").len(), 1);
        assert_eq!(lines("a\n\nb\n", &[], None), ["a", "", "b"]);
    }
}
