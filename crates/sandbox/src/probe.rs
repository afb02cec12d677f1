//! Finds out what stages can have on this machine, by doing all of it in a throwaway process.
//!
//! Sysctls and versions are not asked: a kernel that allows namespaces may refuse the first mount in them, or an interface
//! that says it is up may carry nothing. They only serve to tell, after a refusal, what to change.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, waitpid};
use serde::{Deserialize, Serialize};

use crate::channel::{Pipe, Received};
use crate::isolation::{self, Isolation, Property, Refusal, Refused, SandboxChoice};
use crate::sys::{self, Side};

/// What one way of making stages gives.
#[derive(Debug)]
struct Candidate {
    isolation: Isolation,
    refused: Vec<Denied>,
}

/// A refusal as it travels from the throwaway process.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Denied {
    property: Property,
    call: String,
    error: String,
    errno: Option<i32>,
}

impl Denied {
    fn new(property: Property, refused: &Refused) -> Self {
        let errno = refused.error.raw_os_error();
        Self { property, call: refused.call.clone(), error: isolation::in_words(&refused.error), errno }
    }
}

/// What stages of a run will have.
pub(crate) fn probe(choice: SandboxChoice, ids: (u32, u32)) -> Isolation {
    if choice == SandboxChoice::Tended {
        return Isolation::default();
    }
    let root = rustix::process::geteuid().is_root();
    // With a process namespace or without, by the right of root or in a user namespace.
    let ways = [(true, false), (true, true), (false, false), (false, true)];
    // Namespaces of a former run may be about to be given back. Where none are allowed at all, waiting is in vain.
    let kinds = ["user", "pid", "mnt", "net", "ipc", "uts"];
    let none_allowed = kinds.iter().any(|kind| {
        let setting = fs::read_to_string(format!("/proc/sys/user/max_{kind}_namespaces"));
        setting.is_ok_and(|number| number.trim() == "0")
    });
    let until = Instant::now() + if none_allowed { Duration::ZERO } else { isolation::PATIENCE };
    let mut best: Option<Isolation> = None;
    let mut refused: Vec<Denied> = Vec::new();
    for (kill, as_user) in ways.into_iter().filter(|(_, as_user)| root || *as_user) {
        let candidate = look(kill, as_user, ids, until);
        for refusal in candidate.refused {
            // The first refusal is that of the best way, and the one to do something about.
            if !refused.iter().any(|known| known.property == refusal.property) {
                refused.push(refusal);
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
        best.as_user = false;
    }
    let missing = refused.into_iter().filter(|refusal| !best.has(refusal.property));
    best.refusals = missing.map(explained).collect();
    best.refusals.sort_by_key(|refusal| refusal.property);
    best
}

/// Tries one way in a throwaway process.
fn look(kill: bool, as_user: bool, ids: (u32, u32), until: Instant) -> Candidate {
    let first = if kill { vec![Property::Kill] } else { Vec::new() };
    let mut isolation = Isolation { own: first, as_user, refusals: Vec::new() };
    let flags = isolation.clone_flags();
    let nothing = |call: String, error: &io::Error| {
        let all = Property::ALL.into_iter().filter(|&property| kill || property != Property::Kill);
        let refused = Refused { call, error: io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(0)) };
        let refused = all.map(|property| Denied::new(property, &refused)).collect();
        Candidate { isolation: Isolation::default(), refused }
    };
    let call = format!("clone({})", sys::namespace_names(flags));
    let pair = match UnixStream::pair() {
        Ok(pair) => pair,
        Err(error) => return nothing("socketpair".to_owned(), &error),
    };
    let (ours, theirs) = pair;
    let child = match isolation::patiently_until(until, || sys::clone(flags)) {
        Ok(Side::Child) => {
            drop(ours);
            let found = find(kill, as_user.then_some(ids), until);
            let _ = Pipe::new(theirs).send(&serde_json::to_vec(&found).unwrap_or_default());
            sys::exit_now(0)
        }
        Ok(Side::Parent(child)) => child,
        Err(error) => return nothing(call, &error),
    };
    drop(theirs);
    let said = match Pipe::new(ours).receive() {
        Received::Frame(frame) => serde_json::from_slice::<Vec<Denied>>(&frame).ok(),
        Received::Nothing | Received::End => None,
    };
    let _ = waitpid(Some(child), WaitOptions::empty());
    let Some(mut refused) = said else {
        return nothing(
            format!("{call}, or something after it: the probe was killed"),
            &io::Error::from_raw_os_error(0),
        );
    };
    if as_user && refused.iter().any(|refusal| refusal.call.starts_with("write(")) {
        // Without the own ids nothing in it is of use.
        let first = refused.swap_remove(0);
        let all = Property::ALL.into_iter().filter(|&property| kill || property != Property::Kill);
        let refused = all.map(|property| Denied { property, ..first.clone() }).collect();
        return Candidate { isolation: Isolation::default(), refused };
    }
    let rest = Property::ALL.into_iter().filter(|&property| property != Property::Kill);
    isolation.own.extend(rest.filter(|property| !refused.iter().any(|refusal| refusal.property == *property)));
    Candidate { isolation, refused }
}

/// Tries each property by itself, in the throwaway process; what is refused.
fn find(kill: bool, as_user: Option<(u32, u32)>, until: Instant) -> Vec<Denied> {
    if let Some(Err(refused)) = as_user.map(isolation::keep_ids) {
        return vec![Denied::new(Property::Kill, &refused)];
    }
    let mut refused = Vec::new();
    let mut note = |property, tried: Result<(), Refused>| {
        if let Err(error) = tried {
            refused.push(Denied::new(property, &error));
        }
    };
    let unshare = |namespaces| {
        let call = format!("unshare({})", sys::namespace_names(namespaces));
        isolation::patiently_until(until, || sys::unshare(namespaces)).map_err(|error| Refused { call, error })
    };
    note(Property::Host, unshare(sys::NEW_HOST));
    match unshare(sys::NEW_MOUNTS).and_then(|()| isolation::private_mounts()) {
        Ok(()) => {
            // Without a process namespace a fresh /proc would show the machine's all the same.
            if kill {
                note(Property::Proc, isolation::own_proc());
            }
            let tmp = isolation::own_directory("/dev/shm", &[]);
            note(Property::Tmp, tmp.and_then(|()| isolation::own_directory("/tmp", &[])));
        }
        Err(error) => {
            note(Property::Proc, Err(Refused { call: error.call.clone(), error: again(&error.error) }));
            note(Property::Tmp, Err(error));
        }
    }
    let network = unshare(sys::NEW_NETWORK).and_then(|()| isolation::own_loopback(as_user));
    note(Property::Network, network.and_then(|()| talk_to_self()));
    if !kill {
        let call = "mount(\"proc\", \"/proc\") without a process namespace".to_owned();
        let refusal = Refused { call, error: io::Error::from_raw_os_error(libc::EPERM) };
        refused.push(Denied::new(Property::Proc, &refusal));
    }
    refused
}

fn again(error: &io::Error) -> io::Error {
    io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(0))
}

/// A round trip over loopback: an interface that says it is up and carries nothing has been seen.
fn talk_to_self() -> Result<(), Refused> {
    let round_trip = || -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        listener.accept().map(|_| ())
    };
    round_trip().map_err(|error| Refused { call: "a connection over loopback".to_owned(), error })
}

fn explained(refused: Denied) -> Refusal {
    let help = help(&refused);
    Refusal { property: refused.property, call: refused.call, error: refused.error, help }
}

const APPARMOR: &str =
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or an AppArmor profile for greenroom that has `userns,`";
const SECCOMP: &str = "a seccomp filter is in force, as in containers: `docker run --security-opt seccomp=unconfined`, or run greenroom outside of the container";

/// What to change on the machine, from the error and from what the machine says of itself.
fn help(refused: &Denied) -> Option<String> {
    let setting = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
    let number = |name: &str| setting(name).and_then(|text| text.trim().parse::<i64>().ok());
    let filtered = fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Seccomp:") && line.ends_with('2')));
    let apparmor = number("kernel/apparmor_restrict_unprivileged_userns") == Some(1);
    let help = match refused.errno? {
        libc::EPERM | libc::EACCES if number("kernel/unprivileged_userns_clone") == Some(0) => {
            "`sysctl kernel.unprivileged_userns_clone=1`"
        }
        libc::EPERM | libc::EACCES if apparmor => APPARMOR,
        libc::EPERM if refused.call.starts_with("mount(\"proc\"") => {
            "parts of /proc are hidden, as in containers: `docker run --security-opt systempaths=unconfined`"
        }
        libc::EPERM | libc::ENOSYS if filtered => SECCOMP,
        libc::EACCES => {
            "a security module (AppArmor, SELinux) forbids it: `docker run --security-opt apparmor=unconfined`, or ask its log"
        }
        libc::EPERM => "run it as root, or outside of the container or chroot",
        libc::ENOSPC => {
            let kinds = ["user", "pid", "mnt", "net", "ipc", "uts"];
            let zero = kinds.into_iter().find(|kind| number(&format!("user/max_{kind}_namespaces")) == Some(0));
            return Some(match zero {
                Some(kind) => format!("`sysctl user.max_{kind}_namespaces=15000`: it is 0"),
                None => {
                    "more namespaces than user.max_*_namespaces allow are in use, or they are nested more than 32 deep"
                        .to_owned()
                }
            });
        }
        libc::ENOSYS | libc::EINVAL | libc::ENODEV => "the kernel is built without it; take one that has it",
        libc::EAGAIN | libc::ENOMEM => {
            "too many processes, or too little memory: see `ulimit -u` and the container's limits"
        }
        _ => return None,
    };
    Some(help.to_owned())
}
