//! The closest text of comparisons that Python functions make.

use snapbox::str;

use crate::support::{Project, same};

/// Runs a step whose function has this body, and returns its failure: up to the trace.
fn failure(body: &str) -> String {
    let text = "---\ntitle: Trial\nbindings: [steps.yaml, lib/runcmd.yaml, lib/files.yaml]\n\
                impls: {python: [steps.py, lib/runcmd.py, lib/files.py]}\n...\n\
                # The scenario\n~~~scenario\nwhen I run sh -c \"seq 400 | sed s/200/'200: disk full'/\"\n\
                then it holds\n~~~\n";
    let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
    let project = Project::anywhere()
        .file("x.md", text)
        .file("steps.yaml", "- then: it holds\n  impl:\n    python:\n      function: holds\n")
        .file(
            "steps.py",
            format!("LOG = \"\".join(\"line %d\\n\" % n for n in range(1, 3000))\ndef holds(ctx):\n{indented}"),
        );
    let screen = project.run(["run", "x.md"]).code(1).stderr("").stdout;
    let lines = screen.lines().skip_while(|line| !line.contains("1 step not run") && !line.contains("FAILED")).skip(1);
    lines
        .take_while(|line| !line.contains("where it failed") && !line.contains("last 20 lines"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_closest_text_of_an_assertion_is_shown() {
    same(
        &failure(
            "log = LOG.replace(\"line 1500\\n\", \"user Anna logged in\\n\")\nassert \"user anna logged in\" in log",
        ),
        str![[r#"

  AssertionError: assert "user anna logged in" in log
  expected to contain:
    │ user anna logged in
  the closest text is in line 1500:
    expected: user anna logged in
    actual:   user Anna logged in
                   ^
  actual (lines 1497 to 1503; -v shows more):
    │ 1497  line 1497
    │ 1498  line 1498
    │ 1499  line 1499
    │ 1500  user Anna logged in
    │ 1501  line 1501
    │ 1502  line 1502
    │ 1503  line 1503
  note: it contains the text except for upper and lower case

"#]],
    );
    same(
        &failure(
            "ctx[\"log\"] = LOG.replace(\"line 77\\n\", \"{\\\"ok\\\": false}\\n\").encode()\n\
             assert b'{\"ok\": true}' in ctx[\"log\"]",
        ),
        str![[r#"

  AssertionError: assert b'{"ok": true}' in ctx["log"]
  expected to contain:
    │ {"ok": true}
  the closest text is in line 77:
    expected: {"ok": true}
    actual:   {"ok": false}
                     ^^^^
  actual (lines 74 to 80; -v shows more):
    │ 74  line 74
    │ 75  line 75
    │ 76  line 76
    │ 77  {"ok": false}
    │ 78  line 78
    │ 79  line 79
    │ 80  line 80

"#]],
    );
    same(
        &failure("log = LOG + \"all is well\\n\"\nassert \"connection refused by peer\" in log"),
        str![[r#"

  AssertionError: assert "connection refused by peer" in log
  expected to contain:
    │ connection refused by peer

"#]],
    );
}

#[test]
fn a_text_that_an_assertion_does_not_expect_is_shown_where_it_is() {
    same(
        &failure("log = LOG.replace(\"line 1500\\n\", \"ERROR: disk full\\n\")\nassert \"ERROR\" not in log"),
        str![[r#"

  AssertionError: assert "ERROR" not in log
  expected not to contain:
    │ ERROR
  actual (line 1500 has it; shown from line 1498):
    │ line 1498
    │ line 1499
    │ ERROR: disk full
    │ line 1501
    │ line 1502

"#]],
    );
}

#[test]
fn the_closest_text_of_a_helper_is_shown() {
    same(
        &failure("runcmd_stdout_contains(ctx, text=\"200: disc full\")"),
        str![[r#"

  stdout of the command does not contain what was expected
  expected to contain:
    │ 200: disc full
  the closest text is in line 200:
    expected: 200: disc full
    actual:   200: disk full
                      ^
  actual (lines 197 to 203; -v shows more):
    │ 197  197
    │ 198  198
    │ 199  199
    │ 200  200: disk full
    │ 201  201
    │ 202  202
    │ 203  203
  note: the command was `sh -c 'seq 400 | sed s/200/'"'"'200: disk full'"'"'/'`, and its exit code 0

"#]],
    );
    same(
        &failure(
            "open(\"log\", \"w\").write(LOG.replace(\"line 9\\n\", \"Error 42: disk full\\n\"))\n\
             files_file_contains(ctx, filename=\"log\", data=\"Error 41: disk full\")",
        ),
        str![[r#"

  file log does not contain what was expected
  expected to contain:
    │ Error 41: disk full
  the closest text is in line 9:
    expected: Error 41: disk full
    actual:   Error 42: disk full
                     ^
  actual (lines 6 to 12; -v shows more):
    │  6  line 6
    │  7  line 7
    │  8  line 8
    │  9  Error 42: disk full
    │ 10  line 10
    │ 11  line 11
    │ 12  line 12

"#]],
    );
}
