//! Fetches a response again, for steps that `within` and `for` repeat.

use super::send::send;
use super::state::{self, State};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::look::{Fetched, Look};
use crate::step::{Captures, StepResult};

/// What steps about a response look at.
pub(crate) const LOOK: Look = Look::Fetched(Fetched { check, again });

/// Methods of requests that may be sent again: they change nothing.
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

fn check(_: &Captures, state: &PreflightState) -> Option<Problem> {
    let method = state.http.method.as_ref().filter(|method| !SAFE.contains(&method.to_ascii_uppercase().as_str()))?;
    let message = format!("the {method} request is not sent again, so its response does not change");
    let problem = Problem { capture: None, ..Problem::new("", ProblemKind::NeverChanges, message) };
    Some(problem.help("send a GET request before this step, which is then sent again for each look"))
}

fn again(context: &mut Context) -> StepResult {
    let request = context.state::<State>().request.clone();
    let Some(request) = request.filter(|request| SAFE.contains(&request.method.as_str())) else { return Ok(()) };
    let result = send(context, request);
    state::keep(context, result)
}
