//! Draws diagrams with the tools of this machine.
//!
//! A tool is a program that we do not know, with text that we do not trust. It runs in an empty
//! directory with a small environment, under a keeper that kills everything it has started, and has
//! limits for time and output. Whatever goes wrong, the page has the source and says why.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenroom_doc::roadmap;
use greenroom_event::words::size_limit;
use greenroom_report::page::{DiagramKind, Drawings, media_type};
use greenroom_report::words;
use greenroom_sandbox::process::find_program;
use greenroom_sandbox::{DaemonCommand, DaemonError, ExitStatus};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::settings::Settings;

/// The time limit of one drawing. A Java program needs seconds to start on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// The time limit of all drawings of a run.
const LONGEST_OF_ALL: Duration = Duration::from_mins(2);

/// The size limit of a drawing.
const LARGEST: usize = 4 << 20;

/// The same in the unit of `ulimit`.
const BLOCKS: usize = LARGEST / 512;

/// Why a diagram is missing after a signal.
const INTERRUPTED: &str = "greenroom was interrupted while it drew diagrams";

/// A tool that reads a diagram from standard input and writes SVG to standard output.
struct Tool {
    program: &'static str,
    arguments: &'static [&'static str],
}

fn tool(kind: DiagramKind) -> Tool {
    match kind {
        DiagramKind::Dot | DiagramKind::Roadmap => Tool { program: "dot", arguments: &["-Tsvg"] },
        DiagramKind::Plantuml => Tool { program: "plantuml", arguments: &["-tsvg", "-pipe"] },
        DiagramKind::Pikchr => Tool { program: "pikchr", arguments: &["--svg-only", "-"] },
        DiagramKind::Mermaid => {
            Tool { program: "mmdc", arguments: &["--quiet", "--input", "-", "--output", "-", "--outputFormat", "svg"] }
        }
    }
}

/// The browsers of the system, in the order in which Mermaid gets them.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Draws all diagrams. Once `stop` is readable, it kills the tool that runs and starts no other.
pub(crate) fn draw(diagrams: BTreeSet<(DiagramKind, String)>, stop: BorrowedFd<'_>, settings: &Settings) -> Drawings {
    let end = Instant::now() + LONGEST_OF_ALL;
    let mut drawings = Drawings::new();
    for (kind, source) in diagrams {
        let left = end.saturating_duration_since(Instant::now());
        let drawing = match source_for(kind, &source) {
            _ if source.trim().is_empty() => Err("the block is empty".to_owned()),
            Err(reason) => Err(reason),
            Ok(_) if is_readable(stop) => Err(INTERRUPTED.to_owned()),
            Ok(_) if left.is_zero() => {
                Err(format!("the diagrams before it took {} together, the limit", words::duration(LONGEST_OF_ALL)))
            }
            Ok(input) => {
                let variables = if kind == DiagramKind::Mermaid { browser(settings) } else { Vec::new() };
                run(&tool(kind), &input, &variables, left.min(LONGEST), stop, &settings.path, &settings.temporary)
            }
        };
        drawings.insert((kind, source), drawing);
    }
    drawings
}

/// Returns what the tool reads.
fn source_for(kind: DiagramKind, source: &str) -> Result<String, String> {
    match kind {
        DiagramKind::Roadmap => roadmap::to_dot(source).map_err(|error| format!("it is not a roadmap: {error}")),
        DiagramKind::Plantuml if !source.contains("@start") => Ok(format!("@startuml\n{source}\n@enduml\n")),
        _ => Ok(source.to_owned()),
    }
}

/// Returns the variables by which Mermaid finds a browser, since the home directory of tools is empty.
fn browser(settings: &Settings) -> Vec<(&'static str, OsString)> {
    let has_browser =
        |cache: &&PathBuf| ["chrome", "chrome-headless-shell"].iter().any(|name| cache.join(name).is_dir());
    let cache = settings.puppeteer_cache.as_ref().filter(has_browser);
    let of_system = || {
        let find = |name: &&str| find_program(OsStr::new(name), &settings.path, &settings.directory).ok();
        BROWSERS.iter().find_map(find).filter(|_| cache.is_none()).map(PathBuf::into_os_string)
    };
    let executable = settings.puppeteer_browser.clone().or_else(of_system);
    let cache = cache.map(|cache| ("PUPPETEER_CACHE_DIR", cache.clone().into_os_string()));
    cache.into_iter().chain(executable.map(|path| ("PUPPETEER_EXECUTABLE_PATH", path))).collect()
}

/// Runs a tool. Returns an SVG, or why there is none, to follow "Diagram as source:".
fn run(
    tool: &Tool,
    input: &str,
    variables: &[(&str, OsString)],
    limit: Duration,
    stop: BorrowedFd<'_>,
    path: &OsStr,
    temporary: &Path,
) -> Result<Vec<u8>, String> {
    let name = tool.program;
    let directory = match tempfile::Builder::new().prefix("greenroom-diagram-").tempdir_in(temporary) {
        Ok(directory) => directory,
        Err(error) => return Err(format!("no directory for `{name}` could be made: {error}")),
    };
    // `sh` looks in the directory for what PATH names relative to it.
    if find_program(name.as_ref(), path, directory.path()).is_err() {
        return Err(format!("the program `{name}` is not on PATH"));
    }
    let failed = |error: io::Error| format!("`{name}` could not be started: {error}");
    fs::write(directory.path().join("source"), input).map_err(failed)?;
    let mut command = DaemonCommand::new("/bin/sh");
    command
        .args(["-c", "ulimit -f \"$1\"; shift; exec \"$@\" <source", "sh", &BLOCKS.to_string(), name])
        .args(tool.arguments)
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory.path())
        .env("TMPDIR", directory.path())
        .env("LANG", "C.UTF-8")
        // Reads no files and no addresses that a diagram names.
        .env("PLANTUML_SECURITY_PROFILE", "SANDBOX");
    for (name, value) in variables {
        command.env(name, value);
    }
    let mut process = command.spawn().map_err(|error| format!("`{name}` could not be started: {error}"))?;
    let begun = Instant::now();
    let entry = PathBuf::from(format!("/proc/{}", process.id()));
    // What ended the wait, if not the tool, is looked at below.
    let _ = process.wait_until("the end", limit, || is_readable(stop) || !entry.exists());
    if is_readable(stop) {
        return Err(INTERRUPTED.to_owned());
    }
    let exit = match process.wait(limit.saturating_sub(begun.elapsed())) {
        Ok(exit) => exit,
        Err(DaemonError::TimedOut { .. }) => {
            return Err(format!("`{name}` did not finish within {}", words::duration(limit)));
        }
        Err(error) => return Err(format!("`{name}` failed: {error}")),
    };
    let output = process.stdout_bytes().map_err(|error| format!("the output of `{name}` is lost: {error}"))?;
    let complaint = process.stderr_bytes().unwrap_or_default();
    if output.len() >= LARGEST {
        return Err(format!("`{name}` wrote more than {}", size_limit(LARGEST as u64)));
    }
    if exit.status != ExitStatus::Code(0) {
        return Err(format!("`{name}` ended with {}{}", exit.status, complaint_of(&output, &complaint)));
    }
    if media_type(&output) != Some("image/svg+xml") {
        return Err(format!("`{name}` did not write an SVG{}", complaint_of(b"", &complaint)));
    }
    Ok(output)
}

/// Whether a descriptor has something to read.
pub(crate) fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Returns what a tool complains about, to follow a message.
fn complaint_of(stdout: &[u8], stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    if let Some(reason) = of_browser(&text) {
        return format!(": {reason}");
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = match lines.next() {
        // What is wrong follows on the next line.
        Some(line) if line.ends_with(':') => format!("{line} {}", lines.next().unwrap_or_default()),
        Some(line) => line.to_owned(),
        None => of_pikchr(&String::from_utf8_lossy(stdout)).unwrap_or_default(),
    };
    let short: String = words::escape(line.trim_end()).chars().take(200).collect();
    if short.is_empty() { short } else { format!(": {short}") }
}

/// Returns what a browser that draws Mermaid complains about, and what to do.
fn of_browser(complaint: &str) -> Option<String> {
    let because = if complaint.contains("Could not find Chrome") {
        let help = "install Chromium, or set PUPPETEER_EXECUTABLE_PATH to the path of a Chromium or Chrome";
        return Some(format!("it found no browser; {help}"));
    } else if complaint.contains("Running as root without --no-sandbox") {
        "Chromium refuses to run as root; run greenroom as another user, or"
    } else if complaint.contains("No usable sandbox") {
        "Chromium needs user namespaces for its sandbox, which this machine does not allow; allow them, or"
    } else {
        return None;
    };
    Some(format!(
        "{because}, if you trust the document, put a program `mmdc` first on PATH that runs the real one with \
         `--puppeteerConfigFile FILE \"$@\"`, where FILE contains {{\"args\": [\"--no-sandbox\"]}}"
    ))
}

/// Returns what Pikchr writes about an error, to standard output: the numbered lines up to the one
/// with the error, a mark below it, and the message.
fn of_pikchr(output: &str) -> Option<String> {
    let message = output.lines().find_map(|line| line.strip_prefix("ERROR: "))?;
    let numbered = |line: &str| {
        let (number, text) = line.strip_prefix("/*")?.split_once("*/")?;
        Some(format!("{message} in line {}: {}", number.trim().parse::<u32>().ok()?, text.trim()))
    };
    Some(output.lines().rev().find_map(numbered).unwrap_or_else(|| message.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn shell(script: &'static str) -> Tool {
        Tool { program: "sh", arguments: Box::leak(Box::new(["-c", script])) }
    }

    fn run_for(tool: &Tool, limit: Duration) -> Result<Vec<u8>, String> {
        let (_open, stop) = UnixStream::pair().unwrap();
        run(
            tool,
            "<svg>from the source</svg>",
            &[],
            limit,
            stop.as_fd(),
            OsStr::new("/usr/bin:/bin"),
            &std::env::temp_dir(),
        )
    }

    fn failure(script: &'static str) -> String {
        run_for(&shell(script), LONGEST).unwrap_err()
    }

    #[test]
    fn a_tool_reads_the_source_and_writes_an_svg() {
        assert_eq!(run_for(&shell("cat"), LONGEST).unwrap(), b"<svg>from the source</svg>");
    }

    #[test]
    fn a_tool_that_fails_or_writes_rubbish_is_explained() {
        assert_eq!(failure("echo no such node >&2; exit 3"), "`sh` ended with exit status 3: no such node");
        assert_eq!(failure("kill -9 $$"), "`sh` ended with signal SIGKILL");
        assert_eq!(failure("echo rubbish"), "`sh` did not write an SVG");
        assert_eq!(failure("echo rubbish; printf '\\033[1mbad' >&2"), "`sh` did not write an SVG: \\x1b[1mbad");
        assert_eq!(failure("printf '<svg>'; exec cat /dev/zero"), "`sh` wrote more than 4 MiB");
        let missing = Tool { program: "no-such-tool", arguments: &[] };
        assert_eq!(run_for(&missing, LONGEST).unwrap_err(), "the program `no-such-tool` is not on PATH");
    }

    #[test]
    fn what_tools_complain_about_is_shown_with_what_to_do() {
        let stderr = |text: &str| complaint_of(b"on standard output", text.as_bytes());
        assert_eq!(stderr("\n  bad\nmore\n"), ": bad");
        assert_eq!(
            stderr("Error: Parse error on line 2:\ngraph LR; a ->>\n---^"),
            ": Error: Parse error on line 2: graph LR; a ->>"
        );
        assert_eq!(stderr(""), "");
        let pikchr = "/*    1 */  box\n/*    2 */  arow \"x\"\n                ^\nERROR: syntax error\n\n";
        assert_eq!(complaint_of(pikchr.as_bytes(), b"\n"), ": syntax error in line 2: arow \"x\"");
        assert_eq!(complaint_of(b"ERROR: out of memory\n", b""), ": out of memory");
        let root = "\nError: Failed to launch the browser process:  Code: 1\n\nstderr:\n[30995:1127/073146.8:ERROR:\
                    zygote_host_impl_linux.cc:103] Running as root without --no-sandbox is not supported.\n";
        assert!(
            stderr(root).starts_with(": Chromium refuses to run as root; run greenroom as another user"),
            "{}",
            stderr(root)
        );
        let missing = "\nError: Could not find Chrome (ver. 148.0.7778.97). This can occur if either\n";
        assert!(stderr(missing).starts_with(": it found no browser; install Chromium"), "{}", stderr(missing));
    }

    #[test]
    fn a_tool_that_hangs_is_killed_with_all_that_it_started() {
        let marker = format!("31536{}", std::process::id());
        let script = format!("setsid sleep {marker} & exec sleep {marker}");
        let tool = Tool { program: "sh", arguments: Box::leak(Box::new(["-c", Box::leak(script.into_boxed_str())])) };
        let error = run_for(&tool, Duration::from_millis(300)).unwrap_err();
        assert_eq!(error, "`sh` did not finish within 300 ms");
        let is_marked = |entry: fs::DirEntry| {
            fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == format!("sleep\0{marker}\0").as_bytes())
        };
        assert!(!fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(is_marked), "a sleep is left");
    }

    #[test]
    fn an_interruption_ends_a_tool_and_leaves_nothing_behind() {
        let temporary = tempfile::tempdir().unwrap();
        let (mut signal, stop) = UnixStream::pair().unwrap();
        signal.write_all(b"!").unwrap();
        let tool = shell("exec sleep 1000");
        let path = OsStr::new("/usr/bin:/bin");
        let error = run(&tool, "", &[], Duration::from_mins(15), stop.as_fd(), path, temporary.path()).unwrap_err();
        assert_eq!(error, INTERRUPTED);
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_tool_sees_only_what_it_needs() {
        let names = run_for(&shell("printf '<svg>'; ls -A; env | sort | cut -d= -f1 | tr '\\n' ' '"), LONGEST).unwrap();
        let names = String::from_utf8(names).unwrap();
        assert!(names.starts_with("<svg>source\n"), "{names}");
        let variables: Vec<&str> = names.lines().last().unwrap().split_whitespace().collect();
        let known = ["HOME", "LANG", "OLDPWD", "PATH", "PLANTUML_SECURITY_PROFILE", "PWD", "SHLVL", "TMPDIR", "_"];
        assert!(variables.iter().all(|name| known.contains(name)), "{variables:?}");
    }
}
