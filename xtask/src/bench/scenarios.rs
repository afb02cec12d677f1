//! The cost of scenarios.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::measure::{Measured, ROUNDS, report};
use super::setup::{Bench, HEAD};

/// Creates a scenario that starts, finds, stops and no longer finds one `sleep`.
pub(super) fn sleep_scenario(at: usize) -> String {
    format!(
        "\n# Scenario {at}\n\n~~~scenario\nwhen I start \"sleep 9{at:05}\" as a background process as d\n\
         then a process \"sleep 9{at:05}\" is running\nwhen I stop background process d\n\
         then there is no \"sleep 9{at:05}\" process\n~~~\n"
    )
}

/// Writes a document with `count` of these scenarios, followed by more text.
pub(super) fn sleep_document(bench: &Bench, count: usize, more: &str) -> Result<PathBuf, String> {
    let mut text = HEAD.to_owned();
    text.extend((0..count).map(sleep_scenario));
    text.push_str(more);
    bench.write(&format!("sleep-{count}{}.md", if more.is_empty() { "" } else { "-and-more" }), &text)
}

/// Measures scenarios that each start, find and stop one `sleep`.
pub(super) fn sleep(bench: &Bench) -> Result<(), String> {
    let count = 1000;
    let document = sleep_document(bench, count, "")?;
    for jobs in ["-j1", "-j2"] {
        let measured = bench.measure(&["run", "-q", jobs], &document)?;
        report(&format!("sleep: {count} scenarios, {jobs}"), &measured, Some(count));
    }
    let measured = bench.measure(&["run", "-q"], &document)?;
    report(&format!("sleep: {count} scenarios, default -j"), &measured, Some(count));
    let measured = bench.measure(&["run", "-q", "-j2", "--sandbox", "tended"], &document)?;
    report(&format!("sleep: {count} scenarios, -j2, not sealed"), &measured, Some(count));
    let bare: Result<Vec<Measured>, String> = (0..ROUNDS).map(|_| bare_sleep(count)).collect();
    report(&format!("sleep: {count} times spawn, kill, reap and nothing else"), &bare?, Some(count));
    Ok(())
}

/// Measures the processes alone, without a runner.
fn bare_sleep(count: usize) -> Result<Measured, String> {
    let begun = Instant::now();
    for _ in 0..count {
        let mut child = Command::new("sleep").arg("90000").spawn().map_err(|error| error.to_string())?;
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
    }
    Ok(Measured { wall: begun.elapsed(), processor: Duration::ZERO, faults: 0, peak_mib: 0.0, peak_below_mib: 0.0 })
}

/// Writes a document with `count` scenarios that wait for a server, which opens the same port in all
/// of them after 50 ms.
pub(super) fn port_document(bench: &Bench, count: usize) -> Result<PathBuf, String> {
    let mut text = HEAD.to_owned();
    for at in 0..count {
        let server = bench.xtask.display();
        let _ = write!(
            text,
            "\n# Scenario {at}\n\n~~~scenario\nwhen I start \"{server} serve 8080 50\" as a background process as d, \
                on port 8080\n\
             when I stop background process d\nthen there is no \"serve 8080 50\" process\n~~~\n"
        );
    }
    bench.write(&format!("port-{count}.md"), &text)
}

/// Measures such scenarios.
pub(super) fn port(bench: &Bench) -> Result<(), String> {
    let count = 100;
    let document = port_document(bench, count)?;
    report(&format!("port: {count} scenarios, -j1"), &bench.measure(&["run", "-q", "-j1"], &document)?, Some(count));
    report(&format!("port: {count} scenarios, default -j"), &bench.measure(&["run", "-q"], &document)?, Some(count));
    Ok(())
}

/// Runs the server of the `port` benchmark: opens a port after a while and answers every
/// connection.
pub(crate) fn serve(port: u16, after: Duration) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "this process is a slow server, which takes a while to start")]
    std::thread::sleep(after);
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    for stream in listener.incoming().flatten() {
        let _ = std::io::Write::write_all(&mut &stream, b"hello\n");
    }
    Ok(())
}
