//! Servers that go into the background by themselves, in their own daemonising modes.
//!
//! Each is started, checked, signalled, restarted and stopped, as root and as an ordinary user.
//! Where a server is not installed its tests are skipped, except where `.ci/run` installs it.

use std::path::PathBuf;

use snapbox::str;

use crate::support::{HEAD, Project, document, is_ci, scenario};

/// A user who is not root; also `nobody` where root starts a server that refuses root.
const USER: u32 = 65534;

/// Returns the path of a program, or prints why the test is skipped.
fn installed(program: &str, places: &[&str]) -> Option<PathBuf> {
    let found = places.iter().map(|place| PathBuf::from(place).join(program)).find(|path| path.exists());
    assert!(found.is_some() || !is_ci(), "{program} is not installed");
    if found.is_none() {
        println!("skipped: {program} is not installed");
    }
    found
}

fn redis() -> bool {
    installed("redis-server", &["/usr/bin", "/usr/local/bin"]).is_some()
}

fn nginx() -> bool {
    installed("nginx", &["/usr/sbin", "/usr/bin", "/usr/local/sbin"]).is_some()
}

/// Returns the directory of the programs of `PostgreSQL`.
fn postgresql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let places: Vec<String> = versions.map(|version| version.path().join("bin").display().to_string()).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    installed("pg_ctl", &places)?.parent().map(PathBuf::from)
}

/// Runs a document as whoever runs the tests and, if that is root, as an ordinary user too.
fn passes_as_any_user(text: &str) {
    let plain = Project::anywhere().file("x.md", text);
    plain.run(["run", "x.md"]).code(0).stderr("");
    plain.nothing_is_left();
    drop(plain);
    if let Some(project) = Project::anywhere().by_user(USER) {
        let project = project.file("x.md", text);
        project.run(["run", "x.md"]).code(0).stderr("");
        project.nothing_is_left();
    }
}

const REDIS: &str = "\
when I start \"redis-server --port 8080 --daemonize yes\" as a background process as redis, on port 8080
then daemon redis is running
when I run redis-cli -p 8080 ping
then stdout contains \"PONG\"
when I send signal USR1 to daemon redis
and I wait for daemon redis to end
then daemon redis has ended by signal USR1
when I restart daemon redis
when I run redis-cli -p 8080 ping
when I send signal TERM to daemon redis
and I wait for daemon redis to end
then daemon redis has ended with exit status 0
when I restart daemon redis
and I restart daemon redis
when I run redis-cli -p 8080 ping
when I stop background process redis
then daemon redis has ended with exit status 0
and there is no \"redis-server\" process
when I try to run redis-cli -p 8080 ping
then command fails
";

#[test]
fn redis_in_the_background_is_the_daemon() {
    if redis() {
        passes_as_any_user(&scenario(REDIS));
    }
}

/// Nothing waits for a port, so the stop may come at any moment of the start.
#[test]
fn redis_is_stopped_before_it_is_ready() {
    if redis() {
        passes_as_any_user(&scenario(
            "when I start \"redis-server --port 8080 --daemonize yes\" as a background process as redis\n\
             when I stop background process redis\n\
             then daemon redis has ended\n\
             and there is no \"redis-server\" process",
        ));
    }
}

#[test]
fn two_of_a_kind_in_the_background_are_told_apart() {
    let Some(project) = Project::sealed().filter(|_| redis()) else { return };
    let text = scenario(
        "when I start \"redis-server --port 8080 --daemonize yes\" as a background process as a\n\
         and I start \"redis-server --port 8081 --daemonize yes\" as a background process as b\n\
         and I wait for daemon b to listen on port 8081\n\
         and I wait for daemon a to listen on port 8080\n\
         and I stop background process a\n\
         then daemon b is running\n\
         when I run redis-cli -p 8081 ping\n\
         when I send signal KILL to daemon b\n\
         and I wait for daemon b to end\n\
         then daemon b has ended by signal KILL\n\
         and daemon a has ended with exit status 0",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn the_report_shows_what_became_of_servers_in_the_background() {
    let Some(project) = Project::sealed().filter(|_| redis()) else { return };
    let start = "when I start \"redis-server --port 8080 --daemonize yes\" as a background process as redis, on port ";
    let text = document(&format!(
        "# Left running\n~~~scenario\n{start}8080\n~~~\n\
         # Ends by itself\n~~~scenario\n{start}8080\nwhen I run redis-cli -p 8080 shutdown nosave\n\
         and I wait for daemon redis to end\nthen daemon redis is running\n~~~\n\
         # Listens elsewhere\n~~~scenario\nwhen I start \"redis-server --port 8081 --daemonize yes\" as a background \
         process as redis\nwhen I wait for daemon redis to listen on port 8080, for at most 1 seconds\n~~~\n\
         # Writes nothing\n~~~scenario\n{start}8080\n\
         when I wait for daemon redis to write \"Ready\" to stdout, for at most 0.3 seconds\n~~~\n",
    ));
    project.file("x.md", text).run(["run", "-j", "1", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, one at a time

PASS [TIME]  Left running  (stopped at the end: redis)

FAIL [TIME]  Ends by itself
  in x.md:14, scenario at x.md:9

    ok [TIME]  when I start "redis-server --port 8080 --daemonize yes" as a background process as redis, on port 8080
    ok [TIME]  when I run redis-cli -p 8080 shutdown nosave
    ok [TIME]  and I wait for daemon redis to end
    FAILED [TIME]  then daemon redis is running

  daemon redis is not running: it ended with exit status 0 after [TIME]
  help: it went into the background and ended there; to see why, keep it in the foreground: use `--daemonize no`

  daemon redis: exited with status 0 after [TIME]
    command: redis-server --port 8080 --daemonize yes
    no output

  rerun: greenroom run x.md --name 'Ends by itself'

FAIL [TIME]  Listens elsewhere
  in x.md:19, scenario at x.md:16

    ok [TIME]  when I start "redis-server --port 8081 --daemonize yes" as a background process as redis
    FAILED [TIME]  when I wait for daemon redis to listen on port 8080, for at most 1 seconds

  daemon redis did not listen on port 8080 within 1 s
  note: it listens on 0.0.0.0:8081, [::]:8081
  note: it went into the background: its first process ended with exit status 0 after [TIME]
  note: its process 4 is running: redis-server *:8081
  help: change the step to port 8081, or make the daemon listen on port 8080

  daemon redis: still running at the end of the scenario
    command: redis-server --port 8081 --daemonize yes
    no output

  1 leftover process, stopped at the end:
    redis-server *:8081  (daemon redis, running for [TIME])

  rerun: greenroom run x.md --name 'Listens elsewhere'

FAIL [TIME]  Writes nothing
  in x.md:24, scenario at x.md:21

    ok [TIME]  when I start "redis-server --port 8080 --daemonize yes" as a background process as redis, on port 8080
    FAILED [TIME]  when I wait for daemon redis to write "Ready" to stdout, for at most 0.3 seconds

  daemon redis did not write "Ready" to stdout within 300 ms
  note: it went into the background: its first process ended with exit status 0 after [TIME]
  note: its process 4 is running: redis-server *:8080
  help: to keep it in the foreground, use `--daemonize no`

  daemon redis: still running at the end of the scenario
    command: redis-server --port 8080 --daemonize yes
    no output

  1 leftover process, stopped at the end:
    redis-server *:8080  (daemon redis, running for [TIME])

  rerun: greenroom run x.md --name 'Writes nothing'

FAILED: 3 of 4 scenarios failed, 1 passed, [TIME]
  failed  x.md:9   Ends by itself
  failed  x.md:16  Listens elsewhere
  failed  x.md:21  Writes nothing

"#]]);
}

const NGINX: &str = "\
given file nginx.conf
when I start \"nginx -p . -c nginx.conf -e error.log\" as a background process as web, on port 8080
then daemon web is running
and a process \"nginx: worker\" is running
when I send signal HUP to daemon web
and I run curl -sS http://127.0.0.1:8080/
then stdout contains \"served\"
when I restart daemon web
and I run curl -sS http://127.0.0.1:8080/
then stdout contains \"served\"
when I send signal QUIT to daemon web
and I wait for daemon web to end
then daemon web has ended with exit status 0
when I restart daemon web
and I stop background process web
then daemon web has ended with exit status 0
and there is no \"nginx\" process
when I try to run curl -sS http://127.0.0.1:8080/
then command fails
";

const NGINX_CONF: &str = "
~~~{#nginx.conf .file}
pid nginx.pid;
events { }
http {
  access_log off;
  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  server { listen 127.0.0.1:8080; location / { return 200 \"served\\n\"; } }
}
~~~
";

#[test]
fn nginx_in_the_background_is_the_daemon_with_its_workers() {
    if nginx() {
        passes_as_any_user(&(scenario(NGINX) + NGINX_CONF));
    }
}

/// The master process cannot end its workers any more.
#[test]
fn the_workers_of_a_killed_nginx_are_ended_with_the_stop() {
    let Some(project) = Project::sealed().filter(|_| nginx()) else { return };
    let text = scenario(
        "given file nginx.conf\n\
         when I start \"nginx -p . -c nginx.conf -e error.log\" as a background process as web, on port 8080\n\
         then a process \"nginx: worker\" is running\n\
         when I send signal KILL to daemon web\n\
         and I wait for daemon web to end\n\
         then daemon web has ended by signal KILL\n\
         and a process \"nginx: worker\" is running\n\
         when I stop background process web\n\
         then there is no \"nginx\" process",
    ) + NGINX_CONF;
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn postgresql_of_pg_ctl_is_the_daemon() {
    let Some(programs) = postgresql() else { return };
    let programs = programs.display();
    // It refuses to run as root.
    let is_root = rustix::process::getuid().is_root();
    let text = |prepare: &str, as_user: &str| {
        format!(
            "{HEAD}# PostgreSQL\n~~~scenario\n{prepare}\
             when I run {as_user}{programs}/initdb -D data -A trust -U me --no-sync\n\
             when I start \"{as_user}{programs}/pg_ctl -D data -l data/log -o '-p 8080 -c unix_socket_directories= \
             -c fsync=off' start\" as a background process as pg\n\
             and I wait for daemon pg to listen on port 8080, for at most 30 seconds\n\
             then daemon pg is running\n\
             when I run {programs}/psql -h 127.0.0.1 -p 8080 -U me -d postgres -c \"select 6 * 7\"\n\
             then stdout contains \"42\"\n\
             when I send signal HUP to daemon pg\n\
             and I restart daemon pg\n\
             when I run {programs}/psql -h 127.0.0.1 -p 8080 -U me -d postgres -c \"select 6 * 7\"\n\
             when I send signal INT to daemon pg\n\
             and I wait for daemon pg to end\n\
             then daemon pg has ended with exit status 0\n\
             when I restart daemon pg\n\
             and I stop background process pg\n\
             then daemon pg has ended with exit status 0\n\
             and there is no \"postgres\" process\n~~~\n"
        )
    };
    let plain = text("", "");
    if !is_root {
        Project::anywhere().file("x.md", plain).run(["run", "x.md"]).code(0).stderr("");
        return;
    }
    if let Some(project) = Project::anywhere().by_user(USER) {
        project.file("x.md", plain).run(["run", "x.md"]).code(0).stderr("");
    }
    let drops =
        text("when I run install -d -o nobody data\n", "setpriv --reuid=nobody --regid=nogroup --clear-groups ");
    for sandbox in ["auto", "tended"] {
        let project = Project::anywhere().file("x.md", &drops);
        project.run(["run", "--sandbox", sandbox, "x.md"]).code(0).stderr("");
        project.nothing_is_left();
    }
}

#[test]
fn a_program_of_ones_own_that_forks_twice_is_followed() {
    let Some(project) = Project::sealed() else { return };
    let text = document(
        "# Twice\n~~~scenario\n\
         when I start \"setsid sh -c \"setsid python3 -m http.server 8080 & exit 0\"\" as a background \
         process as web, on port 8080\n\
         then daemon web is running\n\
         when I restart daemon web\n\
         and I send signal TERM to daemon web\n\
         and I wait for daemon web to end\n\
         then daemon web has ended by signal TERM\n~~~\n\
         # Without its environment and outputs\n~~~scenario\n\
         when I start \"setsid sh -c 'env -i /bin/sleep 1000 >/dev/null 2>&1 &'\" as a background process as bare\n\
         when I wait for daemon bare to end, for at most 0.3 seconds\n~~~\n\
         # Ends with a failure\n~~~scenario\n\
         given file waiter.sh\n\
         when I run mkfifo gate\n\
         and I start \"sh -c 'setsid sh waiter.sh & exit 0'\" as a background process as brief\n\
         then there is no \"waiter.sh & exit\" process\n\
         and daemon brief is running\n\
         when I run sh -c \"echo go > gate\"\n\
         when I wait for daemon brief to end\n\
         then daemon brief has ended with exit status 7\n~~~\n\
         # Crashes and leaves a process\n~~~scenario\n\
         when I start \"sh -c 'setsid sleep 1000 & exit 3'\" as a background process as torn\n\
         then a process \"^sleep 1000\" is running\n\
         when I wait for daemon torn to end\n\
         then daemon torn is running\n~~~\n\
         ~~~{#waiter.sh .file}\nread line < gate\nexit 7\n~~~\n",
    );
    project.file("x.md", text).run(["run", "-j", "1", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 4 scenarios in x.md, one at a time

PASS [TIME]  Twice

FAIL [TIME]  Without its environment and outputs
  in x.md:17, scenario at x.md:14

    ok [TIME]  when I start "setsid sh -c 'env -i /bin/sleep 1000 >/dev/null 2>&1 &'" as a background process as bare
    FAILED [TIME]  when I wait for daemon bare to end, for at most 0.3 seconds

  daemon bare did not end within 300 ms
  note: when the limit passed it was running "/bin/sleep 1000" (process [PID], asleep)
  note: it went into the background: its first process ended with exit status 0 after [TIME]
  note: its process 5 is running: /bin/sleep 1000

  daemon bare: still running at the end of the scenario
    command: setsid sh -c 'env -i /bin/sleep 1000 >/dev/null 2>&1 &'
    no output

  1 leftover process, stopped at the end:
    /bin/sleep 1000  (daemon bare, running for [TIME])

  rerun: greenroom run x.md --name 'Without its environment and outputs'

PASS [TIME]  Ends with a failure

FAIL [TIME]  Crashes and leaves a process
  in x.md:35, scenario at x.md:30

    ok [TIME]  when I start "sh -c 'setsid sleep 1000 & exit 3'" as a background process as torn
    ok [TIME]  then a process "^sleep 1000" is running
    ok [TIME]  when I wait for daemon torn to end
    FAILED [TIME]  then daemon torn is running

  daemon torn is not running: it ended with exit status 3 after [TIME]
  note: its first process ended with exit status 3 after [TIME], but left others running
  note: its process 4 is running: sleep 1000

  daemon torn: exited with status 3 after [TIME]
    command: sh -c 'setsid sleep 1000 & exit 3'
    no output

  1 leftover process, stopped at the end:
    sleep 1000  (running for [TIME])

  rerun: greenroom run x.md --name 'Crashes and leaves a process'

FAILED: 2 of 4 scenarios failed, 2 passed, [TIME]
  failed  x.md:14  Without its environment and outputs
  failed  x.md:30  Crashes and leaves a process

"#]]);
}

/// What a daemon in the foreground has detached is not the daemon, and outlives its stop as before.
#[test]
fn a_daemon_in_the_foreground_stays_what_it_was() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "when I start \"sh -c 'setsid sleep 1000 & exec sleep 2000'\" as a background process as d\n\
         then a process \"^sleep 2000\" is running\n\
         and a process \"^sleep 1000\" is running\n\
         when I send signal TERM to daemon d\n\
         and I wait for daemon d to end\n\
         then daemon d has ended by signal TERM\n\
         and a process \"sleep 1000\" is running",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn servers_report_that_they_are_ready_to_a_notify_socket() {
    if !redis() {
        return;
    }
    passes_as_any_user(&scenario(
        "given daemon redis reports to a notify socket\n\
         when I start \"redis-server --port 8080 --save '' --supervised systemd\" as a background process as redis\n\
         and I wait for daemon redis to report ready\n\
         then daemon redis has reported status \"Ready to accept connections\"\n\
         when I run redis-cli -p 8080 ping\n\
         when I restart daemon redis\n\
         then daemon redis has reported status \"Ready to accept connections\"\n\
         when I kill daemon redis\n\
         then daemon redis has ended by signal KILL\n\
         and nothing listens on port 8080",
    ));
}

/// With a client connected, SIGTERM would have it wait for the client.
#[test]
fn postgresql_runs_as_an_ordinary_user_and_is_stopped_by_its_own_signal() {
    let Some(bin) = postgresql() else { return };
    let bin = bin.display();
    if Project::sealed().is_none() {
        return;
    }
    passes_as_any_user(&scenario(&format!(
        "given commands run as an ordinary user\n\
         and daemon pg runs as an ordinary user\n\
         and daemon pg is stopped with signal INT\n\
         and daemon pg reports to a notify socket\n\
         when I run {bin}/initdb -D data -U app -A trust --no-sync --locale=C\n\
         when I start \"{bin}/postgres -D data -k . -h localhost -p 8080 -F\" as a background process as pg, on port \
         8080, within 60 seconds\n\
         and I wait for daemon pg to report ready, for at most 60 seconds\n\
         when I start \"psql -h localhost -p 8080 -U app -d postgres -c 'select pg_sleep(600)'\" \
         as a background process \
         as client\n\
         then within 30 seconds running \"psql -h localhost -p 8080 -U app -d postgres -Atc \
         'select count(*) from pg_stat_activity where query = $$select pg_sleep(600)$$'\" prints \"1\"\n\
         when I stop background process pg\n\
         then daemon pg has ended with exit status 0",
    )));
}

#[test]
fn commands_run_as_an_account() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let steps = "given commands run as user nobody\nwhen I run sh -c \"id -nu; touch mine $HOME/x\"\n\
                 then stdout is exactly \"nobody\\n\"\nand file mine exists";
    let Some(project) = Project::sealed() else { return };
    project.file("x.md", scenario(steps)).run(["run", "x.md"]).passes();
    let steps = "given commands run as user nobdy\nwhen I run id";
    Project::new().file("x.md", scenario(steps)).run(["check", "x.md"]).code(2).stderr(str![[r#"
error[unknown-user]: this machine has no user nobdy in /etc/passwd
 --> x.md:7:28
  |
7 | given commands run as user nobdy
  |                            ^^^^^
  |
  = help: did you mean nobody?

1 error

"#]]);
}
