//! Checks that README and the book show what the program prints.
//!
//! A page is tried from top to bottom in an empty directory:
//!
//! - A block with `file=NAME` behind its language is written to that file.
//! - Each line of a `console` block that begins with `$ ` is run by a shell, with the fresh
//!   `greenroom` on PATH. What the block shows below must be what the command prints on both
//!   outputs. With `refuse=CALLS` the kernel refuses system calls to the commands, as
//!   `fixtures/shim.py` describes.
//!
//! Times, versions and the user may differ. `cargo xtask screens --write` replaces what has
//! changed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::markdown::{Fence, fences};
use crate::workspace::{STATE, files, greenroom, no_problems, read, root};

/// What to do with a screen that is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Report it.
    Check,
    /// Replace it.
    Write,
}

/// Tries README and all chapters of the book.
pub(crate) fn check(mode: Mode) -> Result<(), String> {
    if let Some(reason) = not_sealed()? {
        if std::env::var_os("GREENROOM_MUST_SANDBOX").is_some_and(|must| must == "1") {
            return Err(reason);
        }
        eprintln!("skipped the check of screens, which needs sealed scenarios:\n{reason}");
        return Ok(());
    }
    let mut problems = Vec::new();
    let mut screens = 0;
    for page in files("md")? {
        if page != "README.md" && !page.starts_with("docs/") {
            continue;
        }
        let text = read(&page)?;
        let tried = Page::new(&page)?.run(&text)?;
        screens += tried.screens;
        match mode {
            Mode::Write if tried.text != text => {
                std::fs::write(root().join(&page), &tried.text).map_err(|error| format!("{page}: {error}"))?;
                eprintln!("rewrote {page}");
            }
            Mode::Write => {}
            Mode::Check => problems.extend(tried.problems),
        }
    }
    if screens == 0 {
        problems.push("README.md and docs have no screens".to_owned());
    }
    no_problems("screens (`cargo xtask screens --write` replaces them)", &problems)
}

/// Returns why scenarios cannot be sealed here, if so.
fn not_sealed() -> Result<Option<String>, String> {
    let page = Page::new("probe")?;
    let document = "---\ntitle: Probe\nbindings: [lib/runcmd.yaml]\n...\n# Probe\n~~~scenario\nwhen I run true\n~~~\n";
    std::fs::write(page.directory.join("probe.md"), document).map_err(|error| error.to_string())?;
    let printed = page.print("greenroom run --sandbox sealed probe.md", None)?;
    Ok((!printed.contains("1 scenario passed")).then_some(printed))
}

/// A page, and the directory in which it is tried.
struct Page {
    name: String,
    directory: PathBuf,
}

/// What became of a page.
struct Tried {
    /// The page as it should be.
    text: String,
    problems: Vec<String>,
    screens: usize,
}

impl Page {
    fn new(name: &str) -> Result<Self, String> {
        let unique = format!("greenroom-screens-{}-{}", std::process::id(), name.replace('/', "-"));
        let directory = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        Ok(Self { name: name.to_owned(), directory })
    }

    /// Writes the files of the page and compares its screens.
    fn run(&self, text: &str) -> Result<Tried, String> {
        let mut tried = Tried { text: String::new(), problems: Vec::new(), screens: 0 };
        let mut done = 0;
        for fence in fences(text) {
            let content = &text[fence.content.clone()];
            if let Some(file) = fence.attribute("file") {
                self.write(file, content)?;
            }
            if fence.language() == "console" {
                tried.screens += 1;
                let actual = self.screen(&fence, content)?;
                if !is_same(&actual, content) {
                    tried.text.push_str(&text[done..fence.content.start]);
                    tried.text.push_str(&actual);
                    done = fence.content.end;
                    tried.problems.push(format!("{}:{}: prints now:\n{actual}", self.name, fence.line));
                }
            }
        }
        tried.text.push_str(&text[done..]);
        Ok(tried)
    }

    fn write(&self, file: &str, content: &str) -> Result<(), String> {
        let path = self.directory.join(file);
        let parent = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Runs the commands of a block, and returns what the block should be.
    fn screen(&self, fence: &Fence<'_>, content: &str) -> Result<String, String> {
        let mut screen = String::new();
        for command in content.lines().filter_map(|line| line.strip_prefix("$ ")) {
            if !screen.is_empty() {
                screen.push('\n');
            }
            let printed = self.print(command, fence.attribute("refuse"))?;
            let _ = writeln!(screen, "$ {command}\n{}", printed.trim_end());
        }
        Ok(screen)
    }

    /// Runs a command, and returns what it prints on both outputs.
    fn print(&self, command: &str, refuse: Option<&str>) -> Result<String, String> {
        let greenroom = greenroom();
        let programs = greenroom.parent().unwrap_or(Path::new("."));
        let mut path = OsString::from(programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut shell = if let Some(calls) = refuse {
            let mut shim = Command::new("python3");
            shim.arg(root().join("fixtures/shim.py")).args([calls, "--", "sh"]);
            shim
        } else {
            Command::new("sh")
        };
        shell.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(&self.directory).env("PATH", path);
        shell.env_remove("TMPDIR").env_remove("GITHUB_ACTIONS");
        shell.env("LC_ALL", "C.UTF-8").env(STATE, self.directory.join(".state"));
        let output = shell.output().map_err(|error| format!("{shell:?}: {error}"))?;
        let directory = self.directory.display().to_string();
        let printed = String::from_utf8_lossy(&output.stdout).replace(&directory, "/home/ann");
        Ok(printed.lines().fold(String::new(), |text, line| text + &anonymous(line) + "\n"))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Replaces what `greenroom doctor` says about this machine by what it says on a usual one.
fn anonymous(line: &str) -> String {
    match line.split_once(" on Linux ") {
        Some((greenroom, _)) if greenroom.starts_with("greenroom ") => format!("{greenroom} on Linux 6.8.0-45-generic"),
        _ if line.starts_with("  user ") => {
            format!("  {:<8} {:<10} steps run as the user who runs greenroom", "user", "same")
        }
        _ => line.to_owned(),
    }
}

/// Whether two screens are the same, apart from times and versions.
///
/// The results of several scenarios may be in any order, because they appear as scenarios finish.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (normal(one), normal(other));
    let sorted = |screen: &str| {
        let mut lines: Vec<String> = screen.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    one == other || (one.contains(" scenarios in ") && sorted(&one) == sorted(&other))
}

/// Replaces times, versions and the path of Python, which differ from run to run and by machine.
fn normal(screen: &str) -> String {
    let lines = screen.trim_end().lines().map(|line| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        for at in 0..words.len() {
            let word = words[at];
            let is_number = word.starts_with(|c: char| c.is_ascii_digit())
                && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let next = words.get(at + 1).map(|next| next.trim_end_matches([',', ')', ';', ':']));
            if is_number && next.is_some_and(|next| ["ms", "s", "min"].contains(&next)) {
                words[at] = "TIME";
                words[at + 1] = "";
            }
            if at > 0 && words[at - 1] == "greenroom" && word.starts_with(|c: char| c.is_ascii_digit()) {
                words[at] = "VERSION";
            }
            // Where a version manager starts Python, its command has a path.
            if word.starts_with('/') && word.ends_with("/bin/python3") {
                words[at] = "python3";
            }
        }
        let indent = line.len() - line.trim_start().len();
        format!("{}{}", &line[..indent], words.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_versions_may_differ() {
        let [one, two] = ["PASS   0.16 s  A  (after 3 ms)", "PASS     93 ms  A  (after 1.2 s)"];
        assert_eq!(normal(one), normal(two));
        let [one, two] = ["greenroom 0.1.0: 1 scenario", "greenroom 1.20.0: 1 scenario"];
        assert_eq!(normal(one), normal(two).replace("1.20.0:", "0.1.0:"));
        assert_ne!(normal("2 scenarios passed"), normal("3 scenarios passed"));
        assert_eq!(normal("    /opt/3.12/bin/python3 x.py"), normal("    python3 x.py"));
        assert_ne!(normal("  a"), normal("a"));
    }
}
