//! A daemon for a Rust test: start it, wait until it is ready, look at it, stop it.
//!
//! # The promise
//!
//! Between the test and its [`Daemon`] stands a *keeper*: a process that becomes the parent of
//! every orphan below it, as a service manager does. When the value is dropped, the keeper kills
//! everything that the daemon has started, whatever that has done to escape (double forks, new
//! sessions, ignored signals). `drop` returns when the kernel reports that nothing is left. The
//! same happens when the test panics, when the test process exits, and when it is killed with
//! SIGKILL: the keeper holds one end of a socket, and only the test process holds the other.
//!
//! The promise does not cover
//!
//! - what other processes start on behalf of the daemon: containers of a container engine,
//!   `systemd-run`, `at`;
//! - a keeper that is killed with SIGKILL itself. The daemon's own process dies with it, but what
//!   that has started may live on;
//! - processes that this user may not kill (`sudo`), or that are stuck in the kernel. `drop`
//!   waits ten seconds for them, [`Daemon::stop`] reports them, and the keeper keeps waiting.
//!
//! # What a daemon is given
//!
//! - A process group of its own in a session without a terminal, so a Ctrl-C reaches only the test.
//! - Standard input from `/dev/null`; output into files without names, which need no clean-up; no
//!   other descriptor.
//! - Default actions for all signals.
//! - The environment of the test, with the changes of [`DaemonCommand::env`].
//!
//! Network, files and process table are the machine's. So let the daemon choose a free port where
//! it can ([`Daemon::wait_for_listener`]), and give it a directory of its own
//! ([`DaemonCommand::current_dir`]).
//!
//! The keeper is a fork of the test process and shares its memory, copy on write. It needs Linux
//! 5.4.

mod command;
mod error;
mod keeper;
mod output;
mod running;

pub use command::DaemonCommand;
pub use error::{DaemonError, Details};
pub use running::{Daemon, ProcessInfo};
