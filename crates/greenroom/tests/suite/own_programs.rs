//! Programs and files of the user's own: predefined directories, `path`, `cargo:NAME`, copies.

use snapbox::str;

use crate::support::Project;

/// Metadata with all libraries and these directories on PATH.
fn head(path: &str) -> String {
    format!("---\ntitle: Own\nbindings: [lib/daemon.yaml, lib/files.yaml, lib/runcmd.yaml]\npath: {path}\n...\n")
}

fn scenario(path: &str, steps: &str) -> String {
    format!("{}# Own\n~~~scenario\n{steps}\n~~~\n", head(path))
}

/// A project with programs, fixtures, and a `cargo` that knows the programs shop and admin.
fn project() -> Project {
    let cargo = "#!/bin/sh\ncat <<EOF\n{\"target_directory\": \"$PWD/target\", \"packages\": [{\"name\": \"shop\", \
                 \"targets\": \
                 [{\"name\": \"shop\", \"kind\": [\"bin\"]}, {\"name\": \"admin\", \"kind\": [\"bin\"]}]}]}\nEOF\n";
    let project = Project::anywhere();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", project.path("bin").display());
    project
        .program("bin/cargo", cargo)
        .program("target/debug/shop", "#!/bin/sh\necho shop \"$@\"\n")
        .program("tools/tool", "#!/bin/sh\necho tool \"$@\"\n")
        .file("docs/fixtures/order.txt", "milk\n")
        .file("data/sub/x", "x\n")
        .file("data/big.txt", "big\n")
        .link("data/link", "big.txt")
        .env("PATH", path)
}

#[test]
fn own_programs_are_found() {
    let text = scenario(
        "[tools, 'cargo:shop', '${DOCDIR}/fixtures']",
        "when I run cargo:shop --a b\nthen stdout is exactly \"shop --a b\\n\"\n\
         when I run shop\nwhen I run ${SRCDIR}/tools/tool\nwhen I run tool 1\nthen stdout is exactly \"tool 1\\n\"\n\
         when I run sh -c 'cargo:shop x; echo ${DATADIR} $HOME'\n\
         then stdout contains \"shop x\\n${DATADIR} ${DATADIR}\\n\"\n\
         when I start \"cargo:shop 1\" as a background process as s\n\
         then within 5 seconds daemon s stdout contains \"shop 1\"\n\
         and within 5 seconds running \"cargo:shop q\" prints \"shop q\"\n\
         when I run echo cargo:none\nthen stdout is exactly \"cargo:none\\n\"",
    );
    project().file("docs/x.md", text).run(["run", "docs/x.md"]).code(0).stderr("");
}

#[test]
fn files_and_directories_are_copied() {
    let text = scenario(
        "[]",
        "given file data/big.txt from the source directory\nand file a.txt copied from ${DOCDIR}/fixtures/order.txt\n\
         and directory d copied from data\nand directory data/sub from the source directory\n\
         and file t copied from tools/tool\nwhen I run ./t 1\nthen stdout contains \"tool 1\"\n\
         and file d/sub/x contains \"x\"\nand file ${DATADIR}/data/sub/x exists\nand file a.txt contains \"milk\"\n\
         when I run readlink d/link\nthen stdout is exactly \"big.txt\\n\"\n\
         when I write \"y\" to file ${DATADIR}/new/y\nthen file new/y contains \"y\"",
    );
    project().file("docs/x.md", text).run(["run", "docs/x.md"]).code(0).stderr("");
}

/// Documents from before these names existed mean what they meant.
#[test]
fn a_scenario_that_sets_a_predefined_name_keeps_its_own() {
    let text = scenario(
        "[]",
        "when I run sh -c 'SRCDIR=mine; echo ${SRCDIR}'\nthen stdout is exactly \"mine\\n\"\n\
         given the environment variable DOCDIR=own\nwhen I run sh -c 'echo ${DOCDIR}'\n\
         then stdout is exactly \"own\\n\"\n\
         given a free port kept as DATADIR\nwhen I run expr ${DATADIR} + 0",
    );
    project().file("x.md", text).run(["run", "x.md"]).code(0).stderr("");
}

#[test]
fn the_metadata_names_files_by_these_directories() {
    let text = "---\ntitle: Own\nbindings: ['${SRCDIR}/b/x.yaml', '${DOCDIR}/y.yaml', lib/runcmd.yaml]\n...\n\
                # Own\n~~~scenario\nwhen I do x\nand I do y\n~~~\n";
    let binding =
        |name: &str| format!("- when: I do {name}\n  impl: {{native: {{function: runcmd_put_srcdir_on_path}}}}\n");
    let project = project().file("docs/x.md", text).file("b/x.yaml", binding("x")).file("docs/y.yaml", binding("y"));
    project.run(["run", "docs/x.md"]).code(0).stderr("");
}

/// Nothing else is wrong with a document whose programs are not built yet.
#[test]
fn programs_that_are_not_built_are_the_one_mistake() {
    let text = format!(
        "{}# A\n~~~scenario\nwhen I run admin --new\nthen file count contains \"2\"\n~~~\n\
         # B\n~~~scenario\nwhen I start \"admin\" as a background process as admin\nthen file count exists\n~~~\n",
        head("['cargo:admin']"),
    );
    project().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[program-not-found]: program admin is not built: [PROJECT]/target/debug/admin does not exist
 --> x.md:4:8
  |
4 | path: ['cargo:admin']
  |        ^^^^^^^^^^^^^
  |
  = help: build it first: `cargo build --bin admin`

1 error

"#]]);
    let text = format!("{}# A\n~~~scenario\nwhen I run admin --new\nthen file count exists\n~~~\n", head("[nosuch]"));
    project().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-path]: `path` names nosuch, which does not exist
 --> x.md:4:8
  |
4 | path: [nosuch]
  |        ^^^^^^
  |
  = help: relative names start at the source directory, [PROJECT]

1 error

"#]]);
    // Without a directory that is missing, the program is.
    let text = format!("{}# A\n~~~scenario\nwhen I run admin --new\nthen file count exists\n~~~\n", head("[]"));
    project().file("x.md", text).run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[program-not-found]: program not found: admin
 --> x.md:8:12
  |
8 | when I run admin --new
  |            ^^^^^ not on PATH
  |
  = help: install it, or put its directory on PATH before you start greenroom

1 error

"#]]);
}

#[test]
fn what_is_missing_is_reported_before_the_run() {
    let text = format!(
        "{}# A\n~~~scenario\nwhen I run tools/tool\n~~~\n\
         # B\n~~~scenario\nwhen I start \"data/big.txt\" as a background process as x\n~~~\n\
         # C\n~~~scenario\ngiven file data/bg.txt from the source directory\nand file data from the source directory\n\
         and directory nosuch from the source directory\nand directory data/big.txt from the source directory\n\
         and file ../x copied from data/big.txt\nand file fixtures/order.txt from the source directory\n~~~\n\
         # D\n~~~scenario\nwhen I run cargo:admin\nand I run cargo:shp\n~~~\n\
         # E\n~~~scenario\nwhen I run ${{SRCDIR}}/tools/tol\n~~~\n",
        head("[target/release, 'cargo:admin', fixtures, nosuch, data/big.txt]"),
    );
    let project = project().file("docs/x.md", text).file("Cargo.toml", "");
    project.run(["check", "docs/x.md"]).code(2).stdout("").stderr(str![[r#"
error[bad-path]: `path` names target/release, which does not exist
 --> docs/x.md:4:8
  |
4 | path: [target/release, 'cargo:admin', fixtures, nosuch, data/big.txt]
  |        ^^^^^^^^^^^^^^
  |
  = help: build it first: `cargo build`; `cargo:NAME` is where Cargo puts the program NAME

error[program-not-found]: program admin is not built: [PROJECT]/target/debug/admin does not exist
 --> docs/x.md:4:24
  |
4 | path: [target/release, 'cargo:admin', fixtures, nosuch, data/big.txt]
  |                        ^^^^^^^^^^^^^
  |
  = note: and in 1 more place
  = help: build it first: `cargo build --bin admin`

error[bad-path]: `path` names fixtures, which does not exist
 --> docs/x.md:4:39
  |
4 | path: [target/release, 'cargo:admin', fixtures, nosuch, data/big.txt]
  |                                       ^^^^^^^^
  |
  = help: it is beside the document: write `${DOCDIR}/fixtures`

error[bad-path]: `path` names nosuch, which does not exist
 --> docs/x.md:4:49
  |
4 | path: [target/release, 'cargo:admin', fixtures, nosuch, data/big.txt]
  |                                                 ^^^^^^
  |
  = help: relative names start at the source directory, [PROJECT]

error[bad-path]: `path` names data/big.txt, which is not a directory
 --> docs/x.md:4:57
  |
4 | path: [target/release, 'cargo:admin', fixtures, nosuch, data/big.txt]
  |                                                         ^^^^^^^^^^^^
  |
  = help: name the directory that contains the program

error[program-not-found]: program not found: tools/tool
 --> docs/x.md:8:12
  |
8 | when I run tools/tool
  |            ^^^^^^^^^^ not in the scenario's directory
  |
  = help: tools/tool is in the source directory, not in the scenario's: write `${SRCDIR}/tools/tool`

error[program-not-found]: program not found: data/big.txt
  --> docs/x.md:12:15
   |
12 | when I start "data/big.txt" as a background process as x
   |               ^^^^^^^^^^^^ not in the scenario's directory
   |
   = help: data/big.txt is in the source directory, not in the scenario's (not executable): write `sh ${SRCDIR}/data/big.txt`, for example

error[missing-source]: file data/bg.txt does not exist
  --> docs/x.md:16:12
   |
16 | given file data/bg.txt from the source directory
   |            ^^^^^^^^^^^
   |
   = help: it was looked for in the source directory, [PROJECT]
   = help: did you mean data/big.txt?

error[missing-source]: data is a directory, not a file
  --> docs/x.md:17:10
   |
17 | and file data from the source directory
   |          ^^^^
   |
   = help: write `given directory` to copy a directory with all that is in it

error[missing-source]: directory nosuch does not exist
  --> docs/x.md:18:15
   |
18 | and directory nosuch from the source directory
   |               ^^^^^^
   |
   = help: it was looked for in the source directory, [PROJECT]
   = help: [PROJECT] contains Cargo.toml, bin, data, docs, target, tools

error[missing-source]: data/big.txt is a file, not a directory
  --> docs/x.md:19:15
   |
19 | and directory data/big.txt from the source directory
   |               ^^^^^^^^^^^^
   |
   = help: write `given file` to copy a single file

error[outside-directory]: ../x is outside of the scenario's directory
  --> docs/x.md:20:10
   |
20 | and file ../x copied from data/big.txt
   |          ^^^^
   |
   = help: write a path inside the scenario's directory, without a leading `/` or `..`

error[missing-source]: file fixtures/order.txt does not exist
  --> docs/x.md:21:10
   |
21 | and file fixtures/order.txt from the source directory
   |          ^^^^^^^^^^^^^^^^^^
   |
   = help: it is in [PROJECT]/docs: write `file fixtures/order.txt copied from ${DOCDIR}/fixtures/order.txt`

error[program-not-found]: the Cargo project has no program shp
  --> docs/x.md:26:11
   |
26 | and I run cargo:shp
   |           ^^^^^^^^^
   |
   = help: did you mean `cargo:shop`?

error[program-not-found]: program not found: [PROJECT]/tools/tol
  --> docs/x.md:30:12
   |
30 | when I run ${SRCDIR}/tools/tol
   |            ^^^^^^^^^^^^^^^^^^^
   |
   = help: did you mean `[PROJECT]/tools/tool`?

15 errors

"#]]);
}

#[test]
fn cargo_programs_need_cargo() {
    let text = scenario("[]", "when I run cargo:shop");
    let project = project().file("x.md", &text);
    project.run(["check", "x.md"]).code(0);
    let project = project.program("bin/cargo", "#!/bin/sh\necho 'error: could not find `Cargo.toml`' >&2\nexit 101\n");
    project.run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[no-cargo]: cannot find out where Cargo puts its programs: could not find `Cargo.toml`
 --> x.md:8:12
  |
8 | when I run cargo:shop
  |            ^^^^^^^^^^
  |
  = help: `cargo:shop` needs greenroom to be started in a Cargo project

1 error

"#]]);
    let project = project.env("PATH", "/nowhere");
    project.run(["check", "x.md"]).code(2).stdout("").stderr(str![[r#"
error[no-cargo]: cannot find out where Cargo puts its programs: the program `cargo` is not on PATH
 --> x.md:8:12
  |
8 | when I run cargo:shop
  |            ^^^^^^^^^^
  |
  = help: `cargo:shop` needs greenroom to be started in a Cargo project

1 error

"#]]);
}

#[test]
fn a_program_of_the_source_directory_is_named_when_it_is_started() {
    let Some(project) = Project::sealed() else { return };
    let text = scenario("[]", "when I run true\nand I run tools/tool");
    let project = project.program("tools/tool", "#!/bin/sh\n").file("x.md", text);
    project.run(["run", "x.md"]).code(1).stderr("").stdout(str![[r#"
greenroom [VERSION]: 1 scenario in x.md

FAIL [TIME]  Own
  in x.md:9, scenario at x.md:6

    ok [TIME]  when I run true
    FAILED [TIME]  and I run tools/tool

  program not found: tools/tool
  help: tools/tool is in the source directory, not in the scenario's: write `${SRCDIR}/tools/tool`

  rerun: greenroom run x.md --name Own

FAILED: 1 of 1 scenario failed, [TIME]
  failed  x.md:6  Own

"#]]);
}
