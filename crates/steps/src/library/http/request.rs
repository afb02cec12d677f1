//! Steps that send requests.

use greenroom_sandbox::process::http::{Request, Url};

use super::send::send;
use super::state::State;
use super::validity;
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step("http_send", send_request, Check::With(validity::check_request))
}

fn send_request(context: &mut Context, captures: &Captures) -> StepResult {
    let request = request(captures)?;
    context.state::<State>().latest = None;
    let response = send(context, request)?;
    context.state::<State>().latest = Some(Ok(response));
    Ok(())
}

/// Returns the request of a step.
fn request(captures: &Captures) -> Result<Request, Failure> {
    let (method, url) = (captures.text("method")?, captures.text("url")?);
    if let Some(error) = validity::method(method) {
        return Err(error);
    }
    Ok(Request::new(method, url_of(url)?))
}

/// Returns the URL that a step names.
fn url_of(text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|error| {
        let failure = Failure::new(format!("invalid URL: {text}: {}", error.reason));
        error.help.into_iter().fold(failure, Failure::help)
    })
}
