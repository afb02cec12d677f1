//! `greenroom init`: a first document.

use std::fs::File;
use std::io::{ErrorKind, Write};

use crate::arguments::Init;
use crate::exit;
use crate::settings::{Settings, complain, print};

/// It runs as it is, with nothing but a shell, and shows a file, a command and a background process.
const FIRST: &str = include_str!("first.md");

pub(crate) fn init(options: &Init, settings: &Settings) -> u8 {
    let file = options.file.display();
    let path = settings.directory.join(&options.file);
    let written =
        File::options().write(true).create_new(true).open(path).and_then(|mut to| to.write_all(FIRST.as_bytes()));
    match written {
        Ok(()) => print(&format!(
            "wrote {file}; now try\n\n    greenroom run {file}\n\nand then `greenroom steps` for all that a step can say\n"
        )),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            complain(&format!("{file} is there already and is left as it is; name another file: greenroom init FILE"));
            exit::USAGE
        }
        Err(error) => {
            complain(&format!("failed to write {file}: {error}"));
            exit::CANNOT
        }
    }
}
