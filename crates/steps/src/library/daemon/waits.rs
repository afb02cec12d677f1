//! What steps waited for after they had started a daemon, to wait for it again after a restart.
//!
//! A port or an HTTP answer counts whenever it was waited for. A text, file or Unix socket counts
//! only when the step follows the start, with nothing but other starts and waits between: later, a
//! text may be about what another step did.

use std::time::Duration;

use super::condition::{Condition, PastWait};
use super::daemons::Daemons;
use super::url::port_of_url;
use super::{readiness, reports, text_wait, tls, udp};
use crate::context::Context;
use crate::step::StepResult;

/// Notes that a step waited for a condition, successfully.
pub(super) fn note(context: &mut Context, name: Option<&str>, condition: Condition, limit: Duration) {
    let step = context.step_number();
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let follows_start = daemons.follows_start(step);
    let by_port = match &condition {
        Condition::Http(url, _) => port_of_url(url).and_then(|port| daemons.name_on_port(port)),
        _ => None,
    };
    let is_lasting =
        matches!(condition, Condition::Port(_) | Condition::UdpPort(_) | Condition::Tls(_) | Condition::Ready)
            || by_port.is_some();
    if !is_lasting && !follows_start {
        return;
    }
    let Some(name) = name.map(str::to_owned).or(by_port).or_else(|| daemons.only_running()) else { return };
    daemons.note_ready(watch, &name, follows_start);
    if let Ok(daemon) = daemons.get(&name) {
        daemon.waits.retain(|wait| wait.condition != condition);
        daemon.waits.push(PastWait { condition, limit });
    }
}

/// Waits for everything again that was waited for before a daemon was restarted.
pub(super) fn repeat(context: &mut Context, name: &str, waits: Vec<PastWait>) -> StepResult {
    for PastWait { condition, limit } in &waits {
        let limit = *limit;
        match condition {
            Condition::Port(port) => {
                let more_time = "raise the limit of the step that first waited for this port";
                readiness::port(context, name, *port, limit, more_time).map(drop)
            }
            Condition::Ready => reports::wait_ready(context, name, limit),
            Condition::Tls(port) => tls::wait(context, name, *port, limit),
            Condition::UdpPort(port) => udp::wait(context, name, *port, limit),
            Condition::Text(stream, wanted) => text_wait::text(context, name, wanted, *stream, limit),
            Condition::File(path, shown) => readiness::file(context, path, shown, limit),
            Condition::Content(path, shown, text) => readiness::file_content(context, path, shown, text, limit),
            Condition::Socket(path, shown) => readiness::socket(context, path, shown, limit),
            Condition::Http(url, status) => {
                let more_time = "raise the limit of the step that first waited for this answer";
                readiness::http(context, url, *status, limit, more_time)
            }
        }
        .map_err(|error| error.note("a restart waits again for what earlier steps waited for"))?;
        let (daemons, watch) = context.state_and_watch::<Daemons>();
        daemons.note_ready(watch, name, true);
    }
    context.state::<Daemons>().get(name)?.waits = waits;
    Ok(())
}
