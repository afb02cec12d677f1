//! Why an exchange failed.

use std::io;
use std::net::SocketAddr;

use super::certificate::CertificateFault;
use super::limit::{BODY_LIMIT, HEAD_LIMIT};

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The host has no address.
    #[error("{host} has no address: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// Why, as the system says it.
        reason: String,
    },
    /// These addresses of the host refused the connection.
    #[error("connection refused")]
    Refused(Vec<SocketAddr>),
    /// A connection could not be made.
    #[error("cannot connect to {to}: {}", plain(.error))]
    Connect {
        /// The address, or the path of a Unix socket.
        to: String,
        /// Why.
        error: io::Error,
    },
    /// The connection was lost.
    #[error("the connection was lost: {}", plain(.0))]
    Lost(io::Error),
    /// The server closed the connection without an answer.
    #[error("the server closed the connection without an answer")]
    NoAnswer,
    /// The server closed the connection in the middle of its answer.
    #[error("the server closed the connection in the middle of its answer: {0}")]
    Incomplete(String),
    /// The answer is not HTTP/1.1.
    #[error("the answer is not HTTP/1.1: {0}")]
    Malformed(String),
    /// The server expects TLS.
    #[error("the server expects TLS")]
    TlsExpected,
    /// The server does not speak TLS.
    #[error("the server does not speak TLS")]
    NoTls,
    /// The certificate of the server is not accepted.
    #[error("{0}")]
    Certificate(CertificateFault),
    /// The server asks for a certificate of the client.
    #[error("the server asks for a certificate of the client")]
    ClientCertificate,
    /// TLS failed in another way.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The head of the answer is too large.
    #[error("status and headers of the answer are larger than {} KiB", HEAD_LIMIT >> 10)]
    LargeHead,
    /// The body of the answer is too large.
    #[error("the body of the answer is larger than {} MiB", BODY_LIMIT >> 20)]
    LargeBody,
}

/// Returns the text of a system error without its number, in lower case.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
