//! Cookies of a scenario: which are kept, and which a request gets.

use std::time::SystemTime;

use chrono::NaiveDateTime;
use greenroom_sandbox::process::http::Url;

/// The cookies of a scenario.
#[derive(Debug, Clone, Default)]
pub(super) struct Jar(Vec<Cookie>);

/// One cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
    domain: String,
    /// Whether only its own host gets it.
    is_host_only: bool,
    path: String,
    is_secure: bool,
    /// When it ends, in seconds since 1970.
    expires: Option<i64>,
}

/// Returns name and value of a header `Set-Cookie`.
pub(super) fn name_and_value(header: &str) -> Option<(&str, &str)> {
    let (name, value) = header.split(';').next()?.split_once('=')?;
    Some((name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
}

impl Cookie {
    /// Parses a header `Set-Cookie` of a response from a URL; nothing if browsers would ignore it.
    fn parse(header: &str, url: &Url, now: i64) -> Option<Self> {
        let (name, value) = name_and_value(header)?;
        let host = url.host.to_ascii_lowercase();
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: host.clone(),
            is_host_only: true,
            path: default_path(url.path()).to_owned(),
            is_secure: false,
            expires: None,
        };
        let mut has_max_age = false;
        for attribute in header.split(';').skip(1) {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                    cookie.is_host_only = false;
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.is_secure = true,
                "max-age" => {
                    if let Ok(seconds) = value.parse::<i64>() {
                        has_max_age = true;
                        cookie.expires = Some(if seconds > 0 { now.saturating_add(seconds) } else { i64::MIN });
                    }
                }
                "expires" if !has_max_age => cookie.expires = date(value),
                _ => {}
            }
        }
        is_below(&host, &cookie.domain).then_some(cookie)
    }

    fn is_for(&self, url: &Url, now: i64) -> bool {
        let host = url.host.to_ascii_lowercase();
        let has_host = if self.is_host_only { host == self.domain } else { is_below(&host, &self.domain) };
        let path = url.path();
        let rest = path.strip_prefix(self.path.as_str());
        let has_path = rest.is_some_and(|rest| self.path.ends_with('/') || rest.is_empty() || rest.starts_with('/'));
        // As in browsers, what stays on this machine is secure.
        let is_secure = url.scheme.is_secure() || is_below(&host, "localhost") || host.starts_with("127.");
        has_host && has_path && (is_secure || !self.is_secure) && self.expires.is_none_or(|end| end > now)
    }
}

impl Jar {
    /// Keeps the cookies that a response from a URL sets.
    pub(super) fn keep<'a>(&mut self, headers: impl Iterator<Item = &'a str>, url: &Url) {
        let now = now();
        for cookie in headers.filter_map(|header| Cookie::parse(header, url, now)) {
            let is_same = |known: &Cookie| {
                (&known.name, &known.domain, &known.path) == (&cookie.name, &cookie.domain, &cookie.path)
            };
            match self.0.iter_mut().find(|known| is_same(known)) {
                Some(known) => *known = cookie,
                None => self.0.push(cookie),
            }
        }
        self.0.retain(|cookie| cookie.expires.is_none_or(|end| end > now));
    }

    /// Returns the header `Cookie` of a request to a URL: longer paths first.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let now = now();
        let mut cookies: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.is_for(url, now)).collect();
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

/// Whether a host is a domain, or below it.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the path that a cookie has without one: the directory of the URL.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// Reads a date, also in the old notation with `-`; one that is not a date never comes.
fn date(text: &str) -> Option<i64> {
    let plain = text.split_once(',').map_or(text, |(_, date)| date).trim().replace('-', " ");
    let time = NaiveDateTime::parse_from_str(&plain, "%d %b %Y %H:%M:%S GMT");
    time.ok().map(|time| time.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the header of a request to `to`, after a response from `from` has set these.
    fn sent(from: &str, set: &[&str], to: &str) -> String {
        let mut jar = Jar::default();
        jar.keep(set.iter().copied(), &Url::parse(from).unwrap());
        jar.header(&Url::parse(to).unwrap()).unwrap_or_default()
    }

    #[test]
    fn cookies_go_to_their_host_and_path() {
        let here = "http://localhost:1/a/b";
        assert_eq!(sent(here, &["x=1; HttpOnly", "y=\"2\""], "http://localhost:2/a/c"), "x=1; y=\"2\"");
        assert_eq!(sent(here, &["x=1"], "http://localhost/"), "");
        assert_eq!(sent(here, &["x=1; Path=/", "y=2"], "http://localhost/a"), "y=2; x=1");
        assert_eq!(sent(here, &["x=1; Path=/a"], "http://localhost/ab"), "");
        assert_eq!(sent(here, &["x=1; Path=/"], "http://127.0.0.1/"), "");
        assert_eq!(sent("http://a.test/", &["x=1; Domain=.A.test"], "http://b.a.test/"), "x=1");
        assert_eq!(sent("http://a.test/", &["x=1"], "http://b.a.test/"), "");
        assert_eq!(sent("http://a.test/", &["x=1; Domain=b.test"], "http://b.test/"), "");
    }

    #[test]
    fn secure_cookies_stay_on_this_machine_or_go_over_tls() {
        assert_eq!(sent("https://a.test/", &["x=1; Secure"], "http://a.test/"), "");
        assert_eq!(sent("https://a.test/", &["x=1; Secure"], "https://a.test/"), "x=1");
        assert_eq!(sent("http://localhost/", &["x=1; secure"], "http://localhost/"), "x=1");
    }

    #[test]
    fn cookies_end() {
        let left = |second: &str| sent("http://localhost/", &["x=1", second], "http://localhost/");
        assert_eq!(left("x=2; Max-Age=0"), "");
        assert_eq!(left("x=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "x=2");
        assert_eq!(left("x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "");
        assert_eq!(left("x=; Expires=Thu, 01-Jan-1970 00:00:00 GMT"), "");
        assert_eq!(left("x=2; Expires=Fri, 01 Jan 2999 00:00:00 GMT"), "x=2");
        assert_eq!(left("x=2; Expires=soon"), "x=2");
        assert_eq!(left("nonsense"), "x=1");
    }
}
