//! Checks that no line of code or comment is longer than 120 columns.

use crate::workspace::{files, no_problems, read};

/// The longest line, in columns.
const LIMIT: usize = 120;

/// Checks all Rust and Python files.
pub(crate) fn check() -> Result<(), String> {
    let mut problems = Vec::new();
    for path in files("rs")?.into_iter().chain(files("py")?) {
        problems.extend(long_lines(&read(&path)?).map(|(line, columns)| format!("{path}:{line}: {columns} columns")));
    }
    no_problems(&format!("lines longer than {LIMIT} columns"), &problems)
}

/// Returns number and length of the lines that are too long.
///
/// Lines that contain a URL, and expected screens of tests (`str![[r#"` to `"#]]`), are exempt.
fn long_lines(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut in_screen = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let was_in_screen = in_screen;
        if in_screen {
            in_screen = !line.starts_with("\"#]]");
        } else {
            in_screen = line.contains("str![[r#\"") && !line.contains("\"#]]");
        }
        let columns = line.chars().count();
        let is_exempt = was_in_screen || line.contains("http://") || line.contains("https://");
        (columns > LIMIT && !is_exempt).then_some((at + 1, columns))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_and_comments_count() {
        let long = "x".repeat(121);
        let text = format!("{long}\nstr![[r#\"\n{long}\n\"#]]\n// https://example.org/{long}\n// {long}\nshort\n");
        assert_eq!(long_lines(&text).collect::<Vec<_>>(), [(1, 121), (6, 124)]);
    }
}
