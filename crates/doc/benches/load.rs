//! How long loading takes and how much memory it keeps: `cargo bench -p greenroom-doc`.
//!
//! No harness: a load takes long enough to be timed by itself, and what counts is how the figures grow.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenroom_doc::{BuiltinFile, Loaded, MemoryLoader, Reach, Request, load};

const RUNS: usize = 5;

/// Bindings as libraries have them: many that share their words.
const LIBRARY: &str = r#"
- given: file {embedded_file}
  impl: {native: {function: file}}
  types: {embedded_file: file}
- given: file {filename_on_disk:path} from {embedded_file:file}
  impl: {native: {function: file_from}}
- when: I run {argv0}{args:text}
  impl: {native: {function: run}}
- when: I run, in {dirname:path}, {argv0}{args:text}
  impl: {native: {function: run_in}}
- when: I try to run {argv0}{args:text}
  impl: {native: {function: try_to_run}}
- when: I start "{path}{args:text}" as a background process as {name}
  impl: {native: {function: start}}
- when: I start "(?P<path>[^ "]+)(?P<args>[^"]*)" as a background process as (?P<name>[^,]+), with environment (?P<e>.*)
  regex: true
  impl: {native: {function: start_env}}
- when: I stop background process {name}
  impl: {native: {function: stop}}
- then: exit code is {exit:int}
  impl: {native: {function: exit}}
- then: exit code is not {exit:int}
  impl: {native: {function: exit_not}}
- then: command is successful
  impl: {native: {function: ok}}
- then: stdout contains "{text:escapedtext}"
  impl: {native: {function: stdout_contains}}
- then: stdout is exactly "{text:escapedtext}"
  impl: {native: {function: stdout_is}}
- then: stderr contains "{text:escapedtext}"
  impl: {native: {function: stderr_contains}}
- then: file {filename:path} exists
  impl: {native: {function: exists}}
- then: file {filename:path} contains "{data:escapedtext}"
  impl: {native: {function: file_contains}}
- then: only files (?P<filenames>.+) exist
  regex: true
  impl: {native: {function: only}}
"#;

fn library_document(scenarios: usize) -> String {
    let mut text = String::from("---\ntitle: Many\nbindings: [lib.yaml]\n---\n\n~~~{#f.txt .file}\nhello\n~~~\n\n");
    for n in 0..scenarios {
        let _ = write!(
            text,
            "# Scenario number {n}\n\nSome words about what this shows,\nin two lines.\n\n~~~scenario\n\
             given file f.txt\nwhen I run cat f.txt {n}\nthen exit code is 0\nthen stdout contains \"hello {n}\\n\"\n\
             and file out{n}.txt exists\n~~~\n\n"
        );
    }
    text
}

fn wide_bindings(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let keyword = ["given", "when", "then"][n % 3];
        let _ = write!(
            text,
            "- {keyword}: thing number {n} is set to {{value}} by {{name:text}}\n  \
             impl: {{native: {{function: f{n}}}}}\n"
        );
    }
    text
}

fn wide_document(scenarios: usize, bindings: usize) -> String {
    let mut text = String::from("---\ntitle: Wide\nbindings: [lib.yaml]\n---\n\n");
    for scenario in 0..scenarios {
        let _ = write!(text, "# Scenario number {scenario}\n\n~~~scenario\n");
        for step in 0..10 {
            let n = (scenario * 10 + step) * 7 % bindings;
            let keyword = ["given", "when", "then"][n % 3];
            let _ = writeln!(text, "{keyword} thing number {n} is set to {step} by some one");
        }
        text.push_str("~~~\n\n");
    }
    text
}

fn unknown_document(scenarios: usize) -> String {
    library_document(scenarios).replace("stdout contains", "stdout has in it")
}

fn run(loader: &MemoryLoader, builtin: &[BuiltinFile]) -> Loaded {
    load(&Request {
        documents: &["doc.md".to_owned()],
        loader,
        builtin,
        can_run: &|language, _| language == "native",
        may_be_empty: &|_| false,
        needs_scenarios: true,
    })
}

fn measure(name: &str, bindings: &str, document: String, before: Option<(f64, usize)>) -> (f64, usize) {
    let size = document.len();
    let loader = MemoryLoader::default().with("doc.md", document).with("lib.yaml", bindings);
    let builtin = [BuiltinFile {
        name: "lib/other.yaml".to_owned(),
        text: Some(Arc::from(LIBRARY)),
        reach: Reach::Listed,
        places: Vec::new(),
    }];
    let mut steps = 0;
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let outcome = black_box(run(&loader, &builtin));
            let time = start.elapsed();
            steps = outcome.plan.scenarios.iter().map(|scenario| scenario.steps.len()).sum();
            time
        })
        .collect();
    times.sort();
    let time = times[RUNS / 2].as_secs_f64();
    let ratio = before.map_or(String::new(), |(before, smaller)| {
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let grown = size as f64 / smaller as f64;
        format!("  size x{grown:.1}, time x{:.1}", time / before)
    });
    println!("{name:<38} {:>8.2} MB {steps:>7} steps {:>8.1} ms{ratio}", megabytes(size), time * 1e3);
    (time, size)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// The most memory the process ever had, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim_start_matches("VmHWM:").trim().to_owned())
}

fn main() {
    let mut before = None;
    for scenarios in [100, 1_000, 10_000] {
        before = Some(measure("library, 5 steps a scenario", LIBRARY, library_document(scenarios), before));
    }
    println!("peak memory so far: {}", peak());
    measure("library, 5 steps a scenario", LIBRARY, library_document(20_000), before);
    let mut before = None;
    for bindings in [10, 100, 1_000] {
        let document = wide_document(1_000, bindings);
        before = Some(measure(
            &format!("10 steps a scenario, {bindings} bindings"),
            &wide_bindings(bindings),
            document,
            before,
        ));
    }
    let mut before = None;
    for scenarios in [1_000, 10_000] {
        before = Some(measure("one unknown step a scenario", LIBRARY, unknown_document(scenarios), before));
    }
    println!("peak memory: {}", peak());
}
