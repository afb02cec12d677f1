//! The floors: the same work in C, in the same isolation, without a runner.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::measure::{self, Measured, Peaks};
use super::setup::Bench;
use crate::workspace::{root, run};

/// Compiles a program of `fixtures/bench`.
fn compile(bench: &Bench, name: &str, arguments: &[&str]) -> Result<PathBuf, String> {
    let program = bench.directory.join(name);
    let mut cc = Command::new("cc");
    cc.current_dir(root().join("fixtures/bench")).args(["-O2", "-o"]).arg(&program).args(arguments);
    run(&mut cc)?;
    Ok(program)
}

/// Runs `count` times the work, shared out over `loops` processes, with directories in `place`.
fn time(program: &Path, place: &Path, [count, loops]: [usize; 2], more: &[&Path]) -> Result<Measured, String> {
    let mut command = Command::new(program);
    command.arg(place).args([count.to_string(), loops.to_string()]).args(more).stdin(Stdio::null());
    measure::once(&mut command, Peaks::None)
}

/// The program that starts, stops and reaps one `sleep` in the room of a sealed scenario.
pub(super) struct Bare(PathBuf);

impl Bare {
    pub(super) fn compile(bench: &Bench) -> Result<Self, String> {
        compile(bench, "bare", &["bare.c", "room.c"]).map(Self)
    }

    pub(super) fn time(&self, count: usize, loops: usize, place: &Path) -> Result<Measured, String> {
        time(&self.0, place, [count, loops], &[])
    }
}

/// The program that copies a loaded interpreter into such a room, and exchanges messages with it.
pub(super) struct Copies {
    program: PathBuf,
    library: PathBuf,
}

impl Copies {
    pub(super) fn compile(bench: &Bench) -> Result<Self, String> {
        let program = compile(bench, "copies", &["copies.c", "room.c"])?;
        let library = compile(bench, "room.so", &["-shared", "-fPIC", "room.c"])?;
        Ok(Self { program, library })
    }

    pub(super) fn time(&self, count: usize, loops: usize, place: &Path) -> Result<Measured, String> {
        let script = root().join("fixtures/bench/copies.py");
        time(&self.program, place, [count, loops], &["python3".as_ref(), &script, &self.library])
    }
}
