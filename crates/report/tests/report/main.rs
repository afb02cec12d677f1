//! Every screen in full. Rewrite the snapshots with `SNAPSHOTS=overwrite cargo test -p
//! greenroom-report`, then read them.

#![expect(clippy::unwrap_used, clippy::format_collect, reason = "tests: short beats careful")]
#![expect(clippy::needless_raw_string_hashes, reason = "snapbox writes snapshots with them")]

mod catalogue;
mod comparisons;
mod cut_short;
mod diagnostics;
mod events;
mod failures;
mod formats;
mod live;
mod merge;
mod outputs;
mod runs;
mod support;
mod tee;
