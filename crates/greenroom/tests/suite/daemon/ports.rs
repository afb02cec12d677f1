//! Steps that check who listens on a port, and that wait for UDP ports and abstract sockets.

use snapbox::str;

use super::{fails, holds};
use crate::support::{Project, scenario};

/// Starts a program that opens a UDP socket on port 5300 after a moment, and an abstract socket.
const UDP: &str = "given file datagrams.py
when I start \"python3 datagrams.py\" as a background process as u
";

fn udp(steps: &str) -> String {
    format!("{UDP}{steps}")
}

#[test]
fn udp_ports_and_abstract_sockets_are_waited_for() {
    if Project::sealed().is_none() {
        return;
    }
    holds(&udp("when I wait for daemon u to listen on UDP port 5300\n\
         then daemon u listens on UDP port 5300\n\
         and nothing listens on UDP port 5301\n\
         and nothing listens on port 5300\n\
         when I wait for socket @greenroom-datagrams to accept connections\n\
         and I restart daemon u\n\
         then daemon u listens on UDP port 5300\n\
         when I stop background process u\n\
         then nothing listens on UDP port 5300"));
}

#[test]
fn a_udp_port_that_is_not_opened_is_reported_with_those_that_are() {
    fails_sealed!(
        &udp("when I wait for daemon u to listen on UDP port 5300\n\
             and I wait for daemon u to listen on UDP port 5301, for at most 0.2 seconds"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file datagrams.py
    ok [TIME]  when I start "python3 datagrams.py" as a background process as u
    ok [TIME]  when I wait for daemon u to listen on UDP port 5300
    FAILED [TIME]  and I wait for daemon u to listen on UDP port 5301, for at most 0.2 seconds

  daemon u did not listen on UDP port 5301 within 200 ms
  note: it listens on UDP 127.0.0.1:5300

  daemon u: still running at the end of the scenario
    command: python3 datagrams.py
    no output

  1 leftover process, stopped at the end:
    python3 datagrams.py  (daemon u, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails_sealed!(
        &udp("when I wait for daemon u to listen on UDP port 5300\nthen daemon u listens on port 5300"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file datagrams.py
    ok [TIME]  when I start "python3 datagrams.py" as a background process as u
    ok [TIME]  when I wait for daemon u to listen on UDP port 5300
    FAILED [TIME]  then daemon u listens on port 5300

  daemon u does not listen on port 5300
  note: it listens on UDP port 5300
  help: write `UDP port 5300`, if that is meant

  daemon u: still running at the end of the scenario
    command: python3 datagrams.py
    no output

  1 leftover process, stopped at the end:
    python3 datagrams.py  (daemon u, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
    fails_sealed!(
        &udp("when I wait for daemon u to listen on UDP port 5300\nthen nothing listens on UDP port 5300"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file datagrams.py
    ok [TIME]  when I start "python3 datagrams.py" as a background process as u
    ok [TIME]  when I wait for daemon u to listen on UDP port 5300
    FAILED [TIME]  then nothing listens on UDP port 5300

  daemon u (python3 datagrams.py) listens on UDP port 5300
  note: the address is 127.0.0.1:5300

  daemon u: still running at the end of the scenario
    command: python3 datagrams.py
    no output

  1 leftover process, stopped at the end:
    python3 datagrams.py  (daemon u, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

#[test]
fn a_port_of_another_daemon_is_not_its_own() {
    fails_sealed!(
        "given file web.py\nwhen I start \"sleep 100\" as a background process as idle\n\
         and I start \"python3 web.py\" as a background process as web, on port 8080\n\
         then daemon web listens on port 8080\nand daemon idle listens on port 8080",
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:11, scenario at x.md:5

    ok [TIME]  given file web.py
    ok [TIME]  when I start "sleep 100" as a background process as idle
    ok [TIME]  and I start "python3 web.py" as a background process as web, on port 8080
    ok [TIME]  then daemon web listens on port 8080
    FAILED [TIME]  and daemon idle listens on port 8080

  daemon web (python3 web.py) listens on port 8080, not daemon idle

  daemon idle: still running at the end of the scenario
    command: sleep 100
    no output

  daemon web: still running at the end of the scenario
    command: python3 web.py
    no output

  2 leftover processes, stopped at the end:
    sleep 100  (daemon idle, running for [TIME])
    python3 web.py  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]
    );
}

/// A server with TLS, without it, that says nothing, or that ends.
const SERVE: &str = "
~~~{#serve.py .file}
import http.server, socket, ssl, sys, time
mode = sys.argv[1]
if mode in ('silent', 'dies'):
    server = socket.create_server(('127.0.0.1', 8443))
    connection, _ = server.accept()
    time.sleep(0.1 if mode == 'dies' else 1000)
    sys.exit(3)
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(('127.0.0.1', 8443), Handler)
if mode == 'tls':
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain('cert.pem', 'key.pem')
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
~~~
";

#[test]
fn a_daemon_accepts_tls_or_does_not() {
    let Some(project) = Project::sealed() else { return };
    let wait =
        |limit: u32| format!("and I wait for daemon web to accept TLS on port 8443, for at most {limit} seconds\n");
    let serve = |mode: &str, limit: u32| {
        let start = format!("when I start \"python3 serve.py {mode}\" as a background process as web\n");
        format!("given file serve.py\n{start}{}", wait(limit))
    };
    let certificate = "when I run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
                       -keyout key.pem \
                       -out cert.pem -days 2 -subj /CN=localhost\n";
    let accepted = format!("{certificate}{}and I restart daemon web\nthen daemon web is running", serve("tls", 60));
    project.file("x.md", scenario(&accepted) + SERVE).run(["run", "x.md"]).passes();
    let refused = [("plain", 60), ("dies", 60), ("silent", 1)].map(|(mode, limit)| {
        let project = Project::new().file("x.md", scenario(&serve(mode, limit)) + SERVE);
        let shown = project.run(["run", "x.md"]).code(1).stdout;
        let lines = shown.lines().skip_while(|line| !line.starts_with("  daemon web"));
        lines.take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(refused[0], "daemon web does not speak TLS on port 8443");
    assert!(refused[1].starts_with("daemon web ended with exit status 3 after "), "{}", refused[1]);
    let silent =
        "daemon web did not accept TLS on port 8443 within 1 s\nnote: last attempt: the server has not answered";
    assert_eq!(refused[2], silent);
}
