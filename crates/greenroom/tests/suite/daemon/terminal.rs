//! Programs in a terminal: passwords, shells, editors, and what failures show of them.

use snapbox::str;

use super::{fails, holds};
use crate::support::{Project, scenario};

/// Asks for a password twice, as `passwd` does, and answers in color.
const ASK: &str = "
~~~{#ask.py .file}
import getpass, os
one = getpass.getpass('Password: ')
two = getpass.getpass('Again: ')
print('\\x1b[32mwelcome\\x1b[0m to', '%dx%d' % os.get_terminal_size() if one == two == 'secret' else 'nothing')
~~~
";

fn ask(steps: &str) -> String {
    let start = "given file ask.py\nwhen I start \"python3 ask.py\" in a terminal as ask\n";
    scenario(&format!("{start}{steps}")) + ASK
}

#[test]
fn a_password_is_typed_when_it_is_asked_for() {
    let text = ask("and I wait for terminal ask to show \"Password: \", for at most 60 seconds\n\
         and I type \"secret\" into terminal ask\nand I press Enter in terminal ask\n\
         and I wait for terminal ask to show \"Again: \"\nand I type \"secret\\n\" into terminal ask\n\
         and I wait for terminal ask to end\nthen terminal ask has ended with exit status 0\n\
         and terminal ask shows \"welcome to 80x24\"\nand terminal ask doesn't show \"secret\"");
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).passes();
    let text = ask("and I wait for terminal ask to show \"Password: \", for at most 60 seconds\n\
         and I press Ctrl-C in terminal ask\nand I wait for terminal ask to show \"Again: \"");
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(1);
}

#[test]
fn a_shell_is_used_as_by_a_person() {
    holds(
        "given the environment variable PS1=ready>\nwhen I start \"bash --norc\" in a terminal of 120 by 40 as sh\n\
         and I wait for terminal sh to show \"ready>\"\n\
         and I type \"stty size; echo $TERM; tty\\n\" into terminal sh\n\
         and I wait for terminal sh to show \"40 120\\nxterm\\n/dev/pts/\"\n\
         and I wait for terminal sh to show \"ready>\"\n\
         and I type \"sh -c 'echo me\\\"\\\"ow; read x'\\n\" into terminal sh\n\
         and I wait for terminal sh to show \"meow\"\n\
         and I press Ctrl-C in terminal sh\n\
         and I wait for terminal sh to show \"ready>\"\nand I type \"echo a''b\\n\" into terminal sh\n\
         and I wait for terminal sh to show \"ab\\nready>\"\nand I press Up in terminal sh\n\
         and I press Enter in terminal sh\nand I wait for terminal sh to show \"ab\\nready>\"\n\
         when I restart daemon sh\nand I wait for terminal sh to show \"ready>\"\n\
         when I stop background process sh\nthen daemon sh has ended",
    );
}

#[test]
fn what_was_echoed_is_found_once() {
    fails!(
        "when I start \"cat\" in a terminal as c\nand I type \"hello\\n\" into terminal c\n\
         and I wait for terminal c to show \"hello\"\nand I wait for terminal c to show \"hello\"\n\
         and I wait for terminal c to show \"hello\", for at most 0.2 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  when I start "cat" in a terminal as c
    ok [TIME]  and I type "hello\n" into terminal c
    ok [TIME]  and I wait for terminal c to show "hello"
    ok [TIME]  and I wait for terminal c to show "hello"
    FAILED [TIME]  and I wait for terminal c to show "hello", for at most 0.2 seconds

  terminal c did not show "hello" within 200 ms
  note: it has shown this before; only what comes after the text that the latest wait found counts
  stdout of daemon c:
    │ hello
    │ hello

  daemon c: still running at the end of the scenario
    command: cat
    stdout of daemon c: see above

  1 leftover process, stopped at the end:
    cat  (daemon c, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_program_that_ends_ends_the_wait() {
    fails!(
        "when I start \"sh -c 'echo one; exit 3'\" in a terminal as sh\n\
         and I wait for terminal sh to show \"two\", for at most 60 seconds",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I start "sh -c 'echo one; exit 3'" in a terminal as sh
    FAILED [TIME]  and I wait for terminal sh to show "two", for at most 60 seconds

  the program in terminal sh ended with exit status 3 without showing "two"
  stdout of daemon sh:
    │ one

  daemon sh: exited with status 3 after [TIME]
    command: sh -c 'echo one; exit 3'
    stdout of daemon sh: see above

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "when I start \"true\" in a terminal as gone\nand I wait for terminal gone to end\n\
         and I type \"x\" into terminal gone",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "true" in a terminal as gone
    ok [TIME]  and I wait for terminal gone to end
    FAILED [TIME]  and I type "x" into terminal gone

  the program in terminal gone has ended, with exit status 0 after [TIME]

  daemon gone: exited with status 0 after [TIME]
    command: true
    no output

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails!(
        "when I start \"echo one\" in a terminal as e\nand I wait for terminal e to end\nthen terminal e shows \"two\"",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  when I start "echo one" in a terminal as e
    ok [TIME]  and I wait for terminal e to end
    FAILED [TIME]  then terminal e shows "two"

  the text of terminal e does not contain the expected text
  expected to contain:
    │ two
  actual:
    │ one
  note: its program has ended, with exit status 0

  daemon e: exited with status 0 after [TIME]
    command: echo one
    stdout of daemon e:
      │ one\r

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn mistakes_in_steps_about_terminals_are_found_before_the_run() {
    let text = scenario(
        "when I start \"cat\" in a terminal of 0 by 24 as c\nand I start \"cat\" as a background process as d\n\
         and I press Entr in terminal c\nand I press Meta-x in terminal c\nand I type \"x\" into terminal d\n\
         and I wait for terminal cc to show \"x\"\nthen terminal c has ended with exit status 256",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stderr(str![[r#"
error[bad-number]: a terminal has from 1 to 1000 columns and rows
 --> x.md:7:37
  |
7 | when I start "cat" in a terminal of 0 by 24 as c
  |                                     ^

error[unknown-key]: unknown key: Entr
 --> x.md:9:13
  |
9 | and I press Entr in terminal c
  |             ^^^^
  |
  = help: did you mean Enter?

error[unknown-key]: unknown key: Meta-x
  --> x.md:10:13
   |
10 | and I press Meta-x in terminal c
   |             ^^^^^^
   |
   = help: write Enter, Tab, Escape, Backspace, Delete, Up, Down, Left, Right, Home, End, PageUp, PageDown, F1 to F12, Ctrl-C and the like, Alt-X and the like, or a single character

error[unknown-daemon]: d does not run in a terminal
  --> x.md:11:30
   |
11 | and I type "x" into terminal d
   |                              ^
   |
   = help: start it with `when I start "PROGRAM" in a terminal as d`

error[unknown-daemon]: no earlier step starts a daemon cc
  --> x.md:12:25
   |
12 | and I wait for terminal cc to show "x"
   |                         ^^
   |
   = help: the daemons of this scenario are c, d

error[bad-status]: 256 is not an exit status
  --> x.md:13:44
   |
13 | then terminal c has ended with exit status 256
   |                                            ^^^
   |
   = help: an exit status is a number from 0 to 255

6 errors

"#]]);
}
