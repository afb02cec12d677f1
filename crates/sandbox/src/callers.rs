//! Variables of the environment that describe the surroundings of the caller, not of a stage.
//!
//! A stage inherits the environment that greenroom was started with, except for these. What the user
//! sets for a scenario is applied after they are removed, so it wins.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

use crate::surroundings::Network;

/// Variables that no stage inherits.
///
/// The directory of the caller's shell; the repository of a Git hook; the job of a `make`; sockets and
/// descriptors of a service manager; directories that replace those below HOME; the protocol by which
/// Bazel runs a test, which a test inside a stage must not follow.
const OUTSIDE: &[&str] = &[
    "PWD",
    "OLDPWD",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_WORK_TREE",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "MAKE_TERMERR",
    "MAKE_TERMOUT",
    "MFLAGS",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "BAZEL_TEST",
    "TESTBRIDGE_TEST_ONLY",
    "TESTBRIDGE_TEST_RUNNER_FAIL_FAST",
    "TEST_INFRASTRUCTURE_FAILURE_FILE",
    "TEST_PREMATURE_EXIT_FILE",
    "TEST_SHARD_INDEX",
    "TEST_SHARD_STATUS_FILE",
    "TEST_TIMEOUT",
    "TEST_TMPDIR",
    "TEST_TOTAL_SHARDS",
    "TEST_UNDECLARED_OUTPUTS_ANNOTATIONS_DIR",
    "TEST_UNDECLARED_OUTPUTS_DIR",
    "TEST_WARNINGS_OUTPUT_FILE",
    "XML_OUTPUT_FILE",
];

/// Returns the variables of this process that stages with some network do not inherit.
///
/// The launcher asks first, so that stages need not go through the whole environment.
pub(crate) fn outside() -> &'static [OsString] {
    static FOUND: OnceLock<Vec<OsString>> = OnceLock::new();
    FOUND.get_or_init(|| callers_variables().into_iter().map(|(name, _)| name).collect())
}

/// Whether a stage with this network does not inherit a variable.
pub(crate) fn stays_outside(name: &OsStr, network: Network) -> bool {
    OUTSIDE.iter().any(|known| name == *known) || (network == Network::Private && is_proxy(name))
}

/// Whether a variable names a proxy: `http_proxy`, `ALL_PROXY`, `no_proxy` and their like.
///
/// Programs differ in the letter case that they look for, and in the protocols.
fn is_proxy(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let ending = b"_proxy";
    name.len() > ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending)
}

/// Returns the variables of this process that a stage may not inherit, with their values.
///
/// Those that depend on the network are among them.
pub fn callers_variables() -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| stays_outside(name, Network::Private)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_stay_outside_of_a_private_network_in_any_letter_case() {
        for name in ["http_proxy", "HTTPS_PROXY", "All_Proxy", "no_proxy", "ftp_PROXY", "npm_config_https_proxy"] {
            assert!(stays_outside(name.as_ref(), Network::Private), "{name}");
            assert!(!stays_outside(name.as_ref(), Network::Host), "{name}");
        }
        for name in ["_proxy", "PROXY", "http_proxy_", "PROXY_HOST", "PATH", "HOME", "CARGO_HOME", "é_prox"] {
            assert!(!stays_outside(name.as_ref(), Network::Private), "{name}");
        }
    }

    #[test]
    fn the_directory_of_the_caller_stays_outside_of_every_stage() {
        for name in ["PWD", "OLDPWD", "GIT_DIR", "MAKEFLAGS", "NOTIFY_SOCKET"] {
            assert!(stays_outside(name.as_ref(), Network::Host), "{name}");
        }
    }
}
