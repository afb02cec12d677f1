//! The properties that a stage can have, one file each.
//!
//! To add one: write its file, and add it to [`Property`], [`Property::ALL`] and
//! [`Property::definition`].

mod definition;
mod host;
mod kill;
mod network;
mod proc;
mod tmp;

use serde::{Deserialize, Serialize};

pub(super) use definition::{Definition, Requirement, Setup};

/// Something that a stage can have of its own instead of sharing it with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// A process namespace: the kernel kills everything in the stage with its first process.
    Kill,
    /// A network with nothing but loopback.
    Network,
    /// `/tmp` and `/dev/shm`.
    Tmp,
    /// A `/proc` that shows only the stage's processes.
    Proc,
    /// Host name and System V objects.
    Host,
}

impl Property {
    /// All properties, the most important first.
    pub const ALL: [Self; 5] = [Self::Kill, Self::Network, Self::Tmp, Self::Proc, Self::Host];

    /// All properties in the order in which they are set up.
    ///
    /// `Proc` comes before `Tmp` and `Network`, which use files of `/proc`.
    pub(crate) const SET_UP_ORDER: [Self; 5] = [Self::Kill, Self::Host, Self::Proc, Self::Tmp, Self::Network];

    /// Returns its definition.
    pub(crate) fn definition(self) -> &'static Definition {
        match self {
            Self::Kill => &kill::DEFINITION,
            Self::Network => &network::DEFINITION,
            Self::Tmp => &tmp::DEFINITION,
            Self::Proc => &proc::DEFINITION,
            Self::Host => &host::DEFINITION,
        }
    }

    /// Returns its name on screens.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Returns what it means for a document's author that stages have it, and that they lack it.
    pub fn meanings(self) -> (&'static str, &'static str) {
        (self.definition().own, self.definition().shared)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_property_is_listed_and_set_up_once() {
        let all: BTreeSet<Property> = Property::ALL.into_iter().collect();
        let set_up: BTreeSet<Property> = Property::SET_UP_ORDER.into_iter().collect();
        assert_eq!((all.len(), &all), (Property::ALL.len(), &set_up));
        let names: BTreeSet<&str> = Property::ALL.into_iter().map(Property::name).collect();
        assert_eq!(names.len(), Property::ALL.len());
    }
}
