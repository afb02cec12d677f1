//! Stacks for people: the user's own frames of a dump by Python's `faulthandler`, the outermost first.

use std::fmt::Write;

/// Shows the stacks of all threads; `None` if no frame is the user's.
pub(super) fn shown(dump: &str) -> Option<String> {
    let mut text = String::new();
    let parts: Vec<&str> = dump.split("hread 0x").collect();
    let mut threads: Vec<(bool, &str)> =
        parts.windows(2).map(|pair| (pair[0].ends_with("Current t"), pair[1])).collect();
    // The thread that took the signal calls the functions; it comes first.
    threads.sort_by_key(|(is_current, _)| !is_current);
    for (_, thread) in threads {
        let mut frames: Vec<(&str, &str, &str)> = thread.lines().filter_map(frame).collect();
        frames.reverse();
        let mut frames = frames.into_iter().filter(|(file, _, _)| !is_ours(file)).peekable();
        if frames.peek().is_none() {
            continue;
        }
        if !text.is_empty() {
            text.push_str("in another thread:\n");
        }
        let mut left_out = 0;
        for (file, line, function) in frames {
            if is_library(file) {
                left_out += 1;
                continue;
            }
            let _ = writeln!(text, "  File \"{file}\", line {line}, in {function}");
            if let Some(source) = source_line(file, line) {
                let _ = writeln!(text, "    {source}");
            }
        }
        if left_out > 0 {
            let _ = writeln!(text, "  ... {left_out} in libraries");
        }
    }
    (!text.is_empty()).then_some(text)
}

/// File, line and function of `  File "steps.py", line 5 in f`.
fn frame(line: &str) -> Option<(&str, &str, &str)> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(" in ")?;
    Some((file, number, function))
}

fn is_ours(file: &str) -> bool {
    file.starts_with('<')
}

fn is_library(file: &str) -> bool {
    file.contains("/lib/python3") || file.contains("/site-packages/") || file.contains("/dist-packages/")
}

fn source_line(file: &str, line: &str) -> Option<String> {
    let text = std::fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&text);
    let source = text.lines().nth(line.parse::<usize>().ok()?.checked_sub(1)?)?.trim();
    (!source.is_empty()).then(|| source.to_owned())
}

#[test]
fn the_users_frames_are_shown_outermost_first() {
    let dump = "Thread 0x00007f01 (most recent call first):\n  File \"/no/such/other.py\", line 3 in waits\n  \
                File \"/usr/lib/python3.11/threading.py\", line 975 in run\n\n\
                Current thread 0x00007f02 (most recent call first):\n  File \"/usr/lib/python3.11/x.py\", line 1 in \
                get\n  \
                File \"/no/such/steps.py\", line 9 in helper\n  File \"/no/such/steps.py\", line 5 in f\n  \
                File \"<greenroom>\", line 7 in _carry_out\n  File \"<string>\", line 1 in <module>\n";
    let expected = "  File \"/no/such/steps.py\", line 5, in f\n  File \"/no/such/steps.py\", line 9, in helper\n  \
                    ... 1 in libraries\n\
                    in another thread:\n  File \"/no/such/other.py\", line 3, in waits\n  ... 1 in libraries\n";
    assert_eq!(shown(dump).as_deref(), Some(expected));
    assert_eq!(shown("  File \"<greenroom>\", line 7 in f\n"), None);
}
