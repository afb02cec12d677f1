//! Ends the process that runs the steps when a step function does not end, or prints without end.
//!
//! Native steps wait by the watch of the scenario, which knows the limits. A function of the user's own
//! may wait for anything, so a thread looks at the time and at the file that it prints to. A file of the
//! scenario says which function runs; the runner reads it when the process has ended: [`died`].

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use greenroom_event::words;
use greenroom_event::{FailureKind, Scope};
use greenroom_sandbox::Signal;
use greenroom_sandbox::process::{ExitStatus, exit_now};

use super::capture::Function;
use super::output;
use crate::context::Context;
use crate::library::advice_on_time;
use crate::step::{Failure, StepResult};

/// The file that says which function runs, and why it was ended.
pub(super) const FILE: &str = "functions.running";

/// How often the guard looks.
const PULSE: Duration = Duration::from_millis(10);

/// What a look may take at most: after more, the process was stopped, and that time does not count.
const MOST: Duration = Duration::from_millis(500);

/// What a function gets beyond the limit of its step, so that native functions that it calls can say
/// what they waited for.
const MORE: Duration = Duration::from_millis(100);

/// The words by which the guard says why it ended a function.
const TIME: &str = "time";
const OUTPUT: &str = "output";

/// The guard of a scenario's step functions.
#[derive(Debug, Default)]
struct Guard {
    /// Says which function runs.
    running: Option<File>,
    /// To the guard: a function has begun, or it has ended.
    orders: Option<Sender<Option<Order>>>,
}

/// What a function must keep to.
#[derive(Debug)]
struct Order {
    time: Duration,
    output_limit: Option<u64>,
}

/// What is guarded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Running {
    /// A step function, or a cleanup.
    Function(Function),
    /// The end of a value of this type that the scenario keeps.
    Drop(&'static str),
}

/// The words by which the file says which of both it is.
const FUNCTION: &str = "function";
const DROP: &str = "drop";

/// Begins to guard code of the user's own.
pub(super) fn begin(context: &mut Context, code: Running) -> StepResult {
    if context.state::<Guard>().orders.is_none() {
        let path = context.backstage().join(FILE);
        let failed = |error: io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
        let running = File::create(&path).map_err(failed)?;
        let printed = output::file(context)?;
        let (orders, received) = mpsc::channel();
        let own = running.try_clone().map_err(failed)?;
        thread::Builder::new()
            .name("guard".to_owned())
            .spawn(move || guard(&received, &own, &printed))
            .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        *context.state::<Guard>() = Guard { running: Some(running), orders: Some(orders) };
    }
    let watch = context.watch();
    let time = watch.deadline().map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
    let output_limit = watch.output_limit();
    let guard = context.state::<Guard>();
    if let Some(running) = &guard.running {
        let text = match code {
            Running::Function(function) => format!("{FUNCTION}\n{function}\n"),
            Running::Drop(of) => format!("{DROP}\n`{of}`\n"),
        };
        let _ = running.write_all_at(text.as_bytes(), 0);
    }
    if let Some(orders) = &guard.orders {
        let _ = orders.send(Some(Order { time: time.saturating_add(MORE), output_limit }));
    }
    Ok(())
}

/// Ends the guard of a function.
pub(super) fn end(context: &mut Context) {
    let guard = context.state::<Guard>();
    if let Some(orders) = &guard.orders {
        let _ = orders.send(None);
    }
    if let Some(running) = &guard.running {
        let _ = running.set_len(0);
    }
}

fn guard(orders: &mpsc::Receiver<Option<Order>>, running: &File, printed: &File) {
    let mut next = None;
    while let Some(order) = next.take().or_else(|| orders.recv().ok()) {
        let Some(order) = order else { continue };
        let (mut spent, mut last) = (Duration::ZERO, Instant::now());
        loop {
            match orders.recv_timeout(PULSE) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(order) => {
                    next = Some(order);
                    break;
                }
            }
            let now = Instant::now();
            spent += now.saturating_duration_since(last).min(MOST);
            last = now;
            let length = printed.metadata().map_or(0, |metadata| metadata.len());
            if let Some(limit) = order.output_limit.filter(|&limit| length > limit) {
                let _ = printed.set_len(limit);
                give_up(running, &format!("{OUTPUT} {limit}"));
            }
            if spent >= order.time {
                give_up(running, TIME);
            }
        }
    }
}

/// Says why, and ends the process.
fn give_up(mut running: &File, why: &str) {
    let length = running.metadata().map_or(0, |metadata| metadata.len());
    let _ = running.write_all_at(format!("{why}\n").as_bytes(), length);
    let _ = running.flush();
    exit_now(1)
}

/// The limits of a step, for the message about a function that did not keep to them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time limit.
    pub time: Duration,
    /// Whose it is.
    pub scope: Scope,
}

/// Returns why the scenario failed whose process was ended by code of the user's own, or with it; `None` if no
/// such code ran.
pub fn died(directory: &Path, status: ExitStatus, limits: Limits) -> Option<Failure> {
    let backstage = directory.parent()?;
    let text = fs::read_to_string(backstage.join(FILE)).ok().filter(|text| !text.is_empty())?;
    let mut lines = text.lines();
    let (kind, name, why) = (lines.next()?, lines.next()?, lines.next());
    let is_drop = kind == DROP;
    let code = if is_drop { format!("the `Drop` of {name}") } else { format!("the step function {name}") };
    if why.is_none() && status.signal() == Some(Signal::KILL) {
        // No function does that by mistake.
        return None;
    }
    // What it printed until it was ended is not shown.
    let most = why.and_then(|why| why.strip_prefix(OUTPUT)?.trim_start().parse().ok());
    let failure = match why {
        Some(TIME) => {
            let Limits { time, scope } = limits;
            let scope = if is_drop { Scope::Cleanup } else { scope };
            let limit = words::limit(time);
            Failure::new(format!("the {scope} exceeded its time limit of {limit} in {code}"))
                .kind(FailureKind::TimeLimit { scope, limit: time })
                .help(advice_on_time(scope == Scope::Scenario))
        }
        Some(_) if most.is_some() => Failure::new(format!("{code} exceeded the output limit, and was ended"))
            .kind(FailureKind::OutputLimit)
            .help(
                "stop it from printing without end; if it is meant to print this much, raise the limit with \
                 `output_limit` in the document's metadata or `--output-limit`",
            ),
        _ => {
            let failure = Failure::new(match status {
                ExitStatus::Code(number) => {
                    format!("{code} ended the process that runs the steps: exit status {number}")
                }
                _ => format!("{code} ended the process that runs the steps: {status}"),
            })
            .kind(FailureKind::Panic);
            match status.signal() {
                None if is_drop => failure,
                None => failure.help("return an error from the function instead"),
                Some(Signal::SEGV) => failure.note("functions that call themselves without end end like this, too"),
                Some(_) => failure,
            }
        }
    };
    Some(output::of_dead(backstage, most).into_iter().fold(failure, Failure::output))
}
