//! The benchmarks: the release binary on generated documents, figures as medians of five runs.
//!
//! They are no tests: a busy machine makes them slow, not wrong. Compare ratios, on one machine, in one run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{cargo, root, target};

/// How often each is measured.
const ROUNDS: usize = 5;

/// Runs the benchmarks with `filter` in their name.
pub(crate) fn run(filter: &str) -> Result<(), String> {
    cargo(&["build", "--release", "--package", "greenroom", "--package", "xtask"], &[])?;
    let bench = Bench::new()?;
    let all: [(&str, Benchmark); 4] = [("check", check), ("bindings", bindings), ("sleep", sleep), ("port", port)];
    for (name, benchmark) in all {
        if name.contains(filter) {
            benchmark(&bench)?;
        }
    }
    std::fs::remove_dir_all(&bench.directory).map_err(|error| error.to_string())
}

/// What a server of the `port` benchmark does: opens a port after a while, answers every connection, ends when it is told.
pub(crate) fn serve(port: u16, after: Duration) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "this process stands for a slow server; nobody synchronises by it")]
    std::thread::sleep(after);
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    for stream in listener.incoming().flatten() {
        let _ = std::io::Write::write_all(&mut &stream, b"hello\n");
    }
    Ok(())
}

/// Measures something and prints the figures.
type Benchmark = fn(&Bench) -> Result<(), String>;

struct Bench {
    directory: PathBuf,
    greenroom: PathBuf,
    xtask: PathBuf,
}

/// One measurement.
struct Measured {
    wall: Duration,
    peak_mib: f64,
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

    /// Measures a command of greenroom, which must pass.
    fn measure(&self, arguments: &[&str], document: &Path) -> Result<Vec<Measured>, String> {
        (0..ROUNDS).map(|_| self.once(arguments, document)).collect()
    }

    fn once(&self, arguments: &[&str], document: &Path) -> Result<Measured, String> {
        let begun = Instant::now();
        let mut child = Command::new(&self.greenroom)
            .args(arguments)
            .arg(document)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let peak = peak_until_end(&mut child)?;
        let wall = begun.elapsed();
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() {
            Ok(Measured { wall, peak_mib: peak })
        } else {
            Err(format!("greenroom {} {}: {status}", arguments.join(" "), document.display()))
        }
    }
}

/// Follows the peak memory of a process until it ends. The kernel gives it only while the process lives, so the last look
/// before the end counts; the look is the pause between two looks for its end.
fn peak_until_end(child: &mut std::process::Child) -> Result<f64, String> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
        peak = kib.map_or(peak, |kib| kib / 1024.0);
        if child.try_wait().map_err(|error| error.to_string())?.is_some() {
            return Ok(peak);
        }
        // A pause, so that this does not take a core from what it measures.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn report(what: &str, measured: &[Measured], each: Option<usize>) {
    let (middle, least, most) = median(measured.iter().map(|one| one.wall.as_secs_f64()));
    let peak = median(measured.iter().map(|one| one.peak_mib)).0;
    #[expect(clippy::cast_precision_loss, reason = "counts of scenarios are small")]
    let each = each.map_or_else(String::new, |count| format!("  {:8.3} ms each", middle * 1000.0 / count as f64));
    println!("{what:<58} {middle:8.3} s  ({least:.3} to {most:.3}){each}  {peak:6.1} MiB");
}

const HEAD: &str = "---\ntitle: Benchmark\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n...\n";

/// `greenroom check` of growing documents with the library bindings.
fn check(bench: &Bench) -> Result<(), String> {
    for scenarios in [200, 2_000, 10_000, 20_000] {
        let mut text = HEAD.to_owned();
        for at in 0..scenarios {
            let _ = write!(
                text,
                "\n# Scenario {at}\n\nSome prose about it,\non two lines.\n\n~~~scenario\n\
                 given a directory d{at}\nwhen I start \"sleep {at}\" as a background process as d\n\
                 then a process \"sleep {at}\" is running\nwhen I stop background process d\n\
                 then there is no \"sleep {at}\" process\n~~~\n"
            );
        }
        let document = bench.write("check.md", &text)?;
        let what = format!("check: {scenarios} scenarios, {} steps", scenarios * 5);
        report(&what, &bench.measure(&["check"], &document)?, None);
    }
    Ok(())
}

/// `greenroom check` of steps against 1000 bindings of the document's own. They are bound to a function that exists, since
/// only the matching is of interest.
fn bindings(bench: &Bench) -> Result<(), String> {
    let mut text = String::new();
    for at in 0..1000 {
        let _ = write!(
            text,
            "- when: I do thing number {at} with {{what}} and {{how:text}}\n  impl: {{native: {{function: daemon_start_succeeds}}}}\n"
        );
    }
    bench.write("own.yaml", &text)?;
    for steps in [1_000, 10_000, 100_000] {
        let mut text = "---\ntitle: Benchmark\nbindings: [own.yaml]\n...\n".to_owned();
        for scenario in 0..steps / 10 {
            let _ = write!(text, "\n# Scenario {scenario}\n\n~~~scenario\n");
            for at in 0..10 {
                let _ = writeln!(
                    text,
                    "when I do thing number {} with this and that {at}",
                    (scenario * 7 + at * 131) % 1000
                );
            }
            text.push_str("~~~\n");
        }
        let document = bench.write("bindings.md", &text)?;
        report(&format!("bindings: {steps} steps against 1000 bindings"), &bench.measure(&["check"], &document)?, None);
    }
    Ok(())
}

/// Scenarios that each start, see, stop and no longer see one `sleep`.
fn sleep(bench: &Bench) -> Result<(), String> {
    let count = 1000;
    let mut text = HEAD.to_owned();
    for at in 0..count {
        let _ = write!(
            text,
            "\n# Scenario {at}\n\n~~~scenario\nwhen I start \"sleep 9{at:04}\" as a background process as d\n\
             then a process \"sleep 9{at:04}\" is running\nwhen I stop background process d\n\
             then there is no \"sleep 9{at:04}\" process\n~~~\n"
        );
    }
    let document = bench.write("sleep.md", &text)?;
    for jobs in ["-j1", "-j2"] {
        let measured = bench.measure(&["run", "-q", jobs], &document)?;
        report(&format!("sleep: {count} scenarios, {jobs}"), &measured, Some(count));
    }
    let measured = bench.measure(&["run", "-q"], &document)?;
    report(&format!("sleep: {count} scenarios, default -j"), &measured, Some(count));
    let measured = bench.measure(&["run", "-q", "-j2", "--sandbox", "tended"], &document)?;
    report(&format!("sleep: {count} scenarios, -j2, not sealed"), &measured, Some(count));
    let bare: Result<Vec<Measured>, String> = (0..ROUNDS).map(|_| bare_sleep(count)).collect();
    report(&format!("sleep: {count} times spawn, kill, reap and nothing else"), &bare?, Some(count));
    Ok(())
}

/// What no runner can be faster than: the process itself.
fn bare_sleep(count: usize) -> Result<Measured, String> {
    let begun = Instant::now();
    for _ in 0..count {
        let mut child = Command::new("sleep").arg("90000").spawn().map_err(|error| error.to_string())?;
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
    }
    Ok(Measured { wall: begun.elapsed(), peak_mib: 0.0 })
}

/// Scenarios that wait for a server which opens its port, the same for all, after 50 ms.
fn port(bench: &Bench) -> Result<(), String> {
    let count = 100;
    let mut text = HEAD.to_owned();
    for at in 0..count {
        let server = bench.xtask.display();
        let _ = write!(
            text,
            "\n# Scenario {at}\n\n~~~scenario\nwhen I start \"{server} serve 8080 50\" as a background process as d, on port 8080\n\
             when I stop background process d\nthen there is no \"serve 8080 50\" process\n~~~\n"
        );
    }
    let document = bench.write("port.md", &text)?;
    report(&format!("port: {count} scenarios, -j1"), &bench.measure(&["run", "-q", "-j1"], &document)?, Some(count));
    report(&format!("port: {count} scenarios, default -j"), &bench.measure(&["run", "-q"], &document)?, Some(count));
    Ok(())
}
