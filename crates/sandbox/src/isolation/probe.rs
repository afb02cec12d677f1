//! Finds out which properties this machine supports, by setting all of them up in a throwaway
//! process.
//!
//! Versions and sysctls decide nothing: a kernel that allows namespaces may refuse the first mount
//! in them, and an interface that is up may carry nothing. They only serve to give advice after a
//! refusal.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, waitpid};
use serde::{Deserialize, Serialize};

use super::failure::{Call, FailedCall, SystemError};
use super::patience::{PATIENCE, patiently_until};
use super::property::{Property, Requirement, Setup};
use super::room::{Ids, Room};
use super::{Isolation, Refusal, SandboxChoice, UserNamespace, advice, setup};
use crate::launcher::channel::{Pipe, Received};
use crate::sys::{self, Side};

/// One way of creating stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    processes: Processes,
    user_namespace: UserNamespace,
}

/// Whether a way has a process namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Processes {
    Own,
    Machine,
}

/// With a process namespace or without, with the rights of root or in a user namespace.
const WAYS: [Way; 4] = [
    Way { processes: Processes::Own, user_namespace: UserNamespace::Unused },
    Way { processes: Processes::Own, user_namespace: UserNamespace::Own },
    Way { processes: Processes::Machine, user_namespace: UserNamespace::Unused },
    Way { processes: Processes::Machine, user_namespace: UserNamespace::Own },
];

impl Way {
    /// Returns the properties that this way could have.
    fn properties(self) -> impl Iterator<Item = Property> {
        Property::ALL
            .into_iter()
            .filter(move |property| self.processes == Processes::Own || property.definition().clone_namespaces == 0)
    }
}

/// What one way supports.
#[derive(Debug)]
struct Candidate {
    isolation: Isolation,
    refused: Vec<(Property, FailedCall)>,
}

/// What the throwaway process found out.
#[derive(Debug, Serialize, Deserialize)]
enum Trial {
    /// The user's ids could not be kept, and without them nothing is of use.
    NoIds(FailedCall),
    /// These properties are refused; it has the others.
    Refused(Vec<(Property, FailedCall)>),
}

/// Finds out what the stages of a run will have.
pub(crate) fn probe(choice: SandboxChoice, ids: Ids) -> Isolation {
    if choice == SandboxChoice::Tended {
        return Isolation::default();
    }
    let root = rustix::process::geteuid().is_root();
    // Namespaces of an earlier run may be about to be released. Where none are allowed at all,
    // waiting does not help.
    let none_allowed = sys::NAMESPACES.iter().any(|namespace| {
        let setting = fs::read_to_string(format!("/proc/sys/user/max_{}_namespaces", namespace.kind));
        setting.is_ok_and(|number| number.trim() == "0")
    });
    let until = Instant::now() + if none_allowed { Duration::ZERO } else { PATIENCE };
    let mut best: Option<Isolation> = None;
    let mut refused: Vec<(Property, FailedCall)> = Vec::new();
    for way in WAYS.into_iter().filter(|way| root || way.user_namespace == UserNamespace::Own) {
        let candidate = try_way(way, ids, until);
        for (property, failed) in candidate.refused {
            // The first refusal is that of the best way, and so the one to do something about.
            if !refused.iter().any(|(known, _)| *known == property) {
                refused.push((property, failed));
            }
        }
        let worth = |isolation: &Isolation| (isolation.has(Property::Kill), isolation.own.len());
        let better = best.as_ref().is_none_or(|best| worth(&candidate.isolation) > worth(best));
        if better {
            best = Some(candidate.isolation);
        }
        if best.as_ref().is_some_and(Isolation::is_sealed) {
            break;
        }
    }
    let mut best = best.unwrap_or_default();
    if best.own.is_empty() {
        best.user_namespace = UserNamespace::Unused;
    }
    let missing = refused.into_iter().filter(|(property, _)| !best.has(*property));
    best.refusals = missing
        .map(|(property, failed)| {
            let help = advice::help(property, &failed);
            Refusal { property, call: failed.call, error: failed.error, help }
        })
        .collect();
    best.refusals.sort_by_key(|refusal| refusal.property);
    best
}

/// Tries one way in a throwaway process.
fn try_way(way: Way, ids: Ids, until: Instant) -> Candidate {
    let first = way.properties().filter(|property| property.definition().clone_namespaces != 0).collect();
    let mut isolation = Isolation { own: first, user_namespace: way.user_namespace, refusals: Vec::new() };
    let namespaces = isolation.clone_namespaces();
    let nothing = |failed: FailedCall| {
        let refused = way.properties().map(|property| (property, failed.clone())).collect();
        Candidate { isolation: Isolation::default(), refused }
    };
    let (ours, theirs) = match UnixStream::pair() {
        Ok(pair) => pair,
        Err(error) => return nothing(FailedCall::of(Call::SocketPair)(error)),
    };
    let child = match patiently_until(until, || sys::clone(namespaces)) {
        Ok(Side::Child) => {
            drop(ours);
            let trial = try_properties(way, ids, until);
            let _ = Pipe::new(theirs).send(&serde_json::to_vec(&trial).unwrap_or_default());
            sys::exit_now(0)
        }
        Ok(Side::Parent(child)) => child,
        Err(error) => return nothing(FailedCall::of(Call::Clone(namespaces))(error)),
    };
    drop(theirs);
    let trial = match Pipe::new(ours).receive() {
        Received::Message(frame) => serde_json::from_slice::<Trial>(&frame).ok(),
        Received::Nothing | Received::End => None,
    };
    let _ = waitpid(Some(child), WaitOptions::empty());
    match trial {
        None => {
            let error = SystemError::other("the process was killed");
            nothing(FailedCall { call: Call::CloneOrLater(namespaces), error })
        }
        Some(Trial::NoIds(failed)) => nothing(failed),
        Some(Trial::Refused(refused)) => {
            let rest = way.properties().filter(|property| property.definition().clone_namespaces == 0);
            isolation.own.extend(rest.filter(|property| !refused.iter().any(|(known, _)| known == property)));
            Candidate { isolation, refused }
        }
    }
}

/// Tries each property by itself, in the throwaway process.
fn try_properties(way: Way, ids: Ids, until: Instant) -> Trial {
    let as_user = (way.user_namespace == UserNamespace::Own).then_some(ids);
    if let Some(Err(failed)) = as_user.map(setup::map_ids) {
        return Trial::NoIds(failed);
    }
    let room = Room::default();
    let setup = Setup { room: &room, as_user };
    // Properties may share a namespace, which is created once.
    let mut created: Vec<(i32, Result<(), FailedCall>)> = Vec::new();
    let mut refused = Vec::new();
    for property in Property::SET_UP_ORDER {
        let definition = property.definition();
        let namespaces = (definition.unshare_namespaces)(&room);
        if namespaces == 0 {
            continue;
        }
        if !created.iter().any(|(known, _)| *known == namespaces) {
            created.push((namespaces, setup::create(namespaces, until)));
        }
        let outcome = created.iter().find(|(known, _)| *known == namespaces).map(|(_, outcome)| outcome.clone());
        let outcome = match (outcome, definition.requires, way.processes) {
            (Some(Err(failed)), ..) => Err(failed),
            (_, Requirement::Processes, Processes::Machine) => {
                let error = SystemError::from(&std::io::Error::from_raw_os_error(libc::EPERM));
                Err(FailedCall { call: Call::MountProcWithoutProcesses, error })
            }
            _ => (definition.set_up)(&setup).and_then(|()| (definition.verify)()),
        };
        refused.extend(outcome.err().map(|failed| (property, failed)));
    }
    Trial::Refused(refused)
}
