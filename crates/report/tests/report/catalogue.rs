//! What there is.

use std::sync::Arc;

use greenroom_doc::{
    Binding, CaptureDefinition, CaptureType, Implementation, MatchedStep, Network, Plan, PlannedScenario, SourceFile,
    SourceId, Sources, Span, StepKind,
};
use greenroom_report::Style;
use greenroom_report::catalogue::{self, Listing};
use snapbox::{IntoData, assert_data_eq, str};

fn span(start: u32) -> Span {
    Span { source: SourceId(0), start, end: start + 1 }
}

fn step(kind: StepKind, text: &str) -> MatchedStep {
    let implementation = Implementation { language: "native".into(), function: "f".into(), cleanup: None };
    MatchedStep {
        kind,
        text: text.into(),
        span: span(0),
        binding: 0,
        implementation: implementation.into(),
        captures: Box::default(),
        repetition: None,
    }
}

fn plan() -> (Plan, Sources) {
    let mut sources = Sources::default();
    sources.add(SourceFile::new("daemon.md", "# One\n\n\n\n\n\n\n\n\n# Two\n"));
    let scenario = |title: &str, at, labels: &[&str], steps| PlannedScenario {
        document: 0,
        title: title.into(),
        span: span(at),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        network: Network::Private,
        steps,
        complete_until: None,
    };
    let steps = || vec![step(StepKind::Given, "given a thing"), step(StepKind::Then, "then it\tis there")];
    let scenarios = vec![scenario("One", 0, &[], steps()), scenario("Two", 14, &["slow", "network"], steps())];
    (Plan { scenarios, ..Plan::default() }, sources)
}

#[test]
fn scenarios() {
    let (plan, sources) = plan();
    assert_data_eq!(
        catalogue::scenarios(&plan, &sources, false, Style::plain(80)),
        str![[r#"
daemon.md:1   One
daemon.md:10  Two  [slow, network]

"#]]
        .raw()
    );
    assert_data_eq!(
        catalogue::scenarios(&plan, &sources, true, Style::plain(80)),
        str![[r#"
daemon.md:1   One
    given a thing
    then it\tis there

daemon.md:10  Two  [slow, network]
    given a thing
    then it\tis there

"#]]
        .raw()
    );
    let empty = Plan::default();
    assert_data_eq!(
        catalogue::scenarios(&empty, &sources, false, Style::plain(80)),
        str![[r#"
no scenarios

"#]]
        .raw()
    );
}

#[test]
fn steps() {
    let binding = |kind, pattern: &str, doc: Option<&str>, captures: &[(&str, CaptureType)]| Binding {
        kind,
        pattern: pattern.to_owned(),
        span: span(0),
        doc: doc.map(str::to_owned),
        example: None,
        captures: captures
            .iter()
            .map(|(name, kind)| Arc::new(CaptureDefinition { name: (*name).to_owned(), kind: *kind }))
            .collect(),
        implementations: Vec::new(),
        yields: false,
    };
    let daemon = [
        binding(
            StepKind::Given,
            "a daemon helper shell script {filename:file}",
            Some("Writes the embedded file, and makes it executable.\n"),
            &[("filename", CaptureType::File)],
        ),
        binding(
            StepKind::When,
            r#"^I (try to )?start "(?P<path>[^"]+)(?P<args>( [^"]*)?)" as (?P<name>\S+), on port (?P<port>\d+)$"#,
            Some(
                "Start a program in the background, and wait until it listens on the port, which may take up to the \
                  limit that the document sets.\n\nIt is stopped at the end of the scenario.",
            ),
            &[
                ("path", CaptureType::Path),
                ("args", CaptureType::Text),
                ("name", CaptureType::Word),
                ("port", CaptureType::Uint),
            ],
        ),
    ];
    let runcmd = [
        binding(StepKind::Then, "exit code is {exit:int}", None, &[("exit", CaptureType::Int)]),
        binding(StepKind::Then, "command is successful", None, &[]),
    ];
    let listing = |file, bindings, total| Listing { file, bindings, total };
    let mut status = runcmd[0].clone();
    status.example = Some("exit code is 0".to_owned());
    let libraries =
        [listing("lib/daemon", daemon.iter().collect(), 2), listing("lib/runcmd", vec![&status, &runcmd[1]], 12)];
    assert_data_eq!(
        catalogue::steps(&libraries, false, Style::plain(72)),
        str![[r#"
lib/daemon (2 steps)
  given a daemon helper shell script {filename}
        filename: an embedded file
        Writes the embedded file, and makes it executable.

  when  I (try to )?start "{path}{args}" as {name}, on port {port}
        path: a path, args: any text, name: a word, port: a non-negative
        integer
        Start a program in the background, and wait until it listens on
        the port, which may take up to the limit that the document sets.

        It is stopped at the end of the scenario.

lib/runcmd (2 of 12 steps)
  then  exit code is {exit}
        exit: an integer
        example: then exit code is 0
  then  command is successful

"#]]
        .raw()
    );
}
