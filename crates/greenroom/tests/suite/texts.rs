//! Text reaches commands and comparisons as the document writes it.

use crate::support::{Project, scenario};

#[test]
fn spaces_between_quotes_are_kept() {
    let steps = [
        "when I run printf '%s\\n' \"a  b\" 'c   d' e    f",
        "then stdout is exactly \"a  b\\nc   d\\ne\\nf\\n\"",
        "given the environment variable X=\"1\t2  3\"",
        "when I run printenv X",
        "then stdout contains \"\\\"1\t2  3\\\"\"",
        "when I write \"x   y\" to file f",
        "then file f contains \"x   y\"",
        "then file f matches regex \"^x   y$\"",
    ];
    Project::anywhere().file("x.md", scenario(&steps.join("\n"))).run(["run", "x.md"]).code(0);
}

#[test]
fn differences_that_are_hard_to_see_are_named() {
    let note = |steps: &str| {
        let ran = Project::anywhere().file("x.md", scenario(steps)).run(["run", "x.md"]).code(1);
        let note = ran.stdout.lines().find(|line| line.contains("differ only") || line.contains("except for"));
        note.unwrap_or(&ran.stdout).trim().to_owned()
    };
    assert_eq!(
        note("when I run printf 'a b'\nthen stdout is exactly \"a  b\""),
        "note: expected and actual differ only in the number of spaces or the kind of blanks"
    );
    assert_eq!(
        note("when I run printf 'a\u{a0}b'\nthen stdout is exactly \"a b\""),
        "note: expected and actual differ only in spaces: actual has U+00A0"
    );
    assert_eq!(
        note("when I run printf 'one two caf\u{e9}'\nthen stdout contains \"Two\""),
        "note: it contains the text except for upper and lower case"
    );
    let forms = note("when I run printf 'caf\u{e9}'\nthen stdout is exactly \"cafe\u{301}\"");
    assert!(forms.contains("differ only in Unicode normal form"), "{forms}");
    let file = note("when I write \"Yes\" to file f\nthen file f contains \"yes\"");
    assert_eq!(file, "note: it contains the text except for upper and lower case");
    assert_eq!(
        note(
            "when I start \"echo a\" as a background process as d\nwhen I wait for daemon d to end\n\
             then daemon d stdout is \"A\\n\""
        ),
        "note: expected and actual differ only in upper and lower case"
    );
}
