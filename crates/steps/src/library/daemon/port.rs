//! The port of a step, and its check.

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::library::place::nearest;
use crate::step::{Captures, Failure};

/// Reads the port of a step, 1 to 65535.
pub(super) fn port_of(captures: &Captures) -> Result<u16, Failure> {
    let text = captures.text("port")?;
    parse_port(text)
        .ok_or_else(|| Failure::new(format!("{text} is not a port")).help("a port is a number from 1 to 65535"))
}

fn parse_port(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| is_number && port > 0)
}

/// Checks the port of a step. `${NAME}` needs a step that keeps a port under this name.
pub(super) fn check(captures: &Captures, state: &PreflightState) -> Option<Problem> {
    let text = captures.get("port")?;
    if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        let near = nearest(name, state.kept.iter().map(String::as_str));
        // A function that may do anything may have kept it, unless the name is nearly one that is
        // known.
        let is_unknown = !state.kept.contains(name) && (near.is_some() || !state.anything_goes);
        return is_unknown.then(|| {
            let problem =
                Problem::new("port", ProblemKind::UnknownName, format!("no earlier step keeps a port as {name}"));
            match near {
                Some(near) => problem.help(format!("did you mean ${{{near}}}?")),
                None => problem.help(format!("write `given a free port kept as {name}` before this step")),
            }
        });
    }
    parse_port(text).is_none().then(|| {
        Problem::new("port", ProblemKind::InvalidPort, format!("{text} is not a port"))
            .help("a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`")
    })
}
