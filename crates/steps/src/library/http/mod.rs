//! Library `http`: requests to a service, and checks of its responses.
//!
//! Steps are in `options`, `request`, `status`, `header`, `body`, `stream` and `web_socket`, each with a
//! table of its steps first. They use `state` (the latest request and its response) and `send` (one
//! request, with the waiting and the redirects). `url`, `form`, `cookies` and `expected_status` have
//! the data of requests and responses, `show` and `indent` what a failure says about a response,
//! `faults` about a certificate, `again` how a response is fetched again, and `validity` what is
//! checked before the run.

mod again;
mod body;
mod cookies;
mod event;
mod expected_status;
mod faults;
mod form;
mod header;
mod indent;
mod options;
mod request;
mod send;
mod show;
mod state;
mod status;
mod stream;
mod url;
mod validity;
#[cfg_attr(not(feature = "websocket"), path = "no_web_socket.rs")]
mod web_socket;

use crate::registry::Library;

pub(crate) use again::LOOK;
pub(crate) use header::missing as missing_header;
pub(crate) use show::{with_response, with_status};
pub(crate) use state::{Response, latest};
pub(crate) use stream::latest_event;
pub(crate) use validity::{check_named_stream, check_named_web_socket, check_response};
pub(crate) use web_socket::latest_message;

pub(crate) use faults::explain_fault;
pub(crate) use options::route_of_wait;
pub(crate) use validity::absolute_url_problem as url_problem;

/// Returns the library.
pub fn library() -> Library {
    let tables = [
        options::steps,
        request::steps,
        status::steps,
        header::steps,
        body::steps,
        header::time,
        stream::steps,
        web_socket::steps,
    ];
    let library = Library::new("http", include_str!("http.yaml"));
    tables.into_iter().fold(library, |library, steps| steps(library)).seeks(
        "text",
        &[
            "http_header_contains",
            "http_body_contains",
            "http_request_fails",
            "http_wait_event",
            "http_wait_web_socket",
        ],
    )
}
