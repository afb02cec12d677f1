//! Code that `subplot-build` 0.11 and 0.12 generated.
//!
//! Builders of steps had `build(text, location)` then, and have `build(number, text, location)` since. The older one
//! is a method of a trait, and wins where the trait is imported. Generated files have step functions or embedded
//! files, or both, so the attribute `step` and the macro `lazy_static` import it in older files.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proc_macro2::TokenStream;
use quote::quote;

/// Which version generated a file.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    /// Expected outputs of commands have their escapes, such as `\n`, until they are compared.
    V0_11,
    /// All texts are as they are compared.
    V0_12,
}

/// Returns the import that the file of this text needs.
pub(crate) fn import(file: &str) -> Option<TokenStream> {
    let builder = match version(file)? {
        Version::V0_11 => quote!(EscapedBuilder),
        Version::V0_12 => quote!(UnnumberedBuilder),
    };
    Some(quote! {
        #[allow(unused_imports, reason = "a module may have no tests")]
        use ::subplotlib::step::#builder as _;
    })
}

/// Returns statics as `lazy_static` makes them, in the file of this text.
pub(crate) fn statics(statics: &TokenStream, file: Option<&str>) -> TokenStream {
    let import = file.and_then(import);
    quote! {
        ::subplotlib::__private::prelude::lazy_static! { #statics }
        #import
    }
}

/// Returns which version generated a text, if it was one whose steps have no number.
///
/// Other builders have methods of the name `build`, so the arguments must be those of generated code.
fn version(text: &str) -> Option<Version> {
    let is_generated = |arguments: &str| {
        let mut rest = arguments.chars().filter(|c| !c.is_whitespace());
        let mut skips = |expected: &str| expected.chars().all(|c| rest.next() == Some(c));
        skips("format!(\"{}{}\",\"")
            && rest.by_ref().find(|c| !c.is_ascii_lowercase()) == Some('"')
            && ",base64_decode(".chars().all(|c| rest.next() == Some(c))
    };
    let is_old = text.split(".build(").skip(1).any(is_generated);
    is_old.then(|| if has_escapes(text) { Version::V0_11 } else { Version::V0_12 })
}

/// Whether a comment shows a text with a backslash as it is. Since 0.12, comments double backslashes.
fn has_escapes(text: &str) -> bool {
    text.split("// \"").skip(1).any(|rest| {
        let (comment, code) = rest.split_once('\n').unwrap_or((rest, ""));
        let argument = || code.trim_start().strip_prefix("&base64_decode(")?.trim_start().strip_prefix('"');
        let encoded = |text: &str| BASE64_STANDARD.encode(text) + "\"";
        comment.trim_end().strip_suffix('"').is_some_and(|shown| {
            shown.contains('\\') && argument().is_some_and(|argument| argument.starts_with(&encoded(shown)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_steps_have_no_number() {
        let old = r#"x.build(1); x.build(format!("{} {}", "given", base64_decode("eA==")), "x.md:1:1")"#;
        assert_eq!(version(old), Some(Version::V0_12));
        // As rustfmt writes it.
        let formatted = "x.build(\n    format!(\n        \"{} {}\",\n        \"when\",\n        base64_decode(";
        assert_eq!(version(formatted), Some(Version::V0_12));
        for other in [
            r#"x.build(1, format!("{} {}", "given", base64_decode("eA==")), "unknown"); x.build(text)"#,
            r#"url.build(format!("{} {}", "given", name)); x.build(1, text, "unknown")"#,
            r#"url.build(format!("{}", base64_decode("eA==")))"#,
            ".build(",
        ] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_texts_have_their_escapes() {
        let with = |argument: &str| {
            version(&format!(".text({argument}).build(format!(\"{{}} {{}}\", \"then\", base64_decode(\"\")), \"\")"))
        };
        assert_eq!(with("\n    // \"a\\n\"\n    &base64_decode(\"YVxu\")\n"), Some(Version::V0_11));
        assert_eq!(with("\n    // \"a\\n\"\n    &base64_decode(\n    \"YVxu\",\n)\n"), Some(Version::V0_11));
        // A line break, and a backslash, as 0.12 shows them.
        assert_eq!(with("\n    // \"a\\n\"\n    &base64_decode(\"YQo=\")\n"), Some(Version::V0_12));
        assert_eq!(with("\n    // \"a\\\\n\"\n    &base64_decode(\"YVxu\")\n"), Some(Version::V0_12));
    }
}
