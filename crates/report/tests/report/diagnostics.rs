//! Complaints about documents, drawn.

use std::time::Instant;

use greenroom_doc::{Code, Diagnostic, SourceFile, SourceId, Sources, Span};
use greenroom_report::{Style, diagnostics};
use snapbox::{IntoData, assert_data_eq, str};

fn sources(files: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::default();
    for (name, text) in files {
        sources.add(SourceFile::new(*name, *text));
    }
    sources
}

/// The span of the first occurrence of some text.
fn span(sources: &Sources, file: u32, needle: &str) -> Span {
    let start = sources.file(SourceId(file)).text.find(needle).unwrap();
    at(file, start, start + needle.len())
}

fn at(file: u32, start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).unwrap();
    Span { source: SourceId(file), start: offset(start), end: offset(end) }
}

fn shown(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    diagnostics::render(diagnostics, sources, Style::plain(100))
}

const DOCUMENT: &str = "# Title\n\nprose\n\n~~~scenario\ngiven a thing\nwhen I strat it\n~~~\n";

#[test]
fn one_file() {
    let sources = sources(&[("daemon.md", DOCUMENT)]);
    let unknown = Diagnostic::error(Code::UnknownStep, "no binding matches this step")
        .at(span(&sources, 0, "when I strat it"), "no such step")
        .help("did you mean `when I start it`?");
    let warning = Diagnostic::warning(Code::Step("no-then"), "scenario checks nothing")
        .at(span(&sources, 0, "# Title"), "this scenario")
        .and_at(span(&sources, 0, "when I strat it"), "its last step")
        .note("a scenario without a `then` can only fail in its steps");
    assert_data_eq!(
        shown(&[unknown.clone(), warning, unknown], &sources),
        str![[r#"
error[unknown-step]: no binding matches this step
 --> daemon.md:7:1
  |
7 | when I strat it
  | ^^^^^^^^^^^^^^^ no such step
  |
  = help: did you mean `when I start it`?

warning[no-then]: scenario checks nothing
 --> daemon.md:1:1
  |
1 | # Title
  | ^^^^^^^ this scenario
...
7 | when I strat it
  | --------------- its last step
  |
  = note: a scenario without a `then` can only fail in its steps

error[unknown-step]: no binding matches this step
 --> daemon.md:7:1
  |
7 | when I strat it
  | ^^^^^^^^^^^^^^^ no such step
  |
  = help: did you mean `when I start it`?

2 errors, 1 warning

"#]]
        .raw()
    );
}

#[test]
fn two_files() {
    let sources = sources(&[
        ("daemon.md", DOCUMENT),
        ("lib/a.yaml", "- given: a thing\n  impl: {}\n"),
        ("lib/b.yaml", "\n\n- given: a {name}\n"),
    ]);
    let ambiguous = Diagnostic::error(Code::AmbiguousStep, "2 bindings match this step")
        .at(span(&sources, 0, "given a thing"), "")
        .and_at(span(&sources, 1, "a thing"), "this one does")
        .and_at(span(&sources, 2, "a {name}"), "and this one")
        .help("make one of the patterns more special");
    assert_data_eq!(
        shown(&[ambiguous], &sources),
        str![[r#"
error[ambiguous-step]: 2 bindings match this step
 --> daemon.md:6:1
  |
6 | given a thing
  | ^^^^^^^^^^^^^
  |
 ::: lib/a.yaml:1:10
  |
1 | - given: a thing
  |          ------- this one does
  |
 ::: lib/b.yaml:3:10
  |
3 | - given: a {name}
  |          -------- and this one
  |
  = help: make one of the patterns more special

1 error

"#]]
        .raw()
    );
}

#[test]
fn no_place() {
    let missing = Diagnostic::error(Code::NotFound, "there is no document nosuch.md").help("names are taken from here");
    assert_data_eq!(
        shown(&[missing], &Sources::default()),
        str![[r#"
error[not-found]: there is no document nosuch.md
 |
 = help: names are taken from here

1 error

"#]]
        .raw()
    );
    assert_eq!(shown(&[], &Sources::default()), "");
}

#[test]
fn tab_crlf_emoji_and_control_characters() {
    let text =
        "# A\r\n\tgiven\ttabs here\r\nwhen 😀日本 emoji here\r\nthen \x1b[31m\u{202e}\u{9b}\u{200b}hidden here\r\n";
    let sources = sources(&[("a\x1b.md", text)]);
    let about = |needle| Diagnostic::warning(Code::Step("odd"), "odd").at(span(&sources, 0, needle), "this");
    let all = [about("tabs"), about("日本"), about("emoji"), about("hidden"), about("here\r\nwhen")];
    let shown = shown(&all, &sources);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    assert_data_eq!(
        shown,
        str![[r#"
warning[odd]: odd
 --> a\x1b.md:2:8
  |
2 |     given    tabs here
  |              ^^^^ this

warning[odd]: odd
 --> a\x1b.md:3:7
  |
3 | when 😀日本 emoji here
  |        ^^^^ this

warning[odd]: odd
 --> a\x1b.md:3:10
  |
3 | when 😀日本 emoji here
  |             ^^^^^ this

warning[odd]: odd
 --> a\x1b.md:4:14
  |
4 | then ␛[31m���hidden here
  |              ^^^^^^ this

warning[odd]: odd
 --> a\x1b.md:2:13
  |
2 |       given    tabs here
  |  ___________________^
3 | | when 😀日本 emoji here
  | |____^ this

5 warnings

"#]]
        .raw()
    );
}

#[test]
fn at_the_end() {
    let sources = sources(&[("a.md", "one\ntwo\n"), ("b.md", "one"), ("empty.md", "")]);
    let about = |span| Diagnostic::error(Code::Step("end"), "the file ends here").at(span, "here");
    let all = [about(at(0, 8, 8)), about(at(1, 3, 3)), about(at(2, 0, 0))];
    assert_data_eq!(
        shown(&all, &sources),
        str![[r#"
error[end]: the file ends here
 --> a.md:3:1
  |
3 |
  | ^ here

error[end]: the file ends here
 --> b.md:1:4
  |
1 | one
  |    ^ here

error[end]: the file ends here
 --> empty.md:1:1
  |
1 |
  | ^ here

3 errors

"#]]
        .raw()
    );
}

#[test]
fn tall_spans_and_long_lines() {
    let tall: String = (1..100).map(|n| format!("line {n}\n")).collect();
    let long = format!("{}needle{}\n{}", "x".repeat(300), "y".repeat(5000), "z".repeat(9000));
    let sources = sources(&[("tall.md", &tall), ("long.md", &long)]);
    let all = [
        Diagnostic::error(Code::Step("tall"), "few lines").at(span(&sources, 0, "line 3\nline 4\nline 5"), "these"),
        Diagnostic::error(Code::Step("tall"), "all lines").at(at(0, 0, tall.len()), "all of it"),
        Diagnostic::error(Code::Step("long"), "long line").at(span(&sources, 1, "needle"), "here"),
        Diagnostic::error(Code::Step("far"), "far right").at(at(1, 13_000, 13_005), "here").help("break the line"),
    ];
    assert_data_eq!(
        shown(&all, &sources),
        str![[r#"
error[tall]: few lines
 --> tall.md:3:1
  |
3 | / line 3
4 | | line 4
5 | | line 5
  | |______^ these

error[tall]: all lines
 --> tall.md:1:1
  |
1 | line 1
  | ^^^^^^ all of it

error[long]: long line
 --> long.md:1:301
  |
1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxneedleyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
  |                                           ^^^^^^ here

error[far]: far right
--> long.md:2:7694
 = note: here
 = help: break the line

4 errors

"#]]
        .raw()
    );
}

#[test]
fn broken_spans_do_not_panic() {
    let sources = sources(&[("a.md", "é\r\nü"), ("empty.md", "")]);
    for file in 0..2 {
        for start in 0..10 {
            for end in 0..10 {
                let one = Diagnostic::error(Code::Step("x"), "y")
                    .at(at(file, start, end), "z")
                    .and_at(at(file, end, start), "w");
                assert!(!shown(&[one], &sources).is_empty());
            }
        }
    }
    let far = Diagnostic::error(Code::Step("x"), "y").at(at(0, u32::MAX as usize, u32::MAX as usize), "z");
    assert!(!shown(&[far], &sources).is_empty());
}

#[test]
fn a_thousand_in_a_large_file() {
    let text: String = (0..40_000).map(|n| format!("given step number {n} here\n")).collect();
    assert!(text.len() > 1_000_000);
    let sources = sources(&[("large.md", &text), ("small.md", "given\n")]);
    let many: Vec<_> = (0..1000)
        .map(|n| {
            let start = sources.file(SourceId(0)).line_range(n * 39 + 1).start;
            Diagnostic::error(Code::Step("x"), "y").at(at(0, start, start + 5), "here").and_at(at(0, 0, 5), "first")
        })
        .collect();
    let small: Vec<_> = (0..1000)
        .map(|_| Diagnostic::error(Code::Step("x"), "y").at(at(1, 0, 5), "here").and_at(at(1, 0, 5), "first"))
        .collect();
    let time = |diagnostics: &[Diagnostic]| {
        let start = Instant::now();
        assert!(shown(diagnostics, &sources).ends_with("1000 errors\n"));
        start.elapsed()
    };
    let (small, many) = (time(&small), time(&many));
    assert!(many < small * 20, "depends on the size of the file: {many:?} against {small:?}");
}

#[test]
fn colour() {
    let sources = sources(&[("daemon.md", DOCUMENT)]);
    let one = [Diagnostic::error(Code::Step("x"), "message").at(span(&sources, 0, "prose"), "here")];
    let coloured = diagnostics::render(&one, &sources, Style::coloured(100));
    assert!(coloured.contains("\x1b["));
}
