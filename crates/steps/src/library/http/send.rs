//! Sends a request and waits for the response, within the limits of the scenario.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use greenroom_event::words;
use greenroom_sandbox::process::http::{Exchange, HttpError, Request, Route};
use greenroom_sandbox::process::{Watch, attempts, ports};

use super::state::Response;
use crate::context::Context;
use crate::step::Failure;

/// How long a request and its response may take, unless a step sets another limit.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Sends a request and returns the response.
pub(super) fn send(context: &mut Context, request: Request) -> Result<Response, Failure> {
    let line = request.line();
    let watch = context.watch();
    let clock = watch.stopwatch();
    match exchange(watch, request, &Route::default(), LIMIT)? {
        Ok(received) => Ok(Response::new(received, clock.elapsed(watch))),
        Err(error) => Err(explain(&line, &error)),
    }
}

/// Why there is no response.
enum SendError {
    Http(HttpError),
    /// The time was over; says what had happened until then.
    TimeLimit(Duration, String),
}

/// Sends a request and waits for the response; the outer error is that the wait was cut short.
fn exchange(
    watch: &mut Watch,
    request: Request,
    route: &Route,
    limit: Duration,
) -> Result<Result<greenroom_sandbox::process::http::Response, SendError>, Failure> {
    let what = format!("the response to {}", request.line());
    watch.waits_for(&what);
    watch.check()?;
    let clock = watch.stopwatch();
    let mut exchange = match Exchange::start(request, route) {
        Ok(exchange) => exchange,
        Err(error) => return Ok(Err(SendError::Http(error))),
    };
    let mut announced = false;
    loop {
        if let Some(result) = exchange.advance() {
            return Ok(result.map_err(SendError::Http));
        }
        let elapsed = clock.elapsed(watch);
        if elapsed >= limit {
            return Ok(Err(SendError::TimeLimit(limit, exchange.progress())));
        }
        if !announced && elapsed >= Watch::ANNOUNCE_AFTER {
            announced = true;
            watch.tell(&what, limit);
        }
        let next = if announced { limit } else { limit.min(Watch::ANNOUNCE_AFTER) };
        watch.readable(&[exchange.fd()], Instant::now() + next.saturating_sub(elapsed))?;
    }
}

/// Returns the failure of a request without a response.
fn explain(line: &str, error: &SendError) -> Failure {
    match error {
        SendError::TimeLimit(limit, progress) => {
            Failure::new(format!("{line} got no complete response within {}", words::limit(*limit)))
                .note(progress.clone())
                .help("to allow more time, write `given HTTP requests may take 30 seconds` before this step")
        }
        SendError::Http(error) => {
            if let HttpError::Refused(addresses) = error {
                note_refusals(addresses);
            }
            Failure::new(format!("{line} failed: {error}"))
        }
    }
}

/// Records refusals where the network is not seen: all failures name them, and what listens.
fn note_refusals(addresses: &[SocketAddr]) {
    if !ports::are_private() {
        addresses.iter().copied().for_each(attempts::record_refusal);
    }
}
