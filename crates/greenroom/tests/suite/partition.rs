//! `--partition`: which scenarios a part has, how the run shows it, and what is refused.

use std::collections::BTreeSet;

use snapbox::str;

use crate::support::{Project, document};

/// Scenarios with these titles, all of which pass.
fn scenarios(titles: &[&str]) -> String {
    document(&titles.iter().map(|title| format!("# {title}\n~~~scenario\nwhen I run true\n~~~\n")).collect::<String>())
}

/// Seven scenarios in two documents.
fn project() -> Project {
    Project::anywhere()
        .file("b.md", scenarios(&["Bread", "Butter", "Beer"]))
        .file("a.md", scenarios(&["Ale", "Apple", "Anise", "Almond"]))
}

/// Returns the titles of the scenarios in a part.
fn titles(project: &Project, arguments: &[&str]) -> BTreeSet<String> {
    let ran = project.run([&["list"][..], arguments].concat()).passes();
    let places = ran.stdout.lines().filter(|line| line.contains(".md:"));
    places.filter_map(|line| line.rsplit(' ').next()).map(ToOwned::to_owned).collect()
}

#[test]
fn a_run_says_which_part_of_how_many_it_has() {
    let project = project();
    project.run(["run", "-j1", "--partition", "count:1/3", "a.md", "b.md"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 3 of 7 scenarios (partition count 1/3) in a.md and b.md, one at a time

PASS [TIME]  Ale
PASS [TIME]  Apple
PASS [TIME]  Butter

3 scenarios passed, 3 steps, [TIME]

"#]]);
    project.run(["run", "-j1", "--partition", "count:3/3", "a.md", "b.md"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 2 of 7 scenarios (partition count 3/3) in a.md and b.md, one at a time

PASS [TIME]  Anise
PASS [TIME]  Bread

2 scenarios passed, 2 steps, [TIME]

"#]]);
    project.run(["run", "-j1", "--partition", "hash:2/2", "a.md", "b.md"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 4 of 7 scenarios (partition hash 2/2) in a.md and b.md, one at a time

PASS [TIME]  Apple
PASS [TIME]  Almond
PASS [TIME]  Butter
PASS [TIME]  Beer

4 scenarios passed, 4 steps, [TIME]

"#]]);
}

#[test]
fn filters_come_before_the_partition_and_count_apart_from_it() {
    let project = project();
    let arguments = ["run", "-j1", "--partition", "count:2/2", "--name", "Al", "a.md", "b.md"];
    project.run(arguments).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 of 2 scenarios (partition count 2/2) in a.md

PASS [TIME]  Almond

1 scenario passed, 1 step, [TIME] (5 left out by the filters)

"#]]);
}

#[test]
fn parts_have_every_scenario_once_whatever_the_order_of_the_documents() {
    let project = project();
    let all = titles(&project, &["a.md", "b.md"]);
    for kind in ["hash", "count"] {
        for total in 1..=9 {
            let mut seen = 0;
            let mut union = BTreeSet::new();
            for index in 1..=total {
                let partition = format!("--partition={kind}:{index}/{total}");
                let part = titles(&project, &[&partition, "a.md", "b.md"]);
                assert_eq!(titles(&project, &[&partition, "b.md", "./a.md"]), part);
                seen += part.len();
                union.extend(part);
            }
            assert_eq!((seen, &union), (7, &all), "{kind} {total}");
        }
    }
}

#[test]
fn a_part_without_scenarios_passes_with_a_note() {
    let project = project();
    project.run(["run", "--partition", "count:8/8", "a.md", "b.md"]).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 0 of 7 scenarios (partition count 8/8) in a.md and b.md

nothing to run: partition count 8/8 has none of the 7 scenarios

"#]]);
    project.run(["run", "-q", "--partition", "count:8/8", "a.md", "b.md"]).passes().stderr("").stdout(str![[r#"
nothing to run: partition count 8/8 has none of the 7 scenarios

"#]]);
    project.run(["list", "--partition", "count:8/8", "a.md"]).passes().stderr("").stdout(str![[r#"
nothing to run: partition count 8/8 has none of the 4 scenarios

"#]]);
    let arguments = ["run", "--partition", "count:2/2", "--name", "Ale", "a.md"];
    project.run(arguments).passes().stderr("").stdout(str![[r#"
greenroom [VERSION]: 0 of 1 scenario (partition count 2/2) in a.md

nothing to run: partition count 2/2 does not have the only scenario

"#]]);
    // Filters that match nothing are a mistake all the same.
    let arguments = ["run", "--partition", "count:1/2", "--name", "Wine", "a.md"];
    project.run(arguments).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario has "Wine" in its title or in a heading above it; `greenroom list` shows the titles

"#]]);
}

#[test]
fn what_is_not_a_partition_is_refused() {
    let project = project();
    let refusal = |partition: &str| {
        let ran = project.run(["run", "--partition", partition, "a.md"]).code(3).stdout("");
        assert_eq!(project.run(["list", "--partition", partition, "a.md"]).code(3).stdout("").stderr, ran.stderr);
        ran
    };
    refusal("count:5/4").stderr(str![[r#"
error: invalid value 'count:5/4' for '--partition <KIND:K/N>': there is no partition 5 of 4: expected count:1/4 to count:4/4

For more information, try '--help'.

"#]]);
    refusal("hash:0/4").stderr(str![[r#"
error: invalid value 'hash:0/4' for '--partition <KIND:K/N>': partitions count from 1: from hash:1/4 to hash:4/4

For more information, try '--help'.

"#]]);
    refusal("count:1/0").stderr(str![[r#"
error: invalid value 'count:1/0' for '--partition <KIND:K/N>': there must be at least one partition: count:1/1

For more information, try '--help'.

"#]]);
    refusal("1/4").stderr(str![[r#"
error: invalid value '1/4' for '--partition <KIND:K/N>': the kind is missing: hash:1/4 or count:1/4

For more information, try '--help'.

"#]]);
    refusal("slice:1/4").stderr(str![[r#"
error: invalid value 'slice:1/4' for '--partition <KIND:K/N>': unknown kind of partition `slice`; expected hash:K/N or count:K/N, such as count:1/4

For more information, try '--help'.

"#]]);
    refusal("count: 1/4").stderr(str![[r#"
error: invalid value 'count: 1/4' for '--partition <KIND:K/N>': expected hash:K/N or count:K/N, such as count:1/4, without spaces

For more information, try '--help'.

"#]]);
    refusal("count:1/99999999999999999999").stderr(str![[r#"
error: invalid value 'count:1/99999999999999999999' for '--partition <KIND:K/N>': 99999999999999999999 is too large a number

For more information, try '--help'.

"#]]);
    for garbage in
        ["", "count", "count:", "count:1", "count:1/", "count:/4", "count:-1/4", "count:+1/4", "-1/4", "a:b/c"]
    {
        let ran = refusal(garbage);
        assert!(ran.stderr.contains("hash:K/N or count:K/N"), "{}", ran.stderr);
    }
    let arguments = ["run", "--partition", "count:1/2", "--partition", "count:2/2", "a.md"];
    project.run(arguments).code(3).stdout("").stderr(str![[r#"
error: the argument '--partition <KIND:K/N>' cannot be used multiple times

Usage: greenroom run [OPTIONS] <DOCUMENT>...

For more information, try '--help'.

"#]]);
}
