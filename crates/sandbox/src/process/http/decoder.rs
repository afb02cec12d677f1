//! Reads a response from the bytes of a connection, however they are cut.

use super::error::HttpError;
use super::limit::{BODY_LIMIT, HEAD_LIMIT};

/// The status of a response after which the connection has another protocol.
pub(super) const SWITCHED: u16 = 101;
/// How many headers are expected at first.
const HEADERS: usize = 64;
/// How many bytes of something that is not a response are shown.
const SHOWN: usize = 60;
/// The longest line with the size of a chunk, in bytes.
const SIZE_LINE: usize = 4096;

/// Status and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
}

/// Returns the values of all headers of a name.
pub(super) fn values<'a>(headers: &'a [(String, String)], name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    let named = headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Head,
    /// The rest of a body with a length.
    Length(u64),
    /// The line with the size of a chunk.
    ChunkSize,
    /// The rest of a chunk.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Headers behind the last chunk.
    Trailers,
    /// A body that the end of the connection ends.
    Close,
    Nothing,
}

/// Reads one response.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Whether the request was HEAD, whose response has no body.
    is_head: bool,
    expected: Expected,
    /// Bytes that are not complete yet.
    pending: Vec<u8>,
    /// The size of all heads and trailers so far.
    head_size: usize,
    head: Option<Head>,
    body: Vec<u8>,
    /// The length that the head promises.
    length: u64,
    /// What came behind a response that switches to another protocol.
    rest: Vec<u8>,
}

impl Decoder {
    /// Creates a decoder for the response to a request with this method.
    pub(super) fn new(method: &str) -> Self {
        Self {
            is_head: method.eq_ignore_ascii_case("HEAD"),
            expected: Expected::Head,
            pending: Vec::new(),
            head_size: 0,
            head: None,
            body: Vec::new(),
            length: 0,
            rest: Vec::new(),
        }
    }

    /// Whether the response is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.expected == Expected::Nothing
    }

    /// Whether any byte of a response has come.
    pub(super) fn has_begun(&self) -> bool {
        self.head_size > 0 || !self.pending.is_empty()
    }

    /// Returns the status, once the head is complete.
    pub(super) fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// Returns the value of a header, once the head is complete.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.as_ref().and_then(|head| values(&head.headers, name).next())
    }

    /// Returns as much of the body as has come.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns status, headers and body.
    pub(super) fn take(&mut self) -> Option<(Head, Vec<u8>)> {
        Some((self.head.take()?, std::mem::take(&mut self.body)))
    }

    /// Returns what came behind a response that switches to another protocol.
    #[cfg(feature = "websocket")]
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rest)
    }

    /// Says how far the response has come, for messages about its time.
    pub(super) fn progress(&self) -> Option<String> {
        let head = self.head.as_ref()?;
        let length = match self.expected {
            Expected::Length(_) => format!(" of {}", self.length),
            _ => String::new(),
        };
        Some(format!("status {} and {}{length} bytes of the body had come", head.status, self.body.len()))
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        let mut bytes = bytes;
        while !bytes.is_empty() && !self.is_complete() {
            bytes = match self.expected {
                Expected::Nothing => return Ok(()),
                Expected::Head => self.feed_head(bytes)?,
                Expected::Length(left) => {
                    let (rest, left) = self.feed_body(bytes, left)?;
                    self.expected = if left == 0 { Expected::Nothing } else { Expected::Length(left) };
                    rest
                }
                Expected::Chunk(left) => {
                    let (rest, left) = self.feed_body(bytes, left)?;
                    self.expected = if left == 0 { Expected::ChunkEnd } else { Expected::Chunk(left) };
                    rest
                }
                Expected::Close => self.feed_body(bytes, u64::MAX)?.0,
                Expected::ChunkSize | Expected::ChunkEnd | Expected::Trailers => self.feed_line(bytes)?,
            };
        }
        if self.status() == Some(SWITCHED) {
            self.rest.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Notes that the server has closed the connection.
    pub(super) fn close(&mut self) -> Result<(), HttpError> {
        match self.expected {
            Expected::Nothing => {}
            Expected::Close => self.expected = Expected::Nothing,
            Expected::Head if !self.has_begun() => return Err(HttpError::NoAnswer),
            Expected::Head => return Err(self.not_http().unwrap_or_else(|| incomplete("its headers have no end"))),
            Expected::Length(left) => {
                let reason = format!("{} of {} bytes of the body came", self.length - left, self.length);
                return Err(HttpError::Incomplete(reason));
            }
            _ => {
                let reason = format!("the last chunk is missing after {} bytes of the body", self.body.len());
                return Err(HttpError::Incomplete(reason));
            }
        }
        Ok(())
    }

    /// Returns the error for a beginning that cannot be that of a response.
    fn not_http(&self) -> Option<HttpError> {
        let start = b"HTTP/1.";
        let common = self.pending.len().min(start.len());
        (self.pending[..common] != start[..common]).then(|| not_http(&self.pending))
    }

    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], HttpError> {
        let before = self.pending.len();
        let room = (HEAD_LIMIT + 1).saturating_sub(self.head_size + before);
        self.pending.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Some(error) = self.not_http() {
            // The whole first line says more than its first byte.
            let is_enough = self.pending.contains(&b'\n') || self.pending.len() > SHOWN;
            if is_enough || matches!(error, HttpError::TlsExpected) {
                return Err(error);
            }
            return Ok(&[]);
        }
        let Some((head, size)) = parse_head(&self.pending)? else {
            return if self.head_size + self.pending.len() > HEAD_LIMIT {
                Err(HttpError::LargeHead)
            } else {
                Ok(&bytes[bytes.len().min(room)..])
            };
        };
        if self.head_size + size > HEAD_LIMIT {
            return Err(HttpError::LargeHead);
        }
        self.head_size += size;
        self.pending.clear();
        // Informational responses come before the response itself; 101 is the last one.
        if (100..200).contains(&head.status) && head.status != SWITCHED {
            return Ok(&bytes[size - before..]);
        }
        self.expected = self.expected_after(&head)?;
        self.head = Some(head);
        Ok(&bytes[size - before..])
    }

    /// Returns what follows a head.
    fn expected_after(&mut self, head: &Head) -> Result<Expected, HttpError> {
        if self.is_head || matches!(head.status, SWITCHED | 204 | 304) {
            return Ok(Expected::Nothing);
        }
        let values = |name| values(&head.headers, name).flat_map(|value| value.split(',')).map(str::trim);
        let coding = values("Transfer-Encoding").next_back().filter(|last| !last.eq_ignore_ascii_case("identity"));
        match coding {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => return Ok(Expected::ChunkSize),
            Some(coding) => return Err(HttpError::Malformed(format!("its Transfer-Encoding is `{coding}`"))),
            None => {}
        }
        let mut lengths = values("Content-Length");
        let Some(first) = lengths.next() else { return Ok(Expected::Close) };
        if let Some(other) = lengths.find(|other| *other != first) {
            return Err(HttpError::Malformed(format!("it has two lengths, {first} and {other}")));
        }
        let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        self.length = match first.parse() {
            Ok(length) if digits => length,
            // More than a number can hold.
            Err(_) if digits => return Err(HttpError::LargeBody),
            _ => return Err(HttpError::Malformed(format!("its Content-Length is `{first}`"))),
        };
        match self.length {
            0 => Ok(Expected::Nothing),
            length if length > BODY_LIMIT as u64 => Err(HttpError::LargeBody),
            length => Ok(Expected::Length(length)),
        }
    }

    /// Takes a part of a body, of which `left` bytes are missing. Returns the rest of both.
    fn feed_body<'a>(&mut self, bytes: &'a [u8], left: u64) -> Result<(&'a [u8], u64), HttpError> {
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.body.len() + taken > BODY_LIMIT {
            return Err(HttpError::LargeBody);
        }
        self.body.extend_from_slice(&bytes[..taken]);
        Ok((&bytes[taken..], left - taken as u64))
    }

    /// Takes bytes up to the end of a line, and the line once it is complete.
    fn feed_line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], HttpError> {
        let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
        self.pending.extend_from_slice(&bytes[..end]);
        if self.pending.len() > SIZE_LINE {
            return Err(match self.expected {
                Expected::Trailers => HttpError::LargeHead,
                _ => HttpError::Malformed("the line with the size of a chunk is too long".to_owned()),
            });
        }
        if self.pending.ends_with(b"\n") {
            let line = std::mem::take(&mut self.pending);
            self.take_line(line.trim_ascii())?;
        }
        Ok(&bytes[end..])
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), HttpError> {
        match self.expected {
            Expected::ChunkEnd if line.is_empty() => self.expected = Expected::ChunkSize,
            Expected::ChunkEnd => {
                return Err(HttpError::Malformed("a chunk is longer than its size says".to_owned()));
            }
            Expected::Trailers if line.is_empty() => self.expected = Expected::Nothing,
            Expected::Trailers => {
                self.head_size += line.len();
                if self.head_size > HEAD_LIMIT {
                    return Err(HttpError::LargeHead);
                }
            }
            _ => {
                let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
                let size = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with(['+', '-']));
                let size = size.and_then(|digits| u64::from_str_radix(digits, 16).ok());
                self.expected = match size {
                    Some(0) => Expected::Trailers,
                    Some(size) => Expected::Chunk(size),
                    None => {
                        let line = excerpt(line);
                        return Err(HttpError::Malformed(format!("the size of a chunk is `{line}`")));
                    }
                };
            }
        }
        Ok(())
    }
}

fn incomplete(reason: &str) -> HttpError {
    HttpError::Incomplete(reason.to_owned())
}

/// Returns the error for bytes that are not a response.
fn not_http(bytes: &[u8]) -> HttpError {
    // An alert, which servers that expect TLS send.
    if bytes.starts_with(&[0x15, 0x03]) {
        return HttpError::TlsExpected;
    }
    HttpError::Malformed(format!("it begins with `{}`", excerpt(bytes)))
}

/// Returns the first line of bytes as messages show it.
fn excerpt(bytes: &[u8]) -> String {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let more = if line.len() > SHOWN { "…" } else { "" };
    format!("{}{more}", line[..line.len().min(SHOWN)].escape_ascii())
}

/// Parses a head, if it is complete. Returns its size too.
fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, HttpError> {
    let mut room = HEADERS;
    loop {
        let mut headers = vec![httparse::EMPTY_HEADER; room];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(bytes) {
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) if room < HEAD_LIMIT => room *= 4,
            Err(error) => {
                return Err(HttpError::Malformed(match error {
                    httparse::Error::HeaderName => "the name of a header is invalid".to_owned(),
                    httparse::Error::HeaderValue => "the value of a header is invalid".to_owned(),
                    httparse::Error::TooManyHeaders => "it has too many headers".to_owned(),
                    _ => format!("it begins with `{}`", excerpt(bytes)),
                }));
            }
            Ok(httparse::Status::Complete(size)) => {
                let headers = response.headers.iter().map(|header| (header.name.to_owned(), text(header.value)));
                let head = Head {
                    status: response.code.unwrap_or_default(),
                    reason: response.reason.unwrap_or_default().to_owned(),
                    headers: headers.collect(),
                };
                return Ok(Some((head, size)));
            }
        }
    }
}

/// Returns the value of a header as text: UTF-8, or else Latin-1.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds bytes in pieces of each size, and then the end of the connection.
    fn decoded(method: &str, bytes: &[u8]) -> Result<(u16, String), String> {
        let in_pieces = |size: usize| {
            let mut decoder = Decoder::new(method);
            let fed = bytes.chunks(size).try_for_each(|piece| decoder.feed(piece));
            let closed = fed.and_then(|()| if decoder.is_complete() { Ok(()) } else { decoder.close() });
            closed.map_err(|error| error.to_string())?;
            let (head, body) = decoder.take().unwrap();
            Ok((head.status, String::from_utf8(body).unwrap()))
        };
        let whole = in_pieces(bytes.len().max(1));
        for size in [1, 2, 3, 7] {
            assert_eq!(in_pieces(size), whole, "in pieces of {size}");
        }
        whole
    }

    fn answer(head: &str, body: &str) -> Result<(u16, String), String> {
        decoded("GET", format!("HTTP/1.1 {head}\r\n\r\n{body}").as_bytes())
    }

    #[test]
    fn bodies_end_by_length_chunks_or_the_end_of_the_connection() {
        let body = |head: &str, body: &str| answer(head, body).unwrap().1;
        assert_eq!(body("200 OK\r\nContent-Length: 3", "abcd"), "abc");
        assert_eq!(body("200 OK\r\nContent-Length: 3, 3", "abc"), "abc");
        assert_eq!(body("200", "abc"), "abc");
        let chunked = "200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 9";
        assert_eq!(body(chunked, "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\nmore"), "abc");
        assert_eq!(body("204 No Content\r\nContent-Length: 3", "abc"), "");
        assert_eq!(body("304 Not Modified", ""), "");
        assert_eq!(decoded("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").unwrap(), (200, String::new()));
    }

    #[test]
    fn informational_responses_are_skipped() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.0 201 Made\r\n\r\nx";
        assert_eq!(decoded("POST", bytes).unwrap(), (201, "x".to_owned()));
        let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4000);
        assert!(decoded("POST", &endless).unwrap_err().contains("larger than 64 KiB"));
    }

    #[test]
    fn a_connection_that_ends_too_early_is_an_error() {
        let error = |head: &str, body: &str| answer(head, body).unwrap_err();
        assert!(error("200 OK\r\nContent-Length: 3", "a").ends_with("1 of 3 bytes of the body came"));
        assert!(error("200 OK\r\nTransfer-Encoding: chunked", "1\r\na\r\n").contains("the last chunk is missing"));
        assert!(decoded("GET", b"").unwrap_err().ends_with("without an answer"));
        assert!(decoded("GET", b"HTTP/1.1 200 OK\r\nA: b").unwrap_err().ends_with("its headers have no end"));
    }

    #[test]
    fn what_is_not_http_is_named() {
        let error = |bytes: &[u8]| decoded("GET", bytes).unwrap_err();
        assert_eq!(error(b"SSH-2.0-x\r\n"), "the answer is not HTTP/1.1: it begins with `SSH-2.0-x`");
        assert_eq!(error(b"HTTP/2 200\r\n\r\n"), "the answer is not HTTP/1.1: it begins with `HTTP/2 200`");
        assert!(error(b"\x15\x03\x01\x00\x02\x02\x46").contains("expects TLS"));
        assert!(error(b"HTTP/1.1 x\r\n\r\n").contains("it begins with `HTTP/1.1 x`"));
        assert!(answer("200 OK\r\nContent-Length: 3, 4", "").unwrap_err().contains("two lengths, 3 and 4"));
        assert!(answer("200 OK\r\nContent-Length: -3", "").unwrap_err().contains("Content-Length is `-3`"));
        assert!(answer("200 OK\r\nContent-Length: +3", "").unwrap_err().contains("Content-Length is `+3`"));
        assert!(answer("200 OK\r\nTransfer-Encoding: br", "").unwrap_err().contains("`br`"));
        assert!(answer("200 OK\r\nTransfer-Encoding: chunked", "z\r\n").unwrap_err().contains("chunk is `z`"));
        assert!(answer("200 OK\r\nTransfer-Encoding: chunked", "1\r\nab\r\n").unwrap_err().contains("longer than"));
        assert!(answer("200 OK\r\na b: c", "").unwrap_err().contains("name of a header"));
    }

    #[test]
    fn heads_and_bodies_have_limits() {
        let fed = |head: &str, piece: &[u8]| {
            let mut decoder = Decoder::new("GET");
            decoder.feed(head.as_bytes())?;
            for _ in 0..40_000 {
                decoder.feed(piece)?;
                assert!(decoder.body.len() <= BODY_LIMIT && decoder.pending.len() <= HEAD_LIMIT + 1);
            }
            Ok::<(), HttpError>(())
        };
        let piece = vec![b'a'; 1 << 20];
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let long = |length: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        assert!(matches!(fed("HTTP/1.1 200 OK\r\n\r\n", &piece), Err(HttpError::LargeBody)));
        assert!(matches!(fed(&long("10000000000"), b"a"), Err(HttpError::LargeBody)));
        assert!(matches!(fed(&long("99999999999999999999999"), b"a"), Err(HttpError::LargeBody)));
        assert!(matches!(fed(&format!("{chunked}fffffffff\r\n"), &piece), Err(HttpError::LargeBody)));
        assert!(matches!(fed("HTTP/1.1 200 OK\r\nA: ", &piece), Err(HttpError::LargeHead)));
        assert!(matches!(fed("HTTP/1.1 200 OK\r\n", b"A: b\r\n"), Err(HttpError::LargeHead)));
        assert!(matches!(fed(chunked, b"1\r\na\r\n"), Ok(())));
        assert!(matches!(fed(chunked, &b"1".repeat(1 << 20)), Err(HttpError::Malformed(_))));
        assert!(matches!(fed(&format!("{chunked}0\r\n"), b"A: b\r\n"), Err(HttpError::LargeHead)));
    }

    #[test]
    fn many_headers_are_read() {
        let headers = "A: b\r\n".repeat(3000);
        assert_eq!(answer(&format!("200 OK\r\n{headers}Content-Length: 0"), "").unwrap().0, 200);
    }
}
