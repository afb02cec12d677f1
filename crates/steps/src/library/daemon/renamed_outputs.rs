//! Renaming the output files of a daemon that is still running when another one gets its name.

use std::path::Path;

use super::daemons::Daemons;
use super::instance::{Daemon, output_file};
use crate::context::Context;
use crate::library::place::Place;
use crate::step::{Failure, StepResult, Stream};

/// The renamed output files of a running daemon.
pub(super) struct RenamedOutputs {
    /// The index of the daemon.
    pub(super) at: usize,
    /// Its number among the daemons of its name from now on.
    pub(super) number: usize,
    renamed: Vec<(String, String)>,
}

impl RenamedOutputs {
    /// Renames the output files of the daemon of this name, if it is running.
    pub(super) fn make(context: &mut Context, name: &str, directory: &Path) -> Result<Option<Self>, Failure> {
        let daemons = &mut context.state::<Daemons>().started;
        let known: Vec<String> = daemons.iter().map(|daemon| daemon.order.name.clone()).collect();
        let is_running = |daemon: &mut Daemon| daemon.stopped.is_none() && daemon.try_wait().is_none();
        let is_latest = |daemon: &Daemon| daemon.order.name == name && daemon.former.is_none();
        let Some(at) = daemons.iter().position(is_latest).filter(|&at| is_running(&mut daemons[at])) else {
            return Ok(None);
        };
        let is_same_directory = daemons[at].directory == directory;
        let mut number = known.iter().filter(|known| *known == name).count();
        loop {
            let files = [Stream::Stdout, Stream::Stderr]
                .map(|stream| (output_file(name, None, stream), output_file(name, Some(number), stream)));
            let is_free = !known.contains(&format!("{name}.{number}"))
                && files.iter().all(|(_, new)| std::fs::symlink_metadata(directory.join(new)).is_err());
            if !is_free {
                number += 1;
                continue;
            }
            let mut outputs = Self { at, number, renamed: Vec::new() };
            for (old, new) in files.into_iter().filter(|_| is_same_directory) {
                Place::make_in(context, directory, &old)?.rename(&Place::make_in(context, directory, &new)?)?;
                outputs.renamed.push((old, new));
            }
            return Ok(Some(outputs));
        }
    }

    /// Gives the files their old names again.
    pub(super) fn undo(self, context: &Context, directory: &Path) -> StepResult {
        for (old, new) in &self.renamed {
            Place::make_in(context, directory, new)?.rename(&Place::make_in(context, directory, old)?)?;
        }
        Ok(())
    }
}
