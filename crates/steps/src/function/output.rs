//! What step functions print: to a file of the scenario, whose parts explain failures.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use greenroom_event::{FailureKind, OutputSource, words};
use greenroom_sandbox::process::capture;

use crate::context::Context;
use crate::evidence::STEP_OUTPUT;
use crate::step::{Failure, Output, StepResult, output_of};

/// The file, beside the scenario's directory.
pub(super) const FILE: &str = "functions.output";

/// How much of it a message shows at most, in bytes.
const SHOWN: u64 = 8 * 1024;

/// Whose output a message shows.
const TITLE: &str = "output of the Rust function";
/// Likewise, of functions of earlier steps.
const EARLIER: &str = "output of Rust functions before it";

/// The file that standard output and error of the process that runs the steps go to.
#[derive(Debug, Default)]
struct Printed {
    file: Option<File>,
    /// Where the output of the present function begins.
    from: u64,
}

impl Printed {
    fn written(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len())
    }

    fn part(&self, part: Range<u64>, title: &str, most: u64) -> Option<Output> {
        let tail = capture::end_of_part(self.file.as_ref()?, part, most).ok()?;
        let source = OutputSource::Function { title: title.to_owned() };
        (!tail.bytes.is_empty()).then(|| output_of(source, &tail))
    }
}

/// Returns the file that functions print to.
pub(super) fn file(context: &mut Context) -> Result<File, Failure> {
    let file = context.state::<Printed>().file.as_ref().map(File::try_clone);
    Ok(file.ok_or_else(|| Failure::new("the output of step functions is not kept"))??)
}

/// Returns the end of what the functions of a scenario printed whose process has died.
///
/// `most` is how much of it counts, in bytes.
pub(super) fn of_dead(backstage: &Path, most: Option<u64>) -> Option<Output> {
    let file = File::open(backstage.join(FILE)).ok()?;
    let length = file.metadata().ok()?.len();
    let to = most.map_or(length, |most| length.min(most));
    Printed { file: Some(file), from: 0 }.part(0..to, "output of the Rust functions", SHOWN)
}

/// Begins to keep what a function prints.
pub(super) fn begin(context: &mut Context) -> StepResult {
    if context.state::<Printed>().file.is_none() {
        let path = context.backstage().join(FILE);
        let open = || {
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
            capture::redirect_output(&file)?;
            Ok(file)
        };
        let file = open().map_err(|error: io::Error| {
            Failure::new(format!("cannot keep the output of step functions in {}: {error}", path.display()))
        })?;
        context.state::<Printed>().file = Some(file);
    }
    let printed = context.state::<Printed>();
    printed.from = printed.written();
    Ok(())
}

/// Adds what the function printed to its failure, or to what is shown of a passed step.
pub(super) fn end(context: &mut Context, result: StepResult) -> StepResult {
    let _ = io::stdout().flush();
    let limit = context.watch().output_limit();
    let printed = context.state::<Printed>();
    let (from, to) = (printed.from, printed.written());
    if let (Some(limit), Some(file)) = (limit.filter(|&limit| to > limit), &printed.file) {
        let _ = file.set_len(limit);
        let failure =
            Failure::new(format!("the output of the Rust functions exceeded the limit of {}", words::size(limit)));
        return Err(failure.kind(FailureKind::OutputLimit).help(
            "print less; if they are meant to print this much, raise the limit with `output_limit` in the document's \
             metadata or `--output-limit`",
        ));
    }
    match result {
        Ok(()) => {
            if let Some(output) = printed.part(from..to, TITLE, STEP_OUTPUT) {
                context.note_written(output);
            }
            Ok(())
        }
        Err(failure) => {
            let parts = [printed.part(from..to, TITLE, SHOWN), printed.part(0..from, EARLIER, SHOWN)];
            Err(parts.into_iter().flatten().fold(failure, Failure::output))
        }
    }
}
