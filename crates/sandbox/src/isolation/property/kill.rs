//! Property `kill`: a process namespace, whose end the kernel makes complete.

use super::definition::{Definition, Requirement, Words};
use crate::sys;

pub(super) const DEFINITION: Definition = Definition {
    name: "kill",
    own: Words { value: "namespace", meaning: "the kernel kills everything a scenario started" },
    shared: Words { value: "subreaper", meaning: "greenroom finds and kills a scenario's processes one by one" },
    requires: Requirement::None,
    clone_namespaces: sys::NEW_PID,
    unshare_namespaces: |_| 0,
    set_up: |_| Ok(()),
    verify: || Ok(()),
    advice: |_| None,
};
