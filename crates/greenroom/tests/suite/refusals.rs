//! Who was refused, and who listens: what a failure says when a connection did not come about.

use std::net::TcpListener;

use crate::support::{Project, document, scenario, with_programs};

/// Runs one scenario, which must fail, and returns its screen.
#[track_caller]
fn fails(steps: &str) -> Option<String> {
    let project = Project::sealed()?.file("x.md", with_programs(scenario(steps)));
    Some(project.run(["run", "--sandbox", "sealed", "x.md"]).code(1).stderr("").stdout)
}

const TWO: &str = "given a daemon helper shell script server.py\n\
                   when I start \"./server.py stock 127.0.0.1:7001\" as a background process as stock, on port 7001\n\
                   and I start \"./server.py orders 127.0.0.1:7002\" as a background process as orders, on port 7002\n";

#[test]
fn the_address_that_was_refused_and_all_that_listens_are_named() {
    let Some(screen) = fails(&format!("{TWO}given file dial.py\nwhen I run python3 dial.py 127.0.0.1 7010")) else {
        return;
    };
    let note = "  note: 127.0.0.1:7010 refused; listening: stock on 127.0.0.1:7001, orders on 127.0.0.1:7002\n";
    assert!(screen.contains(note), "{screen}");
    assert!(!screen.contains("network-host") && !screen.contains("network was private"), "{screen}");
}

#[test]
fn another_address_of_loopback_is_not_the_one_that_listens() {
    let steps = |listens: &str, dials: &str| {
        format!(
            "given a daemon helper shell script server.py\n\
             when I start \"./server.py web {listens}\" as a background process as web, on port 8080\n\
             given file dial.py\nwhen I run python3 dial.py {dials} 8080"
        )
    };
    let Some(screen) = fails(&steps("127.0.0.5:8080", "127.0.0.1")) else { return };
    assert!(screen.contains("note: 127.0.0.1:8080 refused; listening: web on 127.0.0.5:8080\n"), "{screen}");
    let Some(screen) = fails(&steps("127.0.0.5:8080", "::1")) else { return };
    assert!(screen.contains("note: [::1]:8080 refused; listening: web on 127.0.0.5:8080\n"), "{screen}");
}

#[test]
fn a_refusal_that_a_client_got_over_is_not_named() {
    // The name stands for ::1 first, which refuses, and then for 127.0.0.1.
    let names = "given file hosts.py\n";
    let steps = format!("{names}{TWO}and I run python3 hosts.py 7001\nand I run false");
    let program = "~~~{#hosts.py .file}\nimport socket, sys\nfor ip in (\"::1\", \"127.0.0.1\"):\n    try:\n        \
                   socket.create_connection((ip, int(sys.argv[1])))\n    except OSError:\n        pass\n~~~\n";
    let Some(project) = Project::sealed() else { return };
    let project = project.file("x.md", with_programs(scenario(&steps) + program));
    let screen = project.run(["run", "--sandbox", "sealed", "x.md"]).code(1).stdout;
    assert!(!screen.contains("refused"), "{screen}");
}

#[test]
fn the_latest_step_in_which_something_was_refused_counts() {
    let steps = format!(
        "{TWO}given file dial.py\nwhen I try to run python3 dial.py 127.0.0.1 7003\n\
         and I try to run python3 dial.py ::1 7004\nand I run python3 dial.py 127.0.0.1 7005"
    );
    let Some(screen) = fails(&steps) else { return };
    assert!(screen.contains("note: 127.0.0.1:7005 refused; listening: stock on 127.0.0.1:7001"), "{screen}");
    assert!(!screen.contains("7003") || !screen.contains("7003 refused"), "{screen}");
    let Some(screen) = fails(&format!(
        "{TWO}given file dial.py\nwhen I try to run python3 dial.py 127.0.0.1 7003\nthen command succeeds"
    )) else {
        return;
    };
    assert!(screen.contains("note: 127.0.0.1:7003 refused; listening: "), "{screen}");
}

#[test]
fn a_wait_for_an_answer_says_who_listens_too() {
    let Some(screen) = fails(&format!(
        "{TWO}and I wait for http://127.0.0.1:7003/ to answer with status 200, for at most 0.2 seconds"
    )) else {
        return;
    };
    assert!(screen.contains("note: 127.0.0.1:7003 refused; listening: stock on 127.0.0.1:7001"), "{screen}");
}

#[test]
fn localhost_and_names_below_it_are_both_addresses_in_waits() {
    for (listens, host) in
        [("::1", "localhost"), ("127.0.0.1", "localhost"), ("::1", "shop.localhost"), ("127.0.0.1", "a.b.LOCALHOST")]
    {
        let steps = format!(
            "when I start \"python3 -m http.server --bind {listens} 8000\" as a background process as web, \
             on port 8000\nand I wait for http://{host}:8000/ to answer with status 200"
        );
        let Some(project) = Project::sealed() else { return };
        project.file("x.md", scenario(&steps)).run(["run", "x.md"]).passes();
    }
}

#[test]
fn udp_is_named_when_it_is_what_is_open() {
    for ip in ["127.0.0.1", "::"] {
        let steps = format!(
            "given file udp.py\nwhen I start \"python3 udp.py {ip}\" as a background process as names\n\
             and I wait for daemon names to listen on port 5353, for at most 1 seconds"
        );
        let Some(screen) = fails(&steps) else { return };
        assert!(screen.contains("note: UDP port 5353 is open, on "), "{screen}");
        assert!(screen.contains("but this step waits for TCP"), "{screen}");
        assert!(!screen.contains("to allow more time"), "{screen}");
    }
}

#[test]
fn an_address_that_a_private_network_lacks_is_explained() {
    for (ip, shown) in [("192.0.2.2", "192.0.2.2"), ("2001:db8::7", "2001:db8::7")] {
        let steps = format!(
            "when I start \"python3 -m http.server --bind {ip} 5000\" as a background process as web, on port 5000"
        );
        let Some(screen) = fails(&steps) else { return };
        let note = format!("note: {shown} does not exist here: the scenario's network is private, ");
        assert!(screen.contains(&note), "{screen}");
        assert!(screen.contains("network-host"), "{screen}");
    }
    let steps = "given a daemon helper shell script server.py\n\
                 when I start \"./server.py web nowhere\" as a background process as web, on port 5000";
    let Some(screen) = fails(steps) else { return };
    assert!(!screen.contains("does not exist here"), "{screen}");
}

/// Sends a datagram and waits for the refusal: `send.py ADDRESS PORT`.
const SEND: &str = "~~~{#send.py .file}\nimport socket, sys\n\
                    family = socket.AF_INET6 if \":\" in sys.argv[1] else socket.AF_INET\n\
                    client = socket.socket(family, socket.SOCK_DGRAM)\n\
                    client.connect((sys.argv[1], int(sys.argv[2])))\nclient.send(b\"x\")\nclient.recv(1)\n~~~\n";

#[test]
fn the_address_that_refused_a_datagram_is_named() {
    let listens = "given file udp.py\nwhen I start \"python3 udp.py 127.0.0.1\" as a background process as names\n";
    for (ip, shown) in [("127.0.0.1", "127.0.0.1:5354"), ("::1", "[::1]:5354"), ("127.0.0.9", "127.0.0.9:5354")] {
        let Some(project) = Project::sealed() else { return };
        // The daemon has its socket once the kernel lists port 0x14E9.
        let steps = format!(
            "{listens}given file send.py\n\
             when I run sh -c \"until grep -q :14E9 /proc/net/udp; do :; done\"\nwhen I run python3 send.py {ip} 5354"
        );
        let screen = project
            .file("x.md", with_programs(scenario(&steps) + SEND))
            .run(["run", "--sandbox", "sealed", "x.md"])
            .code(1)
            .stdout;
        let note = format!("  note: {shown} (UDP) refused; listening: names on 127.0.0.1:5353 (UDP)\n");
        assert!(screen.contains(&note), "{screen}");
        assert!(!screen.contains("a connection was refused"), "{screen}");
    }
}

#[test]
fn a_question_to_a_name_server_that_is_not_there_is_explained() {
    for ip in ["127.0.0.53", "::1"] {
        let Some(project) = Project::sealed() else { return };
        let steps = format!("given file send.py\nwhen I run python3 send.py {ip} 53");
        let screen =
            project.file("x.md", scenario(&steps) + SEND).run(["run", "--sandbox", "sealed", "x.md"]).code(1).stdout;
        assert!(screen.contains(":53 (UDP) refused: the scenario's private network has no name server"), "{screen}");
    }
    // A name server that is there and has not the address that was asked is one that listens.
    let Some(project) = Project::sealed() else { return };
    let steps = "given file send.py\nwhen I run python3 send.py 127.0.0.1 54";
    let screen =
        project.file("x.md", scenario(steps) + SEND).run(["run", "--sandbox", "sealed", "x.md"]).code(1).stdout;
    assert!(screen.contains("127.0.0.1:54 (UDP) refused; nothing is listening"), "{screen}");
    assert!(!screen.contains("name server"), "{screen}");
}

/// Listens only when it is started for the first time: `once.py PORT`.
const ONCE: &str = "~~~{#once.py .file}\nimport os, signal, socket, sys\n\
                    if not os.path.exists(\"started\"):\n    open(\"started\", \"w\").close()\n    \
                    listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))\n\
                    print(\"ready\", flush=True)\nsignal.pause()\n~~~\n";

#[test]
fn a_restarted_daemon_that_does_not_listen_yet_is_named() {
    let starts = "given file once.py\nwhen I start \"python3 once.py 7002\" as a background process as orders\n\
                  and I wait for daemon orders to write \"ready\" to stdout\nwhen I restart daemon orders\n";
    let fails = [
        "given file dial.py\nwhen I run python3 dial.py 127.0.0.1 7002",
        "when I wait for http://localhost:7002/ to answer with status 200, for at most 0.2 seconds",
    ];
    for step in fails {
        let Some(project) = Project::sealed() else { return };
        let text = with_programs(scenario(&format!("{starts}{step}")) + ONCE);
        let ran = project.file("x.md", text).run(["run", "--sandbox", "sealed", "x.md"]).code(1);
        let screen = ran.stdout;
        assert!(screen.contains("  note: orders was restarted "), "{screen}");
        assert!(screen.contains(" ago and does not listen on 127.0.0.1:7002 yet\n"), "{screen}");
        assert!(screen.contains("`when I wait for daemon orders to listen on port 7002`"), "{screen}");
    }
    let again = starts.replace(
        "when I restart daemon orders\n",
        "when I stop background process orders\n\
         and I start \"python3 once.py 7002\" as a background process as orders\n",
    );
    let Some(screen) = fails_with(&format!("{again}given file dial.py\nwhen I run python3 dial.py 127.0.0.1 7002"))
    else {
        return;
    };
    assert!(screen.contains("  note: orders was started again "), "{screen}");
    assert!(screen.contains(" ago and does not listen on 127.0.0.1:7002 yet\n"), "{screen}");
    // Where something else was refused, the restart is not the reason.
    let Some(screen) = fails_with(&format!("{starts}given file dial.py\nwhen I run python3 dial.py 127.0.0.1 7003"))
    else {
        return;
    };
    assert!(screen.contains("127.0.0.1:7003 refused") && !screen.contains("was restarted"), "{screen}");
}

/// Runs one scenario with the program `once.py`, which must fail, and returns its screen.
#[track_caller]
fn fails_with(steps: &str) -> Option<String> {
    let project = Project::sealed()?.file("x.md", with_programs(scenario(steps) + ONCE));
    Some(project.run(["run", "--sandbox", "sealed", "x.md"]).code(1).stderr("").stdout)
}

#[test]
fn a_daemon_that_listened_before_is_named_with_what_became_of_it() {
    let dial = "given file dial.py\nwhen I run python3 dial.py 127.0.0.1 7001";
    let Some(screen) = fails(&format!("{TWO}when I stop background process stock\n{dial}")) else { return };
    assert!(screen.contains("  note: stock listened on port 7001 until a step stopped it\n"), "{screen}");
    let killed = format!("{TWO}when I run pkill -KILL -f stock\nand I wait for daemon stock to end\n{dial}");
    let Some(screen) = fails(&killed) else { return };
    assert!(screen.contains("  note: stock listened on port 7001, but ended with signal SIGKILL"), "{screen}");
}

/// Has a port of the host's network, and says who has it.
fn held() -> (TcpListener, String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port, format!("process {} (", std::process::id()))
}

#[test]
fn the_process_outside_that_has_a_port_is_named() {
    let (_listener, port, holder) = held();
    let server = "given a daemon helper shell script server.py\n";
    let cases = [
        (
            format!("when I start \"./server.py web 127.0.0.1:{port}\" as a background process as web, on port {port}"),
            format!("port {port} is already in use by {holder}"),
        ),
        (
            format!("when I start \"./server.py web 127.0.0.1:{port}\" as a background process as web, on port 1"),
            format!("note: it found its address in use; listening: {holder}"),
        ),
        (
            format!(
                "when I start \"./server.py web 127.0.0.1:{port}\" as a background process as web\n\
                 and I wait for daemon web to write \"listening\" to stdout"
            ),
            format!("note: it found its address in use; listening: {holder}"),
        ),
        (
            format!("when I run ./server.py web 127.0.0.1:{port}"),
            format!("note: it found its address in use; listening: {holder}"),
        ),
        (
            format!(
                "when I start \"sleep 1000\" as a background process as web\n\
                 and I wait for daemon web to listen on port {port}, for at most 1 seconds"
            ),
            holder.clone(),
        ),
        (
            format!(
                "when I try to start \"./server.py web 127.0.0.1:{port}\" as web, on port {port}\n\
                 then starting the daemon succeeds"
            ),
            format!("port {port} is already in use by {holder}"),
        ),
    ];
    let scenarios: String = cases
        .iter()
        .enumerate()
        .map(|(n, (steps, _))| format!("# S{n}\n~~~scenario\n{server}{steps}\n~~~\n"))
        .collect();
    let text = with_programs(document(&scenarios));
    for sandbox in ["--sandbox=tended", "--network=host"] {
        let screen = Project::new().file("x.md", &text).run(["run", "-j1", sandbox, "x.md"]).code(1).stderr("").stdout;
        let mut scenarios = screen.split("\nFAIL ").skip(1);
        for (steps, expected) in &cases {
            let scenario = scenarios.next().unwrap_or_default();
            assert!(scenario.contains(expected), "{sandbox}: {steps}: expected {expected}\n{screen}");
            assert!(!scenario.contains("outside of this scenario"), "{scenario}");
        }
    }
}

#[test]
fn a_process_of_another_user_that_has_a_port_is_described() {
    let (_listener, port, _) = held();
    let start = format!(
        "given a daemon helper shell script server.py\n\
         when I start \"./server.py web 127.0.0.1:{port}\" as a background process as web, on port {port}"
    );
    let run = format!("given a daemon helper shell script server.py\nwhen I run ./server.py web 127.0.0.1:{port}");
    for sandbox in ["--sandbox=tended", "--network=host"] {
        for steps in [&start, &run] {
            let Some(project) = Project::new().by_user(4242) else { return };
            let text = with_programs(scenario(steps));
            let screen = project.file("x.md", text).run(["run", sandbox, "x.md"]).code(1).stdout;
            assert!(screen.contains("a process of user root outside of this scenario"), "{screen}");
            let help = format!("help: to see which process that is: `sudo ss -ltnp 'sport = :{port}'`\n");
            assert!(screen.contains(&help), "{screen}");
        }
    }
}

#[test]
fn the_process_of_another_scenario_that_has_a_port_is_named() {
    for user in [None, Some(4242)] {
        let Some(project) = Project::sealed() else { return };
        let Some(project) = user.map_or(Some(Project::new()), |user| project.by_user(user)) else { return };
        let project = project.fifo("up").fifo("gate");
        let variables = ["up", "gate"].map(|name| format!("{}={}", name.to_uppercase(), project.path(name).display()));
        let (listener, port, _) = held();
        drop(listener);
        // The second scenario lets the first one end when it ends itself.
        let text = document(&format!(
            "# Has it\n~~~scenario\ngiven a daemon helper shell script server.py\n\
             when I start \"./server.py first 127.0.0.1:{port}\" as a background process as first\n\
             and I wait for daemon first to write \"listening\" to stdout\n\
             and I run sh -c 'echo up > $UP; read word < $GATE'\n~~~\n\
             # Wants it\n~~~scenario\ngiven a daemon helper shell script server.py\nand file opens.sh\n\
             when I start \"sh opens.sh\" as a background process as opener\n\
             and I wait for daemon opener to write \"ready\" to stdout\nand I run sh -c 'read word < $UP'\n\
             and I run ./server.py second 127.0.0.1:{port}\n~~~\n\
             ~~~{{#opens.sh .file}}\ntrap 'echo go > $GATE; exit' TERM\necho ready\nsleep 1000 &\nwait\n~~~\n"
        ));
        let project = project.file("x.md", with_programs(text));
        let mut words = vec!["run", "-j2", "--network=host"];
        words.extend(variables.iter().flat_map(|variable| ["--env", variable]));
        words.push("x.md");
        let screen = project.run(words).code(1).stdout;
        assert!(
            screen.contains(&format!("server.py first 127.0.0.1:{port}) of another scenario on 127.0.0.1:{port}")),
            "{screen}"
        );
    }
}
