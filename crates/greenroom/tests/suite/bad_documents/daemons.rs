//! Steps of the daemon library that cannot work: programs, ports, environments, limits.
//!
//! The file is long because whole screens stand in it.

use snapbox::str;

use super::helpers::{fine, steps, warned};
use crate::support::{Project, scenario};

#[test]
fn an_environment_that_is_not_an_object() {
    steps(r#"when I start "sleep 1" as a background process as a, with environment ["A"]"#).stderr(str![[r#"
error[bad-environment]: the environment is a list, not a JSON object
 --> x.md:7:71
  |
7 | when I start "sleep 1" as a background process as a, with environment ["A"]
  |                                                                       ^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#]]);
}

#[test]
fn an_environment_that_is_not_json() {
    steps(r#"when I start "sleep 1" as a background process as a, with environment {"A": yes}"#).stderr(str![[r#"
error[bad-environment]: the environment is not valid JSON: expected value at line 1 column 7
 --> x.md:7:71
  |
7 | when I start "sleep 1" as a background process as a, with environment {"A": yes}
  |                                                                       ^^^^^^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#]]);
}

#[test]
fn an_environment_with_an_object_inside() {
    steps(r#"when I start "sleep 1" as a background process as a, with environment {"A": {"B": "C"}}"#).stderr(str![[
        r#"
error[bad-environment]: the value of A is not a string, number or boolean
 --> x.md:7:71
  |
7 | when I start "sleep 1" as a background process as a, with environment {"A": {"B": "C"}}
  |                                                                       ^^^^^^^^^^^^^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#
    ]]);
}

#[test]
fn an_environment_nested_without_end() {
    let nested = |depth| {
        let json = "[".repeat(depth);
        steps(&format!("when I start \"sleep 1\" as a background process as a, with environment {json}"))
    };
    nested(1_000).stderr(str![[r#"
error[bad-environment]: the environment is not valid JSON: recursion limit exceeded at line 1 column 128
 --> x.md:7:71
  |
7 | ...nt [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^...^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write a JSON object, such as {"LANG": "C", "DEBUG": "1"}

1 error

"#]]);
    nested(100_000).stderr(str![[r#"
error[step-too-long]: this step has 100070 bytes; the limit is 65536
 --> x.md:7:1
  |
7 | when I start "sleep 1" as a background process as a, with environment [[[[[[[[[[[[[[[[[[[[[[[...
  | ^
  |
  = help: move the text to an embedded file

1 error

"#]]);
}

#[test]
fn invalid_ports() {
    let ports = ["0", "65536", "4294975376", "-1", "80a", "0x50", "${web"];
    let lines = ports.map(|port| format!("when I try to start \"sleep 1\" as a, on port {port}"));
    steps(&lines.join("\n")).stderr(str![[r#"
error[bad-port]: 0 is not a port
 --> x.md:7:45
  |
7 | when I try to start "sleep 1" as a, on port 0
  |                                             ^
  |
  = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 65536 is not a port
 --> x.md:8:45
  |
8 | when I try to start "sleep 1" as a, on port 65536
  |                                             ^^^^^
  |
  = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 4294975376 is not a port
 --> x.md:9:45
  |
9 | when I try to start "sleep 1" as a, on port 4294975376
  |                                             ^^^^^^^^^^
  |
  = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: -1 is not a port
  --> x.md:10:45
   |
10 | when I try to start "sleep 1" as a, on port -1
   |                                             ^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 80a is not a port
  --> x.md:11:45
   |
11 | when I try to start "sleep 1" as a, on port 80a
   |                                             ^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: 0x50 is not a port
  --> x.md:12:45
   |
12 | when I try to start "sleep 1" as a, on port 0x50
   |                                             ^^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

error[bad-port]: ${web is not a port
  --> x.md:13:45
   |
13 | when I try to start "sleep 1" as a, on port ${web
   |                                             ^^^^^
   |
   = help: a port is a number from 1 to 65535, or `${NAME}` after `given a free port kept as NAME`

7 errors

"#]]);
}

#[test]
fn missing_programs() {
    steps("when I start \"pyhton3 x.py\" as a background process as a").stderr(str![[r#"
error[program-not-found]: program not found: pyhton3
 --> x.md:7:15
  |
7 | when I start "pyhton3 x.py" as a background process as a
  |               ^^^^^^^ not on PATH
  |
  = help: did you mean `python3`?

1 error

"#]]);
    steps("when I start \"./nosuch\" as a background process as b, on port 8080").stderr(str![[r#"
error[program-not-found]: program not found: ./nosuch
 --> x.md:7:15
  |
7 | when I start "./nosuch" as a background process as b, on port 8080
  |               ^^^^^^^^ no earlier step creates this file
  |
  = help: embed it in the document, and write `given executable file nosuch` before this step

1 error

"#]]);
    steps("when I start \"/nosuch/program\" as a background process as c").stderr(str![[r#"
error[program-not-found]: program not found: /nosuch/program
 --> x.md:7:15
  |
7 | when I start "/nosuch/program" as a background process as c
  |               ^^^^^^^^^^^^^^^

1 error

"#]]);
    steps("when I run nosuch-program").stderr(str![[r#"
error[program-not-found]: program not found: nosuch-program
 --> x.md:7:12
  |
7 | when I run nosuch-program
  |            ^^^^^^^^^^^^^^ not on PATH
  |
  = help: install it, or put its directory on PATH before you start greenroom

1 error

"#]]);
}

#[test]
fn every_missing_program_is_reported() {
    let lines = [
        "when I run nosuch-program",
        "then stdout contains \"x\"",
        "when I run pyhton3 x.py",
        "when I run nosuch-program again",
        // One of these may be meant to make it.
        "when I start \"./nosuch\" as a background process as b",
        "when I run true",
        "when I run ./made-by-the-one-before",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[program-not-found]: program not found: nosuch-program
 --> x.md:7:12
  |
7 | when I run nosuch-program
  |            ^^^^^^^^^^^^^^ not on PATH
  |
  = note: and in 1 more place
  = help: install it, or put its directory on PATH before you start greenroom

error[program-not-found]: program not found: pyhton3
 --> x.md:9:12
  |
9 | when I run pyhton3 x.py
  |            ^^^^^^^ not on PATH
  |
  = help: did you mean `python3`?

2 errors

"#]]);
}

#[test]
fn a_missing_quoted_program() {
    steps("when I run \"my prog\" x").stderr(str![[r#"
error[program-not-found]: program not found: my prog
 --> x.md:7:12
  |
7 | when I run "my prog" x
  |            ^^^^^^^^^ not on PATH
  |
  = help: install it, or put its directory on PATH before you start greenroom

1 error

"#]]);
    steps("when I run \"my prog\"  x").stderr(str![[r#"
error[program-not-found]: program not found: my prog
 --> x.md:7:12
  |
7 | when I run "my prog"  x
  |            ^^^ not on PATH
  |
  = help: install it, or put its directory on PATH before you start greenroom

1 error

"#]]);
}

#[test]
fn shell_keywords_instead_of_programs() {
    steps("when I run cd /tmp && ls -l").stderr(str![[r#"
error[program-not-found]: program not found: cd
 --> x.md:7:12
  |
7 | when I run cd /tmp && ls -l
  |            ^^ not on PATH
  |
  = help: `cd` is a shell command: write `sh -c 'cd /tmp && ls -l'`, or `I run, in DIRECTORY, ...`

1 error

"#]]);
    steps("when I run export A=\"b c\"").stderr(str![[r#"
error[program-not-found]: program not found: export
 --> x.md:7:12
  |
7 | when I run export A="b c"
  |            ^^^^^^ not on PATH
  |
  = help: `export` is a shell command: write `given the environment variable NAME=VALUE` before this step, or `sh -c 'export A="b c"'`

1 error

"#]]);
    steps("when I run source ./x.sh").stderr(str![[r#"
error[program-not-found]: program not found: source
 --> x.md:7:12
  |
7 | when I run source ./x.sh
  |            ^^^^^^ not on PATH
  |
  = help: `source` is a shell command: write `sh -c 'source ./x.sh'`

1 error

"#]]);
    steps("when I run A=/b/c true").stderr(str![[r#"
error[program-not-found]: program not found: A=/b/c
 --> x.md:7:12
  |
7 | when I run A=/b/c true
  |            ^^^^^^
  |
  = help: write `given the environment variable A=/b/c` before this step, or `env` in front of `A=/b/c`

1 error

"#]]);
    steps("when I run $HOME/x 'y'").stderr(str![[r#"
error[program-not-found]: program not found: $HOME/x
 --> x.md:7:12
  |
7 | when I run $HOME/x 'y'
  |            ^^^^^^^
  |
  = help: no shell runs this, so variables are not replaced: write it as a shell script, embedded in the document

1 error

"#]]);
    steps("when I start \"ulimit -n 5\" as a background process as a").stderr(str![[r#"
error[program-not-found]: program not found: ulimit
 --> x.md:7:15
  |
7 | when I start "ulimit -n 5" as a background process as a
  |               ^^^^^^ not on PATH
  |
  = help: `ulimit` is a shell command: write `sh -c 'ulimit ...'`

1 error

"#]]);
}

#[test]
fn shell_syntax_without_a_shell() {
    let lines =
        ["when I run echo hi | grep ho", "when I try to run, in ., echo \"a b\"; ls", "then I can run echo a  b > c"];
    let project = Project::new().file("x.md", scenario(&lines.join("\n")));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[no-shell]: `|` is passed to echo literally: no shell runs this command
 --> x.md:7:20
  |
7 | when I run echo hi | grep ho
  |                    ^
  |
  = help: to run it in a shell, write `sh -c 'echo hi | grep ho'`; to pass it literally, put it in single quotes

warning[no-shell]: `"a b";` is passed to echo literally: no shell runs this command
 --> x.md:8:31
  |
8 | when I try to run, in ., echo "a b"; ls
  |                               ^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'echo "a b"; ls'`; to pass it literally, put it in single quotes

warning[no-shell]: `>` is passed to echo literally: no shell runs this command
 --> x.md:9:20
  |
9 | then I can run echo a  b > c
  |                    ^^^^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'echo a b > c'`; to pass it literally, put it in single quotes

3 warnings

"#]]);
    project.run(["run", "-q", "x.md"]).code(0);
    fine(scenario("when I run echo 'a | b' \\; \">\" '*.txt'\nwhen I run find . -exec true {} ;"));
}

#[test]
fn invalid_daemon_names() {
    let names = ["../x", "a/b", ".", ".hidden"];
    steps(&names.map(|name| format!("when I start \"sleep 1\" as a background process as {name}")).join("\n")).stderr(
        str![[r#"
error[bad-daemon-name]: `../x` is not a valid daemon name
 --> x.md:7:51
  |
7 | when I start "sleep 1" as a background process as ../x
  |                                                   ^^^^
  |
  = help: output files have the name of their daemon: use letters, digits, `-`, `_` and `.`

error[bad-daemon-name]: `a/b` is not a valid daemon name
 --> x.md:8:51
  |
8 | when I start "sleep 1" as a background process as a/b
  |                                                   ^^^
  |
  = help: output files have the name of their daemon: use letters, digits, `-`, `_` and `.`

error[bad-daemon-name]: `.` is not a valid daemon name
 --> x.md:9:51
  |
9 | when I start "sleep 1" as a background process as .
  |                                                   ^
  |
  = help: output files have the name of their daemon: use letters, digits, `-`, `_` and `.`

error[bad-daemon-name]: `.hidden` is not a valid daemon name
  --> x.md:10:51
   |
10 | when I start "sleep 1" as a background process as .hidden
   |                                                   ^^^^^^^
   |
   = help: output files have the name of their daemon: use letters, digits, `-`, `_` and `.`

4 errors

"#]],
    );
}

#[test]
fn an_unfinished_quote() {
    steps(r#"when I start "sh -c 'echo hello" as a background process as a"#).stderr(str![[r#"
error[bad-command]: a single quote is not closed in sh -c 'echo hello
 --> x.md:7:17
  |
7 | when I start "sh -c 'echo hello" as a background process as a
  |                 ^^^^^^^^^^^^^^^
  |
  = help: quotes and backslashes work as in a shell; to write one literally, put a backslash before it

1 error

"#]]);
}

#[test]
fn a_daemon_without_a_program() {
    steps(r#"when I start "" as a background process as a"#).stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> x.md:7:1
  |
7 | when I start "" as a background process as a
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: `when I start "{path:word}{args:text}" as a background process as {name:word}` in lib/daemon.yaml (built in) would match except for `path`
  = help: `path` must be one word (word), not ``

1 error

"#]]);
}

#[test]
fn invalid_limits() {
    let lines = [
        "when I start \"sleep 9\" as a background process as a",
        "when I wait for file f to exist, for at most 0 seconds",
        "when I wait for file f to exist, for at most 1e9 seconds",
        "when I wait for file f to exist, for at most -1 seconds",
        "when I stop background process a, within 0 seconds",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[bad-limit]: invalid time limit: 0 seconds
 --> x.md:8:46
  |
8 | when I wait for file f to exist, for at most 0 seconds
  |                                              ^
  |
  = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[unknown-step]: no binding matches this step
 --> x.md:9:1
  |
9 | when I wait for file f to exist, for at most 1e9 seconds
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: `when I wait for file {file:path} to exist, for at most {limit:number} seconds` in lib/daemon.yaml (built in) would match except for `limit`
  = help: `limit` must be a number (number), not `1e9`

error[bad-limit]: invalid time limit: -1 seconds
  --> x.md:10:46
   |
10 | when I wait for file f to exist, for at most -1 seconds
   |                                              ^^
   |
   = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[bad-limit]: invalid time limit: 0 seconds
  --> x.md:11:42
   |
11 | when I stop background process a, within 0 seconds
   |                                          ^
   |
   = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

4 errors

"#]]);
}

#[test]
fn invalid_signals_statuses_and_urls() {
    let lines = [
        "when I start \"sleep 9\" as a background process as a",
        "when I send signal SIGTREM to daemon a",
        "then daemon a has ended by signal 99",
        "then daemon a has ended with exit status 256",
        "when I wait for ftp://localhost/ to answer with status 200",
        "when I wait for http://localhost/ to answer with status 20",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[unknown-signal]: unknown signal: SIGTREM
 --> x.md:8:20
  |
8 | when I send signal SIGTREM to daemon a
  |                    ^^^^^^^
  |
  = help: did you mean TERM?

error[unknown-signal]: unknown signal: 99
 --> x.md:9:35
  |
9 | then daemon a has ended by signal 99
  |                                   ^^
  |
  = help: write one of HUP, INT, QUIT, ILL, TRAP, ABRT, BUS, FPE, KILL, USR1, SEGV, USR2, PIPE, ALRM, TERM, CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, XCPU, XFSZ, VTALRM, PROF, WINCH, IO, PWR, SYS, or a number from 1 to 64

error[bad-status]: 256 is not an exit status
  --> x.md:10:42
   |
10 | then daemon a has ended with exit status 256
   |                                          ^^^
   |
   = help: an exit status is a number from 0 to 255

error[bad-url]: ftp://localhost/ is not a URL of http or https
  --> x.md:11:17
   |
11 | when I wait for ftp://localhost/ to answer with status 200
   |                 ^^^^^^^^^^^^^^^^
   |
   = help: write it with its scheme, such as http://127.0.0.1:8080/health

error[bad-status]: 20 is not an HTTP status
  --> x.md:12:57
   |
12 | when I wait for http://localhost/ to answer with status 20
   |                                                         ^^
   |
   = help: write a status such as 200 or 404

5 errors

"#]]);
}

#[test]
fn daemons_that_no_step_starts() {
    let lines = [
        "when I start \"sleep 9\" as a background process as web",
        "then daemon wbe is running",
        "when I run true",
        "when I stop background process db",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[unknown-daemon]: no earlier step starts a daemon wbe
 --> x.md:8:13
  |
8 | then daemon wbe is running
  |             ^^^
  |
  = help: did you mean web?

error[unknown-daemon]: no earlier step starts a daemon db
  --> x.md:10:32
   |
10 | when I stop background process db
   |                                ^^
   |
   = help: did you mean web?

2 errors

"#]]);
    steps("when I run true\nwhen I restart daemon web").stderr(str![[r#"
error[unknown-daemon]: no earlier step starts a daemon web
 --> x.md:8:23
  |
8 | when I restart daemon web
  |                       ^^^
  |
  = help: write `when I start "PROGRAM" as a background process as web` before it

1 error

"#]]);
}

#[test]
fn words_that_only_a_shell_replaces() {
    let lines = [
        "given the environment variable X=$HOME/x",
        "when I run echo \"in $HOME\"",
        "and I run ls ~/*.txt",
        "and I start \"sleep {1,2}\" as a background process as a, with environment {\"P\": \"`pwd`\"}",
        "and I try to run ${HOME}/x",
    ];
    warned(scenario(&lines.join("\n"))).stderr(str![[r#"
warning[no-shell]: `$HOME/x` is the literal value of X: no shell replaces what is in it
 --> x.md:7:34
  |
7 | given the environment variable X=$HOME/x
  |                                  ^^^^^^^
  |
  = help: to use the value of another variable, set it in a shell: `sh -c 'X="$Y" PROGRAM'`

warning[no-shell]: `"in $HOME"` is passed to echo literally: no shell runs this command
 --> x.md:8:17
  |
8 | when I run echo "in $HOME"
  |                 ^^^^^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'echo "in $HOME"'`; to pass it literally, put it in single quotes

warning[no-shell]: `~/*.txt` is passed to ls literally: no shell runs this command
 --> x.md:9:14
  |
9 | and I run ls ~/*.txt
  |              ^^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'ls ~/*.txt'`; to pass it literally, put it in single quotes

warning[no-shell]: `{1,2}` is passed to sleep literally: no shell runs this command
  --> x.md:10:20
   |
10 | and I start "sleep {1,2}" as a background process as a, with environment {"P": "`pwd`"}
   |                    ^^^^^
   |
   = help: to run it in a shell, write `sh -c 'sleep {1,2}'`; to pass it literally, put it in single quotes

warning[no-shell]: ``pwd`` is the literal value of P: no shell replaces what is in it
  --> x.md:10:74
   |
10 | and I start "sleep {1,2}" as a background process as a, with environment {"P": "`pwd`"}
   |                                                                          ^^^^^^^^^^^^^^
   |
   = help: to use the value of another variable, set it in a shell: `sh -c 'X="$Y" PROGRAM'`

warning[no-shell]: `${HOME}/x` is the literal name of the program: no shell runs this command
  --> x.md:11:18
   |
11 | and I try to run ${HOME}/x
   |                  ^^^^^^^^^
   |
   = help: to run it in a shell, write `sh -c '${HOME}/x'`; to pass it literally, put it in single quotes

6 warnings

"#]]);
    fine(scenario("when I run sh -c 'echo $HOME *' x\nand I run bash -c \"ls ~ | cat\"\nand I run grep -c 'a$' '*'"));
}

#[test]
fn patterns_of_file_names_in_brackets() {
    let lines = [
        "when I run ls [a-z].txt",
        "and I run cat file[12]",
        "and I start \"sleep [[:digit:]]\" as a background process as a",
    ];
    warned(scenario(&lines.join("\n"))).stderr(str![[r#"
warning[no-shell]: `[a-z].txt` is passed to ls literally: no shell runs this command
 --> x.md:7:15
  |
7 | when I run ls [a-z].txt
  |               ^^^^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'ls [a-z].txt'`; to pass it literally, put it in single quotes

warning[no-shell]: `file[12]` is passed to cat literally: no shell runs this command
 --> x.md:8:15
  |
8 | and I run cat file[12]
  |               ^^^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'cat file[12]'`; to pass it literally, put it in single quotes

warning[no-shell]: `[[:digit:]]` is passed to sleep literally: no shell runs this command
 --> x.md:9:20
  |
9 | and I start "sleep [[:digit:]]" as a background process as a
  |                    ^^^^^^^^^^^
  |
  = help: to run it in a shell, write `sh -c 'sleep [[:digit:]]'`; to pass it literally, put it in single quotes

3 warnings

"#]]);
    let literal = [
        "when I run tr [a-z] [A-Z]",
        "and I run echo [1,2] [::1]:8080 x[0] '[a-z]'",
        "and I run [ -d . ]",
        "and I run grep -c [0-9] /etc/passwd",
        "and I run find . -name [ab]",
        "given the environment variable LIST=[\"a-z\"]",
    ];
    fine(scenario(&literal.join("\n")));
}

#[test]
fn line_breaks_and_tabs_as_escapes_that_nothing_replaces() {
    let lines = [
        "given the environment variable MOTD=hello\\nworld",
        "when I write \"a\\tb\" to file x.txt",
        "and I send exactly \"1\\n2\\n\" to stdin",
        "and I run echo \"a\\nb\"",
        "and I run printf a\\tb",
        "and I try to start \"sleep 9\" as d, on port 80",
        "then starting daemon fails with \"not\\nfound\"",
    ];
    warned(scenario(&lines.join("\n"))).stderr(str![[r#"
warning[literal-escape]: `\n` is a literal part of the value of MOTD: this step takes no escapes
 --> x.md:7:42
  |
7 | given the environment variable MOTD=hello\nworld
  |                                          ^^
  |
  = help: for a daemon, end its start with `, with environment {"MOTD": "hello\nworld"}`; for a command, run `sh -c 'MOTD=$(printf "%b" "hello\nworld") PROGRAM'`

warning[literal-escape]: `\t` is part of the text: this step takes no escapes
 --> x.md:8:16
  |
8 | when I write "a\tb" to file x.txt
  |                ^^
  |
  = help: embed the text as a file of the document, and write `given file x.txt from EMBEDDED-FILE`

warning[literal-escape]: `\n` is part of the text: this step takes no escapes
 --> x.md:9:22
  |
9 | and I send exactly "1\n2\n" to stdin
  |                      ^^
  |
  = help: embed the text as a file of the document, and write `given file FILE` and `when I redirect stdin from FILE`

warning[literal-escape]: `"a\nb"` is passed to echo literally, and it replaces no escapes
  --> x.md:10:16
   |
10 | and I run echo "a\nb"
   |                ^^^^^^
   |
   = help: `printf` replaces escapes: write `printf '%b\n' 'a\nb'`

warning[literal-escape]: `a\tb` is passed to printf as `atb`: outside of quotes, the backslash is removed
  --> x.md:11:18
   |
11 | and I run printf a\tb
   |                  ^^^^
   |
   = help: put it in quotes, as in a shell: `'a\tb'`

warning[literal-escape]: `\n` is part of the text: this step takes no escapes
  --> x.md:13:37
   |
13 | then starting daemon fails with "not\nfound"
   |                                     ^^
   |
   = help: write a part of the text that is on one line

6 warnings

"#]]);
    let literal = [
        "given the environment variable FORMAT=%s\\n",
        "when I write \"print('a\\n')\" to file x.py",
        "and I write \"{\"a\": \"b\\n\"}\" to file x.json",
        "and I run printf \"a\\n\"",
        "and I run echo -e 'a\\tb'",
        "and I run sed -n '/a\\tb/p' x.py",
        "and I run python3 -c \"print('a\\nb')\"",
        "then stdout contains \"a\\nb\"",
        "and file x.py contains \"\\\\n\"",
    ];
    fine(scenario(&literal.join("\n")));
}

#[test]
fn regexes_between_slashes_or_quotes() {
    let lines = [
        "when I run echo password=hunter2",
        "then stdout doesn't match regex /password/",
        "then stdout doesn't match regex \"pass.*\"",
        "then stdout matches regex /a\\/b/i",
        "then stdout matches regex /usr/bin/",
    ];
    steps(&lines.join("\n")).stderr(str![[r#"
error[wrapped-regex]: the slashes are part of this regex, so it matches only text with them
 --> x.md:8:33
  |
8 | then stdout doesn't match regex /password/
  |                                 ^^^^^^^^^^
  |
  = help: write `password`
  = help: if the slashes are meant, write `[/]` for the first one

error[wrapped-regex]: the quotes are part of this regex, so it matches only text with them
 --> x.md:9:33
  |
9 | then stdout doesn't match regex "pass.*"
  |                                 ^^^^^^^^
  |
  = help: write `pass.*`
  = help: if the quotes are meant, write `["]` for the first one

error[wrapped-regex]: the slashes are part of this regex, so it matches only text with them
  --> x.md:10:27
   |
10 | then stdout matches regex /a\/b/i
   |                           ^^^^^^^
   |
   = help: write `(?i)a/b`
   = help: if the slashes are meant, write `[/]` for the first one

3 errors

"#]]);
}

#[test]
fn files_that_no_step_can_create() {
    steps("given a directory data\nthen file data/x exists\nand directory dat is empty\nwhen I run, in src, true")
        .stderr(str![[r#"
error[never-created]: file data/x does not exist: no earlier step can create it
 --> x.md:8:11
  |
8 | then file data/x exists
  |           ^^^^^^
  |
  = help: did you mean data?

error[never-created]: directory dat does not exist: no earlier step can create it
 --> x.md:9:15
  |
9 | and directory dat is empty
  |               ^^^
  |
  = help: did you mean data?

error[never-created]: directory src does not exist: no earlier step can create it
  --> x.md:10:16
   |
10 | when I run, in src, true
   |                ^^^
   |
   = help: write `given a directory src` before this step

3 errors

"#]]);
    fine(scenario("when I run touch x\nthen file x exists"));
}
