//! The state of this library in a scenario: the response to the latest request.

use std::borrow::Cow;
use std::io::Read;
use std::time::Duration;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use greenroom_sandbox::process::Watch;
use greenroom_sandbox::process::http::{self, BODY_LIMIT, Request};

use crate::context::Context;
use crate::step::{Failure, StepResult};

/// The latest request of a scenario, and what it came to.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The request, as it was sent before any redirect.
    pub(super) request: Option<Request>,
    /// Its response, or why there is none.
    pub(super) latest: Option<Result<Response, Failure>>,
}

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: u16,
    /// The words behind the status; may be empty.
    pub(crate) reason: String,
    /// Its headers, in their order.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body, decompressed.
    pub(crate) body: Vec<u8>,
    /// The request that it answers.
    pub(crate) request: Request,
    /// The redirects that led to this request: `302 to http://localhost/login`.
    pub(super) redirects: Vec<String>,
    /// How long request and response took.
    pub(crate) took: Duration,
}

impl Response {
    /// Creates it from what the client received.
    ///
    /// # Errors
    ///
    /// If its body cannot be decompressed.
    pub(super) fn new(received: http::Response, redirects: Vec<String>, took: Duration) -> Result<Self, Failure> {
        let http::Response { status, reason, headers, body, request, .. } = received;
        let mut response = Self { status, reason, headers, body, request, redirects, took };
        let coding = response.header("Content-Encoding").next().unwrap_or_default().trim().to_ascii_lowercase();
        if !response.body.is_empty() {
            let body = match coding.as_str() {
                "gzip" | "x-gzip" => Some(decompressed(&coding, MultiGzDecoder::new(response.body.as_slice()))?),
                "deflate" => Some(decompressed(&coding, ZlibDecoder::new(response.body.as_slice()))?),
                _ => None,
            };
            response.body = body.unwrap_or(response.body);
        }
        Ok(response)
    }

    /// Returns the values of all headers of a name.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// Returns the character set that it names, in lower case.
    pub(super) fn charset(&self) -> Option<String> {
        let parameters = self.header("Content-Type").next()?.split(';').skip(1);
        let value = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        });
        value.filter(|name| !name.is_empty())
    }

    /// Returns its body as text is compared with it: in UTF-8 if it is in Latin-1, else as it is.
    pub(super) fn text(&self) -> Cow<'_, [u8]> {
        match self.charset().as_deref() {
            Some("iso-8859-1" | "latin1" | "latin-1" | "us-ascii") if std::str::from_utf8(&self.body).is_err() => {
                Cow::Owned(self.body.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes())
            }
            _ => Cow::Borrowed(&self.body),
        }
    }
}

/// Decompresses a body, up to the size that bodies may have.
fn decompressed(coding: &str, decoder: impl Read) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let read = decoder.take(BODY_LIMIT as u64 + 1).read_to_end(&mut body);
    match read {
        Ok(_) if body.len() <= BODY_LIMIT => Ok(body),
        Ok(_) => Err(Failure::new(format!("the body is larger than {} MiB when it is decompressed", BODY_LIMIT >> 20))),
        Err(error) => Err(Failure::new(format!("the body is not valid {coding}: {error}"))),
    }
}

/// What a failure says if no step has sent a request.
pub(super) const NO_REQUEST: &str = "no earlier step has sent an HTTP request";
/// What to do about it.
pub(super) const NO_REQUEST_HELP: &str =
    "write a step such as `when I send a GET request to http://localhost:8000/` before this step";

impl State {
    /// Returns the response to the latest request.
    fn response(&self) -> Result<&Response, Failure> {
        match &self.latest {
            Some(Ok(response)) => Ok(response),
            Some(Err(failure)) => {
                let error = Failure::new("there is no response: the latest request failed").note(&failure.message);
                Err(failure.notes.iter().fold(error, Failure::note))
            }
            None => Err(Failure::new(NO_REQUEST).help(NO_REQUEST_HELP)),
        }
    }
}

/// Returns the response to the latest request of the scenario.
pub(crate) fn latest(context: &mut Context) -> Result<&Response, Failure> {
    context.state::<State>().response()
}

/// Returns the response to the latest request, and the watch for work that takes long.
pub(super) fn latest_and_watch(context: &mut Context) -> Result<(&Response, &mut Watch), Failure> {
    let (state, watch) = context.state_and_watch::<State>();
    Ok((state.response()?, watch))
}

/// Keeps what a request came to. The step that sent it fails if there is no response.
pub(super) fn keep(context: &mut Context, result: Result<Response, Failure>) -> StepResult {
    let failed = result.as_ref().err().cloned();
    context.state::<State>().latest = Some(result);
    failed.map_or(Ok(()), Err)
}
