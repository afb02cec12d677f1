//! What scenarios cost by themselves.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::measure::{Measured, ROUNDS, report};
use super::setup::{Bench, HEAD};

/// A scenario that starts, sees, stops and no longer sees one `sleep`.
pub(super) fn sleep_scenario(at: usize) -> String {
    format!(
        "\n# Scenario {at}\n\n~~~scenario\nwhen I start \"sleep 9{at:05}\" as a background process as d\n\
         then a process \"sleep 9{at:05}\" is running\nwhen I stop background process d\n\
         then there is no \"sleep 9{at:05}\" process\n~~~\n"
    )
}

/// A document with so many of them, and something after them.
pub(super) fn sleep_document(bench: &Bench, count: usize, more: &str) -> Result<PathBuf, String> {
    let mut text = HEAD.to_owned();
    text.extend((0..count).map(sleep_scenario));
    text.push_str(more);
    bench.write(&format!("sleep-{count}{}.md", if more.is_empty() { "" } else { "-and-more" }), &text)
}

/// Scenarios that each start, see, stop and no longer see one `sleep`.
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

/// What no runner can be faster than: the process itself.
fn bare_sleep(count: usize) -> Result<Measured, String> {
    let begun = Instant::now();
    for _ in 0..count {
        let mut child = Command::new("sleep").arg("90000").spawn().map_err(|error| error.to_string())?;
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
    }
    Ok(Measured { wall: begun.elapsed(), processor: Duration::ZERO, peak_mib: 0.0, peak_below_mib: 0.0 })
}

/// Scenarios that wait for a server which opens its port, the same for all, after 50 ms.
pub(super) fn port(bench: &Bench) -> Result<(), String> {
    let count = 100;
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
    let document = bench.write("port.md", &text)?;
    report(&format!("port: {count} scenarios, -j1"), &bench.measure(&["run", "-q", "-j1"], &document)?, Some(count));
    report(&format!("port: {count} scenarios, default -j"), &bench.measure(&["run", "-q"], &document)?, Some(count));
    Ok(())
}

/// What a server of the `port` benchmark does: opens a port after a while, answers every
/// connection, ends when it is told.
pub(crate) fn serve(port: u16, after: Duration) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "this process stands for a slow server; nobody synchronises by it")]
    std::thread::sleep(after);
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    for stream in listener.incoming().flatten() {
        let _ = std::io::Write::write_all(&mut &stream, b"hello\n");
    }
    Ok(())
}
