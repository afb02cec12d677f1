//! What one property consists of.

use crate::isolation::failure::FailedCall;
use crate::isolation::room::{Ids, Room};

/// Everything that there is to know about one property.
pub(crate) struct Definition {
    /// Its name on screens.
    pub(crate) name: &'static str,
    /// What it means for a document's author that a stage has it.
    pub(crate) own: &'static str,
    /// What it means that a stage lacks it.
    pub(crate) shared: &'static str,
    /// What it requires.
    pub(crate) requires: Requirement,
    /// Namespaces that the first process must be cloned into.
    pub(crate) clone_namespaces: i32,
    /// Namespaces that the first process creates itself.
    pub(crate) unshare_namespaces: fn(&Room) -> i32,
    /// Sets it up in its namespaces, in the first process.
    pub(crate) set_up: fn(&Setup<'_>) -> Result<(), FailedCall>,
    /// Tries in the probe whether it works, after it was set up.
    pub(crate) verify: fn() -> Result<(), FailedCall>,
    /// Returns its own advice for an error (`errno`) of its set-up, if it has any.
    pub(crate) advice: fn(&FailedCall) -> Option<&'static str>,
}

/// What a property requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Nothing.
    None,
    /// A process namespace.
    Processes,
}

/// What the set-up of a property is given.
pub(crate) struct Setup<'a> {
    /// What the stage asks for.
    pub(crate) room: &'a Room,
    /// The user, if the stage is in a user namespace.
    pub(crate) as_user: Option<Ids>,
}
