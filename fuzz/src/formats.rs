//! The rules of the formats of reports: what a reader of each must never find in one.

use std::cell::RefCell;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use quick_xml::Reader;
use quick_xml::events::Event;

/// Checks that a text is well-formed XML of allowed characters.
pub(crate) fn check_xml(text: &str) {
    let forbidden = text
        .chars()
        .find(|&c| !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..));
    assert!(forbidden.is_none(), "{forbidden:?} is not allowed in XML: {text:?}");
    let mut reader = Reader::from_str(text);
    let mut open = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(Event::Start(tag)) => {
                open += 1;
                check_attributes(tag.attributes());
            }
            Ok(Event::Empty(tag)) => check_attributes(tag.attributes()),
            // The reader compares the names.
            Ok(Event::End(_)) => open -= 1,
            Ok(_) => {}
            Err(error) => panic!("XML that does not parse: {error}: {text:?}"),
        }
    }
    assert_eq!(open, 0, "an open element: {text:?}");
}

fn check_attributes(attributes: quick_xml::events::attributes::Attributes<'_>) {
    for attribute in attributes {
        match attribute {
            Ok(attribute) => assert!(!attribute.value.contains(&b'<'), "`<` in {attribute:?}"),
            Err(error) => panic!("an attribute that does not parse: {error}"),
        }
    }
}

/// Checks that a page has one script, styles only in its head, and nothing to load.
pub(crate) fn check_html(page: &str) {
    let input = BufferQueue::default();
    input.push_back(page.into());
    let tokenizer = Tokenizer::new(Tags::default(), TokenizerOpts::default());
    // Scripts are not run, so the tokenizer stops after each.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    let tags = tokenizer.sink.0.take();
    let named = |name: &str| tags.iter().filter(|tag| &*tag.name == name).count();
    assert_eq!(named("script"), 1, "scripts");
    for name in ["iframe", "object", "embed", "base", "form", "link", "frame", "template", "math", "foreignobject"] {
        assert_eq!(named(name), 0, "<{name}> in a page");
    }
    let body = tags.iter().position(|tag| &*tag.name == "body").unwrap_or_default();
    let late = tags[body..].iter().find(|tag| ["style", "meta"].contains(&&*tag.name));
    assert!(late.is_none(), "{late:?} in the body of a page");
    for tag in &tags {
        for attribute in &tag.attrs {
            let (name, value) = (&*attribute.name.local, attribute.value.trim().to_ascii_lowercase());
            assert!(!name.starts_with("on") && name != "style" && name != "srcdoc", "{tag:?}");
            assert!(!value.starts_with("javascript:") && !value.starts_with("vbscript:"), "{tag:?}");
            assert!(name != "src" || value.starts_with("data:image/"), "{tag:?}");
        }
    }
    // A carriage return of a document is white space, as in its Markdown.
    let control = page.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
    assert!(control.is_none(), "{control:?} in a page");
}

/// The start tags of a page.
#[derive(Default)]
struct Tags(RefCell<Vec<Tag>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind != TagKind::StartTag {
            return TokenSinkResult::Continue;
        }
        let result = match &*tag.name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" => TokenSinkResult::RawData(RawKind::Rawtext),
            _ => TokenSinkResult::Continue,
        };
        self.0.borrow_mut().push(tag);
        result
    }
}

/// Checks that each line is one that TAP has, and that the points are numbered.
pub(crate) fn check_tap(text: &str) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let mut points = [0, 0];
    let mut in_facts = false;
    for line in lines {
        let control = line.chars().find(|c| c.is_control());
        assert!(control.is_none(), "{control:?} in a line of TAP: {line:?}");
        if let Some(fact) = line.strip_prefix("      ") {
            match fact {
                "---" => in_facts = true,
                "..." => in_facts = false,
                _ => {
                    let value =
                        fact.split_once(": ").map(|(_, value)| serde_json::from_str::<serde_json::Value>(value));
                    assert!(in_facts && matches!(value, Some(Ok(_))), "not a fact: {line:?}");
                }
            }
            continue;
        }
        assert!(!in_facts, "facts without an end before {line:?}");
        let (depth, line) = line.strip_prefix("    ").map_or((0, line), |line| (1, line));
        let point = line.strip_prefix("not ").unwrap_or(line).strip_prefix("ok ");
        if let Some(point) = point {
            points[depth] += 1;
            let number = point.split(' ').next().and_then(|number| number.parse().ok());
            assert_eq!(number, Some(points[depth]), "a point out of order: {line:?}");
            if depth == 0 {
                points[1] = 0;
            }
        } else {
            let is_other = line.starts_with("1..") || line.starts_with("# Subtest: ") || line.starts_with("Bail out! ");
            assert!(is_other, "not a line of TAP: {line:?}");
        }
    }
}

/// Checks that GitHub finds no command but the annotations.
pub(crate) fn check_annotations(text: &str, token: &str) {
    let (stop, go) = (format!("::stop-commands::{token}"), format!("::{token}::"));
    let mut is_stopped = false;
    for line in text.split(['\n', '\r']) {
        if is_stopped {
            is_stopped = line != go;
        } else if line == stop {
            is_stopped = true;
        } else {
            let is_annotation = ["::error ", "::warning ", "::notice "].iter().any(|begin| line.starts_with(begin));
            assert!(is_annotation || line.is_empty(), "not an annotation: {line:?}");
        }
    }
}

/// Checks that each line is a service message whose values cannot end early.
pub(crate) fn check_service_messages(text: &str) {
    for line in text.lines() {
        let message = line.strip_prefix("##teamcity[").and_then(|line| line.strip_suffix(']'));
        let Some((_, mut rest)) = message.and_then(|message| message.split_once(' ')) else {
            panic!("not a service message: {line:?}")
        };
        while !rest.is_empty() {
            let value = rest.split_once("='").filter(|(name, _)| name.trim_start().chars().all(char::is_alphanumeric));
            let Some((_, value)) = value else { panic!("not an attribute in {line:?}: {rest:?}") };
            let Some(end) = end_of_value(value) else { panic!("a value without an end in {line:?}") };
            rest = &value[end + 1..];
        }
    }
}

/// Returns where the quote is that ends a value.
fn end_of_value(value: &str) -> Option<usize> {
    let mut chars = value.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Some(at),
            '|' => _ = chars.next(),
            '[' | ']' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => return None,
            _ => {}
        }
    }
    None
}
