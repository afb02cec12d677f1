//! The JSON Schema in the repository, compared with the types.
//!
//! Only this test makes a schema of them, so that the programs that depend on this crate need not
//! compile what it takes.

use std::path::Path;

use snapbox::{Data, assert_data_eq};

use crate::Event;

#[test]
fn the_schema_in_the_repository_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Event)).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/events.json");
    assert_data_eq!(format!("{schema}\n"), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}
