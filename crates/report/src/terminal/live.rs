//! The lines below the text while scenarios run: what is running, for how long, and what it waits
//! for.
//!
//! They never wrap, and are erased before anything else is written. Time comes from the events, so
//! that a replay draws what the run drew.

use std::collections::BTreeMap;
use std::time::Duration;

use greenroom_event::{Event, EventKind, Outline};

use crate::style::{Role, Style};
use crate::summary::Summary;
use crate::words;

/// How many running scenarios are shown.
const MOST: usize = 8;
/// Events within this time share a frame.
const FRAME: Duration = Duration::from_millis(50);

/// The lines, and what they show.
pub(super) struct Live {
    style: Style,
    running: BTreeMap<usize, Running>,
    now: Duration,
    drawn_at: Option<Duration>,
    /// How many lines are on the screen.
    lines: usize,
}

struct Running {
    since: Duration,
    step: Option<usize>,
    step_since: Duration,
    waiting: Option<Waiting>,
}

struct Waiting {
    what: String,
    since: Duration,
    limit: Duration,
}

impl Live {
    pub(super) fn new(style: Style) -> Self {
        Self { style, running: BTreeMap::new(), now: Duration::ZERO, drawn_at: None, lines: 0 }
    }

    /// Takes note of an event.
    pub(super) fn take(&mut self, event: &Event) {
        self.now = self.now.max(event.at);
        let Some(index) = event.scenario.map(|attempt| attempt.index) else { return };
        match &event.kind {
            EventKind::ScenarioStarted => {
                let running = Running { since: event.at, step: None, step_since: event.at, waiting: None };
                self.running.insert(index, running);
            }
            EventKind::ScenarioFinished(_) => {
                self.running.remove(&index);
            }
            kind => {
                let Some(running) = self.running.get_mut(&index) else {
                    return;
                };
                match kind {
                    EventKind::StepStarted { step } => {
                        running.step = Some(*step);
                        running.step_since = event.at;
                        running.waiting = None;
                    }
                    EventKind::Waiting { what, limit, .. } => {
                        // The first wait of a step began with the step; its event comes later.
                        let since = if running.waiting.is_none() { running.step_since } else { event.at };
                        running.waiting = Some(Waiting { what: what.clone(), since, limit: *limit });
                    }
                    EventKind::StepFinished { .. } => {
                        running.step = None;
                        running.waiting = None;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Returns a new frame, if it is time for one.
    pub(super) fn tick(&mut self, at: Duration, outline: &Outline, summary: &Summary) -> Option<String> {
        self.now = self.now.max(at);
        let due = self.drawn_at.is_none_or(|drawn| self.now.saturating_sub(drawn) >= FRAME);
        if !due {
            return None;
        }
        let mut frame = self.erase();
        frame.push_str(&self.draw(outline, summary));
        Some(frame)
    }

    /// Returns the escape sequences that erase the lines.
    pub(super) fn erase(&mut self) -> String {
        match std::mem::take(&mut self.lines) {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }

    /// Returns the lines. They switch wrapping off, because a terminal may have become narrower.
    pub(super) fn draw(&mut self, outline: &Outline, summary: &Summary) -> String {
        self.drawn_at = Some(self.now);
        let lines = self.frame(outline, summary);
        self.lines = lines.len();
        format!("\x1b[?7l{}\n\x1b[?7h", lines.join("\n"))
    }

    fn frame(&self, outline: &Outline, summary: &Summary) -> Vec<String> {
        let width = self.style.width.saturating_sub(1);
        let mut longest: Vec<_> = self.running.iter().collect();
        longest.sort_by_key(|(index, running)| (running.since, **index));
        let mut lines: Vec<_> = longest
            .iter()
            .take(MOST)
            .map(|(index, running)| {
                let text = self.running_line(outline, **index, running);
                words::fit(&text, width).into_owned()
            })
            .collect();
        if longest.len() > MOST {
            lines.push(format!("         and {} more", longest.len() - MOST));
        }
        lines.push(self.style.paint(Role::Title, &words::fit(&self.totals(outline, summary), width)));
        lines
    }

    fn running_line(&self, outline: &Outline, index: usize, running: &Running) -> String {
        let scenario = outline.scenarios.get(index);
        let title = scenario.map_or("a scenario", |scenario| &*scenario.title);
        let title = words::escape(title);
        let elapsed = words::duration(self.now.saturating_sub(running.since));
        let doing = match (&running.waiting, running.step) {
            (Some(waiting), _) => format!(
                "waiting for {} ({} of {})",
                words::escape(&waiting.what),
                words::duration(self.now.saturating_sub(waiting.since)),
                words::limit(waiting.limit)
            ),
            (None, Some(step)) => {
                let step = scenario.and_then(|scenario| scenario.steps.get(step));
                step.map_or(String::new(), |step| words::escape(&step.text).into_owned())
            }
            (None, None) => String::new(),
        };
        // The title is shortened in favour of the step, and even more in favour of a wait.
        let least = self.style.width * if running.waiting.is_some() { 1 } else { 2 } / 5;
        let room = self.style.width.saturating_sub(13 + words::width(&doing)).max(least);
        let title = words::fit(&title, room);
        let separator = if doing.is_empty() { "" } else { ": " };
        format!("{elapsed:>8} {title}{separator}{doing}")
    }

    fn totals(&self, outline: &Outline, summary: &Summary) -> String {
        let mut parts = vec![format!(
            "{}/{} scenario{}",
            summary.over(),
            outline.scenarios.len(),
            if outline.scenarios.len() == 1 { "" } else { "s" }
        )];
        for (number, word) in [
            (summary.failed, "failed"),
            (summary.broken, "broken"),
            (summary.flaky, "flaky"),
            (summary.skipped, "skipped"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        parts.push(words::duration(self.now));
        parts.join(", ")
    }
}
