//! What is wrong with the certificate of a server.

use std::fmt;

/// What is wrong with the certificate of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// No trusted certificate vouches for it.
    Untrusted,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// It is for other names; these are the ones that it has.
    WrongName {
        /// The name in the URL.
        expected: String,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// It is an old certificate, of version 1, which has no names that a client may use.
    OldVersion,
    /// Something else, as the TLS library says it.
    Other(String),
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted => f.write_str("the certificate of the server is not trusted"),
            Self::Expired => f.write_str("the certificate of the server has expired"),
            Self::NotYetValid => f.write_str("the certificate of the server is not valid yet"),
            Self::WrongName { expected, names } if names.is_empty() => {
                write!(f, "the certificate of the server is not valid for {expected}: it has no subjectAltName")
            }
            Self::WrongName { expected, names } => {
                write!(f, "the certificate of the server is not valid for {expected}, only for {}", names.join(", "))
            }
            Self::OldVersion => f.write_str("the certificate of the server has version 1, without a subjectAltName"),
            Self::Other(reason) => write!(f, "the certificate of the server is invalid: {reason}"),
        }
    }
}
