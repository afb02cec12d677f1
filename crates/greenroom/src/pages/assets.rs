//! Reads the pictures and style sheets that documents name into their texts.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greenroom_doc::{Code, Diagnostic, Loaded, PlannedDocument, Span};
use greenroom_event::words::size_limit;
use greenroom_event::{Asset, DocumentText};
use greenroom_report::page::{self, NamedPicture};
use greenroom_report::words;

use crate::settings::Settings;

/// The size limit of a picture or style sheet. Larger ones make pages that browsers open slowly.
const LARGEST: u64 = 5 << 20;

/// Adds the files that documents name. Returns a warning for each that is missing.
pub(crate) fn read(texts: &mut [DocumentText], loaded: &Loaded, settings: &Settings) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for (text, document) in texts.iter_mut().zip(&loaded.plan.documents) {
        for picture in page::pictures(text) {
            match file(&settings.directory.join(&picture.path)).and_then(picture_bytes) {
                Ok(bytes) => text.assets.push(Asset { name: picture.path, base64: STANDARD.encode(bytes) }),
                Err(error) => warnings.push(missing_picture(document, &picture, &error)),
            }
        }
        for name in &text.css_embed {
            let path = Path::new(&document.directory).join(name);
            match file(&settings.directory.join(&path)) {
                Ok(bytes) => text.assets.push(Asset { name: name.clone(), base64: STANDARD.encode(bytes) }),
                Err(error) => warnings.push(missing_style(document, name, &path, &error)),
            }
        }
    }
    warnings
}

/// Reads a file of limited size.
fn file(path: &Path) -> io::Result<Vec<u8>> {
    // Before opening: to open a named pipe would block.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let size = words::size(metadata.len());
        return Err(io::Error::other(format!("it has {size}; the limit is {}", size_limit(LARGEST))));
    }
    Ok(bytes)
}

fn picture_bytes(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    match page::media_type(&bytes) {
        Some(_) => Ok(bytes),
        None => Err(io::Error::other("not a picture: expected PNG, JPEG, GIF, WebP, AVIF, BMP, ICO or SVG")),
    }
}

/// Returns the reason in plain words.
fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound { "it does not exist".to_owned() } else { error.to_string() }
}

fn missing_picture(document: &PlannedDocument, picture: &NamedPicture, error: &io::Error) -> Diagnostic {
    let NamedPicture { path, written, part, range } = picture;
    let message = format!("the page will lack the picture `{written}`: {}", reason(error));
    let warning = Diagnostic::warning(Code::MissingAsset, message);
    let warning = match document.bodies.get(*part) {
        Some(body) => {
            let start = body.start as usize;
            warning.at(Span::new(body.source, start + range.start..start + range.end), "")
        }
        None => warning,
    };
    if written == path { warning } else { warning.note(format!("its path is {path}")) }
}

fn missing_style(document: &PlannedDocument, name: &str, path: &Path, error: &io::Error) -> Diagnostic {
    let of = &document.path;
    let message = format!("the page of {of} will lack the style sheet `{name}` (`css_embed`): {}", reason(error));
    let warning = Diagnostic::warning(Code::MissingAsset, message);
    if path == Path::new(name) { warning } else { warning.note(format!("its path is {}", path.display())) }
}
