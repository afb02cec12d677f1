//! Memory for each scenario of a document that has many, from the peaks of two sizes.
//!
//! What a run keeps of a scenario that has passed must not grow unnoticed: events that a reporter keeps, or
//! texts that are copied, would exceed these limits by far.

use std::fmt::Write as _;

use crate::support::{HEAD, Project};

/// Runs its arguments and writes the peak of the memory of the largest process to a file, in KiB.
///
/// Without huge pages, which the kernel gives or not.
const MEASURE: &str = "import ctypes, resource, subprocess, sys\nctypes.CDLL(None).prctl(41, 1, 0, 0, 0)\n\
                       ended = subprocess.run(sys.argv[1:])\n\
                       peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n\
                       open('peak', 'w').write(str(peak))\nsys.exit(ended.returncode)";

/// Returns a document of scenarios with five steps and eight captures each.
fn document(scenarios: u64) -> String {
    let mut text = format!("{HEAD}\n~~~{{#greeting.txt .file}}\nhello\n~~~\n");
    for at in 0..scenarios {
        let _ = write!(
            text,
            "\n# Scenario {at}\n\n~~~scenario\ngiven file greeting.txt\nand file copy-{at}.txt from greeting.txt\n\
             then file copy-{at}.txt exists\nand file copy-{at}.txt contains \"hello\"\n\
             and files greeting.txt and copy-{at}.txt match\n~~~\n"
        );
    }
    text
}

/// Returns the peak of the memory, in bytes.
fn peak(arguments: &[&str], scenarios: u64) -> u64 {
    let project = Project::anywhere().file("x.md", document(scenarios)).through(["python3", "-c", MEASURE]);
    project.run(arguments).passes();
    let kib: u64 = std::fs::read_to_string(project.path("peak")).unwrap().parse().unwrap();
    kib * 1024
}

/// Returns the bytes that each scenario adds to the peak.
fn growth(arguments: &[&str], few: u64, many: u64) -> u64 {
    peak(arguments, many).saturating_sub(peak(arguments, few)) / (many - few)
}

#[test]
fn a_check_shares_the_texts_of_its_document() {
    let growth = growth(&["check", "x.md"], 1000, 16_000);
    assert!(growth < 2048, "{growth} bytes for each scenario");
}

#[test]
fn a_run_keeps_no_events_of_scenarios_that_passed() {
    let growth = growth(&["run", "-q", "-j2", "x.md"], 100, 900);
    assert!(growth < 3072, "{growth} bytes for each scenario");
}

#[test]
fn reports_keep_no_events_of_scenarios_that_passed() {
    let run = ["run", "-q", "-j2", "--events", "x.jsonl", "--junit", "x.xml", "--html", "x.html", "x.md"];
    let growth = growth(&run, 100, 900);
    assert!(growth < 4096, "{growth} bytes for each scenario");
}
