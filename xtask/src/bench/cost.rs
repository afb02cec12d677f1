//! What greenroom adds to what the kernel takes for the same work.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Bench;
use super::measure::{self, Peaks, Spread, against, in_turns, say};
use super::scenarios::sleep_document;
use crate::root;

/// How often both sides are measured: more often than other things, since their ratio is what counts.
const ROUNDS: usize = 7;

/// What a scenario may cost with greenroom for what it costs without.
const RATIO: f64 = 1.8;

const COMPARED: &str = "\
bare:      fixtures/bench/bare.c, without a runner: for each time two directories, a first process in namespaces of its own
           (processes, mounts, network, System V objects, host name; for users also a user namespace), /proc, /dev/shm and
           /tmp mounted, loopback up, `sleep` started in its own group with two files for its output, TERM, its end waited
           for, all of it gone. One time after another in one loop (-j1), or two such loops with half of them each (-j2).
greenroom: `greenroom run -q` on a document whose scenarios each start, see, stop and no longer see one `sleep`.";

/// Bare against greenroom, with 1000 scenarios.
pub(super) fn cost(bench: &Bench) -> Result<(), String> {
    let count = 1000;
    let bare = Bare::compile(bench)?;
    let document = sleep_document(bench, count, "")?;
    say(COMPARED);
    say(&format!("cost: {count} scenarios, {ROUNDS} rounds in turns, milliseconds each: median (least to most)"));
    let [bare_1, bare_2, ours_1, ours_2] = in_turns(
        ROUNDS,
        [&|| bare.time(count, 1), &|| bare.time(count, 2), &|| bench.time(&["run", "-q", "-j1"], &document), &|| {
            bench.time(&["run", "-q", "-j2"], &document)
        }],
    )?;
    for (jobs, bare, ours) in [("-j1", bare_1, ours_1), ("-j2", bare_2, ours_2)] {
        let (bare, ours) = (Spread::each(&bare, count), Spread::each(&ours, count));
        say(&format!("  {jobs}  bare {}  greenroom {}  ratio {}", line(bare), line(ours), ratio(ours, bare)));
    }
    Ok(())
}

fn line(spread: Spread) -> String {
    format!("{:6.3} ({:.3} to {:.3})", spread.middle, spread.least, spread.most)
}

fn ratio(ours: Spread, bare: Spread) -> String {
    against(ours.middle / bare.middle, "", RATIO)
}

/// The program that does the work without a runner.
struct Bare {
    program: PathBuf,
    directory: PathBuf,
}

impl Bare {
    fn compile(bench: &Bench) -> Result<Self, String> {
        let program = bench.directory.join("bare");
        let source = root().join("fixtures/bench/bare.c");
        crate::run(Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source))?;
        // Where greenroom has its run's directory too.
        let directory = std::env::temp_dir().join(format!("greenroom-bare-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        Ok(Self { program, directory })
    }

    fn time(&self, count: usize, loops: usize) -> Result<Duration, String> {
        let mut command = Command::new(&self.program);
        command.arg(&self.directory).args([count.to_string(), loops.to_string()]).stdin(Stdio::null());
        measure::once(&mut command, Peaks::None).map(|measured| measured.wall)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Whether a scenario costs the same however many there are, in time and memory.
pub(super) fn scale(bench: &Bench) -> Result<(), String> {
    let (few, many) = (1_000, 10_000);
    let bare = Bare::compile(bench)?;
    let documents = [sleep_document(bench, few, "")?, sleep_document(bench, many, "")?];
    say(COMPARED);
    for jobs in [1, 2] {
        let argument = format!("-j{jobs}");
        let arguments = ["run", "-q", argument.as_str()];
        let [bare_few, bare_many, ours_few, ours_many] = in_turns(
            3,
            [&|| bare.time(few, jobs), &|| bare.time(many, jobs), &|| bench.time(&arguments, &documents[0]), &|| {
                bench.time(&arguments, &documents[1])
            }],
        )?;
        let bare = [Spread::each(&bare_few, few), Spread::each(&bare_many, many)];
        let ours = [Spread::each(&ours_few, few), Spread::each(&ours_many, many)];
        say(&format!("scale: -j{jobs}, 3 rounds in turns, milliseconds each: median (least to most)"));
        for (at, count) in [few, many].into_iter().enumerate() {
            let ratio = ratio(ours[at], bare[at]);
            say(&format!(
                "  {count:6} scenarios  bare {}  greenroom {}  ratio {ratio}",
                line(bare[at]),
                line(ours[at])
            ));
        }
        say(&format!(
            "  each of {many} takes this many times what each of {few} does: bare {:.2}, greenroom {:.2}",
            bare[1].middle / bare[0].middle,
            ours[1].middle / ours[0].middle
        ));
    }
    for (document, count, target) in [(&documents[0], few, 20.0), (&documents[1], many, 60.0)] {
        let measured = measure::once(&mut bench.greenroom(&["run", "-q", "-j2"], document), Peaks::Below)?;
        let runner = against(measured.peak_mib, " MiB", target);
        let below = measured.peak_below_mib;
        say(&format!(
            "  peak memory with {count} scenarios: runner {runner}, largest of launcher and stages {below:.1} MiB"
        ));
    }
    Ok(())
}
