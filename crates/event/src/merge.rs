//! What a run that is merged from several recordings says about them.

use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Attempt, Isolation, Origin, Partition, PartitionKind, micros};

/// The runs that were merged into one, and what is wrong with the set of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Merge {
    /// The runs, in the order in which they began.
    pub runs: Vec<MergedRun>,
    /// Why they are not everything, or do not fit together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<MergeProblem>,
}

/// One of the runs that were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct MergedRun {
    /// The name of its recording.
    pub recording: String,
    /// The version of greenroom that ran it.
    pub version: String,
    /// Where it comes from; missing in old recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// How its scenarios were kept apart.
    pub isolation: Isolation,
    /// How many of them ran side by side.
    pub jobs: usize,
    /// Which part of the scenarios it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Microseconds from the start of the first run until its own, by the clocks of the machines.
    #[serde(rename = "began_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub began: Duration,
    /// How long it took, in microseconds.
    #[serde(rename = "took_us", with = "micros")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub took: Duration,
    /// How its recording ends.
    pub end: RunEnd,
    /// The attempts of the merged run that come from it.
    pub attempts: Vec<Attempt>,
}

/// How a recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// With the end of the run.
    Finished,
    /// With the end of a run that was stopped early.
    Interrupted,
    /// Before the end of the run: greenroom was killed, or a part of the file is missing.
    CutShort,
    /// Before the end of the run, which still goes on.
    GoesOn,
}

/// Why recordings are not everything, or do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MergeProblem {
    /// Partitions of a list have no recording.
    MissingPartitions {
        /// How scenarios are assigned to the partitions.
        by: PartitionKind,
        /// How many partitions there are.
        total: usize,
        /// Those that are missing, as first and last of each gap.
        gaps: Vec<(usize, usize)>,
        /// The recordings of the others.
        recordings: Vec<String>,
    },
    /// A partition has several recordings.
    RepeatedPartition {
        /// How scenarios are assigned to the partitions.
        by: PartitionKind,
        /// Which partition.
        index: usize,
        /// How many partitions there are.
        total: usize,
        /// Its recordings.
        recordings: Vec<String>,
    },
    /// Several recordings are of one and the same run.
    SameRun {
        /// The recordings.
        recordings: Vec<String>,
    },
    /// The partitions are not parts of the same list of scenarios.
    DifferentLists {
        /// A group of recordings per list.
        lists: Vec<RecordingGroup>,
    },
    /// Different versions of greenroom ran the scenarios.
    DifferentVersions {
        /// A group of recordings per version.
        versions: Vec<RecordingGroup>,
    },
    /// A document is not the same in all recordings.
    DifferentDocument {
        /// Its path.
        path: String,
        /// The recordings with this document.
        recordings: Vec<String>,
    },
    /// Scenarios ran in several runs, none of which is a rerun.
    RepeatedScenarios {
        /// How many scenarios.
        scenarios: usize,
        /// The title of the first.
        first: String,
        /// The recordings of these runs.
        recordings: Vec<String>,
    },
}

/// Recordings that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RecordingGroup {
    /// What they have in common: `0.1.0`, or `2 partitions by count of 48 scenarios`.
    pub what: String,
    /// The recordings.
    pub recordings: Vec<String>,
}
