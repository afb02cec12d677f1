//! The cost of a scenario with Python steps.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::measure::{self, Measured, Peaks, Spread, against, in_turns, say};
use super::setup::Bench;
use crate::workspace::STATE;

const ROUNDS: usize = 7;

/// The highest acceptable time of a scenario at `-j2`, in milliseconds. Its steps do almost
/// nothing.
const EACH: f64 = 10.0;

/// The imports of step files in real documents.
const STEPS: &str = "\
import json, logging, os, re, shutil, subprocess, tempfile, time, urllib.request


def given(ctx, n=None):
    ctx[\"n\"] = int(n)


def add(ctx, n=None):
    ctx[\"n\"] += int(n)


def check(ctx, n=None):
    assert_eq = globals()[\"assert_eq\"]
    assert_eq(ctx[\"n\"], int(n))
";

const BINDINGS: &str = "\
- given: a value {n:int}
  impl: {python: {function: given}}
- when: \"{n:int} is added\"
  impl: {python: {function: add}}
- then: the value is {n:int}
  impl: {python: {function: check}}
";

/// Measures 200 scenarios of ten steps, and the program that Subplot generates from the same
/// document, if installed.
pub(super) fn python(bench: &Bench) -> Result<(), String> {
    let count = 200;
    let document = document(bench, count)?;
    let ours = |jobs: &'static str| {
        let document = &document;
        move || measure::once(&mut command(&bench.greenroom, &["run", "-q", jobs, "python.md"], document), Peaks::None)
    };
    let (one, two) = (ours("-j1"), ours("-j2"));
    let generated = generate(&document)?;
    say(&format!(
        "python: {count} scenarios of ten steps in Python, {ROUNDS} rounds in turns, milliseconds each: median (least \
            to most); \
         then the time on processors"
    ));
    let theirs = || match &generated {
        Some(program) => {
            measure::once(&mut command("python3".as_ref(), &[&program.display().to_string()], &document), Peaks::None)
        }
        None => measure::once(&mut Command::new("true"), Peaks::None),
    };
    let [one, two, theirs] = in_turns(ROUNDS, [&one, &two, &theirs])?;
    let line = |what: &str, measured: &[Measured]| {
        let spread = |of: fn(&Measured) -> Duration| Spread::each(measured.iter().map(of), count);
        let shown = |spread: Spread| format!("{:6.2} ({:.2} to {:.2})", spread.middle, spread.least, spread.most);
        let wall = spread(|one| one.wall);
        say(&format!("  {what:<28} {}; {}", shown(wall), shown(spread(|one| one.processor))));
        wall.middle
    };
    line("greenroom -j1", &one);
    let two = line("greenroom -j2", &two);
    if generated.is_some() {
        line("the generated program", &theirs);
    } else {
        say("  (no program `subplot` on PATH: nothing to compare it with)");
    }
    say(&format!("  a scenario at -j2: {}", against(two, " ms", EACH)));
    Ok(())
}

/// Writes a document with `count` scenarios of ten steps, and its bindings and functions.
pub(super) fn document(bench: &Bench, count: usize) -> Result<PathBuf, String> {
    bench.write("python.yaml", BINDINGS)?;
    bench.write("steps.py", STEPS)?;
    bench.write("python.md", &text(count))
}

fn text(count: usize) -> String {
    let head = "---\ntitle: Benchmark\nbindings: [python.yaml]\nimpls: {python: [steps.py]}\n...\n\n# Benchmark\n";
    let added = "when 1 is added\n".repeat(8);
    let scenario = |n: usize| {
        let sum = n + 8;
        format!("\n## Scenario {n}\n\n~~~scenario\ngiven a value {n}\n{added}then the value is {sum}\n~~~\n")
    };
    (0..count).fold(head.to_owned(), |text, n| text + &scenario(n))
}

/// Creates a command that runs in the document's directory.
fn command(program: &Path, arguments: &[&str], document: &Path) -> Command {
    let mut command = Command::new(program);
    let directory = document.parent().unwrap_or("/".as_ref());
    command.args(arguments).current_dir(directory).env(STATE, directory.join("state"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Generates Subplot's program of the document, if Subplot is installed.
fn generate(document: &Path) -> Result<Option<PathBuf>, String> {
    let subplot = document.with_extension("subplot");
    let metadata = "title: Benchmark\nmarkdowns: [python.md]\nbindings: [python.yaml]\nimpls: {python: [steps.py]}\n";
    std::fs::write(&subplot, metadata).map_err(|error| error.to_string())?;
    let program = document.with_file_name("generated.py");
    let mut codegen = command(
        "subplot".as_ref(),
        &["codegen", "--template=python", "python.subplot", "--output=generated.py"],
        document,
    );
    match codegen.status() {
        Ok(status) if status.success() => Ok(Some(program)),
        Ok(status) => Err(format!("{codegen:?}: {status}")),
        Err(_) => Ok(None),
    }
}
