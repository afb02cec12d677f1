//! Library `files`: steps that copy and change files, and checks of what a file or directory is.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use greenroom_steps::{Failure, Relation};

use crate::support::{Scenario, preflight, problems};

fn error(message: &str) -> Failure {
    Failure::new(message)
}

#[test]
fn files_are_changed() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given an empty file a.log
         then file a.log is empty
         when I append \"one\\n\" to file a.log
         when I append \"two\" to file a.log
         then file a.log has 7 bytes
         then file a.log has 2 lines
         when I copy file a.log to deep/b.log
         when I rename a.log to deep/c.log
         then file a.log does not exist
         then file deep/c.log has 2 lines
         then directory deep has 2 entries
         when I replace \"o\" with \"0\" in file deep/c.log
         given file deep/c.log has mode 0640
         then file deep/c.log has mode 640
         given symbolic link l to deep/c.log
         then file l is a symbolic link to deep/c.log
         when I copy directory deep to other/deep
         then directories deep and other/deep match
         when I append \"\" to file new
         then file new is empty",
    );
    assert_eq!(scenario.read("deep/c.log"), b"0ne\ntw0");
}

#[test]
fn copies_have_the_permissions_of_the_original() {
    let mut scenario = Scenario::new();
    let tool = scenario.room.path().join("src/tool");
    fs::write(&tool, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o555)).unwrap();
    scenario.passes(
        "given file tool from the source directory
         then file tool is executable
         then file tool has mode 0555
         when I copy file tool to again
         then file again has mode 0555",
    );
}

#[test]
fn directories_are_copied_with_links() {
    let mut scenario = Scenario::new();
    let src = scenario.room.path().join("src");
    fs::create_dir_all(src.join("d/e")).unwrap();
    fs::write(src.join("d/e/f"), "f").unwrap();
    std::os::unix::fs::symlink("e/f", src.join("d/l")).unwrap();
    scenario.passes(
        "given directory d from the source directory
         then file d/l is a symbolic link to e/f
         given directory x copied from d
         then directories d and x match",
    );
    rustix::fs::mknodat(
        rustix::fs::CWD,
        src.join("d/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let failure = scenario.fails("given directory y copied from d");
    assert_eq!(failure.message, format!("cannot copy {}/d/fifo: it is a fifo", src.display()));
    let failure = scenario.fails("given directory here copied from ..");
    assert_eq!(failure.message, "cannot copy directory ..: the scenario's directory is inside of it");
    assert_eq!(scenario.fails("given file z copied from nosuch").message, "file nosuch does not exist");
}

#[test]
fn what_cannot_be_done_is_explained() {
    let mut scenario = Scenario::new();
    scenario.write("a", "x");
    scenario.passes("given a directory d");
    let cases = [
        ("when I copy file a to a", "a is the file itself"),
        ("when I copy file a to d", "d is a directory, not a file"),
        ("when I copy file d to e", "d is a directory, not a file"),
        ("when I copy file nosuch to e", "file nosuch does not exist"),
        ("when I copy file a to ../e", "../e is outside of the scenario's directory"),
        ("when I copy directory d to d/e", "cannot copy directory d to d/e: that is inside of it"),
        ("when I rename nosuch to e", "file nosuch does not exist"),
        ("when I rename a to d", "cannot rename a to d: is a directory"),
        ("when I append \"x\" to file d", "d is a directory, not a file"),
        ("when I replace \"y\" with \"z\" in file a", "file a does not contain the text to replace"),
        ("given symbolic link a to b", "a exists already"),
        ("given file nosuch has mode 644", "file nosuch does not exist"),
        ("given file a has mode 9", "invalid mode: 9"),
        ("then file d is executable", "d is a directory, not a file"),
        ("then file a is executable", "file a is not executable"),
        ("then file a is a symbolic link to b", "a is a file, not a symbolic link"),
        ("then directories d and e match", "directory e does not exist"),
        ("then file d has 1 bytes", "d is a directory, not a file"),
    ];
    for (step, message) in cases {
        assert_eq!(scenario.fails(step).message, message, "{step}");
    }
    scenario.link("out", "/tmp");
    assert!(scenario.fails("when I append \"x\" to file out/x").message.contains("outside"));
    let size = scenario.fails("then file a has 2 bytes");
    assert_eq!(size, Failure::comparison("size of file a in bytes", Relation::Is, "2", "1"));
}

#[test]
fn differences_of_directories_are_named() {
    let mut scenario = Scenario::new();
    scenario.passes("given a directory a/sub\ngiven a directory b/sub");
    for (name, text) in
        [("a/one", "1"), ("b/two", "2"), ("a/sub/x", "1"), ("b/sub/x", "2"), ("a/y", "11"), ("b/y", "1")]
    {
        scenario.write(name, text);
    }
    let expected = error("directories a and b are different")
        .note("one is in a alone")
        .note("sub/x has other contents")
        .note("two is in b alone")
        .note("y has 2 bytes in one and 1 in the other");
    assert_eq!(scenario.fails("then directories a and b match"), expected);
}

#[test]
fn checks_know_what_is_copied() {
    let found = problems(
        &mut preflight(),
        "given an empty file a
         when I copy file a to b
         when I rename b to c
         then file c is empty
         when I copy file nosuch to d
         given file a has mode 888
         then file c has 99999999999999999999 bytes
         when I replace \"\" with \"x\" in file a
         given file nosuch from the source directory",
    );
    let messages: Vec<&str> = found.iter().map(|(_, problem)| problem.message.as_str()).collect();
    let expected = [
        "file nosuch does not exist: no earlier step can create it",
        "invalid mode: 888",
        "99999999999999999999 is not a number that can be counted",
        "the text to replace is empty",
        "file nosuch does not exist",
    ];
    assert_eq!(messages, expected);
}
