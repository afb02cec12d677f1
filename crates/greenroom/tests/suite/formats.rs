//! Reports for programs, from the command line to the file: `--junit`, `--format`, `check --format`, `metadata`,
//! `extract`.

use std::fs;

use snapbox::{IntoData, str};

use crate::support::{Project, Ran, document, scenario, succeeds};

/// Two scenarios, of which the second fails.
const TWO: &str = "\
# Greets
~~~scenario
when I run echo hello
then stdout contains \"hello\"
~~~

# Greets politely
~~~scenario
when I run printf '::error::x\\n##teamcity[x]\\nok 1\\n]]>\\0\\033[31m\\377'
then stdout contains \"good evening\"
~~~
";

/// A repository with a document in a directory of it.
fn repository() -> Project {
    Project::anywhere().directory(".git").file("docs/x.md", document(TWO))
}

fn read(project: &Project, path: &str) -> String {
    fs::read_to_string(project.path(path)).unwrap()
}

#[test]
fn any_number_of_reports_come_from_one_run_and_from_its_recording() {
    let project = repository();
    let run = ["run", "-q", "--junit", "a.xml", "--junit", "b.xml", "--events", "run.jsonl", "docs/x.md"];
    project.run(run).code(1).stderr("");
    let junit = read(&project, "a.xml");
    assert_eq!(junit, read(&project, "b.xml"));
    assert!(junit.contains("<testsuite name=\"docs/x.md\" tests=\"2\""), "{junit}");
    assert!(junit.contains(" classname=\"docs.x\" "), "{junit}");
    let report = |arguments: &[&str]| project.run([&["report"], arguments, &["run.jsonl"]].concat()).code(1);
    report(&["--junit", "c.xml", "-q"]).stderr("");
    assert_eq!(junit, read(&project, "c.xml"));
    let shown = report(&["--junit", "-", "-q"]);
    assert_eq!(shown.stdout.lines().count(), junit.lines().count());
    assert!(shown.stderr.contains("\nFAILED: 1 of 2 scenarios failed, 1 passed, "), "{}", shown.stderr);
    for format in ["human", "tap", "json"] {
        let shown = report(&["--format", format]).stderr("").stdout;
        let directly = project.run(["run", "--format", format, "docs/x.md"]).code(1).stderr("").stdout;
        assert_eq!(shown.lines().count(), directly.lines().count(), "{format}");
    }
    report(&["--events", "copy.jsonl", "-q"]);
    assert_eq!(read(&project, "run.jsonl"), read(&project, "copy.jsonl"));
    project.run(["report", "--events", "./run.jsonl", "run.jsonl"]).code(3).stdout("").stderr(str![[r#"
greenroom: --events ./run.jsonl would overwrite a recording

"#]]);
}

#[test]
fn a_report_that_cannot_be_written_keeps_the_results_and_the_old_file() {
    let project = repository().file("old.xml", "old");
    let ran = project.run(["run", "--junit", "/dev/full", "--junit", "new.xml", "docs/x.md"]).code(4);
    ran.stderr(str![[r#"
greenroom: failed to write /dev/full: No space left on device (os error 28)

"#]]);
    assert!(read(&project, "new.xml").contains("tests=\"2\""));
    project.run(["run", "--junit", "old.xml", "docs/missing.md"]).code(2);
    project.run(["run", "--junit", "old.xml", "--junit", "no/x.xml", "docs/x.md"]).code(4).stdout("").stderr(str![[
        r#"
greenroom: failed to write no/x.xml: its directory does not exist

"#
    ]]);
    assert_eq!(read(&project, "old.xml"), "old");
    assert_eq!(project.names().iter().filter(|name| name.starts_with(".greenroom")).count(), 0);
}

/// What reports are made from is in a file beside them while the scenarios run.
#[test]
fn what_reports_are_made_from_leaves_a_full_disk_to_them() {
    let Some(project) = Project::sealed() else { return };
    let mount = "mount -t tmpfs -o size=1400k none out && \"$0\" \"$@\"; code=$?; cp out/* .; exit $code";
    let scenario = "~~~scenario\nwhen I run sh -c 'head -c 60000 /dev/zero | tr \\\\0 x'\n~~~\n";
    let scenarios: String = (0..16).map(|at| format!("# Scenario {at}\n{scenario}")).collect();
    let project = project.file("x.md", document(&scenarios)).directory("out");
    let project = project.bare().through(["unshare", "-U", "-r", "-m", "sh", "-c", mount]);
    project.run(["run", "-q", "--junit", "out/new.xml", "x.md"]).passes().stderr("");
    assert_eq!(read(&project, "new.xml").matches("<system-out>").count(), 16);
}

#[test]
fn junit_is_valid_by_the_schema() {
    if !succeeds(&["xmllint", "--version"]) {
        assert!(!crate::support::is_ci(), "CI needs xmllint");
        eprintln!("skipped: xmllint is not installed");
        return;
    }
    let flaky = "# Flaky\n~~~scenario\nwhen I run sh -c 'test -e $MARK || { touch $MARK; exit 1; }'\n~~~\n";
    let project = Project::anywhere().file("x.md", document(&format!("{TWO}\n{flaky}")));
    let mark = format!("MARK={}", project.path("mark").display());
    project.run(["run", "--retries", "1", "--env", &mark, "--junit", "a.xml", "x.md"]).code(1);
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/schema/junit.xsd");
    let file = project.path("a.xml").display().to_string();
    assert!(succeeds(&["xmllint", "--noout", "--schema", schema, &file]), "{}", read(&project, "a.xml"));
    assert!(read(&project, "a.xml").contains("<rerunFailure "));
}

fn on_github(arguments: &[&str]) -> (Project, Ran) {
    let project = repository().env("GITHUB_ACTIONS", "true");
    let summary = project.path("summary.md");
    let project = project.env("GITHUB_STEP_SUMMARY", summary).file("summary.md", "before\n");
    let ran = project.run(arguments);
    (project, ran)
}

#[test]
fn github_gets_annotations_and_a_summary_by_itself() {
    let (project, ran) = on_github(&["run", "docs/x.md"]);
    let ran = ran.code(1).stderr("");
    let (human, annotations) = ran.stdout.rsplit_once("\n::greenroom-").unwrap();
    assert!(human.starts_with("::stop-commands::greenroom-"), "{human}");
    let lines: Vec<&str> = annotations.lines().skip(1).collect();
    assert_eq!(lines.len(), 1, "{annotations}");
    assert!(lines[0].starts_with("::error file=docs/x.md,line="), "{annotations}");
    assert!(read(&project, "summary.md").starts_with("before\n## greenroom: "));
    let (project, ran) = on_github(&["run", "--format", "human", "docs/x.md"]);
    assert!(ran.code(1).stdout.starts_with("greenroom "));
    assert_eq!(read(&project, "summary.md"), "before\n");
}

#[test]
fn a_summary_that_cannot_be_written_is_named() {
    let project = repository().env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "/dev/full");
    project.run(["run", "-q", "docs/x.md"]).code(4).stderr(str![[r#"
greenroom: failed to write the job summary /dev/full: No space left on device (os error 28)

"#]]);
}

/// A document with an error and a warning.
fn mistaken() -> Project {
    let text = document("# Greets\n~~~scenario\nwhen I dance é wildly\nthen stdout contains \"x\\q\"\n~~~\n");
    Project::anywhere().directory(".git").file("docs/my x.md", text)
}

#[test]
fn check_writes_json() {
    mistaken().run(["check", "--format", "json", "docs/my x.md"]).code(2).stderr("").stdout(
        str![[r#"
{
  "diagnostics": [
    {
      "code": "unknown-step",
      "column": 1,
      "end_column": 22,
      "end_line": 7,
      "file": "docs/my x.md",
      "help": [
        "add a binding for it, or reword it to match one"
      ],
      "label": "",
      "line": 7,
      "message": "no binding matches this step",
      "notes": [],
      "related": [],
      "severity": "error"
    },
    {
      "code": "bad-escape",
      "column": 24,
      "end_column": 26,
      "end_line": 8,
      "file": "docs/my x.md",
      "help": [
        "escapes are \\n \\t \\r \\0 \\\\ \\\" \\' \\x41 \\u{e9}; for a backslash, write `\\\\`"
      ],
      "label": "",
      "line": 8,
      "message": "invalid escape `\\q` in `text`: no such escape",
      "notes": [],
      "related": [],
      "severity": "error"
    }
  ],
  "errors": 2,
  "scenarios": 1,
  "steps": 0,
  "version": "0.1.0",
  "warnings": 0
}

"#]]
        .raw(),
    );
    let fine = Project::anywhere().file("x.md", scenario("when I run true"));
    fine.run(["check", "--format", "json", "x.md"]).code(0).stderr("").stdout(
        str![[r#"
{
  "diagnostics": [],
  "errors": 0,
  "scenarios": 1,
  "steps": 1,
  "version": "0.1.0",
  "warnings": 0
}

"#]]
        .raw(),
    );
}

#[test]
fn check_writes_sarif() {
    mistaken().run(["check", "--format", "sarif", "docs/my x.md"]).code(2).stderr("").stdout(str![[r#"
{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "runs": [
    {
      "automationDetails": {
        "id": "greenroom/"
      },
      "columnKind": "unicodeCodePoints",
      "results": [
        {
          "level": "error",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "docs/my%20x.md"
                },
                "region": {
                  "endColumn": 22,
                  "endLine": 7,
                  "startColumn": 1,
                  "startLine": 7
                }
              }
            }
          ],
          "message": {
            "text": "no binding matches this step\nhelp: add a binding for it, or reword it to match one"
          },
          "ruleId": "unknown-step",
          "ruleIndex": 1
        },
        {
          "level": "error",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "docs/my%20x.md"
                },
                "region": {
                  "endColumn": 26,
                  "endLine": 8,
                  "startColumn": 24,
                  "startLine": 8
                }
              }
            }
          ],
          "message": {
            "text": "invalid escape `\\q` in `text`: no such escape\nhelp: escapes are \\n \\t \\r \\0 \\\\ \\\" \\' \\x41 \\u{e9}; for a backslash, write `\\\\`"
          },
          "ruleId": "bad-escape",
          "ruleIndex": 0
        }
      ],
      "tool": {
        "driver": {
          "name": "greenroom",
          "rules": [
            {
              "fullDescription": {
                "text": "greenroom reports this mistake as `bad-escape`."
              },
              "help": {
                "text": "Run `greenroom check` to see the place, the reason and what to do."
              },
              "id": "bad-escape",
              "shortDescription": {
                "text": "bad escape"
              }
            },
            {
              "fullDescription": {
                "text": "greenroom reports this mistake as `unknown-step`."
              },
              "help": {
                "text": "Run `greenroom check` to see the place, the reason and what to do."
              },
              "id": "unknown-step",
              "shortDescription": {
                "text": "unknown step"
              }
            }
          ],
          "version": "0.1.0"
        }
      }
    }
  ],
  "version": "2.1.0"
}

"#]].raw());
}

#[test]
fn check_annotates_on_github() {
    let shown = mistaken().env("GITHUB_ACTIONS", "true").run(["check", "docs/my x.md"]).code(2).stderr("").stdout;
    let (human, annotations) = shown.rsplit_once("\n::greenroom-").unwrap();
    assert!(human.starts_with("::stop-commands::greenroom-") && human.contains("\nerror[unknown-step]: "), "{human}");
    let lines: Vec<&str> = annotations.lines().skip(1).collect();
    assert!(lines.iter().all(|line| line.starts_with("::error file=docs/my x.md,line=")), "{annotations}");
}

/// A document with embedded files of good and bad names.
fn with_files(names: &[&str]) -> Project {
    let file = |name: &&str| format!("~~~{{#{name} .file}}\ntext of {name}\n~~~\n\n");
    let files: String = names.iter().map(file).collect();
    Project::anywhere().file("x.md", document(&format!("# Greets\n~~~scenario\nwhen I run true\n~~~\n\n{files}")))
}

#[test]
fn metadata_shows_what_a_document_consists_of() {
    let project = with_files(&["a.txt"]);
    project.run(["metadata", "x.md"]).code(0).stdout(str![[r#"
title: Trial
source: x.md
bindings: lib/daemon.yaml
bindings: lib/files.yaml
bindings: lib/runcmd.yaml
file: a.txt
scenario: Greets (x.md:5, 1 step)

"#]]);
    project.run(["metadata", "--format", "json", "x.md"]).code(0).stdout(
        str![[r#"
{
  "authors": [],
  "binding_files": [
    "lib/daemon.yaml",
    "lib/files.yaml",
    "lib/runcmd.yaml"
  ],
  "date": null,
  "files": [
    "a.txt"
  ],
  "impls": {},
  "scenarios": [
    {
      "file": "x.md",
      "labels": [],
      "line": 5,
      "steps": 1,
      "title": "Greets"
    }
  ],
  "sources": [
    "x.md"
  ],
  "subtitle": null,
  "title": "Trial"
}

"#]]
        .raw(),
    );
    project.run(["metadata", "."]).code(0);
    let two = with_files(&[]).file("y.md", scenario("when I run true"));
    two.run(["metadata", "."]).code(3).stdout("").stderr(str![[r#"
greenroom: expected one document; . has 2

"#]]);
    two.run(["metadata", "z.md"]).code(2).stdout("");
}

#[test]
fn extract_writes_embedded_files() {
    let project = with_files(&["a.txt", "sub/b.txt"]);
    project.run(["extract", "x.md", "-d", "out", "--dry-run"]).code(0).stdout(str![[r#"
would write out/a.txt
would write out/sub/b.txt

"#]]);
    assert!(!project.path("out").exists());
    project.run(["extract", "x.md", "-d", "out"]).code(0).stdout(str![[r#"
wrote out/a.txt
wrote out/sub/b.txt

"#]]);
    assert_eq!(read(&project, "out/a.txt"), "text of a.txt\n");
    assert_eq!(read(&project, "out/sub/b.txt"), "text of sub/b.txt\n");
    project.run(["extract", "x.md", "-d", "out"]).code(0);
    project.run(["extract", "x.md", "A.txt", "-d", "one"]).code(0).stdout(str![[r#"
wrote one/a.txt

"#]]);
    project.run(["extract", "x.md", "a.tx", "c", "-d", "one"]).code(3).stdout("").stderr(str![[r#"
warning[unused-file]: no step uses the embedded file `a.txt`
  --> x.md:10:1
   |
10 | ~~~{#a.txt .file}
   | ^^^^^^^^^^^^^^^^^
   |
   = help: remove it, or replace `.file` with `.example`

warning[unused-file]: no step uses the embedded file `sub/b.txt`
  --> x.md:14:1
   |
14 | ~~~{#sub/b.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^^
   |
   = help: remove it, or replace `.file` with `.example`

2 warnings
greenroom: there is no embedded file `a.tx`; did you mean `a.txt`?
greenroom: there is no embedded file `c`

"#]]);
    fs::write(project.path("out/a.txt"), "mine").unwrap();
    project.run(["extract", "x.md", "-d", "out"]).code(4).stdout("");
    assert_eq!(read(&project, "out/a.txt"), "mine");
    project.run(["extract", "x.md", "-d", "out", "--overwrite"]).code(0);
    assert_eq!(read(&project, "out/a.txt"), "text of a.txt\n");
}

#[test]
fn extract_writes_nothing_outside_of_its_directory() {
    let project = with_files(&["../up.txt", "a/../../up.txt", "/absolute.txt", "fine.txt"]).directory("out");
    project.run(["extract", "x.md", "-d", "out"]).code(2).stdout("").stderr(str![[r#"
warning[unused-file]: no step uses the embedded file `../up.txt`
  --> x.md:10:1
   |
10 | ~~~{#../up.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^^
   |
   = help: remove it, or replace `.file` with `.example`

warning[unused-file]: no step uses the embedded file `a/../../up.txt`
  --> x.md:14:1
   |
14 | ~~~{#a/../../up.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: remove it, or replace `.file` with `.example`

warning[unused-file]: no step uses the embedded file `/absolute.txt`
  --> x.md:18:1
   |
18 | ~~~{#/absolute.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: remove it, or replace `.file` with `.example`

warning[unused-file]: no step uses the embedded file `fine.txt`
  --> x.md:22:1
   |
22 | ~~~{#fine.txt .file}
   | ^^^^^^^^^^^^^^^^^^^^
   |
   = help: remove it, or replace `.file` with `.example`

4 warnings
greenroom: the embedded file `../up.txt` has a name that leads out of the directory
greenroom: the embedded file `a/../../up.txt` has a name that leads out of the directory
greenroom: the embedded file `/absolute.txt` has a name that leads out of the directory

"#]]);
    assert!(!project.path("up.txt").exists() && !project.path("out/fine.txt").exists());
    let project = with_files(&["link/x.txt", "file.txt"])
        .directory("outside")
        .directory("out")
        .link("out/link", "../outside")
        .link("out/file.txt", "../outside/file.txt");
    let ran = project.run(["extract", "x.md", "-d", "out", "--overwrite"]).code(4).stdout("");
    assert_eq!(ran.stderr.matches(" is a symbolic link\n").count(), 2, "{}", ran.stderr);
    assert_eq!(fs::read_dir(project.path("outside")).unwrap().count(), 0);
}
