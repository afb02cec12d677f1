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
fn a_file_that_is_no_python() {
    let project =
        Project::new().file("own.yaml", LOOSE_BINDINGS).file("steps.py", "def add(ctx, n=None):\n    return )\n");
    let project = project.file("x.md", document("# Sums\n~~~scenario\nwhen I add 2\n~~~\n"));
    let ran = project.refused(["check", "x.md"]);
    // What is said of it depends on the version of Python.
    assert!(ran.stderr.starts_with("error[bad-python]: this is no Python: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(" --> steps.py:2:12"), "{}", ran.stderr);
}
