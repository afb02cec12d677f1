//! Documents that are right, in all the forms they come in, and the plans they give.

use std::fmt::Write as _;

use greenroom_doc::{Diagnostic, Loaded, MemoryLoader, Network, Request, load};
use snapbox::str;

use crate::project::{HEAD, Project, same};

#[test]
fn everything_in_one() {
    let project = Project::with_scenario(
        "~~~scenario\nGiven a thing\nAND file X.TXT\n\nwhen I say  hello \t world to Bob\n  when I print \
            \"a\\tb\\n\"\n\tbut I print \"\"\nthen it costs 1.50 per kilo or so\n~~~\n~~~{#x.txt .file}\nhi\n~~~\n",
    );
    same(
        project.plan(),
        str![[r#"
S []
  given: Given a thing -> native:a
  given: AND file X.TXT -> native:f
    f: file = "x.txt" from "X.TXT"
  when: when I say hello world to Bob -> native:say
    what: text = "hello world" from "hello \t world"
    whom: word = "Bob"
  when: when I print "a\tb\n" -> native:print
    what: escapedtext = "a\tb\n" from "a\\tb\\n"
  when: but I print "" -> native:print
    what: escapedtext = ""
  then: then it costs 1.50 per kilo or so -> native:cost
    price: number = "1.50"
    unit: text = "kilo or so"
file x.txt "hi\n"

"#]],
    );
}

#[test]
fn sections_make_scenarios() {
    let block = "~~~scenario\ngiven a thing\n~~~\n";
    let text = format!(
        "---\ntitle: T\nbindings: [b.yaml]\n---\n# Part\n\n## `One` *and* two {{#id}}\n{block}\n### Detail\n{block}\n\
            Three\n-----\n{block}# Empty\n### Deep\n```{{.scenario label=x label=y label=x}}\ngiven a thing\n```\n\
            #### Deeper\n```{{scenario label=\"z z\"}}\nand a thing\n```\n### Again\n~~~ scenario\ngiven a thing\n~~~\n"
    );
    same(
        Project::new().document("d.md", text).plan(),
        str![[r#"
One and two []
  given: given a thing -> native:a
  given: given a thing -> native:a
Three []
  given: given a thing -> native:a
Deep ["x", "y", "z z"]
  given: given a thing -> native:a
  given: and a thing -> native:a
Again []
  given: given a thing -> native:a

"#]],
    );
}

#[test]
fn quotes_lists_and_comments() {
    let project = Project::with_scenario(
        "> ~~~scenario\n> given a thing\n> when I say a  b to c\n> ~~~\n\n# Two\n\
            1. x\n   ~~~scenario\n   given a thing\n     when I say a  b to c\n   ~~~\n\n<!--\n\n# Three\n\n\
            ~~~scenario\ngiven nothing\n~~~\n\n~~~{#x .file}\n~~~\n-->\n",
    );
    same(
        project.plan(),
        str![[r#"
S []
  given: given a thing -> native:a
  when: when I say a b to c -> native:say
    what: text = "a b" from "a  b"
    whom: word = "c"
Two []
  given: given a thing -> native:a
  when: when I say a b to c -> native:say
    what: text = "a b" from "a  b"
    whom: word = "c"

"#]],
    );
}

#[test]
fn files_and_their_last_newline() {
    let mut text = String::from("~~~scenario\n");
    let mut files = String::new();
    for (index, (content, mode)) in [
        ("a\n", ""),
        ("a\n", "add-newline=auto"),
        ("a\n", "add-newline=yes"),
        ("a\n", "add-newline=no"),
        ("a\n\n", "add-newline=auto"),
        ("a\n\n", "add-newline=yes"),
        ("a\n\n", "add-newline=no"),
        ("", "add-newline=auto"),
        ("", "add-newline=\"yes\""),
        ("", "add-newline=no"),
        ("\n\n", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let _ = writeln!(text, "given file f{index}");
        let _ = writeln!(files, "~~~{{#f{index} .file {mode}}}\n{content}~~~");
    }
    same(
        Project::with_scenario(&format!("{text}~~~\n{files}")).plan(),
        str![[r#"
S []
  given: given file f0 -> native:f
    f: file = "f0"
  given: given file f1 -> native:f
    f: file = "f1"
  given: given file f2 -> native:f
    f: file = "f2"
  given: given file f3 -> native:f
    f: file = "f3"
  given: given file f4 -> native:f
    f: file = "f4"
  given: given file f5 -> native:f
    f: file = "f5"
  given: given file f6 -> native:f
    f: file = "f6"
  given: given file f7 -> native:f
    f: file = "f7"
  given: given file f8 -> native:f
    f: file = "f8"
  given: given file f9 -> native:f
    f: file = "f9"
  given: given file f10 -> native:f
    f: file = "f10"
file f0 "a\n"
file f1 "a\n"
file f2 "a\n"
file f3 "a"
file f4 "a\n"
file f5 "a\n\n"
file f6 "a\n"
file f7 "\n"
file f8 "\n"
file f9 ""
file f10 "\n"

"#]],
    );
}

#[test]
fn bom_and_crlf() {
    let text =
        format!("\u{feff}{HEAD}~~~scenario\ngiven file x\nwhen I say a to b\n~~~\n~~~{{#x .file}}\none\n\ntwo\n~~~\n")
            .replace('\n', "\r\n");
    let bindings = format!("\u{feff}{}", crate::project::BINDINGS).replace('\n', "\r\n");
    same(
        Project::new().document("d.md", text).file("b.yaml", bindings).plan(),
        str![[r#"
S []
  given: given file x -> native:f
    f: file = "x"
  when: when I say a to b -> native:say
    what: text = "a"
    whom: word = "b"
file x "one\n\ntwo\n"

"#]],
    );
}

#[test]
fn subplot_file_with_several_markdowns() {
    let block = "~~~scenario\ngiven file x\n~~~\n";
    let project = Project::new()
        .document(
            "docs/d.subplot",
            "# remark\ntitle: Two texts\nmarkdowns:\n- a.md\n- sub/b.md\nbindings:\n\
            - ../b.yaml\nimpls:\n  python: []\nclasses: [json]\nauthors:\n- A\n- B\ndate: 2020-01-02\n",
        )
        .file("docs/a.md", format!("# A\n{block}"))
        .file("docs/sub/b.md", format!("# B\n{block}~~~{{#X .file .json}}\n{{}}\n~~~\n"))
        .file("docs/../b.yaml", crate::project::BINDINGS);
    same(
        project.plan(),
        str![[r#"
A []
  given: given file x -> native:f
    f: file = "X" from "x"
B []
  given: given file x -> native:f
    f: file = "X" from "x"
file X "{}\n"

"#]],
    );
    let loaded = project.load();
    let document = &loaded.plan.documents[0];
    assert_eq!((document.title.as_str(), document.directory.as_str(), document.bodies.len()), ("Two texts", "docs", 2));
    assert_eq!(document.metadata.authors, ["A", "B"]);
    assert_eq!(document.metadata.date.as_deref(), Some("2020-01-02"));
}

#[test]
fn metadata_of_old_and_new_documents() {
    let block = "# S\n~~~scenario\ngiven a thing\nwhen b\n~~~\n";
    let bindings = "- GIVEN: a thing\n  Function: old\n  cleanup: undo\n\
        - when: b\n  impl:\n    rust: {function: b}\n    python: {function: b, cleanup: c}\n";
    let old = "title: 1.50\nauthor: me\ntemplate: python\nfunctions: f.py\nbindings: b.yaml\nbibliography: x.bib\n\
        documentclass: report\ntoc: true\n";
    let project =
        Project::new().document("d.md", format!("{block}\n---\n{old}...")).file("b.yaml", bindings).file("f.py", "");
    same(
        project.plan(),
        str![[r#"
S []
  given: given a thing -> python:old
  when: when b -> python:b

"#]],
    );
    let loaded = project.load();
    assert_eq!(loaded.plan.documents[0].title, "1.50");
    let files: Vec<_> = loaded.plan.documents[0]
        .implementations
        .iter()
        .map(|file| (file.language.as_str(), file.name.as_str()))
        .collect();
    assert_eq!(files, [("python", "f.py")]);
    assert_eq!(loaded.plan.scenarios[0].steps[0].implementation.cleanup.as_deref(), Some("undo"));

    let new = "title: T\nbindings: [b.yaml]\nscenario_timeout: 90\nstep_timeout: 500ms\nnetwork: host\n\
        impls:\n  rust:\n  python: []\n";
    let project = Project::new().document("d.md", format!("---\n{new}---\n{block}")).file("b.yaml", bindings);
    let loaded = project.load();
    let document = &loaded.plan.documents[0];
    assert_eq!(document.metadata.network, Network::Host);
    assert_eq!(document.metadata.scenario_timeout.as_millis(), 90_000);
    assert_eq!(document.metadata.step_timeout.as_millis(), 500);
    assert_eq!(&*loaded.plan.scenarios[0].steps[1].implementation.language, "python");
}

#[test]
fn built_in_files_come_after_those_beside_the_document() {
    let document = |name: &str| {
        format!(
            "---\ntitle: T\nbindings: [{name}]\nimpls: {{python: [lib/x.py]}}\n---\n# S\n~~~scenario\ngiven it\n~~~\n"
        )
    };
    let project = |name: &str| {
        Project::new()
            .document("a/d.md", document(name))
            .builtin(
                "lib/x.yaml",
                Some("- given: it\n  impl: {native: {function: built_in}, python: {function: it}}\n"),
            )
            .builtin("lib/x.py", None)
    };
    for name in ["lib/x.yaml", "x.yaml", "python/lib/x.yaml", "common/lib/x.yaml", "./lib/x.yaml"] {
        let loaded = project(name).load();
        assert!(loaded.diagnostics.is_empty(), "{name}: {:?}", loaded.diagnostics);
        assert_eq!(&*loaded.plan.scenarios[0].steps[0].implementation.function, "built_in");
        let span = loaded.plan.documents[0].bindings[0].span;
        assert_eq!(loaded.sources.cite(span), "lib/x.yaml (built in)");
    }
    let own = project("lib/x.yaml").file("a/lib/x.yaml", "- given: it\n  impl: {python: {function: own}}\n").load();
    assert_eq!(&*own.plan.scenarios[0].steps[0].implementation.function, "own");
}

#[test]
fn matching() {
    let bindings = r#"
- given: alpha|beta (?P<x>\d+)?
  regex: true
  impl: {native: {function: either}}
- when: Exact {word}
  case_sensitive: true
  impl: {native: {function: exact}}
- when: exact {word:escapedword}
  case_sensitive: true
  impl: {native: {function: lower}}
- then: (the|a) nested ((?P<a>b)c)+ group(?P<tail>.*)
  regex: true
  impl: {native: {function: nested}}
- then: "{n:number} is {m:int} and {k:uint}"
  impl: {native: {function: numbers}}
- then: say {a:escapedtext} now
  impl: {native: {function: escaped}}
- then: say {a:text} now
  impl: {native: {function: plain}}
- then: "ſpecial {x}"
  impl: {native: {function: long_s}}
"#;
    let steps = "given alpha\ngiven beta 12\nwhen Exact A\nwhen exact \\u{e9}\nthen a nested bcbc group of x\n\
        then 1.50 is -3 and 4\nthen say \\d now\nthen SPECIAL é";
    same(Project::with_bindings(bindings, steps).complaints(), str![""]);
    let loaded = Project::with_bindings(bindings, steps).load();
    same(
        crate::project::plan(&loaded),
        str![[r#"
S []
  given: given alpha -> native:either
    x: text = ""
  given: given beta 12 -> native:either
    x: text = "12"
  when: when Exact A -> native:exact
    word: word = "A"
  when: when exact \u{e9} -> native:lower
    word: escapedword = "é" from "\\u{e9}"
  then: then a nested bcbc group of x -> native:nested
    a: text = "b"
    tail: text = " of x"
  then: then 1.50 is -3 and 4 -> native:numbers
    n: number = "1.50"
    m: int = "-3"
    k: uint = "4"
  then: then say \d now -> native:plain
    a: text = "\\d"
  then: then SPECIAL é -> native:long_s
    x: word = "é"

"#]],
    );
}

#[test]
fn a_document_without_metadata_has_its_first_heading_and_the_built_in_bindings() {
    let text = "# Tea\n\n## Brewing\n~~~scenario\ngiven a cup\nwhen I brew\n~~~\n### Notes\n## End\n";
    let binding = |step: &str| format!("- {step}\n  impl: {{native: {{function: a}}}}\n");
    let loaded = Project::new()
        .document("d.md", text)
        // A file of the user's under the name of a built-in one has no part in it.
        .file("lib/a.yaml", "[")
        .builtin("lib/a.yaml", Some(&binding("given: a cup")))
        .builtin("lib/b.yaml", Some(&binding("when: I brew")))
        .load();
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(loaded.plan.scenarios[0].steps.len(), 2);
    let document = &loaded.plan.documents[0];
    assert_eq!(document.title, "Tea");
    let headings = document.headings.iter().map(|heading| (heading.level, &*heading.title));
    assert_eq!(headings.collect::<Vec<_>>(), [(1, "Tea"), (2, "Brewing"), (3, "Notes"), (2, "End")]);
}

#[test]
fn documents_that_may_be_empty_are_skipped_with_their_mistakes() {
    let near = "# A\n~~~scenaro\ngiven a thing\n~~~\n";
    let documents = ["none.md", "unclosed.md", "near.md", "real.md"].map(str::to_owned);
    let files = MemoryLoader::default()
        .with("none.md", "---\nlayout: post\n---\n# A\n~~~{#b}\n~~~\n")
        .with("unclosed.md", "---\ntitle: A\n\n# A\n")
        .with("near.md", near)
        .with("real.md", "---\nlayout: post\n---\n# A\n~~~scenario\n~~~\n");
    let outcome = |may_be_empty| {
        let builtin = [];
        load(&Request {
            documents: &documents,
            loader: &files,
            builtin: &builtin,
            can_run: &|_, _| true,
            may_be_empty,
            needs_scenarios: true,
        })
    };
    let loaded = outcome(&|_| true);
    assert_eq!(loaded.plan.skipped, ["none.md", "unclosed.md"]);
    let paths: Vec<&str> = loaded.plan.documents.iter().map(|document| document.path.as_str()).collect();
    assert_eq!(paths, ["near.md", "real.md"]);
    assert!(loaded.diagnostics.iter().all(|d| !["none.md", "unclosed.md"].contains(&name(&loaded, d))));
    assert!(loaded.has_errors());
    assert_eq!(outcome(&|_| false).plan.skipped, [""; 0]);
}

/// Returns the name of the file that a diagnostic is about.
fn name<'a>(loaded: &'a Loaded, diagnostic: &Diagnostic) -> &'a str {
    diagnostic.primary.as_ref().map_or("", |label| &loaded.sources.file(label.span.source).name)
}
