//! The URLs that steps name, which may be relative to that of the scenario.

use greenroom_sandbox::process::http::{Url, UrlError};

use crate::step::Failure;

/// What to do about a relative URL without a base.
pub(super) const NO_BASE: &str =
    "write the whole URL, or `given HTTP requests go to http://localhost:8000` before this step";

/// What is at a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What requests ask for.
    Resource,
    /// A WebSocket.
    WebSocket,
}

impl Kind {
    /// Parses an absolute URL.
    pub(super) fn parse(self, text: &str) -> Result<Url, UrlError> {
        match self {
            Self::Resource => Url::parse(text),
            Self::WebSocket => Url::parse_web_socket(text),
        }
    }
}

/// Parses the absolute URL of a step.
pub(super) fn parse(text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|error| invalid(text, error))
}

/// Returns the failure for the text of a step that is not a URL.
fn invalid(text: &str, error: UrlError) -> Failure {
    let failure = Failure::new(format!("invalid URL: {text}: {}", error.reason));
    error.help.into_iter().fold(failure, Failure::help)
}

/// Whether a URL is relative to that of the scenario.
pub(super) fn is_relative(text: &str) -> bool {
    text.starts_with(['/', '?'])
}

/// Parses the URL of a step. A relative one goes behind the path of the base.
pub(super) fn resolve(text: &str, base: Option<&Url>, kind: Kind) -> Result<Url, Failure> {
    if !is_relative(text) {
        return kind.parse(text).map_err(|error| invalid(text, error));
    }
    let Some(base) = base else {
        return Err(Failure::new(format!("invalid URL: {text}: it is relative")).help(NO_BASE));
    };
    let path = base.path();
    let path = if text.starts_with('/') { path.trim_end_matches('/') } else { path };
    let whole = Url { target: format!("{path}{text}"), ..base.clone() };
    // Characters that need it are encoded.
    let encoded = Url::parse(&format!("http://h{}", whole.target)).map_err(|error| invalid(text, error))?;
    let scheme = if kind == Kind::WebSocket { whole.scheme.of_web_socket() } else { whole.scheme };
    Ok(Url { scheme, target: encoded.target, ..whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_url_goes_behind_the_path_of_the_base() {
        let base = Url::parse("https://me:x@h:1/api/v1/").unwrap();
        let resolved = |text: &str| resolve(text, Some(&base), Kind::Resource).unwrap().to_string();
        assert_eq!(resolved("/items?a=ü#x"), "https://h:1/api/v1/items?a=%C3%BC");
        assert_eq!(resolved("/"), "https://h:1/api/v1/");
        assert_eq!(resolved("?a"), "https://h:1/api/v1/?a");
        assert_eq!(resolved("http://i/"), "http://i/");
        let socket = resolve("/chat", Some(&base), Kind::WebSocket).unwrap();
        assert_eq!(socket.to_string(), "wss://h:1/api/v1/chat");
        let error = resolve("/a b", Some(&base), Kind::Resource).unwrap_err();
        assert_eq!(error.message, "invalid URL: /a b: it has a blank");
        assert!(resolve("/items", None, Kind::Resource).is_err());
        assert!(resolve("items", Some(&base), Kind::Resource).is_err());
    }
}
