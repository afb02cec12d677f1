//! The time line of an attempt: its steps, and below them a bar for each life of each daemon.
//!
//! Each row is a line of text and a picture. The text and the table below say all that the picture
//! shows, so that it need not be seen. A bar is thin until the daemon was ready; how it ended is a
//! shape. Places are in percent, so that the picture is as wide as there is room.

use std::time::Duration;

use greenroom_event::{Daemon, DaemonEnd, Exit, Life, Outcome};
use maud::{Markup, html};

use super::geometry::{Scale, end, percent, recorded};
use super::state;
use crate::explanation::daemon_end;
use crate::page::View;
use crate::page::text;
use crate::records::ScenarioRecord;
use crate::words;

/// A time line of a scenario without daemons is shown from this length on.
const LONG: Duration = Duration::from_secs(1);
/// Steps wider than this, in percent, have room for their number.
const WIDE: f64 = 3.5;
/// Lives that have rows.
const MOST_ROWS: usize = 40;
/// The height of the picture of a row.
const HEIGHT: &str = "18";

/// Returns the time line of an attempt, if it has something to show.
pub(super) fn time_line(view: &View<'_>, record: &ScenarioRecord) -> Option<Markup> {
    let lives = lives(record);
    let scale = Scale::of(record);
    let did_pass = record.finished.as_ref().is_some_and(|finished| finished.outcome == Outcome::Passed);
    let is_worth_it = !lives.is_empty() || scale.total() >= LONG || (!did_pass && record.steps.len() > 1);
    if record.step_starts.is_empty() || scale.total().is_zero() || !is_worth_it {
        return None;
    }
    let hidden = lives.len().saturating_sub(MOST_ROWS);
    Some(html! {
        div.time-line {
            (axis(scale))
            div.row { p.row-name { "steps" } (steps(record, scale)) }
            @for life in lives.iter().take(MOST_ROWS) {
                div.row {
                    p.row-name { b { (text::line(&life.daemon.name)) } (life.number()) ": " (life.story()) }
                    (bar(life, scale))
                }
            }
            @if hidden > 0 { p.remark { "… " (hidden) " more in the table" } }
            (table(view, record, &lives))
        }
    })
}

/// A daemon from a start to the end that follows.
struct NumberedLife<'a> {
    daemon: &'a Daemon,
    life: &'a Life,
    /// Which start it is, from 1.
    start: usize,
}

fn lives(record: &ScenarioRecord) -> Vec<NumberedLife<'_>> {
    let daemons = record.finished.iter().flat_map(|finished| &finished.daemons);
    daemons
        .flat_map(|daemon| {
            daemon.lives.iter().enumerate().map(move |(at, life)| NumberedLife { daemon, life, start: at + 1 })
        })
        .collect()
}

impl NumberedLife<'_> {
    /// Returns which start it is, if there are several.
    fn number(&self) -> String {
        if self.daemon.lives.len() > 1 { format!(" (start {})", self.start) } else { String::new() }
    }

    /// Returns what happened to it: `ready after 12 ms, stopped by a step (exit status 0)`.
    fn story(&self) -> String {
        let how = daemon_end(&self.life.end);
        match self.life.ready {
            Some(ready) => {
                format!(
                    "ready after {}, {how}",
                    words::duration(recorded(ready).saturating_sub(recorded(self.life.started)))
                )
            }
            None => how,
        }
    }

    fn shape(&self) -> Shape {
        match &self.life.end {
            DaemonEnd::Running => Shape::Arrow,
            DaemonEnd::Stopped { .. } => Shape::Square,
            DaemonEnd::Killed { .. } | DaemonEnd::OutputLimit => Shape::CrossedSquare,
            DaemonEnd::Signalled { .. } => Shape::Diamond,
            DaemonEnd::Exited { exit: Exit::Status(0), .. } => Shape::Circle,
            DaemonEnd::Exited { .. } => Shape::Cross,
            _ => Shape::Ring,
        }
    }
}

/// The shapes of ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Still running.
    Arrow,
    /// Stopped by a step.
    Square,
    /// Killed by greenroom.
    CrossedSquare,
    /// Ended by a signal of a step.
    Diamond,
    /// Ended by itself, with success.
    Circle,
    /// Died.
    Cross,
    /// Not known.
    Ring,
    /// The start of being ready.
    Triangle,
}

impl Shape {
    /// Returns its outline around the origin.
    fn path(self) -> &'static str {
        match self {
            Self::Arrow => "M-5-5L4 0L-5 5Z",
            Self::Square => "M-5-5H5V5H-5Z",
            Self::CrossedSquare => "M-5-5H5V5H-5ZM-5-5L5 5M-5 5L5-5",
            Self::Diamond => "M0-6L6 0L0 6L-6 0Z",
            Self::Circle | Self::Ring => "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z",
            Self::Cross => "M-5-5L5 5M-5 5L5-5",
            Self::Triangle => "M0-6L5 5H-5Z",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Cross => "shape cross",
            Self::CrossedSquare | Self::Ring => "shape hollow",
            _ => "shape",
        }
    }
}

fn shape(shape: Shape, at: f64) -> Markup {
    // A shape at the very edge would be cut.
    html! {
        svg x=(percent(at.clamp(1.0, 99.0))) y="9" overflow="visible" { path class=(shape.class()) d=(shape.path()) {} }
    }
}

fn axis(scale: Scale) -> Markup {
    html! {
        svg.axis width="100%" height="14" aria-hidden="true" focusable="false" {
            text x="0" y="11" { "0" }
            @for tick in scale.ticks() {
                text x=(percent(scale.place(tick))) y="11" text-anchor="middle" { (words::limit(tick)) }
            }
            text x="100%" y="11" text-anchor="end" { (words::duration(scale.total())) }
        }
    }
}

fn grid(scale: Scale) -> Markup {
    html! {
        @for tick in scale.ticks() {
            @let x = percent(scale.place(tick));
            line x1=(x) x2=(x) y1="0" y2=(HEIGHT) {}
        }
    }
}

fn steps(record: &ScenarioRecord, scale: Scale) -> Markup {
    let open = record.step_starts.get(record.steps.len()).filter(|_| record.open_step.is_some());
    html! {
        svg.bars width="100%" height=(HEIGHT) aria-hidden="true" focusable="false" {
            (grid(scale))
            @for (start, step) in record.step_starts.iter().zip(&record.steps) {
                @let (x, width) = scale.bar(*start, end(*start, step.took));
                g class={ "step " (state::outcome_name(step.outcome)) } {
                    title {
                        "step " (step.step + 1) ": " (state::step_word(step.outcome))
                        ", from " (words::duration(*start)) ", for " (words::duration(step.took))
                    }
                    @let is_odd = step.outcome != Outcome::Passed;
                    @let (y, height) = if is_odd { ("0", HEIGHT) } else { ("4", "10") };
                    rect x=(percent(x)) y=(y) width=(percent(width)) height=(height) {}
                    @if width > WIDE {
                        text x=(percent(x + width / 2.0)) y="13" text-anchor="middle" { (step.step + 1) }
                    }
                    @if is_odd { (shape(Shape::Cross, x + width)) }
                }
            }
            @if let Some(start) = open {
                @let (x, width) = scale.bar(*start, scale.total());
                g.step.unfinished {
                    title { "step " (record.open_step.unwrap_or_default() + 1) ": did not end" }
                    rect x=(percent(x)) y="0" width=(percent(width)) height=(HEIGHT) {}
                }
            }
            @for cleanup in &record.cleanups {
                @if let Some(began) = cleanup.began {
                    @let (x, width) = scale.bar(began, end(began, cleanup.took));
                    g class={ "step cleanup " (state::outcome_name(cleanup.outcome)) } {
                        title {
                            "cleanup after step " (cleanup.step + 1) ": " (state::step_word(cleanup.outcome))
                            ", from " (words::duration(began)) ", for " (words::duration(cleanup.took))
                        }
                        rect x=(percent(x)) y="6" width=(percent(width)) height="6" {}
                    }
                }
            }
        }
    }
}

fn bar(of: &NumberedLife<'_>, scale: Scale) -> Markup {
    let life = of.life;
    let ended = life.ended.unwrap_or_else(|| scale.total()).max(life.started);
    let ready = life.ready.map(|ready| ready.clamp(life.started, ended));
    let class = if life.end.is_crash() { "life crashed" } else { "life" };
    html! {
        svg.bars width="100%" height=(HEIGHT) aria-hidden="true" focusable="false" {
            (grid(scale))
            g class=(class) {
                title {
                    (words::escape(&of.daemon.name)) ": started at " (words::duration(life.started)) "; " (of.story())
                }
                @let (x, width) = scale.bar(life.started, ready.unwrap_or(ended));
                @let (y, height) = if ready.is_some() { ("7", "4") } else { ("5", "8") };
                rect x=(percent(x)) y=(y) width=(percent(width)) height=(height) {}
                @if let Some(ready) = ready {
                    @let (x, width) = scale.bar(ready, ended);
                    rect x=(percent(x)) y="3" width=(percent(width)) height="12" {}
                    g.ready { (shape(Shape::Triangle, scale.place(ready))) }
                }
                (shape(of.shape(), scale.place(ended)))
            }
        }
    }
}

/// Returns what the picture shows as a table.
fn table(view: &View<'_>, record: &ScenarioRecord, lives: &[NumberedLife<'_>]) -> Markup {
    let open = record.open_step.zip(record.step_starts.get(record.steps.len()));
    let name = |step: usize| {
        let anchor = view.step_anchor(record.scenario, step);
        html! {
            @if let Some(anchor) = anchor {
                a href={ "#" (anchor) } { "step " (step + 1) }
            } @else {
                "step " (step + 1)
            }
        }
    };
    html! {
        details.as-table {
            summary { "time line as a table" }
            div.scroll tabindex="0" role="group" aria-label="Time line as a table" {
                table {
                    thead {
                        tr {
                            th scope="col" { "what" }
                            th scope="col" { "began" }
                            th scope="col" { "ready" }
                            th scope="col" { "ended" }
                            th scope="col" { "how it ended" }
                        }
                    }
                    tbody {
                        @for (start, step) in record.step_starts.iter().zip(&record.steps) {
                            @let ended = Some(end(*start, step.took));
                            (row(&name(step.step), Some(*start), None, ended, state::step_word(step.outcome)))
                        }
                        @if let Some((step, start)) = open {
                            (row(&name(step), Some(*start), None, None, "did not end"))
                        }
                        @for cleanup in &record.cleanups {
                            @let ended = cleanup.began.map(|began| end(began, cleanup.took));
                            @let name = html! { "cleanup after " (name(cleanup.step)) };
                            (row(&name, cleanup.began, None, ended, state::step_word(cleanup.outcome)))
                        }
                        @for of in lives {
                            @let what = html! { "daemon " (text::line(&of.daemon.name)) (of.number()) };
                            (row(&what, Some(of.life.started), of.life.ready, of.life.ended, &daemon_end(&of.life.end)))
                        }
                    }
                }
            }
        }
    }
}

fn row(what: &Markup, began: Option<Duration>, ready: Option<Duration>, ended: Option<Duration>, how: &str) -> Markup {
    let time = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), words::duration);
    html! {
        tr {
            th scope="row" { (what) }
            td { (time(began)) }
            td { (time(ready)) }
            td { (time(ended)) }
            td { (how) }
        }
    }
}
