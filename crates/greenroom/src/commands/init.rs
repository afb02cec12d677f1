//! `greenroom init`: writes a first document.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;

use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output::print;
use crate::settings::Settings;

/// A document that runs anywhere: it needs only a shell. It has a file, a command and a background
/// process.
const FIRST: &str = include_str!("first.md");

/// Write a first document that runs as it is
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// File to write
    #[arg(value_name = "FILE", default_value = "acceptance.md")]
    file: PathBuf,
}

impl Init {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<ExitCode, CommandError> {
        let file = self.file.display();
        let path = settings.directory.join(&self.file);
        let written =
            File::options().write(true).create_new(true).open(path).and_then(|mut to| to.write_all(FIRST.as_bytes()));
        match written {
            Ok(()) => print(&format!(
                "wrote {file}\n\n\
                 Run it:              greenroom run {file}\n\
                 See all the steps:   greenroom steps\n"
            )),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(CommandError::Usage(vec![format!("{file} already exists; name another file: greenroom init FILE")]))
            }
            Err(error) => Err(CommandError::system(format!("write {file}"), &error)),
        }
    }
}
