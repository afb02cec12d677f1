//! `greenroom extract`: writes the embedded files of a document into a directory.
//!
//! The names are the document's, which need not be trusted: nothing outside of the directory is
//! written, also not through links, and everything is checked before the first file is written.

use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use greenroom_doc::{EmbeddedFile, nearest};
use greenroom_report::words;
use greenroom_steps::Registry;

use crate::documents::Documents;
use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output::print;
use crate::replace::Replacement;
use crate::settings::Settings;

/// Write the embedded files of a document into a directory
#[derive(Debug, Args)]
pub(crate) struct Extract {
    /// Document: a Markdown or .subplot file
    #[arg(value_name = "DOCUMENT", value_parser = NonEmptyStringValueParser::new())]
    document: String,
    /// Names of embedded files [default: all]
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Directory to write to; it is created if it is missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Replace existing files with other contents
    #[arg(long)]
    overwrite: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Extract {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let (loaded, document) = Documents::single(&self.document, settings, registry)?;
        let chosen = self.choose(&loaded.plan.documents[document].files)?;
        let directory = settings.directory.join(&self.directory);
        let mut refused = Vec::new();
        let mut unwritable = Vec::new();
        let mut targets = Vec::new();
        for file in chosen {
            match inside(&file.name) {
                Ok(name) => match self.check(&directory, &name, file) {
                    Ok(()) => targets.push((name, file)),
                    Err(reason) => unwritable.push(format!("cannot write {}: {reason}", words::escape(&file.name))),
                },
                Err(reason) => {
                    refused.push(format!("the embedded file `{}` {reason}", words::escape(&file.name)));
                }
            }
        }
        if !refused.is_empty() {
            return Err(CommandError::Files(refused));
        }
        if !unwritable.is_empty() {
            return Err(CommandError::Unwritable(unwritable));
        }
        let mut text = String::new();
        for (name, file) in targets {
            let shown = self.directory.join(&name);
            if !self.dry_run {
                let failed = |error| CommandError::system(format!("write {}", shown.display()), &error);
                write(&directory.join(&name), file).map_err(failed)?;
            }
            let word = if self.dry_run { "would write" } else { "wrote" };
            let _ = writeln!(text, "{word} {}", words::escape(&shown.display().to_string()));
        }
        if text.is_empty() {
            text.push_str("there are no embedded files\n");
        }
        let code = print(&text)?;
        Ok(code.unless_invalid(&loaded))
    }

    /// Returns the files that the user named, or all. Case makes no difference, as in steps.
    fn choose<'a>(&self, all: &'a [EmbeddedFile]) -> Result<Vec<&'a EmbeddedFile>, CommandError> {
        if self.files.is_empty() {
            return Ok(all.iter().collect());
        }
        let mut chosen: Vec<&EmbeddedFile> = Vec::new();
        let mut unknown = Vec::new();
        for name in &self.files {
            match all.iter().find(|file| file.name.to_lowercase() == name.to_lowercase()) {
                Some(file) if !chosen.iter().any(|other| other.name == file.name) => chosen.push(file),
                Some(_) => {}
                None => {
                    let similar = nearest(name, all.iter().map(|file| &*file.name));
                    let similar = similar.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
                    unknown.push(format!("there is no embedded file `{}`{similar}", words::escape(name)));
                }
            }
        }
        if unknown.is_empty() { Ok(chosen) } else { Err(CommandError::Usage(unknown)) }
    }

    /// Checks that a file can be written.
    fn check(&self, directory: &Path, name: &Path, file: &EmbeddedFile) -> Result<(), String> {
        let mut path = directory.to_owned();
        let mut parts = name.components().peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            let is_last = parts.peek().is_none();
            let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(()) };
            let kind = metadata.file_type();
            if kind.is_symlink() {
                return Err(format!("{} is a symbolic link", path.display()));
            }
            if !is_last && !kind.is_dir() {
                return Err(format!("{} is not a directory", path.display()));
            }
            if is_last && !kind.is_file() {
                return Err(format!("{} is not a file", path.display()));
            }
        }
        let is_same = fs::read(&path).is_ok_and(|bytes| bytes == file.text.as_bytes());
        if self.overwrite || is_same {
            return Ok(());
        }
        Err(format!("{} exists and has other contents; `--overwrite` replaces it", path.display()))
    }
}

/// Returns the name of an embedded file as a path, if it stays in the directory.
fn inside(name: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(name);
    if name.contains('\0') {
        return Err("has a name that no file can have");
    }
    let mut inside = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err("has a name that leads out of the directory");
            }
        }
    }
    if inside.as_os_str().is_empty() || name.ends_with('/') {
        Err("has a name that no file can have")
    } else {
        Ok(inside)
    }
}

fn write(path: &Path, file: &EmbeddedFile) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    Replacement::check(path)?.write(|to| to.write_all(file.text.as_bytes()))
}
