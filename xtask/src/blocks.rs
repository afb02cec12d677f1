//! Checks that the YAML and Starlark in this repository can be parsed: examples on pages, and files of Bazel.
//!
//! Starlark is a part of Python as far as its syntax goes, so Python's parser reads it.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::de::IgnoredAny;

use crate::markdown::fences;
use crate::workspace::{files, no_problems, read};

/// Files in Starlark without an extension.
const WORKSPACES: [&str; 2] = ["bazel/WORKSPACE", "examples/bazel/WORKSPACE"];

/// Parses all examples and files.
pub(crate) fn check() -> Result<(), String> {
    let mut problems = Vec::new();
    let mut checked = 0;
    for page in files("md")? {
        if page != "README.md" && !page.starts_with("docs/") && !page.starts_with("bazel/") {
            continue;
        }
        let text = read(&page)?;
        for fence in fences(&text) {
            let content = &text[fence.content.clone()];
            let parsed = match fence.language() {
                "yaml" => yaml(content),
                "starlark" => starlark(content)?,
                _ => continue,
            };
            checked += 1;
            problems.extend(parsed.err().map(|problem| format!("{page}:{}: {problem}", fence.line)));
        }
    }
    let of_bazel = files("bzl")?.into_iter().chain(files("bazel")?).chain(WORKSPACES.map(str::to_owned));
    for file in of_bazel {
        checked += 1;
        problems.extend(starlark(&read(&file)?)?.err().map(|problem| format!("{file}: {problem}")));
    }
    if checked == 0 {
        problems.push("there are no examples in YAML or Starlark".to_owned());
    }
    no_problems("examples and files of Bazel that cannot be parsed", &problems)
}

fn yaml(text: &str) -> Result<(), String> {
    serde_saphyr::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

/// Returns what Python's parser says. It is an error if there is no Python.
fn starlark(text: &str) -> Result<Result<(), String>, String> {
    let failed = |error: std::io::Error| format!("python3: {error}");
    let mut command = Command::new("python3");
    command.args(["-c", "import ast, sys; ast.parse(sys.stdin.read())"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let message = String::from_utf8_lossy(&output.stderr);
    Ok(if output.status.success() { Ok(()) } else { Err(message.lines().last().unwrap_or_default().to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found() {
        assert!(yaml("a: [1, 2]\n").is_ok());
        assert!(yaml("a: [1, 2\n").is_err());
        assert!(starlark("load(\":a.bzl\", \"a\")\na(name = \"b\")\n").unwrap().is_ok());
        assert!(starlark("a(name = \n").unwrap().is_err());
    }
}
