//! What holds for any input, and the fingerprint of what came of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use greenroom_doc::{Diagnostic, Loaded, Sources, Span};
use greenroom_report::{Style, diagnostics};

/// Checks what holds for diagnostics of any input, and renders them.
pub(crate) fn check_diagnostics(all: &[Diagnostic], sources: &Sources) {
    for diagnostic in all {
        for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            check_span(sources, label.span);
        }
        assert!(!diagnostic.message.contains('\n'), "a message of two lines: {}", diagnostic.message);
    }
    check_screen(&diagnostics::render(all, sources, Style::plain(80)));
}

/// Checks that nothing of the input can control the terminal.
pub(crate) fn check_screen(screen: &str) {
    let unescaped = screen.chars().find(|&c| c.is_control() && c != '\n');
    assert!(unescaped.is_none(), "{unescaped:?} reaches the screen: {screen:?}");
}

/// Checks that a span is within its file and cuts no character.
pub(crate) fn check_span(sources: &Sources, span: Span) {
    let text = &sources.file(span.source).text;
    assert!(span.start <= span.end, "{span:?}");
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of {} bytes", text.len());
}

/// Checks what holds for any document.
pub(crate) fn check_document(loaded: &Loaded) {
    check_diagnostics(&loaded.diagnostics, &loaded.sources);
    for scenario in &loaded.plan.scenarios {
        check_span(&loaded.sources, scenario.span);
        for step in &scenario.steps {
            check_span(&loaded.sources, step.span);
            for capture in &step.captures {
                let (start, end) = capture.range;
                check_span(&loaded.sources, Span { source: step.span.source, start, end });
            }
            assert!(
                step.binding < loaded.plan.documents[scenario.document].bindings.len(),
                "a step without its binding"
            );
        }
    }
}

/// A number for what an input led to.
pub(crate) fn fingerprint(of: impl Hash) -> u64 {
    // Its keys are fixed.
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The codes of all diagnostics, each once.
pub(crate) fn codes(all: &[Diagnostic]) -> Vec<&str> {
    let mut codes: Vec<&str> = all.iter().map(|diagnostic| diagnostic.code.word()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
