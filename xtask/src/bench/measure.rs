//! Taking and printing figures.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How often each is measured.
pub(super) const ROUNDS: usize = 5;

/// One measurement.
pub(super) struct Measured {
    pub(super) wall: Duration,
    /// Time on processors of all processes that were there and were waited for, and of none of the
    /// machine's others: what a busy machine changes least. What the kernel does in the background
    /// is not in it.
    pub(super) processor: Duration,
    /// Of the process that was started.
    pub(super) peak_mib: f64,
    /// Of the largest process below it with the same program, where that was asked for.
    pub(super) peak_below_mib: f64,
}

/// Whose peak memory is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peaks {
    /// Nobody's: nothing looks at the process while it runs.
    None,
    /// That of the process that is started.
    Own,
    /// Also that of all processes below it that run the same program.
    Below,
}

/// Measures a program, which must end well.
pub(super) fn once(command: &mut Command, peaks: Peaks) -> Result<Measured, String> {
    let before = processor_time_below();
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let (peak_mib, peak_below_mib) =
        if peaks == Peaks::None { (0.0, 0.0) } else { peaks_until_end(&mut child, peaks)? };
    let status = child.wait().map_err(|error| error.to_string())?;
    let wall = begun.elapsed();
    let processor = processor_time_below().saturating_sub(before);
    if status.success() {
        Ok(Measured { wall, processor, peak_mib, peak_below_mib })
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

/// The time on processors of all that this process has started and waited for, and of what those
/// have.
fn processor_time_below() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // `pid (name) state ...`: the 16th and 17th fields are the user and system time of the
    // children, in hundredths of seconds.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').skip(13).take(2);
    let hundredths: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(hundredths * 10)
}

/// Follows peak memory until a process ends. The kernel gives it only while a process has its
/// memory, but counts it up all the time, so only what is added after the last look is missed: less
/// than a millisecond before the end.
fn peaks_until_end(child: &mut Child, peaks: Peaks) -> Result<(f64, f64), String> {
    let (mut own, mut below) = (0.0f64, 0.0f64);
    let mut looks = 0u32;
    loop {
        own = own.max(peak(child.id()).unwrap_or(0.0));
        // Those below live as long as a scenario or the run, and are more work to find.
        if peaks == Peaks::Below && looks.is_multiple_of(8) {
            let program = std::fs::read_link(format!("/proc/{}/exe", child.id())).ok();
            for pid in descendants(child.id()) {
                if program.is_some() && std::fs::read_link(format!("/proc/{pid}/exe")).ok() == program {
                    below = below.max(peak(pid).unwrap_or(0.0));
                }
            }
        }
        looks += 1;
        if child.try_wait().map_err(|error| error.to_string())?.is_some() {
            return Ok((own, below));
        }
        // A pause, so that this does not take a core from what it measures.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The most memory that a process has had in its life, in MiB.
fn peak(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// All processes below one.
fn descendants(root: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok());
        next.extend(children.inspect(|pid| found.push(*pid)));
    }
    found
}

/// Middle, least and most of some figures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) middle: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        match values.as_slice() {
            [] => Self { middle: f64::NAN, least: f64::NAN, most: f64::NAN },
            [least, ..] => Self { middle: values[values.len() / 2], least: *least, most: values[values.len() - 1] },
        }
    }

    /// Milliseconds of each of `count` that together took these times.
    pub(super) fn each(times: impl IntoIterator<Item = Duration>, count: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
        let count = count as f64;
        Self::of(times.into_iter().map(|time| time.as_secs_f64() * 1000.0 / count))
    }
}

/// Something that can be measured.
pub(super) type Measurable<'a> = &'a dyn Fn() -> Result<Measured, String>;

/// Takes measurements in turns, forwards and backwards, so that what else the machine does meets
/// all of them alike. Gives what came of each, in the order of the rounds.
pub(super) fn in_turns<const N: usize>(rounds: usize, all: [Measurable<'_>; N]) -> Result<[Vec<Measured>; N], String> {
    let mut measured = [const { Vec::new() }; N];
    for round in 0..rounds {
        for turn in 0..N {
            let at = if round % 2 == 0 { turn } else { N - 1 - turn };
            measured[at].push(all[at]()?);
        }
    }
    Ok(measured)
}

/// Prints one line.
#[expect(clippy::print_stdout, reason = "the figures are the output")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// Prints what was measured, with the time of each of so many.
pub(super) fn report(what: &str, measured: &[Measured], each: Option<usize>) {
    let wall = Spread::of(measured.iter().map(|one| one.wall.as_secs_f64()));
    let peak = Spread::of(measured.iter().map(|one| one.peak_mib)).middle;
    #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
    let each = each.map_or_else(String::new, |count| format!("  {:8.3} ms each", wall.middle * 1000.0 / count as f64));
    let Spread { middle, least, most } = wall;
    say(&format!("{what:<58} {middle:8.3} s  ({least:.3} to {most:.3}){each}  {peak:6.1} MiB"));
}

/// A figure beside what it should be at most.
pub(super) fn against(figure: f64, unit: &str, target: f64) -> String {
    let verdict = if figure <= target { "met" } else { "MISSED" };
    format!("{figure:.2}{unit} (target: at most {target}{unit}, {verdict})")
}
