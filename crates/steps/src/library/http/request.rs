//! Steps that send requests.

use greenroom_sandbox::process::http::Request;

use super::form::{Upload, encoded, media_type};
use super::options::{self, Options, basic};
use super::send::send;
use super::state::State;
use super::url::Kind;
use super::{show, state, url, validity};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::bytes::{Bytes, HELD};
use crate::library::place;
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let short = validity::SHORT_FORMS.into_iter().fold(library, |library, (method, check)| {
        let function = move |context: &mut Context, captures: &Captures| send_request(context, captures, method);
        library.step(&format!("http_{}", method.to_lowercase()), function, Check::With(check))
    });
    short
        .step(
            "http_send",
            |context, captures| send_request(context, captures, captures.text("method")?),
            Check::With(validity::check_request),
        )
        .step("http_try_send", try_to_send, Check::With(validity::check_request))
        .step("http_request_fails", fails, Check::With(validity::check_response))
        .looks(Look::Fixed(is_over), &["http_request_fails"])
}

fn send_request(context: &mut Context, captures: &Captures, method: &str) -> StepResult {
    let response = carry_out(context, captures, method)?;
    state::keep(context, response)
}

fn try_to_send(context: &mut Context, captures: &Captures) -> StepResult {
    let response = carry_out(context, captures, captures.text("method")?)?;
    if response.is_err() && context.watch().is_cut_short() {
        // The limit of the step, or Ctrl-C: a later step cannot look at that.
        return response.map(drop);
    }
    context.state::<State>().latest = Some(response);
    Ok(())
}

/// Sends the request of a step. The outer error is that there is no request to send.
fn carry_out(
    context: &mut Context,
    captures: &Captures,
    method: &str,
) -> Result<Result<state::Response, Failure>, Failure> {
    let request = request(context, captures, method)?;
    let state = context.state::<State>();
    state.latest = None;
    state.request = Some(request.clone());
    Ok(send(context, request))
}

/// Returns the request of a step.
pub(super) fn request(context: &mut Context, captures: &Captures, method: &str) -> Result<Request, Failure> {
    request_to(context, captures, method, Kind::Resource)
}

/// Returns the request of a step to what is at its URL.
pub(super) fn request_to(
    context: &mut Context,
    captures: &Captures,
    method: &str,
    kind: Kind,
) -> Result<Request, Failure> {
    if let Some(error) = validity::method(method) {
        return Err(error);
    }
    let options = context.state::<options::State>().0.clone();
    let mut url = url::resolve(captures.text("url")?, options.base.as_ref(), kind)?;
    if let Some(query) = captures.get("query") {
        url.add_query(&encoded(query));
    }
    let body = body(context, captures)?;
    let mut request = Request::new(&canonical(method), url);
    let Options { headers, omitted, .. } = options;
    request.headers = headers;
    request.omitted = omitted;
    if let Some(user) = request.url.user.take() {
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Authorization"));
        request.headers.push(("Authorization".to_owned(), basic(&decoded(&user))));
    }
    if let Some((media_type, body)) = body {
        request.body = body;
        if !request.has("Content-Type") && !request.omitted.iter().any(|name| name.eq_ignore_ascii_case("Content-Type"))
        {
            request.headers.push(("Content-Type".to_owned(), media_type));
        }
    }
    Ok(request)
}

/// Returns a method as servers know it. As in browsers, the common ones may be in lower case.
fn canonical(method: &str) -> String {
    let upper = method.to_ascii_uppercase();
    let is_common = validity::SHORT_FORMS.iter().any(|(known, _)| *known == upper);
    if is_common { upper } else { method.to_owned() }
}

/// Returns the media type and the bytes of the body that a step describes.
fn body(context: &Context, captures: &Captures) -> Result<Option<(String, Vec<u8>)>, Failure> {
    let typed = |media_type: &str, bytes: &[u8]| Ok(Some((media_type.to_owned(), bytes.to_vec())));
    if let Some(json) = captures.get("json") {
        if let Some((error, _)) = validity::json(json) {
            return Err(error);
        }
        return typed("application/json", json.as_bytes());
    }
    if let Some(text) = captures.get("body") {
        return typed("text/plain; charset=utf-8", text.as_bytes());
    }
    if let Some(form) = captures.get("form") {
        return typed("application/x-www-form-urlencoded", encoded(form).as_bytes());
    }
    if let Some(name) = captures.get("embedded") {
        return typed(media_type(name), context.embedded_file(name)?.text.as_bytes());
    }
    if let Some(name) = captures.get("filename") {
        return typed(media_type(name), &file_content(context, name)?);
    }
    if let Some(name) = captures.get("upload") {
        let bytes = file_content(context, name)?;
        return Ok(Some(Upload { field: captures.text("field")?, name, content: &bytes }.encode()));
    }
    Ok(None)
}

/// Returns the content of a file in the scenario's directory.
fn file_content(context: &Context, name: &str) -> Result<Vec<u8>, Failure> {
    let file = place::read(context, name)?;
    let bytes = Bytes::of(&file)?;
    if bytes.len() > HELD {
        return Err(Failure::new(format!("file {name} is larger than {} MiB, the limit for requests", HELD >> 20)));
    }
    Ok(bytes.all()?.into_owned())
}

/// Decodes the percent encoding of user and password in a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let encoded = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(encoded.unwrap_or(b'%'));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn fails(context: &mut Context, captures: &Captures) -> StepResult {
    let expected = captures.text("text")?;
    match &context.state::<State>().latest {
        Some(Ok(response)) => {
            let error = Failure::new("the latest request got a response, but should have failed");
            Err(show::with_response(response, error))
        }
        Some(Err(failure)) => {
            let texts = failure.notes.iter().chain([&failure.message]);
            let lower = expected.to_lowercase();
            if texts.into_iter().any(|text| text.to_lowercase().contains(&lower)) {
                return Ok(());
            }
            let actual = failure.message.clone();
            let what = "the failure of the latest request";
            let error = Failure::comparison(what, Relation::Contains, expected, actual);
            Err(failure.notes.iter().fold(error, |error, note| error.note(note.clone())))
        }
        None => state::latest(context).map(drop),
    }
}

fn is_over(_: &Captures, _: &PreflightState) -> Problem {
    let problem = Problem::new("", ProblemKind::NeverChanges, "a request that has failed is over");
    Problem { capture: None, ..problem }.help("wait for the server, and check this request without `within` or `for`")
}
