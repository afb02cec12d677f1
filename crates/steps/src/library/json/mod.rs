//! Library `json`: checks of data in the response to a request, outputs, files and kept values.
//!
//! `data` reads JSON, YAML and TOML, `path` finds values in it, and `compare` says where two differ.
//! Steps are in `assertion`, with a table of them first; `subject` is where their data comes from.
//! `validity` has what is checked before the run, `types` what steps write besides JSON, `place` how
//! places are written, and `show` how values look in messages.

mod assertion;
mod compare;
pub(crate) mod data;
mod path;
mod place;
mod schema;
mod show;
mod subject;
mod types;
mod validity;

use crate::registry::Library;

pub(crate) use subject::{Subject, unknown_value, value_at};
pub(crate) use validity::{check_data_of, check_value_name, over};

/// Returns the library.
pub fn library() -> Library {
    assertion::steps(Library::new("json", include_str!("json.yaml")))
}
