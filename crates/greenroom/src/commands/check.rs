//! `greenroom check`: every diagnostic, nothing run.

use greenroom_report::words;
use greenroom_steps::Registry;

use crate::arguments::Check;
use crate::settings::{Settings, print};
use crate::{commands, exit};

pub(crate) fn check(options: &Check, settings: &Settings, registry: &Registry) -> u8 {
    let Ok(loaded) = commands::load(&options.documents, &options.hosts, settings, registry) else {
        return exit::CANNOT;
    };
    commands::show(&loaded, settings);
    if loaded.has_errors() {
        return exit::BAD_DOCUMENT;
    }
    let steps = loaded.plan.scenarios.iter().map(|scenario| scenario.steps.len()).sum();
    let (scenarios, steps) = (words::count(loaded.plan.scenarios.len(), "scenario"), words::count(steps, "step"));
    let verdict = if loaded.diagnostics.is_empty() { "nothing wrong" } else { "they can be run" };
    print(&format!("{scenarios} with {steps}: {verdict}\n"))
}
