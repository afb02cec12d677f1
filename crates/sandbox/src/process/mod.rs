//! Processes as a scenario sees them: start, wait, look, stop.
//!
//! - [`Program`] says what to start; [`Program::start`] gives a [`Process`].
//! - [`Process`] is a running program in a process group of its own, held by a pidfd, so it is
//!   never confused with another process that gets its number.
//! - [`Service`] is a program that may go into the background.
//! - [`Neighbour`] is a process that another one has started.
//! - [`Restrictions`] are limits of a program and the user that it runs as.
//! - [`Terminal`] is what a program sees that is used by people.
//! - [`NotifySocket`] receives what a daemon reports about itself.
//! - [`Watch`] is what steps wait with; see the module `wait`.
//! - [`ready`] has what tests wait for: a port, a text, a file, a socket, an HTTP answer.
//! - [`table`] lists the scenario's own processes, [`ports`] its listening sockets, [`capture`]
//!   reads the ends of output files, [`network`] counts network use, [`attempts`] sees refused
//!   connections, [`holders`] finds the processes of sockets, [`stuck`] those that hang in the
//!   kernel.

mod account;
pub mod attempts;
pub mod capture;
mod child;
mod greet;
pub mod holders;
#[cfg(feature = "http")]
pub mod http;
mod mark;
mod neighbour;
pub mod network;
mod notify;
pub mod ports;
mod program;
pub mod ready;
mod restrictions;
mod running;
mod service;
mod signal;
mod status;
pub mod stuck;
pub mod table;
mod terminal;
mod unix_socket;
pub(crate) mod wait;

pub use crate::sys::exit_now;
pub use account::{Account, Group, Numbers, is_mapped};
pub(crate) use child::Child;
pub use greet::greet;
pub use neighbour::Neighbour;
pub use notify::{NotifySocket, Reports};
pub use program::{
    Input, Program, ProgramError, SpawnError, find_program, interpreter, missing_interpreter, retry_while_busy,
    retry_while_scarce,
};
pub use restrictions::{Restrictions, RunAs, most_open_files};
pub use running::Process;
pub use service::Service;
pub use signal::{Signal, UnknownSignal};
pub use status::{Exit, ExitStatus, StopOutcome};
pub use terminal::{Terminal, TerminalSize};
pub use wait::{Growth, MeterId, Stopwatch, WaitError, Watch};
