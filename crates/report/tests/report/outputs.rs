//! Output of processes, escaped and cut.

use greenroom_event::{Failure, Output, OutputSource, Stream};
use greenroom_report::Verbosity;
use snapbox::{IntoData, assert_data_eq, str};

use crate::support::{because, captured, fails_with, lines};

#[test]
fn hostile_output() {
    let text = format!(
        "\x1b[2J\x1b[31mred\x1b[0m\nbell\x07 nul\0 back\x08\nprogress 1%\rprogress 100%\r\n\
         siht\u{202e} c1\u{9b}2J\n\n\ttabbed\n{}\nno newline",
        "x".repeat(10_000)
    );
    let run = fails_with(Failure { output: vec![captured("stdout", &text, 0)], ..because("it went wrong") });
    let shown = run.plain();
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    assert_data_eq!(shown, str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  it went wrong
  stdout:
    │ \x1b[2J\x1b[31mred\x1b[0m
    │ bell\x07 nul\0 back\x08
    │ progress 1%\rprogress 100%\r
    │ siht\u{202e} c1\u{9b}2J
    │
    │         tabbed
    │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (9600 characters more)
    │ no newline

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]].raw());
}

#[test]
fn long_output_is_cut_to_its_end() {
    let output = |text: String, omitted| Output {
        source: OutputSource::Daemon { name: "web".to_owned(), stream: Stream::Stdout },
        text,
        omitted,
        after_stop: false,
        marks: Vec::new(),
    };
    let run = fails_with(Failure {
        output: vec![output(lines(1..200), 1_000_000), output(String::new(), 0)],
        ..because("it went wrong")
    });
    assert_data_eq!(
        run.plain(),
        str![[r#"
greenroom 0.1.0: 1 scenario in daemon.md

FAIL   0.05 s  Daemon takes a while to open its port
  in daemon.md:20, scenario at daemon.md:18

    ok          2 ms  given a daemon helper shell script slow-start-daemon.py
    FAILED     40 ms  when I start "./slow-start-daemon.py" as slow-daemon, on port 8888
                      2 steps not run

  it went wrong
  stdout of daemon web (last 20 lines, 1.0 MB before; -v shows more):
    │ line 180
    │ line 181
    │ line 182
    │ line 183
    │ line 184
    │ line 185
    │ line 186
    │ line 187
    │ line 188
    │ line 189
    │ line 190
    │ line 191
    │ line 192
    │ line 193
    │ line 194
    │ line 195
    │ line 196
    │ line 197
    │ line 198
    │ line 199
  stdout of daemon web: (empty)

  rerun: greenroom run daemon.md --name 'Daemon takes a while to open its port'

FAILED: 1 of 1 scenario failed, 46 ms
  failed  daemon.md:18  Daemon takes a while to open its port

"#]]
        .raw()
    );
    assert!(run.text(Verbosity::Verbose).contains("│ line 1\n"));
}
