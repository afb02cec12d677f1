//! Whose network a scenario has, and turns at the ports of one that is shared.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use snapbox::str;

use crate::support::{Project, document, rounds, with_programs};

/// Returns a port that no process of this machine uses at present.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Scenarios, with metadata that has one more line and labels, that each look whether they can see
/// a listener of the machine.
fn lookers(port: u16, metadata: &str, labels: &[&str]) -> String {
    let scenarios: String = labels
        .iter()
        .enumerate()
        .map(|(n, label)| {
            let attributes = if label.is_empty() { String::new() } else { format!("label={label}") };
            format!(
                "# S{n}\n~~~{{.scenario {attributes}}}\ngiven file sees.py\nwhen I run python3 sees.py {port}\n~~~\n"
            )
        })
        .collect();
    with_programs(document(&scenarios).replace("bindings:", &format!("{metadata}bindings:")))
}

/// Which of the scenarios have seen it.
fn seen(project: &Project, options: &[&str]) -> String {
    let ran = project.run(["run", "x.md"].iter().chain(options));
    let of = |line: &str| {
        let letter = match line.split(' ').next() {
            Some("PASS") => 'H',
            Some("FAIL") => 'p',
            _ => return None,
        };
        line.contains("  S").then_some(letter)
    };
    ran.stdout.lines().filter_map(of).collect()
}

#[test]
fn the_command_line_then_the_label_then_the_document() {
    let Some(project) = Project::sealed() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let labels = ["", "network-host", "network-private"];
    let project = project.file("x.md", lookers(port, "", &labels));
    assert_eq!(seen(&project, &[]), "pHp");
    assert_eq!(seen(&project, &["--network", "host"]), "HHH");
    assert_eq!(seen(&project, &["--network", "private"]), "ppp");
    let project = project.file("x.md", lookers(port, "network: host\n", &labels));
    assert_eq!(seen(&project, &[]), "HHp");
}

#[test]
fn labels_that_contradict_one_another() {
    let text = document("# S\n~~~{.scenario label=network-host label=network-private}\nwhen I run true\n~~~\n");
    Project::new().file("x.md", text).refused(["run", "x.md"]).stderr(str![[r#"
error[contradiction]: this scenario has both labels `network-host` and `network-private`
 --> x.md:6:1
  |
6 | ~~~{.scenario label=network-host label=network-private}
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: remove one of them

1 error

"#]]);
}

#[test]
fn a_failure_in_a_private_network_says_so() {
    let Some(project) = Project::sealed() else { return };
    let port = free_port();
    let project = project.file("x.md", lookers(port, "", &[""]));
    let ran = project.run(["run", "--sandbox", "sealed", "x.md"]).code(1).stderr("");
    crate::support::same(
        &ran.stdout.replace(&port.to_string(), "[PORT]"),
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  S0
  in x.md:8, scenario at x.md:5

    ok [TIME]  given file sees.py
    FAILED [TIME]  when I run python3 sees.py [PORT]

  command failed with exit status 1: python3 sees.py [PORT]
  note: 127.0.0.1:[PORT] refused; nothing is listening in the scenario's private network
  stderr of the command:
    │ cannot connect: [Errno 111] Connection refused

  rerun: greenroom run --sandbox sealed x.md --name S0

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  S0

"#]],
    );
    // Not where the network was the machine's, nor where it was not used.
    let ran = project.run(["run", "--sandbox", "auto", "--network", "host", "x.md"]).code(1);
    assert!(!ran.stdout.contains("private"), "{}", ran.stdout);
    let project = project.file("x.md", crate::support::scenario("when I run false"));
    let ran = project.run(["run", "--sandbox", "sealed", "x.md"]).code(1);
    assert!(!ran.stdout.contains("private"), "{}", ran.stdout);
    let project = project.file("x.md", servers(1, port).replace("exactly \"S0", "exactly \"other"));
    let ran = project.run(["run", "--sandbox", "sealed", "x.md"]).code(1);
    // And nothing is said to be refused where nothing was.
    assert!(ran.stdout.contains("actual:   S0"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("private") && !ran.stdout.contains("refused"), "{}", ran.stdout);
}

/// Scenarios with one fixed port, each of which talks to its own server.
fn servers(count: usize, port: u16) -> String {
    let scenarios: String = (0..count)
        .map(|n| {
            format!(
                "# S{n}\n~~~scenario\ngiven a daemon helper shell script server.py\n\
                 when I start \"./server.py S{n} 127.0.0.1:{port}\" as a background process as web, on port {port}\n\
                 given file fetch.py\nwhen I run python3 fetch.py 127.0.0.1 {port}\n\
                 then stdout is exactly \"S{n}\\n\"\n~~~\n"
            )
        })
        .collect();
    with_programs(document(&scenarios))
}

#[test]
fn scenarios_that_name_the_same_port_take_turns_in_a_shared_network() {
    for sandbox in ["--sandbox=tended", "--network=host"] {
        for _ in 0..rounds(1) {
            let project = Project::new().file("x.md", servers(8, free_port()));
            let ran = project.run(["run", "-q", "-j8", sandbox, "x.md"]).passes();
            assert!(ran.stdout.starts_with("8 scenarios passed"), "{}", ran.stdout);
        }
    }
}

#[test]
fn runs_that_name_the_same_port_take_turns() {
    for _ in 0..rounds(1) {
        let project = Project::new().file("x.md", servers(4, free_port()));
        let runs = [0; 3].map(|_| project.start(["run", "-q", "-j4", "--sandbox", "tended", "x.md"]));
        for run in runs {
            run.finish().passes();
        }
    }
}

/// The turn of a run that is killed is over with its last process.
#[test]
fn a_killed_run_does_not_keep_its_port() {
    let port = free_port();
    let first = Project::new().fifo("fifo");
    let steps = format!(
        "given a daemon helper shell script server.py\n\
         when I start \"./server.py web 127.0.0.1:{port}\" as a background process as web, on port {port}\n\
         when I run sh -c 'echo up > $FIFO; sleep 1000'"
    );
    let first = first.file("x.md", with_programs(crate::support::scenario(&steps)));
    let variable = format!("FIFO={}", first.path("fifo").display());
    let holds = first.start(["run", "--sandbox", "tended", "--env", &variable, "x.md"]);
    assert_eq!(crate::support::Fifo::open(first.path("fifo")).line(), "up");
    let second = Project::new().file("x.md", servers(1, port));
    let waits = second.start(["run", "-q", "--sandbox", "tended", "x.md"]);
    holds.signal(rustix::process::Signal::KILL).finish();
    waits.finish().passes();
    first.nothing_is_left();
}

#[test]
fn a_turn_that_does_not_come_has_a_limit() {
    let port = free_port();
    // What another run has while it uses the port.
    let name = SocketAddr::from_abstract_name(format!("greenroom-port-{port}")).unwrap();
    let _holder = UnixListener::bind_addr(&name).unwrap();
    let project = Project::new().file("x.md", servers(1, port));
    let ran = project.run(["run", "--sandbox", "tended", "--timeout", "300ms", "x.md"]).code(1);
    let screen = ran.stdout.replace(&port.to_string(), "[PORT]");
    crate::support::same(
        &screen,
        str![[r#"
greenroom [VERSION]: 1 scenario in x.md
not sealed, as requested
  kill=subreaper network=shared tmp=shared proc=machine host=machine user=[USER]

BROKEN [TIME]  S0
  in x.md:5
  neither passed nor failed: greenroom could not run it to its end

                      5 steps not run

  it waited 300 ms for port [PORT], which another run of greenroom uses

  rerun: greenroom run --timeout 300ms --sandbox tended x.md --name S0

FAILED: 1 of 1 scenario broken, [TIME]
  broken  x.md:5  S0

"#]],
    );
}

/// Free ports are given out with the turn at them.
#[test]
fn free_ports_of_a_shared_network_are_each_given_to_one() {
    let steps = "given a daemon helper shell script server.py\nand file fetch.py\nand a free port kept as PORT\n\
                 when I start \"./server.py @ 127.0.0.1:${PORT}\" as a background process as web, on port ${PORT}\n\
                 and I run python3 fetch.py 127.0.0.1 ${PORT}\nthen stdout is exactly \"@\\n\"\n";
    let scenarios: String =
        (0..6).map(|n| format!("# S{n}\n~~~scenario\n{}~~~\n", steps.replace('@', &format!("S{n}")))).collect();
    let project = Project::new().file("x.md", with_programs(document(&scenarios)));
    for sandbox in ["--sandbox=tended", "--network=host"] {
        let runs = [0; 2].map(|_| project.start(["run", "-q", "-j6", sandbox, "x.md"]));
        for run in runs {
            run.finish().passes();
        }
    }
}

/// A scenario that waits for a place does not keep others from its port meanwhile.
#[test]
fn a_scenario_that_has_no_place_yet_has_no_turn() {
    let port = free_port();
    let long = "# Long\n~~~scenario\nwhen I run sh -c 'echo waiting > $FIFO; read word < $GATE'\n~~~\n";
    let steps = |name: &str| {
        format!(
            "# {name}\n~~~scenario\ngiven a daemon helper shell script server.py\n\
             when I start \"./server.py {name} 127.0.0.1:{port}\" as a background process as web, on port {port}\n~~~\n"
        )
    };
    let first = Project::new().fifo("fifo").fifo("gate");
    let first = first.file("x.md", with_programs(document(&format!("{long}{}", steps("after")))));
    let variable = |name: &str, fifo: &str| format!("{name}={}", first.path(fifo).display());
    let (fifo, gate) = (variable("FIFO", "fifo"), variable("GATE", "gate"));
    let holds = first.start(["run", "-q", "-j1", "--network", "host", "--env", &fifo, "--env", &gate, "x.md"]);
    assert_eq!(crate::support::Fifo::open(first.path("fifo")).line(), "waiting");
    let second = Project::new().file("x.md", with_programs(document(&steps("now"))));
    second.run(["run", "-q", "--network", "host", "x.md"]).passes();
    std::fs::write(first.path("gate"), "go\n").unwrap();
    holds.finish().passes();
}

#[test]
fn a_private_network_that_was_asked_for_is_there_or_the_run_does_not_begin() {
    let project = Project::new().file("x.md", document("# A\n~~~scenario\nwhen I run true\n~~~\n"));
    let arguments = ["run", "x.md", "--network", "private", "--sandbox", "tended"];
    project.run(arguments).code(4).stdout("").stderr(str![[r#"
greenroom: scenarios cannot have a network of their own here, for which `--network private` asks
  help: leave out `--network private`, or `--sandbox tended`

"#]]);
}
