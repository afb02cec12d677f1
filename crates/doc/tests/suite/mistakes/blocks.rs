//! One mistake in a block or heading each, with its whole diagnostic.

use snapbox::str;

use super::helpers::scenario;
use crate::project::{Project, same};

#[test]
fn missing_file() {
    same(
        scenario("~~~scenario\ngiven file x.yml\nand file zzz\nand file X.YAML\n~~~\n~~~{#x.yaml .file}\n~~~\n"),
        str![[r#"
error[missing-file]: this document has no embedded file `x.yml`
  at d.md:7:12 "x.yml"
  help: did you mean `x.yaml`?
error[missing-file]: this document has no embedded file `zzz`
  at d.md:8:10 "zzz"
  help: embed it in a fenced block with `{#zzz .file}` after the fence

"#]],
    );
}

#[test]
fn unused_file() {
    same(
        scenario("~~~scenario\nwhen I say cat b.txt to me\n~~~\n~~~{#a.txt .file}\n~~~\n~~~{#B.txt .file}\n~~~\n"),
        str![[r#"
warning[unused-file]: no step uses the embedded file `a.txt`
  at d.md:9:1 "~~~{#a.txt .file}"
  help: remove it, or replace `.file` with `.example`

"#]],
    );
}

#[test]
fn embedded_files() {
    same(
        scenario(
            "~~~scenario\ngiven file a\n~~~\n~~~{#a .file}\n~~~\n~~~{#A .file}\n~~~\n~~~{.file}\n~~~\n~~~{#b .fil}\n\
                ~~~\n~~~{#c}\n~~~\n~~~{#a.b .file add-newline=maybe}\n~~~\n",
        ),
        str![[r#"
error[duplicate-file]: two embedded files have the name `A`
  at d.md:11:1 "~~~{#A .file}" - second
  at d.md:9:1 "~~~{#a .file}" - first
  help: rename one of them; upper and lower case make no difference
warning[file-without-name]: this embedded file has no name
  at d.md:13:1 "~~~{.file}"
  help: add a name after `#`: `{#name.txt .file}`
error[unused-name]: the block `b` has a name but is not a file
  at d.md:15:1 "~~~{#b .fil}"
  help: did you mean `.file` instead of `.fil`?
error[unused-name]: the block `c` has a name but is not a file
  at d.md:17:1 "~~~{#c}"
  help: add `.file` to embed it, or `.example` if it is only an example
error[bad-attribute]: `add-newline` cannot be `maybe`
  at d.md:19:1 "~~~{#a.b .file add-newline=maybe}"
  help: write `yes`, `no` or `auto`
warning[unused-file]: no step uses the embedded file `a.b`
  at d.md:19:1 "~~~{#a.b .file add-newline=maybe}"
  help: remove it, or replace `.file` with `.example`

"#]],
    );
}

#[test]
fn classes_and_attributes() {
    same(
        scenario(
            "~~~scenario\ngiven a thing\n~~~\n~~~Scenario\ngiven a thing\n~~~\n```scenrio\n```\n~~~python\n~~~\n\
                ~~~{.scenario lable=x\ngiven a thing\n~~~\n",
        ),
        str![[r#"
error[unknown-class]: a block with class `Scenario` is not a scenario and will not run
  at d.md:9:1 "~~~Scenario"
  help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
  help: if the class is meant, list it under `classes` in the metadata
error[unknown-class]: a block with class `scenrio` is not a scenario and will not run
  at d.md:12:1 "```scenrio"
  help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
  help: if the class is meant, list it under `classes` in the metadata
warning[bad-attribute]: the closing `}` of these attributes is missing
  at d.md:16:1 "~~~{.scenario lable=x"
warning[bad-attribute]: unknown attribute `lable`
  at d.md:16:1 "~~~{.scenario lable=x"
  help: did you mean `label`?

"#]],
    );
}

#[test]
fn headings() {
    let text = "---\ntitle: T\nbindings: [b.yaml]\n---\n~~~scenario\ngiven a thing\n~~~\n# A\n~~~scenario\n\
        given a thing\n~~~\n# *a*\n~~~scenario\ngiven a thing\n~~~\n#\n~~~scenario\ngiven a thing\n~~~\n";
    same(
        Project::new().document("d.md", text).complaints(),
        str![[r##"
error[no-heading]: this scenario has no heading
  at d.md:5:1 "~~~scenario"
  help: add a heading above it: it is the scenario's title
error[duplicate-scenario]: two scenarios have the title `a`
  at d.md:12:1 "# *a*" - second
  at d.md:8:1 "# A" - first
  help: change one of them; upper and lower case make no difference
error[no-heading]: the heading of this scenario is empty
  at d.md:16:1 "#"
  help: add the scenario's title to it

"##]],
    );
}

#[test]
fn nothing_to_run() {
    same(
        scenario("Only words.\n"),
        str![[r#"
error[no-scenario]: d.md has no scenario
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
    same(
        scenario("~~~scenario\n\n~~~\n"),
        str![[r#"
error[no-scenario]: d.md has no scenario
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````
warning[empty-scenario]: this scenario block has no steps
  at d.md:6:1 "~~~scenario"

"#]],
    );
    same(
        Project::new().document("d.md", "# Just prose\n").complaints(),
        str![[r#"
error[no-scenario]: d.md has no scenario
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
    same(
        Project::new().document("d.md", "").complaints(),
        str![[r#"
error[no-scenario]: d.md has no scenario
  at d.md:1:1 ""
  help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

"#]],
    );
}
