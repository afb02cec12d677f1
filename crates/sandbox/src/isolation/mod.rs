//! What keeps a stage apart from the machine and from other stages.
//!
//! A stage has each [`Property`] or lacks it, independent of the others: a container that refuses
//! to mount `/proc` may still allow process and network namespaces. A stage with all of them is
//! *sealed*. A stage without [`Property::Kill`] is *tended*: its first process is a child subreaper
//! that kills its descendants.
//!
//! - `property` has one file for each property: how it is set up, how it is verified, what it means
//!   to have or to lack it, and how to enable it.
//! - `probe` finds out which properties this machine supports; `advice` says how to enable the
//!   rest.
//! - `id_maps` are the users of a stage in a user namespace.
//! - `disk` is what a stage has in place of its directory, if it asks for that.
//! - `setup` gives a first process the properties of its stage.

pub(crate) mod advice;
pub(crate) mod disk;
mod failure;
pub(crate) mod id_maps;
pub(crate) mod patience;
pub(crate) mod probe;
mod property;
mod room;
pub(crate) mod setup;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use failure::{Call, SystemError};
pub use id_maps::{IdMaps, NoIdMaps};
pub(crate) use room::{Ids, Room};

pub use property::Property;

/// Which isolation the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SandboxChoice {
    /// Every property that the machine supports.
    #[default]
    Auto,
    /// All properties, or no run.
    Sealed,
    /// No property.
    Tended,
}

/// Why a stage lacks a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The property.
    pub property: Property,
    /// The system call that failed.
    pub call: Call,
    /// The error of that call.
    pub error: SystemError,
    /// What to change on this machine, if that is known.
    pub help: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, self.error)
    }
}

/// Who the user is inside of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageUser {
    /// Root, as outside.
    Root,
    /// The same user as outside.
    Same,
}

impl StageUser {
    /// Returns its name on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Same => "same",
        }
    }
}

/// What the stages of a run have of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Isolation {
    /// The properties that they have.
    pub(crate) own: Vec<Property>,
    /// Whether they need a user namespace, in which the user keeps the same ids.
    pub(crate) user_namespace: UserNamespace,
    /// Why they lack the others; empty when the user asked for that.
    pub refusals: Vec<Refusal>,
}

/// Whether the stage's namespaces are in a user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum UserNamespace {
    /// They are created with the rights of root.
    #[default]
    Unused,
    /// They are created in a user namespace, which needs no rights.
    Own,
}

impl Isolation {
    /// Whether stages have this property.
    pub fn has(&self, property: Property) -> bool {
        self.own.contains(&property)
    }

    /// Whether stages have all properties.
    pub fn is_sealed(&self) -> bool {
        Property::ALL.into_iter().all(|property| self.has(property))
    }

    /// Whether a stage can have a disk of its own: a mount that no other process sees.
    pub fn has_disks(&self) -> bool {
        self.has(Property::Tmp)
    }

    /// Whether set-uid programs have no more rights in stages than their user.
    pub fn takes_rights_of_files(&self) -> bool {
        self.user_namespace == UserNamespace::Own && self.user() == StageUser::Same
    }

    /// Returns who the user is inside of a stage.
    pub fn user(&self) -> StageUser {
        if rustix::process::geteuid().is_root() { StageUser::Root } else { StageUser::Same }
    }

    /// Returns the namespaces that the first process must be cloned into.
    ///
    /// It creates the others itself: that takes most of the time, and so happens beside the
    /// launcher's next clone.
    pub(crate) fn clone_namespaces(&self) -> i32 {
        let user = match self.user_namespace {
            UserNamespace::Own => crate::sys::NEW_USER,
            UserNamespace::Unused => 0,
        };
        self.own.iter().fold(user, |all, property| all | property.definition().clone_namespaces)
    }

    /// Returns the namespaces that the first process creates itself.
    pub(crate) fn unshare_namespaces(&self, room: &Room) -> i32 {
        self.own.iter().fold(0, |all, property| all | (property.definition().unshare_namespaces)(room))
    }
}
