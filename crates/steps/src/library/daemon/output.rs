//! Steps that check the output of daemons.

use greenroom_event::OutputSource;
use greenroom_sandbox::process::capture;

use super::buffering;
use super::daemons::Daemons;
use super::escapes::unescape;
use super::limit::{self, LIMIT};
use super::readiness;
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::library::place::kind;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult, Stream};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let library = library.step("daemon_has_output", has_output, Check::With(limit::check_named));
    let relations = [("is", Relation::Is), ("contains", Relation::Contains), ("lacks", Relation::DoesNotContain)];
    let rows = Stream::BOTH.into_iter().flat_map(|stream| relations.map(|(name, relation)| (stream, name, relation)));
    rows.fold(library, |library, (stream, name, relation)| {
        let function = move |context: &mut Context, captures: &Captures| output(context, captures, stream, relation);
        library.step(&format!("daemon_{}_{name}", stream.name()), function, Check::With(limit::check_named))
    })
}

fn has_output(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    readiness::output(context, name, LIMIT)?;
    let step = context.step_number();
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    if daemons.is_after_start(step) {
        daemons.note_ready(watch, name, true);
    }
    Ok(())
}

fn output(context: &mut Context, captures: &Captures, stream: Stream, relation: Relation) -> StepResult {
    let (name, expected) = (captures.text("name")?, unescape(captures.text("text")?));
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let path = daemon.file(stream);
    let what = format!("{} of daemon {name}", stream.name());
    let file = capture::open(&path).map_err(|error| {
        let file = path.file_name().unwrap_or_default().display();
        let error = Failure::new(format!("cannot read {what}: {error}"));
        match std::fs::symlink_metadata(&path) {
            Ok(there) if !there.is_file() => error.note(format!("{file}, where it belongs, is {}", kind(&there))),
            _ => error.note(format!("it is in the file {file}")),
        }
    })?;
    let Err(mut error) = bytes::check(&what, Bytes::of(&file)?, relation, &expected, watch) else {
        return Ok(());
    };
    if let Some(comparison) = &mut error.comparison {
        comparison.source = Some(OutputSource::Daemon { name: daemon.label(), stream });
    }
    if relation != Relation::DoesNotContain {
        error = buffering::note(daemon, stream, error);
    }
    if let Some(ended) = daemon.try_wait() {
        error = error.note(format!("daemon {name} has ended, with {}", ended.status));
    }
    // The other stream often says why.
    Err(daemon.note_full_disk(error).output(daemon.captured(stream.other())))
}
