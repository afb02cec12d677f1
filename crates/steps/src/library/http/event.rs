//! Server-sent events, in the bytes of a response that has not ended.

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its kind; `message` unless it says another.
    pub(super) kind: String,
    /// Its data, the lines joined.
    pub(super) data: String,
    /// Where it ends, in bytes.
    pub(super) end: usize,
}

/// Returns the first event with data that is complete and begins at `from` or later.
pub(super) fn next(bytes: &[u8], from: usize) -> Option<Event> {
    let mut at = from;
    let (mut kind, mut data): (String, Option<String>) = (String::new(), None);
    while let Some((line, end)) = line(bytes, at) {
        at = end;
        let text = String::from_utf8_lossy(line);
        if text.is_empty() {
            if let Some(data) = data.take() {
                let kind = if kind.is_empty() { "message".to_owned() } else { kind };
                return Some(Event { kind, data, end });
            }
            kind.clear();
            continue;
        }
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "event" => value.clone_into(&mut kind),
            "data" => match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
    None
}

/// Returns the line at a place without its end, and where the next one begins.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = &bytes[at..];
    let end = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r')?;
    let after = match (rest[end], rest.get(end + 1)) {
        (b'\r', Some(b'\n')) => end + 2,
        // Whether a line feed follows is not known yet.
        (b'\r', None) => return None,
        _ => end + 1,
    };
    Some((&rest[..end], at + after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<String> {
        let mut at = 0;
        let mut events = Vec::new();
        while let Some(event) = next(bytes, at) {
            at = event.end;
            events.push(format!("{}={}", event.kind, event.data.replace('\n', "|")));
        }
        events
    }

    #[test]
    fn events_have_a_kind_and_data() {
        assert_eq!(
            all(b"\xef\xbb\xbfdata: a\n\n: comment\n\nid: 7\nevent: add\ndata:b\ndata\ndata:  c\n\n"),
            ["message=a", "add=b|| c"]
        );
        assert_eq!(all(b"event: x\n\ndata: a\r\n\r\ndata: b\r\rdata: c\n"), ["message=a", "message=b"]);
        assert_eq!(all(b"data: a\n\r"), Vec::<String>::new());
        assert_eq!(all(b""), Vec::<String>::new());
    }
}
