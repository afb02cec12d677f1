//! What failed requests and checks say.

use rustix::process::Signal;
use snapbox::str;

use super::{document, fails};
use crate::support::{Fifo, Project};

/// Returns what the failure of the last of these steps says.
fn said(steps: &str) -> String {
    let ran = fails(steps);
    let after = ran.stdout.split("FAILED").nth(1).unwrap().split_once("\n\n").unwrap().1;
    after.split("\n\n").next().unwrap().to_owned()
}

#[test]
fn a_failed_check_shows_request_status_and_body() {
    fails("when I GET http://localhost:8000/broken\nthen the response status is 2xx").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file answers.py
    ok [TIME]  when I start "python3 answers.py 8000" as a background process as web, on port 8000
    ok [TIME]  when I GET http://localhost:8000/broken
    FAILED [TIME]  then the response status is 2xx

  status of the response is not as expected
    expected: 2xx
    actual:   500
              ^^^
  note: GET http://localhost:8000/broken was answered with status 500 Internal Server Error after [TIME]
  body of the response:
    │ {
    │   "error": "no database",
    │   "tried": [
    │     1,
    │     2
    │   ]
    │ }

  daemon web: still running at the end of the scenario
    command: python3 answers.py 8000
    stderr of daemon web:
      │ database is gone
      │ GET /broken 500

  1 leftover process, stopped at the end:
    python3 answers.py 8000  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn checks_of_headers_show_what_there_is() {
    let get = "when I GET http://localhost:8000/login\nthen the response ";
    snapbox::assert_data_eq!(
        said(&format!("{get}header Locatoin is \"/home\"")),
        str![[r#"
  the response has no header Locatoin
  note: its headers are Server, Date, Location, Set-Cookie, Content-Length
  note: GET http://localhost:8000/login was answered with status 302 Found after [TIME]
  note: the body of the response is empty
  help: did you mean Location?
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}header Set-Cookie contains \"admin\"")),
        str![[r#"
  header Set-Cookie of the response does not contain the expected text
  expected to contain:
    │ admin
  actual:
    │ session=abc; Path=/
  note: another header Set-Cookie is `lang=en`
  note: GET http://localhost:8000/login was answered with status 302 Found after [TIME]
  note: the body of the response is empty
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}header Location does not exist")),
        str![[r#"
  the response has a header Location, but should not
  note: Location: /home
  note: GET http://localhost:8000/login was answered with status 302 Found after [TIME]
  note: the body of the response is empty
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}header Location matches regex /^https/")),
        str![[r#"
  header Location of the response does not match the regex
  expected to match the regex:
    │ ^https
  actual:
    │ /home
  note: GET http://localhost:8000/login was answered with status 302 Found after [TIME]
  note: the body of the response is empty
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}sets cookie session to \"abd\"")),
        str![[r#"
  cookie session of the response is not as expected
    expected: abd
    actual:   abc
                ^
  note: GET http://localhost:8000/login was answered with status 302 Found after [TIME]
  note: the body of the response is empty
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}sets cookie token to \"x\"")),
        str![[r#"
  the response does not set a cookie token
  note: it sets session, lang
  note: GET http://localhost:8000/login was answered with status 302 Found after [TIME]
  note: the body of the response is empty
"#]]
    );
}

#[test]
fn checks_of_bodies_show_the_status() {
    let get = "when I GET http://localhost:8000/nothing\nthen the response body ";
    snapbox::assert_data_eq!(
        said(&format!("{get}contains \"such a page\"")),
        str![[r#"
  body of the response does not contain the expected text
  expected to contain:
    │ such a page
  actual:
    │ no such page
  note: GET http://localhost:8000/nothing was answered with status 404 Not Found after [TIME]
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}doesn't contain \"no\"")),
        str![[r#"
  body of the response contains text that it must not contain
  expected not to contain:
    │ no
  actual:
    │ no such page
  note: GET http://localhost:8000/nothing was answered with status 404 Not Found after [TIME]
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}is empty")),
        str![[r#"
  the body of the response is not empty
  note: it has 13 bytes
  note: GET http://localhost:8000/nothing was answered with status 404 Not Found after [TIME]
  body of the response:
    │ no such page
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{get}and file answers.py match")).lines().next().unwrap(),
        str!["  file answers.py and body of the response differ"]
    );
}

#[test]
fn a_request_without_a_response_fails() {
    let get = |path: &str| said(&format!("when I GET http://localhost:8000/{path}"));
    snapbox::assert_data_eq!(
        get("half"),
        str![
            "  GET http://localhost:8000/half failed: the server closed the connection in the middle of its answer: 2 of 10 bytes of the body came"
        ]
    );
    snapbox::assert_data_eq!(
        get("huge"),
        str!["  GET http://localhost:8000/huge failed: the body of the answer is larger than 64 MiB"]
    );
    snapbox::assert_data_eq!(
        get("endless"),
        str!["  GET http://localhost:8000/endless failed: the body of the answer is larger than 64 MiB"]
    );
    snapbox::assert_data_eq!(
        get("headers"),
        str!["  GET http://localhost:8000/headers failed: status and headers of the answer are larger than 64 KiB"]
    );
    snapbox::assert_data_eq!(
        get("other"),
        str![
            "  GET http://localhost:8000/other failed: the answer is not HTTP/1.1: it begins with `220 mail.test ready`"
        ]
    );
    snapbox::assert_data_eq!(
        get("gone"),
        str!["  GET http://localhost:8000/gone failed: the server closed the connection without an answer"]
    );
}

#[test]
fn a_connection_that_is_reset_shows_what_had_come() {
    let said = said("when I GET http://localhost:8000/reset");
    assert!(said.contains("/reset failed: the connection was lost: connection reset by peer"), "{said}");
    assert!(said.contains("note: status 200 and "), "{said}");
}

#[test]
fn the_beginning_of_a_long_body_is_shown() {
    let said = said("when I GET http://localhost:8000/long\nthen the response status is 404");
    assert!(
        said.contains("body of the response, the beginning of 58.9 kB:\n    │ [\n    │   0,\n    │   1,\n"),
        "{said}"
    );
    assert!(said.lines().count() < 50, "{said}");
}

#[test]
fn a_response_without_end_is_over_at_the_limit() {
    let steps = "given HTTP requests may take 0.3 seconds\nwhen I GET http://localhost:8000/silent";
    snapbox::assert_data_eq!(
        said(steps),
        str![[r#"
  GET http://localhost:8000/silent got no complete response within 300 ms
  note: status 200 and 2 of 10 bytes of the body had come
  help: to allow more time, write `given HTTP requests may take 30 seconds` before this step
"#]]
    );
}

#[test]
fn redirects_are_followed_to_an_end() {
    let get = |path: &str| said(&format!("given HTTP redirects are followed\nwhen I GET http://localhost:8000/{path}"));
    snapbox::assert_data_eq!(
        get("loop"),
        str![[r#"
  GET http://localhost:8000/loop was redirected more than 10 times
  note: redirected with status 302 to http://localhost:8000/loop
"#]]
    );
    snapbox::assert_data_eq!(
        get("mail"),
        str![
            "  GET http://localhost:8000/mail was redirected to `mailto:ada@example.org`, which is not a URL: it has no scheme"
        ]
    );
    snapbox::assert_data_eq!(
        get("away"),
        str![[r#"
  GET http://localhost:8001/new failed: connection refused
  note: the first request was GET http://localhost:8000/away
  note: redirected with status 302 to http://localhost:8001/new
"#]]
    );
    let steps =
        "given HTTP redirects are followed\nwhen I GET http://localhost:8000/login\nthen the response status is 3xx";
    snapbox::assert_data_eq!(
        said(steps),
        str![[r#"
  status of the response is not as expected
    expected: 3xx
    actual:   200
              ^^^
  note: redirected with status 302 to http://localhost:8000/home
  note: GET http://localhost:8000/home was answered with status 200 OK after [TIME]
  body of the response:
    │ cookies: none
"#]]
    );
}

#[test]
fn a_step_may_expect_that_there_is_no_response() {
    super::holds(
        "when I try to send a GET request to http://localhost:1/\nthen the request fails with \"Connection refused\"",
    );
    let steps = "when I try to send a GET request to http://localhost:8000/half\nthen ";
    snapbox::assert_data_eq!(
        said(&format!("{steps}the request fails with \"refused\"")),
        str![[r#"
  the failure of the latest request does not contain the expected text
  expected to contain:
    │ refused
  actual:
    │ GET http://localhost:8000/half failed: the server closed the connection in the middle of its answer: 2 of 10 bytes of the body came
"#]]
    );
    snapbox::assert_data_eq!(
        said(&format!("{steps}the response body doesn't contain \"x\"")),
        str![[r#"
  there is no response: the latest request failed
  note: GET http://localhost:8000/half failed: the server closed the connection in the middle of its answer: 2 of 10 bytes of the body came
"#]]
    );
    let steps =
        "when I try to send a GET request to http://localhost:8000/nothing\nthen the request fails with \"refused\"";
    snapbox::assert_data_eq!(
        said(steps),
        str![[r#"
  the latest request got a response, but should have failed
  note: GET http://localhost:8000/nothing was answered with status 404 Not Found after [TIME]
  body of the response:
    │ no such page
"#]]
    );
}

#[test]
fn a_refused_connection_says_what_listens() {
    let Some(project) = Project::sealed() else { return };
    let text = document(&format!("{}when I GET http://localhost:8001/", super::UP));
    let ran = project.file("x.md", text).run(["run", "--sandbox", "sealed", "x.md"]).code(1).stderr("");
    let note = "  GET http://localhost:8001/ failed: connection refused\n  note: 127.0.0.1:8001 and [::1]:8001 refused; \
                listening: web on 127.0.0.1:8000\n";
    assert!(ran.stdout.contains(note), "{}", ran.stdout);
}

#[test]
fn a_socket_that_is_not_there_is_named() {
    let steps = "given HTTP requests go through socket answer.py\nwhen I GET http://localhost/";
    snapbox::assert_data_eq!(
        said(steps),
        str![[r#"
  GET http://localhost/ through socket answer.py failed: no such file or directory
  note: the scenario's directory contains answers.py, web.stderr, web.stdout
  help: did you mean `answers.py`?
"#]]
    );
}

#[test]
fn within_shows_the_last_response() {
    let steps = "when I GET http://localhost:8000/nothing\nthen within 0.2 seconds the response status is 200";
    let said = said(steps);
    assert!(said.contains("note: GET http://localhost:8000/nothing was answered with status 404"), "{said}");
    assert!(said.contains("note: tried "), "{said}");
}

#[test]
fn the_limit_of_a_step_ends_a_request() {
    let text = document(&format!("{}when I GET http://localhost:8000/silent", super::UP));
    let text = text.replace("title: Trial\n", "title: Trial\nstep_timeout: 2\n");
    let ran = Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(1).stderr("");
    assert!(ran.stdout.contains("the response to GET http://localhost:8000/silent"), "{}", ran.stdout);
}

#[test]
fn ctrl_c_ends_a_request() {
    let steps =
        format!("{}given HTTP requests may take 60 seconds\nwhen I GET http://localhost:8000/silent", super::UP);
    let project = Project::anywhere().fifo("fifo").file("x.md", document(&steps));
    let fifo = format!("FIFO={}", project.path("fifo").display());
    let started = project.start(["run", "x.md", "--env", &fifo]);
    Fifo::open(project.path("fifo")).line();
    let ran = started.signal(Signal::INT).finish().code(130);
    assert!(ran.stdout.contains("1 of 1 scenario not finished"), "{}", ran.stdout);
    project.nothing_is_left();
}

/// The worker, which is the parent of commands, never had much more than the largest body.
#[test]
fn a_large_body_does_not_cost_memory() {
    super::holds(&format!(
        "{}when I try to send a GET request to http://localhost:8000/endless\nthen the request fails with \"64 MiB\"\n\
         when I run sh -c 'awk \"/VmHWM/ {{ print (\\$2 < 200000) }}\" /proc/$PPID/status'\n\
         then stdout is exactly \"1\\n\"",
        super::UP
    ));
}
