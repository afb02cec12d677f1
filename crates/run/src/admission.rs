//! Which scenario may be started next.
//!
//! Scenarios with a network of their own may always. Those that share the machine's run one at a time, unless the user has
//! chosen how many run at a time; and those that name the same port take turns in any case, also with other runs.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use greenroom_doc::{Capture, Network, Plan, PlannedScenario};
use greenroom_sandbox::turn::{Take, Turn, Waiting};
use greenroom_sandbox::{Isolation, Property};

use crate::agent::seconds;
use crate::options::RunOptions;
use crate::scenario::Running;

/// The most ports that a scenario takes turns at; who needs more is not told apart from others by them.
const MOST_PORTS: usize = 32;

/// The most scenarios that are passed over: each has a descriptor.
const MOST_WAITING: usize = 64;

/// Decides it.
pub(crate) struct Admission {
    /// What is known of each chosen scenario, in reading order.
    scenarios: Vec<Needs>,
    /// Whether those that share the machine's network run one at a time.
    one_at_a_time: bool,
    /// Those whose turn has not come.
    waiting: Vec<Blocked>,
}

/// What of the machine's a scenario uses.
struct Needs {
    shares_network: bool,
    ports: Vec<u16>,
    /// How long it may wait for another run.
    limit: Duration,
}

struct Blocked {
    index: usize,
    since: Instant,
    by: By,
}

enum By {
    /// Another scenario of this run.
    OneAtATime,
    /// Whoever has the turn at this port.
    Port(u16, Waiting),
    /// Nobody any more, perhaps.
    Nobody,
}

/// A scenario that may be started.
pub(crate) struct Admitted {
    pub(crate) index: usize,
    pub(crate) shares_network: bool,
    pub(crate) ports: Vec<u16>,
    /// To be held until its last process is gone.
    pub(crate) turns: Vec<OwnedFd>,
}

impl Admission {
    pub(crate) fn new(plan: &Plan, options: &RunOptions, isolation: &Isolation) -> Self {
        let needs = |&index: &usize| {
            let scenario = &plan.scenarios[index];
            let network = options.network.unwrap_or(scenario.network);
            let shares_network = network == Network::Host || !isolation.has(Property::Network);
            Needs {
                shares_network,
                ports: if shares_network { ports(scenario) } else { Vec::new() },
                limit: options.timeout.unwrap_or(plan.documents[scenario.document].metadata.scenario_timeout),
            }
        };
        Self {
            scenarios: options.chosen.iter().map(needs).collect(),
            one_at_a_time: options.jobs.is_none(),
            waiting: Vec::new(),
        }
    }

    /// Whether all scenarios run one at a time.
    pub(crate) fn is_one_at_a_time(&self) -> bool {
        self.one_at_a_time && self.scenarios.iter().all(|scenario| scenario.shares_network)
    }

    pub(crate) fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next scenario that may start: of those that have waited, or from the queue, where what has to wait is passed over.
    /// One that would keep others from a port while it waits for its own place is only given if there is a place.
    pub(crate) fn next(
        &mut self,
        queue: &mut VecDeque<usize>,
        has_place: bool,
        running: &BTreeMap<u32, Running>,
    ) -> Option<Admitted> {
        let may_start = |needs: &Needs| has_place || needs.ports.is_empty();
        for at in 0..self.waiting.len() {
            if !may_start(&self.scenarios[self.waiting[at].index]) {
                continue;
            }
            let may_go = match self.waiting[at].by {
                By::Port(..) => false,
                By::OneAtATime => !running.values().any(Running::shares_network),
                By::Nobody => true,
            };
            if may_go {
                match self.admit(self.waiting[at].index, running) {
                    Ok(admitted) => {
                        self.waiting.remove(at);
                        return Some(admitted);
                    }
                    Err(by) => self.waiting[at].by = by,
                }
            }
        }
        while self.waiting.len() < MOST_WAITING {
            let index = queue.pop_front().filter(|&index| {
                may_start(&self.scenarios[index]) || {
                    queue.push_front(index);
                    false
                }
            })?;
            match self.admit(index, running) {
                Ok(admitted) => return Some(admitted),
                Err(by) => self.waiting.push(Blocked { index, since: Instant::now(), by }),
            }
        }
        None
    }

    fn admit(&self, index: usize, running: &BTreeMap<u32, Running>) -> Result<Admitted, By> {
        let needs = &self.scenarios[index];
        if needs.shares_network && self.one_at_a_time && running.values().any(Running::shares_network) {
            return Err(By::OneAtATime);
        }
        let mut turns = Vec::new();
        for &port in &needs.ports {
            match Turn::take(port) {
                Ok(Take::Mine(turn)) => turns.push(turn.into()),
                // All or nothing: who waits holds nothing that another waits for.
                Ok(Take::Others(waiting)) => return Err(By::Port(port, waiting)),
                // Turns are a courtesy. Should the port be taken, the step that wants it says so.
                Err(_) => {}
            }
        }
        let ports = needs.ports.clone();
        Ok(Admitted { index, shares_network: needs.shares_network, ports, turns })
    }

    /// Descriptors that are readable when somebody's turn is over.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.waiting.iter().filter_map(|blocked| match &blocked.by {
            By::Port(_, waiting) => Some(waiting.fd()),
            By::OneAtATime | By::Nobody => None,
        })
    }

    /// Takes in which of [`Admission::fds`] are readable.
    pub(crate) fn heed(&mut self, ready: &[bool]) {
        let waiting = self.waiting.iter_mut().filter(|blocked| matches!(blocked.by, By::Port(..)));
        for (blocked, _) in waiting.zip(ready).filter(|(_, ready)| **ready) {
            blocked.by = By::Nobody;
        }
    }

    /// A scenario that was admitted could not be started now after all; it comes first when it can.
    pub(crate) fn take_back(&mut self, index: usize) {
        self.waiting.insert(0, Blocked { index, since: Instant::now(), by: By::Nobody });
    }

    /// Everybody who waits, because nothing is started any more.
    pub(crate) fn turn_away(&mut self) -> Vec<usize> {
        self.waiting.drain(..).map(|blocked| blocked.index).collect()
    }

    /// Time that has passed without counting.
    pub(crate) fn shift(&mut self, lost: Duration) {
        for blocked in &mut self.waiting {
            blocked.since += lost;
        }
    }

    /// Those that have waited for another run as long as a scenario may take, with what to say of it.
    pub(crate) fn overdue(&mut self, now: Instant, running: &BTreeMap<u32, Running>) -> Vec<(usize, String)> {
        let mut overdue = Vec::new();
        for blocked in &mut self.waiting {
            let limit = self.scenarios[blocked.index].limit;
            match blocked.by {
                By::Port(port, _) if !running.values().any(|running| running.has_port(port)) => {
                    if now.saturating_duration_since(blocked.since) >= limit {
                        let limit = seconds(limit);
                        let reason =
                            format!("it has waited {limit} for port {port}, which another run of greenroom uses");
                        overdue.push((blocked.index, reason));
                    }
                }
                // That is this run's own doing.
                _ => blocked.since = now,
            }
        }
        self.waiting.retain(|blocked| !overdue.iter().any(|(index, _)| *index == blocked.index));
        overdue
    }
}

/// The ports that a scenario names: the captures that its bindings call `port`, and the ports of those called `url`.
fn ports(scenario: &PlannedScenario) -> Vec<u16> {
    let captures = scenario.steps.iter().flat_map(|step| &step.captures);
    let port = |capture: &Capture| match capture.name.as_str() {
        "port" => capture.text.parse().ok(),
        "url" => port_of_url(&capture.text),
        _ => None,
    };
    let mut ports: Vec<u16> = captures.filter_map(port).filter(|port| *port > 0).collect();
    // In the same order everywhere.
    ports.sort_unstable();
    ports.dedup();
    ports.truncate(MOST_PORTS);
    ports
}

fn port_of_url(url: &str) -> Option<u16> {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next()?;
    host.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_ports() {
        assert_eq!(port_of_url("http://localhost:8080/a:1"), Some(8080));
        assert_eq!(port_of_url("http://[::1]:8080"), Some(8080));
        assert_eq!(port_of_url("http://localhost/a:1"), None);
        assert_eq!(port_of_url("localhost"), None);
    }
}
