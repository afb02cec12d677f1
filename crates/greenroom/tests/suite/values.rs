//! Values that steps keep, and where later steps put them.

use snapbox::str;

use crate::support::{Project, Ran};

const HEAD: &str = "---\ntitle: Values\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/http.yaml, lib/json.yaml, \
    lib/runcmd.yaml]\n...\n";

fn document(steps: &str) -> String {
    format!("{HEAD}# The scenario\n~~~scenario\n{steps}\n~~~\n")
}

fn run(steps: &str) -> Ran {
    Project::anywhere().file("x.md", document(steps)).run(["run", "x.md"]).stderr("")
}

fn check(steps: &str) -> Ran {
    Project::new().file("x.md", document(steps)).run(["check", "x.md"]).stdout("")
}

#[test]
fn values_come_from_everywhere() {
    run(r#"given "it's \"5\"" kept as TEXT
and a random text kept as RANDOM
and a free UDP port kept as UDP
and a free port kept as TCP
when I run printf 'id=17\ntoken: a b\n\n'
and I keep stdout as ALL
and I keep the match of regex /token: (.*)/ in stdout as TOKEN
and I keep the match of regex /[0-9]+/ in stdout as NUMBER
when I run echo '{"id": 5, "tags": ["x"], "name": "a \"b\""}'
and I keep stdout JSON $.id as ID
and I keep stdout JSON $.tags as TAGS
and I keep stdout JSON $.name as NAME
when I write "version = 3" to file v.txt
and I keep file v.txt as FILE
and I keep the match of regex /= (\d)/ in file v.txt as VERSION
then value TEXT is "it's \"5\""
and value RANDOM matches regex /^[a-z][a-z0-9]{15}$/
and value UDP matches regex /^\d+$/
and value ALL is "id=17\ntoken: a b\n"
and value TOKEN is "a b"
and value TOKEN is not "a"
and value NUMBER is "17"
and value ID is "5"
and value TAGS is "[\"x\"]"
and value TAGS JSON $[0] is "x"
and value ID JSON $ is 5
and value FILE contains "version"
and value VERSION is "3"
when I run printf %s ${TOKEN}
then stdout is exactly "a b"
when I run printf '%s|' ${TEXT} "${NAME} x" '$${ID}' '${HOME_OF_NONE}' x${TOKEN}y
then stdout is exactly "it's \"5\"|a \"b\" x|$${ID}|${HOME_OF_NONE}|xa by|"
when I run echo '{"id": 5, "label": "a \"b\"", "tags": ["x"], "list": [7, 8], "both": "5-a \"b\""}'
then stdout JSON $ is {"id": ${ID}, "label": ${NAME}, "tags": ${TAGS}, "list": [7, 8], "both": "${ID}-${NAME}"}
and stdout JSON $.list[?@ > ${ID}] has 2 elements
and stdout JSON $.label is ${NAME}
and stdout matches regex "label": "a
when I run printf 'a.b'
and I keep stdout as DOTS
and I run printf 'axb'
then stdout doesn't match regex ^${DOTS}$
when I run sh -c 'X=1; echo ${X}'
then stdout is exactly "1\n"
"#)
    .code(0);
}

#[test]
fn daemons_get_values_in_their_commands_and_environments() {
    let steps = r#"given "a \"b\" \\n" kept as TEXT
and "x y" kept as WORDS
and file log.sh
when I start "sh log.sh ${WORDS} '${WORDS}!'" as a background process as log, with environment {"TEXT": "${TEXT}"}
and I wait for daemon log to write "x y|x y!|${TEXT}" to stdout
and I keep the match of regex /x (y)!/ in daemon log stdout as Y
then value Y is "y"
and daemon log stdout contains "${TEXT}"
"#;
    let text = document(steps)
        + "
~~~{#log.sh .file}
printf '%s|%s|%s\\n' \"$1\" \"$2\" \"$TEXT\"
sleep 100
~~~
";
    Project::new().file("x.md", text).run(["run", "x.md"]).stderr("").code(0);
}

#[test]
fn a_value_names_files_and_daemons() {
    run(r#"given "out.txt" kept as FILE
and "web" kept as DAEMON
and a free port kept as PORT
when I write "x" to file ${FILE}
then file out.txt exists
when I start "sh -c 'echo $P; exec sleep 60'" as a background process as ${DAEMON}, with environment {"P": ${PORT}}
then daemon web is running
and within 30 seconds daemon web stdout is "${PORT}\n"
and daemon ${DAEMON} is running
when I stop background process web
"#)
    .code(0);
}

#[test]
fn names_that_nothing_keeps_are_found_where_only_a_value_can_stand() {
    check(
        r#"given HTTP requests go to http://localhost:${PORT}
when I POST JSON {"id": ${ID}, "text": "${TEXT}"} to /x
then the response JSON $.id is ${ID}
and the response JSON $.text is "${TEXT}"
and the response body matches regex /^${TEXT}$/
when I run sh -c 'echo ${SHELL_VARIABLE}'
and I run, with environment {"N": ${NUMBER}}, env
and I keep stdout as NUMBER"#,
    )
    .code(2)
    .stderr(str![[r#"
error[unknown-name]: no step keeps a value as PORT
 --> x.md:7:44
  |
7 | given HTTP requests go to http://localhost:${PORT}
  |                                            ^^^^^^^
  |
  = help: keep one before this step, by `given a free port kept as PORT`, `given "TEXT" kept as PORT` or another step that `greenroom steps kept` lists

error[unknown-name]: no step keeps a value as ID
 --> x.md:8:25
  |
8 | when I POST JSON {"id": ${ID}, "text": "${TEXT}"} to /x
  |                         ^^^^^
  |
  = help: keep one before this step, by `given a free port kept as ID`, `given "TEXT" kept as ID` or another step that `greenroom steps kept` lists

error[unknown-name]: no step keeps a value as ID
 --> x.md:9:32
  |
9 | then the response JSON $.id is ${ID}
  |                                ^^^^^
  |
  = help: keep one before this step, by `given a free port kept as ID`, `given "TEXT" kept as ID` or another step that `greenroom steps kept` lists

error[unknown-name]: no step keeps a value as TEXT
  --> x.md:11:39
   |
11 | and the response body matches regex /^${TEXT}$/
   |                                       ^^^^^^^
   |
   = help: keep one before this step, by `given a free port kept as TEXT`, `given "TEXT" kept as TEXT` or another step that `greenroom steps kept` lists

error[kept-later]: no step before this one keeps a value as NUMBER
  --> x.md:13:35
   |
13 | and I run, with environment {"N": ${NUMBER}}, env
   |                                   ^^^^^^^^^
   |
   = note: a later step does: `and I keep stdout as NUMBER`
   = help: move that step before this one

5 errors

"#]]);
}

#[test]
fn responses_are_kept() {
    let server = "
~~~{#server.py .file}
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({'id': 7, 'path': self.path}).encode()
        self.send_response(200)
        self.send_header('Location', '/orders/7')
        self.send_header('Set-Cookie', 'session=abc; Path=/')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
~~~
";
    let text = document(
        r#"given file server.py
when I start "python3 server.py" as a background process as web, on port 8080
and I send a GET request to http://localhost:8080/new
and I keep response JSON $.id as ID
and I keep the response header Location as ORDER
and I keep cookie session as SESSION
and I keep the response body as BODY
and I keep the match of regex /"path": "([^"]*)"/ in the response body as NEW
then value SESSION is "abc"
and value BODY contains "\"id\""
and value NEW is "/new"
when I send a GET request to http://localhost:8080${ORDER}
then the response JSON $ is {"id": ${ID}, "path": "${ORDER}"}
when I keep cookie sesion as OTHER"#,
    ) + server;
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:20, scenario at x.md:5

    ok [TIME]  given file server.py
    ok [TIME]  when I start "python3 server.py" as a background process as web, on port 8080
    ok [TIME]  and I send a GET request to http://localhost:8080/new
    ok [TIME]  and I keep response JSON $.id as ID
    ok [TIME]  and I keep the response header Location as ORDER
    ok [TIME]  and I keep cookie session as SESSION
    ok [TIME]  and I keep the response body as BODY
    ok [TIME]  and I keep the match of regex /"path": "([^"]*)"/ in the response body as NEW
    ok [TIME]  then value SESSION is "abc"
    ok [TIME]  and value BODY contains "\"id\""
    ok [TIME]  and value NEW is "/new"
    ok [TIME]  when I send a GET request to http://localhost:8080${ORDER}
    ok [TIME]  then the response JSON $ is {"id": ${ID}, "path": "${ORDER}"}
    FAILED [TIME]  when I keep cookie sesion as OTHER

  the response sets no cookie sesion
  note: GET http://localhost:8080/orders/7 was answered with status 200 OK after [TIME]
  note: it sets session
  help: did you mean session?

  daemon web: still running at the end of the scenario
    command: python3 server.py
    no output

  1 leftover process, stopped at the end:
    python3 server.py  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn files_are_filled_in() {
    let text = document(
        "given a free port kept as PORT\nand file nginx.conf, filled in\n\
         and file other.conf with values from nginx.conf\n\
         then file nginx.conf contains \"proxy_set_header Host ${host};\"\n\
         and file nginx.conf contains \"listen ${PORT};\"\nand file nginx.conf contains \"# $${PORT}\"\n\
         and files nginx.conf and other.conf match",
    ) + "
~~~{#nginx.conf .file}
# $${PORT}
listen ${PORT};
proxy_set_header Host ${host};
~~~
";
    Project::new().file("x.md", text).run(["run", "x.md"]).stderr("").code(0);
}

#[test]
fn a_binding_of_the_document_wins() {
    let text = "---\ntitle: Own\nbindings: [lib/runcmd.yaml, own.yaml]\nimpls:\n  python: [own.py]\n...\n\
        # The scenario\n~~~scenario\nwhen I keep stdout as X\nthen value X is \"own\"\n~~~\n";
    Project::new()
        .file("x.md", text)
        .file(
            "own.yaml",
            "- when: I keep stdout as {name}\n  impl: {python: {function: keep}}\n\
             - then: value {name} is \"{text:text}\"\n  impl: {python: {function: look}}\n",
        )
        .file(
            "own.py",
            "def keep(ctx, name=None): ctx[name] = 'own'\n\n\
             def look(ctx, name=None, text=None): assert ctx[name] == text\n",
        )
        .run(["run", "x.md"])
        .stderr("")
        .code(0);
}

#[test]
fn mistakes_with_names_are_found_before_the_run() {
    check(
        r#"when I run echo ${TOKEN} ${HOME}
and I keep stdout as TOKEN
and I run echo ${token} ${TOKENS} ${OTHER}
and I keep stdout as TOKEN
and I keep stdout as A${B}
and I keep stdout as "X"
and I keep stdout JSON $.a- as ID
and I run sh -c 'TOKEN=1; echo ${TOKEN}'
and I keep the match of regex /(/ in stdout as R
then value TOKN is "x""#,
    )
    .code(2)
    .stderr(str![[r#"
error[kept-later]: no step before this one keeps a value as TOKEN
 --> x.md:7:17
  |
7 | when I run echo ${TOKEN} ${HOME}
  |                 ^^^^^^^^
  |
  = note: a later step does: `and I keep stdout as TOKEN`
  = help: move that step before this one

warning[unknown-name]: no step keeps a value as token, so `${token}` stays as it is
 --> x.md:9:16
  |
9 | and I run echo ${token} ${TOKENS} ${OTHER}
  |                ^^^^^^^^
  |
  = help: did you mean `${TOKEN}`?

warning[unknown-name]: no step keeps a value as TOKENS, so `${TOKENS}` stays as it is
 --> x.md:9:25
  |
9 | and I run echo ${token} ${TOKENS} ${OTHER}
  |                         ^^^^^^^^^
  |
  = help: did you mean `${TOKEN}`?

error[kept-twice]: a value is already kept as TOKEN: `and I keep stdout as TOKEN`
  --> x.md:10:22
   |
10 | and I keep stdout as TOKEN
   |                      ^^^^^
   |
   = help: keep this one under another name

error[bad-name]: invalid name of a value: "X"
  --> x.md:12:22
   |
12 | and I keep stdout as "X"
   |                      ^^^
   |
   = help: use letters, digits, `_`, `-` and `.`, as in `TOKEN`

error[bad-jsonpath]: invalid JSONPath: unexpected `-`
  --> x.md:13:27
   |
13 | and I keep stdout JSON $.a- as ID
   |                           ^
   |
   = help: write the name between brackets and quotes: `['a-']`

warning[kept-value]: `${TOKEN}` is the kept value, not the variable that this command sets
  --> x.md:14:32
   |
14 | and I run sh -c 'TOKEN=1; echo ${TOKEN}'
   |                                ^^^^^^^^
   |
   = help: for the variable, write `$TOKEN` or `$${TOKEN}`

error[bad-regex]: invalid regular expression: unclosed group
  --> x.md:15:32
   |
15 | and I keep the match of regex /(/ in stdout as R
   |                                ^

error[unknown-name]: no earlier step keeps a value as TOKN
  --> x.md:16:12
   |
16 | then value TOKN is "x"
   |            ^^^^
   |
   = help: did you mean TOKEN?

6 errors, 3 warnings

"#]]);
}

#[test]
fn failures_of_keeping_say_what_is_there() {
    run("when I run echo hello\nand I keep the match of regex /id=(.*)/ in stdout as ID").code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:8, scenario at x.md:5

    ok [TIME]  when I run echo hello
    FAILED [TIME]  and I keep the match of regex /id=(.*)/ in stdout as ID

  stdout of the command does not match the regex
  expected to match the regex:
    │ id=(.*)
  actual:
    │ hello
  note: the command `echo hello` ended with exit status 0

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn a_name_is_kept_once() {
    run("given \"x\" kept as A\nand \"A\" kept as N\nwhen I run true\nand I keep stdout as ${N}").code(1).stdout(str![
        [r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given "x" kept as A
    ok [TIME]  and "A" kept as N
    ok [TIME]  when I run true
    FAILED [TIME]  and I keep stdout as ${N}

  a value is already kept as A
  note: step 1 of the scenario keeps it
  help: keep this one under another name

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]
    ]);
}

#[test]
fn a_file_without_values_is_not_filled_in() {
    let text = document("given \"1\" kept as PORT\nand file nginx.conf, filled in")
        + "
~~~{#nginx.conf .file}
listen ${PROT};
~~~
";
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[unknown-name]: embedded file nginx.conf has no `${NAME}` of a value that an earlier step keeps
 --> x.md:8:10
  |
8 | and file nginx.conf, filled in
  |          ^^^^^^^^^^
  |
  = help: did you mean `${PORT}`?

1 error

"#]]);
}
