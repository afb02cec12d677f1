//! A WebSocket that never blocks.
//!
//! Its handshake is an [`Exchange`], so a server that refuses it gives a response like any other.
//! Then [`WebSocket::advance`] sends what is left to send and receives messages. The descriptor of
//! both is readable when they can go on. Messages have a limit, and one call of `advance` reads only
//! so much, so that a server that never stops sending ends no limit of whoever waits.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::error::HttpError;
use super::exchange::{Connection, Exchange, Route, STRETCH};
use super::frame_progress::FrameProgress;
use super::message::{Request, Response};
use super::stream::{self, Stream};

/// The largest message, in bytes.
pub const MESSAGE_LIMIT: usize = 16 << 20;
/// How much waits to be sent at most, in bytes; a server may ask for answers and never read them.
const UNSENT: usize = 2 * MESSAGE_LIMIT;
/// How many frames are read before [`WebSocket::advance`] returns.
const FRAMES: usize = 10_000;
/// What a server adds to the key of a handshake before it computes the answer.
const SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The request to open a WebSocket.
#[derive(Debug)]
pub struct Handshake {
    exchange: Exchange,
    key: String,
}

/// Why a response does not open a WebSocket.
#[derive(Debug)]
pub enum HandshakeError {
    /// The server answered as it answers other requests.
    Refused,
    /// The server agreed, but not as the protocol has it, for this reason.
    Invalid(String),
    /// The connection cannot be used.
    Failed(HttpError),
}

/// A WebSocket that is open, or one that has ended.
///
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct WebSocket {
    socket: tungstenite::WebSocket<Line>,
    /// Readable when the socket is ready for what interests, or when `again` is.
    events: OwnedFd,
    interest: EventFlags,
    /// Readable when there is more to take that was read already.
    again: OwnedFd,
    /// How many pings have come.
    pings: u64,
    /// Whether something is left to send.
    has_unsent: bool,
    /// Whether the close was begun here.
    has_closed: bool,
    end: Option<WebSocketEnd>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// Returns its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// How a WebSocket has ended.
#[derive(Debug)]
pub enum WebSocketEnd {
    /// The server has sent a close.
    Closed(WebSocketClose),
    /// The connection cannot be used any more.
    Failed(WebSocketError),
}

/// How a server closes a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketClose {
    /// The code, if there is one.
    pub code: Option<u16>,
    /// The reason; may be empty.
    pub reason: String,
    /// Whether it answers our close.
    pub is_answer: bool,
}

/// Why a WebSocket has ended without a close.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The connection ended without a close.
    #[error("the server closed the connection without closing the WebSocket{}", in_parentheses(.progress.as_ref()))]
    Ended {
        /// What had come of a message.
        progress: Option<String>,
    },
    /// The connection was lost.
    #[error("{error}{}", in_parentheses(.progress.as_ref()))]
    Lost {
        /// Why.
        error: HttpError,
        /// What had come of a message.
        progress: Option<String>,
    },
    /// A message is larger than the limit.
    #[error("a message has {size} bytes or more, which is over the limit of {} MiB", MESSAGE_LIMIT >> 20)]
    LargeMessage {
        /// Its size, as far as it is known, in bytes.
        size: usize,
    },
    /// Too much waits to be sent.
    #[error("the server does not read what is sent to it")]
    Unread,
    /// What came does not follow the protocol.
    #[error("the server does not follow the protocol of WebSockets: {0}")]
    Protocol(String),
}

fn in_parentheses(progress: Option<&String>) -> String {
    progress.map_or_else(String::new, |words| format!(" ({words})"))
}

impl Handshake {
    /// Starts to open a WebSocket.
    ///
    /// # Errors
    ///
    /// If no connection can be started.
    pub fn start(request: Request, route: &Route) -> Result<Self, HttpError> {
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| HttpError::Lost(io::Error::other("no random numbers")))?;
        let key = STANDARD.encode(random);
        let mut request = request;
        let own = ["Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"];
        request.headers.retain(|(name, _)| !own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        for (name, value) in own.into_iter().zip(["Upgrade", "websocket", "13", &key]) {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self { exchange: Exchange::start(request, route)?, key })
    }

    /// Says what has happened so far, for the message that the time is over.
    pub fn progress(&self) -> String {
        self.exchange.progress()
    }

    /// Goes on as far as possible without waiting. Returns whether the server has answered, or why
    /// it cannot.
    pub fn advance(&mut self) -> Option<Result<Response, HttpError>> {
        self.exchange.advance()
    }

    /// Returns the WebSocket that the response opens.
    ///
    /// # Errors
    ///
    /// If it opens none.
    pub fn finish(self, response: &Response) -> Result<WebSocket, HandshakeError> {
        let Self { exchange, key } = self;
        let connection = exchange.into_connection().ok_or(HandshakeError::Refused)?;
        match invalid(response, &key) {
            Some(reason) => Err(HandshakeError::Invalid(reason)),
            None => WebSocket::new(connection).map_err(HandshakeError::Failed),
        }
    }
}

impl AsFd for Handshake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.exchange.as_fd()
    }
}

/// Returns why a response does not open a WebSocket, though it switches to another protocol.
fn invalid(response: &Response, key: &str) -> Option<String> {
    let first = |name: &'static str| response.header(name).next().map(str::trim);
    let has = |name: &'static str, value: &str| {
        response.header(name).flat_map(|header| header.split(',')).any(|item| item.trim().eq_ignore_ascii_case(value))
    };
    if !has("Upgrade", "websocket") {
        return Some("it has no header `Upgrade: websocket`".to_owned());
    }
    if !has("Connection", "upgrade") {
        return Some("it has no header `Connection: Upgrade`".to_owned());
    }
    let right = STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{SALT}").as_bytes()));
    match first("Sec-WebSocket-Accept") {
        Some(accept) if accept == right => {}
        Some(accept) => {
            return Some(format!("its header Sec-WebSocket-Accept is `{accept}`, which does not fit the key"));
        }
        None => return Some("it has no header Sec-WebSocket-Accept".to_owned()),
    }
    if let Some(extension) = first("Sec-WebSocket-Extensions").filter(|value| !value.is_empty()) {
        return Some(format!("it uses an extension that was not asked for: {extension}"));
    }
    let protocol = first("Sec-WebSocket-Protocol")?;
    let asked = response.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Protocol"));
    let is_asked = asked.flat_map(|(_, value)| value.split(',')).any(|value| value.trim() == protocol);
    (!is_asked).then(|| format!("it chooses the protocol `{protocol}`, which was not asked for"))
}

impl WebSocket {
    fn new(connection: Connection) -> Result<Self, HttpError> {
        let Connection { stream, events, interest, received } = connection;
        let lost = |error: rustix::io::Errno| HttpError::Lost(error.into());
        let again = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(lost)?;
        epoll::add(&events, &again, EventData::new_u64(0), EventFlags::IN).map_err(lost)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT))
            .max_write_buffer_size(UNSENT);
        let mut line = Line { stream, budget: 0, progress: FrameProgress::default(), sending_failed: None };
        line.progress.feed(&received);
        let socket = tungstenite::WebSocket::from_partially_read(line, received, Role::Client, Some(config));
        Ok(Self { socket, events, interest, again, pings: 0, has_unsent: false, has_closed: false, end: None })
    }

    /// Returns how it has ended, if it has.
    pub fn end(&self) -> Option<&WebSocketEnd> {
        self.end.as_ref()
    }

    /// Returns how many pings have come. They are answered.
    pub fn pings(&self) -> u64 {
        self.pings
    }

    /// Says what has come of a message that is not complete.
    pub fn progress(&self) -> Option<String> {
        self.socket.get_ref().progress.words()
    }

    /// Sends a text of at most [`MESSAGE_LIMIT`] bytes, as far as that is possible without waiting.
    ///
    /// [`WebSocket::advance`] sends the rest.
    pub fn send(&mut self, text: &str) {
        if self.end.is_none() {
            let sent = self.socket.write(tungstenite::Message::text(text));
            self.take_result(sent);
            self.flush();
        }
    }

    /// Whether sending has failed. How it has ended shows after [`WebSocket::advance`].
    pub fn has_failed_to_send(&self) -> bool {
        self.socket.get_ref().sending_failed.is_some()
    }

    /// Whether something is left to send.
    pub fn has_unsent(&self) -> bool {
        self.has_unsent
    }

    /// Begins to close it, with the code for a normal end.
    pub fn close(&mut self) {
        if self.end.is_none() && !self.has_closed {
            self.has_closed = true;
            let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
            let sent = self.socket.close(Some(frame));
            self.take_result(sent);
            self.flush();
        }
    }

    /// Goes on as far as possible without waiting.
    ///
    /// `take` gets each message, and decides whether the next one is received too.
    pub fn advance(&mut self, mut take: impl FnMut(Message) -> ControlFlow<()>) {
        // It was readable; what is left is found below.
        let _ = rustix::io::read(&self.again, &mut [0; 8]);
        self.socket.get_mut().budget = STRETCH;
        let mut has_more = true;
        for _ in 0..FRAMES {
            if self.end.is_some() {
                has_more = false;
                break;
            }
            let message = match self.socket.read() {
                Ok(tungstenite::Message::Text(text)) => Message::Text(text.as_str().to_owned()),
                Ok(tungstenite::Message::Binary(bytes)) => Message::Binary(bytes.to_vec()),
                Ok(tungstenite::Message::Ping(_)) => {
                    self.pings += 1;
                    continue;
                }
                Ok(tungstenite::Message::Close(frame)) => {
                    self.end = Some(WebSocketEnd::Closed(WebSocketClose {
                        code: frame.as_ref().map(|frame| frame.code.into()),
                        reason: frame.map_or_else(String::new, |frame| frame.reason.as_str().to_owned()),
                        is_answer: self.has_closed,
                    }));
                    continue;
                }
                Ok(tungstenite::Message::Pong(_) | tungstenite::Message::Frame(_)) => continue,
                Err(error) => {
                    // Only the budget may be used up.
                    has_more = self.socket.get_ref().budget == 0;
                    self.take_result(Err(error));
                    break;
                }
            };
            if take(message).is_break() {
                break;
            }
        }
        self.flush();
        if has_more && self.end.is_none() {
            let _ = rustix::io::write(&self.again, &1_u64.to_ne_bytes());
        }
    }

    /// Sends what is left to send, and waits for that in future if it has to.
    fn flush(&mut self) {
        let flushed = self.socket.flush();
        if self.end.is_some() {
            // The answer to a close may not be wanted any more.
            return;
        }
        self.has_unsent = flushed.is_err();
        self.take_result(flushed);
        let stream = &self.socket.get_ref().stream;
        let interest = stream.interest(self.has_unsent);
        if interest != self.interest
            && epoll::modify(&self.events, stream.as_fd(), EventData::new_u64(0), interest).is_ok()
        {
            self.interest = interest;
        }
    }

    /// Keeps the error of a call, unless it only says that nothing more is possible now.
    fn take_result(&mut self, result: tungstenite::Result<()>) {
        let Err(error) = result else { return };
        let progress = self.progress();
        let error = match error {
            tungstenite::Error::Io(error) if error.kind() == ErrorKind::WouldBlock => return,
            tungstenite::Error::Io(error) => WebSocketError::Lost {
                error: stream::explain(self.socket.get_mut().sending_failed.take().unwrap_or(error)),
                progress,
            },
            tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
                WebSocketError::LargeMessage { size }
            }
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                WebSocketError::Ended { progress }
            }
            tungstenite::Error::Utf8(_) => WebSocketError::Protocol("a text is not valid UTF-8".to_owned()),
            tungstenite::Error::Protocol(error) => WebSocketError::Protocol(protocol_words(&error)),
            tungstenite::Error::WriteBufferFull(_) => WebSocketError::Unread,
            error => WebSocketError::Protocol(error.to_string()),
        };
        self.end = Some(WebSocketEnd::Failed(error));
    }
}

/// Its descriptor is readable when [`WebSocket::advance`] can go on.
impl AsFd for WebSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

fn protocol_words(error: &ProtocolError) -> String {
    match error {
        ProtocolError::NonZeroReservedBits => "a frame uses an extension that was not agreed on".to_owned(),
        ProtocolError::MaskedFrameFromServer => "a frame of the server is masked".to_owned(),
        ProtocolError::FragmentedControlFrame => "a ping, pong or close is divided into frames".to_owned(),
        ProtocolError::ControlFrameTooBig => "a ping, pong or close is larger than 125 bytes".to_owned(),
        ProtocolError::UnexpectedContinueFrame => "a frame continues a message that has not begun".to_owned(),
        ProtocolError::ExpectedFragment(_) => "a message begins before the one before it has ended".to_owned(),
        ProtocolError::InvalidCloseSequence => "the payload of a close is invalid".to_owned(),
        ProtocolError::SendAfterClosing => "it is closed".to_owned(),
        error => {
            let text = error.to_string();
            let mut characters = text.chars();
            characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
        }
    }
}

/// The connection, of which one call reads only so much.
#[derive(Debug)]
struct Line {
    stream: Stream,
    budget: usize,
    progress: FrameProgress,
    /// Why nothing more can be sent. What the server has sent before is read all the same.
    sending_failed: Option<io::Error>,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.budget);
        if room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        loop {
            match self.stream.read(&mut buffer[..room]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => {
                    let length = read?;
                    self.budget -= length;
                    self.progress.feed(&buffer[..length]);
                    return Ok(length);
                }
            }
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.sending_failed.is_some() {
                return Ok(bytes.len());
            }
            match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    self.sending_failed = Some(error);
                    return Ok(bytes.len());
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.sending_failed.is_some() {
            return Ok(());
        }
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                self.sending_failed = Some(error);
                Ok(())
            }
            flushed => flushed,
        }
    }
}
