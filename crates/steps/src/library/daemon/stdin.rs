//! Steps that write to the standard input of daemons.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;

use greenroom_event::words;
use rustix::io::Errno;

use super::daemons::Daemons;
use super::escapes::unescape;
use super::instance::Daemon;
use super::limit::{self, LIMIT};
use super::option_steps::OPEN_STDIN;
use super::options::Stdin;
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step("daemon_write_stdin", write, Check::With(check)).step("daemon_close_stdin", close, Check::With(check))
}

fn check(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let mut problems = limit::check_named(captures, state);
    let name = captures.get("name").unwrap_or_default();
    if problems.is_empty() && !state.may_have_option(name, OPEN_STDIN) {
        let problem = Problem::new("name", ProblemKind::ClosedStdin, not_open(name));
        problems.push(problem.help(how_to_open(name)));
    }
    problems
}

fn not_open(name: &str) -> String {
    format!("daemon {name} was started with an empty stdin")
}

fn how_to_open(name: &str) -> String {
    format!("write `given daemon {name} keeps stdin open` before the step that starts it")
}

fn write(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, text) = (captures.text("name")?, unescape(captures.text("text")?));
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let stdin = daemon.stdin(name)?;
    let mut left = text.as_bytes();
    let mut failed = None;
    let what = format!("daemon {name} to read its stdin");
    watch.until(&what, LIMIT, &[], || {
        while !left.is_empty() {
            match rustix::io::write(&stdin, left) {
                Ok(written) => left = &left[written..],
                Err(Errno::AGAIN) => return None,
                Err(Errno::INTR) => {}
                Err(error) => {
                    failed = Some(std::io::Error::from(error));
                    break;
                }
            }
        }
        Some(())
    })?;
    let error = match (failed, daemon.try_wait()) {
        (None, _) if left.is_empty() => return Ok(()),
        (Some(error), None) if error.kind() == ErrorKind::BrokenPipe => {
            Failure::new(format!("daemon {name} has closed its stdin"))
        }
        (Some(error), Some(ended)) if error.kind() == ErrorKind::BrokenPipe => Failure::new(format!(
            "daemon {name} cannot read its stdin: it has ended, with {} after {}",
            ended.status,
            words::duration(ended.after)
        )),
        (Some(error), _) => Failure::new(format!("cannot write to the stdin of daemon {name}: {error}")),
        (None, _) => Failure::new(format!("daemon {name} did not read its stdin within {}", words::limit(LIMIT)))
            .note(format!("{} of {} bytes were written", text.len() - left.len(), text.len())),
    };
    Err(daemon.show(error))
}

fn close(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let daemon = context.state::<Daemons>().get(name)?;
    daemon.stdin(name)?;
    daemon.stdin = None;
    Ok(())
}

impl Daemon {
    /// Returns the end of its standard input that steps write to.
    fn stdin(&self, name: &str) -> Result<OwnedFd, Failure> {
        match &self.stdin {
            Some(stdin) => Ok(stdin.try_clone()?),
            None if self.order.options.stdin == Stdin::Open => {
                Err(Failure::new(format!("the stdin of daemon {name} has been closed by an earlier step")))
            }
            None => Err(Failure::new(not_open(name)).help(how_to_open(name))),
        }
    }
}
