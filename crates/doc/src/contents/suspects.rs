//! Blocks that are neither scenarios nor embedded files, but look as if they were meant to be.

use std::ops::Range;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::keyword;
use crate::read::attributes::{Attributes, near_file, near_scenario};
use crate::read::hidden::{Hidden, Reason};
use crate::source::Span;
use crate::suggest;

/// Classes of blocks that are rendered as diagrams.
const DIAGRAMS: &[&str] = &["dot", "mermaid", "pikchr", "plantuml", "roadmap"];

/// Classes with which other tools mark steps.
const OF_OTHER_TOOLS: &[&str] = &["gherkin", "cucumber", "feature", "steps", "acceptance"];

/// Describes a fence that Markdown does not see.
pub(super) fn hidden(hidden: &Hidden, span: Span) -> Diagnostic {
    let what = if hidden.is_scenario { "this scenario does not run" } else { "this file is not embedded" };
    let raw = |tag: &str| (format!("the fence is inside `<{tag}>`"), format!("move it out of `<{tag}>`"));
    let (reason, help) = match hidden.reason {
        Reason::UnclosedComment => {
            let message = "this comment is never closed, and hides scenarios";
            return Diagnostic::error(Code::HiddenBlock, message).at(span, "").help("close it with `-->`");
        }
        Reason::Raw(tag) => raw(tag),
        Reason::Html => (
            "the fence is inside an HTML block".to_owned(),
            "put a blank line before it, so that Markdown ends the HTML block there".to_owned(),
        ),
        Reason::Tag => (
            "it is HTML, not a fenced block".to_owned(),
            "write the steps between a line `~~~scenario` and a line `~~~`".to_owned(),
        ),
        Reason::Indentation => (
            "the fence is indented by four spaces or more".to_owned(),
            "indent it by at most three spaces; in a list, as far as the text of the list item".to_owned(),
        ),
        Reason::Table => ("the fence is inside a table".to_owned(), "move it out of the table".to_owned()),
        Reason::Mark => {
            let class = if hidden.is_scenario { "scenario" } else { "{#name .file}" };
            let help = format!("a fence begins with at least three `~` or three backticks: `~~~{class}`");
            ("this is not a fence".to_owned(), help)
        }
        Reason::OneLine => (
            "the fence is not alone on its line".to_owned(),
            "write the fence, each step and the closing fence on lines of their own".to_owned(),
        ),
    };
    Diagnostic::error(Code::HiddenBlock, format!("{what}: {reason}"))
        .at(span, "")
        .help(help)
        .help("if it is only an example, put a longer fence around it: `~~~~markdown`")
}

/// Describes what is wrong with a block that is not a scenario or a file with a name.
///
/// `declared` are the classes that the metadata lists, `content` is the text of the block.
pub(super) fn block(attributes: &Attributes, declared: &[String], content: &str, span: Span) -> Option<Diagnostic> {
    if attributes.is("example") {
        return None;
    }
    if attributes.is("file") {
        let warning = Diagnostic::warning(Code::FileWithoutName, "this embedded file has no name");
        return Some(warning.at(span, "").help("add a name after `#`: `{#name.txt .file}`"));
    }
    let is_declared = |class: &&String| declared.contains(class);
    let other = |class: &&String| !is_declared(class);
    if let Some(class) = attributes.classes.iter().filter(other).find(|class| near_scenario(class)) {
        return Some(not_a_scenario(format!("a block with class `{class}` is not a scenario and will not run"), span));
    }
    let value = attributes.pairs.iter().find(|(key, value)| key == "class" && near_scenario(value));
    if let Some((_, value)) = value {
        let message = format!("`class={value}` does not make this block a scenario, so it will not run");
        return Some(not_a_scenario(message, span));
    }
    if let Some(word) = attributes.other_words.iter().find(|word| near_scenario(word) && looks_like_steps(content)) {
        let message = format!("`{word}` is not the first word, so this block is not a scenario and will not run");
        return Some(not_a_scenario(message, span));
    }
    let is_diagram = attributes.classes.iter().any(|class| DIAGRAMS.contains(&class.as_str()));
    if let Some(id) = attributes.id.as_ref().filter(|_| !is_diagram) {
        let message = format!("the block `{id}` has a name but is not a file");
        let error = Diagnostic::error(Code::UnusedName, message).at(span, "");
        let class = near(attributes);
        return Some(error.help(match class {
            _ if near_scenario(id) => "did you mean `.scenario`? `#` is for the name of a file".to_owned(),
            Some((class, known)) => format!("did you mean `.{known}` instead of `.{class}`?"),
            None => "add `.file` to embed it, or `.example` if it is only an example".to_owned(),
        }));
    }
    if let Some(class) = attributes.classes.iter().filter(other).find(|class| near_file(class)) {
        let message = format!("a block with class `{class}` is not an embedded file");
        let error = Diagnostic::error(Code::FileWithoutName, message).at(span, "");
        return Some(error.help("did you mean `file`? Then add a name too: `{#name.txt .file}`").help(OTHERWISE));
    }
    let is_of_other_tool = |class: &&String| OF_OTHER_TOOLS.iter().any(|known| class.eq_ignore_ascii_case(known));
    let may_be_steps =
        attributes.classes.is_empty() || attributes.classes.iter().filter(other).any(|c| is_of_other_tool(&c));
    (may_be_steps && looks_like_steps(content)).then(|| {
        Diagnostic::warning(Code::UnknownClass, "this block looks like a scenario, but will not run")
            .at(span, "")
            .help("write `scenario` after the fence; if it is only an example, write `example`")
    })
}

/// The way out for a class that only looks like another.
const OTHERWISE: &str = "if the class is meant, list it under `classes` in the metadata";

fn not_a_scenario(message: String, span: Span) -> Diagnostic {
    let error = Diagnostic::error(Code::UnknownClass, message).at(span, "");
    error.help("did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`").help(OTHERWISE)
}

/// Returns the class that was probably meant to be `file` or `example`, and which of them.
pub(super) fn near(attributes: &Attributes) -> Option<(&str, &'static str)> {
    let known = |class: &String| suggest::nearest(class, ["file", "example"]);
    attributes.classes.iter().find_map(|class| Some((class.as_str(), known(class)?)))
}

/// Whether every line of a text is a step, and at least one says given, when or then.
fn looks_like_steps(content: &str) -> bool {
    let words = content.lines().filter_map(|line| {
        let line = line.trim_start_matches([' ', '\t', '>']);
        line.split_ascii_whitespace().next().map(|word| (word, word.len() < line.trim_end().len()))
    });
    let mut kinds = 0;
    for (word, has_more) in words {
        if !keyword::is_keyword(word) || !has_more {
            return false;
        }
        kinds += usize::from(!matches!(word.to_ascii_lowercase().as_str(), "and" | "but"));
    }
    kinds > 0
}

/// Returns the lines between the fences of a block. `block` is its range without the opening fence.
pub(super) fn content(text: &str, block: Range<usize>, mark: Option<char>) -> &str {
    let content = &text[block];
    let Some(mark) = mark else { return content };
    let trimmed = content.trim_end();
    let last = trimmed.rfind('\n').map_or(0, |at| at + 1);
    let is_fence = !trimmed[last..].is_empty() && trimmed[last..].trim_matches([' ', '\t', '>', mark]).is_empty();
    if is_fence { &content[..last] } else { content }
}
