//! Programs that ended with a signal that means a fault of their own.

use greenroom_event::Exit;
use greenroom_sandbox::process::{ExitStatus, Signal};

use super::daemons::Daemons;
use crate::context::Context;
use crate::step::{Failure, Subject};

/// The signals with which the system or the program itself ends a faulty program.
const FAULTS: [Signal; 7] =
    [Signal::SEGV, Signal::ABRT, Signal::BUS, Signal::FPE, Signal::ILL, Signal::SYS, Signal::TRAP];

/// Adds to the failure of a step how to look into a program that crashed.
///
/// That is the command that it is about, or a daemon that it names.
pub(crate) fn with_crash(context: &mut Context, error: Failure) -> Failure {
    if let Some(Subject::Command { line, exit: Some(Exit::Signal(signal)) }) = &error.subject {
        let is_fault = FAULTS.iter().any(|fault| fault.to_string() == signal.to_string());
        let help = is_fault.then(|| help(line));
        return help.into_iter().fold(error, Failure::help);
    }
    for daemon in context.state::<Daemons>().iter_mut() {
        let is_fault = daemon.try_wait().is_some_and(|ended| is_fault(ended.status)) && !daemon.was_signalled();
        if is_fault && error.message.contains(&format!("daemon {}", daemon.label())) {
            return error.help(help(&daemon.order.words.join(" ")));
        }
    }
    error
}

fn is_fault(status: ExitStatus) -> bool {
    status.signal().is_some_and(|signal| FAULTS.contains(&signal))
}

fn help(line: &str) -> String {
    let python = if line.split(['/', ' ']).any(|word| word.starts_with("python")) {
        ", or start it with `python3 -X faulthandler` to see the line"
    } else {
        ""
    };
    format!(
        "this is a fault of the program: run the scenario with `--keep` and start the command in the kept directory \
         under a debugger{python}"
    )
}
