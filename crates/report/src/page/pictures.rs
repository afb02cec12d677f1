//! Pictures: which files a document names, and how their bytes get into the page.

use std::collections::HashMap;
use std::ops::Range;

use greenroom_event::DocumentText;

use crate::page::markup::{Escaped, Target, target};
use crate::page::raw::RawPicture;

/// A picture that a document names by a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPicture {
    /// Its path: relative to the working directory or absolute. It is its name among the assets.
    pub path: String,
    /// As the document writes it.
    pub written: String,
    /// Index of the part of the document that names it.
    pub part: usize,
    /// Where in that part.
    pub range: Range<usize>,
}

/// Returns the path of the picture with this address in a file. `None` if it is not a path.
pub(crate) fn path(file: &str, address: &str) -> Option<String> {
    if target(address) != Target::Local || address.is_empty() || address.starts_with(['#', '?']) {
        return None;
    }
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let path = decode(&address[..end]);
    let directory = file.rfind('/').map_or("", |at| &file[..=at]);
    Some(if path.starts_with('/') { path } else { format!("{directory}{path}") })
}

/// Decodes `%20` and the like.
fn decode(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| byte == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(decoded) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(decoded);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| address.to_owned())
}

/// The pictures of a document.
#[derive(Debug)]
pub(crate) struct Pictures<'a> {
    /// In base64, by path.
    found: HashMap<&'a str, &'a str>,
}

impl<'a> Pictures<'a> {
    pub(crate) fn new(text: &'a DocumentText) -> Self {
        Self { found: text.assets.iter().map(|asset| (&*asset.name, &*asset.base64)).collect() }
    }

    /// Adds a picture that a file names: the picture itself, or a link or note in its place.
    pub(crate) fn write(&self, out: &mut String, file: &str, picture: &RawPicture) {
        let RawPicture { address, alt, title, size } = picture;
        let data = path(file, address).and_then(|path| self.found.get(&*path));
        if let Some((data, kind)) = data.and_then(|data| Some((data, kind(data)?))) {
            out.push_str(&format!("<img src=\"data:{kind};base64,{data}\" alt=\"{}\"", Escaped(alt)));
            if !title.is_empty() {
                out.push_str(&format!(" title=\"{}\"", Escaped(title)));
            }
            for (name, value) in ["width", "height"].iter().zip(size) {
                if let Some(value) = value {
                    out.push_str(&format!(" {name}=\"{value}\""));
                }
            }
            out.push('>');
            return;
        }
        let shown = if alt.is_empty() { address } else { alt };
        let (address, shown) = (Escaped(address), Escaped(shown));
        match target(&picture.address) {
            Target::Remote => out.push_str(&format!("<a class=\"picture\" href=\"{address}\">Picture: {shown}</a>")),
            _ if data.is_some() => {
                out.push_str(&format!(
                    "<span class=\"note\">Not a picture that pages can show: {address} ({shown})</span>"
                ));
            }
            Target::Local => out.push_str(&format!("<span class=\"note\">Missing picture: {address} ({shown})</span>")),
            Target::Refused => out.push_str(&format!("<span class=\"note\">Picture left out: {shown}</span>")),
        }
    }
}

/// Returns the media type of a picture, by how its bytes begin. `None` for any other file.
pub(crate) fn kind(base64: &str) -> Option<&'static str> {
    use base64::Engine as _;
    // As many characters as a whole number of bytes has, and enough of them.
    let end = (base64.len() / 4 * 4).min(1024);
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64.get(..end)?).ok()?;
    media_type(&bytes)
}

/// Returns the media type of a picture, by how its bytes begin.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 5] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"\0\0\x01\0", "image/x-icon"),
    ];
    if let Some((_, kind)) = kinds.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(kind);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    if bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12).is_some_and(|brand| brand == b"avif" || brand == b"avis") {
        return Some("image/avif");
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_svg =
        text.starts_with("<svg") || (text.starts_with("<?xml") || text.starts_with("<!")) && text.contains("<svg");
    is_svg.then_some("image/svg+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        assert_eq!(path("docs/a.md", "x%20y.png?v=1").as_deref(), Some("docs/x y.png"));
        assert_eq!(path("a.md", "img/x.png").as_deref(), Some("img/x.png"));
        assert_eq!(path("a.md", "/x.png").as_deref(), Some("/x.png"));
        assert_eq!(path("a.md", "100%.png").as_deref(), Some("100%.png"));
        assert_eq!(path("a.md", "https://x/y.png"), None);
        assert_eq!(path("a.md", "data:image/png;base64,x"), None);
        assert_eq!(path("a.md", "#x"), None);
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"<?xml version=\"1.0\"?>\n<!-- a -->\n<svg>"), Some("image/svg+xml"));
        assert_eq!(media_type(b"RIFF....WEBP"), Some("image/webp"));
        assert_eq!(media_type(b"<html><svg>"), None);
        assert_eq!(media_type(b""), None);
    }
}
