//! Readiness: an HTTP server answers with a status.
//!
//! A request may take as long as the wait, since a server may be slow with its first answer. When it
//! gets no answer, another one is made beside it after one second, then after two more, then four: a
//! server may have lost the first.
//!
//! Requests follow each other after 10 ms at first, then after half as long again each time, and
//! every 200 ms in the end, so that they do not bury the log of the server. Nothing is logged where
//! nothing listens, so a refused connection is always tried again after 10 ms.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::readiness::Readiness;
use crate::process::http::{CertificateFault, Exchange, HttpError, Request, Route, Url};
use crate::process::wait::plain;

/// The pause before the second request, and the longest before any.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// After this long without an answer, a second request is made beside the first.
const FIRST_DOUBT: Duration = Duration::from_secs(1);
/// A fast server answers within this time.
const AT_ONCE: Duration = Duration::from_millis(2);
/// How long a request takes at least that is made when the limit has passed.
const SHORTEST_TRY: Duration = Duration::from_millis(100);

/// Is met when a GET request is answered, with a status or with any. Redirects are not followed.
#[derive(Debug)]
pub struct Http {
    url: String,
    /// The status; `None` for any.
    status: Option<u16>,
    route: Route,
    latest: Option<HttpAttempt>,
    /// Requests without an answer so far.
    pending: Vec<Exchange>,
    /// When the next request is made, unless one is pending.
    next: Option<Instant>,
    pause: Duration,
    /// When a request is made beside those that are pending.
    doubt: Option<Instant>,
    patience: Duration,
}

/// What the latest request came to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpAttempt {
    /// The server answered with this status.
    #[error("it answered with status {0}")]
    Status(u16),
    /// There was no answer before the end of the wait.
    #[error("no answer before the time limit")]
    OutOfTime,
    /// The connection was refused.
    #[error("{0}")]
    Refused(String),
    /// The certificate of the server is not accepted.
    #[error("{0}")]
    Certificate(CertificateFault),
    /// The request failed.
    #[error("{0}")]
    Failed(String),
}

impl Http {
    /// Creates the condition that a URL is answered with a status.
    ///
    /// A URL with https needs [`Http::by`].
    pub fn new(url: &str, status: u16) -> Self {
        Self::with(url, Some(status))
    }

    /// Creates the condition that a URL is answered, with any status.
    ///
    /// A URL with https needs [`Http::by`].
    pub fn any_status(url: &str) -> Self {
        Self::with(url, None)
    }

    fn with(url: &str, status: Option<u16>) -> Self {
        Self {
            url: url.to_owned(),
            status,
            route: Route::default(),
            latest: None,
            pending: Vec::new(),
            next: None,
            pause: FIRST_PAUSE,
            doubt: None,
            patience: FIRST_DOUBT,
        }
    }

    /// Sends the requests on this way: through a Unix socket, or over TLS.
    #[must_use]
    pub fn by(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// Returns what the latest request came to.
    pub fn attempt(&self) -> Option<&HttpAttempt> {
        self.latest.as_ref()
    }

    /// Starts a request, or says why none can be made.
    fn request(&mut self) -> Option<HttpAttempt> {
        let url = match Url::parse(&self.url) {
            Ok(url) => url,
            Err(error) => return Some(HttpAttempt::Failed(format!("invalid URL: {error}"))),
        };
        match Exchange::start(Request::new("GET", url), &self.route) {
            Ok(exchange) => {
                self.pending.push(exchange);
                None
            }
            Err(error) => Some(attempt_of(&error)),
        }
    }

    /// Takes the answers that have come; waits `limit` for one.
    fn take_answers(&mut self, limit: Duration) -> Vec<HttpAttempt> {
        let end = Instant::now() + limit;
        loop {
            let mut answers = Vec::new();
            self.pending.retain_mut(|exchange| {
                let result = exchange.advance();
                // The status says enough; the body may have no end.
                let answer = match (exchange.status(), result) {
                    (Some(status), _) => HttpAttempt::Status(status),
                    (None, Some(Ok(response))) => HttpAttempt::Status(response.status),
                    (None, Some(Err(error))) => attempt_of(&error),
                    (None, None) => return true,
                };
                answers.push(answer);
                false
            });
            let fds: Vec<BorrowedFd<'_>> = self.pending.iter().map(AsFd::as_fd).collect();
            if !answers.is_empty() || fds.is_empty() || limit.is_zero() || !plain::readable(&fds, end) {
                return answers;
            }
        }
    }

    /// Starts a request if one is due, and returns how long its answer is worth waiting for.
    fn request_if_due(&mut self, left: Duration) -> Duration {
        let now = Instant::now();
        let is_due = |moment: Option<Instant>| moment.is_none_or(|moment| now >= moment);
        if self.pending.is_empty() && (is_due(self.next) || left.is_zero()) {
            self.patience = FIRST_DOUBT;
        } else if !self.pending.is_empty() && is_due(self.doubt) && !left.is_zero() {
            self.patience *= 2;
        } else {
            return if left.is_zero() { SHORTEST_TRY } else { Duration::ZERO };
        }
        self.doubt = Some(now + self.patience);
        if let Some(failed) = self.request() {
            self.note(failed);
        }
        if left.is_zero() { SHORTEST_TRY } else { AT_ONCE }
    }
}

impl Http {
    /// Notes what a request came to, and when the next one is due.
    fn note(&mut self, answer: HttpAttempt) {
        if matches!(answer, HttpAttempt::Refused(_)) {
            self.pause = FIRST_PAUSE;
        }
        self.next = Some(Instant::now() + self.pause);
        if !matches!(answer, HttpAttempt::Refused(_)) {
            self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        }
        self.latest = Some(answer);
    }
}

/// Returns what a failed request came to.
fn attempt_of(error: &HttpError) -> HttpAttempt {
    match error {
        HttpError::Certificate(fault) => HttpAttempt::Certificate(fault.clone()),
        HttpError::Refused(_) => HttpAttempt::Refused(error.to_string()),
        error => HttpAttempt::Failed(error.to_string()),
    }
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} to answer with status {status}", self.url),
            None => write!(f, "{} to answer", self.url),
        }
    }
}

impl Readiness for Http {
    type Found = ();

    fn look(&mut self, left: Duration) -> Option<()> {
        let worth = self.request_if_due(left);
        for answer in self.take_answers(worth) {
            if let HttpAttempt::Status(actual) = answer
                && self.status.is_none_or(|status| status == actual)
            {
                return Some(());
            }
            self.note(answer);
        }
        if left.is_zero() && !self.pending.is_empty() && !matches!(self.latest, Some(HttpAttempt::Status(_))) {
            self.latest = Some(HttpAttempt::OutOfTime);
        }
        None
    }

    fn unmet(&self) -> String {
        match self.status {
            Some(status) => format!("{} did not answer with status {status}", self.url),
            None => format!("{} did not answer", self.url),
        }
    }

    fn latest(&self) -> Option<String> {
        self.latest.as_ref().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn an_answer_with_another_status_is_not_the_one_that_is_waited_for() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = Http::new(&format!("http://{}/", server.local_addr().unwrap()), 200);
        let serving = thread::spawn(move || {
            for status in ["503 Busy", "200 OK"] {
                let (mut connection, _) = server.accept().unwrap();
                assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
                write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        let look_until = |http: &mut Http, text: &str| {
            while http.look(Duration::from_secs(10)).is_none() {
                if http.latest().is_some_and(|latest| latest.contains(text)) {
                    return false;
                }
            }
            true
        };
        assert!(!look_until(&mut http, "it answered with status 503"));
        assert!(look_until(&mut http, "no such text"));
        serving.join().unwrap();
        assert!(!look_until(&mut http, "connection refused"));
    }

    #[test]
    fn requests_follow_each_other_more_and_more_slowly() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = Http::new(&format!("http://{}/", server.local_addr().unwrap()), 200);
        let serving = thread::spawn(move || {
            let mut times = Vec::new();
            for number in 0..12 {
                let (mut connection, _) = server.accept().unwrap();
                times.push(Instant::now());
                assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
                let status = if number < 11 { "503 Busy" } else { "200 OK" };
                write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
            times
        });
        while http.look(Duration::from_secs(10)).is_none() {}
        let times = serving.join().unwrap();
        let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let least = [10, 15, 22, 33, 50, 75, 113, 170, 200, 200, 200];
        for (pause, least) in pauses.iter().zip(least) {
            assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
        }
    }

    #[test]
    fn a_server_that_lost_a_request_gets_another_one() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = Http::new(&format!("http://{}/", server.local_addr().unwrap()), 200);
        let serving = thread::spawn(move || {
            let (lost, _) = server.accept().unwrap();
            let (mut connection, _) = server.accept().unwrap();
            assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
            write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            lost
        });
        while http.look(Duration::from_secs(10)).is_none() {}
        serving.join().unwrap();
    }
}
