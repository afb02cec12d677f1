//! What tests wait for until a process is ready, one file each.
//!
//! greenroom's steps and [`crate::Daemon`] use the same conditions. To add one, write its file with
//! an `impl` of [`Readiness`]; [`crate::Daemon::wait_for`] takes it as it is.

mod content;
mod file;
#[cfg(feature = "http")]
mod http;
mod port;
mod readiness;
mod socket;
mod text;
#[cfg(feature = "tls")]
mod tls;

pub use content::Content;
pub use file::File;
#[cfg(feature = "http")]
pub use http::{Http, HttpAttempt};
pub use port::Port;
pub use readiness::Readiness;
pub use socket::Socket;
pub use text::Text;
#[cfg(feature = "tls")]
pub use tls::TlsHandshake;
