//! Step functions in another language, which a step host runs.
//!
//! A step host is a program in that language, which talks with the worker over a socket, as
//! `docs/PROTOCOL.md` describes. A host calls functions and nothing else. What they do with
//! commands and daemons comes back as calls, which go to the same libraries as native steps do
//! (`calls`): there is one state and one engine for all languages.
//!
//! A file here uses only those after it: `session` (a host that runs), `warm`, `check`, `calls`, `program`, `protocol`,
//! `line`, `number`, `stacks`, `step_file`, `python`.

mod calls;
pub mod check;
mod line;
mod number;
mod program;
#[doc(hidden)]
pub mod protocol;
mod python;
mod session;
mod stacks;
mod step_file;
mod warm;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::evidence::Evidence;
use crate::library::runcmd;
use crate::registry::Registry;
use crate::step::{Captures, Failure, StepResult};
use session::Host;

pub use program::HostProgram;
pub use protocol::Part;
pub use session::Request;
pub use step_file::StepFile;
pub use warm::{Readiness, WarmHost};

/// The name with which greenroom's own host calls nothing, and reports what threads have left. No function can have it.
const NO_FUNCTION: &str = "(none)";

/// How long the hosts of a scenario may take to end, all together.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The hosts of a scenario, by language; started when they are first needed.
#[derive(Debug, Default)]
pub struct Hosts(BTreeMap<String, Host>);

impl Hosts {
    /// Calls a function of a host. Copies or starts the host if the scenario does not have it yet.
    ///
    /// # Errors
    ///
    /// If the function fails, or the host does not start, ends, or breaks the protocol.
    pub fn carry_out(
        context: &mut Context,
        program: &HostProgram,
        warm: Option<&WarmHost>,
        request: Request<'_>,
    ) -> StepResult {
        // Calls of the host use the context, so the host must be out of it.
        let mut host = match context.state::<Self>().0.remove(&program.language) {
            Some(host) => host,
            None => Host::enter(context, program, warm, request.registry)?,
        };
        let (begun, before) = (Instant::now(), host.written());
        let mut result = host.carry_out(context, request);
        if request.part == Part::Step {
            result = result
                .map_err(|error| runcmd::explain_since(context, begun, error))
                .map_err(|error| host.with_earlier_output(error, before));
        }
        if result.is_ok()
            && context.evidence() == Evidence::Full
            && let Some(output) = host.printed(before)
        {
            context.note_written(output);
        }
        // The next step cannot use a host that has ended, or that is still busy.
        if host.is_usable(context) {
            context.state::<Self>().0.insert(program.language.clone(), host);
        }
        result
    }

    /// Fails if an assertion of a thread has failed in Python since the last function there. Waits for no thread.
    ///
    /// # Errors
    ///
    /// If there is one.
    pub fn refuse_failed_threads(context: &mut Context, registry: &Registry) -> StepResult {
        let own = |(_, host): &(&String, &mut Host)| host.is_python;
        let Some(language) = context.state::<Self>().0.iter_mut().find(own).map(|(language, _)| language.clone())
        else {
            return Ok(());
        };
        // The exchange uses the context, so the host must be out of it.
        let Some(mut host) = context.state::<Self>().0.remove(&language) else { return Ok(()) };
        let mut result = Ok(());
        if host.is_usable(context) {
            let (function, captures) = (NO_FUNCTION, &Captures::default());
            let request = Request { part: Part::Cleanup, function, captures, kind: "then", text: "", registry };
            result = host.carry_out(context, request).map_err(|error| host.with_earlier_output(error, host.written()));
        }
        if host.is_usable(context) {
            context.state::<Self>().0.insert(language, host);
        }
        result
    }

    /// Whether the scenario has a running host of this language.
    pub fn has(context: &mut Context, language: &str) -> bool {
        context.state::<Self>().0.contains_key(language)
    }

    /// Adds the output of functions so far to the error of a native step. It may say why.
    pub fn with_output(context: &mut Context, error: Failure) -> Failure {
        let hosts = &context.state::<Self>().0;
        hosts.values().fold(error, |error, host| host.with_earlier_output(error, host.written()))
    }

    /// Ends the hosts at the end of the scenario.
    ///
    /// They end by themselves, with the exit functions of their language, or are killed when that takes too long. This
    /// comes before the search for leftover processes, since some of those end with their host. The rest of a host's
    /// group is killed when the host is dropped.
    ///
    /// # Errors
    ///
    /// If a host has sent more replies than there were requests: then one of them was taken for another.
    pub fn end(context: &mut Context) -> StepResult {
        let mut hosts = context.take_state::<Self>();
        hosts.0.values().for_each(Host::finish);
        let until = Instant::now() + END_LIMIT;
        for host in hosts.0.values() {
            host.wait_or_kill(context, until.saturating_duration_since(Instant::now()));
        }
        let refused: Vec<Failure> = hosts.0.values_mut().filter_map(|host| host.refuse_rest().err()).collect();
        *context.state::<Self>() = hosts;
        refused.into_iter().next().map_or(Ok(()), Err)
    }
}
