//! Bazel's test protocol: what the environment of a test asks of `greenroom run`.
//!
//! Bazel and engines that are compatible with it describe a test run by variables. Those whose names
//! only this protocol has are followed wherever they are set. The others (`TEST_TMPDIR`,
//! `TEST_TIMEOUT`, `TEST_UNDECLARED_OUTPUTS_DIR`) count only under Bazel, which sets `BAZEL_TEST`, or
//! in old versions only `TEST_SRCDIR`. Scenarios do not inherit the protocol
//! (`greenroom_sandbox::callers`), so that a test inside a scenario is not split again.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_event::PartitionKind;
use greenroom_event::words;
use greenroom_run::TimeLimit;

use crate::error::CommandError;
use crate::partition::Assignment;

/// What Bazel asks of a test run; nothing outside of Bazel.
#[derive(Debug)]
pub(crate) struct Bazel {
    /// The part of the scenarios to run, or what is wrong with its variables.
    shard: Result<Option<Assignment>, String>,
    /// `TEST_SHARD_STATUS_FILE`: exists if the test can be sharded.
    shard_status: Option<PathBuf>,
    /// `TESTBRIDGE_TEST_ONLY`: a name, as for `--name`.
    pub(crate) filter: Option<String>,
    /// `TESTBRIDGE_TEST_RUNNER_FAIL_FAST`
    pub(crate) fail_fast: bool,
    /// `XML_OUTPUT_FILE`: where the report in the format of `JUnit` goes.
    pub(crate) xml: Option<PathBuf>,
    /// `TEST_UNDECLARED_OUTPUTS_DIR`: where more reports go.
    pub(crate) outputs: Option<PathBuf>,
    temporary: Option<PathBuf>,
    timeout: Option<Duration>,
    /// When the process began.
    began: Instant,
    premature_exit: Option<PathBuf>,
    warnings: Option<PathBuf>,
    infrastructure_failure: Option<PathBuf>,
}

impl Bazel {
    /// Reads the variables of the protocol. An empty one is like none.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| value(name).map(|value| value.to_string_lossy().into_owned());
        let file = |name: &str| value(name).map(PathBuf::from);
        let is_set = |name: &str| text(name).is_some_and(|value| value == "1");
        let is_bazel = is_set("BAZEL_TEST") || value("TEST_SRCDIR").is_some();
        let under_bazel = |name: &str| file(name).filter(|_| is_bazel);
        let seconds = text("TEST_TIMEOUT").filter(|_| is_bazel).and_then(|seconds| seconds.parse().ok());
        Self {
            shard: shard(text("TEST_TOTAL_SHARDS"), text("TEST_SHARD_INDEX")),
            shard_status: file("TEST_SHARD_STATUS_FILE"),
            filter: text("TESTBRIDGE_TEST_ONLY"),
            fail_fast: is_set("TESTBRIDGE_TEST_RUNNER_FAIL_FAST"),
            xml: file("XML_OUTPUT_FILE"),
            outputs: under_bazel("TEST_UNDECLARED_OUTPUTS_DIR"),
            temporary: under_bazel("TEST_TMPDIR"),
            timeout: seconds.map(Duration::from_secs).filter(|timeout| !timeout.is_zero()),
            began: Instant::now(),
            premature_exit: file("TEST_PREMATURE_EXIT_FILE"),
            warnings: file("TEST_WARNINGS_OUTPUT_FILE"),
            infrastructure_failure: file("TEST_INFRASTRUCTURE_FAILURE_FILE"),
        }
    }

    /// Tells Bazel that the run has begun. It must come before anything that can fail.
    pub(crate) fn begin(&self) -> Result<(), CommandError> {
        for file in [&self.shard_status, &self.premature_exit].into_iter().flatten() {
            create(file, b"")?;
        }
        Ok(())
    }

    /// Tells Bazel that the run has ended in order, however it ended.
    pub(crate) fn end(&self, error: Option<&CommandError>) {
        if let (Some(file), Some(error)) = (&self.infrastructure_failure, error)
            && matches!(error, CommandError::Sandbox { .. } | CommandError::System { .. } | CommandError::Directory(_))
        {
            let _ = create(file, format!("greenroom\n{error}\n").as_bytes());
        }
        if let Some(file) = &self.premature_exit {
            let _ = fs::remove_file(file);
        }
    }

    /// Returns the part of the scenarios to run: that of the command line or that of Bazel.
    pub(crate) fn assignment(&self, given: Option<Assignment>) -> Result<Option<Assignment>, CommandError> {
        let usage = |message: String| CommandError::Usage(vec![message]);
        match (given, self.shard.clone().map_err(usage)?) {
            (Some(given), Some(shard)) => Err(usage(format!(
                "--partition {given} and the shard of Bazel ({} of {}: TEST_SHARD_INDEX, TEST_TOTAL_SHARDS) exclude \
                 each other; remove --partition, or shard_count from the target",
                shard.index, shard.total
            ))),
            (given, shard) => Ok(given.or(shard)),
        }
    }

    /// Returns the parent of temporary directories, if it is short enough.
    ///
    /// The path of a Unix socket has at most 108 bytes, and scenarios create sockets in their directory.
    pub(crate) fn temporary(&self) -> Option<&Path> {
        const LONGEST: usize = 50;
        self.temporary.as_deref().filter(|path| path.as_os_str().len() <= LONGEST && path.to_str().is_some())
    }

    /// Returns when to stop the run, so that reports are complete before Bazel kills the test.
    pub(crate) fn time_limit(&self) -> Option<TimeLimit> {
        let margin = self.margin()?;
        let left = self.timeout?.saturating_sub(self.began.elapsed());
        Some(TimeLimit { stop: left.saturating_sub(margin), kill: left.saturating_sub(margin / 2) })
    }

    /// Returns the time for the end of the run: 5 % of all, or a second if that is more.
    fn margin(&self) -> Option<Duration> {
        let timeout = self.timeout?;
        Some((timeout / 20).max(Duration::from_secs(1)).min(timeout / 2))
    }

    /// Says why a run was stopped by its time limit.
    pub(crate) fn explain_stop(&self) -> Option<String> {
        let (timeout, margin) = (self.timeout?, self.margin()?);
        Some(format!(
            "stopped {} before the time limit of the test, which is {} (TEST_TIMEOUT); for more time, set `timeout` or \
             `shard_count` of the target",
            words::limit(margin),
            words::limit(timeout)
        ))
    }

    /// Hands warnings over to Bazel, which shows them with the result.
    pub(crate) fn warn(&self, warnings: &[String]) {
        if let Some(file) = self.warnings.as_ref().filter(|_| !warnings.is_empty()) {
            let _ = create(file, format!("{}\n", warnings.join("\n")).as_bytes());
        }
    }
}

/// Writes a file, and creates the directories above it.
fn create(file: &Path, text: &[u8]) -> Result<(), CommandError> {
    if let Some(directory) = file.parent() {
        // An error shows in the next call.
        let _ = fs::create_dir_all(directory);
    }
    fs::File::create(file)
        .and_then(|mut created| created.write_all(text))
        .map_err(|error| CommandError::system(format!("write {}", file.display()), &error))
}

/// Returns the assignment that the variables of a shard mean.
fn shard(total: Option<String>, index: Option<String>) -> Result<Option<Assignment>, String> {
    const TOTAL: &str = "TEST_TOTAL_SHARDS";
    const INDEX: &str = "TEST_SHARD_INDEX";
    let (total, index) = match (total, index) {
        (None, None) => return Ok(None),
        (Some(total), Some(index)) => (total, index),
        (Some(total), None) => return Err(format!("{TOTAL} is {total}, but {INDEX} is not set")),
        (None, Some(index)) => return Err(format!("{INDEX} is {index}, but {TOTAL} is not set")),
    };
    let number = |name: &str, value: &str| {
        value.parse::<usize>().map_err(|_| format!("{name} is `{value}`; expected a whole number"))
    };
    let (shards, at) = (number(TOTAL, &total)?, number(INDEX, &index)?);
    match (shards, at) {
        (0, _) => Err(format!("{TOTAL} is 0; expected at least 1")),
        (shards, at) if at >= shards => {
            Err(format!("{INDEX} is {at}; expected 0 to {} ({TOTAL} is {shards})", shards - 1))
        }
        (1, _) => Ok(None),
        (total, at) => Ok(Some(Assignment { by: PartitionKind::Count, index: at + 1, total })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Bazel {
        Bazel::read(|name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into()))
    }

    fn sharded(total: &str, index: &str) -> Result<Option<String>, String> {
        let bazel = read(&[("TEST_TOTAL_SHARDS", total), ("TEST_SHARD_INDEX", index)]);
        bazel.shard.map(|shard| shard.map(|assignment| assignment.to_string()))
    }

    #[test]
    fn shards_count_from_zero() {
        assert_eq!(sharded("4", "0"), Ok(Some("count:1/4".to_owned())));
        assert_eq!(sharded("4", "3"), Ok(Some("count:4/4".to_owned())));
        assert_eq!(sharded("1", "0"), Ok(None));
        assert_eq!(sharded("", ""), Ok(None));
    }

    #[test]
    fn variables_that_make_no_sense_are_named() {
        for (total, index, name) in [
            ("4", "4", "TEST_SHARD_INDEX is 4"),
            ("0", "0", "TEST_TOTAL_SHARDS is 0"),
            ("four", "0", "TEST_TOTAL_SHARDS is `four`"),
            ("4", "-1", "TEST_SHARD_INDEX is `-1`"),
            ("4", "", "TEST_SHARD_INDEX is not set"),
            ("", "0", "TEST_TOTAL_SHARDS is not set"),
        ] {
            let mistake = sharded(total, index).unwrap_err();
            assert!(mistake.contains(name), "{mistake}");
        }
    }

    #[test]
    fn common_names_count_only_under_bazel() {
        let variables = [("TEST_TMPDIR", "/t"), ("TEST_TIMEOUT", "60"), ("TEST_UNDECLARED_OUTPUTS_DIR", "/o")];
        let outside = read(&variables);
        assert!(outside.temporary().is_none() && outside.time_limit().is_none() && outside.outputs.is_none());
        for marker in [("BAZEL_TEST", "1"), ("TEST_SRCDIR", "/runfiles")] {
            let inside = read(&[&variables[..], &[marker]].concat());
            assert_eq!(inside.temporary(), Some(Path::new("/t")));
            assert_eq!(inside.outputs.as_deref(), Some(Path::new("/o")));
            let limit = inside.time_limit().unwrap();
            assert!((56..=57).contains(&limit.stop.as_secs()) && limit.stop < limit.kill, "{limit:?}");
        }
    }

    #[test]
    fn a_long_temporary_directory_is_not_used_because_of_sockets() {
        let long = format!("/home/me/.cache/bazel/{}", "x".repeat(40));
        assert_eq!(read(&[("BAZEL_TEST", "1"), ("TEST_TMPDIR", &long)]).temporary(), None);
    }
}
