//! One request and its response, on a connection of its own.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::address::{self, Addresses, Lookup};
use super::connection::{self, Socket};
use super::decoder::{Decoder, SWITCHED};
use super::error::HttpError;
use super::message::{Request, Response};
use super::stream::{self, Stream};
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::process::unix_socket::connect_to_path;

/// How much is read at a time, in bytes.
const PIECE: usize = 64 * 1024;
/// How much is read before [`Exchange::advance`] returns, so that whoever waits can look at limits.
pub(super) const STRETCH: usize = 4 << 20;

/// How requests get to their server.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// The Unix socket that they go through, instead of the host of their URL.
    pub socket: Option<PathBuf>,
    /// How requests over TLS are made; without it, there are none.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

/// One request and its response.
///
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct Exchange {
    request: Request,
    state: State,
    /// Readable when the state can go on.
    events: OwnedFd,
    /// What is to be sent, and how much of it was.
    bytes: Vec<u8>,
    sent: usize,
    decoder: Decoder,
    /// Addresses that refused.
    refused: Vec<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

#[derive(Debug)]
enum State {
    /// The system looks for the addresses of the host.
    Lookup(Lookup),
    /// The first address is tried; the others come after it.
    Connecting(TcpStream, Vec<SocketAddr>),
    Talking(Talk),
    Over,
}

/// An open connection.
#[derive(Debug)]
struct Talk {
    stream: Stream,
    interest: EventFlags,
    /// Why nothing more can be sent. A server may have answered before.
    sending_failed: Option<io::Error>,
}

/// A connection that has left HTTP.
#[cfg(feature = "websocket")]
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Stream,
    /// Readable when the stream is ready for what interests.
    pub(super) events: OwnedFd,
    pub(super) interest: EventFlags,
    /// What has come behind the response.
    pub(super) received: Vec<u8>,
}

/// What [`Exchange::advance`] returns.
type Progress = Option<Result<Response, HttpError>>;

impl Exchange {
    /// Starts a request.
    ///
    /// # Errors
    ///
    /// If no connection can be started.
    pub fn start(request: Request, route: &Route) -> Result<Self, HttpError> {
        let events = epoll::create(CreateFlags::CLOEXEC).map_err(|error| HttpError::Lost(error.into()))?;
        let mut exchange = Self {
            bytes: request.bytes(),
            decoder: Decoder::new(&request.method),
            request,
            state: State::Over,
            events,
            sent: 0,
            refused: Vec::new(),
            #[cfg(feature = "tls")]
            tls: route.tls.clone(),
        };
        let url = &exchange.request.url;
        if let Some(path) = &route.socket {
            let to = || path.display().to_string();
            let stream = connect_to_path(path).map_err(|error| HttpError::Connect { to: to(), error })?;
            exchange.talk(Socket::Unix(stream))?;
            return Ok(exchange);
        }
        match address::find(&url.host, url.port).map_err(HttpError::Lost)? {
            Addresses::Known(addresses) => exchange.connect(addresses)?,
            Addresses::Pending(lookup) => {
                exchange.watch(lookup.end.as_fd(), EventFlags::IN)?;
                exchange.state = State::Lookup(lookup);
            }
        }
        Ok(exchange)
    }

    /// Returns the request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the status of the response, which comes before the rest of it.
    pub fn status(&self) -> Option<u16> {
        self.decoder.status()
    }

    /// Returns the value of a header of the response, until the response is complete.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.decoder.header(name)
    }

    /// Returns as much of the body as has come, until the response is complete.
    pub fn body(&self) -> &[u8] {
        self.decoder.body()
    }

    /// Returns the connection after a response that switches to another protocol.
    #[cfg(feature = "websocket")]
    pub(super) fn into_connection(self) -> Option<Connection> {
        let Self { state: State::Talking(talk), events, mut decoder, .. } = self else { return None };
        Some(Connection { stream: talk.stream, events, interest: talk.interest, received: decoder.take_rest() })
    }

    /// Says what has happened so far, for the message that the time is over.
    pub fn progress(&self) -> String {
        match &self.state {
            State::Lookup(_) => format!("the address of {} was not known yet", self.request.url.host),
            State::Connecting(..) => "the connection was not accepted".to_owned(),
            State::Talking(talk) if talk.stream.is_handshaking() => "TLS was not agreed on".to_owned(),
            State::Talking(_) | State::Over if self.sent < self.bytes.len() && !self.decoder.has_begun() => {
                format!("{} of {} bytes of the request were sent", self.sent, self.bytes.len())
            }
            State::Talking(_) | State::Over => {
                let nothing = if self.decoder.has_begun() { "the headers had no end" } else { "there was no answer" };
                self.decoder.progress().unwrap_or_else(|| nothing.to_owned())
            }
        }
    }

    /// Goes on as far as possible without waiting. Returns the response, or why there is none.
    pub fn advance(&mut self) -> Progress {
        match self.go_on() {
            Ok(None) => None,
            Ok(Some(response)) => {
                // The connection goes on, with another protocol.
                if response.status != SWITCHED {
                    self.state = State::Over;
                }
                Some(Ok(response))
            }
            Err(error) => {
                self.state = State::Over;
                Some(Err(error))
            }
        }
    }

    fn go_on(&mut self) -> Result<Option<Response>, HttpError> {
        loop {
            match &mut self.state {
                State::Lookup(lookup) => {
                    let Some(found) = lookup.take() else { return Ok(None) };
                    let host = &self.request.url.host;
                    let unresolved = |reason: String| HttpError::Unresolved { host: host.clone(), reason };
                    let addresses = found.map_err(|error| unresolved(resolver_words(&error)))?;
                    if addresses.is_empty() {
                        return Err(unresolved("the system knows none".to_owned()));
                    }
                    self.connect(addresses)?;
                }
                State::Connecting(stream, _) => {
                    let Some(result) = connection::result(stream) else { return Ok(None) };
                    self.connected(result)?;
                }
                State::Talking(_) => return self.exchange(),
                State::Over => return Err(HttpError::NoAnswer),
            }
        }
    }

    /// Starts to connect to the first of these addresses that does not refuse at once.
    fn connect(&mut self, addresses: Vec<SocketAddr>) -> Result<(), HttpError> {
        let Some((&first, rest)) = addresses.split_first() else { return Ok(()) };
        match connection::start(first) {
            Ok(stream) => {
                self.watch(stream.as_fd(), EventFlags::OUT)?;
                self.state = State::Connecting(stream, addresses);
                Ok(())
            }
            Err(error) => self.failed_at(first, error, rest.to_vec()),
        }
    }

    /// Takes the result of a connection.
    fn connected(&mut self, result: io::Result<()>) -> Result<(), HttpError> {
        let State::Connecting(stream, addresses) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(());
        };
        let Err(error) = result else {
            epoll::delete(&self.events, &stream).map_err(lost)?;
            return self.talk(Socket::Tcp(stream));
        };
        match addresses.split_first() {
            Some((&first, rest)) => self.failed_at(first, error, rest.to_vec()),
            None => Err(HttpError::Lost(error)),
        }
    }

    /// Goes on with the next address; the last error is the result if there is none.
    fn failed_at(&mut self, address: SocketAddr, error: io::Error, rest: Vec<SocketAddr>) -> Result<(), HttpError> {
        let is_refusal = error.kind() == ErrorKind::ConnectionRefused;
        if is_refusal {
            self.refused.push(address);
        }
        if !rest.is_empty() {
            return self.connect(rest);
        }
        // A machine without IPv6 says so about `localhost`, after 127.0.0.1 has refused.
        Err(if is_refusal || !self.refused.is_empty() {
            HttpError::Refused(std::mem::take(&mut self.refused))
        } else {
            HttpError::Connect { to: address.to_string(), error }
        })
    }

    fn talk(&mut self, socket: Socket) -> Result<(), HttpError> {
        let stream = self.stream(socket)?;
        let interest = EventFlags::IN | EventFlags::OUT;
        self.watch(stream.as_fd(), interest)?;
        self.state = State::Talking(Talk { stream, interest, sending_failed: None });
        Ok(())
    }

    #[cfg(feature = "tls")]
    fn stream(&self, socket: Socket) -> Result<Stream, HttpError> {
        if !self.request.url.scheme.is_secure() {
            return Ok(Stream::Plain(socket));
        }
        let Some(tls) = &self.tls else { return Err(HttpError::Tls("no certificate is trusted".to_owned())) };
        let connection = tls.connection(&self.request.server_name())?;
        Ok(Stream::Tls(Box::new(rustls::StreamOwned::new(connection, socket))))
    }

    #[cfg(not(feature = "tls"))]
    fn stream(&self, socket: Socket) -> Result<Stream, HttpError> {
        if self.request.url.scheme.is_secure() {
            return Err(HttpError::Tls("it needs the feature `tls` of greenroom-sandbox".to_owned()));
        }
        Ok(Stream::Plain(socket))
    }

    fn watch(&self, fd: BorrowedFd<'_>, interest: EventFlags) -> Result<(), HttpError> {
        epoll::add(&self.events, fd, EventData::new_u64(0), interest).map_err(lost)
    }

    /// Sends and receives.
    fn exchange(&mut self) -> Result<Option<Response>, HttpError> {
        let State::Talking(talk) = &mut self.state else { return Ok(None) };
        while self.sent < self.bytes.len() && talk.sending_failed.is_none() {
            match talk.stream.write(&self.bytes[self.sent..]) {
                Ok(0) => break,
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => talk.sending_failed = Some(error),
            }
        }
        let mut piece = vec![0; PIECE];
        let mut read = 0;
        while read < STRETCH {
            match talk.stream.read(&mut piece) {
                Ok(0) => {
                    if !self.decoder.has_begun()
                        && let Some(error) = talk.sending_failed.take()
                    {
                        return Err(stream::explain(error));
                    }
                    if talk.stream.is_handshaking() {
                        return Err(HttpError::Tls("the server closed the connection before it was agreed".to_owned()));
                    }
                    self.decoder.close()?;
                }
                Ok(length) => {
                    read += length;
                    self.decoder.feed(&piece[..length])?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(stream::explain(talk.sending_failed.take().unwrap_or(error))),
            }
            if self.decoder.is_complete() {
                let taken = self.decoder.take();
                return Ok(taken.map(|(head, body)| Response::new(head, body, self.request.clone())));
            }
        }
        let interest = talk.stream.interest(self.sent < self.bytes.len() && talk.sending_failed.is_none());
        if interest != talk.interest {
            epoll::modify(&self.events, talk.stream.as_fd(), EventData::new_u64(0), interest).map_err(lost)?;
            talk.interest = interest;
        }
        Ok(None)
    }
}

/// Its descriptor is readable when [`Exchange::advance`] can go on.
impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

fn lost(error: rustix::io::Errno) -> HttpError {
    HttpError::Lost(error.into())
}

/// Returns the reason of a failed search for addresses, without what every such error begins with.
fn resolver_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}
