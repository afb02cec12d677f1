//! Steps that check the output of daemons.

use std::fs::File;

use greenroom_event::OutputSource;
use greenroom_sandbox::process::capture;

use super::buffering;
use super::daemons::Daemons;
use super::escapes::unescape;
use super::instance::Daemon;
use super::limit::{self, LIMIT};
use super::prospect::{OF_ABSENCE, OF_DAEMON};
use super::readiness;
use super::text_wait::times;
use crate::check::{PreflightState, Problem};
use crate::context::Context;
use crate::library::bytes::{self, Bytes, invalid_regex};
use crate::library::place::kind;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult, Stream};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let library = library.step("daemon_has_output", has_output, Check::With(limit::check_named));
    let relations = [
        ("is", Relation::Is),
        ("contains", Relation::Contains),
        ("lacks", Relation::DoesNotContain),
        ("matches", Relation::Matches),
        ("does_not_match", Relation::DoesNotMatch),
    ];
    let rows = Stream::BOTH.into_iter().flat_map(|stream| relations.map(|(name, relation)| (stream, name, relation)));
    let library = rows.fold(library, |library, (stream, name, relation)| {
        let function = move |context: &mut Context, captures: &Captures| output(context, captures, stream, relation);
        let function_name = format!("daemon_{}_{name}", stream.name());
        let look = if relation == Relation::DoesNotContain { OF_ABSENCE } else { OF_DAEMON };
        library.step(&function_name, function, Check::With(check)).looks(look, &[&function_name])
    });
    Stream::BOTH.into_iter().fold(library, |library, stream| {
        let (times, embedded) =
            (format!("daemon_{}_contains_times", stream.name()), format!("daemon_{}_is_embedded", stream.name()));
        library
            .step(
                &times,
                move |context: &mut Context, captures: &Captures| contains_times(context, captures, stream),
                Check::With(check),
            )
            .step(
                &embedded,
                move |context: &mut Context, captures: &Captures| is_embedded(context, captures, stream),
                Check::With(check),
            )
            .looks(OF_DAEMON, &[&times, &embedded])
    })
}

fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    limit::check_named(captures, state).into_iter().chain(invalid_regex(captures)).collect()
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
    let name = captures.text("name")?;
    let is_regex = matches!(relation, Relation::Matches | Relation::DoesNotMatch);
    let expected = if is_regex { captures.text("regex")?.to_owned() } else { unescape(captures.text("text")?) };
    compare(context, name, stream, relation, &expected)
}

fn is_embedded(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let text = context.embedded_file(captures.text("embedded")?)?.text.clone();
    compare(context, captures.text("name")?, stream, Relation::Is, &text)
}

/// Opens an output of a daemon.
fn open(daemon: &Daemon, what: &str, stream: Stream) -> Result<File, Failure> {
    let path = daemon.file(stream);
    capture::open(&path).map_err(|error| {
        let file = path.file_name().unwrap_or_default().display();
        let error = Failure::new(format!("cannot read {what}: {error}"));
        match std::fs::symlink_metadata(&path) {
            Ok(there) if !there.is_file() => error.note(format!("{file}, where it belongs, is {}", kind(&there))),
            _ => error.note(format!("it is in the file {file}")),
        }
    })
}

fn compare(context: &mut Context, name: &str, stream: Stream, relation: Relation, expected: &str) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let what = format!("{} of daemon {name}", stream.name());
    let file = open(daemon, &what, stream)?;
    let Err(mut error) = bytes::check(&what, Bytes::of(&file)?, relation, expected, watch) else {
        return Ok(());
    };
    if let Some(comparison) = &mut error.comparison {
        comparison.source = Some(OutputSource::Daemon { name: daemon.label(), stream });
        if relation == Relation::Matches {
            let help = bytes::anchors_help(expected, &Bytes::of(&file)?.all()?);
            error = help.into_iter().fold(error, Failure::help);
        }
    }
    if !matches!(relation, Relation::DoesNotContain | Relation::DoesNotMatch) {
        error = buffering::note(daemon, stream, error);
    }
    if let Some(ended) = daemon.try_wait() {
        error = error.note(format!("daemon {name} has ended, with {}", ended.status));
    }
    // The other stream often says why.
    Err(daemon.note_full_disk(error).output(daemon.captured(stream.other())))
}

fn contains_times(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let (name, wanted) = (captures.text("name")?, captures.number::<u64>("times")?);
    let text = unescape(captures.text("text")?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let what = format!("{} of daemon {name}", stream.name());
    let file = open(daemon, &what, stream)?;
    watch.waits_for(&format!("the end of {what}"));
    let count = Bytes::of(&file)?.count(text.as_bytes(), watch)?;
    if count.times == wanted {
        return Ok(());
    }
    let quoted = text.escape_debug();
    let mut error = Failure::new(format!("{what} contains \"{quoted}\" {}, not {wanted}", times(count.times)));
    if count.times > 0 {
        error = error.note(format!("it is in {}", count.lines()));
    }
    if count.times < wanted {
        error = buffering::note(daemon, stream, error);
        if daemon.try_wait().is_none() {
            error = error.help(format!(
                "to wait for it, write `when I wait for daemon {name} to write \"{quoted}\" to {stream} {wanted} times`"
            ));
        }
    }
    if let Some(ended) = daemon.try_wait() {
        error = error.note(format!("daemon {name} has ended, with {}", ended.status));
    }
    Err(daemon.show(error))
}
