//! Names of daemons that no earlier step of a scenario starts.

use crate::check::{PreflightState, Problem, ProblemKind, may_be_among};
use crate::library::place::nearest;
use crate::step::Captures;

/// Returns the problem of a step about a daemon that no earlier step starts.
pub(crate) fn unknown(captures: &Captures, state: &PreflightState) -> Option<Problem> {
    unknown_in("name", captures, state)
}

/// The same, for a daemon that another capture names.
pub(crate) fn unknown_in(capture: &str, captures: &Captures, state: &PreflightState) -> Option<Problem> {
    let name = captures.known(capture).filter(|name| !may_be_among(&state.daemons, name))?;
    if state.own_code {
        return None;
    }
    let problem = Problem::new(capture, ProblemKind::UnknownDaemon, format!("no earlier step starts a daemon {name}"));
    let known: Vec<&str> = state.daemons.iter().map(String::as_str).collect();
    Some(match (nearest(name, known.iter().copied()), known.as_slice()) {
        (Some(only), _) | (None, &[only]) => problem.help(format!("did you mean {only}?")),
        (None, []) => {
            problem.help(format!("write `when I start \"PROGRAM\" as a background process as {name}` before it"))
        }
        _ => problem.help(format!("the daemons of this scenario are {}", known.join(", "))),
    })
}
