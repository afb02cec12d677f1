//! The forms of metadata, and the documentation of its keys.

use std::path::Path;

use greenroom_doc::metadata::{KEYS, Key};
use snapbox::str;

use crate::support::Project;

const BODY: &str = "# S\n~~~scenario\nwhen I run true\n~~~\n";

/// Runs a document. Each prints the same, except for the document's name.
fn runs(project: &Project, document: &str) {
    let ran = project.run(["run", document]).passes();
    assert_eq!(
        ran.stdout,
        format!(
            "greenroom [VERSION]: 1 scenario in {document}\n\nPASS [TIME]  S\n\n1 scenario passed, 1 step, [TIME]\n"
        )
    );
}

#[test]
fn in_front() {
    for close in ["---", "..."] {
        let head = format!("---\ntitle: T\nbindings:\n- lib/runcmd.yaml\n{close}\n\n");
        runs(&Project::new().file("x.md", head + BODY), "x.md");
    }
}

#[test]
fn at_the_end() {
    for close in ["---", "..."] {
        let tail = format!("\n---\ntitle: T\nbindings:\n- lib/runcmd.yaml\n{close}\n");
        runs(&Project::new().file("x.md", BODY.to_owned() + &tail), "x.md");
    }
}

#[test]
fn in_a_file_of_its_own() {
    let project = Project::new();
    let project = project
        .file(
            "x.subplot",
            "title: T\nmarkdowns:\n- x.md\nbindings:\n- lib/runcmd.yaml\nimpls:\n  python:\n  - lib/runcmd.py\n",
        )
        .file("x.md", BODY);
    runs(&project, "x.subplot");
}

#[test]
fn none_at_all() {
    runs(&Project::new().file("x.md", BODY), "x.md");
    let steps = "# Files\n\
                 ~~~scenario\n\
                 given file a.txt from b.txt\n\
                 when I start \"sleep 9\" as a background process as d\n\
                 and I run cat a.txt\nthen stdout is exactly \"hi\\n\"\n~~~\n~~~{#b.txt .file}\nhi\n~~~\n";
    Project::new().file("all.md", steps).run(["run", "all.md"]).passes();
}

#[test]
fn with_keys_of_older_documents() {
    let project = Project::new();
    let head = "---\ntitle: T\nauthor: A\ndate: 2021-03-04\ntemplate: python\nbindings: lib/runcmd.yaml\n\
                functions: lib/runcmd.py\nclasses: [json]\n...\n";
    runs(&project.file("x.md", head.to_owned() + BODY), "x.md");
}

#[test]
fn of_several_markdown_files() {
    let project = Project::new();
    project
        .file("docs/x.subplot", "title: T\nmarkdowns: [one.md, two.md]\nbindings: [lib/runcmd.yaml, own.yaml]\n")
        .file("docs/one.md", "# One\n~~~scenario\nwhen I run echo one\n~~~\n")
        .file("docs/two.md", "# Two\n~~~scenario\nwhen I run false\n~~~\n")
        .file("docs/own.yaml", "[]\n")
        .run(["run", "docs/x.subplot"])
        .code(1)
        .stderr("")
        .stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in docs/x.subplot, up to 256 at a time

PASS [TIME]  One

FAIL [TIME]  Two
  in docs/two.md:3, scenario at docs/two.md:1

    FAILED [TIME]  when I run false

  command failed with exit status 1: false

  rerun: greenroom run docs/x.subplot --name Two

FAILED: 1 of 2 scenarios failed, 1 passed, [TIME]
  failed  docs/two.md:1  Two

"#]]);
}

#[test]
fn a_markdown_file_that_is_missing() {
    Project::new()
        .file("x.subplot", "title: T\nmarkdowns:\n- xx.md\nbindings:\n- lib/runcmd.yaml\n")
        .file("x.md", BODY)
        .refused(["run", "x.subplot"])
        .stderr(str![[r#"
error[not-found]: Markdown file not found: xx.md
 --> x.subplot:3:3
  |
3 | - xx.md
  |   ^^^^^

1 error

"#]]);
}

/// The rows of the table of keys in the documentation: the names in the first cell, and the default in the last.
fn documented_keys() -> Vec<(Vec<String>, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/documents.md");
    let page = std::fs::read_to_string(path).unwrap();
    let table = page.split("| key | meaning | default |\n|---|---|---|\n").nth(1).unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '|'])).collect();
        let names = cells[0].split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        (names, cells.last().unwrap().trim_matches('`').to_owned())
    })
    .collect()
}

#[test]
fn every_key_is_documented_with_its_default() {
    let rows = documented_keys();
    for key in KEYS {
        let row = rows.iter().find(|(names, _)| names.iter().any(|name| name == key.name));
        let (_, default) = row.unwrap_or_else(|| panic!("`{}` is not in docs/documents.md", key.name));
        if let Some(expected) = key.default {
            assert_eq!(default, expected, "{}", key.name);
        }
    }
    let unknown = rows.iter().flat_map(|(names, _)| names).find(|name| Key::named(name).is_none());
    assert_eq!(unknown, None);
}
