//! Decides which scenario may start next.
//!
//! Scenarios with a private network may always start. Those that share the machine's network run one at
//! a time, unless the user chose a number with `-j`; and those that name the same port always take turns,
//! with other runs of greenroom too.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use greenroom_doc::{Capture, Network, Plan, PlannedScenario};
use greenroom_event::words;
use greenroom_sandbox::turn::{Take, Turn, Waiting};
use greenroom_sandbox::{Isolation, Property};

use crate::options::RunOptions;
use crate::scenario::ActiveScenario;

/// The most ports that a scenario takes turns at; further ones are ignored.
const MOST_PORTS: usize = 32;

/// The most scenarios that wait at the same time: each needs a descriptor.
const MOST_WAITING: usize = 64;

/// Decides which scenario may start next.
pub(crate) struct Admission {
    /// What each selected scenario needs, in reading order; the same in each round.
    scenarios: Vec<ScenarioNeeds>,
    /// Whether scenarios on the machine's network run one at a time.
    one_at_a_time: bool,
    /// Scenarios that wait for their turn.
    waiting: Vec<BlockedScenario>,
}

/// What a scenario uses of the machine.
struct ScenarioNeeds {
    shares_network: bool,
    ports: Vec<u16>,
    /// How long it may wait for another run.
    limit: Duration,
}

/// A scenario that waits for its turn.
struct BlockedScenario {
    index: usize,
    since: Instant,
    blocker: Blocker,
}

/// What a scenario waits for.
enum Blocker {
    /// Another scenario of this run.
    OneAtATime,
    /// The holder of the turn at this port.
    Port(u16, Waiting),
    /// Nothing any more, as far as we know.
    None,
}

/// A scenario that may start.
pub(crate) struct Candidate {
    pub(crate) index: usize,
    pub(crate) shares_network: bool,
    pub(crate) ports: Vec<u16>,
    /// Held until its last process is gone.
    pub(crate) turns: Vec<OwnedFd>,
}

impl Admission {
    pub(crate) fn new(plan: &Plan, options: &RunOptions, isolation: &Isolation) -> Self {
        let needs = |&index: &usize| {
            let scenario = &plan.scenarios[index];
            let network = options.network.unwrap_or(scenario.network);
            let shares_network = network == Network::Host || !isolation.has(Property::Network);
            ScenarioNeeds {
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

    /// Whether no scenario waits for its turn.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the next scenario that may start, from those that wait or from the queue.
    ///
    /// A scenario that needs ports is returned only when there is a place for it: otherwise it would
    /// keep others from its ports while it waits.
    pub(crate) fn next(
        &mut self,
        queue: &mut VecDeque<usize>,
        has_place: bool,
        running: &BTreeMap<u32, ActiveScenario>,
    ) -> Option<Candidate> {
        let may_start = |admission: &Self, index| has_place || admission.needs(index).ports.is_empty();
        for at in 0..self.waiting.len() {
            if !may_start(self, self.waiting[at].index) {
                continue;
            }
            let may_go = match self.waiting[at].blocker {
                Blocker::Port(..) => false,
                Blocker::OneAtATime => !running.values().any(ActiveScenario::shares_network),
                Blocker::None => true,
            };
            if may_go {
                match self.admit(self.waiting[at].index, running) {
                    Ok(admitted) => {
                        self.waiting.remove(at);
                        return Some(admitted);
                    }
                    Err(blocker) => self.waiting[at].blocker = blocker,
                }
            }
        }
        while self.waiting.len() < MOST_WAITING {
            let index = queue.pop_front().filter(|&index| {
                may_start(self, index) || {
                    queue.push_front(index);
                    false
                }
            })?;
            match self.admit(index, running) {
                Ok(admitted) => return Some(admitted),
                Err(blocker) => self.waiting.push(BlockedScenario { index, since: Instant::now(), blocker }),
            }
        }
        None
    }

    /// Returns a scenario for its next attempt, or has it wait in front of all others.
    pub(crate) fn again(&mut self, index: usize, running: &BTreeMap<u32, ActiveScenario>) -> Option<Candidate> {
        let blocker = match self.admit(index, running) {
            Ok(admitted) => return Some(admitted),
            Err(blocker) => blocker,
        };
        self.waiting.insert(0, BlockedScenario { index, since: Instant::now(), blocker });
        None
    }

    fn needs(&self, index: usize) -> &ScenarioNeeds {
        &self.scenarios[index % self.scenarios.len()]
    }

    fn admit(&self, index: usize, running: &BTreeMap<u32, ActiveScenario>) -> Result<Candidate, Blocker> {
        let needs = self.needs(index);
        if needs.shares_network && self.one_at_a_time && running.values().any(ActiveScenario::shares_network) {
            return Err(Blocker::OneAtATime);
        }
        let mut turns = Vec::new();
        for &port in &needs.ports {
            match Turn::take(port) {
                Ok(Take::Mine(turn)) => turns.push(turn.into()),
                // All or nothing: a scenario that waits holds nothing that another one waits for.
                Ok(Take::Others(waiting)) => return Err(Blocker::Port(port, waiting)),
                // Turns are best effort. When the port is in use, the step that needs it says so.
                Err(_) => {}
            }
        }
        let ports = needs.ports.clone();
        Ok(Candidate { index, shares_network: needs.shares_network, ports, turns })
    }

    /// Descriptors that become readable when a turn ends.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.waiting.iter().filter_map(|blocked| match &blocked.blocker {
            Blocker::Port(_, waiting) => Some(waiting.fd()),
            Blocker::OneAtATime | Blocker::None => None,
        })
    }

    /// Notes which of [`Admission::fds`] are readable.
    pub(crate) fn note_ready(&mut self, ready: &[bool]) {
        let waiting = self.waiting.iter_mut().filter(|blocked| matches!(blocked.blocker, Blocker::Port(..)));
        for (blocked, _) in waiting.zip(ready).filter(|(_, ready)| **ready) {
            blocked.blocker = Blocker::None;
        }
    }

    /// Puts back a scenario that could not start after all; it comes first next time.
    pub(crate) fn take_back(&mut self, index: usize) {
        self.waiting.insert(0, BlockedScenario { index, since: Instant::now(), blocker: Blocker::None });
    }

    /// Removes and returns all waiting scenarios.
    pub(crate) fn drain_waiting(&mut self) -> Vec<usize> {
        self.waiting.drain(..).map(|blocked| blocked.index).collect()
    }

    /// Takes time for which the run was suspended off all waits.
    pub(crate) fn shift(&mut self, lost: Duration) {
        for blocked in &mut self.waiting {
            blocked.since += lost;
        }
    }

    /// Removes scenarios that waited for another run beyond their time limit, with the reason.
    pub(crate) fn overdue(&mut self, now: Instant, running: &BTreeMap<u32, ActiveScenario>) -> Vec<(usize, String)> {
        let mut overdue = Vec::new();
        for blocked in &mut self.waiting {
            let limit = self.scenarios[blocked.index % self.scenarios.len()].limit;
            match blocked.blocker {
                Blocker::Port(port, _) if !running.values().any(|running| running.has_port(port)) => {
                    if now.saturating_duration_since(blocked.since) >= limit {
                        let limit = words::limit(limit);
                        let reason = format!("it waited {limit} for port {port}, which another run of greenroom uses");
                        overdue.push((blocked.index, reason));
                    }
                }
                // This run's own scenarios are in the way: that time does not count.
                _ => blocked.since = now,
            }
        }
        self.waiting.retain(|blocked| !overdue.iter().any(|(index, _)| *index == blocked.index));
        overdue
    }
}

/// The ports that a scenario names: captures named `port`, and the ports in captures named `url`.
fn ports(scenario: &PlannedScenario) -> Vec<u16> {
    let captures = scenario.steps.iter().flat_map(|step| &step.captures);
    let port = |capture: &Capture| match capture.name() {
        "port" => capture.text.parse().ok(),
        "url" => port_of_url(&capture.text),
        _ => None,
    };
    let mut ports: Vec<u16> = captures.filter_map(port).filter(|port| *port > 0).collect();
    // Every run takes turns in the same order.
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
