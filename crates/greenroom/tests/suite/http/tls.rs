//! Requests over TLS: whom they trust, and what they say when they do not.

use snapbox::str;

use super::{document, holds};
use crate::support::{Project, Ran, is_ci};

/// Whether openssl is installed; prints why a test is skipped otherwise.
pub(super) fn openssl() -> bool {
    let found = ["/usr/bin/openssl", "/usr/local/bin/openssl"].iter().any(|path| std::path::Path::new(path).exists());
    assert!(found || !is_ci(), "openssl is not installed");
    if !found {
        println!("skipped: openssl is not installed");
    }
    found
}

/// Makes a certificate NAME.pem with its key, as most people do.
pub(super) fn certificate(name: &str, options: &str) -> String {
    format!(
        "when I run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -out \
         {name}.pem -subj /CN=localhost {options}\n"
    )
}

pub(super) const NAMES: &str = "-addext subjectAltName=DNS:localhost,IP:127.0.0.1";

/// Starts the server with the certificate web.pem.
fn up(more: &str) -> String {
    format!(
        "given file answers.py\nwhen I start \"python3 answers.py 8443 web.pem web.key{more}\" as a background process \
         as web, on port 8443\n"
    )
}

pub(super) const TRUSTED: &str = "given HTTP certificates of file web.pem are trusted\n";
const GET: &str = "when I GET https://localhost:8443/echo\n";

/// Runs steps that must fail, and returns what the failure says.
fn said(steps: &str) -> String {
    let ran: Ran = Project::anywhere().file("x.md", document(steps)).run(["run", "x.md"]).code(1).stderr("");
    let after = ran.stdout.split("FAILED").nth(1).unwrap().split_once("\n\n").unwrap().1;
    after.split("\n\n").next().unwrap().to_owned()
}

#[test]
fn a_certificate_that_is_trusted_itself_is_accepted() {
    if !openssl() {
        return;
    }
    holds(&format!(
        "{}{}{TRUSTED}{GET}then the response status is 200\nwhen I GET https://127.0.0.1:8443/echo\n\
         then the response status is 200",
        certificate("web", NAMES),
        up("")
    ));
}

const LEAF: &str =
    "when I run openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout web.key -out \
                    web.csr -subj /CN=localhost -addext subjectAltName=DNS:localhost
when I run openssl x509 -req -in web.csr -CA ca.pem -CAkey ca.key -copy_extensions copy -days 2 -out web.pem
";

#[test]
fn an_authority_vouches_for_its_certificates() {
    if !openssl() {
        return;
    }
    let start = format!("{}{LEAF}{}", certificate("ca", ""), up(""));
    holds(&format!("{start}given HTTP certificates of file ca.pem are trusted\n{GET}then the response status is 200"));
    holds(&format!("{start}{TRUSTED}{GET}then the response status is 200"));
    snapbox::assert_data_eq!(
        said(&format!(
            "{start}given HTTP certificates of file ca.pem are trusted\nwhen I GET https://127.0.0.1:8443/echo"
        )),
        str![[r#"
  GET https://127.0.0.1:8443/echo failed: the certificate of the server is not valid for 127.0.0.1, only for localhost
  help: send the request to a name of the certificate, or add `IP:127.0.0.1` to its subjectAltName
"#]]
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused() {
    if !openssl() {
        return;
    }
    let start = format!("{}{}", certificate("web", NAMES), up(""));
    snapbox::assert_data_eq!(
        said(&format!("{start}{GET}")),
        str![[r#"
  GET https://localhost:8443/echo failed: the certificate of the server is not trusted
  note: no certificate is trusted, also none of this machine
  help: write `given HTTP certificates of file FILE are trusted` before this step, with the certificate of the server or of the authority that signed it
  help: or, to accept any server, `given HTTP certificates are not checked`
"#]]
    );
    let other = certificate("other", NAMES);
    snapbox::assert_data_eq!(
        said(&format!("{start}{other}given HTTP certificates of file other.pem are trusted\n{GET}")),
        str![[r#"
  GET https://localhost:8443/echo failed: the certificate of the server is not trusted
  note: only the certificates of other.pem are trusted
  help: write `given HTTP certificates of file FILE are trusted` before this step, with the certificate of the server or of the authority that signed it
  help: or, to accept any server, `given HTTP certificates are not checked`
"#]]
    );
    holds(&format!("{start}given HTTP certificates are not checked\n{GET}then the response status is 200"));
}

#[test]
fn names_and_dates_of_a_trusted_certificate_are_checked() {
    if !openssl() {
        return;
    }
    let nameless = format!("{}{}{TRUSTED}{GET}", certificate("web", ""), up(""));
    snapbox::assert_data_eq!(
        said(&nameless),
        str![[r#"
  GET https://localhost:8443/echo failed: the certificate of the server is not valid for localhost: it has no subjectAltName
  help: make the certificate with `-addext subjectAltName=DNS:localhost`
"#]]
    );
    let other = certificate("web", "-addext subjectAltName=DNS:app.test");
    snapbox::assert_data_eq!(
        said(&format!("{other}{}{TRUSTED}{GET}", up(""))),
        str![[r#"
  GET https://localhost:8443/echo failed: the certificate of the server is not valid for localhost, only for app.test
  help: send the request to a name of the certificate, or add `DNS:localhost` to its subjectAltName
"#]]
    );
    holds(&format!(
        "{other}{}{TRUSTED}given HTTP header Host is \"app.test\"\n{GET}then the response status is 200",
        up("")
    ));
    let expired = format!(
        "{}when I run openssl x509 -in web.pem -signkey web.key -days -1 -out old.pem\nwhen I run mv old.pem web.pem\n",
        certificate("web", NAMES)
    );
    snapbox::assert_data_eq!(
        said(&format!("{expired}{}{TRUSTED}{GET}", up(""))),
        str!["  GET https://localhost:8443/echo failed: the certificate of the server has expired"]
    );
}

#[test]
fn a_client_identifies_itself() {
    if !openssl() {
        return;
    }
    let start = format!("{}{}{}{TRUSTED}", certificate("web", NAMES), certificate("ada", ""), up(" ada.pem"));
    let identity = "given HTTP client certificate ada.pem with key ada.key\n";
    holds(&format!("{start}{identity}{GET}then the response status is 200"));
    snapbox::assert_data_eq!(
        said(&format!("{start}{GET}")),
        str![[r#"
  GET https://localhost:8443/echo failed: the server asks for a certificate of the client
  help: write `given HTTP client certificate CERTIFICATE with key KEY` before this step
"#]]
    );
    let wrong = "given HTTP client certificate ada.pem with key web.key\n";
    snapbox::assert_data_eq!(
        said(&format!("{start}{wrong}{GET}")),
        str!["  cannot use client certificate ada.pem with key web.key: the key does not belong to the certificate"]
    );
}

#[test]
fn large_bodies_go_over_tls_in_both_directions() {
    if !openssl() {
        return;
    }
    holds(&format!(
        "{}{}{TRUSTED}when I run dd if=/dev/urandom of=f bs=1M count=8\n\
         when I send a POST request to https://localhost:8443/nothing with file f\nthen the response status is 404\n\
         when I try to send a GET request to https://localhost:8443/endless\nthen the request fails with \"64 MiB\"",
        certificate("web", NAMES),
        up("")
    ));
}

#[test]
fn both_ends_must_agree_on_tls() {
    if !openssl() {
        return;
    }
    let plain = format!("{}when I GET https://localhost:8000/echo", super::UP);
    snapbox::assert_data_eq!(
        said(&plain),
        str!["  GET https://localhost:8000/echo failed: the server closed the connection without an answer"]
    );
    let start = format!("{}{}", certificate("web", NAMES), up(""));
    snapbox::assert_data_eq!(
        said(&format!("{start}given HTTP certificates of file answers.py are trusted\n{GET}")),
        str!["  cannot trust certificates of file answers.py: it has no certificate in PEM format"]
    );
}

/// A wait asks whether a server is ready, not who it is, unless the document says whom it trusts.
#[test]
fn a_wait_for_https_needs_no_certificate() {
    if !openssl() {
        return;
    }
    let start = format!("{}{}", certificate("web", NAMES), up(""));
    let wait = "when I wait for https://localhost:8443/echo to answer with status 200, for at most 20 seconds\n";
    holds(&format!("{start}{wait}{TRUSTED}{wait}"));
    let other = certificate("other", NAMES);
    let wait = wait.replace("20 seconds", "0.3 seconds");
    snapbox::assert_data_eq!(
        said(&format!("{start}{other}given HTTP certificates of file other.pem are trusted\n{wait}")),
        str![[r#"
  https://localhost:8443/echo did not answer with status 200 within 300 ms
  note: last attempt: the certificate of the server is not trusted
  note: daemon web is running
  note: only the certificates of other.pem are trusted
  help: write `given HTTP certificates of file FILE are trusted` before this step, with the certificate of the server or of the authority that signed it
  help: or, to accept any server, `given HTTP certificates are not checked`
"#]]
    );
}
