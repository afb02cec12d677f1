//! Library `datadir`.

use greenroom_steps::Failure;

use crate::support::Scenario;

#[test]
fn some_space_is_available() {
    Scenario::new().passes(
        "given datadir has at least 0B of space
         given datadir has at least 4096B of space
         given datadir has at least 1M of space",
    );
}

#[test]
fn too_much_space_is_not_available() {
    let mut scenario = Scenario::new();
    for (step, words) in [
        ("given datadir has at least 18446744073709551615B of space", "18446744073709551615 bytes"),
        // That many megabytes are more bytes than can be counted.
        ("given datadir has at least 18446744073709551615M of space", "18446744073709551615 M"),
    ] {
        let error = scenario.fails(step);
        let note = error.notes[0].clone();
        assert!(note.contains(" are free in ") && note.ends_with(&*scenario.data().to_string_lossy()), "{note}");
        let expected = Failure::new(format!("the scenario's directory has less than {words} of free space"))
            .note(note)
            .help("free some space, or set TMPDIR to a directory on a larger file system");
        assert_eq!(error, expected);
    }
}

#[test]
fn a_number_that_is_too_large_is_reported() {
    let error = Scenario::new().fails("given datadir has at least 18446744073709551616B of space");
    let message = "bytes is `18446744073709551616`: number too large to fit in target type";
    assert_eq!(error, Failure::new(message));
}
