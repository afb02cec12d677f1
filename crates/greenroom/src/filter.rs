//! The arguments that select scenarios, shared by `run` and `list`.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Args;
use greenroom_doc::{Heading, Loaded, nearest};
use greenroom_report::words;

use crate::error::CommandError;
use crate::partition::Assignment;
use crate::sections::{self, Section};

/// Which scenarios of the documents a command is about.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Select scenarios with this text in their title or in a heading above it, ignoring case; a
    /// full title or heading selects only that scenario, or those below that heading. May be repeated
    #[arg(short, long = "name", value_name = "TEXT")]
    names: Vec<String>,
    /// Select scenarios with this label. May be repeated
    #[arg(short, long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Leave out scenarios with this label. May be repeated
    #[arg(long = "without-label", value_name = "LABEL")]
    without_labels: Vec<String>,
    /// Take only part K of N of the selected scenarios, K from 1, to spread a run over N machines
    ///
    /// hash:K/N assigns each scenario by its document and title, so that it keeps its part when
    /// others come and go. count:K/N makes parts of equal size. Neither depends on the order of the
    /// documents. `greenroom report` merges the recordings of all parts.
    #[arg(long, value_name = "KIND:K/N", allow_hyphen_values = true)]
    pub(crate) partition: Option<Assignment>,
}

impl Filter {
    /// Returns the selected ones of these scenarios, as indices into the plan. It is an error if
    /// there are none.
    pub(crate) fn select(&self, loaded: &Loaded, among: &[usize]) -> Result<Vec<usize>, CommandError> {
        let scenarios = &loaded.plan.scenarios;
        let named = if self.names.is_empty() { Ok(None) } else { self.named(loaded).map(Some) };
        let mut mistakes = named.as_ref().err().cloned().unwrap_or_default();
        mistakes.extend(self.unknown_labels(loaded));
        if !mistakes.is_empty() {
            return Err(CommandError::Usage(mistakes));
        }
        self.warn_of_labels(loaded);
        let named = named.unwrap_or_default();
        let is_named = |at: &usize| named.as_ref().is_none_or(|named| named.contains(at));
        let is_labelled = |at: &usize| {
            let labels = &scenarios[*at].labels;
            (self.labels.is_empty() || self.labels.iter().any(|label| labels.contains(label)))
                && !self.without_labels.iter().any(|label| labels.contains(label))
        };
        let selected: Vec<usize> = among.iter().copied().filter(|at| is_named(at) && is_labelled(at)).collect();
        if selected.is_empty() {
            let message = "no scenario matches the filters; `greenroom list` shows titles and labels";
            return Err(CommandError::Usage(vec![message.to_owned()]));
        }
        Ok(selected)
    }

    /// Returns those of these scenarios that a name selects, as `--name` does.
    pub(crate) fn select_named(name: &str, loaded: &Loaded, among: &[usize]) -> Result<Vec<usize>, CommandError> {
        let filter =
            Self { names: vec![name.to_owned()], labels: Vec::new(), without_labels: Vec::new(), partition: None };
        filter.select(loaded, among)
    }

    /// Returns the scenarios that the names select, or a message for each name that selects none.
    fn named(&self, loaded: &Loaded) -> Result<BTreeSet<usize>, Vec<String>> {
        let sections = sections::of_scenarios(loaded);
        let titles = Names::new(loaded, &sections);
        let mut selected = BTreeSet::new();
        let mut inside = Vec::new();
        let mut mistakes = Vec::new();
        for written in &self.names {
            let name = lower(written.trim());
            let found = titles.select(&name);
            let hidden = titles.inside(&name, !found.is_empty());
            if found.is_empty() {
                mistakes.push(if hidden.is_empty() {
                    titles.unknown(written, &name)
                } else {
                    titles.lower_headings(&hidden)
                });
            } else {
                inside.extend(hidden);
            }
            selected.extend(found);
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        inside.retain(|(at, _)| !selected.contains(at));
        if !inside.is_empty() {
            let _ = writeln!(std::io::stderr(), "greenroom: {}", titles.lower_headings(&inside));
        }
        Ok(selected)
    }

    /// Reports each label to select by that no scenario has, even when others match.
    fn unknown_labels(&self, loaded: &Loaded) -> Vec<String> {
        let unknown = without_scenario(&self.labels, loaded);
        unknown.map(|(label, hint)| format!("no scenario has the label {label}; {hint}")).collect()
    }

    /// Warns about each label to leave out that no scenario has. A command for many documents may have one that
    /// only some of them have.
    fn warn_of_labels(&self, loaded: &Loaded) {
        for (label, hint) in without_scenario(&self.without_labels, loaded) {
            let label = words::shell_quote(label);
            let _ = writeln!(
                std::io::stderr(),
                "greenroom: no scenario has the label {label}, so `--without-label {label}` leaves out none; {hint}"
            );
        }
    }
}

/// Returns the labels that no scenario has, each with what to do about it.
fn without_scenario<'a>(labels: &'a [String], loaded: &'a Loaded) -> impl Iterator<Item = (&'a String, String)> {
    let scenarios = &loaded.plan.scenarios;
    let unknown = labels.iter().filter(|label| !scenarios.iter().any(|scenario| scenario.labels.contains(label)));
    unknown.map(|label| {
        let known = scenarios.iter().flat_map(|scenario| &scenario.labels);
        let hint = nearest(label, known.map(String::as_str))
            .map_or_else(|| "`greenroom list` shows the labels".to_owned(), |near| format!("did you mean {near}?"));
        (label, hint)
    })
}

/// The titles and headings of documents, in lower case, for looking up names.
struct Names<'a> {
    loaded: &'a Loaded,
    sections: &'a [Section<'a>],
    titles: Vec<String>,
    /// The headings above each scenario.
    above: Vec<Vec<String>>,
}

impl<'a> Names<'a> {
    fn new(loaded: &'a Loaded, sections: &'a [Section<'a>]) -> Self {
        let titles = loaded.plan.scenarios.iter().map(|scenario| lower(&scenario.title)).collect();
        let above = sections.iter().map(|section| section.above.iter().map(|title| lower(title)).collect()).collect();
        Self { loaded, sections, titles, above }
    }

    /// Returns the scenarios that a name selects.
    ///
    /// A full title selects that scenario alone, so that the command shown with a failure reruns
    /// only it. A full heading selects what is below it.
    fn select(&self, name: &str) -> Vec<usize> {
        let scenarios = |matches: &dyn Fn(usize) -> bool| (0..self.titles.len()).filter(|&at| matches(at)).collect();
        let mut selected: Vec<usize> = scenarios(&|at| self.titles[at] == name);
        if selected.is_empty() {
            selected = scenarios(&|at| self.above[at].iter().any(|heading| heading == name));
        }
        if selected.is_empty() {
            selected = scenarios(&|at| {
                self.titles[at].contains(name) || self.above[at].iter().any(|heading| heading.contains(name))
            });
        }
        selected
    }

    /// Returns the headings inside scenarios that a name may mean, each with its scenario. If the
    /// name selects something, it must be a full heading.
    fn inside(&self, name: &str, is_known: bool) -> Vec<(usize, &'a Heading)> {
        let headings = self
            .sections
            .iter()
            .enumerate()
            .flat_map(|(at, section)| section.inside.iter().map(move |heading| (at, heading)));
        let is_meant = |(_, heading): &(usize, &Heading)| {
            let title = lower(&heading.title);
            title == name || (!is_known && title.contains(name))
        };
        headings.filter(is_meant).collect()
    }

    /// Explains that headings inside scenarios begin no scenario.
    fn lower_headings(&self, headings: &[(usize, &Heading)]) -> String {
        const EXPLAINED: usize = 3;
        let explanations = headings.iter().take(EXPLAINED).map(|(at, heading)| {
            let scenario = &self.loaded.plan.scenarios[*at];
            let cite = |span| words::escape(&self.loaded.sources.cite(span)).into_owned();
            let (lower, title) = (words::escape(&heading.title), words::escape(&scenario.title));
            format!(
                "\"{lower}\" ({}) is part of the scenario \"{title}\" ({})\n  \
                 note: below a heading with steps, a lower heading does not begin another scenario\n  \
                 help: run both with `--name {}`, or give \"{lower}\" the level of \"{title}\" to separate them",
                cite(heading.span),
                cite(scenario.span),
                words::shell_quote(&scenario.title),
            )
        });
        explanations.collect::<Vec<_>>().join("\ngreenroom: ")
    }

    /// Explains that nothing has this name.
    fn unknown(&self, written: &str, name: &str) -> String {
        let scenarios = self.loaded.plan.scenarios.iter().map(|scenario| &*scenario.title);
        let headings = self.sections.iter().flat_map(|section| section.above.iter().copied());
        let all: Vec<(String, &str)> = scenarios.chain(headings).map(|title| (lower(title), title)).collect();
        let near = nearest(name, all.iter().map(|(title, _)| title.as_str()));
        let near = near.and_then(|near| all.iter().find(|(title, _)| title == near));
        let hint = near.map_or_else(
            || "`greenroom list` shows the titles".to_owned(),
            |(_, title)| format!("did you mean \"{title}\"?"),
        );
        format!("no scenario has \"{written}\" in its title or in a heading above it; {hint}")
    }
}

fn lower(title: &str) -> String {
    title.to_lowercase()
}
