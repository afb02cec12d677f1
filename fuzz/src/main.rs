//! The driver's command line: `cargo xtask fuzz`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "it talks to developers")]

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use greenroom_fuzz::{TARGETS, Target, campaign};

const USAGE: &str = "\
cargo xtask fuzz [--seconds N] [--seed N] [TARGET...]    all targets, one after the other, N seconds each
cargo xtask fuzz replay TARGET FILE                      one input again

--seconds  how long for each target (default 60)
--seed     which mutations (default: others every time)";

/// What to do for how long.
struct Plan {
    targets: Vec<Target>,
    time: Duration,
    seed: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["replay", target, file] => replay(target, Path::new(file)),
        arguments => plan(arguments).and_then(|plan| fuzz(&plan)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn fuzz(plan: &Plan) -> Result<(), String> {
    // Below the directory of this program, which is cargo's.
    let program = std::env::current_exe().map_err(|error| format!("failed to find this program: {error}"))?;
    let directory = program.with_file_name("fuzz-inputs");
    for target in &plan.targets {
        eprintln!("{:<10} seed {}, {} s", target.name, plan.seed, plan.time.as_secs_f32());
        let done = campaign::run(target, plan.time, plan.seed, &directory)?;
        eprintln!("{:<10} {} inputs, {} fingerprints", target.name, done.inputs, done.fingerprints);
    }
    Ok(())
}

fn replay(target: &str, file: &Path) -> Result<(), String> {
    let input = std::fs::read(file).map_err(|error| format!("failed to read {}: {error}", file.display()))?;
    campaign::replay(&find(target)?, &input);
    eprintln!("{target}: OK");
    Ok(())
}

fn plan(arguments: &[&str]) -> Result<Plan, String> {
    let mut plan = Plan { targets: Vec::new(), time: Duration::from_mins(1), seed: fastrand::u64(..) };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--seconds" => {
                let seconds: f64 = number(argument, arguments.next())?;
                plan.time = Duration::try_from_secs_f64(seconds).map_err(|error| format!("{argument}: {error}"))?;
            }
            "--seed" => plan.seed = number(argument, arguments.next())?,
            target => plan.targets.push(find(target)?),
        }
    }
    if plan.targets.is_empty() {
        plan.targets = TARGETS.to_vec();
    }
    Ok(plan)
}

fn number<T: FromStr>(option: &str, value: Option<&&str>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number"))?;
    value.parse().map_err(|_| format!("{option}: invalid number {value}"))
}

fn find(name: &str) -> Result<Target, String> {
    let target = TARGETS.into_iter().find(|target| target.name == name);
    let names = TARGETS.map(|target| target.name).join(", ");
    target.ok_or_else(|| format!("no target {name}; there are {names}\n\n{USAGE}"))
}
