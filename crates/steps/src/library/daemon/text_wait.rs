//! Waits until a daemon has written something: a text, once, again or several times, or what a regex
//! matches.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenroom_event::words;
use greenroom_sandbox::process::{ExitStatus, Service, capture};
use greenroom_sandbox::ready::{Readiness, Text};

use super::condition::Wanted;
use super::daemons::Daemons;
use super::instance::Daemon;
use super::regex_wait::RegexWait;
use super::{background, buffering};
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::step::{Failure, StepResult, Stream};

/// How many bytes of output a failure shows in any case.
const SHORT: u64 = 400;

/// A look at the output.
enum Look {
    Text(Text),
    Regex(RegexWait),
}

impl Look {
    fn new(wanted: &Wanted, stream: Stream, file: PathBuf, found: u64) -> Result<Self, Failure> {
        let text = |text: &str| Text::in_path(text.as_bytes(), stream.name(), file.clone());
        Ok(match wanted {
            Wanted::Text(it) => Self::Text(text(it)),
            Wanted::Again(it) => Self::Text(text(it).behind(found)),
            Wanted::Times(it, times) => Self::Text(text(it).times(*times)),
            Wanted::Regex(it) => Self::Regex(RegexWait::new(bytes::regex(it)?, file)),
        })
    }

    /// Returns whether the output has it by now.
    fn is_met(&mut self, limit: Duration) -> Result<bool, Failure> {
        match self {
            Self::Text(text) => Ok(text.look(limit).is_some()),
            Self::Regex(regex) => Ok(regex.look()?),
        }
    }

    /// Returns the position behind the place where it was found.
    fn end(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.end(),
            Self::Regex(regex) => regex.end(),
        }
    }
}

/// Waits until a daemon has written something.
pub(super) fn text(context: &mut Context, name: &str, wanted: &Wanted, stream: Stream, limit: Duration) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let mut look = Look::new(wanted, stream, daemon.file(stream), daemon.found(stream))?;
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let what = match wanted {
        Wanted::Times(_, times) => format!("{wanted} {times} times on {stream} of daemon {name}"),
        _ => format!("{wanted} on {stream} of daemon {name}"),
    };
    let mut failure = None;
    let found = watch.until(&what, limit, &fds, || {
        // The end first, so that the look sees everything from before it.
        let ended = daemon.try_wait().is_some();
        match look.is_met(limit) {
            Ok(found) => (found || ended).then_some(found),
            Err(error) => {
                failure = Some(error);
                Some(false)
            }
        }
    })?;
    failure.map_or(Ok(()), Err)?;
    if found == Some(true) {
        look.end().into_iter().for_each(|end| daemon.note_found(stream, end));
        return Ok(());
    }
    let again = if matches!(wanted, Wanted::Again(_)) { " again" } else { "" };
    let within = words::limit(limit);
    let ended = daemon.try_wait().map(|ended| ended.status);
    let mut error = Failure::new(match (wanted, ended) {
        (Wanted::Times(_, wants), _) => {
            let Look::Text(text) = &look else { return Ok(()) };
            let wrote = format!("wrote {wanted} to {stream} {}, not {wants}", times(text.seen()));
            match ended {
                Some(status) => format!("daemon {name} {wrote}, and ended with {status}"),
                None => format!("daemon {name} {wrote}, within {within}"),
            }
        }
        (_, Some(status)) => format!("daemon {name} ended with {status} without writing {wanted} to {stream}{again}"),
        (_, None) => format!("daemon {name} did not write {wanted} to {stream}{again} within {within}"),
    });
    if let Wanted::Again(text) = wanted
        && daemon.found(stream) > 0
        && let Ok(file) = capture::open(&daemon.file(stream))
    {
        let line = Bytes::of(&file)?.lines_before(daemon.found(stream), watch)? + 1;
        let counted = Bytes::of(&file)?.count(text.as_bytes(), watch)?;
        error = error.note(format!(
            "only what comes after line {line} of {stream} counts, where the latest wait found what it waited for; {}",
            if counted.times == 0 {
                "it was never written".to_owned()
            } else {
                format!("it is in {}", counted.lines())
            }
        ));
    }
    if let Wanted::Times(text, _) = wanted
        && let Ok(file) = capture::open(&daemon.file(stream))
        && let counted = Bytes::of(&file)?.count(text.as_bytes(), watch)?
        && counted.times > 0
    {
        error = error.note(format!("it is in {}", counted.lines()));
    }
    let other = stream.other();
    if is_in(&daemon.file(other), wanted, watch) {
        error = error.note(format!(
            "it has written {} to {other}",
            if wanted.text().is_some() { wanted.to_string() } else { "that".to_owned() }
        ));
        // A program that failed may only have quoted it, in a message about its end.
        if ended.is_none_or(|status| status == ExitStatus::Code(0)) {
            error = error.help(format!("write `to {other}` in the step if that is where it belongs"));
        }
    } else if !daemon.process().is_some_and(Service::is_in_background) {
        error = buffering::note(daemon, stream, error);
        error = with_closest(daemon, stream, wanted, error, watch)?;
    }
    let error = background::explain(daemon, error);
    Err(daemon.show(error))
}

/// Returns whether a file has what a wait looks for.
fn is_in(path: &Path, wanted: &Wanted, watch: &mut greenroom_sandbox::process::Watch) -> bool {
    let Ok(file) = capture::open(path) else { return false };
    match wanted {
        Wanted::Regex(regex) => bytes::regex(regex)
            .is_ok_and(|regex| Bytes::of(&file).and_then(Bytes::all).is_ok_and(|text| regex.is_match(&text))),
        Wanted::Text(text) | Wanted::Again(text) | Wanted::Times(text, _) => {
            Bytes::of(&file).is_ok_and(|bytes| bytes.find(text.as_bytes(), watch).is_ok_and(|found| found.is_some()))
        }
    }
}

/// Adds the closest text, if the output is long.
fn with_closest(
    daemon: &Daemon,
    stream: Stream,
    wanted: &Wanted,
    error: Failure,
    watch: &mut greenroom_sandbox::process::Watch,
) -> Result<Failure, Failure> {
    let Ok(file) = capture::open(&daemon.file(stream)) else { return Ok(error) };
    if let Wanted::Regex(regex) = wanted {
        let text = Bytes::of(&file)?.all()?;
        return Ok(bytes::anchors_help(regex, &text).into_iter().fold(error, Failure::help));
    }
    // All of a short output is shown anyway.
    if let Wanted::Text(text) = wanted
        && file.metadata()?.len() > SHORT
        && let Some(closest) = Bytes::of(&file)?.closest(text, watch)?
    {
        let (line, text) = (closest.line, closest.whole_line());
        return Ok(error.note(format!("the closest text is in line {line} of {stream}: {text}")));
    }
    Ok(error)
}

/// Returns `1 time`, `2 times`.
pub(super) fn times(number: u64) -> String {
    if number == 1 { "1 time".to_owned() } else { format!("{number} times") }
}
