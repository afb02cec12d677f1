//! The worker: the process of a stage that plays the agent.

use std::ffi::OsString;
use std::path::Path;

use rustix::fs::{Access, Mode, access};
use rustix::process::umask;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::agent::{Agent, Stage};
use super::outside;
use crate::callers::{outside, stays_outside};
use crate::isolation::{Isolation, SystemError, UserNamespace};
use crate::launcher::channel::Pipe;
use crate::launcher::messages::{BEGIN, SETUP_FAILED, SetupFailure, StageMessage, StageOrder};
use crate::process::Account;
use crate::surroundings::{self, Network};
use crate::sys;

/// The umask of every scenario, whatever that of the caller is.
const UMASK: Mode = Mode::WGRP.union(Mode::WOTH);

/// Removes what the caller's environment says of the caller's surroundings, and sets the umask.
fn set_up_surroundings() {
    let network = surroundings::network();
    for name in outside().iter().filter(|name| stays_outside(name, network)) {
        sys::set_variable(name, None);
    }
    umask(UMASK);
}

/// Switches to another user, who must reach the stage's directory.
fn switch(account: &Account, directory: &Path) -> Result<(), SetupFailure> {
    let name = &account.name;
    sys::switch_to(account).map_err(|error| {
        SetupFailure::of(error.raw_os_error(), format!("switch to user {name}: {}", SystemError::from(&error)))
    })?;
    let closed = directory.ancestors().skip(1).filter(|path| access(*path, Access::EXEC_OK).is_err()).last();
    match closed {
        None => Ok(()),
        Some(closed) => Err(SetupFailure::lasting(format!(
            "enter {} as user {name}, who may not pass through {}: set TMPDIR to a directory that every user may \
             enter, such as /tmp",
            directory.display(),
            closed.display()
        ))),
    }
}

/// Runs the worker to its end.
pub(super) fn run<A: Agent>(
    agent: &A,
    prologue: &A::Prologue,
    isolation: &Isolation,
    mut pipe: Pipe,
    order: StageOrder,
    payload: Vec<u8>,
) -> ! {
    sys::unblock_signals();
    let switched = order.user.as_ref().map_or(Ok(()), |account| switch(account, &order.directory));
    if isolation.user_namespace == UserNamespace::Own {
        // The user namespace gave this process all capabilities. Documents that check permissions
        // expect a user who has none.
        let none = CapabilitySet::empty();
        let _ = set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none });
    }
    set_up_surroundings();
    for (name, value) in &order.environment {
        sys::set_variable(name.as_ref(), value.as_ref().map(OsString::from).as_ref());
    }
    let entered = switched.and_then(|()| {
        rustix::process::chdir(&order.directory)
            .map_err(|error| SetupFailure::lasting(format!("enter {}: {error}", order.directory.display())))
    });
    let code = match entered {
        // Everything is set up; the work begins when the runner says so.
        Ok(()) if pipe.wait_for_one().as_deref() == Some(BEGIN) => {
            if surroundings::network() == Network::Host
                && let Ok(channel) = pipe.stream().try_clone()
            {
                outside::ask_runner(channel);
            }
            let stage = Stage::new(pipe, order.directory, payload);
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| agent.play(prologue, stage)));
            i32::from(played.is_err())
        }
        Ok(()) => 0,
        Err(failure) => {
            let _ = pipe.send(&StageMessage::encode_not_set_up(&failure));
            SETUP_FAILED
        }
    };
    sys::exit_now(code)
}
