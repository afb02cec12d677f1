//! Sends a request and waits for the response, within the limits of the scenario.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::http::{Exchange, HttpError, Request, Response as Received, Route, Url};
use greenroom_sandbox::process::{Stopwatch, Watch, attempts, ports};

use super::faults::explain_fault;
use super::options::{self, route};
use super::show;
use super::state::Response;
use crate::context::Context;
use crate::library::place;
use crate::step::Failure;

/// The most redirects that are followed.
const REDIRECTS: usize = 10;
/// The status codes of redirects that are followed.
const REDIRECTING: [u16; 5] = [301, 302, 303, 307, 308];

/// Sends a request and returns the response, at the end of all redirects if they are followed.
pub(super) fn send(context: &mut Context, request: Request) -> Result<Response, Failure> {
    let mut request = request;
    let first = request.line();
    let clock = context.watch().stopwatch();
    let mut redirects: Vec<String> = Vec::new();
    loop {
        let received = once(context, request.clone(), clock).map_err(|error| match &redirects[..] {
            [] => error,
            redirects => show::with_redirects(error.note(format!("the first request was {first}")), redirects),
        })?;
        let url = &received.request.url;
        let options = &mut context.state::<options::State>().0;
        if let Some(jar) = &mut options.cookies {
            jar.keep(received.header("Set-Cookie"), url);
        }
        let location = received.header("Location").next().map(str::to_owned);
        let Some(location) = location.filter(|_| options.follows_redirects && REDIRECTING.contains(&received.status))
        else {
            let took = clock.elapsed(context.watch());
            let line = received.request.line();
            return Response::new(received, redirects, took)
                .map_err(|error| Failure { message: format!("{line} failed: {}", error.message), ..error });
        };
        let target = url.join(&location).map_err(|error| {
            let message = format!("{} was redirected to `{location}`, which is not a URL: {error}", request.line());
            show::with_redirects(Failure::new(message), &redirects)
        })?;
        redirects.push(format!("{} to {target}", received.status));
        if redirects.len() > REDIRECTS {
            let error = Failure::new(format!("{first} was redirected more than {REDIRECTS} times"));
            return Err(show::with_redirects(error, &redirects));
        }
        request = redirected(request, received.status, target);
    }
}

/// Returns the request that follows a redirect.
fn redirected(request: Request, status: u16, target: Url) -> Request {
    let mut request = request;
    let becomes_get = status == 303 && request.method != "HEAD" || status < 303 && request.method == "POST";
    if becomes_get {
        "GET".clone_into(&mut request.method);
        request.body.clear();
        request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    // What is for one server is not for another one.
    if target.authority() != request.url.authority() || target.scheme != request.url.scheme {
        let is_own = |name: &str| ["authorization", "cookie", "host"].contains(&name.to_ascii_lowercase().as_str());
        request.headers.retain(|(name, _)| !is_own(name));
    }
    request.url = target;
    request
}

/// Sends one request. The limit is that of all requests since the clock was started.
fn once(context: &mut Context, request: Request, clock: Stopwatch) -> Result<Received, Failure> {
    let mut request = request;
    let route = route(context, &request.url, false)?;
    let options = &context.state::<options::State>().0;
    if let Some(cookies) = options.cookies.as_ref().and_then(|jar| jar.header(&request.url))
        && !request.has("Cookie")
    {
        request.headers.push(("Cookie".to_owned(), cookies));
    }
    let (limit, line) = (options.limit, request.line());
    let socket = options.socket.clone();
    let error = match exchange(context.watch(), request.clone(), &route, (clock, limit))? {
        Ok(received) => return Ok(received),
        Err(error) => error,
    };
    Err(match (&error, &socket) {
        (SendError::Http(HttpError::Connect { error, .. }), Some(socket)) => no_socket(context, &line, socket, error),
        _ => explain_send(context, &line, &error),
    })
}

/// Returns the failure of a request through a Unix socket that accepts no connection.
fn no_socket(context: &Context, line: &str, socket: &str, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("{line} through socket {socket} failed: {}", place::plainly(error)));
    match error.kind() {
        ErrorKind::NotFound => place::around(context, socket, failure),
        ErrorKind::ConnectionRefused => failure.note(format!("no process listens on {socket}")),
        _ => failure,
    }
}

/// Why there is no response.
enum SendError {
    Http(HttpError),
    /// The connection was lost in the middle of the response; says what had come.
    Lost(HttpError, String),
    /// The time was over; says what had happened until then.
    TimeLimit(String),
}

/// Sends a request and waits for the response; the outer error is that the wait was cut short.
fn exchange(
    watch: &mut Watch,
    request: Request,
    route: &Route,
    time: (Stopwatch, Duration),
) -> Result<Result<Received, SendError>, Failure> {
    let what = format!("the response to {}", request.line());
    watch.waits_for(&what);
    watch.check()?;
    let mut exchange = match Exchange::start(request, route) {
        Ok(exchange) => exchange,
        Err(error) => return Ok(Err(SendError::Http(error))),
    };
    Ok(match watch.until_readable(&what, time, &mut exchange, Exchange::advance)? {
        Some(Ok(received)) => Ok(received),
        Some(Err(error @ HttpError::Lost(_))) if exchange.status().is_some() => {
            Err(SendError::Lost(error, exchange.progress()))
        }
        Some(Err(error)) => Err(SendError::Http(error)),
        None => Err(SendError::TimeLimit(exchange.progress())),
    })
}

/// Returns the failure of a request without a response.
fn explain_send(context: &mut Context, line: &str, error: &SendError) -> Failure {
    let failed = |error: &HttpError| Failure::new(format!("{line} failed: {error}"));
    let options = &context.state::<options::State>().0;
    match error {
        SendError::TimeLimit(progress) => {
            let limit = words::limit(options.limit);
            Failure::new(format!("{line} got no complete response within {limit}"))
                .note(progress.clone())
                .help("to allow more time, write `given HTTP requests may take 30 seconds` before this step")
        }
        SendError::Lost(error, progress) => failed(error).note(progress.clone()),
        SendError::Http(error) => explain(context, line, error),
    }
}

/// Returns the failure of a request that failed with an error.
pub(super) fn explain(context: &mut Context, line: &str, error: &HttpError) -> Failure {
    let failed = |error: &HttpError| Failure::new(format!("{line} failed: {error}"));
    match error {
        HttpError::Refused(addresses) => {
            note_refusals(addresses);
            failed(error)
        }
        HttpError::Certificate(fault) => explain_fault(context, failed(error), fault),
        HttpError::TlsExpected => failed(error).help("write the URL with `https://`"),
        HttpError::NoTls => failed(error).help("write the URL with `http://`"),
        HttpError::ClientCertificate => {
            failed(error).help("write `given HTTP client certificate CERTIFICATE with key KEY` before this step")
        }
        error => failed(error),
    }
}

/// Records refusals where the network is not seen: all failures name them, and what listens.
fn note_refusals(addresses: &[SocketAddr]) {
    if !ports::are_private() {
        addresses.iter().copied().for_each(attempts::record_refusal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_changes_the_method_and_leaves_out_what_is_for_one_server() {
        let after = |method: &str, status: u16, target: &str| {
            let mut request = Request::new(method, Url::parse("http://a/x").unwrap());
            request.body = b"b".to_vec();
            let headers = ["Authorization", "Content-Type", "X"];
            request.headers = headers.map(|name| (name.to_owned(), String::new())).to_vec();
            let next = redirected(request, status, Url::parse(target).unwrap());
            let names: Vec<String> = next.headers.into_iter().map(|(name, _)| name).collect();
            format!("{} {} {}", next.method, next.body.len(), names.join(" "))
        };
        assert_eq!(after("POST", 302, "http://a/y"), "GET 0 Authorization X");
        assert_eq!(after("PUT", 302, "http://a/y"), "PUT 1 Authorization Content-Type X");
        assert_eq!(after("PUT", 303, "http://a/y"), "GET 0 Authorization X");
        assert_eq!(after("HEAD", 303, "http://a/y"), "HEAD 1 Authorization Content-Type X");
        assert_eq!(after("POST", 307, "http://a:81/y"), "POST 1 Content-Type X");
        assert_eq!(after("POST", 308, "https://a/y"), "POST 1 Content-Type X");
    }
}
