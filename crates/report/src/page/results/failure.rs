//! A failure: what is wrong, expected and actual, output that explains it, and what to do.

use greenroom_event::{Failure, Output};
use maud::{Markup, html};

use super::{comparison, output};
use crate::explanation;
use crate::in_short;
use crate::page::View;
use crate::page::text;
use crate::records::ScenarioRecord;

/// What a failure is shown with.
pub(super) struct Context<'a> {
    view: &'a View<'a>,
    record: &'a ScenarioRecord,
    /// Whether there is room for output.
    pub(super) has_room: bool,
}

impl<'a> Context<'a> {
    pub(super) fn of(view: &'a View<'a>, record: &'a ScenarioRecord) -> Self {
        Self { view, record, has_room: view.room.has(record) }
    }

    /// Whether the output of a daemon comes below, among what else is known of it.
    fn shows_below(&self, output: &Output) -> bool {
        let daemons = self.record.finished.iter().flat_map(|finished| &finished.daemons);
        daemons.flat_map(|daemon| &daemon.output).any(|other| other.source == output.source)
    }
}

/// Returns a failure. `of` is what failed, if it is not a step; `with_rerun` adds how to rerun it.
pub(super) fn failure(context: &Context<'_>, of: &Failure, whose: Option<&str>, with_rerun: bool) -> Markup {
    let mut lines = of.message.lines();
    let first = lines.next().unwrap_or(in_short::NO_REASON);
    let rest = lines.collect::<Vec<_>>().join("\n");
    html! {
        div.failure {
            p.message {
                @if let Some(whose) = whose { span.whose { (text::line(whose)) " failed: " } }
                (text::prose(first))
            }
            @if !rest.is_empty() {
                pre.message-rest tabindex="0" role="group" aria-label="Message" { (text::lines(&rest)) }
            }
            @if let Some(pair) = &of.comparison {
                (comparison::comparison(pair, of.message.contains(&pair.what)))
            }
            @for fact in of.facts() { p.note { b { "note:" } " " (text::prose(&fact)) } }
            @for output in &of.output {
                @if context.shows_below(output) { (output::end(output, context.has_room)) }
                @else { (output::long_end(output, context.has_room)) }
            }
            @for help in &of.help { p.help { b { "help:" } " " (text::prose(help)) } }
            @if with_rerun { (rerun(context)) }
        }
    }
}

/// Returns the command that reruns the scenario.
pub(super) fn rerun(context: &Context<'_>) -> Markup {
    let run = &context.view.run.started;
    let options = explanation::rerun_start(run);
    html! {
        @if let Some(command) = explanation::rerun_command(&run.outline, context.record.scenario, &options) {
            p.rerun { b { "rerun:" } " " code.copy { (text::line(&command)) } }
        }
    }
}
