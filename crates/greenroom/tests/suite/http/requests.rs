//! Requests: what they say, and how they get to their server.

use super::{UP, document, holds};
use crate::support::Project;

#[test]
fn a_request_has_a_body_of_each_kind() {
    holds(&format!(
        r#"{UP}given HTTP requests go to http://localhost:8000
and file notes.json from notes.json
when I send a GET request to /echo with query name=Ada Lovelace&x=ü
then the response status is 200
and the response body contains "\"/echo?name=Ada+Lovelace&x=%C3%BC\""
when I send a POST request to /echo with JSON {{"a b": [1, null]}}
then the response body contains "\"body\": \"{{\\\"a b\\\": [1, null]}}\""
and the response body contains "\"Content-Type\": \"application/json\""
when I send a PUT request to /echo with body "milk\nbread"
then the response body contains "milk\\nbread"
and the response body contains "text/plain; charset=utf-8"
when I send a POST request to /echo with form name=Ada Lovelace&city=Zürich
then the response body contains "name=Ada+Lovelace&city=Z%C3%BCrich"
and the response body contains "application/x-www-form-urlencoded"
when I send a PATCH request to /echo with embedded file notes.json
then the response body contains "[7]\\n"
when I send a DELETE request to /echo with file notes.json
then the response body contains "[7]\\n"
and the response body contains "\"Content-Length\": \"4\""
when I send a POST request to /echo with upload notes.json as notes
then the response body contains "name=\\\"notes\\\"; filename=\\\"notes.json\\\""
and the response body contains "multipart/form-data; boundary="
when I send an OPTIONS request to /echo
then the response body contains "\"method\": \"OPTIONS\""
when I send a patch request to /echo
then the response body contains "\"method\": \"PATCH\""
when I send a PROPFIND request to /echo
then the response body contains "\"method\": \"PROPFIND\""
~~~

~~~{{#notes.json .file}}
[7]"#
    ));
}

#[test]
fn short_forms_send_requests() {
    holds(&format!(
        r#"{UP}when I GET http://localhost:8000/echo
then the response body contains "\"method\": \"GET\""
when I HEAD http://localhost:8000/echo
then the response body is empty
and the response header Content-Length exists
when I POST notes.json to http://localhost:8000/echo
then the response body contains "[7]\\n"
when I PUT JSON {{"a": "b to c"}} to http://localhost:8000/echo
then the response body contains "b to c"
when I DELETE http://localhost:8000/nothing
then the response status is 404
~~~

~~~{{#notes.json .file}}
[7]"#
    ));
}

/// A step of a document that only looks like a short form is the document's.
#[test]
fn short_forms_are_in_capital_letters() {
    let text = document("when I get the list\nand I delete /x").replace("lib/http.yaml,", "lib/http.yaml, own.yaml,");
    let own = "- when: I get the list\n  impl: {native: {function: http_keep_cookies}}\n\
               - when: I delete /x\n  impl: {native: {function: http_keep_cookies}}\n";
    Project::new().file("x.md", text).file("own.yaml", own).run(["check", "x.md"]).code(0).stderr("");
}

#[test]
fn options_change_all_later_requests() {
    holds(&format!(
        r#"{UP}given HTTP requests go to http://localhost:8000
and HTTP header X-Trace is "7"
and HTTP header Host is "app.test"
and no HTTP header User-Agent
and HTTP user "ada" with password "open sesame"
when I GET /echo
then the response body contains "\"X-Trace\": \"7\""
and the response body contains "\"Host\": \"app.test\""
and the response body contains "\"Authorization\": \"Basic YWRhOm9wZW4gc2VzYW1l\""
and the response body doesn't contain "User-Agent"
given HTTP header X-Trace is "8"
and no HTTP header X-Trace
and HTTP bearer token "t0ken"
when I GET /echo
then the response body doesn't contain "X-Trace"
and the response body contains "\"Authorization\": \"Bearer t0ken\""
when I GET http://eve:x%21@localhost:8000/echo
then the response body contains "\"Authorization\": \"Basic ZXZlOngh\""
"#
    ));
}

#[test]
fn cookies_and_redirects_are_for_those_who_ask() {
    holds(&format!(
        r#"{UP}given HTTP requests go to http://localhost:8000
when I GET /login
then the response status is 302
and the response header location is "/home"
and the response sets cookie session to "abc"
when I GET /home
then the response body is "cookies: none"
given HTTP cookies are kept
when I GET /login
and I GET /home
then the response body is "cookies: session=abc; lang=en"
given HTTP redirects are followed
when I send a POST request to /login with body "x"
then the response status is 200
and the response body is "cookies: session=abc; lang=en"
"#
    ));
}

#[test]
fn bodies_are_compared_as_text_and_written_to_files() {
    holds(&format!(
        r#"{UP}given HTTP requests go to http://localhost:8000
when I GET /latin
then the response body is "Grüße"
and the response body matches regex /^Gr.+e$/
given HTTP header Accept-Encoding is "gzip"
when I GET /gzip
then the response body is "hello"
when I write the response body to file hello.txt
then file hello.txt contains "hello"
and the response body and file hello.txt match
when I GET /nothing
then the response body is embedded file nothing.txt
and the response took at most 60 seconds
~~~

~~~{{#nothing.txt .file}}
no such page"#
    ));
}

#[test]
fn requests_go_through_a_unix_socket_however_long_its_path_is() {
    let deep = "d".repeat(120);
    holds(&format!(
        r#"given file answers.py
and a directory {deep}
when I start "sh -c 'cd {deep} && exec python3 ../answers.py app.sock'" as a background process as web
and I wait for socket {deep}/app.sock to accept connections
given HTTP requests go through socket {deep}/app.sock
when I GET http://app.test/echo
then the response body contains "\"Host\": \"app.test\""
"#
    ));
}

/// `localhost` is `127.0.0.1` and `::1`, also where the names file knows only one.
#[test]
fn localhost_is_both_addresses() {
    holds(
        "when I start \"python3 -m http.server 8000 --bind ::1\" as a background process as web, on port 8000\n\
         when I GET http://localhost:8000/\nthen the response status is 200\n\
         when I GET http://app.localhost:8000/\nthen the response status is 200",
    );
}

#[test]
fn a_response_is_fetched_again_by_within() {
    holds(&format!(
        "{UP}when I GET http://localhost:8000/flaky\nthen the response status is 503\n\
         then within 10 seconds the response status is 200\nand the response body is \"asked 4 times\""
    ));
}

/// Proxies of the caller are not used.
#[test]
fn no_proxy_is_used() {
    let text = document(&format!("{UP}when I GET http://localhost:8000/echo\nthen the response status is 200"));
    let project = Project::anywhere().file("x.md", text);
    let args = ["run", "--env", "http_proxy=http://localhost:1", "--env", "ALL_PROXY=http://localhost:1", "x.md"];
    project.run(args).passes();
}
