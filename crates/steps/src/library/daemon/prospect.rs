//! Whether what a step looks at of a daemon can still change.

use super::daemons::Daemons;
use crate::context::Context;
use crate::look::{Look, Prospect};
use crate::step::Captures;

/// How steps look at a daemon: until it has ended.
pub(crate) const OF_DAEMON: Look = Look::LiveUntil(until_the_end);
/// How steps look for what a daemon must not have written: it stays once it is there.
pub(super) const OF_ABSENCE: Look = Look::Absence(stays);

fn until_the_end(context: &mut Context, captures: &Captures) -> Prospect {
    let name = captures.get("name").unwrap_or_default();
    let Ok(daemon) = context.state::<Daemons>().get(name) else {
        return Prospect::Closed(format!("there is no daemon {name}"));
    };
    if daemon.process().is_none() {
        return Prospect::Closed(format!("a step has stopped daemon {name}"));
    }
    match daemon.try_wait() {
        Some(_) => Prospect::Closed(format!("daemon {name} has ended")),
        None => Prospect::Open(daemon.end_fd().ok().flatten()),
    }
}

fn stays(captures: &Captures) -> String {
    let name = captures.get("name").unwrap_or_default();
    format!("what daemon {name} has written stays in its output")
}
