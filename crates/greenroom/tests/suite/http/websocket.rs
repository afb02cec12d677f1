//! WebSockets.

use snapbox::str;

use super::tls::{NAMES, TRUSTED, certificate, openssl};
use super::{document, holds, peak};
use crate::support::{Project, Ran};

/// A server `chat` on port 8000.
const UP: &str = "given file chat.py
when I start \"python3 chat.py 8000\" as a background process as chat, on port 8000
";
const OPEN: &str = "when I open WebSocket chat at ws://localhost:8000/\n";

/// Sends a text.
fn send(text: &str) -> String {
    format!("when I send \"{text}\" to WebSocket chat\n")
}

/// Waits for a message.
fn wait(wanted: &str) -> String {
    format!("when I wait for WebSocket chat to send {wanted}\n")
}

/// Returns what the failure of the last of these steps says.
fn said(steps: &str) -> String {
    let ran: Ran = Project::anywhere().file("x.md", document(steps)).run(["run", "x.md"]).code(1).stderr("");
    let after = ran.stdout.split("FAILED").nth(1).unwrap().split_once("\n\n").unwrap().1;
    after.split("\n\n").next().unwrap().to_owned()
}

#[test]
fn messages_are_sent_and_waited_for_in_their_order() {
    let steps = [
        format!("{UP}{OPEN}"),
        send("hello"),
        wait("\"hello\""),
        "when I send JSON {\"a\": [1, 2]} to WebSocket chat\n".to_owned(),
        "and I send embedded file order.json to WebSocket chat\n".to_owned(),
        wait("exactly \"you said {\\\"a\\\": [1, 2]}\", for at most 20 seconds"),
        wait("\"milk\""),
        send("fragments"),
        wait("exactly \"one, tw\\u{f6}\""),
        send("binary"),
        wait("\"end\""),
        send("pings 1000"),
        send("count 30000"),
        wait("regex /^number 12345$/, for at most 20 seconds"),
        wait("exactly \"number 29999\", for at most 20 seconds"),
        send("large 10000000"),
        wait("\"xend\", for at most 20 seconds"),
        "then WebSocket chat is open\nand for 0.1 seconds WebSocket chat is open\n".to_owned(),
    ];
    let text = document(&steps.concat()) + "\n~~~{#order.json .file}\n{\"item\": \"milk\"}\n~~~\n";
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).passes();
}

#[test]
fn the_message_that_was_waited_for_is_kept() {
    let steps = [
        format!("{UP}{OPEN}"),
        "when I send JSON {\"id\": 17, \"tags\": [\"a b\"]} to WebSocket chat\n".to_owned(),
        send("later"),
        wait("regex /17/"),
        "when I keep WebSocket chat message as FIRST\n".to_owned(),
        "and I keep the match of regex /\"id\": ([0-9]+)/ in WebSocket chat message as ID\n".to_owned(),
        wait("\"later\""),
        "when I keep WebSocket chat message as SECOND\n".to_owned(),
        "then value FIRST is \"you said {\\\"id\\\": 17, \\\"tags\\\": [\\\"a b\\\"]}\"\n".to_owned(),
        "and value ID is \"17\"\nand value SECOND is \"you said later\"\n".to_owned(),
        send("json {\\\"id\\\": ${ID}, \\\"tags\\\": [\\\"a b\\\"]}"),
        wait("\"tags\""),
        "when I keep WebSocket chat message JSON $.tags as TAGS\n".to_owned(),
        "and I keep WebSocket chat message JSON $.id as NUMBER\n".to_owned(),
        "then value TAGS is \"[\\\"a b\\\"]\"\nand value NUMBER is \"17\"\n".to_owned(),
    ];
    holds(&steps.concat());
}

#[test]
fn a_message_that_cannot_be_kept_is_explained() {
    let keep = "when I keep WebSocket chat message as TEXT";
    snapbox::assert_data_eq!(
        said(&format!("{UP}{OPEN}{}{keep}", send("hello"))),
        str![[r#"
  no step has waited for a message of WebSocket chat
  help: write `when I wait for WebSocket chat to send "TEXT"` before this step
"#]]
    );
    let steps = format!("{UP}{OPEN}{}{}", send("hello"), wait("\"hello\""));
    let json = steps.clone() + "when I keep WebSocket chat message JSON $.id as ID";
    snapbox::assert_data_eq!(
        said(&json),
        str![[r#"
  the message of WebSocket chat is not JSON: expected a JSON value
  note: line 1, column 1: you said hello
"#]]
    );
    let regex = steps + "when I keep the match of regex /[0-9]+/ in WebSocket chat message as ID";
    snapbox::assert_data_eq!(
        said(&regex),
        str![[r#"
  the message of WebSocket chat does not match the regex
  expected to match the regex:
    │ [0-9]+
  actual:
    │ you said hello
"#]]
    );
    let binary = format!("{UP}{OPEN}{}{}{keep}", send("binary"), wait("\"end\""));
    snapbox::assert_data_eq!(
        said(&binary),
        str![[r#"
  the message of WebSocket chat is not UTF-8, so it cannot be kept
  note: byte 1 is 0xff
"#]]
    );
}

#[test]
fn messages_of_what_no_step_opens_are_not_kept() {
    let text = document(
        "when I open WebSocket chat at ws://localhost:8000/\n\
         and I open event stream news at http://localhost:8000/events\n\
         and I keep WebSocket caht message as A\nand I keep event stream nwes event JSON $.a as B\n\
         and I keep the match of regex /(/ in WebSocket chat message as C\n\
         and I keep event stream news event JSON $[ as D\n\
         and I keep event stream news event as A",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[unknown-name]: no earlier step opens a WebSocket caht
 --> x.md:9:22
  |
9 | and I keep WebSocket caht message as A
  |                      ^^^^
  |
  = help: did you mean chat?

error[unknown-name]: no earlier step opens an event stream nwes
  --> x.md:10:25
   |
10 | and I keep event stream nwes event JSON $.a as B
   |                         ^^^^
   |
   = help: did you mean news?

error[bad-regex]: invalid regular expression: unclosed group
  --> x.md:11:32
   |
11 | and I keep the match of regex /(/ in WebSocket chat message as C
   |                                ^

error[unknown-step]: no binding matches this step
  --> x.md:12:1
   |
12 | and I keep event stream news event JSON $[ as D
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `when I keep event stream {stream:word} event JSON {path:jsonpath} as {name:word}` in lib/values.yaml (built in) would match except for `path`
   = help: `path` must be a JSONPath such as `$.items[0]`, without spaces outside of brackets (jsonpath), not `$[`

error[kept-twice]: a value is already kept as A: `and I keep WebSocket caht message as A`
  --> x.md:13:39
   |
13 | and I keep event stream news event as A
   |                                       ^
   |
   = help: keep this one under another name

5 errors

"#]]);
}

#[test]
fn a_close_has_a_side_a_code_and_a_reason() {
    holds(&format!(
        "{UP}{OPEN}when I close WebSocket chat\nthen WebSocket chat is closed with code 1000\n\
         when I wait for daemon chat to write \"closed 1000\" to stdout\nand I close WebSocket chat"
    ));
    holds(&format!(
        "{UP}{OPEN}{}when I wait for WebSocket chat to close\nthen WebSocket chat is closed with code 1008\n\
         and WebSocket chat is closed with code 1008 and reason \"not logged in\"\n\
         when I open WebSocket chat at ws://localhost:8000/\nthen WebSocket chat is open",
        send("close 1008 not logged in")
    ));
    // Messages that come before the close are there for later steps.
    holds(&format!(
        "{UP}{OPEN}{}{}then within 20 seconds WebSocket chat is closed with code 1005\n{}",
        send("count 3"),
        send("close "),
        wait("\"number 1\"")
    ));
    holds(&format!("{UP}{OPEN}{}then within 20 seconds WebSocket chat is closed with code 1006", send("vanish")));
}

#[test]
fn what_requests_send_is_sent_by_the_handshake_too() {
    let base = "given HTTP requests go to http://localhost:8000\n";
    holds(&format!(
        "{UP}{base}given HTTP header Sec-WebSocket-Protocol is \"v2, v1\"\n\
         given HTTP user \"ada\" with password \"x\"\ngiven HTTP cookies are kept\n\
         when I open WebSocket first at /cookie\nwhen I open WebSocket chat at /welcome\n\
         {}{}{}",
        wait("exactly \"welcome\""),
        send("headers"),
        wait("regex /\"Authorization\": \"Basic YWRhOng=\".*\"Cookie\": \"seen=yes\".*\"Protocol\": \"v2, v1\"/")
            .replace("\"Protocol\"", "\"Sec-WebSocket-Protocol\""),
    ));
}

#[test]
fn a_websocket_goes_over_tls() {
    if !openssl() {
        return;
    }
    let start = format!(
        "{}given file chat.py\nwhen I start \"python3 chat.py 8443 web.pem web.key\" as a background process as chat, \
         on port 8443\n",
        certificate("web", NAMES)
    );
    let open = "when I open WebSocket chat at wss://localhost:8443/\n";
    holds(&format!(
        "{start}{TRUSTED}{open}{}{}{}{}when I close WebSocket chat",
        send("large 5000000"),
        wait("\"xend\", for at most 20 seconds"),
        send("count 30000"),
        wait("exactly \"number 29999\", for at most 20 seconds"),
    ));
    snapbox::assert_data_eq!(
        said(&format!("{start}{open}")),
        str![[r#"
  GET wss://localhost:8443/ failed: the certificate of the server is not trusted
  note: no certificate is trusted, also none of this machine
  help: write `given HTTP certificates of file FILE are trusted` before this step, with the certificate of the server or of the authority that signed it
  help: or, to accept any server, `given HTTP certificates are not checked`
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{UP}{}", OPEN.replace("ws:", "wss:"))),
        str![[r#"
  GET wss://localhost:8000/ failed: the server does not speak TLS
  help: write the URL with `ws://`
"#]]
    );
}

#[test]
fn a_message_that_does_not_come_is_named() {
    let ended = format!("{UP}{OPEN}{}{}{}", send("count 7"), send("pings 3"), send("close 1011 no database"));
    snapbox::assert_data_eq!(
        said(&format!("{ended}{}", wait("\"bye\""))),
        str![[r#"
  WebSocket chat sent no message with `bye`: it was closed by the server with code 1011 and reason "no database"
  note: it has sent 7 other messages, at last these:
  note: "number 2"
  note: "number 3"
  note: "number 4"
  note: "number 5"
  note: "number 6"
  note: it has sent 3 pings
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{ended}{}{}", wait("\"number 5\""), wait("exactly \"number 3\""))),
        str![[r#"
  WebSocket chat sent no message that is exactly `number 3`: it was closed by the server with code 1011 and reason "no database"
  note: such a message came before the one that the latest step waited for
  note: it has sent these messages:
  note: "number 6"
  note: it has sent 3 pings
  note: it was opened at ws://localhost:8000/
"#]]
    );
    let binary = format!("{UP}{OPEN}{}{}", send("binary"), send("close 1000"));
    snapbox::assert_data_eq!(
        said(&format!("{binary}{}", wait("regex /[0-9]/"))),
        str![[r#"
  WebSocket chat sent no message that matches /[0-9]/: it was closed by the server with code 1000
  note: it has sent these messages:
  note: 5 bytes: "/x00/xffend"
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{UP}{OPEN}{}", wait("\"bye\", for at most 0.3 seconds"))),
        str![[r#"
  WebSocket chat sent no message with `bye` within 300 ms
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
}

#[test]
fn a_handshake_that_is_refused_shows_the_response() {
    let open = |path: &str| format!("{UP}when I open WebSocket chat at ws://localhost:8000/{path}");
    snapbox::assert_data_eq!(
        said(&open("refused")),
        str![[r#"
  WebSocket chat was not opened: the status is not 101
  note: GET ws://localhost:8000/refused was answered with status 403 Forbidden after [TIME]
  body of the response:
    │ {
    │   "error": "not logged in"
    │ }
"#]]
    );
    snapbox::assert_data_eq!(
        said(&open("without/Upgrade")),
        str![[r#"
  WebSocket chat was not opened: the response does not follow the protocol: it has no header `Upgrade: websocket`
  note: GET ws://localhost:8000/without/Upgrade was answered with status 101 Switching Protocols after [TIME]
"#]]
    );
    snapbox::assert_data_eq!(
        said(&open("with/Sec-WebSocket-Accept/abc")),
        str![[r#"
  WebSocket chat was not opened: the response does not follow the protocol: its header Sec-WebSocket-Accept is `abc`, which does not fit the key
  note: GET ws://localhost:8000/with/Sec-WebSocket-Accept/abc was answered with status 101 Switching Protocols after [TIME]
"#]]
    );
    snapbox::assert_data_eq!(
        said(&open("with/Sec-WebSocket-Protocol/v9")),
        str![[r#"
  WebSocket chat was not opened: the response does not follow the protocol: it chooses the protocol `v9`, which was not asked for
  note: GET ws://localhost:8000/with/Sec-WebSocket-Protocol/v9 was answered with status 101 Switching Protocols after [TIME]
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("given HTTP requests may take 0.3 seconds\n{}", open("silent"))),
        str![[r#"
  GET ws://localhost:8000/silent got no complete response within 300 ms
  note: there was no answer
"#]]
    );
    snapbox::assert_data_eq!(
        said(&open("").replace("ws://localhost:8000", "ws://localhost:8001")),
        str!["  GET ws://localhost:8001/ failed: connection refused"]
    );
}

#[test]
fn a_connection_that_is_lost_says_what_had_come() {
    let after = |text: &str| said(&format!("{UP}{OPEN}{}{}", send(text), wait("\"bye\"")));
    snapbox::assert_data_eq!(
        after("vanish"),
        str![[r#"
  WebSocket chat sent no message with `bye`: the server closed the connection without closing the WebSocket
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        after("half"),
        str![[r#"
  WebSocket chat sent no message with `bye`: the server closed the connection without closing the WebSocket (70 of 100 bytes of a message had come)
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{UP}{OPEN}{}when I wait for WebSocket chat to close", send("vanish"))),
        str![[r#"
  WebSocket chat was not closed: the server closed the connection without closing the WebSocket
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
}

#[test]
fn messages_have_a_limit() {
    let after = |text: &str| said(&format!("{UP}{OPEN}{}{}", send(text), wait("\"bye\", for at most 20 seconds")));
    snapbox::assert_data_eq!(
        after("huge"),
        str![[r#"
  WebSocket chat sent no message with `bye`: a message has 1073741824 bytes or more, which is over the limit of 16 MiB
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        after("endless"),
        str![[r#"
  WebSocket chat sent no message with `bye`: a message has 16842752 bytes or more, which is over the limit of 16 MiB
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
}

/// A server that never stops ends no limit, whatever it sends.
#[test]
fn a_flood_does_not_exceed_the_limit_of_a_step() {
    for kind in ["flood", "flood pings", "hollow"] {
        let shown = said(&format!("{UP}{OPEN}{}{}", send(kind), wait("\"bye\", for at most 0.5 seconds")));
        assert!(shown.starts_with("  WebSocket chat sent no message with `bye` within 500 ms\n"), "{kind}: {shown}");
    }
}

#[test]
fn a_flood_does_not_cost_memory() {
    for kind in ["flood", "flood pings", "hollow", "endless", "huge"] {
        let peak = peak(&format!("{UP}{OPEN}{}{}", send(kind), wait("\"bye\", for at most 2 seconds")));
        assert!(peak < 200, "{kind}: {peak} MiB");
    }
}

#[test]
fn what_does_not_follow_the_protocol_is_named() {
    let after = |text: &str| said(&format!("{UP}{OPEN}{}{}", send(text), wait("\"bye\"")));
    snapbox::assert_data_eq!(
        after("latin"),
        str![[r#"
  WebSocket chat sent no message with `bye`: the server does not follow the protocol of WebSockets: a text is not valid UTF-8
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        after("bits"),
        str![[r#"
  WebSocket chat sent no message with `bye`: the server does not follow the protocol of WebSockets: a frame uses an extension that was not agreed on
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
}

#[test]
fn a_close_that_is_not_as_expected_is_named() {
    let closed = format!("{UP}{OPEN}{}when I wait for WebSocket chat to close\n", send("close 1011 no database"));
    let after = |steps: &str| said(&format!("{closed}{steps}"));
    snapbox::assert_data_eq!(
        after("then WebSocket chat is closed with code 1000"),
        str![[r#"
  WebSocket chat is not closed with code 1000: it was closed by the server with code 1011 and reason "no database"
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        after("then WebSocket chat is closed with code 1011 and reason \"database\""),
        str![[r#"
  the reason for the close of WebSocket chat is not as expected
    expected: database
    actual:   no database
              ^^^
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        after("then WebSocket chat is open"),
        str![[r#"
  WebSocket chat is not open: it was closed by the server with code 1011 and reason "no database"
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        after(&send("hello")),
        str![[r#"
  cannot send to WebSocket chat: it was closed by the server with code 1011 and reason "no database"
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    let open = |steps: &str| said(&format!("{UP}{OPEN}{steps}"));
    snapbox::assert_data_eq!(
        open("then WebSocket chat is closed with code 1000"),
        str![[r#"
  WebSocket chat is not closed
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
  help: to wait for that, write `within 5 seconds` in front of this step
"#]]
    );
    snapbox::assert_data_eq!(
        open("when I wait for WebSocket chat to close, for at most 0.3 seconds"),
        str![[r#"
  the server did not close WebSocket chat within 300 ms
  note: it has sent no message
  note: it was opened at ws://localhost:8000/
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!(
            "{UP}given HTTP requests may take 0.3 seconds\nwhen I open WebSocket chat at ws://localhost:8000/stubborn\n\
             when I close WebSocket chat"
        )),
        str![[r#"
  the server did not confirm the close of WebSocket chat within 300 ms
  note: it has sent no message
  note: it was opened at ws://localhost:8000/stubborn
"#]]
    );
}

#[test]
fn mistakes_are_found_before_the_run() {
    let text = document(
        "when I open WebSocket chat at http://localhost/\nand I open WebSocket news at /news\n\
         and I open WebSocket news at ws://localhost:99999/\nand I wait for WebSocket caht to send \"x\"\n\
         and I wait for WebSocket chat to send regex /(/\n\
         and I wait for WebSocket chat to send \"x\", for at most 0 seconds\n\
         and I send JSON {\"a\" 1} to WebSocket chat\nand I send embedded file order.json to WebSocket chat\n\
         and I close WebSocket other\nthen WebSocket chat is closed with code 99",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-url]: invalid URL: http://localhost/
 --> x.md:7:31
  |
7 | when I open WebSocket chat at http://localhost/
  |                               ^^^^ its scheme is `http`
  |
  = help: write `ws://`, the scheme of WebSockets

error[bad-url]: invalid URL: /news
 --> x.md:8:30
  |
8 | and I open WebSocket news at /news
  |                              ^^^^^ it is relative
  |
  = help: write the whole URL, or `given HTTP requests go to http://localhost:8000` before this step

error[bad-url]: invalid URL: ws://localhost:99999/
 --> x.md:9:45
  |
9 | and I open WebSocket news at ws://localhost:99999/
  |                                             ^^^^^ `99999` is not a port
  |
  = help: a port is a number from 1 to 65535

error[unknown-name]: no earlier step opens a WebSocket caht
  --> x.md:10:26
   |
10 | and I wait for WebSocket caht to send "x"
   |                          ^^^^
   |
   = help: did you mean chat?

error[bad-regex]: invalid regular expression: unclosed group
  --> x.md:11:46
   |
11 | and I wait for WebSocket chat to send regex /(/
   |                                              ^

error[bad-limit]: invalid time limit: 0 seconds
  --> x.md:12:56
   |
12 | and I wait for WebSocket chat to send "x", for at most 0 seconds
   |                                                        ^
   |
   = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[bad-json]: invalid JSON: expected `:`, at column 6
  --> x.md:13:22
   |
13 | and I send JSON {"a" 1} to WebSocket chat
   |                      ^

error[missing-file]: this document has no embedded file `order.json`
  --> x.md:14:26
   |
14 | and I send embedded file order.json to WebSocket chat
   |                          ^^^^^^^^^^
   |
   = help: embed it in a fenced block with `{#order.json .file}` after the fence

error[bad-close-code]: invalid close code: 99
  --> x.md:16:41
   |
16 | then WebSocket chat is closed with code 99
   |                                         ^^
   |
   = help: write a number from 1000 to 4999, such as 1000 for a normal end

9 errors

"#]]);
}
