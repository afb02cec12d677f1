//! Library `files`.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use greenroom_steps::{Failure, Relation};

use crate::support::Scenario;

fn error(message: &str) -> Failure {
    Failure::new(message)
}

fn mode(scenario: &Scenario, name: &str) -> u32 {
    scenario.path(name).metadata().unwrap().permissions().mode() & 0o777
}

/// The notes of an error about a name that is not there, in an empty directory.
fn nothing_there(message: &str) -> Failure {
    error(message).note("the scenario's directory is empty")
}

#[test]
fn embedded_files_are_written_byte_for_byte() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt
         given file umlaut.txt
         given file d/e.txt
         given file deep/er/bar.txt from FOO.txt",
    );
    assert_eq!(scenario.read("foo.txt"), b"hello\nworld\n");
    assert_eq!(scenario.read("umlaut.txt"), "a\u{e9}\r\n\0no newline".as_bytes());
    assert_eq!(scenario.read("d/e.txt"), b"below\n");
    assert_eq!(scenario.read("deep/er/bar.txt"), b"hello\nworld\n");
    assert_eq!(mode(&scenario, "foo.txt") & 0o111, 0);
    scenario.passes("given file foo.txt from umlaut.txt");
    assert_eq!(scenario.read("foo.txt"), "a\u{e9}\r\n\0no newline".as_bytes());
}

#[test]
fn embedded_files_must_exist_and_need_a_valid_path() {
    let mut scenario = Scenario::new();
    let unknown = error("the document has no embedded file nosuch");
    assert_eq!(scenario.fails("given file nosuch"), unknown);
    assert_eq!(scenario.fails("given file x from nosuch"), unknown);
    assert_eq!(scenario.fails("given executable file nosuch"), unknown);
    assert_eq!(scenario.fails("given executable file x from nosuch"), unknown);
    scenario.passes("given a directory foo.txt");
    assert_eq!(scenario.fails("given file foo.txt"), error("foo.txt is a directory, not a file"));
    scenario.write("plain", "");
    assert_eq!(scenario.fails("given file plain/x from foo.txt"), error("plain is a file, not a directory"));
}

#[test]
fn executable_files_are_executable() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given executable file hi.sh
         given file there from foo.txt
         given executable file there from hi.sh",
    );
    // The umask of the user who runs the tests may remove bits, but not those of the owner.
    assert_eq!(mode(&scenario, "hi.sh") & 0o700, 0o700);
    assert_eq!(mode(&scenario, "hi.sh") & !0o755, 0);
    let there = mode(&scenario, "there");
    assert_eq!(there & 0o111, (there & 0o444) >> 2);
    assert_eq!(scenario.read("there"), scenario.read("hi.sh"));
}

#[test]
fn special_files_are_not_written_to() {
    let mut scenario = Scenario::new();
    scenario.passes("when I run mkfifo pipe");
    // The pipe has no reader, so opening it to write would block for ever.
    assert_eq!(scenario.fails("given file pipe from foo.txt"), error("pipe is a fifo, not a file"));
    assert_eq!(scenario.fails("then file pipe contains \"x\""), error("pipe is a fifo, not a file"));
}

#[test]
fn modification_times_are_set_as_utc() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt
         given file foo.txt has modification time 1970-01-02 03:04:05
         given file new/file has modification time 2024-02-29 23:59:59",
    );
    let modified = |name: &str| {
        let time = scenario.path(name).metadata().unwrap().modified().unwrap();
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap()
    };
    assert_eq!(modified("foo.txt"), Duration::from_secs(86400 + 3 * 3600 + 4 * 60 + 5));
    assert_eq!(modified("new/file"), Duration::from_secs(1_709_251_199));
    assert_eq!(scenario.read("foo.txt"), b"hello\nworld\n");
    assert_eq!(scenario.read("new/file"), b"");
}

#[test]
fn modification_times_must_be_times() {
    let mut scenario = Scenario::new();
    for time in ["yesterday", "2024-02-30 00:00:00", "1970-01-02", "1970-01-02 03:04", "1970-01-02 03:04:05 CET", ""] {
        let expected =
            error(&format!("invalid date and time: {time}")).help("write it like 1970-01-02 03:04:05, in UTC");
        assert_eq!(scenario.fails(&format!("given file x has modification time {time}")), expected);
    }
}

#[test]
fn directories_are_made() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given a directory a/b
         given directory c
         when I create directory d/e/
         given a directory a/b
         given a directory a/../f
         then directory a/b exists
         then directory c exists
         then directory d/e exists
         then directory f exists",
    );
    scenario.write("plain", "");
    let expected = error("plain is a file, not a directory");
    assert_eq!(scenario.fails("given a directory plain"), expected);
    assert_eq!(scenario.fails("given directory plain"), expected);
    assert_eq!(scenario.fails("when I create directory plain/x"), expected);
}

#[test]
fn directories_are_removed() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file a/b/c from foo.txt
         given a directory empty
         when I remove directory a
         when I remove empty directory empty
         then directory a does not exist
         then directory empty does not exist",
    );
    scenario.write("plain", "");
    assert_eq!(scenario.fails("when I remove directory plain"), error("plain is a file, not a directory"));
    assert_eq!(scenario.fails("when I remove empty directory plain"), error("plain is a file, not a directory"));
    let missing = error("directory plan does not exist")
        .note("the scenario's directory contains plain")
        .help("did you mean `plain`?");
    assert_eq!(scenario.fails("when I remove directory plan"), missing);
    assert_eq!(scenario.fails("when I remove empty directory plan"), missing);
    scenario.passes("given file full/x from foo.txt\ngiven file full/y from foo.txt");
    assert_eq!(
        scenario.fails("when I remove empty directory full"),
        error("directory full is not empty").note("it contains x, y")
    );
}

#[test]
fn files_are_removed() {
    let mut scenario = Scenario::new();
    scenario.passes("given file foo.txt\nwhen I remove file foo.txt\nthen file foo.txt does not exist");
    assert_eq!(scenario.fails("when I remove file foo.txt"), nothing_there("file foo.txt does not exist"));
    assert_eq!(scenario.fails("when I remove file d/foo.txt"), nothing_there("directory d does not exist"));
    scenario.passes("given a directory d");
    assert_eq!(
        scenario.fails("when I remove file d"),
        error("d is a directory, not a file").help("write `when I remove directory d`")
    );
}

#[test]
fn text_is_written_as_it_is() {
    let mut scenario = Scenario::new();
    scenario.passes(r#"when I write "a \n "b"" to file x/y"#);
    assert_eq!(scenario.read("x/y"), br#"a \n "b""#);
    scenario.passes("when I write \"\" to file x/y");
    assert_eq!(scenario.read("x/y"), b"");
    assert_eq!(scenario.fails("when I write \"a\" to file x"), error("x is a directory, not a file"));
}

#[test]
fn touched_files_are_new_or_newly_modified() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt
         given file foo.txt has modification time 1970-01-02 03:04:05
         then file foo.txt has a very old modification time
         when I touch file foo.txt
         when I touch file x/new",
    );
    assert_eq!(scenario.read("foo.txt"), b"hello\nworld\n");
    assert_eq!(scenario.read("x/new"), b"");
    scenario.write("plain", "");
    assert_eq!(scenario.fails("when I touch file plain/x"), error("plain is a file, not a directory"));
    let error = scenario.fails("then file foo.txt has a very old modification time");
    assert_eq!(error.message, "file foo.txt does not have a very old modification time");
    assert_eq!(error.notes[1], "very old is more than 39 years from now");
    // A machine may be too busy for a second, but not always.
    let recent = (0..100).any(|_| {
        scenario.passes("when I touch file foo.txt");
        scenario.step("then", "file foo.txt has a very recent modification time").is_ok()
    });
    assert!(recent);
}

#[test]
fn old_is_not_recent() {
    let mut scenario = Scenario::new();
    scenario.passes("given file old has modification time 1970-01-02 03:04:05");
    let failed = scenario.fails("then file old has a very recent modification time");
    let far = failed.notes[0].clone();
    assert!(far.starts_with("it was modified at 1970-01-02T03:04:05Z, 1"), "{far}");
    let expected = error("file old does not have a very recent modification time")
        .note(far)
        .note("very recent is less than one second from now");
    assert_eq!(failed, expected);
    let missing =
        error("file odl does not exist").note("the scenario's directory contains old").help("did you mean `old`?");
    assert_eq!(scenario.fails("then file odl has a very recent modification time"), missing);
    assert_eq!(scenario.fails("then file odl has a very old modification time"), missing);
}

#[test]
fn metadata_stays_the_same_until_something_changes() {
    for change in [
        "when I touch file foo.txt",
        "when I write \"other\" to file foo.txt",
        "when I write \"HELLO\nWORLD\n\" to file foo.txt",
        "given executable file foo.txt",
        "given file foo.txt has modification time 1970-01-02 03:04:05",
        "when I run chmod 600 foo.txt",
        "when I run mv -f copy foo.txt",
    ] {
        let mut scenario = Scenario::new();
        scenario.passes(
            "given file foo.txt
             when I run cp -p foo.txt copy
             when I remember metadata for file foo.txt
             then file ./foo.txt has same metadata as before",
        );
        let (kind, step) = change.split_once(' ').unwrap();
        scenario.step(kind, &step.replace('\n', " ")).unwrap();
        scenario.passes(
            "then file foo.txt has different metadata from before
             then file foo.txt has changed from before",
        );
        let failed = scenario.fails("then file foo.txt has same metadata as before");
        assert_eq!(failed.message, "metadata of file foo.txt is not as expected", "{change}");
    }
}

/// The clock of file systems ticks every few milliseconds, and steps are faster than that.
#[test]
fn quick_changes_are_noticed() {
    let mut scenario = Scenario::new();
    for _ in 0..50 {
        scenario.passes(
            "when I write \"a\" to file x
             when I remember metadata for file x
             when I write \"b\" to file x
             then file x has changed from before",
        );
    }
}

#[test]
fn metadata_is_compared_in_words() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt has modification time 1970-01-02 03:04:05
         when I run chmod 640 foo.txt
         when I remember metadata for file foo.txt
         given file foo.txt has modification time 1970-01-02 03:04:06",
    );
    let comparison = scenario.fails("then file foo.txt has same metadata as before").comparison.unwrap();
    assert_eq!((&*comparison.what, comparison.relation), ("metadata of file foo.txt", Relation::Is));
    let start = comparison.expected.lines().take(2).collect::<Vec<_>>();
    assert_eq!(start, ["kind: file", "mode: 0640"]);
    assert!(comparison.expected.contains("\nsize: 0\nmodified: 1970-01-02T03:04:05Z\ninode: "));
    assert_eq!(comparison.actual, comparison.expected.replace("04:05Z", "04:06Z"));
    scenario.passes("when I remember metadata for file foo.txt");
    let same = scenario.fails("then file foo.txt has changed from before");
    assert_eq!(same.message, "metadata of file foo.txt has the value that it must not have");
    assert_eq!(same, scenario.fails("then file foo.txt has different metadata from before"));
}

#[test]
fn metadata_checks_need_a_file_and_remembered_metadata() {
    let mut scenario = Scenario::new();
    assert_eq!(scenario.fails("when I remember metadata for file x"), nothing_there("file x does not exist"));
    scenario.passes("given file foo.txt");
    for step in ["has same metadata as before", "has different metadata from before", "has changed from before"] {
        assert_eq!(
            scenario.fails(&format!("then file foo.txt {step}")),
            error("the metadata of file foo.txt was not remembered")
                .help("write `when I remember metadata for file foo.txt` before this step")
        );
    }
}

#[test]
fn directories_exist_or_not() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given a directory d
         given file foo.txt
         then directory d exists
         then directory nosuch does not exist
         then directory foo.txt does not exist
         then directory foo.txt/x does not exist",
    );
    assert_eq!(
        scenario.fails("then directory nosuch exists"),
        error("directory nosuch does not exist").note("the scenario's directory contains d, foo.txt")
    );
    assert_eq!(scenario.fails("then directory foo.txt exists"), error("foo.txt is a file, not a directory"));
    assert_eq!(scenario.fails("then directory d does not exist"), error("directory d exists, but should not"));
}

#[test]
fn directories_are_empty_or_not() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given a directory d
         then directory d is empty",
    );
    assert_eq!(scenario.fails("then directory d is not empty"), error("directory d is empty, but should not be"));
    for n in 0..12 {
        scenario.write(&format!("d/.{n:02}"), "");
    }
    scenario.passes("then directory d is not empty");
    assert_eq!(
        scenario.fails("then directory d is empty"),
        error("directory d is not empty")
            .note("it contains .00, .01, .02, .03, .04, .05, .06, .07, .08, .09 and 2 more")
    );
    let missing = error("directory e does not exist").note("the scenario's directory contains d");
    assert_eq!(scenario.fails("then directory e is empty").message, missing.message);
    assert_eq!(scenario.fails("then directory e is not empty").message, missing.message);
}

#[test]
fn files_exist_or_not() {
    let mut scenario = Scenario::new();
    scenario.link("dangling", "nowhere");
    scenario.passes(
        "given file d/foo.txt from foo.txt
         then file d/foo.txt exists
         then file d exists
         then file d/foo does not exist",
    );
    scenario.passes("then file dangling does not exist\nthen file d/foo.txt/x does not exist");
    assert_eq!(
        scenario.fails("then file d/bar.txt exists"),
        error("file d/bar.txt does not exist").note("directory d contains foo.txt")
    );
    assert_eq!(
        scenario.fails("then file d/fo.txt exists"),
        error("file d/fo.txt does not exist").note("directory d contains foo.txt").help("did you mean `d/foo.txt`?")
    );
    assert_eq!(
        scenario.fails("then file e/fo.txt exists"),
        error("file e/fo.txt does not exist").note("directory e does not exist either")
    );
    assert_eq!(
        scenario.fails("then file dangling exists"),
        error("file dangling does not exist").note("dangling is a symbolic link to nowhere, which does not exist")
    );
    assert_eq!(scenario.fails("then file d does not exist"), error("directory d exists, but should not"));
    assert_eq!(scenario.fails("then file d/foo.txt does not exist"), error("file d/foo.txt exists, but should not"));
}

/// A comparison that has a place in what it shows.
fn found(place: (usize, usize), mut error: Failure) -> Failure {
    error.comparison.as_mut().unwrap().part.found = Some(place);
    error
}

#[test]
fn files_contain_text() {
    let mut scenario = Scenario::new();
    scenario.write("latin", b"caf\xe9\nol\xc3\xa9\n");
    scenario.passes(
        r#"given file foo.txt
         then file foo.txt contains "hello\nworld"
         then file foo.txt contains ""
         then file foo.txt doesn't contain "hello world"
         then file latin contains "é\n""#,
    );
    assert_eq!(
        scenario.fails("then file foo.txt contains \"bye\""),
        Failure::comparison("file foo.txt", Relation::Contains, "bye", "hello\nworld\n")
    );
    assert_eq!(
        scenario.fails("then file foo.txt doesn't contain \"wor\""),
        found((6, 9), Failure::comparison("file foo.txt", Relation::DoesNotContain, "wor", "hello\nworld\n"))
    );
    assert_eq!(
        scenario.fails("then file latin contains \"x\""),
        Failure::comparison("file latin", Relation::Contains, "x", "caf\u{10ffe9}\nolé\n")
    );
    let missing = error("file fo.txt does not exist")
        .note("the scenario's directory contains foo.txt, latin")
        .help("did you mean `foo.txt`?");
    assert_eq!(scenario.fails("then file fo.txt contains \"x\""), missing);
    assert_eq!(scenario.fails("then file fo.txt doesn't contain \"x\""), missing);
    scenario.passes("given a directory d");
    let directory = error("d is a directory, not a file")
        .note("the directory is empty")
        .help("have a file written there, not a directory created; or name a file in d in this step");
    assert_eq!(scenario.fails("then file d contains \"x\""), directory);
}

#[test]
fn files_may_be_long() {
    let mut scenario = Scenario::new();
    let mut content = b"x".repeat(20_000_000);
    content.extend(b"needle\n");
    scenario.write("long", content);
    scenario.passes("then file long contains \"needle\"");
    let failed = scenario.fails("then file long contains \"noodle\"");
    let comparison = failed.comparison.unwrap();
    assert!(comparison.actual.ends_with("xneedle\n") && comparison.actual.len() <= 8192);
    assert_eq!(comparison.part.before + comparison.actual.len() as u64, 20_000_007);
}

#[test]
fn files_match_regexes() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt
         then file foo.txt matches regex /w.r/
         then file foo.txt matches regex \"^hello\"
         then file foo.txt matches regex /world$/
         then file foo.txt matches regex /(?m)^world$/",
    );
    assert_eq!(
        scenario.fails("then file foo.txt matches regex /^world/"),
        Failure::comparison("file foo.txt", Relation::Matches, "^world", "hello\nworld\n")
    );
    assert_eq!(
        scenario.fails("then file foo.txt matches regex \"hello.world\""),
        Failure::comparison("file foo.txt", Relation::Matches, "hello.world", "hello\nworld\n")
    );
    assert_eq!(
        scenario.fails("then file foo.txt matches regex /(/"),
        error("cannot check file foo.txt: invalid regular expression: unclosed group")
    );
}

#[test]
fn files_match_one_another() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt
         given file copy from foo.txt
         given file other.txt
         then files foo.txt and copy match
         then files foo.txt and copy on disk are identical
         then files foo.txt and other.txt on disk are different
         then file copy on disk and embedded file foo.txt are identical
         then file copy on disk and embedded file other.txt are different",
    );
    let mut differ =
        Failure::comparison("file other.txt beside file foo.txt", Relation::Is, "hello\nworld\n", "something else\n");
    differ.message = "file foo.txt and file other.txt differ".to_owned();
    assert_eq!(scenario.fails("then files foo.txt and other.txt match"), differ);
    assert_eq!(scenario.fails("then files foo.txt and other.txt on disk are identical"), differ);
    assert_eq!(
        scenario.fails("then files foo.txt and copy on disk are different"),
        error("file foo.txt and file copy are identical, but should differ").note("both have 12 bytes")
    );
    let mut differ = Failure::comparison(
        "file copy beside embedded file other.txt",
        Relation::Is,
        "something else\n",
        "hello\nworld\n",
    );
    differ.message = "embedded file other.txt and file copy differ".to_owned();
    assert_eq!(scenario.fails("then file copy on disk and embedded file other.txt are identical"), differ);
    assert_eq!(
        scenario.fails("then file copy on disk and embedded file foo.txt are different"),
        error("embedded file foo.txt and file copy are identical, but should differ").note("both have 12 bytes")
    );
    assert_eq!(scenario.fails("then files foo.txt and nosuch match").message, "file nosuch does not exist");
    assert_eq!(
        scenario.fails("then file copy on disk and embedded file nosuch are different"),
        error("the document has no embedded file nosuch")
    );
}

#[test]
fn long_files_are_shown_where_they_differ() {
    let mut scenario = Scenario::new();
    let text = "line\n".repeat(10_000);
    scenario.write("a", &text);
    scenario.write("b", text.replacen("line\n", "line!\n", 1));
    let failed = scenario.fails("then files a and b match");
    assert_eq!(failed.notes, ["the first difference is at byte 4"]);
    let comparison = failed.comparison.unwrap();
    assert!(comparison.actual.starts_with("line!\nline\n"));
    assert_eq!(comparison.part.after + comparison.actual.len() as u64, 50_001);
}

#[test]
fn only_these_files_exist() {
    let mut scenario = Scenario::new();
    scenario.passes(
        "given file foo.txt
         given file d/e from foo.txt
         then only files foo.txt, d exist
         then only files d,./foo.txt foo.txt exist",
    );
    let mut expected = Failure::comparison("the list of files", Relation::Is, "bar\nfoo.txt\n", "d\nfoo.txt\n")
        .note("missing: bar")
        .note("unexpected: d");
    expected.message = "the scenario's directory does not contain exactly these files".to_owned();
    assert_eq!(scenario.fails("then only files bar, foo.txt exist"), expected);
    let failed = scenario.fails("then only files d/e, d, foo.txt exist");
    assert_eq!(
        failed.notes,
        ["missing: d/e", "directory d contains e", "only names in the scenario's directory itself are compared"]
    );
}
