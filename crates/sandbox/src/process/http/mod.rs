//! A client for HTTP/1.1 that never blocks.
//!
//! An [`Exchange`] is one request on a connection of its own, and the response. It has a descriptor
//! that becomes readable when [`Exchange::advance`] can go on, so whoever waits for it waits for
//! that descriptor, with its own limits: no thread is needed, and a wait can end at any time.
//!
//! - `url` reads URLs, `message` has requests and responses as data.
//! - `address` finds the addresses of a host, `connection` connects to one of them.
//! - `tls` has whom a client trusts, and `certificate` what is wrong with a server's certificate.
//! - `web_socket` is a WebSocket on such a connection, and `frame_progress` sees how far a message has come.
//! - `decoder` reads responses. Heads and bodies have limits, so that a server without end costs
//!   neither memory nor time.

mod address;
mod certificate;
mod connection;
mod decoder;
mod error;
mod exchange;
#[cfg(feature = "websocket")]
mod frame_progress;
mod limit;
mod message;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod url;
#[cfg(feature = "websocket")]
mod web_socket;

pub use certificate::CertificateFault;
pub use error::HttpError;
pub use exchange::{Exchange, Route};
pub use limit::{BODY_LIMIT, HEAD_LIMIT};
pub use message::{Request, Response};
#[cfg(feature = "tls")]
pub(crate) use tls::explain as explain_tls;
#[cfg(feature = "tls")]
pub use tls::{Identity, Tls, TlsError, Trust};
pub use url::{Scheme, Url, UrlError};
#[cfg(feature = "websocket")]
pub use web_socket::{
    Handshake, HandshakeError, MESSAGE_LIMIT, Message, WebSocket, WebSocketClose, WebSocketEnd, WebSocketError,
};
