//! The command line of a Python that runs greenroom's own step host.
//!
//! Apart from `host`, because messages about processes need it, and hosts build on the libraries
//! that write those.

use std::borrow::Cow;

/// The Python code on the interpreter's command line, which reads the program from its descriptor.
///
/// The program itself is not on the command line, because process checks look there. Its number is
/// in `GREENROOM_CODE`. The host has a copy of what is built in, because step functions may replace
/// it.
pub(crate) const START: &str = "import os,builtins;\
    parts=open(int(os.environ.pop('GREENROOM_CODE')),'rb').read().split(b'\\0');\
    exec(compile(parts[0],'<greenroom>','exec'),\
    {'__name__':'__main__','__builtins__':dict(vars(builtins)),'PARTS':parts[1:]})";

/// The name of a process for people.
///
/// A process that a step function has forked has the command line of its host, which means nothing
/// to users.
pub(crate) fn known_as(command: &str) -> Cow<'_, str> {
    match command.strip_suffix(START).and_then(|program| program.strip_suffix(" -c ")) {
        Some(python) => format!("{python} (forked by a step function)").into(),
        None => command.into(),
    }
}
