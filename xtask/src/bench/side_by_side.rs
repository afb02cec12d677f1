//! How many scenarios run side by side: the default against fixed numbers.
//!
//! Three kinds of documents: scenarios that compute, scenarios that wait, and a mixture; on processors
//! that are idle, and on such that others use, too.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::measure::{Measurable, Spread, all_in_turns};
use super::row::{Bound, Row};
use super::setup::{Bench, HEAD};

/// The fixed numbers that the default is compared with, besides the number of processors.
const FIXED: [usize; 3] = [8, 32, 64];

/// A kind of document: which of its scenarios compute, out of how many.
struct Kind {
    name: &'static str,
    scenarios: usize,
    computes: fn(usize) -> bool,
}

const KINDS: [Kind; 3] = [
    Kind { name: "computing", scenarios: 24, computes: |_| true },
    Kind { name: "waiting", scenarios: 96, computes: |_| false },
    Kind { name: "mixture", scenarios: 60, computes: |at| at.is_multiple_of(4) },
];

/// Measures all kinds, and passes the rows on as they come.
pub(super) fn rows(bench: &Bench, rounds: usize, place: &Path, tell: &mut dyn FnMut(&Row)) -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (load, spinners) in [("idle", 0), ("busy", cores)] {
        let _load = Load::start(spinners)?;
        for kind in &KINDS {
            let document = bench.write(&format!("{}.md", kind.name), &document(kind))?;
            let jobs: Vec<String> = [cores].into_iter().chain(FIXED).map(|jobs| format!("-j{jobs}")).collect();
            let fixed = jobs.iter().map(|jobs| {
                let document = &document;
                Box::new(move || bench.time(&["run", "-q", jobs], document, place)) as Box<dyn Fn() -> _>
            });
            let by_default = Box::new(|| bench.time(&["run", "-q"], &document, place)) as Box<dyn Fn() -> _>;
            let all: Vec<_> = fixed.chain([by_default]).collect();
            let all: Vec<Measurable<'_>> = all.iter().map(|one| &**one as Measurable<'_>).collect();
            let measured = all_in_turns(rounds, &all)?;
            let times: Vec<f64> =
                measured.iter().map(|one| Spread::each(one.iter().map(|it| it.wall), kind.scenarios).middle).collect();
            let (by_default, fixed) = times.split_last().ok_or("nothing was measured")?;
            let best = fixed.iter().copied().fold(f64::INFINITY, f64::min);
            // A document that computes is compared with what the processors allow.
            let floor = if kind.name == "computing" { fixed[0] } else { best };
            let all: Vec<String> = jobs.iter().zip(fixed).map(|(jobs, time)| format!("{jobs} {time:.1}")).collect();
            let what = format!("default -j, {}, {load} ({})", kind.name, all.join(", "));
            tell(&Row::new(what, *by_default, "ms", Bound::Times { most: 1.05, floor }));
        }
    }
    Ok(())
}

fn document(kind: &Kind) -> String {
    let mut text = HEAD.to_owned();
    for at in 0..kind.scenarios {
        let command =
            if (kind.computes)(at) { "sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'" } else { "sleep 0.1" };
        let _ = write!(text, "\n# Scenario {at}\n\n~~~scenario\nwhen I run {command}\n~~~\n");
    }
    text
}

/// Processes that use processors until they are dropped.
struct Load(Vec<Child>);

impl Load {
    fn start(count: usize) -> Result<Self, String> {
        let mut load = Self(Vec::new());
        for _ in 0..count {
            let mut spinner = Command::new("sh");
            spinner.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
            load.0.push(spinner.spawn().map_err(|error| error.to_string())?);
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for spinner in &mut self.0 {
            let _ = spinner.kill().and_then(|()| spinner.wait());
        }
    }
}
