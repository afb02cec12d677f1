//! The benchmarks: the release binary on generated documents, figures as medians of several runs.
//!
//! They are no tests: a busy machine makes them slow, not wrong. Compare ratios, on one machine, in one run. What is to be
//! compared is measured in turns, so that a busy spell meets both sides.

mod check;
mod cost;
mod death;
mod flood;
mod measure;
mod python;
mod scenarios;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{cargo, root, target};
use measure::{Measured, Peaks};

pub(crate) use scenarios::serve;

/// Measures something and prints the figures.
type Benchmark = fn(&Bench) -> Result<(), String>;

const ALL: [(&str, Benchmark); 9] = [
    ("check", check::check),
    ("bindings", check::bindings),
    ("sleep", scenarios::sleep),
    ("port", scenarios::port),
    ("cost", cost::cost),
    ("scale", cost::scale),
    ("flood", flood::flood),
    ("death", death::death),
    ("python", python::python),
];

/// Runs the benchmarks with `filter` in their name.
pub(crate) fn run(filter: &str) -> Result<(), String> {
    let chosen: Vec<Benchmark> = ALL.iter().filter(|(name, _)| name.contains(filter)).map(|(_, it)| *it).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no benchmark {filter}; there are {}", names.join(", ")));
    }
    cargo(&["build", "--release", "--package", "greenroom", "--package", "xtask"], &[])?;
    let bench = Bench::new()?;
    let done = chosen.iter().try_for_each(|benchmark| benchmark(&bench));
    std::fs::remove_dir_all(&bench.directory).map_err(|error| error.to_string())?;
    done
}

const HEAD: &str = "---\ntitle: Benchmark\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n...\n";

/// Where benchmarks work, and with what.
struct Bench {
    directory: PathBuf,
    greenroom: PathBuf,
    xtask: PathBuf,
}

impl Bench {
    fn new() -> Result<Self, String> {
        let release = target(&root()).join("release");
        let directory = release.join("bench");
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        Ok(Self { directory, greenroom: release.join("greenroom"), xtask: release.join("xtask") })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.directory.join(name);
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(path)
    }

    fn greenroom(&self, arguments: &[&str], document: &Path) -> Command {
        let mut command = Command::new(&self.greenroom);
        command.args(arguments).arg(document).stdout(Stdio::null());
        command
    }

    /// Measures a command of greenroom, which must pass, several times.
    fn measure(&self, arguments: &[&str], document: &Path) -> Result<Vec<Measured>, String> {
        (0..measure::ROUNDS).map(|_| self.once(arguments, document)).collect()
    }

    /// Measures it once, with its peak memory.
    fn once(&self, arguments: &[&str], document: &Path) -> Result<Measured, String> {
        measure::once(&mut self.greenroom(arguments, document), Peaks::Own)
    }

    /// Measures its time alone, since what looks at its memory takes some of the machine; its run's directory is made there.
    fn time(&self, arguments: &[&str], document: &Path, place: &Path) -> Result<Measured, String> {
        let mut command = self.greenroom(arguments, document);
        command.env("TMPDIR", place);
        measure::once(&mut command, Peaks::None)
    }

    /// What it says, whether it passes or not.
    fn said(&self, arguments: &[&str], document: &Path) -> Result<String, String> {
        let output = self.greenroom(arguments, document).stdout(Stdio::piped()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).map_err(|error| error.to_string())
    }
}
