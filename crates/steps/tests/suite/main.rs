//! The libraries files, runcmd and datadir, driven through their bindings.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what helps it")]

mod bindings;
mod changed_files;
mod checks;
mod commands;
mod datadir;
mod escapes;
mod files;
mod runcmd;
mod support;
