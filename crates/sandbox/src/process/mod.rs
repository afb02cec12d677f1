//! Processes as a scenario sees them: start, wait, look, stop.
//!
//! - [`Program`] says what to start; [`Program::start`] gives a [`Process`].
//! - [`Process`] is a running program in a process group of its own, held by a pidfd: it is never confused with a stranger that got its number.
//! - [`Neighbour`] is one that somebody else has started.
//! - [`Watch`] is the one loop in which everything waits; it ends early when the step's time is up or the run is interrupted.
//! - [`table`] lists the scenario's own processes, [`ports`] its listening sockets, [`capture`] reads the ends of output files,
//!   [`network`] tells whether anything went over the network.

pub mod capture;
mod neighbour;
pub mod network;
pub mod ports;
mod program;
mod running;
pub mod table;
mod watch;

pub use neighbour::Neighbour;
pub use program::{Input, Program, ProgramError, StartError, find_program};
pub use running::{Ended, Process, Signal, Status, Stopped, signal_name, signal_named};
pub use watch::{Cut, MeterId, Stopwatch, Watch};
