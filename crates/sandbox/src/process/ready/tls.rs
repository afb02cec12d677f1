//! Readiness: a server completes a TLS handshake.

use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::ClientConnection;

use super::readiness::Readiness;
use crate::process::http::{HttpError, Tls, explain_tls};
use crate::process::ports::Listener;

/// How long a connection to this machine may take.
const CONNECT_LIMIT: Duration = Duration::from_millis(100);
/// The pause before another handshake, so that they do not bury the log of the server.
const PAUSE: Duration = Duration::from_millis(50);

/// Is met when a server completes a TLS handshake, whatever its certificate is. The connection is then
/// closed.
#[derive(Debug)]
pub struct TlsHandshake {
    address: SocketAddr,
    pending: Option<(TcpStream, ClientConnection)>,
    next: Instant,
    latest: Option<String>,
    /// Whether the server answered in another protocol.
    is_other: bool,
}

impl TlsHandshake {
    /// Creates the condition for a listening socket.
    pub fn new(listener: &Listener) -> Self {
        Self { address: listener.target(), pending: None, next: Instant::now(), latest: None, is_other: false }
    }

    /// Whether the server answered in another protocol, so that waiting on makes no sense.
    pub fn is_refuted(&self) -> bool {
        self.is_other
    }

    /// Connects, unless a handshake is under way.
    fn begin(&mut self) -> Result<(), String> {
        if self.pending.is_none() {
            self.next = Instant::now() + PAUSE;
            let tls = Tls::of_any_server().map_err(|error| error.to_string())?;
            let connection = tls.connection("localhost").map_err(|error| error.to_string())?;
            let socket = TcpStream::connect_timeout(&self.address, CONNECT_LIMIT).map_err(|error| error.to_string())?;
            socket.set_nonblocking(true).map_err(|error| error.to_string())?;
            self.pending = Some((socket, connection));
        }
        Ok(())
    }

    /// Goes on with the handshake. Returns whether it is complete.
    fn advance(&mut self) -> Result<bool, String> {
        let Some((socket, connection)) = &mut self.pending else { return Ok(false) };
        match connection.complete_io(socket) {
            // It has gone on as far as the server has.
            Ok(_) if connection.is_handshaking() => Ok(false),
            Ok(_) => {
                connection.send_close_notify();
                // The server knows that we are leaving, or sees the end of the connection.
                let _ = connection.write_tls(socket);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err("the server closed the connection".to_owned())
            }
            Err(error) => Err(match error.get_ref().and_then(|error| error.downcast_ref()) {
                Some(error) => {
                    let error = explain_tls(error);
                    self.is_other = matches!(error, HttpError::NoTls);
                    error.to_string()
                }
                None => error.to_string(),
            }),
        }
    }
}

impl fmt::Display for TlsHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS on port {}", self.address.port())
    }
}

impl Readiness for TlsHandshake {
    type Found = ();

    fn look(&mut self, _: Duration) -> Option<()> {
        if self.pending.is_none() && Instant::now() < self.next {
            return None;
        }
        match self.begin().and_then(|()| self.advance()) {
            Ok(true) => return Some(()),
            Ok(false) if self.latest.is_none() => self.latest = Some("the server has not answered".to_owned()),
            Ok(false) => {}
            Err(error) => {
                self.latest = Some(error);
                self.pending = None;
            }
        }
        None
    }

    fn unmet(&self) -> String {
        format!("port {} did not accept TLS", self.address.port())
    }

    fn latest(&self) -> Option<String> {
        self.latest.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;
    use crate::process::Watch;
    use crate::process::ports::Listeners;

    #[test]
    fn a_server_without_tls_is_not_accepted() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let mut handshake = TlsHandshake::new(&Listeners::new().on_port(port)[0]);
        assert_eq!(handshake.look(Duration::ZERO), None);
        assert_eq!(handshake.latest().as_deref(), Some("the server has not answered"));
        let (mut connection, _) = server.accept().unwrap();
        connection.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        let limit = Duration::from_mins(1);
        let seen = Watch::new().until("an answer", limit, &[], || {
            assert_eq!(handshake.look(limit), None);
            handshake.is_refuted().then(|| handshake.latest())
        });
        assert_eq!(seen, Ok(Some(Some("the server does not speak TLS".to_owned()))));
    }
}
