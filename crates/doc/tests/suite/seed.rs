//! The document that the runner was first written for.

use greenroom_doc::{CaptureType, Severity};

use crate::project::Project;

const DAEMON: &str = r#"
- given: there is no "{args:text}" process
  impl: {native: {function: daemon_no_such_process}}
- given: a daemon helper shell script {filename}
  types: {filename: file}
  impl: {native: {function: _daemon_shell_script}}
- when: I start "{path}{args:text}" as a background process as {name}
  impl: {native: {function: _daemon_start}}
- when: I start "(?P<path>[^ "]+)(?P<args>[^"]*)" as a background process as (?P<name>[^,]+),
    with environment (?P<env>.*)
  regex: true
  types: {path: path}
  impl: {native: {function: _daemon_start_with_env}}
- when: I start "{path}{args:text}" as a background process as {name}, on port {port}
  impl: {native: {function: daemon_start_on_port}}
- when: I start "(?P<path>[^ "]+)(?P<args>[^"]*)" as a background process as (?P<name>[^,]+),
    on port (?P<port>\d+), with environment (?P<env>.*)
  regex: true
  types: {path: path, port: uint}
  impl: {native: {function: daemon_start_on_port_with_env}}
- when: I try to start "{path}{args:text}" as {name}, on port {port}
  impl: {native: {function: try, cleanup: cleanup}}
- when: I try to start "(?P<path>[^ "]+)(?P<args>[^"]*)" as (?P<name>[^,]+),
    on port (?P<port>\d+), with environment (?P<env>.*)
  regex: true
  types: {path: path, port: uint}
  impl: {native: {function: try_with_env, cleanup: cleanup}}
- when: I stop background process {name}
  impl: {native: {function: daemon_stop}}
- when: daemon {name} has produced output
  impl: {native: {function: daemon_has_produced_output}}
- then: a process "{args:text}" is running
  impl: {native: {function: daemon_process_exists}}
- then: there is no "{args:text}" process
  impl: {native: {function: daemon_no_such_process}}
- then: starting daemon fails with "{message:text}"
  impl: {native: {function: daemon_start_fails_with}}
- then: starting the daemon succeeds
  impl: {native: {function: daemon_start_succeeds}}
- then: daemon {name} stdout is "{text:text}"
  impl: {native: {function: daemon_stdout_is}}
- then: daemon {name} stdout contains "{text:text}"
  impl: {native: {function: daemon_stdout_contains}}
- then: daemon {name} stdout doesn't contain "{text:text}"
  impl: {native: {function: daemon_stdout_doesnt_contain}}
- then: daemon {name} stderr is "{text:text}"
  impl: {native: {function: daemon_stderr_is}}
"#;

#[test]
fn loads_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/seed/daemon.md");
    let Ok(text) = std::fs::read(path) else {
        println!("skipped: there is no {path}");
        return;
    };
    let loaded = Project::new()
        .document("daemon.md", text)
        .builtin("lib/daemon.yaml", Some(DAEMON))
        .builtin("lib/daemon.py", None)
        .builtin("lib/runcmd.py", None)
        .load();
    assert_eq!(crate::project::complaints(&loaded.sources, &loaded.diagnostics), "");
    assert!(!loaded.diagnostics.iter().any(|d| d.severity == Severity::Error));
    let plan = &loaded.plan;
    assert_eq!(plan.documents[0].title, "Acceptance criteria for the lib/daemon Subplot library");
    assert_eq!(plan.documents[0].bindings.len(), 18);
    let counts: Vec<(&str, usize)> = plan.scenarios.iter().map(|s| (&*s.title, s.steps.len())).collect();
    assert_eq!(
        counts,
        [
            ("Daemon is started and terminated", 5),
            ("Daemon takes a while to open its port", 6),
            ("Daemon never opens the intended port", 6),
            ("Daemon stdout and stderr are retrievable", 8),
            ("Can specify additional environment variables for daemon", 19),
        ]
    );
    let step = &plan.scenarios[4].steps[5];
    assert_eq!(&*step.implementation.function, "try_with_env");
    let captures: Vec<(&str, CaptureType, &str)> =
        step.captures.iter().map(|c| (c.name(), c.kind(), c.text.as_str())).collect();
    assert_eq!(
        captures,
        [
            ("path", CaptureType::Path, "./env-with-port.py"),
            ("args", CaptureType::Text, " 8765"),
            ("name", CaptureType::Text, "env-with-port"),
            ("port", CaptureType::Uint, "8765"),
            ("env", CaptureType::Text, r#"{"custom_variable": "1337"}"#),
        ]
    );
    let files: Vec<&str> = plan.documents[0].files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["slow-start-daemon.py", "chatty-daemon.sh", "env-with-port.py"]);
    assert!(plan.documents[0].files[1].text.ends_with("echo hi there\n"));
}
