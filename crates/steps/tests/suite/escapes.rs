//! No step of the library files writes or removes anything outside of the scenario's directory,
//! whatever names it is given.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use greenroom_steps::Failure;
use proptest::prelude::*;

use crate::support::Scenario;

/// A scenario with links to all sides, and beside it what must not be touched.
fn tempting() -> Scenario {
    let scenario = Scenario::new();
    let outside = scenario.room.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a"), "precious").unwrap();
    fs::create_dir(outside.join("d")).unwrap();
    fs::write(outside.join("d/b"), "precious").unwrap();
    fs::create_dir(scenario.path("sub")).unwrap();
    fs::write(scenario.path("sub/a"), "ours").unwrap();
    scenario.link("out", "../outside");
    scenario.link("abs", &outside);
    scenario.link("file", "../outside/a");
    scenario.link("up", "..");
    scenario.link("sub/up", "../..");
    scenario.link("in", "sub");
    scenario.link("new", "../outside/new");
    scenario.link("self", "self");
    scenario.link("root", "/");
    scenario
}

/// All that there is outside of the scenario's directory: names, sizes, modes, modification times.
fn surroundings(scenario: &Scenario) -> BTreeMap<PathBuf, (u64, u32, i64, i64)> {
    fn walk(path: &Path, data: &Path, found: &mut BTreeMap<PathBuf, (u64, u32, i64, i64)>) {
        if path == data {
            return;
        }
        let metadata = fs::symlink_metadata(path).unwrap();
        let what = (metadata.size(), metadata.mode(), metadata.mtime(), metadata.mtime_nsec());
        found.insert(path.to_owned(), what);
        if metadata.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), data, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(scenario.room.path(), scenario.data(), &mut found);
    found
}

fn mutating(name: &str) -> Vec<(&'static str, String)> {
    vec![
        ("given", format!("file {name} from foo.txt")),
        ("given", format!("executable file {name} from foo.txt")),
        ("given", format!("file {name} has modification time 1970-01-02 03:04:05")),
        ("given", format!("directory {name}")),
        ("when", format!("I write \"text\" to file {name}")),
        ("when", format!("I touch file {name}")),
        ("when", format!("I remove file {name}")),
        ("when", format!("I remove empty directory {name}")),
        ("when", format!("I remove directory {name}")),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![
            "..", ".", "", "a", "d", "x", "sub", "out", "abs", "file", "up", "in", "new", "self", "root", "tmp", "~",
        ]).prop_map(str::to_owned),
        1 => "[^\\s/]{1,6}",
    ];
    let slash = prop::sample::select(vec!["/", "//", "/./"]);
    let parts = prop::collection::vec((part, slash), 1..6);
    let name = parts.prop_map(|parts| {
        let mut name = String::new();
        for (part, slash) in parts {
            name.push_str(&part);
            name.push_str(slash);
        }
        // Half of them without the slash at the end.
        if name.len().is_multiple_of(2) { name.trim_end_matches('/').to_owned() } else { name }
    });
    // Steps cannot contain other names.
    name.prop_filter("not a word", |name| !name.is_empty() && !name.contains(char::is_whitespace))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_outside_changes(names in prop::collection::vec(name(), 1..4)) {
        let mut scenario = tempting();
        let before = surroundings(&scenario);
        for name in &names {
            for (kind, step) in mutating(name) {
                // Whether it passes is another matter.
                let _ = scenario.step(kind, &step);
                let after = surroundings(&scenario);
                prop_assert_eq!(&after, &before, "{} {}", kind, step);
            }
        }
    }
}

fn outside(name: &str) -> Failure {
    Failure::new(format!("{name} is outside of the scenario's directory"))
}

#[test]
fn names_outside_of_the_directory_are_refused() {
    let mut scenario = tempting();
    for name in ["../x", "a/../../x", "/etc/passwd", "..", "./../x", "sub/../../data/x", "//x"] {
        for (kind, step) in mutating(name) {
            let error = scenario.step(kind, &step).unwrap_err();
            let help = "write a path inside the scenario's directory, without a leading `/` or `..`";
            assert_eq!(error, outside(name).help(help), "{kind} {step}");
        }
    }
}

#[test]
fn links_that_lead_out_are_refused() {
    let mut scenario = tempting();
    for (name, link) in [
        ("out/x", "out"),
        ("out/d/b", "out"),
        ("abs/x/y", "abs"),
        ("up/x", "up"),
        ("in/up/x", "in/up"),
        ("sub/up/data/x", "sub/up"),
        ("root/tmp/x", "root"),
    ] {
        for (kind, step) in mutating(name) {
            let error = scenario.step(kind, &step).unwrap_err();
            let note = format!("the symbolic link {link} points outside");
            assert_eq!(error, outside(name).note(note), "{kind} {step}");
        }
    }
}

#[test]
fn links_are_not_written_through() {
    let mut scenario = tempting();
    for name in ["file", "new", "self", "out"] {
        for (kind, step) in mutating(name).into_iter().filter(|(_, step)| step.contains(&format!("file {name}"))) {
            if step.starts_with("I remove") {
                continue;
            }
            let error = scenario.step(kind, &step).unwrap_err();
            let expected =
                Failure::new(format!("{name} is a symbolic link, and steps do not write through symbolic links"))
                    .help("write the name of its target, or remove it first");
            assert_eq!(error, expected, "{kind} {step}");
        }
    }
}

#[test]
fn paths_may_contain_links_that_stay_inside() {
    let mut scenario = tempting();
    scenario.passes(
        "when I write \"through\" to file in/a
         then file sub/a contains \"through\"
         given a directory in/deep/er
         then directory sub/deep/er exists",
    );
}

#[test]
fn links_themselves_can_be_removed() {
    let mut scenario = tempting();
    let before = surroundings(&scenario);
    scenario.passes(
        "when I remove file out
         when I remove file file
         when I remove directory sub",
    );
    assert_eq!(scenario.fails("when I remove directory abs"), Failure::new("abs is a symbolic link, not a directory"));
    assert!(scenario.path("abs").is_symlink());
    assert_eq!(surroundings(&scenario), before);
}

#[test]
fn a_dangling_link_is_not_a_directory() {
    let mut scenario = tempting();
    scenario.link("nothing", "no-such");
    assert_eq!(
        scenario.fails("given a directory nothing/x"),
        Failure::new("nothing is a symbolic link to something that does not exist")
    );
    assert_eq!(
        scenario.fails("given a directory self/x"),
        Failure::new("self is a symbolic link that cannot be followed")
    );
}

#[test]
fn unusual_names_have_no_special_meaning() {
    let mut scenario = Scenario::new();
    for name in ["-rf", "~", "$HOME", "*", "a;b", "...", "caf\u{e9}", "\"x\"", "a\\b", "%s"] {
        let before = scenario.data().read_dir().unwrap().count();
        scenario.passes(&format!("when I write \"x\" to file {name}\nthen file {name} contains \"x\""));
        assert!(scenario.path(name).is_file(), "{name}");
        assert_eq!(scenario.data().read_dir().unwrap().count(), before + 1);
    }
    let long = "x".repeat(300);
    assert_eq!(
        scenario.fails(&format!("when I write \"x\" to file {long}")),
        Failure::new(format!("cannot write {long}: file name too long"))
    );
    assert_eq!(scenario.fails("when I write \"x\" to file a\0b"), Failure::new("cannot write a\0b: invalid argument"));
    for name in [".", "./", "a/.."] {
        let error = scenario.fails(&format!("when I write \"x\" to file {name}"));
        assert_eq!(error, Failure::new(format!("{name} names a directory that always exists")));
    }
}
