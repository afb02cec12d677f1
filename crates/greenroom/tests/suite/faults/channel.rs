//! A process of a scenario that gets hold of greenroom's own channel cannot make a scenario pass.

use crate::support::{Project, document};

/// Takes copies of its parent's sockets and writes the frames in `frames.txt`, one in hexadecimal per line, to each.
const THIEF: &str = r#"
import ctypes, os, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
worker = os.getppid()
seen = set()
pidfd = libc.syscall(434, worker, 0)
for fd in range(3, 256):
    copy = libc.syscall(438, pidfd, fd, 0)
    if copy < 0:
        if ctypes.get_errno() == 1:
            print("not permitted")
            sys.exit(0)
        continue
    try:
        stolen = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        continue
    number = os.fstat(copy).st_ino
    if stolen.family == socket.AF_UNIX and stolen.type == socket.SOCK_STREAM and number not in seen:
        seen.add(number)
        for frame in open("frames.txt"):
            body = bytes.fromhex(frame)
            try:
                stolen.send(struct.pack("=I", len(body)) + body)
            except OSError:
                pass
    stolen.close()
if sys.argv[1:] == ["kill"]:
    os.kill(worker, signal.SIGKILL)
"#;

/// Runs a scenario in which a step writes these frames, and one beside it that does nothing special.
fn stolen(frames: &[&str], argument: &str) -> Option<String> {
    let hexadecimal = |frame: &&str| frame.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let frames = frames.iter().map(hexadecimal).collect::<Vec<_>>().join("\n");
    let scenarios = format!(
        "# Thief\n~~~scenario\ngiven file thief.py\nand file frames.txt\nwhen I run python3 thief.py {argument}\n\
         then stdout contains \"never\"\n~~~\n\
         # Bystander\n~~~scenario\nwhen I run true\n~~~\n\
         ~~~{{#thief.py .file}}\n{THIEF}~~~\n~~~{{#frames.txt .file}}\n{frames}\n~~~\n"
    );
    let ran = Project::anywhere().file("x.md", document(&scenarios)).run(["run", "-j1", "x.md"]).code(1).stderr("");
    if ran.stdout.contains("not permitted") {
        println!("skipped: this machine does not let a process take descriptors of its parent");
        return None;
    }
    assert!(ran.stdout.contains("  Bystander\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 of 2 scenarios broken, 1 passed"), "{}", ran.stdout);
    Some(ran.stdout)
}

const STEP_2: &str = concat!(
    r#"a{"Step":{"step":2,"reply":{"began":null,"took":{"secs":0,"nanos":0},"output":[],"#,
    r#""failure":null,"interrupted":false}}}"#
);
const STEP_3: &str = concat!(
    r#"a{"Step":{"step":3,"reply":{"began":null,"took":{"secs":0,"nanos":0},"output":[],"#,
    r#""failure":null,"interrupted":false}}}"#
);
const END: &str = r#"a{"Ended":{"daemons":[],"left_over":[],"network":null,"failure":null}}"#;

#[test]
fn an_end_that_comes_before_the_last_step_is_not_believed() {
    if let Some(screen) = stolen(&[END], "") {
        assert!(screen.contains("out of order: the end was reported with 2 steps left"), "{screen}");
    }
}

#[test]
fn a_step_that_is_reported_twice_is_not_believed() {
    if let Some(screen) = stolen(&[STEP_2], "") {
        assert!(screen.contains("out of order: step 3 was reported while step 4 was running"), "{screen}");
    }
}

#[test]
fn a_forged_end_of_a_worker_that_is_then_killed_is_not_believed() {
    if let Some(screen) = stolen(&[STEP_2, STEP_3, END], "kill") {
        assert!(screen.contains("ended with signal SIGKILL"), "{screen}");
    }
}

#[test]
fn junk_is_shown_escaped_and_ends_its_scenario_alone() {
    if let Some(screen) = stolen(&["a\u{1b}[2Jnonsense"], "") {
        assert!(screen.contains(r"an unreadable message came from its steps: `\x1b[2Jnonsense`"), "{screen}");
    }
    // Without the mark of a message from the agent, whatever the frame says.
    let unmarked = STEP_2.trim_start_matches('a');
    for junk in [["a{}"], ["a[]"], ["a"], [""], [unmarked], ["!"], ["~"], ["~x"]] {
        assert!(stolen(&junk, "").is_none_or(|screen| screen.contains("BROKEN")), "{junk:?}");
    }
}
