//! Library `http`: requests to a service, and checks of its responses.
//!
//! Steps are in `request`, `status`, `header` and `body`, each with a table of its steps first. They use `state` (the
//! latest response) and `send` (one request, with the waiting). `show` has what a failure says
//! about a response, and `validity` what is checked before the run.

mod body;
mod header;
mod request;
mod send;
mod show;
mod state;
mod status;
mod validity;

use crate::registry::Library;

pub(crate) use show::{with_response, with_status};
pub(crate) use state::{Response, latest};
pub(crate) use validity::check_response;

/// Returns the library.
pub fn library() -> Library {
    let tables = [request::steps, status::steps, header::steps, body::steps, header::time];
    tables.into_iter().fold(Library::new("http", include_str!("http.yaml")), |library, steps| steps(library))
}
