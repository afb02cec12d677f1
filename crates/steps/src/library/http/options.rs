//! Steps about how requests are made, and what they say.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "tls")]
use greenroom_sandbox::process::http::{Identity, Tls, Trust};
use greenroom_sandbox::process::http::{Route, Url};

use super::cookies::Jar;
use super::{url, validity};
use crate::context::Context;
#[cfg(feature = "tls")]
use crate::library::bytes::Bytes;
#[cfg(not(feature = "tls"))]
use crate::library::feature::TLS;
use crate::library::limit;
#[cfg(feature = "tls")]
use crate::library::place;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// How long a request and its response may take, unless a step sets another limit.
const LIMIT: Duration = Duration::from_secs(5);

/// How the requests of a scenario are made.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Where relative URLs go.
    pub(super) base: Option<Url>,
    /// The Unix socket that requests go through, as the document names it.
    pub(super) socket: Option<String>,
    pub(super) limit: Duration,
    /// Headers of all requests.
    pub(super) headers: Vec<(String, String)>,
    /// Headers that requests must not have.
    pub(super) omitted: Vec<String>,
    /// Files with trusted certificates, as the document names them.
    pub(super) trusted: Vec<String>,
    pub(super) accepts_all: bool,
    /// The files of the client's certificate and of its key.
    pub(super) identity: Option<(String, String)>,
    /// Cookies, if they are kept.
    pub(super) cookies: Option<Jar>,
    pub(super) follows_redirects: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base: None,
            socket: None,
            limit: LIMIT,
            headers: Vec::new(),
            omitted: Vec::new(),
            trusted: Vec::new(),
            accepts_all: false,
            identity: None,
            cookies: None,
            follows_redirects: false,
        }
    }
}

/// The options of a scenario.
#[derive(Debug, Default)]
pub(super) struct State(pub(super) Options);

impl Options {
    /// Sets a header of all later requests.
    fn set_header(&mut self, name: &str, value: &str) {
        self.drop_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.omitted.retain(|known| !known.eq_ignore_ascii_case(name));
    }
}

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("http_requests_go_to", set_base, Check::With(validity::check_base))
        .step("http_requests_go_through_socket", set_socket, Check::With(validity::check_socket))
        .step("http_requests_may_take", set_limit, Check::With(validity::check_time))
        .step("http_set_header", set_header, Check::With(validity::check_option))
        .step("http_unset_header", unset_header, Check::With(validity::check_option))
        .step("http_set_user", set_user, Check::Nothing)
        .step("http_set_bearer_token", set_token, Check::With(validity::check_option))
        .step("http_trust", trust, Check::With(validity::check_certificates))
        .step("http_trust_all", |context, _| change(context, |options| options.accepts_all = true), Check::Nothing)
        .step("http_set_client_certificate", set_identity, Check::With(validity::check_certificates))
        .step("http_keep_cookies", keep_cookies, Check::Nothing)
        .step(
            "http_follow_redirects",
            |context, _| change(context, |options| options.follows_redirects = true),
            Check::Nothing,
        )
}

#[expect(clippy::unnecessary_wraps, reason = "it is the end of step functions")]
fn change(context: &mut Context, change: impl FnOnce(&mut Options)) -> StepResult {
    change(&mut context.state::<State>().0);
    Ok(())
}

fn set_base(context: &mut Context, captures: &Captures) -> StepResult {
    let base = url::parse(captures.text("url")?)?;
    change(context, |options| options.base = Some(base))
}

fn set_socket(context: &mut Context, captures: &Captures) -> StepResult {
    let socket = captures.text("socket")?.to_owned();
    change(context, |options| options.socket = Some(socket))
}

fn set_limit(context: &mut Context, captures: &Captures) -> StepResult {
    let limit = limit::of(captures)?;
    if limit.is_zero() {
        return Err(Failure::new(format!("invalid time limit: {} seconds", captures.text("limit")?)));
    }
    change(context, |options| options.limit = limit)
}

fn set_header(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, value) = (captures.text("header")?, captures.text("text")?);
    if let Some(error) = validity::header(name).or_else(|| validity::header_value(value)) {
        return Err(error);
    }
    change(context, |options| options.set_header(name, value))
}

fn unset_header(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("header")?;
    change(context, |options| {
        options.drop_header(name);
        options.omitted.push(name.to_owned());
    })
}

fn set_user(context: &mut Context, captures: &Captures) -> StepResult {
    let value = basic(&format!("{}:{}", captures.text("user")?, captures.text("password")?));
    change(context, |options| options.set_header("Authorization", &value))
}

fn set_token(context: &mut Context, captures: &Captures) -> StepResult {
    let token = captures.text("text")?;
    if let Some(error) = validity::header_value(token) {
        return Err(error);
    }
    change(context, |options| options.set_header("Authorization", &format!("Bearer {token}")))
}

/// Returns the value of a header with user and password.
pub(super) fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(user))
}

fn trust(context: &mut Context, captures: &Captures) -> StepResult {
    let file = captures.text("filename")?.to_owned();
    change(context, |options| {
        options.accepts_all = false;
        options.trusted.push(file);
    })
}

fn set_identity(context: &mut Context, captures: &Captures) -> StepResult {
    let identity = (captures.text("certificate")?.to_owned(), captures.text("key")?.to_owned());
    change(context, |options| options.identity = Some(identity))
}

fn keep_cookies(context: &mut Context, _: &Captures) -> StepResult {
    change(context, |options| options.cookies = Some(options.cookies.take().unwrap_or_default()))
}

/// Returns how a request to a URL gets to its server.
///
/// Without a step about certificates, none is trusted, or with `lenient` all are.
pub(super) fn route(context: &mut Context, url: &Url, lenient: bool) -> Result<Route, Failure> {
    let options = context.state::<State>().0.clone();
    let socket = options.socket.as_ref().map(|name| context.inside(name)).transpose()?;
    if url.scheme.is_secure() {
        return over_tls(context, &options, socket, lenient);
    }
    Ok(Route {
        socket,
        #[cfg(feature = "tls")]
        tls: None,
    })
}

#[cfg(not(feature = "tls"))]
fn over_tls(_: &Context, _: &Options, _: Option<PathBuf>, _: bool) -> Result<Route, Failure> {
    Err(TLS.failure())
}

#[cfg(feature = "tls")]
fn over_tls(context: &Context, options: &Options, socket: Option<PathBuf>, lenient: bool) -> Result<Route, Failure> {
    let mut trust = Trust::default();
    if options.accepts_all || lenient && options.trusted.is_empty() {
        trust = Trust::all();
    } else {
        for name in &options.trusted {
            let pem = content(context, name)?;
            trust
                .add(&pem)
                .map_err(|error| Failure::new(format!("cannot trust certificates of file {name}: {error}")))?;
        }
    }
    let identity = match &options.identity {
        None => None,
        Some((certificate, key)) => {
            let (own, private) = (content(context, certificate)?, content(context, key)?);
            Some(Identity::new(&own, &private).map_err(|error| unusable(certificate, key, &error.to_string()))?)
        }
    };
    let tls = Tls::new(trust, identity).map_err(|error| match &options.identity {
        Some((certificate, key)) => unusable(certificate, key, &error.to_string()),
        None => Failure::new(format!("cannot use the trusted certificates: {error}")),
    })?;
    Ok(Route { socket, tls: Some(tls) })
}

/// Returns how the requests of a wait get to their server.
///
/// A wait asks whether a server is ready, not who it is: without a step about certificates, all are
/// accepted.
///
/// # Errors
///
/// If certificates that a step names cannot be used.
pub(crate) fn route_of_wait(context: &mut Context, url: &str) -> Result<Route, Failure> {
    // What is not a URL is said by the wait.
    Url::parse(url).map_or_else(|_| Ok(Route::default()), |url| route(context, &url, true))
}

#[cfg(feature = "tls")]
fn unusable(certificate: &str, key: &str, reason: &str) -> Failure {
    Failure::new(format!("cannot use client certificate {certificate} with key {key}: {reason}"))
}

#[cfg(feature = "tls")]
fn content(context: &Context, name: &str) -> Result<Vec<u8>, Failure> {
    let file = place::read(context, name)?;
    Ok(Bytes::of(&file)?.all()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_set_once_and_may_be_left_out() {
        let mut options = Options::default();
        options.set_header("Accept", "a");
        options.set_header("accept", "b");
        assert_eq!(options.headers, [("accept".to_owned(), "b".to_owned())]);
        options.drop_header("ACCEPT");
        assert_eq!(options.headers, []);
    }

    #[test]
    fn user_and_password_are_encoded() {
        assert_eq!(basic("Aladdin:open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
