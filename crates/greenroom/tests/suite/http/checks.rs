//! What is said of steps before anything runs.

use snapbox::str;

use super::document;
use crate::support::Project;

fn checked(steps: &str) -> crate::support::Ran {
    Project::new().file("x.md", document(steps)).run(["check", "x.md"]).code(2).stdout("")
}

#[test]
fn urls_are_checked() {
    checked(
        "when I GET localhost:8000/x\nand I GET ftp://localhost/\nand I GET http://localhost:99999/\nand I GET /items\n\
         and I GET http:///x\nand I send a GET request to http://localhost/a b\n\
         given HTTP requests go to http://localhost/?x\nwhen I GET /items\nand I GET ${BASE}/items",
    )
    .stderr(str![[r#"
error[bad-url]: invalid URL: localhost:8000/x
 --> x.md:7:12
  |
7 | when I GET localhost:8000/x
  |            ^^^^^^^^^^^^^^^^ it has no scheme
  |
  = help: write the whole URL, such as `http://localhost:8000/x`

error[bad-url]: invalid URL: ftp://localhost/
 --> x.md:8:11
  |
8 | and I GET ftp://localhost/
  |           ^^^ its scheme is `ftp`
  |
  = help: HTTP steps know the schemes `http` and `https`

error[bad-url]: invalid URL: http://localhost:99999/
 --> x.md:9:28
  |
9 | and I GET http://localhost:99999/
  |                            ^^^^^ `99999` is not a port
  |
  = help: a port is a number from 1 to 65535

error[bad-url]: invalid URL: /items
  --> x.md:10:11
   |
10 | and I GET /items
   |           ^^^^^^ it is relative
   |
   = help: write the whole URL, or `given HTTP requests go to http://localhost:8000` before this step

error[bad-url]: invalid URL: http:///x
  --> x.md:11:18
   |
11 | and I GET http:///x
   |                  ^ it has no host
   |
   = help: write one, such as `localhost`

error[unknown-step]: no binding matches this step
  --> x.md:12:1
   |
12 | and I send a GET request to http://localhost/a b
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `when I send a {method:word} request to {url:word}` in lib/http.yaml (built in) would match except for `url`
   = help: `url` must be one word (word), not `http://localhost/a b`

error[bad-url]: invalid URL: http://localhost/?x
  --> x.md:13:44
   |
13 | given HTTP requests go to http://localhost/?x
   |                                            ^^ nothing can follow a query or a fragment

7 errors

"#]]);
}

#[test]
fn methods_headers_statuses_and_regexes_are_checked() {
    checked(
        "given HTTP header Content-Type: is \"x\"\nand HTTP header X(y) is \"x\"\n\
         and HTTP requests may take 0 seconds\n\
         when I send a G(T request to http://localhost/\nthen the response status is 600\nand the response status is ok\n\
         and the response header Location: exists\nand the response body matches regex /a(/",
    )
    .stderr(str![[r#"
error[bad-header]: invalid header name: Content-Type:
 --> x.md:7:19
  |
7 | given HTTP header Content-Type: is "x"
  |                   ^^^^^^^^^^^^^
  |
  = help: write it without the colon: `Content-Type`

error[bad-header]: invalid header name: X(y)
 --> x.md:8:17
  |
8 | and HTTP header X(y) is "x"
  |                 ^^^^

error[bad-limit]: invalid time limit: 0 seconds
 --> x.md:9:28
  |
9 | and HTTP requests may take 0 seconds
  |                            ^
  |
  = help: write a number of seconds above 0 and up to 86400, such as 0.5 or 30

error[bad-method]: invalid HTTP method: G(T
  --> x.md:10:15
   |
10 | when I send a G(T request to http://localhost/
   |               ^^^
   |
   = help: a method is a word such as GET or POST

error[bad-status]: invalid HTTP status: 600
  --> x.md:11:29
   |
11 | then the response status is 600
   |                             ^^^
   |
   = help: write a number from 100 to 599, or a class such as 2xx

error[bad-status]: invalid HTTP status: ok
  --> x.md:12:28
   |
12 | and the response status is ok
   |                            ^^
   |
   = help: write a number from 100 to 599, or a class such as 2xx

error[bad-header]: invalid header name: Location:
  --> x.md:13:25
   |
13 | and the response header Location: exists
   |                         ^^^^^^^^^
   |
   = help: write it without the colon: `Location`

error[bad-regex]: invalid regular expression: unclosed group
  --> x.md:14:38
   |
14 | and the response body matches regex /a(/
   |                                      ^^

8 errors

"#]]);
}

#[test]
fn json_is_checked_with_its_column() {
    checked(
        "when I send a POST request to http://localhost/ with JSON {\"a\": 1,}\n\
         and I POST JSON {\"ä\": tru} to http://localhost/\n\
         and I send a POST request to http://localhost/ with JSON {a: 1}",
    )
    .stderr(str![[r#"
error[bad-json]: invalid JSON: expected a name between double quotes, at column 9
 --> x.md:7:67
  |
7 | when I send a POST request to http://localhost/ with JSON {"a": 1,}
  |                                                                   ^

error[bad-json]: invalid JSON: expected `null`, `true` or `false`, at column 10
 --> x.md:8:26
  |
8 | and I POST JSON {"ä": tru} to http://localhost/
  |                          ^

error[bad-json]: invalid JSON: expected a name between double quotes, at column 2
 --> x.md:9:59
  |
9 | and I send a POST request to http://localhost/ with JSON {a: 1}
  |                                                           ^

3 errors

"#]]);
}

#[test]
fn quotes_where_none_belong_are_named() {
    checked(
        "when I GET \"http://localhost/\"\nand I send a POST request to http://localhost/ with JSON \"{\"a\": 1}\"\n\
         given HTTP header \"Accept\" is \"x\"",
    )
    .stderr(str![[r#"
error[bad-url]: invalid URL: "http://localhost/"
 --> x.md:7:12
  |
7 | when I GET "http://localhost/"
  |            ^^^^^^^^^^^^^^^^^^^
  |
  = help: write it without quotes: `http://localhost/`

error[bad-json]: invalid JSON: trailing characters, at column 4
 --> x.md:8:61
  |
8 | and I send a POST request to http://localhost/ with JSON "{"a": 1}"
  |                                                             ^
  |
  = help: write it without quotes around it

error[bad-header]: invalid header name: "Accept"
 --> x.md:9:19
  |
9 | given HTTP header "Accept" is "x"
  |                   ^^^^^^^^
  |
  = help: write it without quotes: `Accept`

3 errors

"#]]);
}

#[test]
fn names_of_files_are_checked() {
    checked(
        "given HTTP certificates of file ca.pem are trusted\nand HTTP requests go through socket ../app.sock\n\
         when I POST order.json to http://localhost/\nand I send a POST request to http://localhost/ with file x.png\n\
         and I send a POST request to http://localhost/ with upload /etc/passwd as x\n\
         then the response body is embedded file page.html\nand the response body and file y match",
    )
    .stderr(str![[r#"
error[never-created]: file ca.pem does not exist: no earlier step can create it
 --> x.md:7:33
  |
7 | given HTTP certificates of file ca.pem are trusted
  |                                 ^^^^^^
  |
  = help: write `given file ca.pem` before this step, and embed the file in the document

error[outside-directory]: ../app.sock is outside of the scenario's directory
 --> x.md:8:37
  |
8 | and HTTP requests go through socket ../app.sock
  |                                     ^^^^^^^^^^^
  |
  = help: write a path inside the scenario's directory, without a leading `/` or `..`

error[missing-file]: this document has no embedded file `order.json`
 --> x.md:9:13
  |
9 | when I POST order.json to http://localhost/
  |             ^^^^^^^^^^
  |
  = help: embed it in a fenced block with `{#order.json .file}` after the fence

error[outside-directory]: /etc/passwd is outside of the scenario's directory
  --> x.md:11:60
   |
11 | and I send a POST request to http://localhost/ with upload /etc/passwd as x
   |                                                            ^^^^^^^^^^^
   |
   = help: write a path inside the scenario's directory, without a leading `/` or `..`

error[missing-file]: this document has no embedded file `page.html`
  --> x.md:12:41
   |
12 | then the response body is embedded file page.html
   |                                         ^^^^^^^^^
   |
   = help: embed it in a fenced block with `{#page.html .file}` after the fence

5 errors

"#]]);
}

#[test]
fn a_response_needs_a_request() {
    checked("then the response status is 200").stderr(str![[r#"
error[no-request]: no earlier step has sent an HTTP request
 --> x.md:7:1
  |
7 | then the response status is 200
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write a step such as `when I send a GET request to http://localhost:8000/` before this step

1 error

"#]]);
}

#[test]
fn a_request_that_changes_something_is_not_repeated() {
    checked(
        "when I send a POST request to http://localhost/\nthen within 5 seconds the response status is 200\n\
         then within 5 seconds the request fails with \"refused\"",
    )
    .stderr(str![[r#"
error[never-changes]: the POST request is not sent again, so its response does not change
 --> x.md:8:1
  |
8 | then within 5 seconds the response status is 200
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: send a GET request before this step, which is then sent again for each look

error[never-changes]: a request that has failed is over
 --> x.md:9:1
  |
9 | then within 5 seconds the request fails with "refused"
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: wait for the server, and check this request without `within` or `for`

2 errors

"#]]);
}
