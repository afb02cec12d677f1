//! Where a run comes from: when it began, on which machine, by which command, and its partition.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a run comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Origin {
    /// Differs between runs.
    pub id: String,
    /// When it began, by the clock of the machine: `2026-11-26T18:50:19Z`.
    pub started: String,
    /// Whether it runs again what did not pass in earlier runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rerun: bool,
    /// The machine.
    pub machine: Machine,
    /// The root of the repository that it was started in, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The working directory, from the root of the repository; empty if it is the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The command line, the name of the program included; for a test program, that of Cargo.
    pub command: Vec<String>,
    /// The options that one scenario needs in a rerun to behave as in this run: `--timeout`, `5s`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rerun_options: Vec<String>,
    /// The command by which Cargo runs the tests of this program, if it is a test program:
    /// `cargo test --test acceptance --`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_command: Option<String>,
}

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Machine {
    /// Its host name.
    pub host: String,
    /// Its kernel and architecture: `Linux 6.12.0 x86_64`.
    pub system: String,
    /// How many processors greenroom may use.
    pub cores: usize,
}

/// The part of the scenarios that one of several runs has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Partition {
    /// How scenarios are assigned.
    pub by: PartitionKind,
    /// Which part, from 1.
    pub index: usize,
    /// How many parts there are.
    pub total: usize,
    /// How many scenarios all parts have together.
    pub scenarios: usize,
    /// A hash of their names, by which parts of the same whole are recognized.
    pub hash: String,
}

/// How scenarios are assigned to parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PartitionKind {
    /// By a hash of the scenario's name.
    Hash,
    /// In turn, in the order of names.
    Count,
}

impl PartitionKind {
    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Count => "count",
        }
    }
}
