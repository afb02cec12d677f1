//! How scenarios are kept apart from one another and from the machine.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What scenarios have of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Isolation {
    /// Whether every property is [`Held::Own`].
    pub sealed: bool,
    /// The properties, the weightiest first.
    pub properties: Vec<Property>,
    /// Who the user is inside a scenario.
    pub user: User,
}

/// Something that a scenario has of its own or shares with the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Property {
    /// Which one.
    pub name: PropertyName,
    /// Whether scenarios have it.
    pub held: Held,
}

/// Names of properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new property is a new schema version, and every report must have words for it"
)]
pub enum PropertyName {
    /// The kernel kills everything that a scenario started when the scenario ends.
    Kill,
    /// A network with nothing but loopback.
    Network,
    /// `/tmp` and `/dev/shm`.
    Tmp,
    /// A `/proc` that shows the scenario's processes only.
    Proc,
    /// The host name and System V objects.
    Host,
}

impl PropertyName {
    /// Returns its name on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Network => "network",
            Self::Tmp => "tmp",
            Self::Proc => "proc",
            Self::Host => "host",
        }
    }

    /// Returns what screens show where scenarios have it, and where they share the machine's.
    pub fn values(self) -> (&'static str, &'static str) {
        match self {
            Self::Kill => ("namespace", "subreaper"),
            Self::Network | Self::Tmp => ("private", "shared"),
            Self::Proc | Self::Host => ("own", "machine"),
        }
    }
}

/// Whether scenarios have a property of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Each scenario has its own.
    Own,
    /// Scenarios share the machine's, as the user asked.
    Shared,
    /// Scenarios share the machine's because the kernel refused.
    Refused {
        /// The system call that failed, with the arguments that matter: `mount("proc", "/proc")`.
        call: String,
        /// Its error: `operation not permitted (EPERM)`.
        error: String,
    },
}

/// Who the user is inside a scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// The user who runs greenroom.
    #[default]
    Same,
    /// Root.
    Root,
}
