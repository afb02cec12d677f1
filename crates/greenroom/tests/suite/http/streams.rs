//! Server-sent events.

use snapbox::str;

use super::{UP, document, fails, holds, peak};
use crate::support::Project;

/// Returns what the failure of the last of these steps says.
fn said(steps: &str) -> String {
    let ran = fails(steps);
    let after = ran.stdout.split("FAILED").nth(1).unwrap().split_once("\n\n").unwrap().1;
    after.split("\n\n").next().unwrap().to_owned()
}

#[test]
fn events_are_waited_for_in_their_order() {
    holds(&format!(
        "{UP}given HTTP requests go to http://localhost:8000\nwhen I open event stream news at /events\n\
         and I open event stream other at /events\nand I GET /echo\nthen the response status is 200\n\
         when I wait for event stream news to send \"hello\"\n\
         and I wait for event stream news to send \"7\\ntwo\", for at most 20 seconds\n\
         and I wait for event stream other to send \"two lines\"\nand I close event stream news"
    ));
}

#[test]
fn the_event_that_was_waited_for_is_kept() {
    let open = "when I open event stream news at http://localhost:8000/events\n";
    let wait = "when I wait for event stream news to send \"two lines\"\n";
    holds(&format!(
        "{UP}{open}{wait}when I keep event stream news event as ORDER\n\
         and I keep the match of regex /^([0-9]+)/ in event stream news event as NUMBER\n\
         then value ORDER is \"7\\ntwo lines\"\nand value NUMBER is \"7\""
    ));
    snapbox::assert_data_eq!(
        said(&format!("{open}when I keep event stream news event as ORDER")),
        str![[r#"
  no step has waited for an event of event stream news
  help: write `when I wait for event stream news to send "TEXT"` before this step
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{open}{wait}when I keep event stream news event JSON $.id as ORDER")),
        str![[r#"
  the event of event stream news is not JSON: more text follows the value
  note: line 2, column 1: two lines
"#]]
    );
}

#[test]
fn an_event_that_does_not_come_is_named() {
    let open = "when I open event stream news at http://localhost:8000/events\n";
    let wait = "and I wait for event stream news to send ";
    snapbox::assert_data_eq!(
        said(&format!("{open}{wait}\"bye\", for at most 0.3 seconds")),
        str![[r#"
  event stream news sent no event with `bye` within 300 ms
  note: it has sent these events:
  note: message: "hello"
  note: order: "7/ntwo lines"
"#]]
    );
    let steps = format!("{open}{wait}\"two lines\"\n{wait}\"hello\", for at most 0.3 seconds");
    snapbox::assert_data_eq!(
        said(&steps),
        str![[r#"
  event stream news sent no event with `hello` within 300 ms
  note: an event with it came before the one that the latest step waited for
  note: it has sent no event since the one that the latest step waited for
"#]]
    );
    let ended = open.replace("/events", "/events?end");
    snapbox::assert_data_eq!(
        said(&format!("{ended}{wait}\"bye\"")),
        str![[r#"
  event stream news ended without an event with `bye`
  note: it has sent these events:
  note: message: "hello"
  note: order: "7/ntwo lines"
"#]]
    );
}

#[test]
fn what_is_not_a_stream_is_not_opened() {
    snapbox::assert_data_eq!(
        said("when I open event stream news at http://localhost:8000/nothing"),
        str![[r#"
  event stream news was not opened: the status is not 200
  note: GET http://localhost:8000/nothing was answered with status 404 Not Found after [TIME]
  body of the response:
    │ no such page
"#]]
    );
    // With the body, if it comes at once.
    let other = said("when I open event stream news at http://localhost:8000/echo");
    let reason = "event stream news was not opened: its Content-Type is application/json, not text/event-stream";
    assert!(other.contains(reason) && other.contains("/echo was answered with status 200"), "{other}");
    snapbox::assert_data_eq!(
        said("when I open event stream news at http://localhost:8000/lines"),
        str![[r#"
  event stream news was not opened: its Content-Type is text/plain, not text/event-stream
  note: GET http://localhost:8000/lines was answered with status 200
"#]]
    );
    snapbox::assert_data_eq!(
        said("when I open event stream news at http://localhost:8001/"),
        str!["  GET http://localhost:8001/ failed: connection refused"]
    );
}

#[test]
fn names_of_streams_are_checked() {
    let text = document(
        "when I open event stream news at http://localhost/\nand I wait for event stream nwes to send \"x\"\n\
         and I close event stream other",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[unknown-name]: no earlier step opens an event stream nwes
 --> x.md:8:29
  |
8 | and I wait for event stream nwes to send "x"
  |                             ^^^^
  |
  = help: did you mean news?

error[unknown-name]: no earlier step opens an event stream other
 --> x.md:9:26
  |
9 | and I close event stream other
  |                          ^^^^^
  |
  = help: write `when I open event stream other at URL` before this step

2 errors

"#]]);
}

#[test]
fn a_stream_without_end_does_not_cost_memory() {
    let open = "when I open event stream news at http://localhost:8000/noise\n";
    let peak = peak(&format!("{UP}{open}when I wait for event stream news to send \"bye\", for at most 60 seconds"));
    assert!(peak < 250, "{peak} MiB");
}
