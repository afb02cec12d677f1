//! What is fuzzed, one file each.

pub(crate) mod bindings;
pub(crate) mod document;
pub(crate) mod recording;

use std::hash::{DefaultHasher, Hash, Hasher};

use greenroom_doc::{Diagnostic, Sources, Span};
use greenroom_report::{Style, diagnostics};

/// Checks what holds for diagnostics of any input, and renders them.
fn check_diagnostics(all: &[Diagnostic], sources: &Sources) {
    for diagnostic in all {
        for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            check_span(sources, label.span);
        }
        assert!(!diagnostic.message.contains('\n'), "a message of two lines: {}", diagnostic.message);
    }
    check_screen(&diagnostics::render(all, sources, Style::plain(80)));
}

/// Checks that nothing of the input can control the terminal.
fn check_screen(screen: &str) {
    let unescaped = screen.chars().find(|&c| c.is_control() && c != '\n');
    assert!(unescaped.is_none(), "{unescaped:?} reaches the screen: {screen:?}");
}

/// Checks that a span is within its file and cuts no character.
fn check_span(sources: &Sources, span: Span) {
    let text = &sources.file(span.source).text;
    assert!(span.start <= span.end, "{span:?}");
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of {} bytes", text.len());
}

/// A number for what an input led to.
fn fingerprint(of: impl Hash) -> u64 {
    // Its keys are fixed.
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The codes of all diagnostics, each once.
fn codes(all: &[Diagnostic]) -> Vec<&str> {
    let mut codes: Vec<&str> = all.iter().map(|diagnostic| diagnostic.code.word()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
