//! One mistake in a bindings file each, and all that is said about it.

use greenroom_doc::{SourceFile, bindings_of};
use snapbox::str;

use crate::project::{Project, complaints, same};

fn bindings(text: &str) -> String {
    let (sources, _, diagnostics) = bindings_of(SourceFile::new("b.yaml", text));
    complaints(&sources, &diagnostics)
}

#[test]
fn shape() {
    same(
        bindings("given: x\n"),
        str![[r#"
error[bad-binding]: a bindings file must be a list, not a mapping
  at b.yaml:1:1 "given"
  help: begin each binding with `- given:`, `- when:` or `- then:`

"#]],
    );
    same(
        bindings("- x\n- []\n- {}\n"),
        str![[r#"
error[bad-binding]: a binding must be a mapping, not text
  at b.yaml:1:3 "x"
error[bad-binding]: a binding must be a mapping, not a list
  at b.yaml:2:3 "["
error[bad-binding]: this binding has no keyword
  at b.yaml:3:3 "{"
  help: add `given:`, `when:` or `then:` with a pattern

"#]],
    );
    same(
        bindings("- given: [x]\n- given:\n- given: ''\n"),
        str![[r#"
error[bad-binding]: a pattern must be text, not a list
  at b.yaml:1:11 "x"
error[bad-binding]: a pattern must be text, not nothing
  at b.yaml:2:8 ""
error[bad-binding]: this pattern is empty
  at b.yaml:3:10 "''"

"#]],
    );
    same(
        bindings("- given: a\n  when: b\n"),
        str![[r#"
error[bad-binding]: a binding can have only one keyword
  at b.yaml:2:3 "when" - second
  at b.yaml:1:3 "given" - first
  help: split it into two bindings

"#]],
    );
    same(
        bindings("- given: a\n  given: b\n"),
        str![[r#"
error[duplicate-key]: duplicate key `given`
  at b.yaml:2:3 "given" - again here
  at b.yaml:1:3 "given" - first here
  help: remove one of them

"#]],
    );
    same(
        bindings("- given: a: b\n"),
        str![[r#"
error[bad-yaml]: invalid YAML: mapping values are not allowed in this context
  at b.yaml:1:11 ""
  help: quote the text: it contains a colon and a space, which begin a mapping

"#]],
    );
}

#[test]
fn keys() {
    same(
        bindings("- given: a\n  regexp: true\n  colour: red\n"),
        str![[r#"
error[unknown-key]: unknown binding key `regexp`
  at b.yaml:2:3 "regexp"
  help: did you mean `regex`?
error[unknown-key]: unknown binding key `colour`
  at b.yaml:3:3 "colour"
  help: known keys: given, when, then, impl, regex, case_sensitive, types, doc, example, function, cleanup

"#]],
    );
    same(
        bindings("- given: a\n  regex: maybe\n  case_sensitive: []\n  doc: {}\n"),
        str![[r#"
error[bad-binding]: `regex` must be `true` or `false`
  at b.yaml:2:10 "maybe"
error[bad-binding]: `case_sensitive` must be `true` or `false`
  at b.yaml:3:19 "["
error[bad-binding]: `doc` must be text, not a mapping
  at b.yaml:4:8 "{"

"#]],
    );
}

#[test]
fn implementations() {
    same(
        bindings(
            "- given: a\n  impl: foo\n- given: b\n  impl: {python: foo}\n\
                - given: c\n  impl: {python: {funktion: f, cleanup: g}}\n\
                - given: d\n  impl: {python: {function: []}}\n\
                - given: e\n  cleanup: x\n",
        ),
        str![[r#"
error[bad-binding]: `impl` must be a mapping, not text
  at b.yaml:2:9 "foo"
  help: write the language, a colon, and below it `function:` with a name
error[bad-binding]: `python` must be a mapping, not text
  at b.yaml:4:18 "foo"
  help: write `function:` with a name
error[unknown-key]: unknown binding key `funktion`
  at b.yaml:6:19 "funktion"
  help: did you mean `function`?
error[bad-binding]: `python` has no `function`
  at b.yaml:6:10 "python"
error[bad-binding]: `function` must be a name, not a list
  at b.yaml:8:29 "["
error[bad-binding]: this `cleanup` has no `function`
  at b.yaml:10:3 "cleanup"

"#]],
    );
}

#[test]
fn types() {
    same(
        bindings(
            "- given: a {b:strin}\n- given: a {b:wrod}\n- given: a {b:int} {c}\n  types: {b: text, d: word, c: uit}\n\
                - given: a\n  types: [x]\n- given: (?P<x>.*)\n  regex: true\n  types: {y: int}\n",
        ),
        str![[r#"
error[unknown-type]: unknown capture type `strin`
  at b.yaml:1:12 "{b:strin}"
  help: known types: word, escapedword, text, escapedtext, int, uint, number, file, path, json, jsonpath
error[unknown-type]: unknown capture type `wrod`
  at b.yaml:2:12 "{b:wrod}"
  help: did you mean `word`?
error[unknown-type]: unknown capture type `uit`
  at b.yaml:4:32 "uit"
  help: did you mean `uint`?
error[type-conflict]: `b` has two types
  at b.yaml:4:11 "b" - text here
  at b.yaml:3:12 "{b:int}" - int in the pattern
  help: keep one of them
warning[unknown-capture]: the pattern has no capture `d`
  at b.yaml:4:20 "d"
error[bad-binding]: `types` must be a mapping of captures to types, not a list
  at b.yaml:6:11 "x"
warning[unknown-capture]: the pattern has no capture `y`
  at b.yaml:9:11 "y"

"#]],
    );
}

#[test]
fn simple_patterns() {
    same(
        bindings(
            "- given: \"a {b} {b} }\"\n- given: say {\"x\"}\n- given: it costs 3.50 (net)\n- given: ^a .*$\n\
                - given: a.*\n  regex: false\n",
        ),
        str![[r#"
error[stray-brace]: this `}` does not belong to a capture
  at b.yaml:1:21 "}"
  help: write captures as `{name}` or `{name:type}`, without spaces
  help: to match a brace, write `regex: true` and put a backslash before the brace
error[stray-brace]: this `{` does not belong to a capture
  at b.yaml:2:14 "{"
  help: write captures as `{name}` or `{name:type}`, without spaces
  help: to match a brace, write `regex: true` and put a backslash before the brace
error[stray-brace]: this `}` does not belong to a capture
  at b.yaml:2:18 "}"
  help: write captures as `{name}` or `{name:type}`, without spaces
  help: to match a brace, write `regex: true` and put a backslash before the brace
warning[regex-or-not]: `.` is matched literally in a simple pattern
  at b.yaml:3:20 "."
  help: write `regex: false` if that is intended, or `regex: true` for a regular expression
error[regex-or-not]: this pattern looks like a regular expression
  at b.yaml:4:10 "^"
  help: write `regex: true` if it is one, or `regex: false` to match it literally

"#]],
    );
}

#[test]
fn regexes() {
    same(
        bindings(
            "- given: \"a (b\"\n  regex: true\n- given: 'a [b'\n  regex: true\n- given: \"a \\\\q\"\n  regex: true\n\
                - given: a)|(b\n  regex: true\n- given: (?P<x>a)(?P<x>b)\n  regex: true\n\
                - given: (\\pL{1000}){1000}\n  regex: true\n",
        ),
        str![[r#"
error[bad-regex]: invalid regular expression: unclosed group
  at b.yaml:1:13 "("
error[bad-regex]: invalid regular expression: unclosed character class
  at b.yaml:3:13 "["
error[bad-regex]: invalid regular expression: unrecognized escape sequence
  at b.yaml:5:10 "\"a \\\\q\""
error[bad-regex]: invalid regular expression: unopened group
  at b.yaml:7:11 ")"
error[bad-regex]: invalid regular expression: duplicate capture group name
  at b.yaml:9:22 "x"
error[bad-regex]: invalid regular expression: it needs too much memory; does it have large `{n}` counts?
  at b.yaml:11:10 "(\\pL{1000}){1000}"

"#]],
    );
}

#[test]
fn an_invalid_binding_does_not_stop_the_others() {
    let text = "- given: a (b\n  regex: true\n- given: a thing\n  impl: {native: {function: a}}\n";
    same(
        Project::with_bindings(text, "given a thing\ngiven a b").complaints(),
        str![[r#"
error[bad-regex]: invalid regular expression: unclosed group
  at b.yaml:1:12 "("

"#]],
    );
}
