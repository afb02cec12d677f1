//! Runs acceptance tests written in Markdown, with real background processes.
//!
//! This crate is the `greenroom` command, and the interface for programs that add step functions of
//! their own:
//!
//! ```no_run
//! use greenroom::{Captures, Check, Context, Library, Registry, StepResult};
//!
//! fn brew(_: &mut Context, captures: &Captures) -> StepResult {
//!     let cups: u32 = captures.number("cups")?;
//!     assert!(cups < 10, "{cups} cups are too many");
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let bindings = "- when: I brew {cups:uint} cups\n  impl: {native: {function: brew}}\n";
//!     let kitchen = Library::new("kitchen", bindings).step("brew", brew, Check::Nothing);
//!     greenroom::main(Registry::builtin().with(kitchen))
//! }
//! ```
//!
//! A step of your own can fail in every way that the built-in ones can, and its check can find the
//! same problems before any scenario starts:
//!
//! ```
//! use greenroom::{
//!     Captures, Check, Context, Failure, FailureKind, Library, Output, OutputSource, PreflightState,
//!     Problem, ProblemKind, Relation, StepResult, Stream, Subject,
//! };
//!
//! fn pot_contains(_: &mut Context, captures: &Captures) -> StepResult {
//!     let actual = "coffee\n";
//!     let expected = captures.text("drink")?;
//!     if actual.contains(expected) {
//!         return Ok(());
//!     }
//!     Err(Failure::comparison("the pot", Relation::Contains, expected, actual)
//!         .kind(FailureKind::Assertion)
//!         .about(Subject::Command { line: "brew".to_owned(), exit: None })
//!         .output(Output::from_bytes(OutputSource::Command { stream: Stream::Stderr }, b"no tea left\n", 0))
//!         .note("the pot was filled this morning")
//!         .help("fill it again"))
//! }
//!
//! fn check_drink(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
//!     let is_missing = captures.get("drink").is_none_or(str::is_empty);
//!     let kind = ProblemKind::Other("no-drink");
//!     let problem = Problem::new("drink", kind, "the drink is missing").help("write tea");
//!     is_missing.then_some(problem).into_iter().collect()
//! }
//!
//! let bindings = "- then: the pot contains \"{drink:text}\"\n  impl: {native: {function: pot_contains}}\n";
//! let kitchen = Library::new("kitchen", bindings).step("pot_contains", pot_contains, Check::With(check_drink));
//! assert_eq!(kitchen.functions().collect::<Vec<_>>(), ["pot_contains"]);
//! ```
//!
//! Documents then bind `lib/kitchen.yaml`. The program has all commands and options of `greenroom`.

#![forbid(unsafe_code)]

#[cfg(feature = "command")]
mod arguments;
mod bazel;
#[cfg(feature = "command")]
mod cargo_manifest;
mod commands;
mod detail;
mod documents;
mod error;
mod exit;
mod filter;
mod format;
mod harness;
mod history;
mod lines;
mod loader;
mod origin;
mod output;
mod pages;
mod partition;
#[cfg(feature = "command")]
mod recordings;
mod repetition;
mod replace;
mod reports;
mod rust_steps;
mod screen;
mod sections;
mod settings;
mod signals;
mod spool;
mod targets;
mod test_filter;
mod values;

#[cfg(feature = "command")]
pub use arguments::main;
pub use exit::ExitCode;
pub use greenroom_macros::{given, step, then, when};
pub use greenroom_sandbox::process::{ExitStatus, Signal, Watch};
pub use greenroom_steps::function::access::Finished;
pub use greenroom_steps::{
    Captures, Check, CheckFunction, Comparison, Context, EmbeddedFile, EndFunction, Environment, Failure, FailureKind,
    LeftOver, Library, Output, OutputSource, Part, PathOrigin, PreflightState, Problem, ProblemKind, Registry,
    Relation, ScenarioEnd, StepFunction, StepResult, Stream, Subject,
};

pub use harness::Harness;

/// Defines the `main` of a test program that runs the scenarios of documents as tests.
///
/// Paths begin at the directory of the package. [`Harness`] says more.
///
/// ```no_run
/// greenroom::acceptance_tests!("tests/shop.md");
/// ```
#[macro_export]
macro_rules! acceptance_tests {
    () => {
        ::core::compile_error!("name the documents: `greenroom::acceptance_tests!(\"tests/shop.md\")`");
        fn main() {}
    };
    ($($document:expr),+ $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::Harness::new(::core::env!("CARGO_MANIFEST_DIR"))$(.document($document))+.main()
        }

        // Where Rust's own harness has the main function, the documents would not run, and the test would pass.
        // Cargo sets the variable for tests, not for examples.
        #[test]
        fn the_harness_is_missing() {
            if ::core::option_env!("CARGO_TARGET_TMPDIR").is_some() {
                let crate_name = ::core::env!("CARGO_CRATE_NAME");
                ::core::panic!("{}", $crate::__private::missing_harness(::core::file!(), crate_name));
            }
        }
    };
}

/// What the attributes of step functions write. Not for anything else: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::harness::missing_harness;
    pub use greenroom_steps::function::call::{call, catch, lend, take_back};
    pub use greenroom_steps::function::capture::{Checks, Function, Parameter, file, parameter, text};
    pub use greenroom_steps::function::outcome::{Outcome, Returned, WithCauses, WithoutCauses, returned};
    #[cfg(feature = "tokio")]
    pub use greenroom_steps::function::tokio::runtime;
    pub use greenroom_steps::function::{Pattern, StepDefinition, inventory};
    pub use greenroom_steps::{Captures, Context, PreflightState, Problem, StepResult};

    /// Runs the future of a step function to its end.
    #[cfg(feature = "tokio")]
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __block_on {
        ($context:expr, $future:expr) => {{
            let runtime = $crate::__private::runtime($context)?;
            runtime.block_on($future)
        }};
    }

    /// Says what `async` step functions need.
    #[cfg(not(feature = "tokio"))]
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __block_on {
        ($($anything:tt)*) => {
            ::core::compile_error!(
                "an `async` step function needs the feature `tokio` of greenroom: \
                 `greenroom = { version = \"...\", features = [\"tokio\"] }`"
            )
        };
    }
}

/// The chapter about steps in Rust, whose examples are compiled as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust.md")]
struct Chapter;
