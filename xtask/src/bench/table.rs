//! The table: what scenarios cost, each figure with a floor or a target.
//!
//! Floors are the same work in C, in the same isolation (`fixtures/bench`), measured in turns with
//! greenroom.

use std::path::{Path, PathBuf};

use super::floor::{Bare, Copies};
use super::measure::{self, Measurable, Measured, Peaks, Spread, all_in_turns, say};
use super::python;
use super::row::{Bound, Row};
use super::scenarios::{port_document, sleep_document};
use super::setup::{Bench, HEAD};
use super::side_by_side;

/// Number of rounds, of which the medians are shown.
const ROUNDS: usize = 7;

/// Prints all rows.
pub(super) fn table(bench: &Bench) -> Result<(), String> {
    say(&format!(
        "Medians of {ROUNDS} rounds in turns. `floor` is the same work in C, in the same isolation, without a runner. \
         ms are for each scenario; cpu is the time on processors of all processes."
    ));
    let place = bench.directory.join("place");
    std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    for rows in [sleep, port, steps_in_python, start, memory] {
        for row in rows(bench, &place)? {
            say(&row.to_string());
        }
    }
    side_by_side::rows(bench, ROUNDS, &place, &mut |row| say(&row.to_string()))
}

/// The medians of a command, in milliseconds for each scenario.
struct Each {
    wall: f64,
    processor: f64,
}

fn each(measured: &[Measured], count: usize) -> Each {
    Each {
        wall: Spread::each(measured.iter().map(|one| one.wall), count).middle,
        processor: Spread::each(measured.iter().map(|one| one.processor), count).middle,
    }
}

/// Rows for time and processor time against a floor.
fn against_floor(what: &str, ours: &Each, floor: &Each, [wall, processor]: [f64; 2]) -> [Row; 2] {
    [
        Row::new(format!("{what}: time"), ours.wall, "ms", Bound::Times { most: wall, floor: floor.wall }),
        Row::new(
            format!("{what}: cpu"),
            ours.processor,
            "ms",
            Bound::Times { most: processor, floor: floor.processor },
        ),
    ]
}

fn sleep(bench: &Bench, place: &Path) -> Result<Vec<Row>, String> {
    let count = 500;
    let bare = Bare::compile(bench)?;
    let floor = |loops| bare.time(count, loops, place);
    let document = sleep_document(bench, count, "")?;
    beside_floor(bench, place, "sleep, sealed", (&document, count), &floor, [1.25, 1.5])
}

/// Measures a document with one and with two jobs, in turns with its floor.
fn beside_floor(
    bench: &Bench,
    place: &Path,
    what: &str,
    (document, count): (&Path, usize),
    floor: &dyn Fn(usize) -> Result<Measured, String>,
    most: [f64; 2],
) -> Result<Vec<Row>, String> {
    let measured = all_in_turns(
        ROUNDS,
        &[&|| floor(1), &|| floor(2), &|| bench.time(&["run", "-q", "-j1"], document, place), &|| {
            bench.time(&["run", "-q", "-j2"], document, place)
        }],
    )?;
    let [floor_1, floor_2, ours_1, ours_2] = [0, 1, 2, 3].map(|at| each(&measured[at], count));
    let rows = [
        against_floor(&format!("{what}, -j1"), &ours_1, &floor_1, most),
        against_floor(&format!("{what}, -j2"), &ours_2, &floor_2, most),
    ];
    Ok(rows.into_iter().flatten().collect())
}

fn port(bench: &Bench, place: &Path) -> Result<Vec<Row>, String> {
    let [alone, few, many] = [40, 100, 1000];
    let [one, hundred, thousand] =
        [port_document(bench, alone)?, port_document(bench, few)?, port_document(bench, many)?];
    let measured = all_in_turns(
        ROUNDS,
        &[&|| bench.time(&["run", "-q", "-j1"], &one, place), &|| bench.time(&["run", "-q"], &hundred, place), &|| {
            bench.time(&["run", "-q"], &thousand, place)
        }],
    )?;
    let bounds = [("port, -j1", alone, 52.0), ("port, 100 scenarios", few, 2.0), ("port, 1000 scenarios", many, 2.0)];
    let rows = measured.iter().zip(bounds).flat_map(|(measured, (what, count, most))| {
        let Each { wall, processor } = each(measured, count);
        [
            Row::new(format!("{what}: time"), wall, "ms", Bound::Most(most)),
            Row::new(format!("{what}: cpu"), processor, "ms", Bound::Most(3.0)),
        ]
    });
    Ok(rows.collect())
}

fn steps_in_python(bench: &Bench, place: &Path) -> Result<Vec<Row>, String> {
    let count = 100;
    let copies = Copies::compile(bench)?;
    let floor = |loops| copies.time(count, loops, place);
    let document = python::document(bench, count)?;
    beside_floor(bench, place, "ten steps in Python", (&document, count), &floor, [1.5, 1.5])
}

fn start(bench: &Bench, place: &Path) -> Result<Vec<Row>, String> {
    let document = sleep_document(bench, 1, "")?;
    let run: Measurable<'_> = &|| bench.time(&["run", "-q"], &document, place);
    let check: Measurable<'_> = &|| bench.time(&["check"], &document, place);
    let measured = all_in_turns(ROUNDS, &[run, check])?;
    let [run, check] = [0, 1].map(|at| each(&measured[at], 1).wall);
    let size = std::fs::metadata(stripped(bench)?).map_err(|error| error.to_string())?.len();
    #[expect(clippy::cast_precision_loss, reason = "sizes of programs are small")]
    let size = size as f64 / 1e6;
    Ok(vec![
        Row::new("start: run of one scenario", run, "ms", Bound::None),
        Row::new("start: check of it", check, "ms", Bound::None),
        Row::new("the program without symbols", size, "MB", Bound::None),
    ])
}

fn stripped(bench: &Bench) -> Result<PathBuf, String> {
    let stripped = bench.directory.join("stripped");
    let mut strip = std::process::Command::new("strip");
    crate::workspace::run(strip.arg("-o").arg(&stripped).arg(&bench.greenroom))?;
    Ok(stripped)
}

fn memory(bench: &Bench, _: &Path) -> Result<Vec<Row>, String> {
    let [few, many] = [1_000, 4_000];
    let peak = |count: usize| -> Result<f64, String> {
        let document = sleep_document(bench, count, "")?;
        Ok(measure::once(&mut bench.greenroom(&["run", "-q"], &document), Peaks::Own)?.peak_mib)
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
    let growth = (peak(many)? - peak(few)?) * 1024.0 / (many - few) as f64;
    let document = bench.write("large.md", &large(100_000))?;
    let check = bench.once(&["check"], &document)?;
    Ok(vec![
        Row::new("check of 100000 scenarios: peak memory", check.peak_mib, "MiB", Bound::Most(150.0)),
        Row::new("check of 100000 scenarios: time", check.wall.as_secs_f64(), "s", Bound::None),
        Row::new("run: memory for each further scenario", growth, "KiB", Bound::Most(2.0)),
    ])
}

/// Returns a document with so many scenarios of five steps.
pub(super) fn large(count: usize) -> String {
    let scenario = |at: usize| {
        format!(
            "\n# Scenario {at}\n\n~~~scenario\ngiven a directory d{at}\nwhen I start \"sleep {at}\" as a background \
             process as d\nthen a process \"sleep {at}\" is running\nwhen I stop background process d\n\
             then there is no \"sleep {at}\" process\n~~~\n"
        )
    };
    (0..count).fold(HEAD.to_owned(), |text, at| text + &scenario(at))
}
