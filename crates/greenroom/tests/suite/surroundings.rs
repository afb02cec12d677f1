//! The surroundings of a scenario: what it inherits from the caller, and what it has of its own.

use snapbox::str;

use crate::support::{Project, Ran, document, scenario};

/// Runs one scenario of these steps in a project, and returns whether it passed.
#[track_caller]
fn passes(project: Project, options: &[&str], steps: &str) {
    let project = project.file("x.md", scenario(steps));
    project.run(["run"].iter().chain(options).chain(&["x.md"])).passes();
}

/// A script that writes PWD and OLDPWD as it got them. A shell would set PWD itself.
const WRITE_PWD: &str = "perl -e 'print \"$ENV{PWD} \", exists $ENV{OLDPWD} ? \"old\" : \"new\", \"\\n\"; $| = 1'";

#[test]
fn a_makefile_does_not_write_into_the_directory_of_the_caller() {
    let scenario = "\
# Build
~~~scenario
given file Makefile
when I run make
then file out.txt exists
~~~
~~~{#Makefile .file}
all:
	echo built > $(PWD)/out.txt
~~~
";
    let project = Project::anywhere().file("x.md", document(scenario));
    let project = project.env("OLDPWD", "/usr");
    let here = project.path(".").display().to_string();
    let project = project.env("PWD", here);
    project.run(["run", "x.md"]).passes();
    assert_eq!(project.names(), ["x.md"]);
}

#[test]
fn pwd_is_the_working_directory_of_commands_and_daemons() {
    let steps = format!(
        "given a directory sub/deep\nwhen I run {WRITE_PWD}\nthen stdout matches regex ^/.*/data new\\n$\n\
         when I run, in sub/../sub/deep, {WRITE_PWD}\nthen stdout matches regex ^/.*/data/sub/deep new\\n$\n\
         when I start \"sh -c \"{}; exec sleep 60\"\" as a background process as d\n\
         and I wait for daemon d to write \"/data new\" to stdout",
        "env -u SHELL perl -e 'print qq{$ENV{PWD} }, exists $ENV{OLDPWD} ? qq{old} : qq{new}, qq{\\n}'"
            .replace('$', "\\$"),
    );
    for sandbox in ["auto", "tended"] {
        let project = Project::anywhere().env("PWD", "/usr").env("OLDPWD", "/usr/lib");
        passes(project, &["--sandbox", sandbox], &steps);
    }
}

#[test]
fn the_users_own_pwd_wins() {
    let shows = |value: &str| format!("when I run {WRITE_PWD}\nthen stdout is exactly \"{value}\\n\"");
    passes(Project::anywhere(), &["--env", "PWD=/usr"], &shows("/usr new"));
    passes(Project::anywhere(), &["--env", "OLDPWD=/usr", "--env", "PWD=/"], &shows("/ old"));
    let step = "given the environment variable PWD=/usr/lib\n".to_owned();
    passes(Project::anywhere(), &[], &(step.clone() + &shows("/usr/lib new")));
    passes(Project::anywhere(), &["--env", "PWD=/usr"], &(step + &shows("/usr/lib new")));
    passes(Project::anywhere(), &[], &format!("given the unset environment variable PWD\n{}", shows(" new")));
    let daemon = "when I start \"perl -e '$| = 1; print $ENV{PWD}; sleep 60'\" as a background process as d, \
                  with environment {\"PWD\": \"/usr/lib\"}\nand I wait for daemon d to write \"/usr/lib\" to stdout";
    passes(Project::anywhere(), &[], daemon);
}

#[test]
fn python_functions_and_what_they_start_have_the_working_directory_as_pwd() {
    let functions = r#"
import os, subprocess, sys

AT_LOADING = os.environ.get("PWD")

def shown(ctx, where=None):
    assert os.environ["PWD"] == os.getcwd(), (os.environ["PWD"], os.getcwd())
    assert "OLDPWD" not in os.environ, os.environ["OLDPWD"]
    assert "http_proxy" not in os.environ and "GIT_DIR" not in os.environ, os.environ
    assert os.getcwd().endswith(where), os.getcwd()
    out = subprocess.check_output([sys.executable, "-c", "import os; print(os.environ['PWD'])"], text=True)
    assert out == os.getcwd() + "\n", out

def moves(ctx, where=None):
    os.mkdir(where)
    os.chdir(where)

def sets(ctx):
    os.environ["PWD"] = "/usr"
"#;
    let bindings = "- then: Python is in {where:path}\n  impl: {python: {function: shown}}\n\
                    - when: Python moves to {where:path}\n  impl: {python: {function: moves}}\n\
                    - when: Python sets PWD\n  impl: {python: {function: sets}}\n";
    let steps = format!(
        "# Moves\n~~~scenario\nthen Python is in data\nwhen Python moves to sub\nthen Python is in data/sub\n\
         when I run {WRITE_PWD}\nthen stdout matches regex ^/.*/data/sub new\\n$\n\
         when Python sets PWD\nand I run {WRITE_PWD}\nthen stdout is exactly \"/usr new\\n\"\n~~~\n\
         # Again\n~~~scenario\nthen Python is in data\n~~~\n"
    );
    let head = "---\ntitle: T\nbindings: [own.yaml, lib/runcmd.yaml]\nimpls: {python: [steps.py]}\n---\n";
    let project = || {
        let project = Project::anywhere().file("x.md", format!("{head}{steps}"));
        let project = project.file("own.yaml", bindings).file("steps.py", functions);
        project.env("PWD", "/usr").env("OLDPWD", "/").env("GIT_DIR", "/nowhere")
    };
    // Hosts that are copied for each scenario, a host of the scenario's own, and one without namespaces.
    if Project::sealed().is_some() {
        project().env("http_proxy", "http://127.0.0.1:9").run(["run", "x.md"]).passes();
        project().env("http_proxy", "http://127.0.0.1:9").run(["run", "x.md", "--name", "Moves"]).passes();
    }
    project().run(["run", "x.md", "--sandbox", "tended"]).passes();
}

#[test]
fn proxies_do_not_get_into_a_private_network() {
    let Some(project) = Project::sealed() else { return };
    let variables = ["http_proxy", "HTTPS_PROXY", "All_Proxy", "ftp_proxy", "no_proxy", "npm_config_https_proxy"];
    let with_proxies =
        |project| variables.iter().fold(project, |project: Project, name| project.env(name, "http://x:9"));
    let none = "when I run env\nthen stdout doesn't match regex (?i)_proxy=\nand stdout contains \"KEPT=yes\"";
    passes(with_proxies(project).env("KEPT", "yes"), &[], none);
    let all = format!(
        "when I run env\n{}",
        variables.map(|name| format!("then stdout contains \"{name}=http://x:9\"\n")).concat()
    );
    passes(with_proxies(Project::new()), &["--network", "host"], &all);
    passes(with_proxies(Project::new()), &["--sandbox", "tended"], &all);
    let one = "when I run env\nthen stdout contains \"http_proxy=mine\"\nand stdout doesn't contain \"x:9\"";
    passes(with_proxies(Project::new()), &["--env", "http_proxy=mine"], one);
    passes(with_proxies(Project::new()), &[], &format!("given the environment variable http_proxy=mine\n{one}"));
}

#[test]
fn what_surrounds_the_caller_stays_outside() {
    let names = [
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_WORK_TREE",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
    ];
    let kept = ["CARGO_HOME", "LD_LIBRARY_PATH", "GIT_AUTHOR_NAME", "LANG", "XDG_RUNTIME_DIR"];
    let all = names.iter().chain(&kept);
    let project = all.fold(Project::anywhere(), |project, name| project.env(name, "/of-the-caller"));
    let absent = names.iter().map(|name| format!("then stdout doesn't contain \"{name}=\"\n"));
    let present = kept.iter().map(|name| format!("then stdout contains \"{name}=/of-the-caller\"\n"));
    let steps = format!("when I run env\n{}", absent.chain(present).collect::<String>());
    passes(project, &[], &steps);
}

#[test]
fn umask_and_terminal_are_the_scenarios_own() {
    let steps = "\
given helper script look.sh for runcmd
when I run sh look.sh
then stdout is exactly \"0022\\nno terminal\\n\"
when I start \"sh look.sh\" as a background process as d
and I wait for daemon d to write \"no terminal\" to stdout
then daemon d stdout contains \"0022\"
";
    let text = scenario(steps)
        + "~~~{#look.sh .file}\n\
           umask\n\
           if (: < /dev/tty) 2> /dev/null; then echo a terminal; else echo no terminal; fi\n\
           ~~~\n";
    for mask in ["077", "000"] {
        for sandbox in ["auto", "tended"] {
            let project = Project::anywhere().file("x.md", &text);
            let through = ["sh".to_owned(), "-c".to_owned(), format!("umask {mask}; exec \"$@\""), "sh".to_owned()];
            project.through(through).run(["run", "--sandbox", sandbox, "x.md"]).passes();
        }
    }
}

#[test]
fn programs_are_looked_up_on_the_path_that_the_run_will_have() {
    let with_program = |project: Project| {
        project.file("bin/mysvc", "#!/bin/sh\necho started\nexec sleep 60\n").mode("bin/mysvc", 0o755)
    };
    let project = with_program(Project::anywhere());
    let path = project.path("bin").display().to_string();
    let long = format!("PATH={path}:/usr/bin:/bin");
    let steps =
        "when I start \"mysvc\" as a background process as d\nand I wait for daemon d to write \"started\" to stdout";
    let project = project.file("x.md", scenario(steps));
    project.run(["run", "--env", &long, "x.md"]).passes();
    project.run(["check", "--env", &long, "x.md"]).code(0);
    project.refused(["run", "x.md"]);
    project.refused(["run", "--env", &format!("PATH={path}:/usr/bin:/bin"), "--env", "PATH=/usr/bin", "x.md"]);
    // A step that sets PATH.
    let step = format!("given the environment variable {long}\n{steps}");
    project.file("y.md", scenario(&step)).run(["run", "y.md"]).passes();
    // Variables of the daemon alone.
    let own = format!(
        "when I start \"mysvc\" as a background process as d, with environment {{\"PATH\": \"{path}:/usr/bin:/bin\"}}\n\
         then daemon d is running"
    );
    let project = with_program(Project::anywhere());
    let own = own.replace(&path, &project.path("bin").display().to_string());
    project.file("x.md", scenario(&own)).run(["run", "x.md"]).passes();
}

#[test]
fn a_path_that_a_step_sets_is_where_the_check_looks() {
    let steps = "given the environment variable PATH=/usr/bin:/bin\nwhen I run true\n";
    passes(Project::anywhere(), &[], steps);
    let steps = "given the environment variable PATH=/nowhere\nwhen I run true\n";
    Project::anywhere().file("x.md", scenario(steps)).refused(["run", "x.md"]).stderr(str![[r#"
error[program-not-found]: program not found: true
 --> x.md:8:12
  |
8 | when I run true
  |            ^^^^ not on PATH
  |
  = help: it is in /usr/bin: add that directory to the PATH that the scenario sets

1 error

"#]]);
    let steps = "given the environment variable PATH=/nowhere\nwhen I run no-such-program-x\n";
    Project::anywhere().file("x.md", scenario(steps)).refused(["check", "x.md"]).stderr(str![[r#"
error[program-not-found]: program not found: no-such-program-x
 --> x.md:8:12
  |
8 | when I run no-such-program-x
  |            ^^^^^^^^^^^^^^^^^ not on PATH
  |
  = help: install it, or add its directory to the PATH that the scenario sets

1 error

"#]]);
    let steps = "given the unset environment variable PATH\nwhen I run no-such-program-x\n";
    let help = "help: install it, or add its directory to the PATH that the scenario sets\n";
    let refused = Project::anywhere().file("x.md", scenario(steps)).refused(["check", "x.md"]);
    assert!(refused.stderr.contains(help), "{}", refused.stderr);
    let steps =
        "when I start \"no-such-program-x\" as a background process as d, with environment {\"PATH\": \"/x\"}\n";
    let refused = Project::anywhere().file("x.md", scenario(steps)).refused(["check", "x.md"]);
    assert!(refused.stderr.contains(help), "{}", refused.stderr);
    let project = Project::anywhere().file("x.md", scenario("when I run no-such-program-x\n"));
    let refused = project.refused(["run", "--env", "PATH=/usr/bin:/bin", "x.md"]);
    let help = "help: install it, or add its directory to the PATH of `--env`\n";
    assert!(refused.stderr.contains(help), "{}", refused.stderr);
    // Directories that steps put in front of PATH stay there.
    let steps = "given the environment variable PATH=/nowhere\nand srcdir is in the PATH\nwhen I run mine\n";
    let project = Project::anywhere().file("mine", "#!/bin/sh\n").mode("mine", 0o755);
    project.file("x.md", scenario(steps)).run(["run", "x.md"]).passes();
}

#[test]
fn scripts_whose_interpreter_is_missing_are_found_before_the_run() {
    let text = "\
# First
~~~scenario
given executable file first.sh
and executable file other from second.py
when I run ./first.sh
~~~
# Second
~~~scenario
given executable file other from second.py
when I run ./other
~~~
# Third
~~~scenario
given a daemon helper shell script third
when I start \"./third\" as a background process as d
~~~
# On PATH
~~~scenario
given srcdir is in the PATH
when I run mine
~~~
# May fail
~~~scenario
given executable file first.sh
when I try to run ./first.sh
then command fails
~~~
~~~{#first.sh .file}
#!/bin/nosuchshell -e
~~~
~~~{#second.py .file}
#!/usr/bin/env -S nosuchpython -u
~~~
~~~{#third .file}
#!/nowhere/python3
~~~
";
    let project = Project::anywhere().file("mine", "#!/opt/nothing/here\n").mode("mine", 0o755);
    project.file("x.md", document(text)).refused(["run", "x.md"]).stderr(str![[r#"
error[program-not-found]: ./first.sh cannot run: its first line names the interpreter /bin/nosuchshell, which does not exist
 --> x.md:9:12
  |
9 | when I run ./first.sh
  |            ^^^^^^^^^^
  |
  = help: install the interpreter, or change the first line of the script

error[program-not-found]: ./other cannot run: its first line has /usr/bin/env look for nosuchpython, which is not on PATH
  --> x.md:14:12
   |
14 | when I run ./other
   |            ^^^^^^^
   |
   = help: install the interpreter, or change the first line of the script

error[program-not-found]: ./third cannot run: its first line names the interpreter /nowhere/python3, which does not exist
  --> x.md:19:15
   |
19 | when I start "./third" as a background process as d
   |               ^^^^^^^
   |
   = help: install the interpreter, or change the first line of the script

error[program-not-found]: mine cannot run: its first line names the interpreter /opt/nothing/here, which does not exist
  --> x.md:24:12
   |
24 | when I run mine
   |            ^^^^
   |
   = help: install the interpreter, or change the first line of the script

warning[program-not-found]: this holds only because the command cannot run: ./first.sh cannot run: its first line names the interpreter /bin/nosuchshell, which does not exist
  --> x.md:30:1
   |
30 | then command fails
   | ^^^^^^^^^^^^^^^^^^
   |
   = help: correct the command, or make its program before; if this is meant, write `then exit code is 127`

4 errors, 1 warning

"#]]);
}

/// A command line whose process becomes another user, who is in no group.
const AS_USER: &str = "setpriv --reuid=23456 --regid=23456 --clear-groups";

#[test]
fn a_denied_permission_is_explained_by_owner_and_mode() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let project = Project::anywhere();
    let scenarios = format!(
        "# Directory on the way\n~~~scenario\nwhen I run mkdir -m 700 data\nwhen I run {AS_USER} touch data/x\n~~~\n\
         # Output of a daemon that ended\n~~~scenario\n\
         when I run sh -c 'mkdir data; umask 077; echo x > data/key.pem'\n\
         when I start \"{AS_USER} cat data/key.pem\" as a background process as d\n\
         and I wait for daemon d to write \"up\" to stdout, for at most 30 seconds\n~~~\n\
         # A script\n~~~scenario\ngiven executable file p/x.sh from x.sh\nwhen I run chmod 700 p\n\
         when I run {AS_USER} p/x.sh\n~~~\n\
         # Not about files\n~~~scenario\nwhen I run sh -c 'echo me@host: Permission denied. >&2; exit 255'\n~~~\n\
         ~~~{{#x.sh .file}}\n#!/bin/sh\n~~~\n"
    );
    let ran = project.file("x.md", document(&scenarios)).run(["run", "-j", "1", "x.md"]).code(1);
    let notes: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("  note: ")).collect();
    let expected = [
        "  note: data/: owner 0 (root), mode 0700",
        "  note: data/key.pem: owner 0 (root), mode 0600; the process runs as user 23456",
        "  note: p/: owner 0 (root), mode 0700, p/x.sh: owner 0 (root), mode 0755",
    ];
    assert_eq!(notes, expected, "{}", ran.stdout);
}

#[test]
fn a_user_who_denied_themselves_is_named() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(23_456)) else { return };
    let text = document(
        "# Read\n~~~scenario\nwhen I run sh -c 'echo x > f; chmod 0 f'\nthen file f contains \"x\"\n~~~\n\
         # Write\n~~~scenario\ngiven file a/f from f\nwhen I run chmod 500 a\nwhen I write \"x\" to file a/g\n~~~\n\
         # Run\n~~~scenario\nwhen I run sh -c 'mkdir b; cp /bin/true b; chmod 0 b'\nwhen I run b/true\n~~~\n\
         ~~~{#f .file}\nx\n~~~\n",
    );
    let ran = project.file("x.md", text).run(["run", "-j", "1", "x.md"]).code(1);
    let notes: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("  note: ")).collect();
    let expected = [
        "  note: f: owner 23456, mode 0000; the step runs as user 23456",
        "  note: a/: owner 23456, mode 0500; the step runs as user 23456",
        "  note: directory b cannot be listed: permission denied",
        "  note: b/: owner 23456, mode 0000; the step runs as user 23456",
    ];
    assert_eq!(notes, expected, "{}", ran.stdout);
}

/// Returns the notes and the advice about rights that a run shows.
fn lost_rights(ran: &Ran) -> Vec<&str> {
    let words = ["set-uid", "--sandbox tended", "no_new_privs", "ordinary user`", "nosuid"];
    let is_about_rights = |line: &&str| words.iter().any(|word| line.contains(word));
    let lines =
        ran.stdout.lines().map(str::trim).filter(|line| line.starts_with("note: ") || line.starts_with("help: "));
    lines.filter(is_about_rights).collect()
}

const SU_NOTE: &str =
    "note: su is a set-uid program, and gets no rights from that here: scenarios run in a user namespace";
const ROOT_HELP: &str = "help: run greenroom as root, or this scenario with `--sandbox tended`";

#[test]
fn commands_that_get_no_rights_from_their_files_are_named() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(23_456)) else { return };
    let su = "when I run su -c id\n";
    let text = document(&format!(
        "# Itself\n~~~scenario\n{su}~~~\n# In a script\n~~~scenario\nwhen I run sh -c 'id; su -c id'\n~~~\n\
         # In a file\n~~~scenario\ngiven executable file x.sh\nwhen I run ./x.sh\n~~~\n\
         # Behind another program\n~~~scenario\nwhen I run env A=1 timeout 9 su -c id\n~~~\n\
         # Called by a program\n~~~scenario\nwhen I run perl -e 'exec qw(su -c id)'\n~~~\n\
         # Not run\n~~~scenario\nwhen I run grep su /dev/null\n~~~\n\
         ~~~{{#x.sh .file}}\n#!/bin/sh\nset -e\nif true; then exec su -c id; fi\n~~~\n"
    ));
    let project = project.file("x.md", text);
    let ran = project.run(["run", "-j", "1", "x.md"]).code(1);
    assert_eq!(lost_rights(&ran), [SU_NOTE, ROOT_HELP].repeat(5), "{}", ran.stdout);
    let ran = project.run(["run", "--sandbox", "tended", "x.md"]).code(1);
    assert_eq!(lost_rights(&ran), [""; 0], "{}", ran.stdout);
    let doctor = project.run(["doctor"]).passes();
    assert!(
        doctor.stdout.contains("set-uid programs (sudo, su) have only the rights of the user"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn daemons_that_get_no_rights_from_their_files_are_named() {
    let Some(project) = Project::sealed().and_then(|project| project.by_user(23_456)) else { return };
    let start = |line: &str| format!("when I start \"{line}\" as a background process as d\n");
    // The same failure would be shown once.
    let wait = |text: &str| format!("and I wait for daemon d to write \"{text}\" to stdout, for at most 30 seconds\n");
    let scenarios = [
        ("Itself", format!("{}{}", start("su -c id"), wait("one"))),
        ("On a port", "when I start \"su -c id\" as a background process as d, on port 7001\n".to_owned()),
        ("In a script", format!("{}{}", start("sh -c 'echo starts; su -c id'"), wait("two"))),
        ("In a file", format!("given executable file x.sh\n{}{}", start("./x.sh"), wait("three"))),
        ("Called by a program", format!("{}{}", start("perl -e 'exec qw(su -c id)'"), wait("four"))),
        (
            "Seen by a client",
            format!(
                "{}and I wait for daemon d to end\nwhen I run perl -MIO::Socket::INET -e \
                 'IO::Socket::INET->new(q(127.0.0.1:7001)) or die qq($!\\n)'\n",
                start("su -c id")
            ),
        ),
        (
            "Seen in the output of one that succeeds",
            format!(
                "{}and I wait for daemon d to end\nthen file other exists\n",
                start("perl -e 'system qw(su -c id); exit 0'")
            ),
        ),
    ];
    let scenarios = scenarios.map(|(title, steps)| format!("# {title}\n~~~scenario\n{steps}~~~\n")).join("");
    let others = format!(
        "# Not run\n~~~scenario\n{}{}~~~\n# Not the reason\n~~~scenario\n{}and I wait for daemon d to end\n\
         then file none exists\n~~~\n~~~{{#x.sh .file}}\n#!/bin/sh\nset -e\nexec su -c id\n~~~\n",
        start("grep su /dev/null"),
        wait("five"),
        start("true"),
    );
    let note = SU_NOTE.replace("su is", "su, which daemon d runs, is");
    let note = note.as_str();
    let ran = project.file("x.md", document(&(scenarios + &others))).run(["run", "-j", "1", "x.md"]).code(1);
    assert_eq!(lost_rights(&ran), [note, ROOT_HELP].repeat(7), "{}", ran.stdout);
}

#[test]
fn rights_are_lost_for_several_reasons() {
    let Some(project) = Project::sealed() else { return };
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let steps = |option: &str| {
        format!(
            "~~~scenario\ngiven daemon d runs as {option}\n\
             when I run cp /bin/su /tmp/su\nwhen I run chmod 4755 /tmp/su\n\
             when I start \"/tmp/su -c id\" as a background process as d\n\
             and I wait for daemon d to write \"up\" to stdout, for at most 30 seconds\n~~~\n"
        )
    };
    let text = document(&format!("# Ordinary\n{}# Nosuid\n{}", steps("an ordinary user"), steps("user nobody")));
    let project = project.file("x.md", text);
    let ran = project.run(["run", "-j", "1", "x.md"]).code(1);
    let expected = [
        "note: /tmp/su, which daemon d runs, is a set-uid program, and gets no rights from that \
         here: an ordinary user runs in a user namespace",
        "help: name an account of this machine in place of `an ordinary user`, or leave that step out",
        "note: /tmp/su, which daemon d runs, is a set-uid program, and gets no rights from that \
         here: its file system is mounted nosuid",
        "help: put /tmp/su on a file system that is not mounted nosuid",
    ];
    assert_eq!(lost_rights(&ran), expected, "{}", ran.stdout);

    let Some(project) = Project::anywhere().by_user(23_456) else { return };
    let text = "when I start \"su -c id\" as a background process as d\n\
                and I wait for daemon d to write \"up\" to stdout, for at most 30 seconds\n";
    let project = project.file("x.md", scenario(text)).through(["setpriv", "--no-new-privs"]);
    let ran = project.run(["run", "--sandbox", "tended", "x.md"]).code(1);
    let expected = [
        "note: su, which daemon d runs, is a set-uid program, and gets no rights from that \
         here: greenroom was started with no_new_privs",
        "help: start greenroom without no_new_privs: look for `NoNewPrivileges=` in a systemd service, and for \
         `no-new-privileges` in the options of a container",
    ];
    assert_eq!(lost_rights(&ran), expected, "{}", ran.stdout);
}

#[test]
fn a_directory_from_which_nothing_may_be_executed_is_said() {
    let Some(project) = Project::sealed() else { return };
    let mount = "mount -t tmpfs -o noexec,mode=1777 none \"$TMPDIR\" && exec \"$0\" \"$@\"";
    let text = scenario("given executable file x.sh\nwhen I run ./x.sh\n")
        + "# Through a shell\n~~~scenario\ngiven executable file x.sh\nwhen I run sh -c ./x.sh\n~~~\n\
         # Daemon\n~~~scenario\ngiven a daemon helper shell script x.sh\n\
         when I start \"./x.sh\" as a background process as d\n~~~\n~~~{#x.sh .file}\n#!/bin/sh\n~~~\n";
    let project = project.file("x.md", text).bare().through(["unshare", "-U", "-r", "-m", "sh", "-c", mount]);
    let ran = project.run(["run", "-j", "1", "x.md"]).code(1);
    let note = "\n  note: x.sh is on a file system that is mounted noexec\n  ";
    assert_eq!(ran.stdout.matches(note).count(), 3, "{}", ran.stdout);
    let doctor = project.run(["doctor"]).passes();
    assert!(doctor.stdout.contains("\nTMPDIR is mounted noexec: "), "{}", doctor.stdout);
}
