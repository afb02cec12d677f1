//! What to do about the certificate of a server that is not accepted.

use greenroom_sandbox::process::http::CertificateFault;

use super::options;
use crate::context::Context;
use crate::step::Failure;

/// Adds what to do about the certificate of a server.
pub(crate) fn explain_fault(context: &mut Context, error: Failure, fault: &CertificateFault) -> Failure {
    let trusted = &context.state::<options::State>().0.trusted;
    match fault {
        CertificateFault::Untrusted => {
            let error = if trusted.is_empty() {
                error.note("no certificate is trusted, also none of this machine")
            } else {
                error.note(format!("only the certificates of {} are trusted", trusted.join(" and ")))
            };
            error
                .help(
                    "write `given HTTP certificates of file FILE are trusted` before this step, with the certificate \
                     of the server or of the authority that signed it",
                )
                .help("or, to accept any server, `given HTTP certificates are not checked`")
        }
        CertificateFault::WrongName { expected, names } if names.is_empty() => {
            error.help(format!("make the certificate with `-addext subjectAltName={}`", alternative_name(expected)))
        }
        CertificateFault::WrongName { expected, .. } => error.help(format!(
            "send the request to a name of the certificate, or add `{}` to its subjectAltName",
            alternative_name(expected)
        )),
        CertificateFault::OldVersion => {
            error.help("make the certificate with `openssl req -x509 -addext subjectAltName=DNS:localhost`")
        }
        _ => error,
    }
}

/// Returns a name as `subjectAltName` has it.
fn alternative_name(name: &str) -> String {
    let kind = if name.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    format!("{kind}:{name}")
}
