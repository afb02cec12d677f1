//! Property `host`: host name and System V objects.

use super::definition::{Definition, Requirement};
use crate::sys;

pub(super) const DEFINITION: Definition = Definition {
    name: "host",
    own: "each scenario has its own host name and System V objects",
    shared: "scenarios share the host's host name and System V objects",
    requires: Requirement::None,
    clone_namespaces: 0,
    unshare_namespaces: |_| sys::NEW_HOST,
    set_up: |_| Ok(()),
    verify: || Ok(()),
    advice: |_| None,
};
