//! Waits for servers that take their time: for their first answer, or after a restart.

use snapbox::str;

use crate::support::{Project, document, scenario};

/// A server that answers its requests one after the other, the first after some seconds.
const SLOW_ANSWER: &str = "
~~~{#slow-answer.py .file}
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    first = True
    def do_GET(self):
        if Handler.first:
            time.sleep(float(sys.argv[2]))
            Handler.first = False
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
~~~
";

/// A server that takes a second to begin.
const SLOW_START: &str = "
~~~{#slow-start.py .file}
import http.server, os, socket, sys, time
time.sleep(1)
if sys.argv[1] == 'socket':
    if os.path.exists('sock'):
        os.remove('sock')
    server = socket.socket(socket.AF_UNIX)
    server.bind('sock')
    server.listen()
    while True:
        server.accept()
print('ready', flush=True)
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
~~~
";

#[test]
fn a_first_answer_may_take_nearly_all_of_the_limit() {
    let text = scenario(
        "given file slow-answer.py\n\
         when I start \"python3 slow-answer.py 8080 3\" as a background process as web, on port 8080\n\
         and I wait for http://127.0.0.1:8080/ to answer with status 200\n\
         then daemon web is running",
    ) + SLOW_ANSWER;
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn any_answer_may_be_enough() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "when I start \"python3 -m http.server 8080\" as a background process as web\n\
         and I wait for http://localhost:8080/nothing to answer\nand I restart daemon web\n\
         and I run curl -sS http://localhost:8080/",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn no_answer_is_not_enough() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario("when I wait for http://localhost:8081/ to answer, for at most 0.3 seconds");
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:7, scenario at x.md:5

    FAILED [TIME]  when I wait for http://localhost:8081/ to answer, for at most 0.3 seconds

  http://localhost:8081/ did not answer, and the scenario has no processes left
  note: last attempt: connection refused

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn an_answer_that_takes_longer_than_the_limit_is_too_late() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "given file slow-answer.py\n\
         when I start \"python3 slow-answer.py 8080 60\" as a background process as web, on port 8080\n\
         and I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 1.5 seconds",
    ) + SLOW_ANSWER;
    project.file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given file slow-answer.py
    ok [TIME]  when I start "python3 slow-answer.py 8080 60" as a background process as web, on port 8080
    FAILED [TIME]  and I wait for http://127.0.0.1:8080/ to answer with status 200, for at most 1.5 seconds

  http://127.0.0.1:8080/ did not answer with status 200 within 1.5 s
  note: last attempt: no answer before the time limit
  note: daemon web is running
  help: to allow more time, raise the limit of this step

  daemon web: still running at the end of the scenario
    command: python3 slow-answer.py 8080 60
    no output

  1 leftover process, stopped at the end:
    python3 slow-answer.py 8080 60  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

/// In five seconds there would be 500 requests at 10 ms each.
#[test]
fn the_log_of_a_server_is_not_buried() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "when I start \"python3 -m http.server 8080\" as a background process as web, on port 8080\n\
         and I try to run false\n\
         when I start \"sh -c 'sleep 2; touch there'\" as a background process as later\n\
         and I wait for http://127.0.0.1:8080/there to answer with status 200\n\
         when I run sh -c \"test $(grep -c GET web.stderr) -lt 25\"",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn a_restarted_daemon_is_waited_for_again() {
    let Some(project) = Project::sealed() else { return };
    let start =
        "given file slow-start.py\nwhen I start \"python3 -u slow-start.py 8080\" as a background process as web\n";
    let again = "when I restart daemon web\nand I run curl -sS http://127.0.0.1:8080/\n";
    let text = document(&format!(
        "# By port\n~~~scenario\n{start}when I wait for daemon web to listen on port 8080, for at most \
         30 seconds\n{again}{again}~~~\n\
         # By answer\n~~~scenario\n{start}when I wait for http://localhost:8080/ to answer with status 200\n{again}~~~\n\
         # By answer, later\n~~~scenario\n{start}when I try to run curl -sS --retry 9 --retry-delay 1 \
         --retry-connrefused http://localhost:8080/\nwhen I wait for http://localhost:8080/ to answer with status 200\n{again}~~~\n\
         # By text\n~~~scenario\n{start}when I wait for daemon web to write \"ready\" to stdout\n\
         when I restart daemon web\nthen daemon web stdout contains \"ready\"\n~~~\n\
         # By socket\n~~~scenario\ngiven file slow-start.py\n\
         when I start \"python3 slow-start.py socket\" as a background process as web\n\
         when I wait for socket sock to accept connections\n\
         when I restart daemon web\n\
         when I run python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('sock')\"\n~~~\n"
    )) + SLOW_START;
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

/// A text that another step has caused does not come by itself.
#[test]
fn a_restart_does_not_wait_for_what_other_steps_caused() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario(
        "when I start \"python3 -u -m http.server 8080\" as a background process as web, on port 8080\n\
         and I run curl -sS http://127.0.0.1:8080/\n\
         and I wait for daemon web to write \"GET /\" to stderr\n\
         when I restart daemon web\n\
         and I run curl -sS http://127.0.0.1:8080/",
    );
    project.file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn the_url_of_a_wait_is_checked() {
    let text = scenario(
        "when I wait for ftp://localhost/health to answer with status 200\n\
         and I wait for https://localhost:0/health to answer with status 200",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-url]: ftp://localhost/health is not a URL of http or https
 --> x.md:7:17
  |
7 | when I wait for ftp://localhost/health to answer with status 200
  |                 ^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write it with its scheme, such as http://127.0.0.1:8080/health

error[bad-url]: invalid URL: https://localhost:0/health
 --> x.md:8:34
  |
8 | and I wait for https://localhost:0/health to answer with status 200
  |                                  ^ `0` is not a port
  |
  = help: a port is a number from 1 to 65535

2 errors

"#]]);
}

/// Answers with the status that the path names: `status.py`.
const STATUS: &str = "~~~{#status.py .file}\nimport http.server\n\
                      class Handler(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        \
                      self.send_response(int(self.path[1:4]))\n        self.end_headers()\n\
                      http.server.HTTPServer((\"127.0.0.1\", 8080), Handler).serve_forever()\n~~~\n";

#[test]
fn a_wait_for_another_status_says_who_answers_and_what_to_do() {
    let cases = [
        ("404/health?full", "help: it has nothing at `/404/health`: correct the path in this step"),
        ("302", "help: redirects are not followed: wait for their target, or for the answer itself: `with status 302`"),
        ("401", "if that answer is enough, wait for it: `with status 401`"),
        ("204", "help: if that answer is right, wait for it: `with status 204`"),
        ("503", "help: to allow more time, raise the limit of this step"),
    ];
    let scenarios: String = cases
        .iter()
        .map(|(path, _)| {
            format!(
                "# S{path}\n~~~scenario\ngiven file status.py\n\
                 when I start \"python3 status.py\" as a background process as web, on port 8080\n\
                 and I wait for http://localhost:8080/{path} to answer with status 200, for at most 0.3 seconds\n~~~\n"
            )
        })
        .collect();
    let Some(project) = Project::sealed() else { return };
    let screen = project.file("x.md", document(&scenarios) + STATUS).run(["run", "-j1", "x.md"]).code(1).stdout;
    for ((path, help), part) in cases.iter().zip(screen.split("\nFAIL ").skip(1)) {
        assert!(part.contains("note: daemon web (python3 status.py) answers there\n"), "{path}: {screen}");
        assert!(part.contains(help), "{path}: expected {help}\n{screen}");
    }
    // In the host's network it may be another process that answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut connection, &mut [0; 1000]);
        std::io::Write::write_all(&mut connection, b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n").unwrap();
        listener
    });
    let step = format!("when I wait for http://127.0.0.1:{port}/ to answer with status 200, for at most 0.3 seconds");
    let steps = format!("when I start \"sleep 1000\" as a background process as web\n{step}");
    let Some(project) = Project::sealed() else { return };
    let screen = project.file("x.md", scenario(&steps)).run(["run", "--network=host", "x.md"]).code(1).stdout;
    drop(answers.join().unwrap());
    let note = format!("note: process {} (", std::process::id());
    assert!(screen.contains(&note) && screen.contains("answers there"), "{screen}");
}
