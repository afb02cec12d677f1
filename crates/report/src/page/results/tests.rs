//! Whole pages of small runs, and what must hold of each.

use std::sync::Arc;
use std::time::Duration;

use greenroom_event::{
    Attempt, Daemon, DaemonEnd, DocumentOutline, DocumentText, Event, EventKind, Exit, Failure, LeftOver, LeftOverEnd,
    Life, Location, Machine, Notice, Origin, Outcome, Outline, Output, OutputSource, Relation, RunStarted,
    ScenarioFinished, ScenarioOutline, Sink, StepFinished, StepKind, StepMarkup, StepOutline, Stream, TextPart,
};

use super::*;
use crate::page::{Drawings, Request, page};
use crate::run_record::RunRecord;

/// The scenarios of the document, each with the lines of its block.
const TEXT: &str = "# Stock\n\n## One\n\n```scenario\ngiven a shop\nthen it sells <bread>\n```\n\n\
                    ## Two\n\n```{.scenario label=slow}\ngiven a shop\nwhen it closes\nthen it is dark\n```\n";

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn place(line: u32) -> Location {
    Location { file: "stock.md".into(), line }
}

/// A run of the document, event by event.
struct Run {
    record: RunRecord,
    now: u64,
}

impl Run {
    fn new() -> Self {
        let kinds = [("given a shop", 6), ("then it sells <bread>", 7), ("given a shop", 13), ("when it closes", 14)];
        let steps: Vec<(&str, u32)> = kinds.into_iter().chain([("then it is dark", 15)]).collect();
        let markup = steps.iter().map(|&(text, line)| StepMarkup {
            location: place(line),
            text: text.to_owned(),
            kind: StepKind::Given,
            captures: Vec::new(),
        });
        let text = DocumentText {
            parts: vec![TextPart { location: place(1), text: TEXT.into() }],
            steps: markup.collect::<Vec<_>>().into(),
            ..DocumentText::default()
        };
        let scenario = |title: &str, line, labels: &[&str], steps: &[(&str, u32)]| ScenarioOutline {
            test: None,
            document: 0,
            title: title.into(),
            repetition: None,
            retries: 0,
            location: place(line),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            steps: steps.iter().map(|&(text, line)| StepOutline { text: text.into(), location: place(line) }).collect(),
        };
        let document =
            DocumentOutline { path: "stock.md".to_owned(), title: "Stock".to_owned(), text: Some(text.into()) };
        let outline = Outline {
            documents: vec![document],
            scenarios: vec![scenario("One", 3, &[], &steps[..2]), scenario("Two", 10, &["slow"], &steps[2..])],
            ..Outline::default()
        };
        let origin = Origin {
            started: "2026-11-26T18:50:19Z".to_owned(),
            machine: Machine { host: "red".to_owned(), system: "Linux 6.12".to_owned(), cores: 2 },
            command: vec!["greenroom".to_owned(), "run".to_owned(), "stock & co.md".to_owned()],
            rerun_options: vec!["--timeout".to_owned(), "5s".to_owned()],
            ..Origin::default()
        };
        let mut run = Self { record: RunRecord::default(), now: 0 };
        run.event(
            None,
            EventKind::RunStarted(RunStarted {
                outline: outline.into(),
                origin: Some(origin),
                ..RunStarted::default()
            }),
        );
        run
    }

    fn event(&mut self, attempt: Option<(usize, u32)>, kind: EventKind) {
        let scenario = attempt.map(|(index, number)| Attempt { index, number });
        self.record.push(&Event { seq: 0, at: ms(self.now), scenario, kind });
    }

    /// Runs the steps of an attempt; the last one ends with this failure, if there is one.
    fn steps(&mut self, attempt: (usize, u32), count: usize, failure: Option<&Failure>) {
        self.event(Some(attempt), EventKind::ScenarioStarted);
        for step in 0..count {
            self.event(Some(attempt), EventKind::StepStarted { step });
            self.now += 10;
            let failure = failure.cloned().filter(|_| step + 1 == count);
            let outcome = if failure.is_some() { Outcome::Failed } else { Outcome::Passed };
            self.event(Some(attempt), EventKind::StepFinished(finished_step(step, outcome, failure)));
        }
    }

    fn finish(&mut self, attempt: (usize, u32), outcome: Outcome, change: impl FnOnce(&mut ScenarioFinished)) {
        let mut finished = ScenarioFinished::new(outcome, ms(120));
        change(&mut finished);
        self.event(Some(attempt), EventKind::ScenarioFinished(finished));
    }

    fn passed(&mut self, attempt: (usize, u32), steps: usize) {
        self.steps(attempt, steps, None);
        self.finish(attempt, Outcome::Passed, |_| ());
    }

    fn end(mut self, interrupted: bool) -> String {
        self.event(None, EventKind::RunFinished { interrupted });
        self.page()
    }

    fn page(mut self) -> String {
        self.record.close();
        let drawings = Drawings::default();
        let request = Request {
            outline: &self.record.started.outline,
            document: 0,
            run: Some(&self.record),
            drawings: &drawings,
            links_styles: false,
            site: None,
            version: "0.1.0",
        };
        let page = page(&request);
        assert_harmless(&page);
        page
    }
}

fn finished_step(step: usize, outcome: Outcome, failure: Option<Failure>) -> StepFinished {
    StepFinished { step, outcome, began: None, took: ms(10), failure, output: Vec::new() }
}

fn stdout(text: &str) -> Output {
    Output::from_bytes(OutputSource::Command { stream: Stream::Stdout }, text.as_bytes(), 0)
}

fn web(end: DaemonEnd, lives: Vec<Life>) -> Daemon {
    let source = OutputSource::Daemon { name: "web".to_owned(), stream: Stream::Stderr };
    let output = vec![Output::from_bytes(source, b"listening\n", 0)];
    Daemon { name: "web".to_owned(), command: "web --port 1".to_owned(), end, output, lives }
}

/// Checks that nothing in a page can run or is refused by its own policy.
fn assert_harmless(page: &str) {
    let (_, body) = page.split_once("<body>").unwrap();
    let (body, _) = body.rsplit_once("<script>").unwrap();
    for tag in body.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(tag, _)| tag) {
        assert!(!tag.starts_with("script") && !tag.starts_with("img"), "{tag}");
        // Values of attributes are in double quotes, and hold none.
        for attribute in tag.split('"').step_by(2) {
            let name = attribute.trim_start();
            assert!(!name.starts_with("on") && !name.starts_with("style"), "{tag}");
        }
    }
}

/// Returns the part of a page from one text to the next occurrence of another.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split_once(to).unwrap().0
}

#[test]
fn a_passed_scenario_is_quiet() {
    let mut run = Run::new();
    run.passed((0, 1), 2);
    run.passed((1, 1), 3);
    let page = run.end(false);
    let scenario = between(&page, "<section class=\"scenario\"", "</section>");
    assert_eq!(
        scenario,
        " aria-labelledby=\"one\" data-state=\"passed\">\n\
         <div class=\"heading\"><h2 id=\"one\">One</h2>\
         <a class=\"anchor\" href=\"#one\" aria-label=\"Link to One\">#</a></div>\n\
         <p class=\"scenario-state\"><span class=\"state passed\">passed</span> <span class=\"time\">120 ms</span></p>\
         <ol class=\"steps\"><li id=\"one-step-1\"><div class=\"step-line\">\
         <span><b class=\"given\">given</b> a shop</span>\
         <a class=\"anchor\" href=\"#one-step-1\" aria-label=\"Link to step 1\">#</a>\
         <span class=\"step-state passed\"><b>passed</b> 10 ms</span></div></li>\
         <li id=\"one-step-2\"><div class=\"step-line\">\
         <span><b class=\"given\">then</b> it sells &lt;bread&gt;</span>\
         <a class=\"anchor\" href=\"#one-step-2\" aria-label=\"Link to step 2\">#</a>\
         <span class=\"step-state passed\"><b>passed</b> 10 ms</span></div></li></ol>\n"
    );
    assert!(page.contains("<p class=\"verdict passed\">all 2 scenarios passed</p>"));
    assert!(!page.contains("<nav class=\"failures\""));
}

#[test]
fn a_failed_step_opens_with_the_difference_and_how_to_rerun_it() {
    let mut run = Run::new();
    let failure = Failure::comparison("stdout of the command", Relation::Is, "a\nb\n", "a\nc\n")
        .note("it is <late>")
        .output(stdout("written\n"))
        .help("wait & see");
    run.steps((1, 1), 2, Some(&failure));
    run.finish((1, 1), Outcome::Failed, |_| ());
    run.passed((0, 1), 2);
    let page = run.end(false);
    let step = between(&page, "id=\"two-step-2\"", "</li>");
    let order = [
        "<span class=\"step-state failed\"><b>failed</b>",
        "<p class=\"message\">stdout of the command is not as expected</p>",
        "<span class=\"expected\">- <mark>b</mark></span>",
        "<span class=\"actual\">+ <mark>c</mark></span>",
        "<b>note:</b> it is &lt;late&gt;",
        "stdout of the command</figcaption>",
        "written\n",
        "<b>help:</b> wait &amp; see",
        "<code class=\"copy\">greenroom run --timeout 5s stock.md --name Two</code>",
    ];
    let places: Vec<_> = order.iter().map(|part| step.find(part).unwrap_or_else(|| panic!("{part}: {step}"))).collect();
    assert!(places.is_sorted(), "{step}");
    assert!(!step.contains("<details"), "what failed is open: {step}");
    assert!(between(&page, "id=\"two-step-3\"", "</li>").contains("<b>not run</b>"));
    assert!(
        page.contains(
            "<section class=\"scenario\" aria-labelledby=\"two\" data-labels=\"slow\" data-state=\"failed\">"
        )
    );
    assert!(page.contains("<p class=\"verdict failed\">1 of 2 scenarios failed</p>"));
    let list = between(&page, "<nav class=\"failures\"", "</nav>");
    assert!(list.contains("<a href=\"#two\">Two</a>"), "{list}");
    assert!(list.contains("is not as expected: expected a\\nb, actual a\\nc</p>"), "{list}");
    assert!(list.contains("<a href=\"#two-step-2\">stock.md:14</a>"), "{list}");
}

#[test]
fn output_of_a_passed_step_is_folded() {
    let mut run = Run::new();
    run.event(Some((0, 1)), EventKind::ScenarioStarted);
    run.event(Some((0, 1)), EventKind::StepStarted { step: 0 });
    let step = StepFinished { output: vec![stdout("one\ntwo\n")], ..finished_step(0, Outcome::Passed, None) };
    run.event(Some((0, 1)), EventKind::StepFinished(step));
    run.finish((0, 1), Outcome::Passed, |_| ());
    let page = run.end(false);
    let step = between(&page, "id=\"one-step-1\"", "</li>");
    assert!(step.contains("<details class=\"output\"><summary>output, 2 lines</summary>"), "{step}");
}

#[test]
fn all_attempts_are_kept_in_order_and_the_deciding_one_is_open() {
    let mut run = Run::new();
    run.steps((0, 1), 2, Some(&Failure::new("too early")));
    run.finish((0, 1), Outcome::Failed, |finished| finished.is_retried = true);
    run.steps((0, 2), 2, None);
    run.finish((0, 2), Outcome::Passed, |finished| finished.daemons = vec![web(DaemonEnd::Running, Vec::new())]);
    run.passed((1, 1), 3);
    let page = run.end(false);
    assert!(page.contains("data-state=\"flaky\""));
    let attempts: Vec<&str> = page.split("<details class=\"attempt\"").skip(1).collect();
    assert_eq!(attempts.len(), 2);
    assert!(attempts[0].starts_with("><summary>attempt 1 of 2: <span class=\"state failed\">"), "{}", attempts[0]);
    assert!(attempts[0].contains("too early"));
    assert!(attempts[1].starts_with(" open><summary>attempt 2 of 2: <span class=\"state passed\">"), "{}", attempts[1]);
    assert!(between(&page, "<nav class=\"failures\"", "</nav>").contains("too early"));
    assert!(page.contains("<p class=\"verdict flaky\">all 2 scenarios passed, 1 flaky</p>"));
}

#[test]
fn a_recording_without_an_end_says_so_and_shows_what_was_going_on() {
    let mut run = Run::new();
    run.passed((0, 1), 2);
    run.event(Some((1, 1)), EventKind::ScenarioStarted);
    run.event(Some((1, 1)), EventKind::StepStarted { step: 0 });
    let what = "port 80 of web".to_owned();
    run.event(Some((1, 1)), EventKind::Waiting { step: 0, what, limit: ms(5000) });
    let page = run.page();
    assert!(page.contains("<b>This recording is cut short.</b>"));
    assert!(page.contains("data-state=\"unfinished\""));
    let step = between(&page, "id=\"two-step-1\"", "</li>");
    assert!(step.contains("<b>unfinished</b>") && step.contains("while waiting for port 80 of web"), "{step}");
    assert!(page.contains("<p class=\"verdict unfinished\">1 of 2 scenarios unfinished</p>"));
}

#[test]
fn an_interrupted_run_says_what_did_not_run() {
    let mut run = Run::new();
    run.passed((0, 1), 2);
    run.finish((1, 1), Outcome::Skipped, |finished| {
        finished.failure = Some(Failure::new("the run was interrupted"));
    });
    let page = run.end(true);
    assert!(page.contains("<b>This run was interrupted.</b>"));
    assert!(page.contains("<span class=\"reason\">the run was interrupted</span>"));
    assert!(
        page.contains("<p class=\"verdict skipped\">")
            || page.contains("1 of 2 scenarios passed, the others did not run")
    );
    assert!(!page.contains("rerun:"), "there is nothing to rerun");
}

#[test]
fn a_broken_scenario_and_a_failed_cleanup_are_explained() {
    let mut run = Run::new();
    run.steps((0, 1), 1, None);
    run.finish((0, 1), Outcome::Broken, |finished| {
        finished.failure = Some(Failure::new("the stage died"));
        finished.kept = Some("/tmp/greenroom/7".to_owned());
    });
    run.steps((1, 1), 3, None);
    let cleanup = finished_step(0, Outcome::Failed, Some(Failure::new("the shop is <locked>")));
    run.event(Some((1, 1)), EventKind::CleanupFinished(cleanup));
    run.finish((1, 1), Outcome::Failed, |_| ());
    let page = run.end(false);
    let broken = between(&page, "aria-labelledby=\"one\"", "</section>");
    assert!(broken.contains("neither passed nor failed") && broken.contains("the stage died"), "{broken}");
    assert!(broken.contains("<code class=\"copy\">/tmp/greenroom/7</code>"), "{broken}");
    let cleanup = between(&page, "aria-labelledby=\"two\"", "</section>");
    assert!(cleanup.contains("cleanup after <a href=\"#two-step-1\">step 1</a>"), "{cleanup}");
    assert!(cleanup.contains("the shop is &lt;locked&gt;") && cleanup.contains("rerun:"), "{cleanup}");
}

#[test]
fn the_time_line_and_its_table_say_the_same() {
    let stopped = DaemonEnd::Stopped { exit: Exit::Status(0) };
    let crash = DaemonEnd::Exited { exit: Exit::Status(7), after: ms(5), notice: Notice::Unnoticed };
    let lives = vec![
        Life { started: ms(12), ready: Some(ms(24)), ended: Some(ms(60)), end: stopped },
        Life { started: ms(90), ready: None, ended: None, end: crash.clone() },
    ];
    let mut run = Run::new();
    run.steps((1, 1), 3, None);
    run.finish((1, 1), Outcome::Failed, |finished| finished.daemons = vec![web(crash, lives)]);
    let page = run.end(false);
    let line = between(&page, "<div class=\"time-line\">", "<details class=\"as-table\"");
    assert!(line.contains("<b>web</b> (start 1): ready after 12 ms, stopped by a step (exit status 0)"), "{line}");
    assert!(line.contains("<b>web</b> (start 2): exited with status 7 after 5 ms"), "{line}");
    assert!(line.contains("<rect x=\"10%\" y=\"7\" width=\"10%\" height=\"4\">"), "starting is thin: {line}");
    assert!(line.contains("<rect x=\"20%\" y=\"3\" width=\"30%\" height=\"12\">"), "ready is thick: {line}");
    let table = between(&page, "<details class=\"as-table\"", "</details>");
    assert!(
        table.contains(
            "<tr><th scope=\"row\">daemon web (start 1)</th><td>12 ms</td><td>24 ms</td><td>60 ms</td>\
             <td>stopped by a step (exit status 0)</td></tr>"
        ),
        "{table}"
    );
    assert!(
        table.contains("<a href=\"#two-step-3\">step 3</a></th><td>20 ms</td><td>–</td><td>30 ms</td><td>passed</td>"),
        "{table}"
    );
    assert!(page.contains("<details class=\"daemon crashed\" open>"));
}

#[test]
fn daemons_without_recorded_lives_are_listed_with_their_output() {
    let mut run = Run::new();
    run.steps((0, 1), 2, Some(&Failure::new("no")));
    run.finish((0, 1), Outcome::Failed, |finished| {
        finished.daemons = vec![web(DaemonEnd::Running, Vec::new())];
        finished.left_over = vec![LeftOver {
            command: "web --port 1".to_owned(),
            daemon: Some("web".to_owned()),
            age: ms(900),
            end: LeftOverEnd::Stopped,
            last_line: None,
        }];
    });
    let page = run.end(false);
    assert!(page.contains("daemon <b>web</b>: still running at the end of the scenario"));
    assert!(page.contains("listening\n"));
    assert!(page.contains("1 leftover process, stopped at the end:"));
    assert!(page.contains("web --port 1  (daemon web, running for 900 ms)"));
}

#[test]
fn a_passed_scenario_with_a_killed_leftover_is_marked() {
    let mut run = Run::new();
    run.steps((0, 1), 2, None);
    run.finish((0, 1), Outcome::Passed, |finished| {
        finished.left_over = vec![LeftOver {
            command: "mail".to_owned(),
            daemon: Some("mail".to_owned()),
            age: ms(900),
            end: LeftOverEnd::Killed { after: ms(5000) },
            last_line: Some("still <delivering>".to_owned()),
        }];
    });
    let page = run.end(false);
    assert!(page.contains("killed at the end"), "beside the title");
    assert!(page.contains("left a process that did not end after SIGTERM"), "in the bar");
    assert!(page.contains("its last line after SIGTERM: <code>still &lt;delivering&gt;</code>"));
    assert!(page.contains("make daemon mail end on SIGTERM"));
}

#[test]
fn the_list_of_failures_has_the_reason_of_each() {
    let message = |failure: &Failure| {
        let mut run = Run::new();
        run.steps((0, 1), 1, Some(failure));
        run.finish((0, 1), Outcome::Failed, |_| {});
        let page = run.end(false);
        let list = between(&page, "<nav class=\"failures\"", "</nav>");
        between(list, "<p class=\"message\">", "</p>").replace("<p class=\"message\">", "")
    };
    let stderr = OutputSource::Daemon { name: "web".to_owned(), stream: Stream::Stderr };
    let written = |text: &str| Output::from_bytes(stderr.clone(), text.as_bytes(), 0);
    let failure = Failure::new("web did not start");
    assert_eq!(message(&failure), "web did not start");
    let failure = failure.output(written("reading\nno <such> file\n\n"));
    assert_eq!(message(&failure), "web did not start: no &lt;such&gt; file");
    assert_eq!(message(&failure.note("it ended at once")), "web did not start: it ended at once");
    let compared = |actual: &str| Failure::comparison("stdout", Relation::Is, "5", actual).output(written("x"));
    assert!(message(&compared("6")).ends_with(": expected 5, actual 6"));
    assert!(message(&compared("")).ends_with(": expected 5, actual (empty)"));
    let long = message(&compared(&"6".repeat(200)));
    assert!(!long.contains("66"), "{long}");
}

#[test]
fn nothing_that_a_recording_holds_becomes_markup() {
    let evil = "\"></script><img src=x onerror=\"alert(1)\" style='x'>\x1b[31m\u{202e}";
    let mut run = Run::new();
    let failure = Failure::comparison(evil, Relation::Contains, evil, evil)
        .note(evil)
        .help(evil)
        .output(Output::from_bytes(OutputSource::Function { title: evil.to_owned() }, evil.as_bytes(), 0));
    run.steps((0, 1), 1, Some(&failure));
    run.finish((0, 1), Outcome::Failed, |finished| {
        finished.failure = Some(Failure::new(evil));
        finished.kept = Some(evil.to_owned());
        let life = Life { started: ms(1), ready: None, ended: None, end: DaemonEnd::Running };
        let mut daemon = web(DaemonEnd::Running, vec![life]);
        daemon.name = evil.to_owned();
        daemon.command = evil.to_owned();
        finished.daemons = vec![daemon];
    });
    run.record.started.version = evil.to_owned();
    Arc::make_mut(&mut run.record.started.outline).scenarios[0].title = evil.into();
    Arc::make_mut(&mut run.record.started.outline).scenarios[0].labels = vec![evil.to_owned()];
    if let Some(origin) = &mut run.record.started.origin {
        origin.command = vec![evil.to_owned()];
        origin.machine.host = evil.to_owned();
        origin.started = evil.to_owned();
    }
    let page = run.end(false);
    assert!(!page.contains("<img"));
    assert!(!page.contains('\x1b') && !page.contains('\u{202e}'));
}

#[test]
fn failed_scenarios_get_room_for_output_first() {
    let mut run = Run::new();
    for (index, outcome) in [(0, Outcome::Passed), (1, Outcome::Failed)] {
        run.steps((index, 1), 1, None);
        run.finish((index, 1), outcome, |finished| finished.daemons = vec![web(DaemonEnd::Running, Vec::new())]);
    }
    let has_room = |most: usize| {
        let room = Room::share(&run.record, 0, most, 0);
        [0, 1].map(|index| room.has(&run.record.deciding(index).unwrap()))
    };
    assert_eq!(has_room(9), [false, false]);
    assert_eq!(has_room(10), [false, true]);
    assert_eq!(has_room(20), [true, true]);
}

/// Returns how much two colours differ in brightness, as WCAG defines it.
fn contrast(one: &str, other: &str) -> f64 {
    let brightness = |colour: &str| {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (one, other) = (brightness(one), brightness(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_can_be_read_on_light_on_dark_and_on_paper() {
    let style = include_str!("../style.css");
    let schemes: Vec<&str> = style.split(":root {").skip(1).map(|part| part.split('}').next().unwrap()).collect();
    assert_eq!(schemes.len(), 3);
    for scheme in schemes {
        let colour = |name: &str| {
            let (_, rest) = scheme.split_once(&format!("--{name}: ")).unwrap();
            rest.split(';').next().unwrap()
        };
        let assert_readable = |text: &str, behind: &str| {
            let contrast = contrast(colour(text), colour(behind));
            assert!(contrast >= 4.5, "{text} on {behind}: {contrast:.2} in {scheme}");
        };
        for text in ["ink", "muted", "link", "good", "bad", "odd", "broken", "open", "expected", "actual"] {
            for behind in ["paper", "panel", "bad-panel", "odd-panel"] {
                assert_readable(text, behind);
            }
        }
        assert_readable("expected", "expected-mark");
        assert_readable("actual", "actual-mark");
        // What is not text needs less.
        assert!(contrast(colour("line"), colour("paper")) >= 3.0, "{scheme}");
    }
}

#[test]
fn style_and_script_load_nothing() {
    for text in [include_str!("../style.css"), include_str!("../script.js")] {
        for part in ["url(", "@import", "http", "fetch", "import(", "eval", "innerHTML", "localStorage", "</"] {
            assert!(!text.contains(part), "{part}");
        }
    }
}
