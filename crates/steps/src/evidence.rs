//! What reports get to see of processes beyond what explains a failure.

use std::ops::Range;

use greenroom_event::Mark;
use greenroom_sandbox::process::Growth;
use serde::{Deserialize, Serialize};

/// How much is recorded of what a scenario does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// What explains a failure.
    #[default]
    OfFailures,
    /// Also what passed steps and the daemons of passed scenarios wrote, and when.
    Full,
}

/// How many of the last bytes of a daemon's output are recorded.
pub(crate) const DAEMON_OUTPUT: u64 = 64 * 1024;
/// How many of the last bytes of a passed step's output are recorded.
pub(crate) const STEP_OUTPUT: u64 = 16 * 1024;

/// Returns when a part of an output was written, without its first `omitted` bytes.
pub(crate) fn marks_of(growth: &[Growth], part: Range<u64>, omitted: u64) -> Vec<Mark> {
    if part.start + omitted >= part.end {
        return Vec::new();
    }
    let behind = growth.iter().skip_while(|growth| growth.length <= part.start + omitted);
    let whole = behind.clone().take_while(|growth| growth.length < part.end).count();
    let mark = |growth: &Growth| Mark { length: growth.length.min(part.end) - part.start, at: growth.at };
    behind.take(whole + 1).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn marks_are_those_of_the_bytes_that_are_left() {
        let growth = [10, 20, 30].map(|length| Growth { length, at: Duration::from_secs(length) });
        let marks = |part: Range<u64>, omitted: u64| -> Vec<(u64, u64)> {
            let marks = marks_of(&growth, part, omitted);
            marks.iter().map(|mark| (mark.length, mark.at.as_secs())).collect()
        };
        assert_eq!(marks(0..30, 0), [(10, 10), (20, 20), (30, 30)]);
        assert_eq!(marks(0..30, 9), [(10, 10), (20, 20), (30, 30)]);
        assert_eq!(marks(0..30, 10), [(20, 20), (30, 30)]);
        // Before and after a moment at which 15 bytes were there.
        assert_eq!(marks(0..15, 0), [(10, 10), (15, 20)]);
        assert_eq!(marks(15..30, 0), [(5, 20), (15, 30)]);
        assert_eq!(marks(15..30, 5), [(15, 30)]);
        // More was written since the last look.
        assert_eq!(marks(0..40, 25), [(30, 30)]);
        assert_eq!(marks(0..0, 0), []);
    }
}
