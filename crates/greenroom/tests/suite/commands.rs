//! Commands that do not run documents, help texts, and invalid command lines.
//!
//! The file is long because whole help texts stand in it.

use std::path::Path;

use greenroom::ExitCode;
use snapbox::str;

use crate::support::{Project, document, scenario};

const TWO: &str = "# First\n~~~scenario\ngiven a directory d\nwhen I run ls\nand I run true\n~~~\n\
                   # Second\n~~~scenario\nwhen I run echo a long line\n~~~\n";

#[test]
fn check_a_valid_document() {
    Project::new().file("x.md", document(TWO)).run(["check", "x.md"]).passes().stdout(str![[r#"
2 scenarios with 4 steps: OK

"#]]);
}

#[test]
fn check_several_documents() {
    Project::new()
        .file("x.md", document(TWO))
        .file("sub/y.md", scenario("when I brew coffee"))
        .refused(["check", "x.md", "sub/y.md"])
        .stderr(str![[r#"
error[unknown-step]: no binding matches this step
 --> sub/y.md:7:1
  |
7 | when I brew coffee
  | ^^^^^^^^^^^^^^^^^^
  |
  = help: similar: `when I run {argv0:word}{args:text}` in lib/runcmd.yaml (built in)
  = help: similar: `when I rename {from:path} to {to:path}` in lib/files.yaml (built in)
  = help: similar: `when I run, in {dirname:path}, {argv0:word}{args:text}` in lib/runcmd.yaml (built in)

1 error

"#]]);
}

#[test]
fn list_scenarios() {
    let project = Project::new().file("x.md", document(TWO)).file("y.md", scenario("when I run true"));
    project.run(["list", "x.md", "y.md"]).passes().stdout(str![[r#"
x.md:5   First
x.md:11  Second
y.md:5   The scenario

"#]]);
    project.run(["list", "x.md", "y.md", "-v", "--name", "second"]).passes().stdout(str![[r#"
x.md:11  Second
    when I run echo a long line

"#]]);
    project.run(["list", "x.md", "--name", "third"]).code(3).stdout("").stderr(str![[r#"
greenroom: no scenario has "third" in its title or in a heading above it; `greenroom list` shows the titles

"#]]);
}

#[test]
fn steps_of_the_daemon_library() {
    Project::new().run(["steps", "daemon"]).passes().stdout(str![[r#"
lib/daemon.yaml (107 steps)
  given there is no "{args}" process
        args: any text
        Checks that no process of the scenario has a command line that matches this regex. Only
        processes that the scenario itself started count. A process that is ending has one second to
        end.
        example: given there is no "sleep 100" process

  given a daemon helper shell script {filename}
        filename: an embedded file
        Writes an embedded file into the scenario's directory and makes it executable. It may be in
        any language that its first line names.
        example: given a daemon helper shell script server.sh

  when  I start "{path}{args}" as a background process as {name}
        path: a word, args: any text, name: a word
        Starts a program in the scenario's directory, and does not wait for it. The command line is
        split into words as a shell does it, but no shell runs it. The program is looked up on PATH,
        then in the scenario's directory. Its output goes to the files NAME.stdout and NAME.stderr
        there. It is stopped when the scenario ends, if no step stops it before.

        A program that goes into the background ends with status 0 and leaves another process, which
        is then the daemon.

        A name means the latest daemon that was started under it. If an earlier one is still
        running, its files become NAME.1.stdout and NAME.1.stderr, and a step that stops NAME stops
        both.
        example: when I start "./server --port 8080" as a background process as web

  when  I start "{path}{args}" as a background process as {name}, with environment {env}
        path: a path, args: any text, name: any text, env: any text
        The same with further environment variables, given as a JSON object whose values are
        strings, numbers or booleans. Later steps and other processes do not see them.
        example: when I start "./server --port 8080" as a background process as web, with environment {"LEVEL": "debug"}

  when  I start "{path}{args}" as a background process as {name}, on port {port}
        path: a word, args: any text, name: a word, port: a word
        Starts a program and waits until it listens on a TCP port (1 to 65535), for at most five
        seconds. Then one connection is made to it and closed. Fails at once if the program ends
        before that, or if something else listens on that port.
        example: when I start "./server --port 8080" as a background process as web, on port 8080

  when  I start "{path}{args}" as a background process as {name}, on port {port}, with environment {env}
        path: a path, args: any text, name: any text, port: a word, env: any text
        Starts a program with further environment variables and waits until it listens on a TCP
        port, for at most five seconds.
        example: when I start "./server --port 8080" as a background process as web, on port 8080, with environment {"LEVEL": "debug"}

  when  I try to start "{path}{args}" as {name}, on port {port}
        path: a word, args: any text, name: a word, port: a word
        Starts a program and waits until it listens on a TCP port, for at most five seconds. This
        step does not fail: a later step checks whether it worked.
        example: when I try to start "./server --port 8080" as web, on port 8080

  when  I try to start "{path}{args}" as {name}, on port {port}, with environment {env}
        path: a path, args: any text, name: any text, port: a word, env: any text
        The same with further environment variables, given as a JSON object.
        example: when I try to start "./server --port 8080" as web, on port 8080, with environment {"LEVEL": "debug"}

  when  I stop background process {name}
        name: a word
        Sends SIGTERM to the process and its process group and waits until they have ended, for at
        most five seconds. After that it is killed, and the step fails. The process may have ended
        already. Of a daemon in the background, all processes have to end.
        example: when I stop background process web

  when  daemon {name} has produced output
        name: a word
        Waits until the process has written something and has then been quiet for 0.2 seconds, or
        has written to both of its streams, or has ended; for at most five seconds. Fails when it
        has written nothing.
        example: when daemon web has produced output

  then  a process "{args}" is running
        args: any text
        Checks that a process of the scenario has a command line that matches this regex. A process
        that is starting has one second to appear.
        example: then a process "sleep 100" is running

  then  there is no "{args}" process
        args: any text
        Checks that no process of the scenario has a command line that matches this regex. A process
        that is ending has one second to end.
        example: then there is no "sleep 100" process

  then  starting daemon fails with "{message}"
        message: any text
        Checks that the latest step that tried to start a daemon could not, for a reason that
        contains this text, in any letter case. A port that was never opened has
        `ConnectionRefusedError` in its reason.
        example: then starting daemon fails with "exit status 2"

  then  starting the daemon succeeds
        Checks that the latest step that tried to start a daemon could.
        example: then starting the daemon succeeds

  then  daemon {name} stdout is "{text}"
        name: a word, text: any text
        Checks the whole standard output of a daemon. In the text, `\n`, `\t`, `\"`, `\\`, `\x41`
        and `\u{e9}` stand for the characters they name.
        example: then daemon web stdout is "ready\n"

  then  daemon {name} stdout contains "{text}"
        name: a word, text: any text
        Checks that a daemon has written this text to its standard output.
        example: then daemon web stdout contains "ready"

  then  daemon {name} stdout doesn't contain "{text}"
        name: a word, text: any text
        Checks that a daemon has not written this text to its standard output.
        example: then daemon web stdout doesn't contain "ready"

  then  daemon {name} stderr is "{text}"
        name: a word, text: any text
        Checks the whole standard error output of a daemon.
        example: then daemon web stderr is "ready\n"

  given a free port kept as {name}
        name: a word
        Finds a TCP port that nothing listens on and keeps its number under a name. In every later
        step of the scenario `${NAME}` stands for it.
        example: given a free port kept as PORT

  when  I start "{path}{args}" as a background process as {name}, on port {port}, within {limit} seconds
        path: a word, args: any text, name: a word, port: a word, limit: a number
        Starts a program and waits until it listens on a TCP port, with another limit than five
        seconds.
        example: when I start "./server --port 8080" as a background process as web, on port 8080, within 30 seconds

  when  I start "{path}{args}" as a background process as {name}, on port {port}, within {limit} seconds, with environment {env}
        path: a path, args: any text, name: any text, port: a word, limit: a number, env: any text
        The same with further environment variables, given as a JSON object.
        example: when I start "./server --port 8080" as a background process as web, on port 8080, within 30 seconds, with environment {"LEVEL": "debug"}

  when  I try to start "{path}{args}" as {name}, on port {port}, within {limit} seconds
        path: a word, args: any text, name: a word, port: a word, limit: a number
        Starts a program and waits until it listens on a TCP port, with another limit than five
        seconds. This step does not fail: a later step checks whether it worked.
        example: when I try to start "./server --port 8080" as web, on port 8080, within 30 seconds

  given daemon {name} runs in directory {path}
        name: a word, path: a path
        Lets a daemon run in a directory below the scenario's. Its program is looked up from there;
        its output files stay where they are. This and the next steps come before the step that
        starts the daemon. A restart keeps what they say.
        example: given daemon web runs in directory data

  given daemon {name} reads stdin from file {file}
        name: a word, file: a path
        Lets a daemon read this file of the scenario's directory as its standard input, which is
        empty otherwise.
        example: given daemon web reads stdin from file input.txt

  given daemon {name} keeps stdin open
        name: a word
        Gives a daemon a pipe as its standard input, which later steps write to and close.
        example: given daemon web keeps stdin open

  given daemon {name} may have {number} open files
        name: a word, number: a non-negative integer
        Limits how many descriptors each process of a daemon may have open, with its standard
        streams.
        example: given daemon web may have 256 open files

  given daemon {name} may use {size} of memory
        name: a word, size: a word
        Limits the private memory that each process of a daemon may write to, such as 64M or 2G
        (RLIMIT_DATA). To allocate more fails as when there is no memory left.
        example: given daemon web may use 64M of memory

  given daemon {name} runs as user {user}
        name: a word, user: a word
        Runs a daemon as an account of this machine, with its groups. Only root can do that. The
        user gets an empty home directory, and everyone may write to the scenario's directory.
        example: given daemon web runs as user nobody

  given daemon {name} runs as an ordinary user
        name: a word
        Runs a daemon as a user other than root, for programs that refuse to run as root: in a user
        namespace where the present user has the number 1000, or that of nobody if only that has a
        name. To the outside, its files belong to the present user.
        example: given daemon web runs as an ordinary user

  given daemon {name} reports to a notify socket
        name: a word
        Gives a daemon a socket and its address in NOTIFY_SOCKET, to which it reports as services of
        systemd do: sd_notify(3), systemd-notify.
        example: given daemon web reports to a notify socket

  given daemon {name} is stopped with signal {signal}
        name: a word, signal: a word
        Stops a daemon by another signal than SIGTERM, in all steps that stop or restart it, and at
        the end of the scenario. The name is with or without `SIG`.
        example: given daemon web is stopped with signal INT

  given daemon {name} may take {limit} seconds to end
        name: a word, limit: a number
        Gives a daemon more or less time to end than five seconds, in all steps that stop or restart
        it without a limit of their own, and at the end of the scenario.
        example: given daemon web may take 30 seconds to end

  when  I wait for daemon {name} to listen on port {port}
        name: a word, port: a word
        Waits until a daemon listens on a TCP port, for at most five seconds. Makes no connection.
        example: when I wait for daemon web to listen on port 8080

  when  I wait for daemon {name} to listen on port {port}, for at most {limit} seconds
        name: a word, port: a word, limit: a number
        The same with another limit.
        example: when I wait for daemon web to listen on port 8080, for at most 30 seconds

  when  I wait for daemon {name} to write "{text}" to stdout
        name: a word, text: any text
        Waits until a daemon has written this text to its standard output, for at most five seconds.
        Fails at once when the daemon ends without it.
        example: when I wait for daemon web to write "ready" to stdout

  when  I wait for daemon {name} to write "{text}" to stdout, for at most {limit} seconds
        name: a word, text: any text, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write "ready" to stdout, for at most 30 seconds

  when  I wait for daemon {name} to write "{text}" to stderr
        name: a word, text: any text
        Waits until a daemon has written this text to its standard error output, for at most five
        seconds.
        example: when I wait for daemon web to write "ready" to stderr

  when  I wait for daemon {name} to write "{text}" to stderr, for at most {limit} seconds
        name: a word, text: any text, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write "ready" to stderr, for at most 30 seconds

  when  I wait for daemon {name} to report ready
        name: a word
        Waits until a daemon reports READY=1 to its notify socket, for at most five seconds. Fails
        at once when it ends before.
        example: when I wait for daemon web to report ready

  when  I wait for daemon {name} to report ready, for at most {limit} seconds
        name: a word, limit: a number
        The same with another limit.
        example: when I wait for daemon web to report ready, for at most 30 seconds

  when  I wait for daemon {name} to accept TLS on port {port}
        name: a word, port: a word
        Waits until a daemon listens on a TCP port and completes a TLS handshake there, for at most
        five seconds. Its certificate is not checked. Then the connection is closed.
        example: when I wait for daemon web to accept TLS on port 8080

  when  I wait for daemon {name} to accept TLS on port {port}, for at most {limit} seconds
        name: a word, port: a word, limit: a number
        The same with another limit.
        example: when I wait for daemon web to accept TLS on port 8080, for at most 30 seconds

  when  I wait for daemon {name} to listen on UDP port {port}
        name: a word, port: a word
        Waits until a daemon has a UDP socket on this port, for at most five seconds. Sends nothing.
        Fails at once when the daemon ends before.
        example: when I wait for daemon web to listen on UDP port 5353

  when  I wait for daemon {name} to listen on UDP port {port}, for at most {limit} seconds
        name: a word, port: a word, limit: a number
        The same with another limit.
        example: when I wait for daemon web to listen on UDP port 5353, for at most 30 seconds

  when  I wait for daemon {name} to write "{text}" to stdout again
        name: a word, text: any text
        Waits until a daemon writes this text to its standard output once more, for at most five
        seconds: behind the place where waits for that output have found what they waited for so
        far. Without such a wait before, from the start.
        example: when I wait for daemon web to write "ready" to stdout again

  when  I wait for daemon {name} to write "{text}" to stdout again, for at most {limit} seconds
        name: a word, text: any text, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write "ready" to stdout again, for at most 30 seconds

  when  I wait for daemon {name} to write "{text}" to stdout {times} times
        name: a word, text: any text, times: a non-negative integer
        Waits until a daemon has written this text to its standard output at least this many times
        since it was started, for at most five seconds. Counts are brittle: a server may write a
        line more often the first time. Prefer `again`.
        example: when I wait for daemon web to write "ready" to stdout 2 times

  when  I wait for daemon {name} to write "{text}" to stdout {times} times, for at most {limit} seconds
        name: a word, text: any text, times: a non-negative integer, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write "ready" to stdout 2 times, for at most 30 seconds

  when  I wait for daemon {name} to write regex /{regex}/ to stdout
        name: a word, regex: any text
        Waits until a daemon has written text that matches this regular expression to its standard
        output, for at most five seconds. `^` and `$` stand for the start and the end of all output,
        with `(?m)` before them for those of a line.
        example: when I wait for daemon web to write regex /listening on [0-9]+/ to stdout

  when  I wait for daemon {name} to write regex /{regex}/ to stdout, for at most {limit} seconds
        name: a word, regex: any text, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write regex /listening on [0-9]+/ to stdout, for at most 30 seconds

  when  I wait for daemon {name} to write "{text}" to stderr again
        name: a word, text: any text
        The same for standard error output.
        example: when I wait for daemon web to write "ready" to stderr again

  when  I wait for daemon {name} to write "{text}" to stderr again, for at most {limit} seconds
        name: a word, text: any text, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write "ready" to stderr again, for at most 30 seconds

  when  I wait for daemon {name} to write "{text}" to stderr {times} times
        name: a word, text: any text, times: a non-negative integer
        The same for standard error output.
        example: when I wait for daemon web to write "ready" to stderr 2 times

  when  I wait for daemon {name} to write "{text}" to stderr {times} times, for at most {limit} seconds
        name: a word, text: any text, times: a non-negative integer, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write "ready" to stderr 2 times, for at most 30 seconds

  when  I wait for daemon {name} to write regex /{regex}/ to stderr
        name: a word, regex: any text
        The same for standard error output.
        example: when I wait for daemon web to write regex /listening on [0-9]+/ to stderr

  when  I wait for daemon {name} to write regex /{regex}/ to stderr, for at most {limit} seconds
        name: a word, regex: any text, limit: a number
        The same with another limit.
        example: when I wait for daemon web to write regex /listening on [0-9]+/ to stderr, for at most 30 seconds

  when  I wait for daemon {name} to end
        name: a word
        Waits until a daemon ends by itself, for at most five seconds.
        example: when I wait for daemon web to end

  when  I wait for daemon {name} to end, for at most {limit} seconds
        name: a word, limit: a number
        The same with another limit.
        example: when I wait for daemon web to end, for at most 30 seconds

  when  I wait for file {file} to exist
        file: a path
        Waits until there is a file of this name, relative to the scenario's directory, for at most
        five seconds.
        example: when I wait for file web.pid to exist

  when  I wait for file {file} to exist, for at most {limit} seconds
        file: a path, limit: a number
        The same with another limit.
        example: when I wait for file web.pid to exist, for at most 30 seconds

  when  I wait for file {file} to contain "{text}"
        file: a path, text: any text
        Waits until a file in the scenario's directory exists and contains this text, for at most
        five seconds. In the text, `\n`, `\t`, `\"`, `\\`, `\x41` and `\u{e9}` stand for the
        characters they name.
        example: when I wait for file web.pid to contain "ready"

  when  I wait for file {file} to contain "{text}", for at most {limit} seconds
        file: a path, text: any text, limit: a number
        The same with another limit.
        example: when I wait for file web.pid to contain "ready", for at most 30 seconds

  when  I wait for socket {file} to accept connections
        file: a path
        Waits until a connection to this Unix socket, relative to the scenario's directory, is
        accepted, for at most five seconds. That one connection is closed at once. A name that
        begins with `@` is that of an abstract socket, which has no file.
        example: when I wait for socket run/app.sock to accept connections

  when  I wait for socket {file} to accept connections, for at most {limit} seconds
        file: a path, limit: a number
        The same with another limit.
        example: when I wait for socket run/app.sock to accept connections, for at most 30 seconds

  when  I wait for {url} to answer with status {status}
        url: a word, status: a non-negative integer
        Requests a URL of http or https until it answers with this status, for at most five seconds.
        An answer may take all of that time; after one second without any, further requests are made
        beside it. Requests follow each other after [TIME] at first and 200 ms in the end. Redirects
        are not followed. Certificates are checked only if a step of `lib/http.yaml` says which are
        trusted.
        example: when I wait for http://localhost:8080/health to answer with status 200

  when  I wait for {url} to answer with status {status}, for at most {limit} seconds
        url: a word, status: a non-negative integer, limit: a number
        The same with another limit.
        example: when I wait for http://localhost:8080/health to answer with status 200, for at most 30 seconds

  when  I wait for {url} to answer
        url: a word
        The same for an answer with any status, for servers of which only matters that they answer.
        example: when I wait for http://localhost:8080/ to answer

  when  I wait for {url} to answer, for at most {limit} seconds
        url: a word, limit: a number
        The same with another limit.
        example: when I wait for http://localhost:8080/ to answer, for at most 30 seconds

  when  I send signal {signal} to daemon {name}
        signal: a word, name: a word
        Sends a signal, by name with or without `SIG` or by number, to a daemon's process. Fails
        when it has ended.
        example: when I send signal HUP to daemon web

  when  I write "{text}" to the stdin of daemon {name}
        text: any text, name: a word
        Writes a text to the standard input of a daemon that keeps it open, for at most five
        seconds. No newline is added: in the text, `\n`, `\t`, `\"`, `\\`, `\x41` and `\u{e9}` stand
        for the characters they name.
        example: when I write "quit" to the stdin of daemon web

  when  I close the stdin of daemon {name}
        name: a word
        Closes the standard input of a daemon that keeps it open, so that it reads the end.
        example: when I close the stdin of daemon web

  when  I kill daemon {name}
        name: a word
        Sends SIGKILL to a daemon and its process group, and waits until they have ended. Fails when
        the daemon has ended before.
        example: when I kill daemon web

  when  I restart daemon {name}
        name: a word
        Stops a daemon as the stop step does, if it runs, and starts it again as it was started the
        first time, waiting for its port if it has one. What steps waited for after its start is
        waited for again, with their limits. Its output files start empty.
        example: when I restart daemon web

  when  I restart daemon {name}, within {limit} seconds
        name: a word, limit: a number
        Restarts a daemon, with another limit than five seconds for its end, and then for its port.
        example: when I restart daemon web, within 30 seconds

  when  I stop background process {name}, within {limit} seconds
        name: a word, limit: a number
        Stops a daemon, with another limit than five seconds.
        example: when I stop background process web, within 30 seconds

  when  I stop background process {name} with signal {signal}
        name: a word, signal: a word
        Stops a daemon by another signal than SIGTERM, given by name or number.
        example: when I stop background process web with signal INT

  when  I stop background process {name} with signal {signal}, within {limit} seconds
        name: a word, signal: a word, limit: a number
        The same with another limit.
        example: when I stop background process web with signal INT, within 30 seconds

  then  daemon {name} is running
        name: a word
        Checks that a daemon has been started and has not ended.
        example: then daemon web is running

  then  daemon {name} has ended
        name: a word
        Checks that a daemon is no longer running, for any reason.
        example: then daemon web has ended

  then  daemon {name} has ended with exit status {status}
        name: a word, status: an integer
        Checks that a daemon has ended with this exit status, 0 to 255.
        example: then daemon web has ended with exit status 0

  then  daemon {name} has ended by signal {signal}
        name: a word, signal: a word
        Checks that a daemon was ended by this signal, given by name or number.
        example: then daemon web has ended by signal TERM

  then  daemon {name} stderr contains "{text}"
        name: a word, text: any text
        Checks that a daemon has written this text to its standard error output.
        example: then daemon web stderr contains "ready"

  then  daemon {name} stderr doesn't contain "{text}"
        name: a word, text: any text
        Checks that a daemon has not written this text to its standard error output.
        example: then daemon web stderr doesn't contain "ready"

  then  daemon {name} stdout matches regex /{regex}/
        name: a word, regex: any text
        Checks that a regular expression matches in the standard output of a daemon. `^` and `$`
        stand for the start and the end of all output, with `(?m)` before them for those of a line.
        example: then daemon web stdout matches regex /listening on [0-9]+/

  then  daemon {name} stdout doesn't match regex /{regex}/
        name: a word, regex: any text
        Checks that a regular expression matches nowhere in the standard output of a daemon.
        example: then daemon web stdout doesn't match regex /listening on [0-9]+/

  then  daemon {name} stdout contains "{text}" {times} times
        name: a word, text: any text, times: a non-negative integer
        Checks that the standard output of a daemon contains this text exactly this many times,
        without overlap.
        example: then daemon web stdout contains "GET /" 2 times

  then  daemon {name} stdout is embedded file {embedded}
        name: a word, embedded: an embedded file
        Checks that the whole standard output of a daemon is the content of this embedded file.
        example: then daemon web stdout is embedded file expected.txt

  then  daemon {name} stderr matches regex /{regex}/
        name: a word, regex: any text
        Checks that a regular expression matches in the standard error output of a daemon. `^` and
        `$` stand for the start and the end of all output, with `(?m)` before them for those of a
        line.
        example: then daemon web stderr matches regex /listening on [0-9]+/

  then  daemon {name} stderr doesn't match regex /{regex}/
        name: a word, regex: any text
        Checks that a regular expression matches nowhere in the standard error output of a daemon.
        example: then daemon web stderr doesn't match regex /listening on [0-9]+/

  then  daemon {name} stderr contains "{text}" {times} times
        name: a word, text: any text, times: a non-negative integer
        Checks that the standard error output of a daemon contains this text exactly this many
        times, without overlap.
        example: then daemon web stderr contains "GET /" 2 times

  then  daemon {name} stderr is embedded file {embedded}
        name: a word, embedded: an embedded file
        Checks that the whole standard error output of a daemon is the content of this embedded
        file.
        example: then daemon web stderr is embedded file expected.txt

  then  daemon {name} listens on port {port}
        name: a word, port: a word
        Checks that a daemon listens on a TCP port now. To wait for it, write `when I wait for
        daemon NAME to listen on port PORT`.
        example: then daemon web listens on port 8080

  then  daemon {name} listens on UDP port {port}
        name: a word, port: a word
        Checks that a daemon has a UDP socket on this port now.
        example: then daemon web listens on UDP port 5353

  then  nothing listens on port {port}
        port: a word
        Checks that no process listens on a TCP port. In a network of its own, only the scenario's
        processes count.
        example: then nothing listens on port 8080

  then  nothing listens on UDP port {port}
        port: a word
        Checks that no process has a UDP socket on this port that anyone can send to.
        example: then nothing listens on UDP port 5353

  then  daemon {name} has reported status "{text}"
        name: a word, text: any text
        Checks that the latest STATUS that a daemon has reported to its notify socket is this text.
        example: then daemon web has reported status "ready"

  when  I start "{path}{args}" in a terminal as {name}
        path: a word, args: any text, name: a word
        Starts a program as people use it, in a terminal of 80 columns by 24 rows (TERM=xterm), and
        does not wait for it. Its output goes to the file NAME.stdout as it comes. It is also a
        daemon of this name, which other steps check and stop; a stop sends SIGHUP, as when a
        terminal is closed.
        example: when I start "./login" in a terminal as login

  when  I start "{path}{args}" in a terminal of {columns} by {rows} as {name}
        path: a word, args: any text, columns: a non-negative integer, rows: a non-negative integer,
        name: a word
        The same in a terminal of another size: columns by rows.
        example: when I start "./login" in a terminal of 100 by 40 as login

  when  I type "{text}" into terminal {name}
        text: any text, name: a word
        Types a text. No newline is added: in the text, `\n`, `\t`, `\"`, `\\`, `\x41` and `\u{e9}`
        stand for the characters they name.
        example: when I type "ada" into terminal login

  when  I press {key} in terminal {name}
        key: a word, name: a word
        Presses a key: Enter, Tab, Escape, Space, Backspace, Delete, Up, Down, Left, Right, Home,
        End, PageUp, PageDown, F1 to F12, Ctrl-C and the like, Alt-X and the like, or a single
        character.
        example: when I press Enter in terminal login

  when  I wait for terminal {name} to show "{text}"
        name: a word, text: any text
        Waits until the program in a terminal has written this text, for at most five seconds,
        behind the place where the wait before has found its text: so what was typed and echoed does
        not count for the next question. Colors, cursor moves and carriage returns are left out.
        Fails at once when the program ends without it.
        example: when I wait for terminal login to show "Password:"

  when  I wait for terminal {name} to show "{text}", for at most {limit} seconds
        name: a word, text: any text, limit: a number
        The same with another limit.
        example: when I wait for terminal login to show "Password:", for at most 30 seconds

  when  I wait for terminal {name} to end
        name: a word
        Waits until the program in a terminal ends by itself, for at most five seconds.
        example: when I wait for terminal login to end

  when  I wait for terminal {name} to end, for at most {limit} seconds
        name: a word, limit: a number
        The same with another limit.
        example: when I wait for terminal login to end, for at most 30 seconds

  then  terminal {name} shows "{text}"
        name: a word, text: any text
        Checks that the program in a terminal has written this text, without colors, cursor moves
        and carriage returns.
        example: then terminal login shows "Welcome"

  then  terminal {name} doesn't show "{text}"
        name: a word, text: any text
        Checks that the program in a terminal has not written this text.
        example: then terminal login doesn't show "Welcome"

  then  terminal {name} has ended with exit status {status}
        name: a word, status: an integer
        Checks that the program in a terminal has ended with this exit status, 0 to 255.
        example: then terminal login has ended with exit status 0

"#]]);
}

#[test]
fn steps_by_file_name_are_the_same() {
    let project = Project::new();
    let short = project.run(["steps", "runcmd"]).passes();
    project.run(["steps", "lib/runcmd.yaml"]).passes().stdout(short.stdout);
}

#[test]
fn steps_of_all_libraries() {
    let ran = Project::new().run(["steps"]).passes();
    let libraries: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("lib/")).collect();
    let names: Vec<&str> = libraries.iter().filter_map(|line| line.split(' ').next()).collect();
    for name in ["lib/daemon.yaml", "lib/files.yaml", "lib/runcmd.yaml"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn steps_of_an_own_bindings_file() {
    let bindings = "- when: I brew {cups:uint} cups of {what}\n  impl: {python: {function: brew}}\n  doc: Brews.\n";
    Project::new().file("own.yaml", bindings).run(["steps", "own.yaml"]).passes().stdout(str![[r#"
own.yaml (1 step)
  when  I brew {cups} cups of {what}
        cups: a non-negative integer, what: a word
        Brews.

"#]]);
}

#[test]
fn steps_of_a_document_are_its_own_and_those_of_its_libraries() {
    let bindings = "- when: I brew {cups:uint} cups of {what}\n  impl: {python: {function: brew}}\n  \
                    example: I brew 2 cups of tea\n";
    let document =
        "---\ntitle: Tea\nbindings: [tea/own.yaml, lib/datadir.yaml]\nimpls: {python: [own.py]}\n---\n\n# Tea\n";
    let project =
        Project::new().file("docs/tea/own.yaml", bindings).file("docs/own.py", "def brew(ctx, cups, what): pass");
    project.file("docs/tea.md", document).run(["steps", "docs/tea.md"]).passes().stdout(str![[r#"
docs/tea/own.yaml (1 step)
  when  I brew {cups} cups of {what}
        cups: a non-negative integer, what: a word
        example: when I brew 2 cups of tea

lib/datadir.yaml (2 steps)
  given datadir has at least {bytes}B of space
        bytes: a non-negative integer
        Checks that the file system of the scenario's directory has at least this many free bytes.
        example: given datadir has at least 1000000B of space

  given datadir has at least {megabytes}M of space
        megabytes: a non-negative integer
        Checks that the file system of the scenario's directory has at least this many free
        megabytes (of 1048576 bytes).
        example: given datadir has at least 500M of space

lib/values.yaml (34 steps)
  given "{text}" kept as {name}
        text: any text with \ escapes, name: a word
        Keeps a text. Escapes such as `\n` and `\u{e9}` stand for characters.
        example: given "Ann Example" kept as CUSTOMER

  given a random text kept as {name}
        name: a word
        Keeps a text of 16 small letters and digits that begins with a letter, another one in each
        run.
        example: given a random text kept as PASSWORD

  given a free UDP port kept as {name}
        name: a word
        Keeps the number of a UDP port that is free now.
        example: given a free UDP port kept as DNS

  given file {filename} with values from {embedded_file}
        filename: a path, embedded_file: an embedded file
        Writes an embedded file with the values in the places of `${NAME}`. Other names stay as they
        are, as in files of nginx and of shells; `$${NAME}` stands for the characters of a kept
        name. Fails if the file has no name of a kept value.
        example: given file nginx.conf with values from nginx.conf.in

  given file {embedded_file}, filled in
        embedded_file: an embedded file
        The same, under the name of the embedded file.
        example: given file nginx.conf, filled in

  when  I keep stdout as {name}
        name: a word
        Keeps what the latest command wrote to stdout, without one newline at the end.
        example: when I keep stdout as TOKEN

  when  I keep stderr as {name}
        name: a word
        Keeps what the latest command wrote to stderr, without one newline at the end.
        example: when I keep stderr as TOKEN

  when  I keep the response body as {name}
        name: a word
        Keeps the body of the response, without one newline at the end.
        example: when I keep the response body as PAGE

  when  I keep response header {header} as {name}
        header: a word, name: a word
        Keeps the value of a header of the response, the first of this name.
        example: when I keep response header Location as ORDER

  when  I keep the response header {header} as {name}
        header: a word, name: a word
        Keeps the value of a header of the response, the first of this name.
        example: when I keep the response header Location as ORDER

  when  I keep cookie {cookie} as {name}
        cookie: a word, name: a word
        Keeps the value of a cookie that the response sets.
        example: when I keep cookie session as SESSION

  when  I keep file {filename} as {name}
        filename: a path, name: a word
        Keeps the content of a file, without one newline at the end.
        example: when I keep file secret.txt as SECRET

  when  I keep stdout {format} {path} as {name}
        format: a word, path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in stdout of the command. In JSON that later steps write
        it has its type: `{"id": ${ID}}` is a number if it was one. Elsewhere, a string is its text,
        and everything else compact JSON.
        example: when I keep stdout JSON $.id as ID

  when  I keep stderr {format} {path} as {name}
        format: a word, path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in stderr of the command. In JSON that later steps write
        it has its type: `{"id": ${ID}}` is a number if it was one. Elsewhere, a string is its text,
        and everything else compact JSON.
        example: when I keep stderr JSON $.id as ID

  when  I keep response JSON {path} as {name}
        path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in the response. In JSON that later steps write it has its
        type: `{"id": ${ID}}` is a number if it was one. Elsewhere, a string is its text, and
        everything else compact JSON.
        example: when I keep response JSON $.id as ID

  when  I keep the response JSON {path} as {name}
        path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in the response. In JSON that later steps write it has its
        type: `{"id": ${ID}}` is a number if it was one. Elsewhere, a string is its text, and
        everything else compact JSON.
        example: when I keep the response JSON $.id as ID

  when  I keep file {filename} {format} {path} as {name}
        filename: a path, format: a word, path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in a file. In JSON that later steps write it has its type:
        `{"id": ${ID}}` is a number if it was one. Elsewhere, a string is its text, and everything
        else compact JSON.
        example: when I keep file state.yaml YAML $.version as VERSION

  when  I keep daemon {daemon} stdout JSON {path} as {name}
        daemon: a word, path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in the latest line of a daemon's stdout that is a JSON
        object or array. In JSON that later steps write it has its type: `{"id": ${ID}}` is a number
        if it was one. Elsewhere, a string is its text, and everything else compact JSON.
        example: when I keep daemon web stdout JSON $.port as PORT

  when  I keep the match of regex /{regex}/ in stdout as {name}
        regex: any text, name: a word
        Keeps what a regex matches in stdout of the command: its first group, or all of it if it has
        no group. Fails if it does not match.
        example: when I keep the match of regex /id=([0-9]+)/ in stdout as ID

  when  I keep the match of regex /{regex}/ in stderr as {name}
        regex: any text, name: a word
        Keeps what a regex matches in stderr of the command: its first group, or all of it if it has
        no group. Fails if it does not match.
        example: when I keep the match of regex /id=([0-9]+)/ in stderr as ID

  when  I keep the match of regex /{regex}/ in the response body as {name}
        regex: any text, name: a word
        Keeps what a regex matches in the body of the response: its first group, or all of it if it
        has no group. Fails if it does not match.
        example: when I keep the match of regex /name="csrf" value="([^"]+)"/ in the response body as CSRF

  when  I keep the match of regex /{regex}/ in file {filename} as {name}
        regex: any text, filename: a path, name: a word
        Keeps what a regex matches in a file: its first group, or all of it if it has no group.
        Fails if it does not match.
        example: when I keep the match of regex /^version = "(.*)"/ in file Cargo.toml as VERSION

  when  I keep the match of regex /{regex}/ in daemon {daemon} stdout as {name}
        regex: any text, daemon: a word, name: a word
        Keeps what a regex matches in stdout of a daemon: its first group, or all of it if it has no
        group. Fails if it does not match. The last place where it matches counts.
        example: when I keep the match of regex /listening on port ([0-9]+)/ in daemon web stdout as PORT

  when  I keep the match of regex /{regex}/ in daemon {daemon} stderr as {name}
        regex: any text, daemon: a word, name: a word
        Keeps what a regex matches in stderr of a daemon: its first group, or all of it if it has no
        group. Fails if it does not match. The last place where it matches counts.
        example: when I keep the match of regex /listening on port ([0-9]+)/ in daemon web stderr as PORT

  when  I keep WebSocket {socket} message as {name}
        socket: a word, name: a word
        Keeps the message of a WebSocket that the latest step waited for, without one newline at the
        end.
        example: when I keep WebSocket chat message as LATEST

  when  I keep WebSocket {socket} message JSON {path} as {name}
        socket: a word, path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in the message of a WebSocket that the latest step waited
        for. In JSON that later steps write it has its type. Elsewhere, a string is its text, and
        everything else compact JSON.
        example: when I keep WebSocket chat message JSON $.id as ID

  when  I keep the match of regex /{regex}/ in WebSocket {socket} message as {name}
        regex: any text, socket: a word, name: a word
        Keeps what a regex matches in the message of a WebSocket that the latest step waited for:
        its first group, or all of it if it has no group. Fails if it does not match.
        example: when I keep the match of regex /id=([0-9]+)/ in WebSocket chat message as ID

  when  I keep event stream {stream} event as {name}
        stream: a word, name: a word
        Keeps the data of the event of an event stream that the latest step waited for, without one
        newline at the end.
        example: when I keep event stream orders event as LATEST

  when  I keep event stream {stream} event JSON {path} as {name}
        stream: a word, path: a JSONPath, name: a word
        Keeps the one value at a JSONPath in the data of the event of an event stream that the
        latest step waited for. In JSON that later steps write it has its type. Elsewhere, a string
        is its text, and everything else compact JSON.
        example: when I keep event stream orders event JSON $.id as ID

  when  I keep the match of regex /{regex}/ in event stream {stream} event as {name}
        regex: any text, stream: a word, name: a word
        Keeps what a regex matches in the data of the event of an event stream that the latest step
        waited for: its first group, or all of it if it has no group. Fails if it does not match.
        example: when I keep the match of regex /id=([0-9]+)/ in event stream orders event as ID

  then  value {name} is "{text}"
        name: a word, text: any text with \ escapes
        Checks that a kept value is exactly this text.
        example: then value STATE is "ready"

  then  value {name} is not "{text}"
        name: a word, text: any text with \ escapes
        Checks that a kept value is not this text.
        example: then value SECOND is not "${FIRST}"

  then  value {name} contains "{text}"
        name: a word, text: any text with \ escapes
        Checks that a kept value contains a text.
        example: then value PAGE contains "Welcome"

  then  value {name} matches regex /{regex}/
        name: a word, regex: any text
        Checks that a regex matches somewhere in a kept value.
        example: then value ID matches regex /^[0-9a-f]{8}$/

"#]]);
}

#[test]
fn steps_of_a_document_with_mistakes_are_shown_as_far_as_they_can_be_read() {
    let project = Project::new().file("own.yaml", "- when: I brew\n- whne: I drink\n");
    let document = "---\ntitle: Tea\nbindings: [own.yaml, gone.yaml]\n---\n\n# Tea\n";
    project.file("tea.md", document).run(["steps", "tea.md"]).code(2).stdout(str![[r#"
own.yaml (1 step)
  when  I brew

"#]]);
    Project::new().run(["steps", "gone.md"]).code(2).stdout("").stderr(str![[r#"
error[not-found]: document not found: gone.md

1 error

"#]]);
}

#[test]
fn steps_are_searched_for_by_words() {
    let project = Project::new();
    project.run(["steps", "Modification", "TIME", "given"]).passes().stdout(str![[r#"
lib/files.yaml (1 of 63 steps)
  given file {filename} has modification time {mtime}
        filename: a path, mtime: any text
        Sets the modification time of a file, written like `1970-01-02 03:04:05`, in UTC. Creates a
        missing file, empty.
        example: given file report.txt has modification time 2026-01-02 03:04:05

"#]]);
    // The order of words does not matter, and their parts count.
    let ran = project.run(["steps", "signal", "daemon", "ended"]).passes();
    assert!(ran.stdout.contains("daemon {name} has ended by signal"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("lib/files.yaml"), "{}", ran.stdout);
    project.run(["steps", "exit", "teapot"]).code(3).stdout("").stderr(str![[r#"
greenroom: no step contains all of exit, teapot; the libraries are daemon, files, runcmd, datadir, http, json, values

"#]]);
}

#[test]
fn functions_for_python_steps_are_shown_with_their_parameters() {
    let project = Project::new();
    let ran = project.run(["steps", "--python"]).passes();
    let (helpers, rest) = ran.stdout.split_once("\n\n").unwrap();
    crate::support::same(
        helpers,
        str![[r#"
helpers (11 functions)
  assert_eq(a, b)
        Fails if the values differ, and shows both.
  assert_ne(a, b)
        Fails if the values are equal.
  assert_dict_eq(a, b)
        Fails if the dictionaries differ at any depth, and shows where.
  decode_bytes(s)
        Decodes base64 to bytes.
  decode_str(s)
        Decodes base64 to text.
  get_file(filename)
        Returns the content of an embedded file.
  store_file(filename, content)
        Replaces the content of an embedded file, or adds one, for this scenario.
  indent(n)
        Returns the indentation of a level in the log.
  is_multiline_string(v)
        Returns whether a value is text or bytes with more than one line.
  log_lines(prefix, v)
        Writes the lines of a text to the log, each with a prefix.
  log_value(msg, level, v)
        Writes a value to the log, one line for each of its parts.
"#]],
    );
    assert!(rest.contains("\nlib/daemon.py ("), "{rest}");
    assert!(
        rest.contains("\n  daemon_start_on_port(ctx, path=None, args=None, name=None, port=None, env=None)\n"),
        "{rest}"
    );
    assert!(!rest.contains("\n  _"), "{rest}");
    project.run(["steps", "--python=no-such-python"]).code(3).stdout("").stderr(str![[r#"
greenroom: no-such-python: program not found

"#]]);
    project.run(["steps", "--python=false"]).code(3).stdout("").stderr(str![[r#"
greenroom: false does not run greenroom's Python code: it printed nothing

"#]]);
    project.run(["steps", "--python", "daemon"]).code(3).stdout("");
}

#[test]
fn steps_show_how_functions_in_rust_call_them() {
    let bindings = "- when: I brew {cups:uint} cups\n  impl: {rust: {function: brew}}\n";
    let project = Project::new().file("own.yaml", bindings);
    project.run(["steps", "--rust", "datadir"]).passes().stdout(str![[r#"
lib/datadir.yaml (2 steps)
  given datadir has at least {bytes}B of space
        bytes: a non-negative integer
        Checks that the file system of the scenario's directory has at least this many free bytes.
        example: given datadir has at least 1000000B of space
        in Rust: context.native("datadir_has_bytes_of_space", &[("bytes", bytes)])?

  given datadir has at least {megabytes}M of space
        megabytes: a non-negative integer
        Checks that the file system of the scenario's directory has at least this many free
        megabytes (of 1048576 bytes).
        example: given datadir has at least 500M of space
        in Rust: context.native("datadir_has_megabytes_of_space", &[("megabytes", megabytes)])?

"#]]);
    project.run(["steps", "--rust", "own.yaml"]).passes().stdout(str![[r#"
own.yaml (1 step)
  when  I brew {cups} cups
        cups: a non-negative integer

"#]]);
    project.run(["steps", "--rust", "--python"]).code(3).stdout("");
}

#[test]
fn steps_of_a_broken_bindings_file() {
    let project = Project::new().file("own.yaml", "- whne: I brew\n  impl: {python: {function: brew}}\n");
    project.run(["steps", "own.yaml"]).code(2).stdout(str![""]).stderr(str![[r#"
error[unknown-key]: unknown binding key `whne`
 --> own.yaml:1:3
  |
1 | - whne: I brew
  |   ^^^^
  |
  = help: did you mean `when`?

error[bad-binding]: this binding has no keyword
 --> own.yaml:1:3
  |
1 | - whne: I brew
  |   ^^^^
  |
  = help: add `given:`, `when:` or `then:` with a pattern

2 errors

"#]]);
}

#[test]
fn steps_of_an_unknown_library() {
    Project::new().run(["steps", "deamon"]).code(3).stdout("").stderr(str![[r#"
greenroom: no library, bindings file or document is named `deamon`, and no step contains it; did you mean daemon?

"#]]);
    Project::new().run(["steps", "kitchen"]).code(3).stdout("").stderr(str![[r#"
greenroom: no library, bindings file or document is named `kitchen`, and no step contains it; the libraries are daemon, files, runcmd, datadir, http, json, values

"#]]);
}

#[test]
fn the_first_document_runs() {
    let project = Project::new();
    project.run(["init"]).passes().stdout(str![[r#"
wrote acceptance.md

Run it:              greenroom run acceptance.md
See all the steps:   greenroom steps

"#]]);
    project.run(["run", "acceptance.md"]).passes().stdout(str![[r#"
greenroom [VERSION]: 2 scenarios in acceptance.md, up to 256 at a time

PASS [TIME]  A program greets its user
PASS [TIME]  A service runs in the background

2 scenarios passed, 11 steps, [TIME]

"#]]);
    let text = std::fs::read(project.path("acceptance.md")).unwrap();
    project.run(["init"]).code(3).stdout("").stderr(str![[r#"
greenroom: acceptance.md already exists; name another file: greenroom init FILE

"#]]);
    assert_eq!(std::fs::read(project.path("acceptance.md")).unwrap(), text);
    for (name, markdown) in [("a b.subplot", "'a b.md'"), ("-", "acceptance.md")] {
        let message = format!("greenroom: `init` writes a Markdown document: greenroom init {markdown}\n");
        project.run(["init", name]).code(3).stdout("").stderr(message);
    }
    let ran = project.run(["init", "a b.md"]).passes();
    assert!(ran.stdout.contains("Run it:              greenroom run 'a b.md'\n"), "{}", ran.stdout);
    project.run(["init", "docs/other.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to write docs/other.md: No such file or directory (os error 2)

"#]]);
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Project::new().run(["completions", shell]).passes();
        assert!(ran.stdout.contains("run") && ran.stdout.contains("fail-fast"), "{shell}: {}", ran.stdout);
    }
    Project::new().run(["completions", "cmd"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'cmd' for '<SHELL>'
  [possible values: bash, elvish, fish, powershell, zsh]

For more information, try '--help'.

"#]]);
}

#[test]
fn help_and_manual_pages_list_all_exit_codes() {
    for command in [&["--help"][..], &["run", "--help"]] {
        let screen = Project::new().run(command).passes().stdout;
        let (_, table) = screen.split_once("Exit codes:\n").expect("a table of exit codes");
        assert_eq!(table, exit_codes(|code, meaning| format!("  {code:<4} {meaning}\n")));
    }
    for command in [&["man"][..], &["man", "run"], &["man", "doctor"]] {
        let page = Project::new().run(command).passes().stdout;
        let (_, section) = page.split_once(".SH \"EXIT STATUS\"\n").expect("a section of exit codes");
        let table = exit_codes(|code, meaning| format!(".TP\n{code}\n{meaning}\n"));
        assert!(section.starts_with(&table), "{page}");
        assert!(!page.contains("Exit codes:"), "{page}");
    }
}

#[test]
fn the_book_lists_all_exit_codes() {
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/command.md");
    let chapter = std::fs::read_to_string(chapter).unwrap();
    let (_, table) = chapter.split_once("| exit code | meaning |\n|---|---|\n").expect("a table of exit codes");
    let rows = exit_codes(|code, meaning| format!("| {code} | {meaning} |\n"));
    assert_eq!(table.split_once("\n\n").map(|(table, _)| format!("{table}\n")), Some(rows));
}

/// Formats every exit code.
fn exit_codes(row: impl Fn(u8, &str) -> String) -> String {
    ExitCode::ALL.iter().map(|exit| row(exit.code(), exit.meaning())).collect()
}

#[test]
fn manual_pages() {
    let whole = Project::new().run(["man"]).passes();
    assert!(whole.stdout.contains(".TH greenroom 1"), "{}", whole.stdout);
    let page = Project::new().run(["man", "run"]).passes();
    assert!(page.stdout.contains(".TH greenroom-run 1") && page.stdout.contains("fail"), "{}", page.stdout);
    Project::new().run(["man", "rnu"]).code(3).stdout("").stderr(str![[r#"
greenroom: no command rnu; did you mean run?

"#]]);
}

#[test]
fn help() {
    Project::new().run(["--help"]).passes().stdout(str![[r#"
Run acceptance tests written in Markdown

Usage: greenroom [OPTIONS] <COMMAND>

Commands:
  run          Run the scenarios of documents
  report       Show runs that `greenroom run --events` has recorded
  html         Typeset documents as HTML pages, without running them
  check        Check documents and show all errors, without running anything
  list         List the scenarios of documents
  metadata     Show the metadata of a document, its files and its scenarios
  extract      Write the embedded files of a document into a directory
  steps        Show the steps that documents can use
  doctor       Show which isolation this machine supports and how to enable more
  init         Write a first document that runs as it is
  completions  Print a completion script for a shell
  man          Print a manual page

Options:
      --color <WHEN>  When to use color [default: auto] [possible values: auto, always, never]
  -h, --help          Print help
  -V, --version       Print version

Exit codes:
  0    All selected scenarios passed, or the command succeeded
  1    A scenario failed or could not be run
  2    A document or a recording is missing or invalid; nothing was run
  3    The command line is invalid, or no scenario matches the filters
  4    greenroom cannot work here: no temporary directory, sandbox or output
  130  Interrupted by SIGINT, SIGTERM or SIGHUP, or the reader of the output left

"#]]);
    Project::new().run(["run", "--help"]).passes().stdout(str![[r#"
Run the scenarios of documents

Usage: greenroom run [OPTIONS] <DOCUMENT>...

Arguments:
  <DOCUMENT>...
          Documents: Markdown or .subplot files, directories of them, or a file and a line:
          guide.md:18
          
          With a line, only the scenario at that line is selected. A directory stands for all
          documents below it, without hidden directories, `target` and `node_modules`; Markdown
          files without scenarios are skipped. A Markdown file without metadata is run by the
          .subplot file beside it that names it; without one, it has its first heading as title and
          all built-in steps.

Options:
      --color <WHEN>
          When to use color
          
          [default: auto]
          [possible values: auto, always, never]

  -n, --name <TEXT>
          Select scenarios with this text in their title or in a heading above it, ignoring case; a
          full title or heading selects only that scenario, or those below that heading. May be
          repeated

  -l, --label <LABEL>
          Select scenarios with this label. May be repeated

      --without-label <LABEL>
          Leave out scenarios with this label. May be repeated

      --partition <KIND:K/N>
          Take only part K of N of the selected scenarios, K from 1, to spread a run over N machines
          
          hash:K/N assigns each scenario by its document and title, so that it keeps its part when
          others come and go. count:K/N makes parts of equal size. Neither depends on the order of
          the documents. `greenroom report` merges the recordings of all parts.

      --python <PATH>
          Python interpreter for Python steps: a name on PATH or a path, such as that of a virtual
          environment
          
          [default: python3]

      --host <LANGUAGE=PROGRAM>
          Step host for another language: a program that speaks greenroom's step protocol. May be
          repeated

      --strict
          Treat warnings about documents as errors

  -j, --jobs <N>
          Number of scenarios to run at the same time [default: as many as the machine can carry, or
          1 if they share the host's network]
          
          By default one scenario runs for each processor, and up to 256 while those that run wait
          for a process, a port or a timer: waiting uses no CPU, so a hundred scenarios that each
          wait 50 ms take less than half a second, not five. No more start while less than a tenth
          of the memory is available. 1 runs them one after another. Scenarios that share the host's
          network and name the same port always take turns.

      --env <NAME=VALUE>
          Set an environment variable for all steps and the processes they start. May be repeated

      --fail-fast
          Start no more scenarios after the first failure; finish those that are running

      --retries <N>
          Retry failed scenarios up to N times, so that each has N+1 attempts [default: from the
          document, else 0]
          
          Each attempt has a new sandbox, a new directory and the whole time limit, and begins at
          once. A scenario that passes after a failed attempt is flaky, and shown as such with its
          first failure. Scenarios that were interrupted or could not be set up are not retried.

      --flaky <ACTION>
          What to do when a scenario passes only after a failed attempt

          Possible values:
          - fail: Fail the scenario
          - warn: Mark the scenario
          
          [default: warn]

      --repeat <N>
          Run each scenario N times, one round of all scenarios after another

      --until-failure
          Repeat the scenarios until one fails, up to N times with --repeat N [default: 1000 times,
          with over 100 scenarios less often]

      --rerun <WHICH>
          Run only those of the selected scenarios that did not pass in their last run

          Possible values:
          - failed: Those that failed or did not end, that never ran, and that have changed since
            they passed

      --no-record
          Do not record this run for later ones
          
          By default greenroom records how each scenario ended and how long it took, below
          `$XDG_STATE_HOME/greenroom` or `~/.local/state/greenroom`. --rerun needs that, and runs of
          many scenarios start the slowest first.

      --keep
          Keep the directories of failed scenarios and show their paths

      --shuffle[=<SEED>]
          Run scenarios in random order, or in the order of a seed that an earlier run showed

      --timeout <DURATION>
          Time limit for one scenario, such as 90s or 5m [default: from the document, else 15m]

      --output-limit <SIZE>
          Limit for what a process writes to stdout or to stderr, such as 500k or 1G [default: from
          the document, else 64M]

      --leftovers <ACTION>
          What to do when a scenario leaves processes running; they are stopped in any case

          Possible values:
          - fail: Fail the scenario
          - warn: List the processes
          
          [default: warn]

      --crashes <ACTION>
          What to do when a daemon crashes and no step notices it

          Possible values:
          - fail: Fail the scenario
          - warn: Name the daemon
          
          [default: warn]

      --sandbox <KIND>
          How scenarios are isolated

          Possible values:
          - auto:   As well as this machine allows; the run shows what is missing
          - sealed: Each scenario has its own processes, network, /tmp, /proc and host name; fail if
            that is not possible
          - tended: No namespaces: greenroom kills the processes one by one, everything else is the
            host's
          
          [default: auto]

      --network <KIND>
          Network of the scenarios [default: from the document, else private]

          Possible values:
          - private: Each scenario has its own localhost and no outside network
          - host:    All scenarios use the host's network

      --format <FORMAT>
          Format of standard output [default: human; in `run` under GitHub Actions: github]

          Possible values:
          - human:    For people
          - tap:      Test Anything Protocol 14: a test for each document, a subtest for each
            scenario
          - github:   For people, with annotations and a job summary for GitHub Actions
          - teamcity: Service messages for TeamCity
          - json:     One line of JSON per event, as `--events` records them

      --events <FILE>
          Record the run in this file, one line of JSON per event; `greenroom report` shows it

      --junit <FILE>
          Write results in JUnit's XML format to this file, for Jenkins, GitLab and others

      --html <OUT>
          Write the documents as HTML pages that show what happened beside every step: to a file
          ending in .html, or into a directory
          
          Several documents make a page each and an index. The index of OUT.html has its pages in
          the directory OUT beside it; a directory gets an index.html.

      --allow-css-urls
          Link the style sheets of `css_urls` from pages, which then need the network

  -v, --verbose
          Show every step with its time, and more output of failed steps

  -q, --quiet
          Show only failures and the last line

  -h, --help
          Print help (see a summary with '-h')

Exit codes:
  0    All selected scenarios passed, or the command succeeded
  1    A scenario failed or could not be run
  2    A document or a recording is missing or invalid; nothing was run
  3    The command line is invalid, or no scenario matches the filters
  4    greenroom cannot work here: no temporary directory, sandbox or output
  130  Interrupted by SIGINT, SIGTERM or SIGHUP, or the reader of the output left

"#]]);
    Project::new().run(["--version"]).passes().stdout(str![[r#"
greenroom [VERSION]

"#]]);
}

#[test]
fn invalid_command_lines() {
    let project = Project::new().bare().file("x.md", document(TWO));
    project.run::<&str>([]).code(3).stdout("").stderr(str![[r#"
Run acceptance tests written in Markdown

Usage: greenroom [OPTIONS] <COMMAND>

Commands:
  run          Run the scenarios of documents
  report       Show runs that `greenroom run --events` has recorded
  html         Typeset documents as HTML pages, without running them
  check        Check documents and show all errors, without running anything
  list         List the scenarios of documents
  metadata     Show the metadata of a document, its files and its scenarios
  extract      Write the embedded files of a document into a directory
  steps        Show the steps that documents can use
  doctor       Show which isolation this machine supports and how to enable more
  init         Write a first document that runs as it is
  completions  Print a completion script for a shell
  man          Print a manual page

Options:
      --color <WHEN>  When to use color [default: auto] [possible values: auto, always, never]
  -h, --help          Print help
  -V, --version       Print version

Exit codes:
  0    All selected scenarios passed, or the command succeeded
  1    A scenario failed or could not be run
  2    A document or a recording is missing or invalid; nothing was run
  3    The command line is invalid, or no scenario matches the filters
  4    greenroom cannot work here: no temporary directory, sandbox or output
  130  Interrupted by SIGINT, SIGTERM or SIGHUP, or the reader of the output left

"#]]);
    project.run(["run"]).code(3).stdout("").stderr(str![[r#"
error: the following required arguments were not provided:
  <DOCUMENT>...

Usage: greenroom run <DOCUMENT>...

For more information, try '--help'.

"#]]);
    project.run(["rnu", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: unrecognized subcommand 'rnu'

Usage: greenroom [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
    project.run(["x.md"]).code(3).stdout("").stderr(str![[r#"
error: unrecognized subcommand 'x.md'

  tip: to run documents: `greenroom run x.md`

Usage: greenroom [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
    project.run(["no such.md"]).code(3).stdout("").stderr(str![[r#"
error: unrecognized subcommand 'no such.md'

  tip: to run documents: `greenroom run 'no such.md'`

Usage: greenroom [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
    project.run(["check", "--host", "ruby", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'ruby' for '--host <LANGUAGE=PROGRAM>': expected LANGUAGE=PROGRAM

For more information, try '--help'.

"#]]);
    project.run(["run", "--shuffle=abc", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'abc' for '--shuffle[=<SEED>]': expected a whole number from 0 to 18446744073709551615

For more information, try '--help'.

"#]]);
    project.run(["run", "--jobs", "0", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: invalid value '0' for '--jobs <N>': 0 is not in 1..=1024

For more information, try '--help'.

"#]]);
    project.run(["run", "--timeout", "soon", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'soon' for '--timeout <DURATION>': `soon` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`

For more information, try '--help'.

"#]]);
    project.run(["run", "--env", "NAME", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'NAME' for '--env <NAME=VALUE>': expected NAME=VALUE

For more information, try '--help'.

"#]]);
    project.run(["run", "--sandbox", "none", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: invalid value 'none' for '--sandbox <KIND>'
  [possible values: auto, sealed, tended]

For more information, try '--help'.

"#]]);
    project.run(["run", "-v", "-q", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: the argument '--verbose' cannot be used with '--quiet'

Usage: greenroom run --verbose <DOCUMENT>...

For more information, try '--help'.

"#]]);
    project.run(["run", "--fail-fats", "x.md"]).code(3).stdout("").stderr(str![[r#"
error: unexpected argument '--fail-fats' found

  tip: a similar argument exists: '--fail-fast'

Usage: greenroom run --fail-fast <DOCUMENT>...

For more information, try '--help'.

"#]]);
}

#[test]
fn no_temporary_directory() {
    let project = Project::new().file("x.md", scenario("when I run true"));
    project.env("TMPDIR", "/nosuch/directory").run(["run", "x.md"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to create a directory in /nosuch/directory: no such file or directory (ENOENT)
  help: set `TMPDIR` to a directory that you may write to

"#]]);
}

#[test]
fn output_that_cannot_be_written() {
    let project = Project::new().file("x.md", scenario("when I run true"));
    let project = project.through(["sh", "-c", "exec \"$@\" > /dev/full", "sh"]);
    let commands: [&[&str]; 10] = [
        &["run", "x.md"],
        &["check", "x.md"],
        &["list", "x.md"],
        &["steps"],
        &["doctor"],
        &["init", "new.md"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ];
    for command in commands {
        project.run(command).code(4).stdout("").stderr(str![[r#"
greenroom: failed to write the results: No space left on device (os error 28)

"#]]);
    }
}

#[test]
fn output_without_a_reader() {
    let project = Project::new().file("x.md", scenario("when I run true"));
    for command in [&["check", "x.md"][..], &["steps"], &["--help"]] {
        let mut started = project.start(command);
        started.close_stdout();
        started.finish().code(0).stderr("");
    }
}
