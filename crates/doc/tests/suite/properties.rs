//! What holds for any input.

use std::fmt::Write as _;

use greenroom_doc::{Code, Diagnostic, Loaded, SourceFile, Sources, Span, bindings_of};
use proptest::prelude::*;

use crate::project::{HEAD, Project};

fn check_span(sources: &Sources, span: Span) {
    let text = &sources.file(span.source).text;
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(start <= end && end <= text.len(), "{span:?} of {}", text.len());
    assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{span:?} in {text:?}");
}

/// Checks all spans, and formats every diagnostic.
fn check(loaded: &Loaded) {
    for d in &loaded.diagnostics {
        for label in d.primary.iter().chain(&d.secondary) {
            check_span(&loaded.sources, label.span);
        }
        assert!(!d.message.ends_with('.') && !d.message.contains('\n'), "{}", d.message);
    }
    for scenario in &loaded.plan.scenarios {
        check_span(&loaded.sources, scenario.span);
        for step in &scenario.steps {
            check_span(&loaded.sources, step.span);
            for capture in &step.captures {
                check_span(
                    &loaded.sources,
                    Span { source: step.span.source, start: capture.range.0, end: capture.range.1 },
                );
            }
        }
    }
    crate::project::complaints(&loaded.sources, &loaded.diagnostics);
    crate::project::plan(loaded);
}

/// Pieces of Markdown, with and without a meaning.
fn markdown_piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("~~~scenario\n".to_owned()),
        Just("```{.scenario label=a}\n".to_owned()),
        Just("~~~{#f .file add-newline=no}\n".to_owned()),
        Just("~~~\n".to_owned()),
        Just("```\n".to_owned()),
        Just("# h\n".to_owned()),
        Just("## é *x*\n".to_owned()),
        Just("===\n".to_owned()),
        Just("---\n".to_owned()),
        Just("...\n".to_owned()),
        Just("title: x\n".to_owned()),
        Just("bindings: [b.yaml]\n".to_owned()),
        Just("> ".to_owned()),
        Just("- ".to_owned()),
        Just("\t".to_owned()),
        Just("<!--\n".to_owned()),
        Just("-->\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("given a thing\n".to_owned()),
        Just("given file F\n".to_owned()),
        Just("when I print \"\\x4é\"\n".to_owned()),
        Just("when  I say\té é  to\u{a0}x \n".to_owned()),
        Just("and\n".to_owned()),
        "\\PC{0,8}",
    ]
}

fn yaml_piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("- given: ".to_owned()),
        Just("  regex: true\n".to_owned()),
        Just("  types: {x: int}\n".to_owned()),
        Just("  impl:\n    native:\n      function: f\n".to_owned()),
        Just("{x}".to_owned()),
        Just("{x:file}".to_owned()),
        Just("(?P<x>.*)".to_owned()),
        Just("é".to_owned()),
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("|\n  ".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("<<: ".to_owned()),
        Just("!!binary ".to_owned()),
        Just("? ".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(": ".to_owned()),
        "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_survived(text in "(?s).{0,200}") {
        check(&Project::new().document("d.md", text).load());
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&Project::new().document("d.md", bytes.clone()).document("d.subplot", bytes).load());
    }

    #[test]
    fn any_markdown_is_survived(pieces in proptest::collection::vec(markdown_piece(), 0..40)) {
        let text = pieces.concat();
        check(&Project::with_scenario(&text).load());
        check(&Project::new().document("d.md", text).load());
    }

    #[test]
    fn any_yaml_is_survived(pieces in proptest::collection::vec(yaml_piece(), 0..30)) {
        let text = pieces.concat();
        bindings_of(SourceFile::new("b.yaml", text.as_str()));
        check(&Project::with_bindings(&text, "given é\ngiven 12\ngiven x").load());
        check(&Project::new().document("d.subplot", text).load());
    }

    #[test]
    fn steps_come_back_where_they_were(
        lines in proptest::collection::vec(("[ \
            \t]{0,3}", "(given|When|THEN)", "[ \
                \t]{1,3}", "[a-zé{}\"\\\\]{1,5}([ \t]{1,2}[a-zé0-9]{1,4}){0,4}", "[ \t]{0,2}"), 1..8),
        prefix in prop_oneof![Just(""), Just("> "), Just("   "), Just("- ")],
        crlf in any::<bool>(),
        bom in any::<bool>(),
    ) {
        let bindings = ["given", "when", "then"].map(|kind| format!("- {kind}: \"{{x:text}}\"\n  impl: {{native: \
            {{function: f}}}}\n")).concat();
        let mut text = format!("{}{HEAD}", if bom { "\u{feff}" } else { "" });
        // The marker of a list comes once. The lines of the item are indented.
        let inner = if prefix == "- " { "  " } else { prefix };
        let _ = writeln!(text, "{prefix}~~~scenario");
        for (indent, keyword, gap, words, tail) in &lines {
            let _ = writeln!(text, "{inner}{indent}{keyword}{gap}{words}{tail}");
        }
        let _ = writeln!(text, "{inner}~~~");
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let loaded = Project::new().document("d.md", text).file("b.yaml", bindings).load();
        check(&loaded);
        let is_expected = |diagnostic: &Diagnostic| diagnostic.code == Code::CollapsedSpaces;
        prop_assert!(loaded.diagnostics.iter().all(is_expected), "{:?}", loaded.diagnostics);
        let steps = &loaded.plan.scenarios[0].steps;
        prop_assert_eq!(steps.len(), lines.len());
        for (step, (_, keyword, gap, words, _)) in steps.iter().zip(&lines) {
            prop_assert_eq!(loaded.sources.text(step.span), format!("{keyword}{gap}{words}"));
            let collapsed = words.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(step.text.as_str(), format!("{keyword} {collapsed}"));
            prop_assert_eq!(step.captures[0].text.as_str(), &collapsed);
            let (start, end) = step.captures[0].range;
            prop_assert_eq!(loaded.sources.text(Span { source: step.span.source, start, end }), words);
        }
    }
}
