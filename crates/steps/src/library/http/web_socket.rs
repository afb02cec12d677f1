//! Steps about WebSockets: opening one, sending, waiting for messages, and how it is closed.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::http::{
    Handshake, HandshakeError, HttpError, MESSAGE_LIMIT, Message, WebSocket, WebSocketClose, WebSocketEnd,
};
use regex::bytes::Regex;

use super::options::{self, route};
use super::request::request_to;
use super::send::explain;
use super::state::Response;
use super::url::Kind;
use super::{show, validity};
use crate::context::Context;
use crate::library::bytes::regex;
use crate::library::limit;
use crate::library::place::list;
use crate::look::{Look, Prospect};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// How long a step waits for a message or a close, unless it sets a limit.
const LIMIT: Duration = Duration::from_secs(5);
/// How many of the latest messages a failure names.
const SHOWN: usize = 5;
/// The longest text of a message that a failure shows, in characters.
const LONGEST: usize = 100;
/// How many bytes of messages are kept.
const KEPT: usize = 64 << 20;
/// What a message takes beside its bytes, more or less.
const OVERHEAD: usize = 64;
/// The code of an end without a close, and of a close without a code.
const WITHOUT_CLOSE: u16 = 1006;
const WITHOUT_CODE: u16 = 1005;

/// Returns the message that the latest step waited for.
pub(crate) fn latest_message(context: &mut Context, name: &str) -> Result<Vec<u8>, Failure> {
    let client = context.state::<Clients>().get(name)?;
    let latest = client.inbox.seen.checked_sub(1).and_then(|at| client.inbox.messages.get(at));
    latest.map(|message| message.bytes().to_owned()).ok_or_else(|| {
        let error = Failure::new(format!("no step has waited for a message of WebSocket {name}"));
        error.help(format!("write `when I wait for WebSocket {name} to send \"TEXT\"` before this step"))
    })
}

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let check = || Check::With(validity::check_named_web_socket);
    library
        .step("http_open_web_socket", open, Check::With(validity::check_web_socket))
        .step("http_send_web_socket", send, check())
        .step(
            "http_wait_web_socket",
            |context, captures| wait(context, captures, &Wanted::Containing(captures.text("text")?)),
            check(),
        )
        .step(
            "http_wait_web_socket_exactly",
            |context, captures| wait(context, captures, &Wanted::Equal(captures.text("text")?)),
            check(),
        )
        .step(
            "http_wait_web_socket_regex",
            |context, captures| wait(context, captures, &Wanted::Matching(regex(captures.text("regex")?)?)),
            check(),
        )
        .step("http_wait_web_socket_close", wait_for_close, check())
        .step("http_close_web_socket", close, check())
        .step("http_web_socket_is_open", is_open, check())
        .step("http_web_socket_is_closed", is_closed, check())
        .looks(Look::LiveUntil(until_the_end), &["http_web_socket_is_open", "http_web_socket_is_closed"])
}

/// The WebSockets of a scenario, by name.
#[derive(Debug, Default)]
struct Clients(BTreeMap<String, Client>);

/// A WebSocket, with what it has received.
#[derive(Debug)]
struct Client {
    name: String,
    /// Where it was opened.
    url: String,
    socket: WebSocket,
    inbox: Inbox,
}

/// The messages of a WebSocket.
#[derive(Debug, Default)]
struct Inbox {
    /// The messages, without the oldest ones if they are too large.
    messages: VecDeque<Message>,
    /// What they take in memory, in bytes.
    size: usize,
    /// How many of them are at or before the one that a step waited for.
    seen: usize,
    /// How many were dropped that no step had seen.
    dropped: usize,
}

impl Inbox {
    /// Adds a message.
    fn push(&mut self, message: Message) {
        self.size += message.bytes().len() + OVERHEAD;
        self.messages.push_back(message);
        // The latest one may be what a step waits for.
        while self.size > KEPT
            && self.messages.len() > 1
            && let Some(oldest) = self.messages.pop_front()
        {
            self.size -= oldest.bytes().len() + OVERHEAD;
            self.dropped += usize::from(self.seen == 0);
            self.seen = self.seen.saturating_sub(1);
        }
    }
}

/// The message that a step waits for.
enum Wanted<'a> {
    Containing(&'a str),
    Equal(&'a str),
    Matching(Regex),
}

impl Wanted<'_> {
    fn is(&self, message: &Message) -> bool {
        let bytes = message.bytes();
        match self {
            Self::Containing(text) => greenroom_sandbox::process::capture::find(bytes, text.as_bytes()).is_some(),
            Self::Equal(text) => bytes == text.as_bytes(),
            Self::Matching(regex) => regex.is_match(bytes),
        }
    }

    /// Returns what follows "a message": `with ...`.
    fn words(&self) -> String {
        match self {
            Self::Containing(text) => format!("with `{text}`"),
            Self::Equal(text) => format!("that is exactly `{text}`"),
            Self::Matching(regex) => format!("that matches /{regex}/"),
        }
    }
}

impl Client {
    /// Takes what has come, up to the first message after which `take` breaks.
    fn advance(&mut self, mut take: impl FnMut(&Message) -> ControlFlow<()>) {
        let Self { socket, inbox, .. } = self;
        socket.advance(|message| {
            let goes_on = take(&message);
            inbox.push(message);
            goes_on
        });
    }

    /// Takes all that has come.
    fn advance_all(&mut self) {
        self.advance(|_| ControlFlow::Continue(()));
    }

    /// Says how it has ended, if it has: `it was closed by the server with code 1000`.
    fn end_words(&self) -> Option<String> {
        Some(match self.socket.end()? {
            WebSocketEnd::Closed(close) => close_words(close),
            WebSocketEnd::Failed(error) => error.to_string(),
        })
    }

    /// Adds where it was opened, and the latest messages behind those that steps have waited for.
    fn explain(&self, error: Failure) -> Failure {
        let unseen = self.inbox.messages.iter().skip(self.inbox.seen);
        let error = match unseen.len() {
            0 if self.inbox.seen > 0 => {
                error.note("it has sent no message since the one that the latest step waited for")
            }
            0 => error.note("it has sent no message"),
            count if count > SHOWN => error.note(format!("it has sent {count} other messages, at last these:")),
            _ => error.note("it has sent these messages:"),
        };
        let latest = unseen.skip(self.inbox.messages.len().saturating_sub(self.inbox.seen + SHOWN));
        let error = latest.fold(error, |error, message| error.note(shown(message)));
        let error = match self.inbox.dropped {
            0 => error,
            count => error.note(format!("{count} messages before them were not kept, because all were too large")),
        };
        let error = match (self.socket.end(), self.socket.progress()) {
            (None, Some(progress)) => error.note(progress),
            _ => error,
        };
        let error = match self.socket.pings() {
            0 => error,
            1 => error.note("it has sent a ping"),
            count => error.note(format!("it has sent {count} pings")),
        };
        error.note(format!("it was opened at {}", self.url))
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn close_words(close: &WebSocketClose) -> String {
    let side = if close.is_answer { "by this client" } else { "by the server" };
    let code = close.code.map_or_else(|| "without a code".to_owned(), |code| format!("with code {code}"));
    let reason = if close.reason.is_empty() { String::new() } else { format!(" and reason {:?}", close.reason) };
    format!("it was closed {side} {code}{reason}")
}

/// Returns a message as failures show it.
fn shown(message: &Message) -> String {
    match message {
        Message::Text(text) => {
            let start: String = text.chars().take(LONGEST).collect();
            let more = if start.len() < text.len() { "…" } else { "" };
            format!("{start:?}{more}")
        }
        Message::Binary(bytes) => {
            let start = bytes[..bytes.len().min(LONGEST)].escape_ascii();
            let more = if bytes.len() > LONGEST { "…" } else { "" };
            format!("{} bytes: \"{start}\"{more}", bytes.len())
        }
    }
}

fn open(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("socket")?;
    let mut request = request_to(context, captures, "GET", Kind::WebSocket)?;
    let url = request.url.clone();
    let line = request.line();
    let route = route(context, &url, false)?;
    let options = &context.state::<options::State>().0;
    if let Some(cookies) = options.cookies.as_ref().and_then(|jar| jar.header(&url))
        && !request.has("Cookie")
    {
        request.headers.push(("Cookie".to_owned(), cookies));
    }
    let limit = options.limit;
    let mut handshake = match Handshake::start(request, &route) {
        Ok(handshake) => handshake,
        Err(error) => return Err(explain_opening(context, &line, &error)),
    };
    let what = format!("the response to {line}");
    let clock = context.watch().stopwatch();
    let answer = context.watch().until_readable(&what, (clock, limit), &mut handshake, Handshake::advance)?;
    let received = match answer {
        Some(Ok(received)) => received,
        Some(Err(error)) => return Err(explain_opening(context, &line, &error)),
        None => {
            let error = Failure::new(format!("{line} got no complete response within {}", words::limit(limit)));
            return Err(error.note(handshake.progress()));
        }
    };
    let took = clock.elapsed(context.watch());
    if let Some(jar) = &mut context.state::<options::State>().0.cookies {
        jar.keep(received.header("Set-Cookie"), &url);
    }
    let not_opened = |reason: &str| Failure::new(format!("WebSocket {name} was not opened: {reason}"));
    match handshake.finish(&received) {
        Ok(socket) => {
            let client = Client { name: name.to_owned(), url: url.to_string(), socket, inbox: Inbox::default() };
            context.state::<Clients>().0.insert(name.to_owned(), client);
            Ok(())
        }
        Err(HandshakeError::Refused) => {
            let response = Response::new(received, Vec::new(), took)?;
            Err(show::with_response(&response, not_opened("the status is not 101")))
        }
        Err(HandshakeError::Invalid(reason)) => {
            let response = Response::new(received, Vec::new(), took)?;
            let reason = format!("the response does not follow the protocol: {reason}");
            Err(show::with_status(&response, not_opened(&reason)))
        }
        Err(HandshakeError::Failed(error)) => Err(explain_opening(context, &line, &error)),
    }
}

fn explain_opening(context: &mut Context, line: &str, error: &HttpError) -> Failure {
    let failed = || Failure::new(format!("{line} failed: {error}"));
    match error {
        HttpError::TlsExpected => failed().help("write the URL with `wss://`"),
        HttpError::NoTls => failed().help("write the URL with `ws://`"),
        error => explain(context, line, error),
    }
}

fn send(context: &mut Context, captures: &Captures) -> StepResult {
    let embedded;
    let text = if let Some(name) = captures.get("embedded") {
        embedded = context.embedded_file(name)?;
        &embedded.text
    } else if let Some(json) = captures.get("json") {
        if let Some((error, _)) = validity::json(json) {
            return Err(error);
        }
        json
    } else {
        captures.text("text")?
    };
    if text.len() > MESSAGE_LIMIT {
        return Err(Failure::new(format!("the message is larger than {} MiB, the limit", MESSAGE_LIMIT >> 20)));
    }
    let text = text.to_owned();
    let limit = context.state::<options::State>().0.limit;
    let (clients, watch) = context.state_and_watch::<Clients>();
    let client = clients.get(captures.text("socket")?)?;
    // A close that has come already is seen here, not by a send that the server ignores.
    client.advance_all();
    let ended = |client: &Client| {
        let end = client.end_words()?;
        Some(client.explain(Failure::new(format!("cannot send to WebSocket {}: {end}", client.name))))
    };
    if let Some(error) = ended(client) {
        return Err(error);
    }
    client.socket.send(&text);
    if client.socket.has_failed_to_send() {
        client.advance_all();
        return Err(ended(client).unwrap_or_else(|| {
            client.explain(Failure::new(format!("cannot send to WebSocket {}: the connection is lost", client.name)))
        }));
    }
    let what = format!("WebSocket {} to take a message", client.name);
    let clock = watch.stopwatch();
    watch.until_readable(&what, (clock, limit), client, |client| {
        // What was sent at once is not waited for: the server may end the connection as its answer.
        if client.socket.has_unsent() {
            client.advance_all();
        }
        (!client.socket.has_unsent() || client.socket.end().is_some()).then_some(())
    })?;
    if !client.socket.has_unsent() {
        return Ok(());
    }
    Err(ended(client).unwrap_or_else(|| {
        let message = format!("WebSocket {} did not take a message of {} bytes", client.name, text.len());
        client.explain(Failure::new(format!("{message} within {}", words::limit(limit))))
    }))
}

fn wait(context: &mut Context, captures: &Captures, wanted: &Wanted<'_>) -> StepResult {
    let limit = wait_limit(captures)?;
    let (clients, watch) = context.state_and_watch::<Clients>();
    let client = clients.get(captures.text("socket")?)?;
    // Messages may have come while other steps looked.
    if let Some(at) = client.inbox.messages.iter().skip(client.inbox.seen).position(|message| wanted.is(message)) {
        client.inbox.seen += at + 1;
        return Ok(());
    }
    let name = client.name.clone();
    let what = format!("WebSocket {name} to send a message {}", wanted.words());
    let clock = watch.stopwatch();
    let found = watch.until_readable(&what, (clock, limit), client, |client| {
        let mut is_found = false;
        client.advance(|message| {
            is_found = wanted.is(message);
            if is_found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (is_found || client.socket.end().is_some()).then_some(is_found)
    })?;
    if found == Some(true) {
        client.inbox.seen = client.inbox.messages.len();
        return Ok(());
    }
    let error = Failure::new(match client.end_words() {
        Some(end) => format!("WebSocket {name} sent no message {}: {end}", wanted.words()),
        None => format!("WebSocket {name} sent no message {} within {}", wanted.words(), words::limit(limit)),
    });
    let error = if client.inbox.messages.iter().take(client.inbox.seen).any(|message| wanted.is(message)) {
        error.note("such a message came before the one that the latest step waited for")
    } else {
        error
    };
    Err(client.explain(error))
}

fn wait_for_close(context: &mut Context, captures: &Captures) -> StepResult {
    let limit = wait_limit(captures)?;
    let (clients, watch) = context.state_and_watch::<Clients>();
    let client = clients.get(captures.text("socket")?)?;
    let name = client.name.clone();
    let clock = watch.stopwatch();
    watch.until_readable(&format!("WebSocket {name} to close"), (clock, limit), client, until_closed)?;
    match client.socket.end() {
        Some(WebSocketEnd::Closed(_)) => Ok(()),
        Some(WebSocketEnd::Failed(error)) => {
            let error = Failure::new(format!("WebSocket {name} was not closed: {error}"));
            Err(client.explain(error))
        }
        None => {
            let error =
                Failure::new(format!("the server did not close WebSocket {name} within {}", words::limit(limit)));
            Err(client.explain(error))
        }
    }
}

fn close(context: &mut Context, captures: &Captures) -> StepResult {
    let limit = context.state::<options::State>().0.limit;
    let (clients, watch) = context.state_and_watch::<Clients>();
    let client = clients.get(captures.text("socket")?)?;
    let name = client.name.clone();
    client.socket.close();
    let clock = watch.stopwatch();
    let what = format!("the server to confirm the close of WebSocket {name}");
    watch.until_readable(&what, (clock, limit), client, until_closed)?;
    match client.socket.end() {
        Some(WebSocketEnd::Closed(_)) => Ok(()),
        Some(WebSocketEnd::Failed(error)) => {
            let error = Failure::new(format!("WebSocket {name} was not closed properly: {error}"));
            Err(client.explain(error))
        }
        None => {
            let limit = words::limit(limit);
            let error =
                Failure::new(format!("the server did not confirm the close of WebSocket {name} within {limit}"));
            Err(client.explain(error))
        }
    }
}

/// Takes all that has come. Returns whether the WebSocket has ended.
fn until_closed(client: &mut Client) -> Option<()> {
    client.advance_all();
    client.socket.end().map(|_| ())
}

/// Returns the limit of a step that waits.
fn wait_limit(captures: &Captures) -> Result<Duration, Failure> {
    if captures.get("limit").is_some() { limit::of(captures) } else { Ok(LIMIT) }
}

fn is_open(context: &mut Context, captures: &Captures) -> StepResult {
    let client = context.state::<Clients>().get(captures.text("socket")?)?;
    client.advance_all();
    match client.end_words() {
        None => Ok(()),
        Some(end) => {
            let error = Failure::new(format!("WebSocket {} is not open: {end}", client.name));
            Err(client.explain(error))
        }
    }
}

fn is_closed(context: &mut Context, captures: &Captures) -> StepResult {
    let code: u16 = captures.number("code")?;
    let client = context.state::<Clients>().get(captures.text("socket")?)?;
    client.advance_all();
    let name = &client.name;
    let (actual, reason) = match client.socket.end() {
        None => {
            let error = Failure::new(format!("WebSocket {name} is not closed"));
            let error = error.help("to wait for that, write `within 5 seconds` in front of this step");
            return Err(client.explain(error));
        }
        Some(WebSocketEnd::Closed(close)) => (close.code.unwrap_or(WITHOUT_CODE), close.reason.as_str()),
        Some(WebSocketEnd::Failed(_)) => (WITHOUT_CLOSE, ""),
    };
    if actual != code {
        let end = client.end_words().unwrap_or_default();
        let error = Failure::new(format!("WebSocket {name} is not closed with code {code}: {end}"));
        return Err(client.explain(error));
    }
    match captures.get("text") {
        Some(expected) if expected != reason => {
            let what = format!("the reason for the close of WebSocket {name}");
            Err(client.explain(Failure::comparison(&what, Relation::Is, expected, reason)))
        }
        _ => Ok(()),
    }
}

/// A WebSocket that has ended stays so.
fn until_the_end(context: &mut Context, captures: &Captures) -> Prospect {
    let name = captures.get("socket").unwrap_or_default();
    let Ok(client) = context.state::<Clients>().get(name) else {
        return Prospect::Closed(format!("there is no WebSocket {name}"));
    };
    match client.socket.end() {
        Some(_) => Prospect::Closed(format!("WebSocket {name} has ended")),
        None => Prospect::Open(None),
    }
}

impl Clients {
    /// Returns the WebSocket of this name.
    fn get(&mut self, name: &str) -> Result<&mut Client, Failure> {
        let names: Vec<String> = self.0.keys().cloned().collect();
        self.0.get_mut(name).ok_or_else(|| {
            let error = Failure::new(format!("no step has opened a WebSocket {name}"));
            if names.is_empty() { error } else { error.note(format!("opened are {}", list(&names))) }
        })
    }
}
