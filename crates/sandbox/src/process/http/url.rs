//! URLs of http and https, and of sockets that begin with HTTP (ws and wss).

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

/// A scheme that a client can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS.
    Https,
    /// A WebSocket without encryption.
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

impl Scheme {
    /// Returns its name in URLs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether it is over TLS.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// Returns the scheme of a WebSocket that goes where this one goes.
    #[must_use]
    pub fn of_web_socket(self) -> Self {
        if self.is_secure() { Self::Wss } else { Self::Ws }
    }

    /// Returns the port of URLs without one.
    pub fn port(self) -> u16 {
        if self.is_secure() { 443 } else { 80 }
    }
}

/// A URL in the parts that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Its scheme.
    pub scheme: Scheme,
    /// Its host as written, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password in front of the host, as written.
    pub user: Option<String>,
    /// Path and query: what the request line has. Not empty.
    pub target: String,
}

/// Why a text is not such a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlError {
    /// The part that is wrong, in bytes.
    pub part: Range<usize>,
    /// What is wrong with it: follows "invalid URL:".
    pub reason: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for UrlError {}

impl UrlError {
    fn new(part: Range<usize>, reason: impl Into<String>) -> Self {
        Self { part, reason: reason.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Url {
    /// Parses an absolute URL. Characters that do not belong into a path are encoded.
    ///
    /// # Errors
    ///
    /// If it is not a URL of http or https that a request can go to.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::parse_with(text, [Scheme::Http, Scheme::Https], |_| {
            "HTTP steps know the schemes `http` and `https`".to_owned()
        })
    }

    /// Parses the absolute URL of a WebSocket.
    ///
    /// # Errors
    ///
    /// If it is not a URL of ws or wss that a WebSocket can be opened at.
    pub fn parse_web_socket(text: &str) -> Result<Self, UrlError> {
        Self::parse_with(text, [Scheme::Ws, Scheme::Wss], |written| match written {
            "http" => "write `ws://`, the scheme of WebSockets".to_owned(),
            "https" => "write `wss://`, the scheme of WebSockets over TLS".to_owned(),
            _ => "WebSockets have the schemes `ws` and `wss`".to_owned(),
        })
    }

    /// Parses a URL of one of these schemes; `help` says what to write instead of another one.
    fn parse_with(text: &str, schemes: [Scheme; 2], help: fn(&str) -> String) -> Result<Self, UrlError> {
        if let Some(at) = text.find(|c: char| c.is_whitespace() || c.is_control()) {
            let length = text[at..].chars().next().map_or(1, char::len_utf8);
            return Err(UrlError::new(at..at + length, "it has a blank")
                .help("write `%20` for a blank in a path, and `+` or `%20` in a query"));
        }
        let Some((name, rest)) = text.split_once("://") else {
            // `http//host` and `https:/host` mean more than a host of that name.
            let mistyped = schemes.into_iter().find_map(|scheme| {
                let rest = text.strip_prefix(scheme.name())?;
                (rest.starts_with("//") || rest.starts_with(":/")).then_some((scheme, rest))
            });
            let (scheme, rest) = mistyped.unwrap_or((schemes[0], text));
            let rest = rest.trim_start_matches([':', '/']);
            return Err(UrlError::new(0..text.len(), "it has no scheme")
                .help(format!("write the whole URL, such as `{}://{rest}`", scheme.name())));
        };
        let written = name.to_ascii_lowercase();
        let Some(scheme) = schemes.into_iter().find(|scheme| scheme.name() == written) else {
            return Err(UrlError::new(0..name.len(), format!("its scheme is `{name}`")).help(help(&written)));
        };
        let begin = name.len() + 3;
        let end = rest.find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
        let authority = &text[begin..end];
        let (user, host_begin) = match authority.rsplit_once('@') {
            Some((user, _)) => (Some(user.to_owned()), begin + user.len() + 1),
            None => (None, begin),
        };
        let (host, port) = host_and_port(&text[host_begin..end], host_begin, scheme)?;
        Ok(Self { scheme, host, port, user, target: target(&text[end..]) })
    }

    /// Resolves a reference in a response, such as `Location`, against this URL.
    ///
    /// # Errors
    ///
    /// If the result is not a URL of http or https.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = reference.trim();
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme.name()));
        }
        let scheme_end = reference.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
        if scheme_end.is_some_and(|end| end > 0 && reference[end..].starts_with(':')) {
            return Self::parse(reference);
        }
        let path = self.target.split('?').next().unwrap_or("/");
        let written = reference.split('#').next().unwrap_or(reference);
        let joined = match written.chars().next() {
            None => self.target.clone(),
            Some('/') => written.to_owned(),
            Some('?') => format!("{path}{written}"),
            Some(_) => format!("{}{written}", &path[..path.rfind('/').map_or(0, |at| at + 1)]),
        };
        Ok(Self { target: without_dots(&target(&joined)), ..self.clone() })
    }

    /// Returns host and port as the header `Host` has them: without the port that is the default.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Returns path and query without what is behind the path.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }

    /// Adds `name=value` pairs to the query.
    pub fn add_query(&mut self, query: &str) {
        let sign = match self.target.find('?') {
            None => "?",
            Some(at) if at + 1 == self.target.len() => "",
            Some(_) => "&",
        };
        self.target.push_str(sign);
        self.target.push_str(query);
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority(), self.target)
    }
}

/// Reads host and port; `begin` is where they are in the URL.
fn host_and_port(written: &str, begin: usize, scheme: Scheme) -> Result<(String, u16), UrlError> {
    let whole = begin..begin + written.len();
    let (host, port) = match written.strip_prefix('[') {
        Some(rest) => {
            let Some((host, rest)) = rest.split_once(']') else {
                return Err(UrlError::new(whole, "its IPv6 address has no `]`"));
            };
            if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
                return Err(UrlError::new(whole, format!("`{host}` is not an IPv6 address")));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(UrlError::new(whole, format!("`{rest}` behind the IPv6 address is not a port"))),
            }
        }
        None => match written.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                let help = format!("write an IPv6 address in brackets: `[{written}]`");
                return Err(UrlError::new(whole, "its host has several colons").help(help));
            }
            Some((host, port)) => (host, Some(port)),
            None => (written, None),
        },
    };
    if host.is_empty() {
        return Err(UrlError::new(whole, "it has no host").help("write one, such as `localhost`"));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let is_ip = written.starts_with('[');
    if let Some(c) = host.chars().find(|&c| !(is_name(c) || is_ip && c == ':')) {
        return Err(UrlError::new(whole, format!("`{c}` cannot be part of a host name")));
    }
    let Some(port) = port else { return Ok((host.to_owned(), scheme.port())) };
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host.to_owned(), number)),
        _ => {
            let digits = whole.end - port.len()..whole.end;
            Err(UrlError::new(digits, format!("`{port}` is not a port")).help("a port is a number from 1 to 65535"))
        }
    }
}

/// Returns path and query for a request line, without the fragment.
fn target(written: &str) -> String {
    let written = written.split('#').next().unwrap_or(written);
    let slash = if written.starts_with('/') { "" } else { "/" };
    let mut target = String::from(slash);
    for byte in written.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            target.push(char::from(byte));
        } else {
            push_encoded(&mut target, byte);
        }
    }
    target
}

/// Adds a byte in percent encoding.
pub(super) fn push_encoded(text: &mut String, byte: u8) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    text.push('%');
    text.push(DIGITS[usize::from(byte >> 4)]);
    text.push(DIGITS[usize::from(byte & 15)]);
}

/// Removes `.` and `..` from the path of a target.
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_the_parts_that_a_request_needs() {
        let parts = |text: &str| {
            let url = Url::parse(text).unwrap();
            format!("{} {} {} {}", url.scheme.name(), url.host, url.port, url.target)
        };
        assert_eq!(parts("http://localhost"), "http localhost 80 /");
        assert_eq!(parts("HTTPS://a.b:8443/c?d=/e#f"), "https a.b 8443 /c?d=/e");
        assert_eq!(parts("http://[::1]:81?x"), "http ::1 81 /?x");
        assert_eq!(parts("http://me:s@cret@h/"), "http h 80 /");
        assert_eq!(parts("http://h/a%20b/ü|"), "http h 80 /a%20b/%C3%BC%7C");
    }

    #[test]
    fn a_url_without_a_scheme_is_completed() {
        let help = |text: &str| Url::parse(text).unwrap_err().help.unwrap();
        assert_eq!(help("/items"), "write the whole URL, such as `http://items`");
        assert_eq!(help("http//h/x"), "write the whole URL, such as `http://h/x`");
        assert_eq!(help("https:/h/x"), "write the whole URL, such as `https://h/x`");
        assert_eq!(help("http:8000/x"), "write the whole URL, such as `http://http:8000/x`");
        assert_eq!(
            Url::parse_web_socket("wss//h").unwrap_err().help.unwrap(),
            "write the whole URL, such as `wss://h`"
        );
    }

    #[test]
    fn what_is_wrong_with_a_url_is_named_with_its_place() {
        let wrong = |text: &str| {
            let error = Url::parse(text).unwrap_err();
            format!("{}: {}", &text[error.part.clone()], error.reason)
        };
        assert_eq!(wrong("/items"), "/items: it has no scheme");
        assert_eq!(wrong("localhost:8000/x"), "localhost:8000/x: it has no scheme");
        assert_eq!(wrong("ftp://h/"), "ftp: its scheme is `ftp`");
        assert_eq!(wrong("http:///x"), ": it has no host");
        assert_eq!(wrong("http://h:0/"), "0: `0` is not a port");
        assert_eq!(wrong("http://h:65536/"), "65536: `65536` is not a port");
        assert_eq!(wrong("http://h:+1/"), "+1: `+1` is not a port");
        assert_eq!(wrong("http://h:/"), ": `` is not a port");
        assert_eq!(wrong("http://::1/"), "::1: its host has several colons");
        assert_eq!(wrong("http://[::1/"), "[::1: its IPv6 address has no `]`");
        assert_eq!(wrong("http://[x]/"), "[x]: `x` is not an IPv6 address");
        assert_eq!(wrong("http://hö/"), "hö: `ö` cannot be part of a host name");
        assert_eq!(wrong("http://h/a b"), " : it has a blank");
    }

    #[test]
    fn a_web_socket_has_schemes_of_its_own() {
        let url = Url::parse_web_socket("WSS://localhost/chat").unwrap();
        assert_eq!((url.port, url.to_string()), (443, "wss://localhost/chat".to_owned()));
        assert_eq!(Url::parse_web_socket("ws://h:81").unwrap().to_string(), "ws://h:81/");
        let help = |text: &str| Url::parse_web_socket(text).unwrap_err().help.unwrap();
        assert_eq!(help("https://h/"), "write `wss://`, the scheme of WebSockets over TLS");
        assert_eq!(help("ftp://h/"), "WebSockets have the schemes `ws` and `wss`");
        assert_eq!(help("h/x"), "write the whole URL, such as `ws://h/x`");
        assert!(Url::parse("ws://h/").is_err());
    }

    #[test]
    fn references_are_resolved_against_a_url() {
        let joined = |reference: &str| Url::parse("http://h:81/a/b?c").unwrap().join(reference).unwrap().to_string();
        assert_eq!(joined("/x"), "http://h:81/x");
        assert_eq!(joined("x#y"), "http://h:81/a/x");
        assert_eq!(joined("?x"), "http://h:81/a/b?x");
        assert_eq!(joined("../../x/./y/.."), "http://h:81/x/");
        assert_eq!(joined("//i/x"), "http://i/x");
        assert_eq!(joined("https://i:443/"), "https://i/");
        assert_eq!(joined(""), "http://h:81/a/b?c");
        assert!(Url::parse("http://h/").unwrap().join("mailto:x").is_err());
    }

    #[test]
    fn the_query_grows() {
        let with = |text: &str| {
            let mut url = Url::parse(text).unwrap();
            url.add_query("a=1");
            url.target
        };
        assert_eq!([with("http://h"), with("http://h/?"), with("http://h/x?b")], ["/?a=1", "/?a=1", "/x?b&a=1"]);
    }
}
