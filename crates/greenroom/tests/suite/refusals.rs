//! Who was refused, and who listens: what a failure says when a connection did not come about.

use crate::support::{Project, scenario, with_programs};

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
