//! The `greenroom` command, with the step libraries that come with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    greenroom::main(greenroom::Registry::builtin())
}
