//! Steps about server-sent events: opening a stream of them, and waiting for one.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::http::{Exchange, HttpError, Response as Received};

use super::event::{self, Event};
use super::options::{self, route};
use super::request::request;
use super::send::explain;
use super::state::Response;
use super::{show, validity};
use crate::context::Context;
use crate::library::limit;
use crate::library::place::list;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// How long a step waits for an event, unless it sets a limit.
const LIMIT: Duration = Duration::from_secs(5);
/// How many of the latest events a failure names.
const SHOWN: usize = 5;
/// How long to wait for the end of a response that is not a stream, to show all of it.
const END: Duration = Duration::from_millis(200);
/// The media type of a stream of events.
const TYPE: &str = "text/event-stream";
/// The longest data that a failure shows, in characters.
const LONGEST: usize = 100;

/// Returns the data of the event that the latest step waited for.
pub(crate) fn latest_event(context: &mut Context, name: &str) -> Result<Vec<u8>, Failure> {
    let stream = context.state::<Streams>().get(name)?;
    stream.latest.clone().map(String::into_bytes).ok_or_else(|| {
        let error = Failure::new(format!("no step has waited for an event of event stream {name}"));
        error.help(format!("write `when I wait for event stream {name} to send \"TEXT\"` before this step"))
    })
}

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("http_open_event_stream", open, Check::With(validity::check_stream))
        .step("http_wait_event", wait, Check::With(validity::check_named_stream))
        .step("http_close_event_stream", close, Check::With(validity::check_named_stream))
}

/// The open streams of a scenario, by name.
#[derive(Debug, Default)]
struct Streams(BTreeMap<String, EventStream>);

/// A response whose body has no end.
#[derive(Debug)]
struct EventStream {
    exchange: Exchange,
    /// How the response ended, once it has.
    end: Option<Result<Received, HttpError>>,
    /// Where the latest event that a step waited for ends.
    position: usize,
    /// The data of that event.
    latest: Option<String>,
}

impl EventStream {
    /// Takes what has come. Returns whether the stream has ended.
    fn advance(&mut self) -> bool {
        if self.end.is_none() {
            self.end = self.exchange.advance();
        }
        self.end.is_some()
    }

    fn status(&self) -> Option<u16> {
        match &self.end {
            Some(Ok(response)) => Some(response.status),
            _ => self.exchange.status(),
        }
    }

    fn content_type(&self) -> Option<&str> {
        match &self.end {
            Some(Ok(response)) => response.header("Content-Type").next(),
            _ => self.exchange.header("Content-Type"),
        }
    }

    /// Returns why this is not a stream of events, if it is not. Browsers refuse the same responses.
    fn refusal(&self) -> Option<String> {
        if self.status() != Some(200) {
            return Some("the status is not 200".to_owned());
        }
        let essence = self.content_type().map(|text| text.split(';').next().unwrap_or_default().trim());
        match essence {
            Some(essence) if essence.eq_ignore_ascii_case(TYPE) => None,
            Some(other) => Some(format!("its Content-Type is {other}, not {TYPE}")),
            None => Some(format!("it has no Content-Type, which must be {TYPE}")),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.end {
            Some(Ok(response)) => &response.body,
            _ => self.exchange.body(),
        }
    }

    /// Returns the events from a place on.
    fn events(&self, from: usize) -> impl Iterator<Item = Event> {
        let mut at = from;
        std::iter::from_fn(move || {
            let event = event::next(self.bytes(), at)?;
            at = event.end;
            Some(event)
        })
    }
}

impl AsFd for EventStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.exchange.as_fd()
    }
}

fn open(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("stream")?;
    let mut request = request(context, captures, "GET")?;
    if !request.has("Accept") {
        request.headers.push(("Accept".to_owned(), TYPE.to_owned()));
    }
    let line = request.line();
    let route = route(context, &request.url, false)?;
    let limit = context.state::<options::State>().0.limit;
    let exchange = match Exchange::start(request, &route) {
        Ok(exchange) => exchange,
        Err(error) => return Err(explain(context, &line, &error)),
    };
    let mut stream = EventStream { exchange, end: None, position: 0, latest: None };
    let what = format!("the response to {line}");
    let clock = context.watch().stopwatch();
    // A stream has no end; anything else is shown as a whole.
    context.watch().until_readable(&what, (clock, limit), &mut stream, |stream| {
        let has_ended = stream.advance();
        (has_ended || stream.status() == Some(200)).then_some(())
    })?;
    let Some(refusal) = stream.refusal() else {
        context.state::<Streams>().0.insert(name.to_owned(), stream);
        return Ok(());
    };
    if stream.end.is_none() && stream.status() == Some(200) {
        // What it is instead says why.
        let clock = context.watch().stopwatch();
        context.watch().until_readable(&what, (clock, END), &mut stream, |stream| stream.advance().then_some(()))?;
    }
    let refused = Failure::new(format!("event stream {name} was not opened: {refusal}"));
    let took = clock.elapsed(context.watch());
    let progress = stream.exchange.progress();
    Err(match stream.end {
        Some(Ok(received)) => {
            let response = Response::new(received, Vec::new(), took)?;
            show::with_response(&response, refused)
        }
        Some(Err(error)) => explain(context, &line, &error),
        None if stream.status().is_some() => refused.note(format!("{line} was answered with status 200")),
        None => Failure::new(format!("{line} got no response within {}", words::limit(limit))).note(progress),
    })
}

fn wait(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, text) = (captures.text("stream")?, captures.text("text")?);
    let limit = match captures.get("limit") {
        None => LIMIT,
        Some(_) => limit::of(captures)?,
    };
    let (streams, watch) = context.state_and_watch::<Streams>();
    let stream = streams.get(name)?;
    let what = format!("event stream {name} to send `{text}`");
    let from = stream.position;
    let mut seen = from;
    let clock = watch.stopwatch();
    let found = watch.until_readable(&what, (clock, limit), stream, |stream| {
        let has_ended = stream.advance();
        let mut new = stream.events(seen).inspect(|event| seen = event.end);
        let event = new.find(|event| event.data.contains(text));
        (event.is_some() || has_ended).then_some(event)
    })?;
    if let Some(Event { end, data, .. }) = found.flatten() {
        stream.position = end;
        stream.latest = Some(data);
        return Ok(());
    }
    let error = Failure::new(match &stream.end {
        Some(Ok(_)) => format!("event stream {name} ended without an event with `{text}`"),
        Some(Err(error)) => format!("event stream {name} failed without an event with `{text}`: {error}"),
        None => format!("event stream {name} sent no event with `{text}` within {}", words::limit(limit)),
    });
    let is_behind = stream.events(0).take_while(|event| event.end <= from).any(|event| event.data.contains(text));
    let error = if is_behind {
        error.note("an event with it came before the one that the latest step waited for")
    } else {
        error
    };
    let (mut count, mut latest) = (0, VecDeque::new());
    for event in stream.events(from) {
        count += 1;
        latest.push_back(event);
        // There may be millions.
        if latest.len() > SHOWN {
            latest.pop_front();
        }
    }
    let error = match count {
        0 if from > 0 => error.note("it has sent no event since the one that the latest step waited for"),
        0 => error.note("it has sent no event"),
        count if count > SHOWN => error.note(format!("it has sent {count} other events, at last these:")),
        _ => error.note("it has sent these events:"),
    };
    Err(latest.iter().fold(error, |error, event| {
        let data: String = event.data.chars().take(LONGEST).collect();
        let more = if data.len() < event.data.len() { "…" } else { "" };
        error.note(format!("{}: {data:?}{more}", event.kind))
    }))
}

fn close(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("stream")?;
    let streams = context.state::<Streams>();
    streams.get(name)?;
    streams.0.remove(name);
    Ok(())
}

impl Streams {
    /// Returns the stream of this name.
    fn get(&mut self, name: &str) -> Result<&mut EventStream, Failure> {
        let names: Vec<String> = self.0.keys().cloned().collect();
        self.0.get_mut(name).ok_or_else(|| {
            let error = Failure::new(format!("no event stream {name} is open"));
            if names.is_empty() { error } else { error.note(format!("open are {}", list(&names))) }
        })
    }
}
