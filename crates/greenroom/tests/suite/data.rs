//! Checks of JSON, YAML and TOML: in outputs, responses, files and values.
//!
//! The file is long because whole screens stand in it.

use snapbox::str;

use crate::support::{Project, Ran};

/// Metadata with all libraries.
const HEAD: &str = "---\ntitle: Data\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/http.yaml, lib/json.yaml, \
    lib/runcmd.yaml]\n...\n";

const TODO: &str = r#"
~~~{#todo.json .file}
{"items": [{"id": 1, "title": "milk", "price": 1.5}, {"id": 2, "title": "bread", "tags": ["a", "b"]}], "count": 2}
~~~
"#;

/// A server that answers each request with a body: `server.py PORT TYPE BODY`.
const SERVER: &str = "
~~~{#server.py .file}
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[3].encode()
        self.send_response(200 if body else 204)
        if sys.argv[2]:
            self.send_header('Content-Type', sys.argv[2])
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
~~~
";

fn document(steps: &str) -> String {
    format!("{HEAD}# The scenario\n~~~scenario\n{steps}\n~~~\n")
}

/// Runs a scenario whose last step looks at what a command writes, which is the list of things.
fn after_todo(step: &str) -> Ran {
    let text = document(&format!("given file todo.json\nwhen I run cat todo.json\nthen {step}")) + TODO;
    Project::new().file("x.md", text).run(["run", "x.md"]).stderr("")
}

/// Returns the message, the notes and the help of the only failure on a screen.
fn explanation(ran: &Ran) -> String {
    let lines = ran.stdout.lines().skip_while(|line| !line.starts_with("    FAILED")).skip(2);
    let lines = lines.take_while(|line| !line.starts_with("  rerun: "));
    let is_said = |line: &&str| line.starts_with("  ") && !line.starts_with("    ") && !line.ends_with(':');
    lines
        .take_while(|line| !line.starts_with("  daemon "))
        .filter(is_said)
        .map(|line| format!("{}\n", line.trim()))
        .collect()
}

#[test]
fn data_of_all_formats_is_checked() {
    let text = document(
        r#"given file todo.json
and file c.yaml
and file c.toml
when I run cat todo.json
then stdout is JSON
and stdout JSON $.items[0].title is "milk"
and stdout JSON $.items[?@.title == "bread"].id is 2
and stdout JSON $.items[0].title is not "bread"
and stdout JSON $.items has 2 elements
and stdout JSON $.items[1].tags[?@ == "a"] has 1 element
and stdout JSON $.items[*].id is, in any order, [2, 1.0]
and stdout JSON $.items includes {"title": "bread"}
and stdout JSON $ includes {"count": 2}
and stdout JSON $.items[*].title includes ["bread"]
and stdout JSON $.done does not exist
and stdout JSON $.items[1].tags exists
and stdout JSON $.items is an array
and stdout JSON $.count is an integer
and stdout JSON $.count is at least 2
and stdout JSON $.items[0].price is at most 1.5
and stdout JSON $.items[0].title matches regex /^m/
and stdout JSON $.items[0].title doesn't match regex /^b/
and stdout JSON is embedded file todo.json
and stdout JSON is embedded file other.json, except at $.items[*].title, $.count
and stdout JSON includes embedded file part.json
and file c.yaml is YAML
and file c.yaml YAML $.server.port is 8080
and file c.yaml YAML $.debug is "yes"
and file c.toml TOML $.server.port is 8080
and file c.toml TOML $.since is "2020-01-02"
and file c.toml TOML is embedded file c.json
when I run sh -c 'cat todo.json >&2'
then stderr JSON $.count is 2
"#,
    ) + TODO
        + r#"
~~~{#other.json .file}
{"items": [{"id": 1, "title": "?", "price": 1.5}, {"id": 2, "title": "?", "tags": ["a", "b"]}], "count": 0}
~~~
~~~{#part.json .file}
{"items": [{"id": 1, "title": "milk", "price": 1.5}, {"id": 2, "title": "bread", "tags": ["a", "b"]}]}
~~~
~~~{#c.yaml .file}
server: {port: 8080}
debug: yes
~~~
~~~{#c.toml .file}
since = 2020-01-02
[server]
port = 8080
~~~
~~~{#c.json .file}
{"since": "2020-01-02", "server": {"port": 8080}}
~~~
"#;
    Project::new().file("x.md", text).run(["run", "x.md"]).stderr("").code(0);
}

#[test]
fn data_conforms_to_a_schema_or_not() {
    let text = document(
        "given file todo.json\nthen file todo.json JSON conforms to schema todo.schema.yaml\n\
         when I run cat todo.json\nthen stdout JSON conforms to schema items.schema.json",
    ) + TODO
        + r#"
~~~{#todo.schema.yaml .file}
type: object
properties: {items: {type: array, minItems: 2}, count: {const: 2}}
~~~
~~~{#items.schema.json .file}
{"properties": {
  "items": {"items": {"required": ["id", "done"], "properties": {"title": {"type": "string", "maxLength": 4}}}},
  "count": {"type": "string"}
}}
~~~
"#;
    let ran = Project::new().file("x.md", text).run(["run", "x.md"]).code(1).stderr("");
    snapbox::assert_data_eq!(
        explanation(&ran),
        str![[r#"
stdout of the command does not conform to schema items.schema.json
note: $.count: it is not of type "string", actual 2
note: $.items[0]: "done" is a required property
note: $.items[1]: "done" is a required property
note: $.items[1].title: it is longer than 4 characters, actual "bread"
note: the command `cat todo.json` ended with exit status 0

"#]]
    );
}

#[test]
fn a_schema_refers_to_other_files_of_the_document() {
    let text = document("given file todo.json\nthen file todo.json JSON conforms to schema api/todo.json")
        + TODO
        + r##"
~~~{#api/todo.json .file}
{"properties": {"items": {"items": {"$ref": "item.json"}}, "count": {"$ref": "../types.yaml#/$defs/count"}}}
~~~
~~~{#api/item.json .file}
{"properties": {"id": {"$ref": "../types.yaml#/$defs/count"}, "title": {"maxLength": 4}}}
~~~
~~~{#types.yaml .file}
$defs: {count: {type: integer, minimum: 2}}
~~~
"##;
    // Files that only a schema uses are used.
    Project::new().file("x.md", &text).run(["check", "x.md"]).code(0).stderr("");
    let ran = Project::new().file("x.md", text).run(["run", "x.md"]).code(1).stderr("");
    snapbox::assert_data_eq!(
        explanation(&ran),
        str![[r#"
file todo.json does not conform to schema api/todo.json
note: $.items[0].id: it is less than the minimum of 2, actual 1
note: $.items[1].title: it is longer than 4 characters, actual "bread"

"#]]
    );
}

#[test]
fn references_of_schemas_are_checked_before_the_run() {
    let steps = ["typo", "deep", "bad", "pointer", "file"]
        .map(|name| format!("\nand stdout JSON conforms to schema {name}.json"));
    let text = document(&format!("when I run echo 1{}", steps.concat().replacen("and", "then", 1)))
        + r##"
~~~{#typo.json .file}
{"items": {"$ref": "itme.json"}}
~~~
~~~{#item.json .file}
{"type": "string"}
~~~
~~~{#deep.json .file}
{"$ref": "typo.json"}
~~~
~~~{#bad.json .file}
{"$ref": "types.yaml"}
~~~
~~~{#types.yaml .file}
type: objekt
~~~
~~~{#pointer.json .file}
{"$ref": "item.json#/$defs/name"}
~~~
~~~{#file.json .file}
{"$ref": "file:///etc/item.json"}
~~~
"##;
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-schema]: embedded file typo.json is not a valid JSON Schema: it refers to itme.json, and the document has no embedded file itme.json
 --> x.md:8:37
  |
8 | then stdout JSON conforms to schema typo.json
  |                                     ^^^^^^^^^
  |
  = help: did you mean item.json?

error[bad-schema]: embedded file deep.json is not a valid JSON Schema: typo.json refers to itme.json, and the document has no embedded file itme.json
 --> x.md:9:36
  |
9 | and stdout JSON conforms to schema deep.json
  |                                    ^^^^^^^^^
  |
  = help: did you mean item.json?

error[bad-schema]: embedded file bad.json is not a valid JSON Schema: it refers to types.yaml, which is not a valid JSON Schema: "objekt" is not valid under any of the schemas listed in the 'anyOf' keyword, at $.type
  --> x.md:10:36
   |
10 | and stdout JSON conforms to schema bad.json
   |                                    ^^^^^^^^

error[bad-schema]: embedded file pointer.json is not a valid JSON Schema: it refers to item.json#/$defs/name, which does not exist
  --> x.md:11:36
   |
11 | and stdout JSON conforms to schema pointer.json
   |                                    ^^^^^^^^^^^^

error[bad-schema]: embedded file file.json is not a valid JSON Schema: it refers to file:///etc/item.json, and nothing outside of the document is read
  --> x.md:12:36
   |
12 | and stdout JSON conforms to schema file.json
   |                                    ^^^^^^^^^

5 errors

"#]]);
}

#[test]
fn invalid_schemas_are_found_before_the_run() {
    let steps =
        ["bad", "elsewhere", "broken"].map(|name| format!("\nand stdout JSON conforms to schema {name}.schema.json"));
    let text = document(&format!("when I run echo 1{}", steps.concat().replacen("and", "then", 1)))
        + r#"
~~~{#bad.schema.json .file}
{"type": "objekt"}
~~~
~~~{#elsewhere.schema.json .file}
{"$ref": "https://example.com/schema.json"}
~~~
~~~{#broken.schema.json .file}
{"type": }
~~~
"#;
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-schema]: embedded file bad.schema.json is not a valid JSON Schema: "objekt" is not valid under any of the schemas listed in the 'anyOf' keyword, at $.type
 --> x.md:8:37
  |
8 | then stdout JSON conforms to schema bad.schema.json
  |                                     ^^^^^^^^^^^^^^^

error[bad-schema]: embedded file elsewhere.schema.json is not a valid JSON Schema: it refers to https://example.com/schema.json, and nothing outside of the document is read
 --> x.md:9:36
  |
9 | and stdout JSON conforms to schema elsewhere.schema.json
  |                                    ^^^^^^^^^^^^^^^^^^^^^

error[bad-json]: embedded file broken.schema.json is not JSON: expected a JSON value, line 1
  --> x.md:10:36
   |
10 | and stdout JSON conforms to schema broken.schema.json
   |                                    ^^^^^^^^^^^^^^^^^^

3 errors

"#]]);
}

#[test]
fn a_wrong_value_is_shown_with_its_data() {
    after_todo(r#"stdout JSON $.items[0].title is "bread""#).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:9, scenario at x.md:5

    ok [TIME]  given file todo.json
    ok [TIME]  when I run cat todo.json
    FAILED [TIME]  then stdout JSON $.items[0].title is "bread"

  $.items[0].title in stdout of the command is not as expected
    expected: "bread"
    actual:   "milk"
               ^^^^^
  note: the command `cat todo.json` ended with exit status 0
  stdout of the command:
    │ {
    │   "count": 2,
    │   "items": [
    │     {
    │       "id": 1,
    │       "price": 1.5,
    │       "title": "milk"
    │     },
    │     {
    │       "id": 2,
    │       "tags": [
    │         "a",
    │         "b"
    │       ],
    │       "title": "bread"
    │     }
    │   ]
    │ }

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn differences_are_named_by_path() {
    let ran = after_todo(
        r#"stdout JSON $.items is [{"id": "1", "title": "milk"}, {"id": 2, "title": "toast", "tags": ["b"]}, 3]"#,
    );
    snapbox::assert_data_eq!(
        explanation(&ran.code(1)),
        str![[r#"
$.items in stdout of the command is not as expected
note: $.items[0].id: expected "1", actual 1, a number instead of a string
note: $.items[0].price: unexpected, actual 1.5
note: $.items[1].tags[0]: unexpected, actual "a"
note: $.items[1].title: expected "toast", actual "bread"
note: $.items[2]: missing, expected 3
note: the command `cat todo.json` ended with exit status 0

"#]]
    );
}

#[test]
fn failures_say_what_is_there() {
    let steps = [
        r#"stdout JSON $.item[0].title is "milk""#,
        r#"stdout JSON $.items.title is "milk""#,
        r#"stdout JSON $.items[*].title is "milk""#,
        r#"stdout JSON $.count is "2""#,
        "stdout JSON $.count is not 2.0",
        "stdout JSON $.items has 3 elements",
        "stdout JSON $.items[*].id has 1 element",
        "stdout JSON $.count has 1 element",
        "stdout JSON $.items[*].id is, in any order, [2, 3]",
        "stdout JSON $.count is, in any order, [2]",
        r#"stdout JSON $.items includes [{"id": 1}, {"id": 2, "title": "toast"}]"#,
        r#"stdout JSON $.items[0].title includes "m""#,
        "stdout JSON $.items[1].tags does not exist",
        "stdout JSON $.items[0].title is an integer",
        "stdout JSON $.count is at least 2.5",
        "stdout JSON $.items[0].title is at most 5",
        "stdout JSON $.items matches regex /milk/",
        "stdout JSON is embedded file todo.json, except at $.items[*].price, $.no",
    ];
    let text: String = steps
        .into_iter()
        .map(|step| format!("{step}\n  {}\n", explanation(&after_todo(step).code(1)).trim_end().replace('\n', "\n  ")))
        .collect();
    snapbox::assert_data_eq!(
        text,
        str![[r#"
stdout JSON $.item[0].title is "milk"
  nothing at $.item[0].title in stdout of the command
  note: $ has: count, items
  note: the command `cat todo.json` ended with exit status 0
  help: did you mean `items`?
stdout JSON $.items.title is "milk"
  nothing at $.items.title in stdout of the command
  note: $.items is an array with 2 elements, [0] to [1]
  note: the command `cat todo.json` ended with exit status 0
  help: for one element, write `$.items[0].title`; for all, `$.items[*].title`
stdout JSON $.items[*].title is "milk"
  $.items[*].title selects 2 values in stdout of the command, and this step needs one
  note: they are at $.items[0].title, $.items[1].title
  note: the command `cat todo.json` ended with exit status 0
  help: to select the first one, write `$.items[0].title`
  help: for all of them, write `$.items[*].title is, in any order, [...]`, `$.items[*].title includes ...` or `$.items[*].title has 2 elements`
stdout JSON $.count is "2"
  $.count in stdout of the command is not as expected
  note: expected a string, and it is a number
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.count is not 2.0
  $.count in stdout of the command has the value that it must not have
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items has 3 elements
  $.items in stdout of the command has 2 elements, expected 3 elements
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items[*].id has 1 element
  $.items[*].id selects 2 elements in stdout of the command, expected 1
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.count has 1 element
  $.count in stdout of the command is a number, which has no elements
  note: it is 2
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items[*].id is, in any order, [2, 3]
  $.items[*].id in stdout of the command is not as expected, in any order
  note: $.items[*].id: no element left for 3
  note: $.items[0].id: unexpected, actual 1
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.count is, in any order, [2]
  $.count in stdout of the command is a number, and only an array has an order
  note: it is 2
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items includes [{"id": 1}, {"id": 2, "title": "toast"}]
  $.items in stdout of the command does not include what is expected
  note: $.items: no element left for {"id":2,"title":"toast"}; most like it is $.items[1], with title: expected "toast", actual "bread"
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items[0].title includes "m"
  $.items[0].title in stdout of the command does not include what is expected
  note: $.items[0].title: a string has no members or elements, actual "milk"
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items[1].tags does not exist
  $.items[1].tags in stdout of the command exists, but should not
  note: it is ["a","b"]
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items[0].title is an integer
  $.items[0].title in stdout of the command is not an integer
  note: it is a string, "milk"
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.count is at least 2.5
  $.count in stdout of the command is 2, expected at least 2.5
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items[0].title is at most 5
  $.items[0].title in stdout of the command is not a number
  note: it is a string, "milk"
  note: the command `cat todo.json` ended with exit status 0
stdout JSON $.items matches regex /milk/
  $.items in stdout of the command is an array, and a regex needs a string
  note: the command `cat todo.json` ended with exit status 0
stdout JSON is embedded file todo.json, except at $.items[*].price, $.no
  the exception $.no selects nothing in stdout of the command
  note: $ has: count, items
  note: the command `cat todo.json` ended with exit status 0

"#]]
    );
}

#[test]
fn text_that_is_not_data_is_explained() {
    let outputs = [
        ("true", "stdout is JSON"),
        ("echo hello", "stdout JSON $ is 1"),
        ("echo", "stdout JSON $ is 1"),
        (r#"printf '{"a": 1,\n "b": tru}'"#, "stdout JSON $.a is 1"),
        (r#"printf '{"a": 1}\n{"a": 2}\n'"#, "stdout JSON $.a is 1"),
        (r"printf '\357\273\277{}'", "stdout JSON $ is {}"),
        (r"printf '<!DOCTYPE html>\n<p>'", "stdout JSON $.a exists"),
        (r#"printf '{"a": {"b": 1, "b": 2}}'"#, "stdout JSON $.x does not exist"),
        (r"printf '\377'", "stdout is JSON"),
        ("printf 1e999", "stdout is JSON"),
        ("printf '{1: 2}'", "stdout is YAML"),
        ("printf 'a: b: c'", "stdout YAML $.a exists"),
        (r"printf 'a = 1\na = 2'", "stdout TOML $.a exists"),
        ("python3 -c 'print(\"[\" * 100000)'", "stdout is JSON"),
        ("python3 -c 'print(\"[\" * 100000)'", "stdout is YAML"),
        ("python3 -c 'print(\"a=\" + \"[\" * 100000)'", "stdout is TOML"),
        ("truncate -s 65M big.json", "file big.json JSON $.a exists"),
    ];
    let mut screen = String::new();
    for (command, step) in outputs {
        let text = document(&format!("when I run {command}\nthen {step}"));
        let ran = Project::new().file("x.md", text).run(["run", "x.md"]).stderr("").code(1);
        screen += &format!("{command}: {step}\n  {}\n", explanation(&ran).trim_end().replace('\n', "\n  "));
    }
    snapbox::assert_data_eq!(
        screen,
        str![[r#"
true: stdout is JSON
  stdout of the command is not JSON: it is empty
  note: the command `true` ended with exit status 0
echo hello: stdout JSON $ is 1
  stdout of the command is not JSON: expected a JSON value
  note: line 1, column 1: hello
  note: the command `echo hello` ended with exit status 0
echo: stdout JSON $ is 1
  stdout of the command is not JSON: it has only spaces and newlines
  note: the command `echo` ended with exit status 0
printf '{"a": 1,/n "b": tru}': stdout JSON $.a is 1
  stdout of the command is not JSON: expected a JSON value
  note: line 2, column 10:  "b": tru}
  note: the command `printf '{"a": 1,/n "b": tru}'` ended with exit status 0
printf '{"a": 1}/n{"a": 2}/n': stdout JSON $.a is 1
  stdout of the command is not JSON: more text follows the value
  note: line 2, column 1: {"a": 2}
  note: the command `printf '{"a": 1}/n{"a": 2}/n'` ended with exit status 0
  help: each line is a value of its own: have it written as one array, as `jq -s .` does
printf '/357/273/277{}': stdout JSON $ is {}
  stdout of the command is not JSON: it begins with a byte order mark (U+FEFF)
  note: the command `printf '/357/273/277{}'` ended with exit status 0
printf '<!DOCTYPE html>/n<p>': stdout JSON $.a exists
  stdout of the command is not JSON: it is HTML or XML
  note: line 1, column 1: <!DOCTYPE html>
  note: the command `printf '<!DOCTYPE html>/n<p>'` ended with exit status 0
printf '{"a": {"b": 1, "b": 2}}': stdout JSON $.x does not exist
  stdout of the command is not JSON: the key "b" occurs twice in $.a
  note: line 1, column 22: {"a": {"b": 1, "b": 2}}
  note: the command `printf '{"a": {"b": 1, "b": 2}}'` ended with exit status 0
printf '/377': stdout is JSON
  stdout of the command is not JSON: it is not UTF-8: the byte 0xff
  note: line 1, column 1: /xff
  note: the command `printf '/377'` ended with exit status 0
printf 1e999: stdout is JSON
  stdout of the command is not JSON: the number is too large
  note: line 1, column 5: 1e999
  note: the command `printf 1e999` ended with exit status 0
printf '{1: 2}': stdout is YAML
  stdout of the command is not YAML: the key 1 in $ is not a string: put it in quotes
  note: line 1, column 2: {1: 2}
  note: the command `printf '{1: 2}'` ended with exit status 0
printf 'a: b: c': stdout YAML $.a exists
  stdout of the command is not YAML: mapping values are not allowed in this context
  note: line 1, column 5: a: b: c
  note: the command `printf 'a: b: c'` ended with exit status 0
printf 'a = 1/na = 2': stdout TOML $.a exists
  stdout of the command is not TOML: duplicate key
  note: line 2, column 1: a = 2
  note: the command `printf 'a = 1/na = 2'` ended with exit status 0
python3 -c 'print("[" * 100000)': stdout is JSON
  stdout of the command is not JSON: it is nested too deep
  note: line 1, column 128: ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
  note: the command `python3 -c 'print("[" * 100000)'` ended with exit status 0
python3 -c 'print("[" * 100000)': stdout is YAML
  stdout of the command is not YAML: it is nested too deep
  note: line 1, column 256: ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
  note: the command `python3 -c 'print("[" * 100000)'` ended with exit status 0
python3 -c 'print("a=" + "[" * 100000)': stdout is TOML
  stdout of the command is not TOML: it is nested too deep
  note: line 1, column 83: ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
  note: the command `python3 -c 'print("a=" + "[" * 100000)'` ended with exit status 0
truncate -s 65M big.json: file big.json JSON $.a exists
  file big.json is too large: 68.2 MB; steps about data read at most 64 MiB

"#]]
    );
}

#[test]
fn of_much_data_the_part_around_the_place_is_shown() {
    let text = document(
        "given file make.py\nwhen I run python3 make.py\nthen stdout JSON $.items[1500].n is 7\n\
         and stdout JSON $.items[1500].n is 8",
    ) + "
~~~{#make.py .file}
import json
print(json.dumps({'items': [{'n': 7, 'text': 'x' * 300} for _ in range(4000)]}))
~~~
";
    Project::new().file("x.md", text).run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file make.py
    ok [TIME]  when I run python3 make.py
    ok [TIME]  then stdout JSON $.items[1500].n is 7
    FAILED [TIME]  and stdout JSON $.items[1500].n is 8

  $.items[1500].n in stdout of the command is not as expected
    expected: 8
    actual:   7
              ^
  note: the command `python3 make.py` ended with exit status 0
  $.items[1500] in stdout of the command:
    │ {
    │   "n": 7,
    │   "text": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    │ }

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn mistakes_in_steps_are_found_before_the_run() {
    let text = document(
        r#"when I run cat todo.json
then stdout XML $.a is 1
and stdout JSON $.a-b is 1
and stdout JSON $. exists
and stdout JSON $.a is {"b": tru}
and stdout JSON $.a is {'b': 1}
and stdout JSON $.a is True
and stdout JSON $.a is milk
and stdout JSON a.b is 1
and stdout JSON $.a includes []
and stdout JSON $.a is, in any order, {}
and stdout JSON $.a is a list
and stdout JSON $.a matches regex /(/
and stdout JSON is embedded file bad.json
and stdout JSON is embedded file good.json, except at $.a, $.b.
and file todo.json JSON $.a is 1
and file ../x JSON $.a is 1
and daemon web stdout JSON $.a is 1
and the response JSON $.a is 1
and value TOKEN JSON $.a is 1"#,
    ) + "
~~~{#bad.json .file}
{\"a\": 1,
 \"a\": 2}
~~~
~~~{#good.json .file}
{}
~~~
";
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-format]: unknown format XML
 --> x.md:8:13
  |
8 | then stdout XML $.a is 1
  |             ^^^
  |
  = help: the formats are JSON, YAML, TOML

error[bad-jsonpath]: invalid JSONPath: unexpected `-b`
 --> x.md:9:20
  |
9 | and stdout JSON $.a-b is 1
  |                    ^
  |
  = help: write the name between brackets and quotes: `['a-b']`

error[bad-jsonpath]: invalid JSONPath: it ends too early
  --> x.md:10:17
   |
10 | and stdout JSON $. exists
   |                 ^^
   |
   = help: write a name after the dot, or remove it

error[bad-json]: invalid JSON: expected a JSON value
  --> x.md:11:33
   |
11 | and stdout JSON $.a is {"b": tru}
   |                                 ^

error[bad-json]: invalid JSON: a key must be a string between double quotes
  --> x.md:12:25
   |
12 | and stdout JSON $.a is {'b': 1}
   |                         ^

error[bad-json]: invalid JSON: expected a JSON value
  --> x.md:13:24
   |
13 | and stdout JSON $.a is True
   |                        ^
   |
   = help: write `true`

error[unknown-step]: no binding matches this step
  --> x.md:14:1
   |
14 | and stdout JSON $.a is milk
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `then stdout {format:word} {path:jsonpath} is {value:json}` in lib/json.yaml (built in) would match except for `value`
   = help: `value` must be a JSON value, with text between double quotes (json), not `milk`

error[unknown-step]: no binding matches this step
  --> x.md:15:1
   |
15 | and stdout JSON a.b is 1
   | ^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: `then stdout {format:word} {path:jsonpath} is {value:json}` in lib/json.yaml (built in) would match except for `path`
   = help: `path` must be a JSONPath such as `$.items[0]`, without spaces outside of brackets (jsonpath), not `a.b`

error[bad-json]: everything includes []
  --> x.md:16:30
   |
16 | and stdout JSON $.a includes []
   |                              ^^
   |
   = help: for a value that is empty, write `is []`

error[bad-json]: `is, in any order,` needs an array
  --> x.md:17:39
   |
17 | and stdout JSON $.a is, in any order, {}
   |                                       ^^
   |
   = help: write `[...]`

error[bad-type]: unknown type list
  --> x.md:18:26
   |
18 | and stdout JSON $.a is a list
   |                          ^^^^
   |
   = help: did you mean `array`?

error[bad-regex]: invalid regular expression: unclosed group
  --> x.md:19:36
   |
19 | and stdout JSON $.a matches regex /(/
   |                                    ^

error[bad-json]: embedded file bad.json is not JSON: the key "a" occurs twice in $, line 2
  --> x.md:20:34
   |
20 | and stdout JSON is embedded file bad.json
   |                                  ^^^^^^^^

error[bad-jsonpath]: invalid JSONPath: it ends too early
  --> x.md:21:60
   |
21 | and stdout JSON is embedded file good.json, except at $.a, $.b.
   |                                                            ^^^^
   |
   = help: write a name after the dot, or remove it

error[outside-directory]: ../x is outside of the scenario's directory
  --> x.md:23:10
   |
23 | and file ../x JSON $.a is 1
   |          ^^^^
   |
   = help: write a path inside the scenario's directory, without a leading `/` or `..`

15 errors

"#]]);
}

#[test]
fn a_check_of_nothing_is_found_before_the_run() {
    let text = document(
        "then stdout JSON $.a is 1\nand file todo.json JSON $.a is 1\nand daemon web stdout JSON $.a is 1\n\
         and the response JSON $.a is 1\nand value TOKEN JSON $.a is 1",
    );
    Project::new().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[no-command]: no earlier step has run a command
 --> x.md:7:1
  |
7 | then stdout JSON $.a is 1
  | ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write a step such as `when I try to run ls` before this step

error[never-created]: file todo.json does not exist: no earlier step can create it
 --> x.md:8:10
  |
8 | and file todo.json JSON $.a is 1
  |          ^^^^^^^^^
  |
  = help: write `given file todo.json` before this step, and embed the file in the document

error[unknown-daemon]: no earlier step starts a daemon web
 --> x.md:9:12
  |
9 | and daemon web stdout JSON $.a is 1
  |            ^^^
  |
  = help: write `when I start "PROGRAM" as a background process as web` before it

error[no-request]: no earlier step has sent an HTTP request
  --> x.md:10:1
   |
10 | and the response JSON $.a is 1
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write a step such as `when I send a GET request to http://localhost:8000/` before this step

error[unknown-name]: no earlier step keeps a value as TOKEN
  --> x.md:11:11
   |
11 | and value TOKEN JSON $.a is 1
   |           ^^^^^
   |
   = help: write a step such as `when I keep stdout as TOKEN` before this step

5 errors

"#]]);
}

fn served(kind: &str, body: &str, step: &str) -> Ran {
    let text = document(&format!(
        "given file server.py\n\
         when I start \"python3 server.py 8080 '{kind}' '{body}'\" as a background process as web, \
         on port 8080\nand I send a GET request to http://localhost:8080/items\nthen {step}"
    )) + SERVER;
    Project::anywhere().file("x.md", text).run(["run", "x.md"]).stderr("")
}

#[test]
fn responses_are_checked() {
    let body = r#"{"items": [{"title": "milk"}]}"#;
    served("application/json", body, "the response body is JSON\nand the response JSON $.items has 1 element").code(0);
    served("application/json", body, r#"the response JSON $.items[0].title is "bread""#).code(1).stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  The scenario
  in x.md:10, scenario at x.md:5

    ok [TIME]  given file server.py
    ok [TIME]  when I start "python3 server.py 8080 'application/json' '{"items": [{"title": "milk"}]}'" as a background process as web, on port 8080
    ok [TIME]  and I send a GET request to http://localhost:8080/items
    FAILED [TIME]  then the response JSON $.items[0].title is "bread"

  $.items[0].title in the response is not as expected
    expected: "bread"
    actual:   "milk"
               ^^^^^
  note: GET http://localhost:8080/items was answered with status 200 OK after [TIME]
  body of the response:
    │ {
    │   "items": [
    │     {
    │       "title": "milk"
    │     }
    │   ]
    │ }

  daemon web: still running at the end of the scenario
    command: python3 server.py 8080 'application/json' '{"items": [{"title": "milk"}]}'
    no output

  1 leftover process, stopped at the end:
    python3 server.py 8080 application/json {"items": [{"title": "milk"}]}  (daemon web, running for [TIME])

  rerun: greenroom run x.md --name 'The scenario'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:5  The scenario

"#]]);
}

#[test]
fn responses_that_are_not_json_are_explained() {
    let html = explanation(&served("text/html", "<html>Gone</html>", "the response JSON $.a is 1").code(1));
    let empty = explanation(&served("", "", "the response JSON $.a is 1").code(1));
    snapbox::assert_data_eq!(
        html + &empty,
        str![[r#"
the response is not JSON: it is HTML or XML
note: line 1, column 1: <html>Gone</html>
note: its Content-Type is text/html
note: GET http://localhost:8080/items was answered with status 200 OK after [TIME]
the response is not JSON: its body is empty (status 204)
note: GET http://localhost:8080/items was answered with status 204 No Content after [TIME]
note: the body of the response is empty

"#]]
    );
}

#[test]
fn the_latest_line_of_a_daemon_is_checked() {
    let log = |step: &str| {
        let text = document(&format!(
            "given file log.sh\nwhen I start \"sh log.sh\" as a background process as log\n\
             and I wait for daemon log to write \"ready\" to stdout\nthen {step}"
        )) + "
~~~{#log.sh .file}
echo '{\"level\": \"info\", \"port\": 1}'
echo '{\"level\": \"warning\", \"port\": 2}'
echo 17
echo ready
sleep 100
~~~
";
        Project::new().file("x.md", text).run(["run", "x.md"]).stderr("")
    };
    log("daemon log stdout JSON $.level is \"warning\"\nand daemon log stdout JSON $.port is 2").code(0);
    snapbox::assert_data_eq!(
        explanation(&log("daemon log stdout JSON $.port is 1").code(1)),
        str![[r#"
$.port in the latest JSON line of daemon log is not as expected

"#]]
    );
}

#[test]
fn a_daemon_without_a_line_of_json_is_shown() {
    let text = document(
        "when I start \"sh -c 'echo hello; sleep 100'\" as a background process as log\n\
         and I wait for daemon log to write \"hello\" to stdout\nthen daemon log stdout JSON $.port is 1",
    );
    let ran = Project::new().file("x.md", text).run(["run", "x.md"]).code(1).stderr("");
    snapbox::assert_data_eq!(explanation(&ran), str![""]);
}
