//! Exit codes. They tell apart what holds, what does not, and what could not be found out.

/// Everything that was chosen ran and holds. Of commands that run nothing: done.
pub const PASSED: u8 = 0;
/// At least one scenario failed, or could not be carried out.
pub const FAILED: u8 = 1;
/// A document, or a file that it names, has errors, or is not there; nothing was run.
pub const BAD_DOCUMENT: u8 = 2;
/// The command line is wrong, or its filters leave no scenario; nothing was run.
pub const USAGE: u8 = 3;
/// greenroom itself cannot work here: no temporary directory, no sandbox of the kind that was asked for.
pub const CANNOT: u8 = 4;
/// The run was stopped by SIGINT, SIGTERM or SIGHUP.
pub const INTERRUPTED: u8 = 130;
