//! The tasks of developers. `cargo xtask ci` checks everything that must hold before a change
//! lands.

#![expect(clippy::disallowed_methods, reason = "this program starts other programs")]
#![expect(clippy::print_stderr, reason = "developers read it")]

mod bench;
mod blocks;
mod browser;
mod ci;
mod circles;
mod dependencies;
mod documents;
mod dynamic;
mod faults;
mod fuzz;
mod lines;
mod links;
mod markdown;
mod nextest;
mod packages;
mod python;
mod screens;
mod subplotlib;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask ci             check everything: format, lints, tests, documentation, acceptance documents
cargo xtask screens        compare the screens in README and docs with what the program prints; --write replaces them
cargo xtask browser        open pages in Chromium and test them; needs chromium, node and npm
cargo xtask links          check the links of all pages, and the tests that docs/FAULTS.md names
cargo xtask blocks         parse the examples in YAML and Starlark, and the files of Bazel
cargo xtask circles        list files of a crate that use each other in a circle
cargo xtask lines          list lines that are too long
cargo xtask fuzz           feed damaged input to everything that parses; fuzz/README.md has the arguments
cargo xtask nextest        run the example in Rust by cargo-nextest, and kill that in the middle
cargo xtask python         check and test the step host for Python
cargo xtask subplotlib     run the documents of the published crate subplotlib with greenroom-subplotlib
cargo xtask dynamic        run the example in Rust with greenroom as a shared library
cargo xtask package        build the package of each published crate and compile it
cargo xtask bench          print what scenarios cost in a release build, with floors and targets
cargo xtask bench --short  compare ratios of the development build, with generous bounds
cargo xtask bench NAME     run the benchmarks with NAME in their name on a release build";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("ci") => ci::check(),
        Some("blocks") => blocks::check(),
        Some("browser") => browser::check(),
        Some("circles") => circles::check(),
        Some("fuzz") => {
            let rest: Vec<String> = arguments.collect();
            fuzz::run(&rest.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Some("links") => faults::check().and_then(|()| links::check()),
        Some("lines") => lines::check(),
        Some("screens") => screens(arguments.next().as_deref()),
        Some("nextest") => nextest::check(),
        Some("python") => python::check(),
        Some("subplotlib") => subplotlib::check(),
        Some("dynamic") => dynamic::check(),
        Some("package") => packages::verify(),
        // The server that the benchmark `port` starts.
        Some("serve") => match (arguments.next().map(|port| port.parse()), arguments.next().map(|after| after.parse()))
        {
            (Some(Ok(port)), Some(Ok(after))) => bench::serve(port, std::time::Duration::from_millis(after)),
            _ => Err(USAGE.to_owned()),
        },
        Some("bench") => match arguments.next().as_deref() {
            None => bench::table(),
            Some("--short") => bench::short(),
            Some(name) => bench::run(name),
        },
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the program and tries the screens.
fn screens(option: Option<&str>) -> Result<(), String> {
    let mode = match option {
        None => screens::Mode::Check,
        Some("--write") => screens::Mode::Write,
        Some(_) => return Err(USAGE.to_owned()),
    };
    workspace::cargo(&["build", "--package", "greenroom"], &[])?;
    screens::check(mode)
}
