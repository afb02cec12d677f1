//! Measures commands and prints the figures.

use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::group::Group;

/// The control group of all that is measured, if there can be one.
static GROUP: Mutex<Option<Group>> = Mutex::new(None);

/// Number of measurements of a command.
pub(super) const ROUNDS: usize = 5;

/// One measurement.
pub(super) struct Measured {
    pub(super) wall: Duration,
    /// CPU time of the process and of its descendants.
    ///
    /// A busy machine changes it least. It does not include background work of the kernel.
    pub(super) processor: Duration,
    /// Page faults of the same processes, which depend little on what else runs.
    pub(super) faults: u64,
    /// Peak memory of the process.
    pub(super) peak_mib: f64,
    /// Peak memory of the largest descendant that runs the same program, if measured.
    pub(super) peak_below_mib: f64,
}

/// The processes whose peak memory is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peaks {
    /// None, so that measuring takes no CPU time.
    None,
    /// The process itself.
    Own,
    /// The process, and its descendants that run the same program.
    Below,
}

/// Measures a program. It must pass.
pub(super) fn once(command: &mut Command, peaks: Peaks) -> Result<Measured, String> {
    let (before, faults_before) = spent_below();
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let (peak_mib, peak_below_mib) =
        if peaks == Peaks::None { (0.0, 0.0) } else { peaks_until_end(&mut child, peaks)? };
    let status = child.wait().map_err(|error| error.to_string())?;
    let wall = begun.elapsed();
    let (after, faults_after) = spent_below();
    let processor = after.saturating_sub(before);
    let faults = faults_after.saturating_sub(faults_before);
    if status.success() {
        Ok(Measured { wall, processor, faults, peak_mib, peak_below_mib })
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

/// Begins to count what processes take from the machine.
pub(super) fn begin() {
    let group = Group::enter();
    if group.is_none() {
        say("(no control groups here: CPU time and page faults do not include copies of step hosts)");
    }
    replace_group(group);
}

/// Ends what [`begin`] began.
pub(super) fn end() {
    replace_group(None);
}

fn replace_group(group: Option<Group>) {
    *GROUP.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = group;
}

/// Returns the CPU time and the page faults of all processes that were started, so far.
///
/// Without a control group, of those that were waited for by their parents.
fn spent_below() -> (Duration, u64) {
    let group = GROUP.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(spent) = group.as_ref().and_then(Group::spent) {
        return spent;
    }
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // `pid (name) state ...`: the 11th field is the minor faults of the children, the 16th and 17th are
    // their user and system time, in hundredths of seconds.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let number = |at: usize| fields.get(at - 3).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (Duration::from_millis((number(16) + number(17)) * 10), number(11))
}

/// Reads the peak memory of a process until it ends.
///
/// The kernel reports the peak only while the process has its memory, so growth within the last
/// millisecond is missed.
fn peaks_until_end(child: &mut Child, peaks: Peaks) -> Result<(f64, f64), String> {
    let (mut own, mut below) = (0.0f64, 0.0f64);
    let mut looks = 0u32;
    loop {
        own = own.max(peak(child.id()).unwrap_or(0.0));
        // Descendants live as long as a scenario, and are more work to find.
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
        // Pause, to leave the CPU to the measured processes.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Returns the peak memory of a process in MiB.
fn peak(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Returns all descendants of a process.
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

/// Median, minimum and maximum of figures.
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

    /// Returns the milliseconds per scenario, if `count` scenarios together took these times.
    pub(super) fn each(times: impl IntoIterator<Item = Duration>, count: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
        let count = count as f64;
        Self::of(times.into_iter().map(|time| time.as_secs_f64() * 1000.0 / count))
    }
}

/// A function that takes one measurement.
pub(super) type Measurable<'a> = &'a dyn Fn() -> Result<Measured, String>;

/// Takes measurements in turns, forwards and backwards, so that other load affects all of them
/// equally.
///
/// Returns the results of each, in the order of the rounds.
pub(super) fn in_turns<const N: usize>(rounds: usize, all: [Measurable<'_>; N]) -> Result<[Vec<Measured>; N], String> {
    let measured = all_in_turns(rounds, &all)?;
    measured.try_into().map_err(|_| "as many results as commands".to_owned())
}

/// Takes measurements of any number of commands in turns.
pub(super) fn all_in_turns(rounds: usize, all: &[Measurable<'_>]) -> Result<Vec<Vec<Measured>>, String> {
    let mut measured: Vec<Vec<Measured>> = all.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..all.len() {
            let at = if round % 2 == 0 { turn } else { all.len() - 1 - turn };
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

/// Prints measurements, with the time per scenario.
pub(super) fn report(what: &str, measured: &[Measured], each: Option<usize>) {
    let wall = Spread::of(measured.iter().map(|one| one.wall.as_secs_f64()));
    let peak = Spread::of(measured.iter().map(|one| one.peak_mib)).middle;
    #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
    let each = each.map_or_else(String::new, |count| format!("  {:8.3} ms each", wall.middle * 1000.0 / count as f64));
    let Spread { middle, least, most } = wall;
    say(&format!("{what:<58} {middle:8.3} s  ({least:.3} to {most:.3}){each}  {peak:6.1} MiB"));
}

/// Formats a figure and the highest acceptable one.
pub(super) fn against(figure: f64, unit: &str, target: f64) -> String {
    let verdict = if figure <= target { "met" } else { "MISSED" };
    format!("{figure:.2}{unit} (target: at most {target}{unit}, {verdict})")
}
