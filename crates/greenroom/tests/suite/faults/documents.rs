//! Hostile and broken documents.

use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{Project, scenario};

#[test]
fn a_yaml_bomb_in_a_bindings_file() {
    let mut bomb = "- a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        bomb += &format!("  a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "));
    }
    let begun = Instant::now();
    let text = scenario("when I run true").replace("lib/runcmd.yaml", "lib/runcmd.yaml, own.yaml");
    Project::new().file("own.yaml", bomb).file("x.md", text).refused(["run", "x.md"]).stderr(str![[r#"
error[bad-yaml]: invalid YAML: YAML document too large or too complex: total_replayed_events=20001 > 20000
 --> own.yaml:5:17
  |
5 |   a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
  |                 ^^^

1 error

"#]]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_bindings_file_nested_too_deeply() {
    let text = scenario("when I run true").replace("lib/runcmd.yaml", "lib/runcmd.yaml, own.yaml");
    let project = Project::new().file("own.yaml", "[".repeat(100_000)).file("x.md", text);
    let ran = project.refused(["run", "x.md"]);
    assert!(ran.stderr.starts_with("error[bad-yaml]: "), "{}", ran.stderr);
    assert!(ran.stderr.len() < 5_000, "{} bytes of complaint", ran.stderr.len());
}

#[test]
fn a_daemon_name_too_long_for_a_file_name() {
    let name = "n".repeat(10_000);
    let text = scenario(&format!("when I start \"true\" as a background process as {name}"));
    let ran = Project::new().file("x.md", text).refused(["run", "x.md"]);
    assert!(ran.stderr.starts_with("error[bad-daemon-name]: `nnn"), "{}", &ran.stderr[..200]);
}

#[test]
fn a_document_that_names_itself() {
    Project::new()
        .file("x.subplot", "title: T\nmarkdowns: [x.subplot]\nbindings: []\n")
        .refused(["run", "x.subplot"])
        .stderr(str![[r#"
error[no-scenario]: x.subplot has no scenario
 --> x.subplot:1:1
  |
1 | title: T
  | ^
  |
  = help: a scenario is a fenced block of steps under a heading: ```` ```scenario ````

1 error

"#]]);
}

#[test]
fn documents_named_twice_and_a_link_to_itself() {
    let project = Project::new().file("a.md", scenario("when I run true")).link("l.md", "l.md");
    project.refused(["run", "a.md", "a.md", "l.md"]).stderr(str![[r#"
error[unreadable]: cannot read l.md: Too many levels of symbolic links (os error 40)

1 error

"#]]);
}
