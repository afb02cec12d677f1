//! The arguments that select scenarios, shared by `run` and `list`.

use clap::Args;
use greenroom_doc::{Loaded, nearest};

use crate::error::CommandError;

/// Which scenarios of the documents a command is about.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Select scenarios whose title contains this text, ignoring case; a full title selects only
    /// that scenario. May be repeated
    #[arg(short, long = "name", value_name = "TEXT")]
    names: Vec<String>,
    /// Select scenarios with this label. May be repeated
    #[arg(short, long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Leave out scenarios with this label. May be repeated
    #[arg(long = "without-label", value_name = "LABEL")]
    without_labels: Vec<String>,
}

impl Filter {
    /// Returns the selected scenarios as indices into the plan. It is an error if there are none.
    pub(crate) fn select(&self, loaded: &Loaded) -> Result<Vec<usize>, CommandError> {
        let scenarios = &loaded.plan.scenarios;
        let titles: Vec<String> = scenarios.iter().map(|scenario| scenario.title.to_lowercase()).collect();
        let names: Vec<String> = self.names.iter().map(|name| name.trim().to_lowercase()).collect();
        let mistakes = self.mistakes(loaded, &titles, &names);
        if !mistakes.is_empty() {
            return Err(CommandError::Usage(mistakes));
        }
        // A full title selects that scenario alone, so that the command shown with a failure reruns
        // only it.
        let is_named = |title: &String| {
            names.is_empty()
                || names.iter().any(|name| title == name || (title.contains(name) && !titles.contains(name)))
        };
        let is_labelled = |labels: &[String]| {
            (self.labels.is_empty() || self.labels.iter().any(|label| labels.contains(label)))
                && !self.without_labels.iter().any(|label| labels.contains(label))
        };
        let selected: Vec<usize> =
            (0..scenarios.len()).filter(|&at| is_named(&titles[at]) && is_labelled(&scenarios[at].labels)).collect();
        if selected.is_empty() {
            let message = "no scenario matches the filters; `greenroom list` shows titles and labels";
            return Err(CommandError::Usage(vec![message.to_owned()]));
        }
        Ok(selected)
    }

    /// Reports each name and label that matches nothing, even when others match.
    fn mistakes(&self, loaded: &Loaded, titles: &[String], names: &[String]) -> Vec<String> {
        let scenarios = &loaded.plan.scenarios;
        let mut mistakes = Vec::new();
        for (name, written) in names.iter().zip(&self.names) {
            if !titles.iter().any(|title| title.contains(name)) {
                let near = nearest(name, titles.iter().map(String::as_str));
                let near = near.and_then(|near| titles.iter().position(|title| title == near));
                let hint = near.map_or_else(
                    || "`greenroom list` shows the titles".to_owned(),
                    |at| format!("did you mean \"{}\"?", scenarios[at].title),
                );
                mistakes.push(format!("no scenario has \"{written}\" in its title; {hint}"));
            }
        }
        for label in &self.labels {
            if !scenarios.iter().any(|scenario| scenario.labels.contains(label)) {
                let known = scenarios.iter().flat_map(|scenario| &scenario.labels);
                let hint = nearest(label, known.map(String::as_str)).map_or_else(
                    || "`greenroom list` shows the labels".to_owned(),
                    |near| format!("did you mean {near}?"),
                );
                mistakes.push(format!("no scenario has the label {label}; {hint}"));
            }
        }
        mistakes
    }
}
