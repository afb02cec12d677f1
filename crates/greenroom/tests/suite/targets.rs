//! What a command line may name: documents, lines of them, directories, and titles and headings.

use snapbox::str;

use crate::support::{Project, document};

/// Returns a scenario block with one step.
fn block(step: &str) -> String {
    format!("```scenario\nwhen I run {step}\n```\n")
}

/// Returns a document without metadata with scenarios at lines 5, 20 and 24.
fn guide() -> String {
    format!(
        "# Guide\n\nWelcome.\n\n## First\n\nText.\n\n{0}\n### Notes\n\n{0}\n## Chapter\n\
         ### It works\n{0}### It fails\n{1}\n# End\n\nLast words.\n",
        block("true"),
        block("false")
    )
}

#[test]
fn any_line_of_a_scenario_selects_it() {
    let project = Project::new().file("guide.md", guide());
    for (lines, title) in [(5..=18, "First"), (20..=23, "It works"), (24..=28, "It fails")] {
        for line in lines.clone() {
            let ran = project.run(["list", &format!("guide.md:{line}")]).passes();
            let begins = if title == "First" { 5 } else { *lines.start() };
            assert_eq!(ran.stdout, format!("guide.md:{begins}  {title}\n"), "line {line}");
        }
    }
}

#[test]
fn a_line_as_reports_print_it() {
    let project = Project::new().file("guide.md", guide());
    project.run(["run", "guide.md:25"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in guide.md

FAIL [TIME]  It fails
  in guide.md:26, scenario at guide.md:24

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run guide.md --name 'It fails'

FAILED: 1 of 1 scenario failed, 2 left out by the filters, [TIME]
  failed  guide.md:24  It fails

"#]]);
    for place in
        ["guide.md:25:1", "guide.md:25:", "./guide.md:25", &format!("{}:25", project.path("guide.md").display())]
    {
        project.run(["run", place, "-q"]).code(1).stderr("");
    }
    project.run(["check", "guide.md:25"]).passes().stdout("1 scenario with 1 step: OK\n");
}

#[test]
fn lines_of_several_documents() {
    let project = Project::new().file("guide.md", guide()).file("two.md", document(&guide()));
    let ran = project.run(["run", "guide.md:6", "two.md:27", "guide.md:20", "guide.md:7"]);
    ran.passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in guide.md and two.md, up to 256 at a time

PASS [TIME]  First
PASS [TIME]  It works
PASS [TIME]  It works

3 scenarios passed, 4 steps, [TIME] (3 left out by the filters)

"#]]);
    // A whole document wins over its lines.
    project.run(["list", "two.md:9", "two.md"]).passes().stdout(str![[r#"
two.md:9   First
two.md:24  It works
two.md:28  It fails

"#]]);
    project.run(["list", "two.md:10", "two.md:30", "--name", "it"]).passes().stdout(str![[r#"
two.md:28  It fails

"#]]);
}

#[test]
fn lines_without_a_scenario() {
    let project = Project::new().file("guide.md", guide());
    project.run(["run", "guide.md:0"]).code(3).stdout("").stderr(str![[r#"
greenroom: guide.md:0: lines count from 1; the scenarios of guide.md are:
  guide.md:5   First
  guide.md:20  It works
  guide.md:24  It fails

"#]]);
    project.run(["run", "guide.md:3"]).code(3).stdout("").stderr(str![[r#"
greenroom: guide.md:3 is before the first scenario; the scenarios of guide.md are:
  guide.md:5   First
  guide.md:20  It works
  guide.md:24  It fails

"#]]);
    project.run(["list", "guide.md:29", "guide.md:19"]).code(3).stdout("").stderr(str![[r#"
greenroom: guide.md:29 is not in a scenario
greenroom: guide.md:19 is not in a scenario; the scenarios of guide.md are:
  guide.md:5   First
  guide.md:20  It works
  guide.md:24  It fails

"#]]);
    project.run(["check", "guide.md:99999999999"]).code(3).stdout("").stderr(str![[r#"
greenroom: guide.md:99999999999 is beyond the end: guide.md has 31 lines; the scenarios of guide.md are:
  guide.md:5   First
  guide.md:20  It works
  guide.md:24  It fails

"#]]);
    let many: String = (1..=30).map(|number| format!("# Number {number}\n{}", block("true"))).collect();
    let project = Project::new().file("many.md", many);
    project.run(["run", "many.md:1000"]).code(3).stdout("").stderr(str![[r#"
greenroom: many.md:1000 is beyond the end: many.md has 120 lines; the scenarios of many.md are:
  many.md:41   Number 11
  many.md:45   Number 12
  many.md:49   Number 13
  many.md:53   Number 14
  many.md:57   Number 15
  many.md:61   Number 16
  many.md:65   Number 17
  many.md:69   Number 18
  many.md:73   Number 19
  many.md:77   Number 20
  many.md:81   Number 21
  many.md:85   Number 22
  many.md:89   Number 23
  many.md:93   Number 24
  many.md:97   Number 25
  many.md:101  Number 26
  many.md:105  Number 27
  many.md:109  Number 28
  many.md:113  Number 29
  many.md:117  Number 30
  and 10 more; `greenroom list` shows all

"#]]);
}

#[test]
fn a_file_whose_name_ends_like_a_line_wins() {
    let project = Project::new().file("x.md", guide()).file("x.md:20", format!("# Odd\n{}", block("true")));
    project.run(["list", "x.md:20", "x.md:24"]).passes().stdout(str![[r#"
x.md:20:1  Odd
x.md:24    It fails

"#]]);
    project.run(["list", "x.md:20:1"]).passes().stdout(str![[r#"
x.md:20:1  Odd

"#]]);
}

#[test]
fn names_that_do_not_exist() {
    let project = Project::new().file("guide.md", guide()).directory("docs");
    project.refused(["run", "gide.md:4", "docs:3", "guide:5", "guide.md:x"]).stderr(str![[r#"
error[not-a-file]: docs:3: docs is a directory and has no lines
 |
 = help: name a document in it, such as docs/guide.md:18

error[not-found]: document not found: gide.md

error[not-found]: document not found: guide
 |
 = help: did you mean guide.md?

error[not-found]: document not found: guide.md:x
 |
 = help: did you mean guide.md?

4 errors

"#]]);
    project.run(["guide.md:5"]).code(3).stderr(str![[r#"
error: unrecognized subcommand 'guide.md:5'

  tip: to run documents: `greenroom run guide.md:5`

Usage: greenroom [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
}

/// A directory with documents of all kinds, and with much that is not one.
fn directory() -> Project {
    let scenario = |title: &str| format!("# {title}\n{}", block("true"));
    Project::new()
        .file("docs/guide.md", guide().replace("run false", "run true"))
        .file("docs/README.md", "# Read me\n\nNo scenario.\n\n```sh\ntrue\n```\n")
        .file("docs/post.md", "---\nlayout: post\n---\n# A post\n")
        .file("docs/sub/all.subplot", "title: All\nmarkdowns: [one.md, ./two.MD]\nbindings: [lib/runcmd.yaml]\n")
        .file("docs/sub/one.md", scenario("One"))
        .file("docs/sub/two.MD", scenario("Two") + &scenario("Three"))
        .file("docs/sub/alone.markdown", scenario("Alone"))
        .file("docs/sub/steps.yaml", "[]")
        .file("docs/.git/x.md", scenario("Hidden"))
        .file("docs/sub/.x.md", scenario("Hidden too"))
        .file("docs/target/x.md", scenario("Built"))
        .file("docs/sub/node_modules/x.md", scenario("Installed"))
        .link("docs/again.md", "guide.md")
        .link("docs/sub/up", "..")
        .link("docs/sub/self", ".")
}

#[test]
fn a_directory_stands_for_all_documents_below_it() {
    let project = directory();
    project.run(["run", "docs/"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 7 scenarios in docs/guide.md, docs/sub/all.subplot and docs/sub/alone.markdown, up to 256 at a time

PASS [TIME]  First
PASS [TIME]  It works
PASS [TIME]  It fails
PASS [TIME]  One
PASS [TIME]  Two
PASS [TIME]  Three
PASS [TIME]  Alone

7 scenarios passed, 8 steps, [TIME]

"#]]);
    project.run(["run", "-v", "docs"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 7 scenarios in docs/guide.md, docs/sub/all.subplot and docs/sub/alone.markdown, up to 256 at a time
skipped 2 Markdown files without scenarios

PASS [TIME]  First
    ok [TIME]  when I run true
    ok [TIME]  when I run true
PASS [TIME]  It works
    ok [TIME]  when I run true
PASS [TIME]  It fails
    ok [TIME]  when I run true
PASS [TIME]  One
    ok [TIME]  when I run true
PASS [TIME]  Two
    ok [TIME]  when I run true
PASS [TIME]  Three
    ok [TIME]  when I run true
PASS [TIME]  Alone
    ok [TIME]  when I run true

7 scenarios passed, 8 steps, [TIME]

"#]]);
    project.run(["check", "docs"]).passes().stderr("").stdout("7 scenarios with 8 steps: OK\n");
    let lists = |names: &[&str]| project.run(["list"].iter().chain(names)).passes().stderr("").stdout;
    let all = lists(&["docs"]);
    assert_eq!(lists(&["docs", "docs/sub", "docs/guide.md", "docs/sub/all.subplot", "./docs//again.md"]), all);
    assert_eq!(lists(&["."]), all);
    assert_eq!(lists(&["docs/sub/up"]).replace("docs/sub/up/", "docs/").replace(' ', ""), all.replace(' ', ""));
}

#[test]
fn links_to_other_directories_are_followed_once() {
    let project = Project::new()
        .file("far/x.md", format!("# Far\n{}", block("true")))
        .directory("docs/deep")
        .link("docs/far", "../far")
        .link("docs/deep/far", "../../far")
        .link("far/back", "../docs");
    project.run(["list", "docs"]).passes().stdout(str![[r#"
docs/deep/far/x.md:1  Far

"#]]);
}

#[test]
fn a_directory_without_documents_is_an_error() {
    let project = directory().directory("empty/.git").file("plain/README.md", "# A\n").file("plain/b/c.md", "# B\n");
    project.refused(["run", "empty", "plain", "docs"]).stderr(str![[r#"
error[no-scenario]: there are no documents with scenarios in empty
 |
 = note: no file below it ends in `.md`, `.markdown` or `.subplot`
 = note: hidden directories, `target` and `node_modules` are not searched

error[no-scenario]: there are no documents with scenarios in plain
 |
 = note: 2 Markdown files without scenarios below it

2 errors

"#]]);
}

#[test]
fn mistakes_in_documents_of_a_directory_are_shown() {
    let project = Project::new()
        .file("docs/class.md", "# A\n```scenaro\nwhen I run true\n```\n")
        .file("docs/step.md", format!("# B\n{}", block("true").replace("when I run", "when I rum")))
        .file("docs/broken.subplot", "title: [\n")
        .link("docs/gone.md", "nowhere.md");
    project.refused(["run", "docs"]).stderr(str![[r#"
error[bad-yaml]: invalid YAML: this bracket is never closed
 --> docs/broken.subplot:1:8
  |
1 | title: [
  |        ^
  |
  = help: add the closing `]`

error[unknown-class]: a block with class `scenaro` is not a scenario and will not run
 --> docs/class.md:2:1
  |
2 | ```scenaro
  | ^^^^^^^^^^
  |
  = help: did you mean `scenario`? Write `~~~scenario` or `~~~{.scenario}`
  = help: if the class is meant, list it under `classes` in the metadata

error[not-found]: document not found: docs/gone.md

error[unknown-step]: no binding matches this step
 --> docs/step.md:3:1
  |
3 | when I rum true
  | ^^^^^^^^^^^^^^^
  |
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I try to run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I GET {url:word}` in lib/http.yaml (built in)
  = help: this document has no metadata, so it has only the built-in steps; to use others, begin the document with lines such as these:
  = help:     ---
  = help:     title: B
  = help:     bindings:
  = help:     - lib/runcmd.yaml
  = help:     - my-steps.yaml
  = help:     ---

4 errors

"#]]);
}

#[test]
fn blocks_that_look_like_scenarios_are_named_although_their_document_is_skipped() {
    let steps = "given a directory x\nwhen I run true\n";
    let project = Project::new()
        .file("docs/good.md", format!("# Good\n{}", block("true")))
        .file("docs/plain.md", format!("# Plain\n\n```\n{steps}```\n"))
        .file("docs/indented.md", "# Indented\n\n    given a directory x\n    when I run true\n")
        .file("docs/other.md", format!("# Other\n\n~~~gherkin\n{steps}~~~\n"))
        .file("docs/open.md", format!("# Open\n\n```sh\nls\n\n## Hidden\n\n~~~scenario\n{steps}~~~\n"))
        .file("docs/shell.md", "# Shell\n\n```sh\nls\n```\n\n```\nwhen\n```\n\n```{.example}\nwhen I run x\n```\n");
    let ran = project
        .run(["run", "docs"])
        .code(0)
        .stdout(str![[r#"
greenroom [VERSION]: 1 scenario in docs/good.md

PASS [TIME]  Good

1 scenario passed, 1 step, [TIME]

"#]])
        .stderr(str![[r#"
warning[unclosed-block]: this block is never closed: it runs to the end of the document
 --> docs/open.md:3:1
  |
3 | ```sh
  | ^^^^^
...
8 | ~~~scenario
  | ----------- this is inside it
  |
  = help: close it with a line `````

warning[unknown-class]: this block looks like a scenario, but will not run
 --> docs/other.md:3:1
  |
3 | ~~~gherkin
  | ^^^^^^^^^^
  |
  = help: write `scenario` after the fence; if it is only an example, write `example`

warning[unknown-class]: this block looks like a scenario, but will not run
 --> docs/plain.md:3:1
  |
3 | ```
  | ^^^
  |
  = help: write `scenario` after the fence; if it is only an example, write `example`

3 warnings

"#]]);
    assert_eq!(project.run(["check", "docs"]).code(0).stderr, ran.stderr);
    project.run(["run", "--strict", "docs"]).code(2).stdout("");
    let project = Project::new().file("docs/plain.md", format!("# Plain\n\n> ```\n> {}> ```\n", "when I run true\n"));
    project.refused(["run", "docs"]).stderr(str![[r#"
error[no-scenario]: there are no documents with scenarios in docs
 |
 = note: 1 Markdown file without scenarios below it

warning[unknown-class]: this block looks like a scenario, but will not run
 --> docs/plain.md:3:3
  |
3 | > ```
  |   ^^^
  |
  = help: write `scenario` after the fence; if it is only an example, write `example`

1 error, 1 warning

"#]]);
}

#[test]
fn a_markdown_file_runs_through_the_subplot_file_that_names_it() {
    let project = directory();
    project.run(["run", "docs/sub/two.MD"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in docs/sub/all.subplot, up to 256 at a time

PASS [TIME]  Two
PASS [TIME]  Three

2 scenarios passed, 2 steps, [TIME] (1 left out by the filters)

"#]]);
    project.run(["run", "docs/sub/two.MD:5", "docs/sub/one.md:2"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in docs/sub/all.subplot, up to 256 at a time

PASS [TIME]  One
PASS [TIME]  Three

2 scenarios passed, 2 steps, [TIME] (1 left out by the filters)

"#]]);
    project.run(["list", "docs/sub/one.md", "docs/sub/all.subplot"]).passes().stdout(str![[r#"
docs/sub/one.md:1  One
docs/sub/two.MD:1  Two
docs/sub/two.MD:5  Three

"#]]);
    project.run(["list", "docs/sub/all.subplot:2"]).code(3).stdout("").stderr(str![[r#"
greenroom: docs/sub/all.subplot:2 is not in a scenario; the scenarios of docs/sub/all.subplot are:
  docs/sub/one.md:1  One
  docs/sub/two.MD:1  Two
  docs/sub/two.MD:5  Three

"#]]);
}

#[test]
fn what_a_markdown_file_says_itself_wins_over_a_subplot_file() {
    let project = Project::new()
        .file("x.subplot", "title: Other\nmarkdowns: [x.md]\nbindings: [lib/files.yaml]\n")
        .file("x.md", document(&format!("# S\n{}", block("true"))));
    project.run(["run", "x.md", "-q"]).passes().stderr("");
}

#[test]
fn a_markdown_file_that_several_subplot_files_name() {
    let project = Project::new()
        .file("a.subplot", "title: A\nmarkdowns: [x.md]\nbindings: [lib/runcmd.yaml]\n")
        .file("b.subplot", "title: B\nmarkdowns: [x.md, y.md]\nbindings: [lib/runcmd.yaml]\n")
        .file("y.md", "# Intro\n")
        .file("x.md", format!("# S\n{}", block("true")));
    project.refused(["run", "x.md"]).stderr(str![[r#"
error[ambiguous-document]: x.md belongs to a.subplot and b.subplot
 |
 = help: name one of these

1 error

"#]]);
    project.run(["run", "y.md"]).code(3).stdout("").stderr(str![[r#"
greenroom: y.md has no scenario of its own; the scenarios of b.subplot are:
  x.md:1  S

"#]]);
    let project = project.file("x.subplot", "title: X\nmarkdowns: [x.md]\nbindings: [lib/runcmd.yaml]\n");
    project.run(["run", "x.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.subplot

PASS [TIME]  S

1 scenario passed, 1 step, [TIME]

"#]]);
}

#[test]
fn names_match_headings_above() {
    let project = Project::new().file("guide.md", guide());
    let lists = |name: &str| project.run(["list", "guide.md", "--name", name]).passes().stderr("").stdout;
    assert_eq!(lists("Chapter"), "guide.md:20  It works\nguide.md:24  It fails\n");
    assert_eq!(lists("hapt"), lists("CHAPTER"));
    assert_eq!(lists("guide").lines().count(), 3);
    assert_eq!(lists("it works"), "guide.md:20  It works\n");
    project.run(["list", "guide.md", "--name", "chaptre"]).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario has "chaptre" in its title or in a heading above it; did you mean "Chapter"?

"#]]);
    // A full title is that of one scenario, whatever headings say the same.
    let project = Project::new().file("x.md", format!("# It runs\n## It runs\n{0}## Again\n{0}", block("true")));
    project.run(["list", "x.md", "--name", "it runs"]).passes().stdout("x.md:2  It runs\n");
}

#[test]
fn names_of_headings_inside_a_scenario() {
    let project = Project::new().file("guide.md", guide()).file(
        "server.md",
        format!("# Server\n{0}## It crashes\n{0}# Client\n## It crashes loudly\n{0}", block("true")),
    );
    project.run(["run", "guide.md", "--name", "notes"]).code(3).stdout("").stderr(str![[r#"
greenroom: "Notes" (guide.md:13) is part of the scenario "First" (guide.md:5)
  note: below a heading with steps, a lower heading does not begin another scenario
  help: run both with `--name First`, or give "Notes" the level of "First" to separate them

"#]]);
    project.run(["run", "guide.md", "--name", "note", "-n", "nothing"]).code(3).stdout("").stderr(str![[r#"
greenroom: "Notes" (guide.md:13) is part of the scenario "First" (guide.md:5)
  note: below a heading with steps, a lower heading does not begin another scenario
  help: run both with `--name First`, or give "Notes" the level of "First" to separate them
greenroom: no scenario has "nothing" in its title or in a heading above it; `greenroom list` shows the titles

"#]]);
    // Another scenario matches, but the one with this very heading does not run.
    project
        .run(["run", "server.md", "--name", "it crashes"])
        .code(0)
        .stdout(str![[r#"
greenroom [VERSION]: 1 scenario in server.md

PASS [TIME]  It crashes loudly

1 scenario passed, 1 step, [TIME] (1 left out by the filters)

"#]])
        .stderr(str![[r#"
greenroom: "It crashes" (server.md:5) is part of the scenario "Server" (server.md:1)
  note: below a heading with steps, a lower heading does not begin another scenario
  help: run both with `--name Server`, or give "It crashes" the level of "Server" to separate them

"#]]);
    project.run(["list", "server.md", "-n", "it crashes", "-n", "server"]).passes().stderr("").stdout(str![[r#"
server.md:1   Server
server.md:10  It crashes loudly

"#]]);
}

#[test]
fn commands_that_reports_show_select_exactly_one_scenario() {
    let text = format!("# It runs\n## It runs not\n{1}## It runs\n{0}## Not\n{0}", block("true"), block("false"));
    let project = Project::new().file("docs/it's.md", text);
    project.run(["run", "docs"]).code(1).stdout(str![[r#"
greenroom [VERSION]: 3 scenarios in docs/it's.md, up to 256 at a time

FAIL [TIME]  It runs not
  in docs/it's.md:4, scenario at docs/it's.md:2

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run 'docs/it'\''s.md' --name 'It runs not'

PASS [TIME]  It runs
PASS [TIME]  Not

FAILED: 1 of 3 scenarios failed, 2 passed, [TIME]
  failed  docs/it's.md:2  It runs not

"#]]);
    project.run(["list", "docs/it's.md", "--name", "It runs not"]).passes().stdout("docs/it's.md:2  It runs not\n");
}
