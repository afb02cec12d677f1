//! The arguments of `run` about scenarios that run more than once: retries and repetitions.

use clap::{Args, ValueEnum};
use greenroom_doc::MAX_RETRIES;
use greenroom_report::words;

use crate::error::CommandError;

/// How often scenarios run.
#[derive(Debug, Args)]
pub(crate) struct Repetition {
    /// Retry failed scenarios up to N times, so that each has N+1 attempts [default: from the
    /// document, else 0]
    ///
    /// Each attempt has a new sandbox, a new directory and the whole time limit, and begins at once.
    /// A scenario that passes after a failed attempt is flaky, and shown as such with its first
    /// failure. Scenarios that were interrupted or could not be set up are not retried.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_RETRIES)))]
    pub(crate) retries: Option<u32>,
    /// What to do when a scenario passes only after a failed attempt
    #[arg(long, value_name = "ACTION", default_value = "warn")]
    flaky: Flaky,
    /// Run each scenario N times, one round of all scenarios after another
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=MOST_REPETITIONS as i64))]
    repeat: Option<u32>,
    /// Repeat the scenarios until one fails, up to N times with --repeat N [default: 1000 times, with
    /// over 100 scenarios less often]
    #[arg(long)]
    pub(crate) until_failure: bool,
}

/// What to do with a scenario that passes only after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flaky {
    /// Fail the scenario
    Fail,
    /// Mark the scenario
    Warn,
}

/// The most times that all scenarios together can run: reports have an entry for each.
const MOST_REPETITIONS: u32 = 100_000;

/// How often scenarios run until one fails, if the user does not say.
const ROUNDS_UNTIL_FAILURE: u32 = 1000;

impl Repetition {
    /// Returns whether a flaky scenario fails.
    pub(crate) fn flaky_fails(&self) -> bool {
        self.flaky == Flaky::Fail
    }

    /// Returns how often each of so many scenarios runs, if the command line says that they repeat.
    pub(crate) fn rounds(&self, scenarios: usize) -> Result<Option<u32>, CommandError> {
        let most = u32::try_from(scenarios).map_or(1, |scenarios| (MOST_REPETITIONS / scenarios.max(1)).max(1));
        match self.repeat {
            None if self.until_failure => Ok(Some(ROUNDS_UNTIL_FAILURE.min(most))),
            Some(rounds) if rounds > most => {
                let scenarios = words::count(scenarios, "scenario");
                let message = format!(
                    "--repeat {rounds} is too often for {scenarios}: the maximum is {most}, \
                     because all scenarios of a run together can run {MOST_REPETITIONS} times"
                );
                Err(CommandError::Usage(vec![message]))
            }
            rounds => Ok(rounds),
        }
    }
}
