//! Readiness: an HTTP server answers with a status.

use std::fmt;
use std::time::Duration;

use super::readiness::Readiness;

/// The shortest and the longest time that a server has for one answer.
const SHORTEST_TRY: Duration = Duration::from_millis(100);
const LONGEST_TRY: Duration = Duration::from_secs(1);

/// Is met when a GET request is answered with a status. Redirects are not followed.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    url: String,
    status: u16,
    latest: Option<HttpAttempt>,
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
    /// There was no answer within this time.
    #[error("no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// The request failed.
    #[error("{0}")]
    Failed(String),
}

impl Http {
    /// Creates the condition.
    pub fn new(url: &str, status: u16) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build();
        Self { agent: ureq::Agent::new_with_config(config), url: url.to_owned(), status, latest: None }
    }

    fn request(&self, left: Duration) -> HttpAttempt {
        // The last look comes when the limit has passed, and must not take as long again.
        let limit = left.clamp(SHORTEST_TRY, LONGEST_TRY);
        match self.agent.get(&self.url).config().timeout_global(Some(limit)).build().call() {
            Ok(response) => HttpAttempt::Status(response.status().as_u16()),
            Err(ureq::Error::Timeout(_)) if left < LONGEST_TRY => HttpAttempt::OutOfTime,
            Err(ureq::Error::Timeout(_)) => HttpAttempt::NoAnswer(LONGEST_TRY),
            Err(ureq::Error::Io(error)) => HttpAttempt::Failed(error.to_string()),
            Err(error) => HttpAttempt::Failed(error.to_string()),
        }
    }
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to answer with status {}", self.url, self.status)
    }
}

impl Readiness for Http {
    type Found = ();

    fn look(&mut self, left: Duration) -> Option<()> {
        let attempt = self.request(left);
        if attempt == HttpAttempt::Status(self.status) {
            return Some(());
        }
        // The last, short try says less than the one before it.
        let says_less = left.is_zero() && attempt == HttpAttempt::OutOfTime && self.latest.is_some();
        if !says_less {
            self.latest = Some(attempt);
        }
        None
    }

    fn unmet(&self) -> String {
        format!("{} did not answer with status {}", self.url, self.status)
    }

    fn latest(&self) -> Option<String> {
        self.latest.as_ref().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_with_another_status_is_not_the_one_that_is_waited_for() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = Http::new(&format!("http://{}/", server.local_addr().unwrap()), 200);
        let serving = std::thread::spawn(move || {
            for status in ["503 Busy", "200 OK"] {
                let (mut connection, _) = server.accept().unwrap();
                assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
                write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        assert_eq!(http.look(Duration::from_secs(10)), None);
        assert_eq!(http.latest().as_deref(), Some("it answered with status 503"));
        assert_eq!(http.look(Duration::from_secs(10)), Some(()));
        serving.join().unwrap();
        assert_eq!(http.look(Duration::from_secs(10)), None);
        assert!(http.latest().unwrap().contains("Connection refused"));
    }
}
