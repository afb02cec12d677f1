//! The libraries that come with greenroom.

use crate::registry::Library;

mod bytes;
mod command;
pub mod daemon;
pub mod datadir;
pub mod files;
mod place;
pub mod runcmd;

/// All of them.
pub fn all() -> Vec<Library> {
    vec![daemon::library(), files::library(), runcmd::library(), datadir::library()]
}
