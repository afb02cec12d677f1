//! What is wrong with bindings and files is said before anything runs.

use snapbox::str;

use super::document;
use crate::support::Project;

const LOOSE: &str = "\
def add(ctx, m=None):
    pass


def total(ctx, n, extra):
    pass


def other(ctx):
    pass


def takes_all(ctx, **captures):
    pass
";

const LOOSE_BINDINGS: &str = "\
- when: I add {n:uint}
  impl: {python: {function: add}}
- then: the sum is {n:uint}
  impl: {python: {function: total}}
- then: others
  impl: {python: {function: othr}}
- then: all of {this} and {that}
  impl: {python: {function: takes_all}}
- then: what greenroom has
  impl: {python: {function: runcmd_exit_code_is_zero}}
";

/// The check runs no code of the files.
#[test]
fn functions_that_do_not_fit_their_bindings() {
    let steps = "when I add 2\nthen the sum is 5\nthen others\nthen all of this and that\nthen what greenroom has";
    let project = Project::new().file("own.yaml", LOOSE_BINDINGS);
    let project = project.file("x.md", document(&format!("# Sums\n~~~scenario\n{steps}\n~~~\n")));
    let project = project.file("steps.py", format!("{LOOSE}\nopen('/nosuch/file')\n"));
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[unknown-function]: no Python file defines a function `othr`
  --> x.md:10:1
   |
10 | then others
   | ^^^^^^^^^^^ this step needs it
   |
  ::: own.yaml:5:9
   |
 5 | - then: others
   |         ------ bound here
   |
   = help: did you mean `other`?

error[wrong-parameters]: function `add` has no parameter for the captured `n`
 --> own.yaml:1:9
  |
1 | - when: I add {n:uint}
  |         ^^^^^^^^^^^^^^ bound here
  |
 ::: steps.py:1:1
  |
1 | def add(ctx, m=None):
  | --------------------- defined here
  |
  = help: write `def add(ctx, n=None):`

error[wrong-parameters]: function `total` needs `extra`, which its binding does not capture
 --> own.yaml:3:9
  |
3 | - then: the sum is {n:uint}
  |         ^^^^^^^^^^^^^^^^^^^ bound here
  |
 ::: steps.py:5:1
  |
5 | def total(ctx, n, extra):
  | ------------------------- defined here
  |
  = help: give it a default value: `extra=None`

3 errors

"#]]);
}

/// In Subplot a function of the same name in a later file is also what the library's steps use.
#[test]
fn functions_with_the_names_of_library_functions() {
    let steps = "def add(ctx, n=None):\n    runcmd_run(ctx, ['echo', n])\n\n\n\
        def total(ctx, n=None, extra=None):\n    pass\n\n\n\
                 def runcmd_run(ctx, argv):\n    print(argv)\n\n\ndef files_file_exists(ctx, filename=None):\n    \
                 pass\n\n\n\
                 def runcmd_own(ctx):\n    pass\n";
    let project = Project::new().file("own.yaml", "- when: I add {n:uint}\n  impl: {python: {function: add}}\n");
    let project = project.file("steps.py", steps);
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\nthen file x exists\n~~~\n"));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[own-library-function]: `runcmd_run` and 1 more: library steps do not use functions of your own
 --> steps.py:9:1
  |
9 | def runcmd_run(ctx, argv):
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^ only Python functions can call this
  |
  = help: to run steps with it, bind them to it in a bindings file of your own

1 warning

"#]]);
}

#[test]
fn functions_that_have_no_place_for_the_context() {
    let bindings = "- given: nothing\n  impl: {python: {function: nothing}}\n- given: name {name}\n  impl: \
        {python: {function: named}}\n\
                    - given: anything\n  impl: {python: {function: anything}}\n";
    let functions =
        "def nothing():\n    pass\n\n\ndef named(name=None):\n    pass\n\n\ndef anything(*all):\n    pass\n";
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\ngiven nothing\ngiven name x\ngiven anything\n~~~\n";
    let project = Project::new().file("steps.py", functions).file("own.yaml", bindings).file("x.md", text);
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[wrong-parameters]: function `nothing` has no parameter for the context
 --> own.yaml:1:10
  |
1 | - given: nothing
  |          ^^^^^^^ bound here
  |
 ::: steps.py:1:1
  |
1 | def nothing():
  | -------------- defined here
  |
  = help: write `def nothing(ctx):`

error[wrong-parameters]: the first parameter of function `named`, `name`, gets the context
 --> own.yaml:3:10
  |
3 | - given: name {name}
  |          ^^^^^^^^^^^ bound here
  |
 ::: steps.py:5:1
  |
5 | def named(name=None):
  | --------------------- defined here
  |
  = help: write `def named(ctx, name=None):`

2 errors

"#]]);
}

/// Which then needs another name for the context.
#[test]
fn captures_with_the_usual_name_of_the_context() {
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\ngiven value x\n~~~\n";
    let project = Project::new().file("own.yaml", "- given: value {ctx}\n  impl: {python: {function: f}}\n");
    let project = project.file("x.md", text).file("steps.py", "def f(ctx):\n    pass\n");
    let ran = project.refused(["check", "x.md"]);
    assert!(ran.stderr.contains("help: write `def f(context, ctx=None):`"), "{}", ran.stderr);
    project.file("steps.py", "def f(context, ctx=None):\n    assert ctx == 'x'\n").run(["run", "x.md"]).passes();
}

const OPTIONAL: &str = "\
- when: user (?P<user>\\S+) logs in( with password \"(?P<password>[^\"]*)\")?( (?P<times>\\d+) times)?( with \
(?P<file>\\S+))?
  regex: true
  types: {user: word, password: text, times: uint, file: file}
  impl: {python: {function: login, cleanup: logout}}
";

/// Which definition there will be, and who takes the context, is not always to be seen at once.
#[test]
fn functions_that_fit_their_bindings_in_ways_of_their_own() {
    let bindings = "- given: logged {name}\n  impl: {python: {function: logged}}\n\
                    - given: configured {name}\n  impl: {python: {function: configured}}\n";
    let functions = "def logged(*args, name=None):\n    args[0]['name'] = name\n\n\n\
                     if 1 < 2:\n    def configured(ctx, name=None):\n        assert ctx['name'] == name\n\
                     else:\n    def configured(ctx, name=None, *, loader):\n        loader(name)\n";
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\ngiven logged bob\ngiven configured bob\n~~~\n";
    let project = Project::anywhere().file("own.yaml", bindings).file("x.md", text).file("steps.py", functions);
    project.run(["run", "x.md"]).passes();
    // One that stands alone is judged, wherever it stands.
    let alone =
        functions.replace("    def configured(ctx, name=None):\n        assert ctx['name'] == name", "    pass");
    let ran = project.file("steps.py", alone).refused(["check", "x.md"]);
    assert!(ran.stderr.contains("function `configured` needs `loader`"), "{}", ran.stderr);
}

/// As if the binding did not capture it.
#[test]
fn groups_that_take_no_part_are_not_there() {
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\nwhen user bob logs in\nwhen user bob logs in with password \"\"\n\
                when user ann logs in 2 times with a.txt\n~~~\n~~~{#a.txt .file}\na\n~~~\n";
    let functions = "calls = []\n\n\ndef login(ctx, user, **optional):\n    calls.append((user, optional))\n\n\n\
                     def logout(ctx, user, password='none', times=None, file=None):\n    calls.append((user, \
                     password, times, file))\n    \
                     if len(calls) == 6:\n        raise ValueError(calls)\n";
    let project = Project::anywhere().file("own.yaml", OPTIONAL).file("x.md", text).file("steps.py", functions);
    let ran = project.run(["run", "x.md"]).code(1);
    let calls = "[('bob', {}), ('bob', {'password': ''}), ('ann', {'file': 'a.txt', 'times': '2'}), \
                 ('ann', 'none', '2', 'a.txt'), ('bob', '', None, None), ('bob', 'none', None, None)]";
    assert!(ran.stdout.contains(&format!("ValueError: {calls}")), "{}", ran.stdout);
    let project = project.file("steps.py", functions.replace("password='none', times=None", "password, times"));
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[wrong-parameters]: function `logout` needs `password`, which this step does not capture
 --> x.md:8:1
  |
8 | when user bob logs in
  | ^^^^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:9
  |
1 | ...n: user (?P<user>\S+) logs in( with password "(?P<password>[^"]*)")?( (?P<times>\d+) times)?( with (?P<file>\S+))?
  |       --------------------------------------------------------------------------------------------------------------- bound here
  |
 ::: steps.py:8:1
  |
8 | def logout(ctx, user, password, times, file=None):
  | -------------------------------------------------- defined here
  |
  = help: give it a default value: `password=None`

error[wrong-parameters]: function `logout` needs `times`, which this step does not capture
 --> x.md:9:1
  |
9 | when user bob logs in with password ""
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: own.yaml:1:9
  |
1 | ...n: user (?P<user>\S+) logs in( with password "(?P<password>[^"]*)")?( (?P<times>\d+) times)?( with (?P<file>\S+))?
  |       --------------------------------------------------------------------------------------------------------------- bound here
  |
 ::: steps.py:8:1
  |
8 | def logout(ctx, user, password, times, file=None):
  | -------------------------------------------------- defined here
  |
  = help: give it a default value: `times=None`

2 errors

"#]]);
}

/// Functions may ask for a file that no step names.
#[test]
fn embedded_files_that_only_functions_use() {
    let bindings = "- given: it\n  impl: {python: {function: it}}\n";
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\ngiven it\n~~~\n~~~{#a.txt .file}\na\n~~~\n~~~{#b.txt .file}\nb\n~~~\n";
    let project = Project::new().file("own.yaml", bindings).file("x.md", text);
    let project = project.file("steps.py", "def it(ctx):\n    get_file('a.txt')\n");
    let ran = project.run(["check", "x.md"]).code(0);
    assert!(ran.stderr.contains("`b.txt`") && !ran.stderr.contains("`a.txt`"), "{}", ran.stderr);
    let project = project.file("steps.py", "def it(ctx):\n    for name in 'ab': get_file(name + '.txt')\n");
    project.run(["check", "x.md"]).code(0).stderr("");
}

#[test]
fn a_file_that_is_not_python() {
    let project =
        Project::new().file("own.yaml", LOOSE_BINDINGS).file("steps.py", "def add(ctx, n=None):\n    return )\n");
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    let ran = project.refused(["check", "x.md"]);
    // What is said of it depends on the version of Python.
    assert!(ran.stderr.starts_with("error[bad-python]: invalid Python: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(" --> steps.py:2:12"), "{}", ran.stderr);
}

/// The run goes on: what looks wrong may be meant so.
#[test]
fn what_python_warns_of() {
    let steps = "def it(ctx, name=None):\n    assert (name == 'y', 'must be y')\n";
    let project = Project::new().file("own.yaml", "- given: it\n  impl: {python: {function: it}}\n");
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n# One\n~~~scenario\n\
        given it\n~~~\n";
    let project = project.file("steps.py", steps).file("x.md", text).file("y.md", text);
    // Once, though two documents have the file.
    project.run(["check", "x.md", "y.md"]).code(0).stderr(str![[r#"
warning[python-warning]: assertion is always true, perhaps remove parentheses?
 --> steps.py:2:5
  |
2 |     assert (name == 'y', 'must be y')
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

1 warning

"#]]);
    project.run(["run", "-q", "x.md"]).code(0);
}

/// What they lack is added to what other bindings give them.
#[test]
fn functions_of_several_bindings() {
    let bindings = "- given: thing {thing}\n  impl: {python: {function: thing}}\n- given: \"{n:uint} things\"\n  \
        impl: {python: {function: thing}}\n\
                    - given: late {name}\n  impl: {python: {function: waits}}\n";
    let functions =
        "def thing(context, thing, nn=None, limit=5):\n    pass\n\n\ndef waits(ctx, limit=(1,\n 2)):\n    pass\n";
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\ngiven thing x\ngiven 3 things\ngiven late x\n~~~\n";
    let project = Project::new().file("steps.py", functions).file("own.yaml", bindings).file("x.md", text);
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[wrong-parameters]: function `thing` has no parameter for the captured `n`
 --> own.yaml:3:10
  |
3 | - given: "{n:uint} things"
  |          ^^^^^^^^^^^^^^^^^ bound here
  |
 ::: steps.py:1:1
  |
1 | def thing(context, thing, nn=None, limit=5):
  | -------------------------------------------- defined here
  |
  = help: write `def thing(context, thing=None, limit=5, n=None):`

error[wrong-parameters]: function `waits` has no parameter for the captured `name`
 --> own.yaml:5:10
  |
5 | - given: late {name}
  |          ^^^^^^^^^^^ bound here
  |
 ::: steps.py:5:1
  |
5 | def waits(ctx, limit=(1,
  | ------------------------ defined here
  |
  = help: write `def waits(ctx, limit=..., name=None):`

2 errors

"#]]);
}

/// A call of the first and the third does nothing, and fails; the second runs; a decorator may turn the last into
/// anything.
#[test]
fn functions_that_never_run() {
    let bindings = ["generates", "awaits", "managed", "number", "later", "decorated"]
        .map(|name| format!("- given: {name}\n  impl: {{python: {{function: {name}}}}}\n"));
    let functions = "import contextlib\n\n\ndef generates(ctx):\n    ctx['x'] = 1\n    yield\n    del ctx['x']\n\n\n\
                     async def awaits(ctx):\n    pass\n\n\n@contextlib.contextmanager\ndef managed(ctx):\n    yield\n\
                     \n\n\
                     number = 5\nlater = 5\n\n\ndef change():\n    global later\n    later = print\n\n\nchange()\n\n\n\
                     @run\ndef decorated(ctx):\n    yield\n";
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n\
                # One\n~~~scenario\ngiven generates\ngiven awaits\ngiven managed\ngiven number\ngiven later\n\
                given decorated\n~~~\n";
    let project = Project::new().file("steps.py", functions).file("own.yaml", bindings.concat()).file("x.md", text);
    project.refused(["check", "x.md"]).stderr(str![[r#"
error[no-function]: `number` is not a function
  --> x.md:11:1
   |
11 | given number
   | ^^^^^^^^^^^^ this step needs it
   |
  ::: own.yaml:7:10
   |
 7 | - given: number
   |          ------ bound here
   |
  ::: steps.py:19:1
   |
19 | number = 5
   | ---------- defined here

warning[never-runs]: `generates` contains `yield`, so calling it runs nothing
 --> steps.py:4:1
  |
4 | def generates(ctx):
  | ^^^^^^^^^^^^^^^^^^^ defined here
  |
 ::: own.yaml:1:10
  |
1 | - given: generates
  |          --------- bound here
  |
  = help: move what follows `yield` to another function, and name it as `cleanup:` of the binding

warning[never-runs]: `managed` contains `yield`, so calling it runs nothing
  --> steps.py:15:1
   |
15 | def managed(ctx):
   | ^^^^^^^^^^^^^^^^^ defined here
   |
  ::: own.yaml:5:10
   |
 5 | - given: managed
   |          ------- bound here
   |
   = help: move what follows `yield` to another function, and name it as `cleanup:` of the binding

1 error, 2 warnings

"#]]);
}
