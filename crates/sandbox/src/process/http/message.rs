//! Requests and responses.

use std::time::Duration;

use super::decoder::{Head, values};
use super::url::Url;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Where it goes.
    pub url: Url,
    /// Its headers, besides those that a client always sends.
    pub headers: Vec<(String, String)>,
    /// Headers that a client always sends, and this request does not.
    pub omitted: Vec<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// Creates a request without headers and body.
    pub fn new(method: &str, url: Url) -> Self {
        Self { method: method.to_owned(), url, headers: Vec::new(), omitted: Vec::new(), body: Vec::new() }
    }

    /// Whether it has a header.
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Returns the name of the server that a certificate must be for: that of the header Host, if
    /// there is one.
    #[cfg(feature = "tls")]
    pub(super) fn server_name(&self) -> String {
        let host = values(&self.headers, "Host").next();
        let url = host.and_then(|host| Url::parse(&format!("https://{host}")).ok());
        url.map_or_else(|| self.url.host.clone(), |url| url.host)
    }

    /// Returns its first line, as messages show it: `GET http://localhost/items`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    fn omits(&self, name: &str) -> bool {
        self.omitted.iter().any(|omitted| omitted.eq_ignore_ascii_case(name))
    }

    /// Returns the bytes to send. A header of its own wins over one that a client always sends.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.url.target);
        let mut push = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        let always = [
            ("Host", self.url.authority()),
            ("User-Agent", "greenroom".to_owned()),
            ("Accept", "*/*".to_owned()),
            ("Connection", "close".to_owned()),
        ];
        for (name, value) in always.iter().filter(|(name, _)| !self.has(name) && !self.omits(name)) {
            push(name, value);
        }
        // Servers may wait for a body after these methods if they are not told its length.
        let wants_length = !self.body.is_empty() || ["POST", "PUT", "PATCH"].contains(&self.method.as_str());
        if wants_length
            && !self.omits("Content-Length")
            && !self.has("Content-Length")
            && !self.has("Transfer-Encoding")
        {
            push("Content-Length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            push(name, value);
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A response, with the request that it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// The words behind the status; may be empty.
    pub reason: String,
    /// Its headers, in their order.
    pub headers: Vec<(String, String)>,
    /// Its body, as it was sent.
    pub body: Vec<u8>,
    /// The request that it answers.
    pub request: Request,
    /// How long request and response took.
    pub took: Duration,
}

impl Response {
    pub(super) fn new(head: Head, body: Vec<u8>, request: Request) -> Self {
        let Head { status, reason, headers } = head;
        Self { status, reason, headers, body, request, took: Duration::ZERO }
    }

    /// Returns the values of all headers of a name.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(request: &Request) -> String {
        String::from_utf8(request.bytes()).unwrap().replace("\r\n", "|")
    }

    #[test]
    fn a_request_says_what_servers_need_to_know() {
        let mut request = Request::new("GET", Url::parse("http://[::1]:81/a?b#c").unwrap());
        assert_eq!(
            sent(&request),
            "GET /a?b HTTP/1.1|Host: [::1]:81|User-Agent: greenroom|Accept: */*|Connection: close||"
        );
        request.headers = vec![("host".to_owned(), "app.test".to_owned()), ("ACCEPT".to_owned(), "a".to_owned())];
        request.body = b"x".to_vec();
        assert_eq!(
            sent(&request),
            "GET /a?b HTTP/1.1|User-Agent: greenroom|Connection: close|Content-Length: 1|host: app.test|ACCEPT: a||x"
        );
    }

    #[test]
    fn a_post_without_a_body_has_a_length() {
        let url = Url::parse("http://h").unwrap();
        assert!(sent(&Request::new("POST", url.clone())).contains("|Content-Length: 0|"));
        assert!(!sent(&Request::new("DELETE", url)).contains("Content-Length"));
    }
}
