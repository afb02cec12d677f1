//! Step hosts: functions in another language. The language here is Perl, whose host is forty lines
//! in `fixtures/hosts`, so that nothing of the protocol is of Python's shape.

#![expect(clippy::disallowed_methods, reason = "tests ask whether there is a Perl")]

use std::process::Command;

use snapbox::str;

use crate::support::{Project, Ran, fixture};

const BINDINGS: &str = "\
- when: I add {n:uint}
  impl: {perl: {function: add, cleanup: subtract}}
- then: the sum is {n:uint}
  impl: {perl: {function: sum_is}}
- when: I shout {word}
  impl: {perl: {function: shout}}
- when: I serve port {port}
  impl: {perl: {function: serve}}
- then: greenroom knows {name} as \"{value:text}\"
  impl: {perl: {function: recalls}}
- when: it {does:text}
  impl: {perl: {function: misbehaves}}
";

const FUNCTIONS: &str = "\
my $count = 0;
sub add { $count += $_[0]{n}; print \"counted to $count\\n\"; }
sub subtract { $count -= $_[0]{n}; die \"below zero\\n\" if $count < 0; }
sub sum_is { die \"it is $count, not $_[0]{n}\\n\" unless $count == $_[0]{n}; }
sub shout { call('runcmd_run', argv => ['echo', uc $_[0]{word}], environment => {}); }
sub serve {
    my $port = 0 + $_[0]{port};
    my %start = (name => 'web', path => './server.py', args => \" web 127.0.0.1:$port\", port => \"$port\");
    call('step', function => 'daemon_start', captures => \\%start);
    call('remember', name => 'place', value => \"127.0.0.1:$port\");
}
sub recalls { my $value = call('recall', name => $_[0]{name}); die \"it is $value\\n\" unless $value eq $_[0]{value}; }
sub misbehaves {
    my $how = $_[0]{does};
    exit 7 if $how eq 'ends';
    kill 9, $$ if $how eq 'kills itself';
    if ($how eq 'babbles') { print {$main::socket} \"hello?\\n\"; sleep 1000; }
    if ($how eq 'waits') { sleep 1000; }
    if ($how eq 'asks for nonsense') { call('nonsense'); }
    if ($how eq 'forks and returns twice') { fork; }
    if ($how eq 'forks and its child returns later') {
        system('mkfifo', 'go') == 0 or die;
        if (!fork) { open(my $go, '<', 'go'); <$go>; }
    }
    if ($how eq 'lets the child return') { open(my $go, '>', 'go'); close $go; sleep 1000; }
    if ($how eq 'replies twice') { say_it({ done => {} }); }
    if ($how eq 'starts what stays') {
        # The pipe is closed when the program has begun.
        pipe(my $read, my $write);
        exec 'sleep', '1000' unless fork;
        close $write;
        <$read>;
    }
}
1;
";

fn perl() -> Option<Project> {
    if !Command::new("perl").args(["-MJSON::PP", "-e", "1"]).status().is_ok_and(|status| status.success()) {
        println!("skipped: there is no Perl with JSON::PP");
        return None;
    }
    Some(Project::anywhere().file("steps.pl", FUNCTIONS).file("own.yaml", BINDINGS))
}

fn document(scenarios: &str) -> String {
    let head = "---\ntitle: Trial\nbindings: [own.yaml, lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\n\
        impls: {perl: [steps.pl]}\n...\n";
    crate::support::with_programs(format!("{head}{scenarios}"))
}

fn run(project: Project, scenarios: &str) -> Ran {
    let host = format!("perl={}", fixture("hosts/perl.pl").display());
    let project = project.file("x.md", document(scenarios));
    let mut ran = project.run(["run", "x.md", "--host", &host]);
    ran.stdout = ran.stdout.replace(&host, "perl=[HOST]");
    ran
}

#[test]
fn functions_share_their_state_within_a_scenario_and_commands_and_daemons_with_native_steps() {
    let Some(project) = perl() else { return };
    let scenarios = "\
# Sums
~~~scenario
when I add 2
and I add 3
then the sum is 5
~~~
# Anew
~~~scenario
then the sum is 0
~~~
# With native steps
~~~scenario
given a daemon helper shell script server.py
and file fetch.py
when I shout hello
then stdout is exactly \"HELLO\\n\"
when I serve port 8099
then daemon web is running
when I run python3 fetch.py 127.0.0.1 8099
then stdout is exactly \"web\\n\"
and greenroom knows place as \"127.0.0.1:8099\"
when I stop background process web
then there is no \"perl\" process
~~~
";
    run(project, scenarios).passes();
}

#[test]
fn failures_have_what_the_function_said_and_printed() {
    let Some(project) = perl() else { return };
    let scenarios = "# Sums\n~~~scenario\nwhen I add 2\nand I add 3\nthen the sum is 6\n~~~\n";
    run(project, scenarios).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Sums
  in x.md:10, scenario at x.md:6

    ok [TIME]  when I add 2
    ok [TIME]  and I add 3
    FAILED [TIME]  then the sum is 6

  it is 5, not 6

  rerun: greenroom run --host perl=[HOST] x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]]);
}

#[test]
fn hosts_that_misbehave() {
    let Some(project) = perl() else { return };
    let scenarios: String = ["ends", "kills itself", "babbles", "waits", "asks for nonsense", "starts what stays"]
        .map(|how| format!("# It {how}\n~~~scenario\nwhen it {how}\n~~~\n"))
        .concat();
    let scenarios = format!("{scenarios}# All is well\n~~~scenario\nwhen I add 2\nthen the sum is 2\n~~~\n");
    let project = project.file("limits", "");
    let text = document(&scenarios).replace("bindings:", "step_timeout: 1s\nbindings:");
    let host = format!("perl={}", fixture("hosts/perl.pl").display());
    let ran = project.file("x.md", text).run(["run", "x.md", "--host", &host]).code(1).stderr("");
    crate::support::same(
        &ran.stdout.replace(&host, "perl=[HOST]"),
        str![[r#"
greenroom [VERSION]: 7 scenarios in x.md, up to 256 at a time

FAIL [TIME]  It ends
  in x.md:9, scenario at x.md:7

    FAILED [TIME]  when it ends

  the perl process that runs the steps has ended, with exit status 7

  rerun: greenroom run --host perl=[HOST] x.md --name 'It ends'

FAIL [TIME]  It kills itself
  in x.md:13, scenario at x.md:11

    FAILED [TIME]  when it kills itself

  the perl process that runs the steps has ended, with signal SIGKILL

  rerun: greenroom run --host perl=[HOST] x.md --name 'It kills itself'

FAIL [TIME]  It babbles
  in x.md:17, scenario at x.md:15

    FAILED [TIME]  when it babbles

  the perl process that runs the steps wrote `hello?` to its socket
  note: its socket is for the step host alone; a function must not use it

  rerun: greenroom run --host perl=[HOST] x.md --name 'It babbles'

FAIL [TIME]  It waits
  in x.md:21, scenario at x.md:19

    FAILED [TIME]  when it waits

  the step exceeded its time limit of 1 s while waiting for perl function misbehaves
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run --host perl=[HOST] x.md --name 'It waits'

FAIL [TIME]  It asks for nonsense
  in x.md:25, scenario at x.md:23

    FAILED [TIME]  when it asks for nonsense

  there is no call `nonsense`

  rerun: greenroom run --host perl=[HOST] x.md --name 'It asks for nonsense'

PASS [TIME]  It starts what stays  (stopped at the end: sleep 1000)
PASS [TIME]  All is well

FAILED: 5 of 7 scenarios failed, 2 passed, [TIME]
  failed  x.md:7   It ends
  failed  x.md:11  It kills itself
  failed  x.md:15  It babbles
  failed  x.md:19  It waits
  failed  x.md:23  It asks for nonsense

"#]],
    );
}

#[test]
fn replies_that_do_not_belong_to_the_current_step_do_not_make_it_pass() {
    let Some(project) = perl() else { return };
    // The second step of each would pass with the reply of the first one.
    let scenarios = "\
# Forks
~~~scenario
when it forks and returns twice
then the sum is 7
~~~
# Forks and waits
~~~scenario
when it forks and its child returns later
and it lets the child return
~~~
# Replies twice
~~~scenario
when it replies twice
then the sum is 7
~~~
";
    let ran = run(project, scenarios).code(1).stderr("");
    assert!(ran.stdout.contains("3 of 3 scenarios failed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("a function that forks must end the child"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("exceeded"), "{}", ran.stdout);
}

#[test]
fn a_language_without_a_host() {
    let Some(project) = perl() else { return };
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    project.refused(["run", "x.md"]).stderr(str![[r#"
error[cannot-run]: this document has steps in perl, which needs a step host
 --> x.md:8:1
  |
8 | when I add 2
  | ^^^^^^^^^^^^
  |
 ::: own.yaml:1:9
  |
1 | - when: I add {n:uint}
  |         -------------- bound here
  |
  = note: it is bound to the perl function `add`, which greenroom does not have
  = help: greenroom runs Python functions, and other languages with a step host: `--host perl=PROGRAM`

1 error

"#]]);
    let ran = project.run(["run", "x.md", "--host", "perl=nosuch"]).code(1).stderr("");
    ran.stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Sums
  in x.md:8, scenario at x.md:6

    FAILED [TIME]  when I add 2

  program not found: nosuch
  note: it runs the perl steps of this document
  help: say where it is with `--host perl=PATH`

  rerun: greenroom run --host perl=nosuch x.md --name Sums

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Sums

"#]]);
}
