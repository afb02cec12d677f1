//! Property `kill`: a process namespace, whose end the kernel makes complete.

use super::definition::{Definition, Requirement};
use crate::sys;

pub(super) const DEFINITION: Definition = Definition {
    name: "kill",
    own: "the kernel kills everything a scenario started",
    shared: "greenroom finds and kills a scenario's processes one by one",
    requires: Requirement::None,
    clone_namespaces: sys::NEW_PID,
    unshare_namespaces: |_| 0,
    set_up: |_| Ok(()),
    verify: || Ok(()),
    advice: |_| None,
};
