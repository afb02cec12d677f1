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

/// Nothing of the files is carried out for it.
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

error[wrong-parameters]: function `total` wants `extra`, which its binding does not capture
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
  = help: give it a value for when it is not captured: `extra=None`

3 errors

"#]]);
}

/// In Subplot a function of the same name in a later file is also what the library's steps use.
#[test]
fn functions_with_the_names_of_library_functions() {
    let steps = "def add(ctx, n=None):\n    runcmd_run(ctx, ['echo', n])\n\n\ndef total(ctx, n=None, extra=None):\n    pass\n\n\n\
                 def runcmd_run(ctx, argv):\n    print(argv)\n\n\ndef files_file_exists(ctx, filename=None):\n    pass\n\n\n\
                 def runcmd_own(ctx):\n    pass\n";
    let project = Project::new().file("own.yaml", "- when: I add {n:uint}\n  impl: {python: {function: add}}\n");
    let project = project.file("steps.py", steps);
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\nthen file x exists\n~~~\n"));
    project.run(["check", "x.md"]).code(0).stderr(str![[r#"
warning[own-library-function]: `runcmd_run` and 1 more: steps of the libraries do not use functions of yours
 --> steps.py:9:1
  |
9 | def runcmd_run(ctx, argv):
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^ only other Python functions find it
  |
  = help: to have steps carried out by it, bind them to it in a bindings file of your own

1 warning

"#]]);
}

#[test]
fn functions_that_have_no_place_for_the_context() {
    let bindings = "- given: nothing\n  impl: {python: {function: nothing}}\n- given: name {name}\n  impl: {python: {function: named}}\n\
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

error[wrong-parameters]: `name`, the first parameter of function `named`, would get the context
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
fn a_file_that_is_no_python() {
    let project =
        Project::new().file("own.yaml", LOOSE_BINDINGS).file("steps.py", "def add(ctx, n=None):\n    return )\n");
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    let ran = project.refused(["check", "x.md"]);
    // What is said of it depends on the version of Python.
    assert!(ran.stderr.starts_with("error[bad-python]: this is no Python: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(" --> steps.py:2:12"), "{}", ran.stderr);
}

/// The run goes on: what looks wrong may be meant so.
#[test]
fn what_python_warns_of() {
    let steps = "def it(ctx, name=None):\n    assert (name == 'y', 'must be y')\n";
    let project = Project::new().file("own.yaml", "- given: it\n  impl: {python: {function: it}}\n");
    let text = "---\ntitle: Trial\nbindings: [own.yaml]\nimpls: {python: [steps.py]}\n...\n# One\n~~~scenario\ngiven it\n~~~\n";
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
