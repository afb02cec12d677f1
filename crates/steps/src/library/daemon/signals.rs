//! Signals that steps name.

use greenroom_sandbox::process::Signal;

use crate::check::{Problem, ProblemKind};
use crate::library::place::nearest;
use crate::step::{Captures, Failure, names_value};

/// Why some signals do not stop a process. `{}` is the signal.
pub(super) const CANNOT_END: &str = "{} does not end a process";

/// Returns the signal of a step.
pub(super) fn signal_of(captures: &Captures) -> Result<Signal, Failure> {
    let name = captures.text("signal")?;
    name.parse().map_err(|_| {
        let known: Vec<&str> = Signal::names().collect();
        Failure::new(format!("unknown signal: {name}"))
            .help(format!("write one of {}, or a number from 1 to 64", known.join(", ")))
    })
}

/// Finds a signal that does not exist.
pub(super) fn unknown_signal(captures: &Captures) -> Vec<Problem> {
    let name = captures.get("signal").unwrap_or_default();
    if names_value(name) || name.parse::<Signal>().is_ok() {
        return Vec::new();
    }
    let known: Vec<&str> = Signal::names().collect();
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let near = nearest(short, known.iter().copied()).filter(|_| !short.starts_with(|c: char| c.is_ascii_digit()));
    let problem = Problem::new("signal", ProblemKind::UnknownSignal, format!("unknown signal: {name}"));
    let help = near.map_or_else(
        || format!("write one of {}, or a number from 1 to 64", known.join(", ")),
        |near| format!("did you mean {near}?"),
    );
    vec![problem.help(help)]
}

/// Whether a signal can ask a process to end.
pub(super) fn can_end(signal: Signal) -> bool {
    ![Signal::STOP, Signal::CONT].contains(&signal)
}

/// Finds a signal that does not exist, or does not end a process.
pub(super) fn check_stop(captures: &Captures) -> Vec<Problem> {
    match captures.get("signal").map(str::parse::<Signal>) {
        Some(Ok(signal)) if !can_end(signal) => {
            let message = CANNOT_END.replace("{}", &signal.to_string());
            let problem = Problem::new("signal", ProblemKind::UnknownSignal, message);
            vec![problem.help("write the signal that asks it to end, such as TERM, INT or QUIT")]
        }
        Some(_) => unknown_signal(captures),
        None => Vec::new(),
    }
}
