//! A document with step files as they are written for subplotlib.

#![allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "written as users write it"
)]

subplotlib::codegen!("tests/documents/shop.subplot", exclude = "later");

#[test]
fn embedded_files_have_their_old_name() {
    assert_eq!(SUBPLOT_EMBEDDED_FILES.len(), 1);
    assert_eq!(SUBPLOT_EMBEDDED_FILES[0].data(), b"2 apples\n");
}
