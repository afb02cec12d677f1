//! TLS: whom a client trusts, and what it says when it does not.
//!
//! Only certificates that the caller names are trusted, so results do not depend on the machine. A
//! server's own certificate may be named too, as the one that `openssl req -x509` makes: it is
//! accepted once its dates and names are checked, although it says that it is an authority.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, OtherError,
    RootCertStore, SignatureScheme,
};

use super::certificate::CertificateFault;
use super::error::HttpError;

/// How requests over TLS are made.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

/// Which servers a client accepts.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    certificates: Vec<CertificateDer<'static>>,
    accepts_all: bool,
}

/// The certificate of a client, with its key.
#[derive(Debug)]
pub struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why certificates or keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl Trust {
    /// Accepts all servers, without a look at their certificates.
    pub fn all() -> Self {
        Self { certificates: Vec::new(), accepts_all: true }
    }

    /// Adds the certificates in a PEM file.
    ///
    /// # Errors
    ///
    /// If it has none, or an invalid one.
    pub fn add(&mut self, pem: &[u8]) -> Result<(), TlsError> {
        self.certificates.extend(certificates(pem)?);
        Ok(())
    }
}

impl Identity {
    /// Reads a certificate, perhaps with its intermediates, and a key, in PEM.
    ///
    /// # Errors
    ///
    /// If one of them is missing or invalid.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError(format!("the key cannot be read: {}", pem_words(&error))))?;
        Ok(Self { certificates: certificates(certificate)?, key })
    }
}

impl Tls {
    /// Creates it.
    ///
    /// # Errors
    ///
    /// If a key does not fit its certificate, or cannot be used.
    pub fn new(trust: Trust, identity: Option<Identity>) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let invalid = |error: Error| TlsError(error.to_string());
        let verifier = Arc::new(Verifier::new(trust, Arc::clone(&provider))?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificates, key }) => {
                builder.with_client_auth_cert(certificates, key).map_err(|error| {
                    let error = match error {
                        Error::InconsistentKeys(_) => "the key does not belong to the certificate".to_owned(),
                        error => error.to_string(),
                    };
                    TlsError(error)
                })?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }

    /// Creates it for handshakes with servers of any protocol and certificate.
    ///
    /// # Errors
    ///
    /// If TLS cannot be used at all.
    pub(crate) fn of_any_server() -> Result<Self, TlsError> {
        let Self(config) = Self::new(Trust::all(), None)?;
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols.clear();
        Ok(Self(Arc::new(config)))
    }

    /// Starts a connection to a host of this name.
    pub(crate) fn connection(&self, host: &str) -> Result<ClientConnection, HttpError> {
        let name = ServerName::try_from(host.trim_end_matches('.').to_owned())
            .map_err(|_| HttpError::Tls(format!("`{host}` cannot be the name of a server")))?;
        ClientConnection::new(Arc::clone(&self.0), name).map_err(|error| HttpError::Tls(error.to_string()))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(TlsError("it has no certificate in PEM format".to_owned())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError(format!("it is not valid PEM: {}", pem_words(&error)))),
    }
}

fn pem_words(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::NoItemsFound => "there is none in PEM format, without a passphrase".to_owned(),
        error => error.to_string(),
    }
}

/// Checks the certificates of servers.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    /// Checks chains; `None` where there is nothing to trust.
    chains: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(trust: Trust, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in &trust.certificates {
            roots.add(certificate.clone()).map_err(|error| {
                TlsError(format!("it has a certificate that cannot be used: {}", fault_words(&error)))
            })?;
        }
        let chains = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(builder.build().map_err(|error| TlsError(error.to_string()))?)
        };
        Ok(Self { trust, chains, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trust.accepts_all {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(chains) = &self.chains else { return Err(CertificateError::UnknownIssuer.into()) };
        let verified = chains.verify_server_cert(end_entity, intermediates, server_name, ocsp, now);
        match verified {
            Err(error) if is_about_chain(&error) && self.trust.certificates.iter().any(|it| it == end_entity) => {
                // Its dates were checked first, its name was not.
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether an error is only about who signed a certificate, not about the certificate itself.
fn is_about_chain(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => true,
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            matches!(webpki_error(other), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

fn webpki_error(other: &OtherError) -> Option<&webpki::Error> {
    other.0.downcast_ref()
}

/// Says why a connection failed.
pub(crate) fn explain(error: &Error) -> HttpError {
    match error {
        Error::InvalidCertificate(fault) => HttpError::Certificate(fault_of(fault)),
        Error::InvalidMessage(_) => HttpError::NoTls,
        Error::AlertReceived(AlertDescription::CertificateRequired) => HttpError::ClientCertificate,
        Error::AlertReceived(alert) => HttpError::Tls(format!("the server refused it: {}", alert_words(*alert))),
        error => HttpError::Tls(error.to_string()),
    }
}

fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => "it wants another version than TLS 1.2 or 1.3".to_owned(),
        AlertDescription::UnrecognisedName => "it does not know the name in the URL".to_owned(),
        AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1".to_owned(),
        AlertDescription::UnknownCA => "it does not trust the certificate of the client".to_owned(),
        AlertDescription::HandshakeFailure => {
            "it has no cipher in common with the client, or wants a certificate of it".to_owned()
        }
        alert => format!("alert {alert:?}"),
    }
}

fn fault_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(fault) => match fault_of(fault) {
            CertificateFault::Other(reason) => reason,
            fault => fault.to_string(),
        },
        error => error.to_string(),
    }
}

fn fault_of(error: &CertificateError) -> CertificateFault {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::Untrusted,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        CertificateError::NotValidForNameContext { expected, presented } => CertificateFault::WrongName {
            expected: expected.to_str().into_owned(),
            names: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::Other(other) => match webpki_error(other) {
            // Its dates are right, so only who signed it is wrong.
            Some(webpki::Error::CaUsedAsEndEntity) => CertificateFault::Untrusted,
            Some(webpki::Error::UnsupportedCertVersion) => CertificateFault::OldVersion,
            _ => CertificateFault::Other(error.to_string()),
        },
        error => CertificateFault::Other(error.to_string()),
    }
}

/// Returns the name in `DnsName("localhost")`, as the library writes it.
fn plain_name(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"').to_owned()
}
