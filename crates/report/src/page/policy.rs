//! The Content-Security-Policy of a page: nothing is loaded, and only our own script runs.
//!
//! The digests are those of the very texts that the page holds, so nothing else passes as style or
//! script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Returns the policy of a page with these styles, scripts and linked style sheets.
pub(crate) fn policy(styles: &[&str], script: Option<&str>, linked: &[&str]) -> String {
    let sources = |texts: &mut dyn Iterator<Item = String>| {
        let all: Vec<String> = texts.collect();
        if all.is_empty() { "'none'".to_owned() } else { all.join(" ") }
    };
    let styles = sources(&mut styles.iter().map(|text| digest(text)).chain(linked.iter().map(|&url| url.to_owned())));
    let scripts = sources(&mut script.iter().map(|text| digest(text)));
    format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; base-uri 'none'; \
         form-action 'none'"
    )
}

/// Returns the source expression for a text between tags.
fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Returns an address as a policy can name it, without its query. `None` if a policy cannot name it.
pub(crate) fn source(url: &str) -> Option<&str> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/@!$&()+=%[]".contains(c);
    (is_web && url[..end].chars().all(plain)).then_some(&url[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_the_digests_of_what_the_page_holds() {
        // printf 'a' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            policy(&["a"], None, &[]),
            "default-src 'none'; script-src 'none'; style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='; \
             img-src data:; base-uri 'none'; form-action 'none'"
        );
        assert!(policy(&[], Some("a"), &["https://a/b.css"]).contains("script-src 'sha256-ypeB"));
    }

    #[test]
    fn an_address_cannot_add_to_the_policy() {
        assert_eq!(source("https://a/b.css?c=d"), Some("https://a/b.css"));
        assert_eq!(source("https://a/b;script-src *"), None);
        assert_eq!(source("https://a/'unsafe-inline'"), None);
        assert_eq!(source("javascript:x"), None);
    }
}
