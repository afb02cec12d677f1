//! Bodies that steps describe: forms and uploads.

use std::fmt::Write;
use std::path::Path;

/// Encodes pairs of a form or a query: `name=Ada Lovelace&x=ü`. What is encoded stays as it is.
pub(super) fn encoded(pairs: &str) -> String {
    let bytes = pairs.as_bytes();
    let mut text = String::new();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        match byte {
            b' ' => text.push('+'),
            b'%' if is_digit(at + 1) && is_digit(at + 2) => text.push('%'),
            b'=' | b'&' | b'+' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() || b"-._~*!'()/:@,;?$[]".contains(&byte) => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// Returns the media type of a file by its name.
pub(super) fn media_type(name: &str) -> &'static str {
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "json" => "application/json",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "md" | "log" => "text/plain; charset=utf-8",
        "csv" => "text/csv",
        "css" => "text/css",
        "js" => "text/javascript",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// A form with a file, as browsers send it.
pub(super) struct Upload<'a> {
    /// The name of the field with the file.
    pub(super) field: &'a str,
    /// The name of the file.
    pub(super) name: &'a str,
    /// Its content.
    pub(super) content: &'a [u8],
}

impl Upload<'_> {
    /// Returns the media type and the body.
    pub(super) fn encode(&self) -> (String, Vec<u8>) {
        let boundary = self.boundary();
        let name = Path::new(self.name).file_name().map_or_else(|| self.name.into(), |name| name.to_string_lossy());
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            quoted(self.field),
            quoted(&name),
            media_type(self.name),
        );
        let mut body = head.into_bytes();
        body.extend_from_slice(self.content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    /// Returns a line that the content does not have: the same one each time, if possible.
    fn boundary(&self) -> String {
        let is_in = |text: &str| self.content.windows(text.len()).any(|part| part == text.as_bytes());
        let mut numbers = 1u32..;
        let free = numbers.find_map(|number| {
            let boundary = format!("greenroom-boundary-{number}");
            (!is_in(&boundary)).then_some(boundary)
        });
        free.unwrap_or_default()
    }
}

/// Returns a name as the header of a part has it: encoded as browsers do.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_encoded_once() {
        assert_eq!(encoded("name=Ada Lovelace&x=ü&y=50%&z=%20+"), "name=Ada+Lovelace&x=%C3%BC&y=50%25&z=%20+");
        assert_eq!(encoded("a={\"b\"}"), "a=%7B%22b%22%7D");
    }

    #[test]
    fn an_upload_has_a_boundary_that_its_content_does_not_have() {
        let upload = Upload { field: "pic\"", name: "a/b.png", content: b"x greenroom-boundary-1" };
        let (media_type, body) = upload.encode();
        assert_eq!(media_type, "multipart/form-data; boundary=greenroom-boundary-2");
        assert_eq!(
            String::from_utf8(body).unwrap().replace("\r\n", "|"),
            "--greenroom-boundary-2|Content-Disposition: form-data; name=\"pic%22\"; filename=\"b.png\"|Content-Type: \
             image/png||x greenroom-boundary-1|--greenroom-boundary-2--|"
        );
    }
}
