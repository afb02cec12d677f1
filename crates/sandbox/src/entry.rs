//! The entry point of programs that have stages.

use crate::launcher::messages::LAUNCHER_WORD;
use crate::launcher::process;
use crate::stage::Agent;
use crate::sys;

/// Turns this process into a launcher if it was started as one. Call it first in `main`.
///
/// It returns at once in any other process, and never in a launcher.
///
/// It also unblocks all signals, so that a careless parent cannot keep them from the runner, and
/// makes writes beyond the file size limit fail instead of killing this process.
pub fn enter<A: Agent>(agent: &A) {
    sys::unblock_signals();
    sys::survive_failed_writes();
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == LAUNCHER_WORD) && arguments.next().is_none() {
        process::serve(agent);
    }
}
