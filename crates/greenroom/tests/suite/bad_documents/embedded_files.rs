//! Embedded files that are missing, unused, unnamed or duplicate.

use snapbox::str;

use super::helpers::text;
use crate::support::{Project, scenario};

#[test]
fn a_missing_embedded_file() {
    Project::new()
        .file("x.md", scenario("given file confg.txt") + "~~~{#config.txt .file}\nx\n~~~\n")
        .refused(["run", "x.md"])
        .stderr(str![[r#"
error[missing-file]: this document has no embedded file `confg.txt`
 --> x.md:7:12
  |
7 | given file confg.txt
  |            ^^^^^^^^^
  |
  = help: did you mean `config.txt`?

warning[unused-file]: no step uses the embedded file `config.txt`
 --> x.md:9:1
  |
9 | ~~~{#config.txt .file}
  | ^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: remove it, or replace `.file` with `.example`

1 error, 1 warning

"#]]);
}

#[test]
fn an_embedded_file_with_a_misspelled_class() {
    let steps = "given file a.txt\nand file b.txt\nand file C.txt";
    let files = "~~~{#a.txt .file}\n~~~\n\n~~~{#b.txt .flie}\n~~~\n\n~~~{#c.txt .sh}\n~~~\n";
    text(scenario(steps) + files).stderr(str![[r#"
error[unused-name]: the block `b.txt` has a name but is not a file
  --> x.md:14:1
   |
14 | ~~~{#b.txt .flie}
   | ^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `.file` instead of `.flie`?

error[unused-name]: the block `c.txt` has a name but is not a file
  --> x.md:17:1
   |
17 | ~~~{#c.txt .sh}
   | ^^^^^^^^^^^^^^^
   |
   = help: add `.file` to embed it, or `.example` if it is only an example

2 errors

"#]]);
}

#[test]
fn a_duplicate_embedded_file() {
    let file = "~~~{#config.txt .file}\nx\n~~~\n";
    text(scenario("given file config.txt") + file + "\n" + file).stderr(str![[r#"
error[duplicate-file]: two embedded files have the name `config.txt`
  --> x.md:13:1
   |
 9 | ~~~{#config.txt .file}
   | ---------------------- first
...
13 | ~~~{#config.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^^^ second
   |
   = help: rename one of them; upper and lower case make no difference

1 error

"#]]);
}

#[test]
fn an_embedded_file_outside_of_the_scenario() {
    text(scenario("given file ../config.txt") + "~~~{#../config.txt .file}\nx\n~~~\n").stderr(str![[r#"
error[outside-directory]: ../config.txt is outside of the scenario's directory
 --> x.md:7:12
  |
7 | given file ../config.txt
  |            ^^^^^^^^^^^^^
  |
  = help: write a path inside the scenario's directory, without a leading `/` or `..`

1 error

"#]]);
}
