//! The cost of greenroom compared with the same work without a runner.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::floor::Bare;
use super::measure::{self, Measured, Peaks, Spread, against, in_turns, say};
use super::scenarios::sleep_document;
use super::setup::Bench;

/// Number of rounds. More than for other benchmarks, because the ratio matters.
const ROUNDS: usize = 7;

/// The highest acceptable ratio of the cost with greenroom to the cost without.
const RATIO: f64 = 1.8;

const COMPARED: &str = "\
bare:      fixtures/bench/bare.c, without a runner: for each time two directories, a first process in namespaces of \
its own
           (processes, mounts, network, System V objects, host name; for users also a user namespace), /proc, \
           /dev/shm and
           /tmp mounted, loopback up, `sleep` started in its own group with two files for its output, TERM, its end \
           waited
           for, all of it gone. One time after another in one loop (-j1), or two such loops with half of them each \
           (-j2).
greenroom: `greenroom run -q` on a document whose scenarios each start, see, stop and no longer see one `sleep`.
Both have their directories in the same place. First the time that passes, then that on processors, of all processes.";

/// Compares 1000 scenarios with and without greenroom.
pub(super) fn cost(bench: &Bench) -> Result<(), String> {
    let count = 1000;
    let bare = Bare::compile(bench)?;
    let document = sleep_document(bench, count, "")?;
    say(COMPARED);
    for place in places()? {
        say(&format!(
            "cost: {count} scenarios {}, {ROUNDS} rounds in turns, milliseconds each: median (least to most)",
            place.what
        ));
        let [bare_1, bare_2, ours_1, ours_2] = in_turns(
            ROUNDS,
            [
                &|| bare.time(count, 1, &place.directory),
                &|| bare.time(count, 2, &place.directory),
                &|| bench.time(&["run", "-q", "-j1"], &document, &place.directory),
                &|| bench.time(&["run", "-q", "-j2"], &document, &place.directory),
            ],
        )?;
        for (jobs, bare, ours) in [("-j1", bare_1, ours_1), ("-j2", bare_2, ours_2)] {
            compare(jobs, [&bare, &ours], count);
        }
    }
    Ok(())
}

/// Prints the cost of each of `count` scenarios, without and with greenroom.
fn compare(what: &str, [bare, ours]: [&[Measured]; 2], count: usize) {
    let spreads = |of: fn(&Measured) -> Duration| [bare, ours].map(|all| Spread::each(all.iter().map(of), count));
    let line = |spread: Spread| format!("{:6.3} ({:.3} to {:.3})", spread.middle, spread.least, spread.most);
    let [bare, ours] = spreads(|one| one.wall);
    let ratio = against(ours.middle / bare.middle, "", RATIO);
    say(&format!("  {what}  bare {}  greenroom {}  ratio {ratio}", line(bare), line(ours)));
    let [bare, ours] = spreads(|one| one.processor);
    let ratio = ours.middle / bare.middle;
    let indent = " ".repeat(what.len());
    say(&format!("  {indent}  bare {}  greenroom {}  ratio {ratio:.2} on processors", line(bare), line(ours)));
}

/// The parent of the scenarios' directories, for both sides.
struct Place {
    what: String,
    directory: PathBuf,
}

/// Returns two places: memory, where the figures are steady, and the usual directory for temporary
/// files.
///
/// On a disk, creating a file can take longer if many files were removed in the last minutes.
fn places() -> Result<Vec<Place>, String> {
    let temporary = std::env::temp_dir();
    let shared_memory = Path::new("/dev/shm");
    let memory = shared_memory.is_dir().then(|| ("in memory".to_owned(), shared_memory));
    let usual = (format!("in {}", temporary.display()), temporary.as_path());
    let place = |(what, parent): (String, &Path)| {
        let directory = parent.join(format!("greenroom-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        Ok(Place { what, directory })
    };
    memory.into_iter().chain([usual]).map(place).collect()
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Measures whether the cost of a scenario depends on the number of scenarios.
pub(super) fn scale(bench: &Bench) -> Result<(), String> {
    let (few, many, rounds) = (1_000, 10_000, 3);
    let bare = Bare::compile(bench)?;
    let documents = [sleep_document(bench, few, "")?, sleep_document(bench, many, "")?];
    say(COMPARED);
    for place in places()? {
        for jobs in [1, 2] {
            let argument = format!("-j{jobs}");
            let arguments = ["run", "-q", argument.as_str()];
            let [bare_few, bare_many, ours_few, ours_many] = in_turns(
                rounds,
                [
                    &|| bare.time(few, jobs, &place.directory),
                    &|| bare.time(many, jobs, &place.directory),
                    &|| bench.time(&arguments, &documents[0], &place.directory),
                    &|| bench.time(&arguments, &documents[1], &place.directory),
                ],
            )?;
            let place = &place.what;
            say(&format!(
                "scale: -j{jobs} {place}, {rounds} rounds in turns, milliseconds each: median (least to most)"
            ));
            compare(&format!("{few:6} scenarios"), [&bare_few, &ours_few], few);
            compare(&format!("{many:6} scenarios"), [&bare_many, &ours_many], many);
            let growth = |few_times: &[Measured], many_times: &[Measured]| {
                let ratio = |of: fn(&Measured) -> Duration| {
                    let few = Spread::each(few_times.iter().map(of), few);
                    Spread::each(many_times.iter().map(of), many).middle / few.middle
                };
                format!("{:.2} ({:.2} on processors)", ratio(|one| one.wall), ratio(|one| one.processor))
            };
            say(&format!(
                "  each of {many} takes this many times what each of {few} does: bare {}, greenroom {}",
                growth(&bare_few, &bare_many),
                growth(&ours_few, &ours_many)
            ));
        }
    }
    for (document, count, target) in [(&documents[0], few, 20.0), (&documents[1], many, 60.0)] {
        let measured = measure::once(&mut bench.greenroom(&["run", "-q", "-j2"], document), Peaks::Below)?;
        let runner = against(measured.peak_mib, " MiB", target);
        let below = measured.peak_below_mib;
        say(&format!(
            "scale: peak memory with {count} scenarios: runner {runner}, largest of launcher and stages {below:.1} MiB"
        ));
    }
    Ok(())
}
