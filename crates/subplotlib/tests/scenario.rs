//! How scenarios run: the order of contexts, steps and cleanups, and what failures say.

#![allow(missing_docs, reason = "a test")]

use std::cell::RefCell;
use std::path::PathBuf;

use subplotlib::prelude::*;
use subplotlib::steplibrary::datadir::Datadir;

thread_local! {
    /// The log of the test of this thread.
    static LOG: RefCell<Vec<String>> = RefCell::default();
}

fn log(text: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(text.into()));
}

fn logged() -> Vec<String> {
    LOG.take()
}

#[derive(Debug, Default)]
struct First;

impl ContextElement for First {
    fn created(&mut self, scenario: &Scenario) {
        log(format!("created for {}", scenario.title()));
    }

    fn scenario_starts(&mut self) -> StepResult {
        log("first starts");
        Ok(())
    }

    fn scenario_stops(&mut self) -> StepResult {
        log("first stops");
        Ok(())
    }

    fn step_starts(&mut self, step_title: &str) -> StepResult {
        log(format!("before {step_title}"));
        Ok(())
    }

    fn step_stops(&mut self) -> StepResult {
        log("after the step");
        Ok(())
    }
}

/// Fails or panics where its name says.
#[derive(Debug, Default)]
struct Second {
    fails_at: Option<&'static str>,
}

impl Second {
    fn at(&self, place: &'static str) -> StepResult {
        log(format!("second {place}"));
        if self.fails_at == Some(place) {
            throw!(format!("failed at {place}"));
        }
        Ok(())
    }
}

impl ContextElement for Second {
    fn scenario_starts(&mut self) -> StepResult {
        self.at("starts")
    }

    fn scenario_stops(&mut self) -> StepResult {
        self.at("stops")
    }

    fn step_starts(&mut self, _: &str) -> StepResult {
        self.at("before")
    }

    fn step_stops(&mut self) -> StepResult {
        self.at("after")
    }
}

#[step]
#[context(First)]
#[context(Second)]
fn act(_context: &ScenarioContext, what: &str) {
    log(format!("act {what}"));
    match what {
        "error" => throw!("a reason"),
        "panic" => panic!("a panic"),
        _ => {}
    }
}

#[step]
fn panic_with(_second: &mut Second) {
    panic!("a panic");
}

#[step]
fn undo(_second: &Second, what: &str) {
    log(format!("undo {what}"));
    if what == "badly" {
        throw!("not undone");
    }
}

#[step]
fn nest(context: &ScenarioContext) {
    context.with(|_: &First| context.with(|_: &First| Ok(()), false), false)?;
}

#[step]
#[context(Datadir)]
fn note_directory(context: &ScenarioContext) {
    context.with(
        |datadir: &Datadir| {
            log(datadir.base_path().display().to_string());
            Ok(std::fs::write(datadir.canonicalise_filename("file")?, "text")?)
        },
        false,
    )?;
}

fn acting(what: &str) -> ScenarioStep {
    act::Builder::default().what(what).build(1, format!("when {what}"), "doc.md:5:1")
}

fn undoing(what: &str) -> ScenarioStep {
    undo::Builder::default().what(what).build(1, format!("when {what}"), "doc.md:5:1")
}

/// Returns the error of a scenario, without the line of the step function.
fn failure(scenario: Scenario) -> String {
    let text = scenario.run().expect_err("the scenario fails").to_string();
    match text.split_once(" at crates/subplotlib/tests/scenario.rs:") {
        Some((rest, line)) => {
            assert!(line.parse::<u32>().is_ok(), "{text}");
            rest.to_owned()
        }
        None => text,
    }
}

#[test]
fn contexts_surround_the_steps_and_cleanups_run_backwards() {
    let mut scenario = Scenario::new("order", "doc.md:1:1");
    scenario.add_step(acting("one"), Some(undoing("one")));
    scenario.add_step(acting("two"), Some(undoing("two")));
    scenario.run().unwrap();
    let step = |what: &str| {
        [
            format!("before when {what}"),
            "second before".to_owned(),
            format!("act {what}"),
            "second after".to_owned(),
            "after the step".to_owned(),
        ]
    };
    let start = ["created for order", "first starts", "second starts"].map(str::to_owned);
    let end = ["undo two", "undo one", "second stops", "first stops"].map(str::to_owned);
    assert_eq!(logged(), [&start[..], &step("one"), &step("two"), &end].concat());
}

#[test]
fn a_failed_step_ends_the_scenario_and_its_own_cleanup_does_not_run() {
    for what in ["error", "panic"] {
        let mut scenario = Scenario::new("failing", "doc.md:1:1");
        scenario.add_step(acting("one"), Some(undoing("one")));
        scenario.add_step(acting(what), Some(undoing(what)));
        scenario.add_step(acting("never"), None);
        let reason = if what == "error" { "a reason" } else { "panicked: a panic" };
        assert_eq!(failure(scenario), format!("doc.md:5:1: when {what}: {reason}\n  in step function `act`"));
        let log = logged();
        assert_eq!(log[log.len() - 3..], ["undo one", "second stops", "first stops"]);
        assert!(!log.contains(&"act never".to_owned()));
    }
}

#[test]
fn the_first_error_is_the_one_of_the_scenario() {
    let mut scenario = Scenario::new("cleanups", "doc.md:1:1");
    scenario.add_step(acting("one"), Some(undoing("one")));
    scenario.add_step(acting("two"), Some(undoing("badly")));
    assert_eq!(failure(scenario), "doc.md:5:1: when badly: not undone\n  in cleanup function `undo`");
    assert!(logged().contains(&"undo one".to_owned()));

    let mut scenario = Scenario::new("cleanups", "doc.md:1:1");
    scenario.add_step(acting("one"), Some(undoing("badly")));
    scenario.add_step(acting("error"), None);
    assert_eq!(failure(scenario), "doc.md:5:1: when error: a reason\n  in step function `act`");
}

#[step]
fn fail_at(second: &mut Second, place: &str) {
    second.fails_at = ["before", "after", "stops"].into_iter().find(|name| *name == place);
}

#[test]
fn errors_of_contexts_fail_the_scenario() {
    for (place, expected) in [
        ("before", "doc.md:5:1: when two: `step_starts` of the context `scenario::Second`: failed at before"),
        ("after", "doc.md:4:1: given a fault: `step_stops` of the context `scenario::Second`: failed at after"),
        ("stops", "doc.md:1:1: contexts: `scenario_stops` of the context `scenario::Second`: failed at stops"),
    ] {
        let mut scenario = Scenario::new("contexts", "doc.md:1:1");
        scenario.add_step(
            fail_at::Builder::default().place(place).build(1, "given a fault".to_owned(), "doc.md:4:1"),
            None,
        );
        scenario.add_step(acting("two"), None);
        assert_eq!(failure(scenario), expected);
        let log = logged();
        assert_eq!(log.contains(&"act two".to_owned()), place == "stops");
        assert_eq!(log[log.len() - 2..], ["first stops", "second stops"]);
    }
}

#[test]
fn a_panic_makes_a_context_invalid_except_for_cleanups() {
    let mut scenario = Scenario::new("poison", "doc.md:1:1");
    scenario.add_step(acting("one"), Some(undoing("one")));
    scenario.add_step(panic_with::Builder::default().build(2, "when it panics".to_owned(), "doc.md:6:1"), None);
    assert_eq!(failure(scenario), "doc.md:6:1: when it panics: panicked: a panic\n  in step function `panic_with`");
    let log = logged();
    assert_eq!(log[log.len() - 3..], ["undo one", "second stops", "first stops"]);
}

#[test]
fn a_context_that_is_missing_or_in_use_is_named() {
    let mut scenario = Scenario::new("missing", "doc.md:1:1");
    scenario.add_step(nest::Builder::default().build(1, "when nested".to_owned(), "doc.md:5:1"), None);
    let message = failure(scenario);
    assert!(message.contains("add `#[context(First)]` to the step function"), "{message}");

    let mut scenario = Scenario::new("in use", "doc.md:1:1");
    scenario.add_step(acting("one"), None);
    scenario.add_step(nest::Builder::default().build(1, "when nested".to_owned(), "doc.md:5:1"), None);
    let message = failure(scenario);
    assert!(message.contains("is in use"), "{message}");
    logged();
}

#[test]
fn the_directory_of_a_scenario_is_removed_with_it() {
    for fails in [false, true] {
        let mut scenario = Scenario::new("a/directory", "doc.md:1:1");
        scenario.add_step(note_directory::Builder::default().build(1, "when noted".to_owned(), "doc.md:5:1"), None);
        if fails {
            scenario.add_step(acting("panic"), None);
        }
        assert_eq!(scenario.run().is_err(), fails);
        let directory = PathBuf::from(logged().into_iter().find(|line| line.starts_with('/')).unwrap());
        assert!(directory.file_name().unwrap().to_str().unwrap().ends_with("a-directory"));
        assert!(!directory.exists());
    }
}

#[test]
fn scenarios_show_their_contexts() {
    let mut scenario = Scenario::new("shown", "doc.md:1:1");
    scenario.add_step(acting("one"), None);
    let shown = format!("{scenario:?}");
    assert!(shown.contains("[First, Second { fails_at: None }]"), "{shown}");
    logged();
}

#[test]
fn a_function_may_throw_nothing() {
    #[throws(as Option)]
    fn half(number: u32) -> u32 {
        if number % 2 == 1 {
            throw!();
        }
        number / 2
    }
    assert_eq!((half(4), half(3)), (Some(2), None));
}

#[test]
fn a_number_that_does_not_fit_is_shown_with_its_step_and_type() {
    use subplotlib::__private::{Failure, number};

    let fits: Result<f64, Failure> = number("-1.50", "amount", "doc.md:5:1", "then the till contains -1.50", "till");
    assert!(fits.is_ok_and(|number| (number + 1.5).abs() < f64::EPSILON));
    let fails: Result<u8, Failure> = number("-1", "count", "doc.md:5:1", "then -1 are left", "stock::left");
    let expected = "doc.md:5:1: then -1 are left: `-1` is not a valid u8, the type of `count` in `stock::left`: \
                    invalid digit found in string";
    assert_eq!(fails.expect_err("it has a sign").to_string(), expected);
}
