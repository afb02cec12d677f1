//! Waiting: every wait of greenroom is one of these.
//!
//! Nothing sleeps. A wait is a `poll` on the descriptors that it waits for. Where the kernel has no
//! event (a port that opens, a file that appears), the wait looks again and again: first after
//! 0.1 ms, then less often as it grows old, but at least every 10 ms.
//!
//! Time in which this process could not run counts towards no limit. The stage's first process
//! records how long the stage was paused. No `poll` lasts longer than 100 ms, so a process that was
//! stopped, or a machine that was asleep, is noticed.
//!
//! - [`Watch`] is for steps: a time limit, an interruption or too much output cuts its waits short.
//! - `plain` is for cleaning up: only the wait's own limit ends it.
//! - `clock` counts lost time, `look` repeats looks, `meter` limits outputs, `growth` records when
//!   they grew, `ends` records when processes end.

mod clock;
mod ends;
mod growth;
mod look;
mod meter;
pub(crate) mod plain;
mod watch;

pub use growth::Growth;
pub use meter::MeterId;
pub use watch::{Stopwatch, WaitError, Watch};
