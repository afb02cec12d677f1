//! Finding the program of a daemon.

use std::path::PathBuf;

use greenroom_sandbox::process::{ProgramError, find_program};

use super::order::StartOrder;
use crate::context::Context;
use crate::library::command::in_source_directory;
use crate::step::{Failure, FailureKind, note_emptied};

/// Finds the program: on PATH with /usr/sbin and /sbin, else in the directory where it will run.
pub(super) fn find(context: &mut Context, order: &StartOrder) -> Result<PathBuf, Failure> {
    let (name, directory) = (order.words[0].as_str(), order.directory.as_path());
    let path = context.environment().path();
    let path = order.search_path(&path);
    let source = context.source_directory();
    let not_found = |error: ProgramError| {
        let error = note_emptied(name, &path, Failure::from(error).kind(FailureKind::ProgramNotFound));
        match in_source_directory(name, source).filter(|_| error.help.is_empty()) {
            Some(help) => error.help(help),
            None => error,
        }
    };
    let found = |name: &str| {
        // Relative to where it will run, so that a script gets the name that the document says.
        let as_written = |found| if name.contains('/') { PathBuf::from(name) } else { found };
        find_program(name.as_ref(), &path, directory).map(as_written)
    };
    found(name).or_else(|error| match error {
        ProgramError::NotFound { searched_path: true, .. } => found(&format!("./{name}")).map_err(|_| not_found(error)),
        ProgramError::NotExecutable { ref path } => {
            let shown = path.strip_prefix(directory).unwrap_or(path).display().to_string();
            let bare = shown.trim_start_matches("./");
            let help =
                format!("put it there with `given a daemon helper shell script {bare}`, which makes it executable");
            Err(Failure::new(format!("{shown} is not an executable file")).kind(FailureKind::NotExecutable).help(help))
        }
        ProgramError::NotFound { .. } => Err(not_found(error)),
    })
}
