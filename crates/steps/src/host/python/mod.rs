//! The host for Python, which comes with greenroom: one program in several files, handed over by descriptor, so that nothing has to be
//! installed anywhere.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Error, ErrorKind, Seek, Write};
use std::os::fd::OwnedFd;

use rustix::fs::MemfdFlags;

const TEXT: &str = concat!(
    include_str!("start.py"),
    "\n\n",
    include_str!("messages.py"),
    "\n\n",
    include_str!("values.py"),
    "\n\n",
    include_str!("failures.py"),
    "\n\n",
    include_str!("context.py"),
    "\n\n",
    include_str!("basics.py"),
    "\n\n",
    include_str!("files.py"),
    "\n\n",
    include_str!("runcmd.py"),
    "\n\n",
    include_str!("daemon.py"),
    "\n\n",
    include_str!("namespace.py"),
    "\n\n",
    include_str!("host.py"),
    "\n\n",
    include_str!("effects.py"),
    "\n\n",
    include_str!("forks.py"),
    "\n\n",
    include_str!("check.py"),
    "\n\n",
    include_str!("main.py"),
    "\n\n",
);

/// How a Python gets at it: not by its command line, at which process checks look. The descriptor's number is in `GREENROOM_CODE`.
/// It has what is built in for itself: step functions may replace it.
pub(super) const START: &str = "import os,builtins;\
    exec(compile(open(int(os.environ.pop('GREENROOM_CODE')),'rb').read(),'<greenroom>','exec'),\
    {'__name__':'__main__','__builtins__':dict(vars(builtins))})";

/// A process that a step function has forked has the command line of its host, which says nothing to people.
pub(crate) fn known_as(command: &str) -> Cow<'_, str> {
    match command.strip_suffix(START).and_then(|program| program.strip_suffix(" -c ")) {
        Some(python) => format!("{python} (forked by a step function)").into(),
        None => command.into(),
    }
}

/// The program, to be read from its beginning.
pub(super) fn program() -> std::io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("greenroom-host", MemfdFlags::CLOEXEC)?);
    file.write_all(TEXT.as_bytes()).map_err(|error| match error.kind() {
        kind @ ErrorKind::FileTooLarge => {
            Error::new(kind, "greenroom's own part of it is longer than files may be (`ulimit -f`)")
        }
        _ => error,
    })?;
    file.rewind()?;
    Ok(file.into())
}
