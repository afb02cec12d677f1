//! The `greenroom` command as its users meet it: whole screens, exit codes, and what is left on the
//! machine afterwards.
//!
//! A test makes a [`support::Project`], a fresh directory with documents in it, runs the command
//! there and compares all that it prints. `SNAPSHOTS=overwrite cargo test -p greenroom` rewrites
//! the expected screens; read each of them as a user would before keeping it.

#![expect(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "tests: short beats careful"
)]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]
#![expect(clippy::needless_raw_string_hashes, reason = "snapshots are written by their tool")]

mod bad_documents;
mod bazel;
mod commands;
mod daemon;
mod data;
mod differential;
mod disks;
mod facts;
mod faults;
mod formats;
mod harness;
mod harness_async;
mod harness_formats;
mod hosts;
mod http;
mod isolation;
mod kills;
mod ladder;
mod limits;
mod memory;
mod merge;
mod metadata;
mod nearly;
mod network;
mod order;
mod own_programs;
mod pages;
mod partition;
mod planted;
mod python;
mod recordings;
mod refusals;
mod reruns;
mod results;
mod retries;
mod run;
mod rust_crates;
mod scarcity;
mod seed;
mod servers;
mod side_by_side;
mod strict;
mod support;
mod surroundings;
mod targets;
mod tended;
mod terminal;
mod texts;
mod users;
mod vacuous;
mod values;
mod waits;
mod within;
