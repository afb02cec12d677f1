//! What looks like a scenario or an embedded file, but is not one.

use snapbox::str;

use super::helpers::{fine, text, warned};
use crate::support::{Project, scenario};

/// A document with one scenario that passes, and this text after it.
fn after(text: &str) -> String {
    format!("{}\n# Other\n\n{text}", scenario("when I run true"))
}

#[test]
fn a_fence_in_an_html_block() {
    text(after("<details>\n<summary>Log out</summary>\n~~~scenario\nwhen I run false\n~~~\n</details>\n")).stderr(
        str![[r#"
error[hidden-block]: this scenario does not run: the fence is inside an HTML block
  --> x.md:14:1
   |
14 | ~~~scenario
   | ^^^^^^^^^^^
   |
   = help: put a blank line before it, so that Markdown ends the HTML block there
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]],
    );
    text(after("<pre>\n```{.scenario label=slow}\nwhen I run false\n```\n</pre>\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: the fence is inside `<pre>`
  --> x.md:13:1
   |
13 | ```{.scenario label=slow}
   | ^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: move it out of `<pre>`
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
    text(after("<pre><code class=\"language-scenario\">when I run false\n</code></pre>\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: it is HTML, not a fenced block
  --> x.md:12:6
   |
12 | <pre><code class="language-scenario">when I run false
   |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the steps between a line `~~~scenario` and a line `~~~`
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
}

#[test]
fn an_indented_fence() {
    text(after("    ~~~scenario\n    when I run false\n    ~~~\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: the fence is indented by four spaces or more
  --> x.md:12:5
   |
12 |     ~~~scenario
   |     ^^^^^^^^^^^
   |
   = help: indent it by at most three spaces; in a list, as far as the text of the list item
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
    text(after("1. First\n\n       ```scenario\n       when I run false\n       ```\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: the fence is indented by four spaces or more
  --> x.md:14:8
   |
14 |        ```scenario
   |        ^^^^^^^^^^^
   |
   = help: indent it by at most three spaces; in a list, as far as the text of the list item
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
    text(after("As follows:\n\t~~~ {.scenario}\n\twhen I run false\n\t~~~\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: the fence is indented by four spaces or more
  --> x.md:13:2
   |
13 |     ~~~ {.scenario}
   |     ^^^^^^^^^^^^^^^
   |
   = help: indent it by at most three spaces; in a list, as far as the text of the list item
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
}

#[test]
fn a_fence_in_a_table() {
    text(after("| step |\n|---|\n| ~~~scenario<br>when I run false<br>~~~ |\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: the fence is inside a table
  --> x.md:14:3
   |
14 | | ~~~scenario<br>when I run false<br>~~~ |
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: move it out of the table
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
}

#[test]
fn lines_that_are_not_fences() {
    text(after("~~scenario\nwhen I run false\n~~\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: this is not a fence
  --> x.md:12:1
   |
12 | ~~scenario
   | ^^^^^^^^^^
   |
   = help: a fence begins with at least three `~` or three backticks: `~~~scenario`
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
    text(after("::: {.scenario}\nwhen I run false\n:::\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: this is not a fence
  --> x.md:12:1
   |
12 | ::: {.scenario}
   | ^^^^^^^^^^^^^^^
   |
   = help: a fence begins with at least three `~` or three backticks: `~~~scenario`
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
    text(after("```scenario when I run false```\n")).stderr(str![[r#"
error[hidden-block]: this scenario does not run: the fence is not alone on its line
  --> x.md:12:1
   |
12 | ```scenario when I run false```
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write the fence, each step and the closing fence on lines of their own
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
}

#[test]
fn a_comment_that_is_never_closed() {
    text(after("<!-- TODO\n\n~~~scenario\nwhen I run false\n~~~\n")).stderr(str![[r#"
error[hidden-block]: this comment is never closed, and hides scenarios
  --> x.md:12:1
   |
12 | <!-- TODO
   | ^^^^
   |
   = help: close it with `-->`

1 error

"#]]);
}

#[test]
fn a_hidden_embedded_file() {
    let steps = scenario("given file a.txt");
    text(steps + "<div>\n~~~{#a.txt .file}\na\n~~~\n</div>\n").stderr(str![[r#"
error[hidden-block]: this file is not embedded: the fence is inside an HTML block
  --> x.md:10:1
   |
10 | ~~~{#a.txt .file}
   | ^^^^^^^^^^^^^^^^^
   |
   = help: put a blank line before it, so that Markdown ends the HTML block there
   = help: if it is only an example, put a longer fence around it: `~~~~markdown`

1 error

"#]]);
}

#[test]
fn classes_that_look_like_scenario_or_file() {
    text(after(
        "~~~Scenario\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~{.scenrio}\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~scenario,slow\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~sh scenario\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~{class=scenario}\n\
         when I run false\n\
         ~~~\n",
    ))
    .stderr(str![[r#"
error[unknown-class]: a block with class `Scenario` is not a scenario and will not run
  --> x.md:12:1
   |
12 | ~~~Scenario
   | ^^^^^^^^^^^
   |
   = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
   = help: if the class is meant, list it under `classes` in the metadata

error[unknown-class]: a block with class `scenrio` is not a scenario and will not run
  --> x.md:16:1
   |
16 | ~~~{.scenrio}
   | ^^^^^^^^^^^^^
   |
   = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
   = help: if the class is meant, list it under `classes` in the metadata

error[unknown-class]: a block with class `scenario,slow` is not a scenario and will not run
  --> x.md:20:1
   |
20 | ~~~scenario,slow
   | ^^^^^^^^^^^^^^^^
   |
   = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
   = help: if the class is meant, list it under `classes` in the metadata

error[unknown-class]: `scenario` is not the first word, so this block is not a scenario and will not run
  --> x.md:24:1
   |
24 | ~~~sh scenario
   | ^^^^^^^^^^^^^^
   |
   = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
   = help: if the class is meant, list it under `classes` in the metadata

error[unknown-class]: `class=scenario` does not make this block a scenario, so it will not run
  --> x.md:28:1
   |
28 | ~~~{class=scenario}
   | ^^^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
   = help: if the class is meant, list it under `classes` in the metadata

5 errors

"#]]);
    text(after(
        "~~~{#a.txt .files}\n\
         ~~~\n\
         \n\
         ~~~{#b.txt}\n\
         ~~~\n\
         \n\
         ~~~{#c.sh .sh}\n\
         ~~~\n\
         \n\
         ~~~{#scenario}\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~files\n\
         ~~~\n",
    ))
    .stderr(str![[r#"
error[unused-name]: the block `a.txt` has a name but is not a file
  --> x.md:12:1
   |
12 | ~~~{#a.txt .files}
   | ^^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `.file` instead of `.files`?

error[unused-name]: the block `b.txt` has a name but is not a file
  --> x.md:15:1
   |
15 | ~~~{#b.txt}
   | ^^^^^^^^^^^
   |
   = help: add `.file` to embed it, or `.example` if it is only an example

error[unused-name]: the block `c.sh` has a name but is not a file
  --> x.md:18:1
   |
18 | ~~~{#c.sh .sh}
   | ^^^^^^^^^^^^^^
   |
   = help: add `.file` to embed it, or `.example` if it is only an example

error[unused-name]: the block `scenario` has a name but is not a file
  --> x.md:21:1
   |
21 | ~~~{#scenario}
   | ^^^^^^^^^^^^^^
   |
   = help: did you mean `.scenario`? `#` is for the name of a file

error[file-without-name]: a block with class `files` is not an embedded file
  --> x.md:25:1
   |
25 | ~~~files
   | ^^^^^^^^
   |
   = help: did you mean `file`? Then add a name too: `{#name.txt .file}`
   = help: if the class is meant, list it under `classes` in the metadata

5 errors

"#]]);
}

#[test]
fn a_block_of_steps_without_a_class() {
    warned(after("~~~\ngiven a thing\nwhen I run false\n~~~\n\n```gherkin\nWhen I run false\n```\n")).stderr(str![[
        r#"
warning[unknown-class]: this block looks like a scenario, but will not run
  --> x.md:12:1
   |
12 | ~~~
   | ^^^
   |
   = help: write `scenario` after the fence; if it is only an example, write `example`

warning[unknown-class]: this block looks like a scenario, but will not run
  --> x.md:17:1
   |
17 | ```gherkin
   | ^^^^^^^^^^
   |
   = help: write `scenario` after the fence; if it is only an example, write `example`

2 warnings

"#
    ]]);
}

#[test]
fn what_is_shown_or_in_a_comment_is_silent() {
    fine(after("<!--\n~~~scenario\nwhen I run false\n~~~\n-->\n"));
    fine(after("<div>\n<!-- ~~~scenario\nwhen I run false\n-->\n</div>\n"));
    fine(after("~~~~markdown\n~~~scenario\nwhen I run false\n~~~\n~~~~\n"));
    fine(after(
        "A block begins with `~~~scenario`, see\n``` ``scenario`` ```.\n\n| `~~~scenario` | a scenario |\n|---|---|\n",
    ));
    fine(after(
        "~~~{#x.sh .example}\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~example\n\
         when I run false\n\
         ~~~\n\
         \n\
         ~~~text\n\
         when I run false\n\
         ~~~\n",
    ));
    fine(after("~~~fish\nls\n~~~\n\n~~~{#d .dot}\n~~~\n"));
}

#[test]
fn scenarios_in_lists_and_quotations_run() {
    let document = after(
        "- item\n\
         \n  ~~~scenario\n  when I run true\n  ~~~\n\
         \n\
         # Third\n\
         \n\
         > ```scenario\n\
         > when I run true\n\
         > ```\n\
         \n\
         # Fourth\n\
         \n\
         <details>\n\
         \n\
         ~~~scenario\n\
         when I run true\n\
         ~~~\n\
         \n\
         </details>\n",
    );
    let ran = Project::new().file("x.md", document).run(["check", "x.md"]).passes();
    assert_eq!(ran.stdout, "4 scenarios with 4 steps: OK\n");
}
