//! What the attributes of step functions say about mistakes: at the place of the mistake, and what to do.
//!
//! `TRYBUILD=overwrite cargo test -p greenroom-macros --test mistakes` rewrites the expected messages.

#[test]
fn mistakes_are_shown_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}
