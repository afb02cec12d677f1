//! Text in HTML: escaping, and the links that a page may have.

use std::fmt;

use maud::{Markup, PreEscaped};

/// Adds a text to HTML, as content or in an attribute with double quotes.
pub(crate) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => {}
            '\n' | '\t' => out.push(c),
            // HTML has no form for them.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// Returns a text as HTML, without the control characters that `maud` lets through.
pub(crate) fn text(text: &str) -> Markup {
    let mut escaped = String::with_capacity(text.len());
    escape(&mut escaped, text);
    PreEscaped(escaped)
}

/// A text that formats itself as HTML.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaped = String::with_capacity(self.0.len());
        escape(&mut escaped, self.0);
        f.write_str(&escaped)
    }
}

/// Returns a style sheet as it can stand between tags: nothing in it ends the element.
pub(crate) fn style(css: &str) -> String {
    // In CSS a backslash before a slash changes nothing. A parser turns CR into LF and drops a BOM,
    // which would change the digest.
    let css = css.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    css.replace("</", "<\\/")
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// An anchor, a file beside the page: an address without a scheme.
    Local,
    /// Another place, by a scheme that only shows something.
    Remote,
    /// Anything that could run or hide something. Pages do not link there.
    Refused,
}

/// Finds out where an address leads, as browsers read it.
pub(crate) fn target(address: &str) -> Target {
    // Browsers drop these characters before they look for the scheme.
    let address: String = address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    if address.starts_with("//") || address.starts_with("\\\\") || address.starts_with("/\\") {
        return Target::Remote;
    }
    let Some(end) = address.find([':', '/', '?', '#']) else { return Target::Local };
    if !address[end..].starts_with(':') {
        return Target::Local;
    }
    match address[..end].to_ascii_lowercase().as_str() {
        "http" | "https" | "mailto" | "tel" | "ftp" | "sftp" | "ssh" | "git" | "irc" | "ircs" | "xmpp" | "matrix" => {
            Target::Remote
        }
        _ => Target::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_has_no_control_characters() {
        let mut out = String::new();
        escape(&mut out, "a<b>&\"c\"\r\n\t\u{1b}\0");
        assert_eq!(out, "a&lt;b&gt;&amp;&quot;c&quot;\n\t\u{fffd}\u{fffd}");
    }

    #[test]
    fn links_that_run_something_are_refused() {
        for address in ["#a", "a.md", "a/b:c", "?x:y", "", "../a.html#b", "/etc"] {
            assert_eq!(target(address), Target::Local, "{address}");
        }
        for address in ["http://a", "HTTPS://a", "mailto:a@b", "//host/a", "\\\\host"] {
            assert_eq!(target(address), Target::Remote, "{address}");
        }
        for address in [
            "javascript:x",
            " JaVa\tScript:x",
            "java\nscript:x",
            "\u{1}javascript:x",
            "data:text/html,x",
            "vbscript:x",
            "blob:x",
            "file:///etc/passwd",
        ] {
            assert_eq!(target(address), Target::Refused, "{address}");
        }
    }
}
