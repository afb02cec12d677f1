//! Fenced blocks that are never closed, or closed too late.

use snapbox::str;

use super::helpers::{fine, text, warned};
use crate::support::{Project, document, scenario};

#[test]
fn a_file_that_is_never_closed() {
    let file = "\n~~~{#x.sh .file}\n#!/bin/sh\n# Says hello.\necho hello\n";
    let next = "\n# B\n\nProse.\n\n```scenario\nwhen I run sh x.sh\n```\n";
    text(scenario("given file x.sh") + file + next).stderr(str![[r#"
error[unclosed-block]: this block is never closed: it runs to the end of the document
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
   |
  ::: x.md:19:1
   |
19 | ```scenario
   | ----------- this is inside it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
    // Fences that do not close it.
    text(scenario("given file x.sh") + file + "```\n" + next).stderr(str![[r#"
error[unclosed-block]: this block is never closed: it runs to the end of the document
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
...
14 | ```
   | --- this does not close it
...
20 | ```scenario
   | ----------- this is inside it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
    // It may contain more than the scenarios that are recognized.
    text(scenario("given file y.sh") + file + &next.replace("scenario", "{#y.sh .file}")).stderr(str![[r#"
error[unclosed-block]: this block is never closed: it runs to the end of the document
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
   |
  ::: x.md:19:1
   |
19 | ```{#y.sh .file}
   | ---------------- this is inside it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
}

#[test]
fn a_file_that_is_closed_by_the_fence_of_another_block() {
    let file = "\n~~~{#x.sh .file}\necho hello\n\n# B\n\n~~~scenario\nwhen I run sh x.sh\n~~~\n";
    text(scenario("given file x.sh") + file).stderr(str![[r#"
error[unclosed-block]: this block is closed too late: it contains what should follow it
  --> x.md:10:1
   |
10 | ~~~{#x.sh .file}
   | ^^^^^^^^^^^^^^^^
...
15 | ~~~scenario
   | ----------- this is inside it
16 | when I run sh x.sh
17 | ~~~
   | --- this closes it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
}

#[test]
fn a_file_that_is_never_closed_and_loses_nothing() {
    let project =
        Project::new().file("x.md", scenario("given file x.sh") + "~~~{#x.sh .file}\n# Says hello.\necho hello\n");
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[unclosed-block]: this block is never closed: it runs to the end of the document
 --> x.md:9:1
  |
9 | ~~~{#x.sh .file}
  | ^^^^^^^^^^^^^^^^
  |
  = help: close it with a line `~~~`

1 warning

"#]]);
    project.run(["run", "-q", "x.md"]).code(0);
}

#[test]
fn blocks_within_blocks_are_text() {
    let inner = "# B\n```scenario\nwhen I run true\n```\n~~~{#y .file}\n~~~\n";
    let file = format!("~~~~{{#x.md .file}}\n{inner}~~~~\n\n`````{{.markdown}}\n{inner}`````\n");
    fine(scenario("given file x.md") + &file)
        .stdout(str![[r#"
1 scenario with 1 step: OK

"#]])
        .stderr(str![]);
}

#[test]
fn a_scenario_that_is_never_closed() {
    let open = |steps: &str, rest: &str| text(document(&format!("# A\n~~~scenario\n{steps}\n{rest}")));
    open("when I run true", "\nSome prose.\n\n# B\n~~~scenario\nwhen I run true\n~~~\n").stderr(str![[r#"
error[unclosed-block]: this block is closed too late: it contains what should follow it
  --> x.md:6:1
   |
 6 | ~~~scenario
   | ^^^^^^^^^^^
...
 9 | Some prose.
   | ----------- this is inside it
...
14 | ~~~
   | --- this closes it
   |
   = help: close it with a line `~~~`

1 error

"#]]);
    open("when I run true", "\nThe prose.\n").stderr(str![[r#"
error[unclosed-block]: this block is never closed: it runs to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
...
9 | The prose.
  | ---------- this is inside it
  |
  = help: close it with a line `~~~`

1 error

"#]]);
    open("when I run true\nwehn I run true", "```\n\n# B\n```scenario\nwhen I run true\n```\n").stderr(str![[r#"
error[unclosed-block]: this block is never closed: it runs to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
...
9 | ```
  | --- this does not close it
  |
  = help: close it with a line `~~~`

error[unknown-keyword]: a step cannot begin with `wehn`
 --> x.md:8:1
  |
8 | wehn I run true
  | ^^^^
  |
  = help: did you mean `when`?

2 errors

"#]]);
    open("when I run true", "~~\n\n# B\n").stderr(str![[r#"
error[unclosed-block]: this block is never closed: it runs to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
7 | when I run true
8 | ~~
  | -- this is inside it
  |
  = help: close it with a line `~~~`

1 error

"#]]);
}

#[test]
fn a_scenario_that_is_never_closed_and_loses_nothing() {
    warned(scenario("when I run true").trim_end_matches("~~~\n")).stderr(str![[r#"
warning[unclosed-block]: this block is never closed: it runs to the end of the document
 --> x.md:6:1
  |
6 | ~~~scenario
  | ^^^^^^^^^^^
  |
  = help: close it with a line `~~~`

1 warning

"#]]);
}
