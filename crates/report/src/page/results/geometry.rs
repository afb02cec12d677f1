//! Places on a time line, in percent of its length.

use std::time::Duration;

use crate::records::ScenarioRecord;

/// The least width of a bar, so that it can be seen and pointed at.
const LEAST: f64 = 0.5;
/// At most this many ticks are on a line.
const MOST_TICKS: u128 = 5;

/// The length of a time line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    total: Duration,
}

impl Scale {
    /// Returns a scale on which everything that an attempt recorded has a place.
    pub(super) fn of(record: &ScenarioRecord) -> Self {
        let mut total = record.finished.as_ref().map_or(Duration::ZERO, |finished| finished.took);
        let mut reach = |at: Duration| total = total.max(at);
        for (start, step) in record.step_starts.iter().zip(&record.steps) {
            reach(end(*start, step.took));
        }
        record.step_starts.iter().for_each(|&start| reach(start));
        for cleanup in &record.cleanups {
            reach(cleanup.began.map_or(Duration::ZERO, |began| end(began, cleanup.took)));
        }
        for life in record.finished.iter().flat_map(|finished| &finished.daemons).flat_map(|daemon| &daemon.lives) {
            reach(life.started);
            life.ready.into_iter().chain(life.ended).for_each(&mut reach);
        }
        Self { total }
    }

    /// Returns how long the line is.
    pub(super) fn total(self) -> Duration {
        self.total
    }

    /// Returns the place of a time.
    pub(super) fn place(self, at: Duration) -> f64 {
        if recorded(self.total).is_zero() {
            return 0.0;
        }
        (recorded(at).as_secs_f64() / recorded(self.total).as_secs_f64() * 100.0).min(100.0)
    }

    /// Returns the place and the width of a bar that can be seen and lies within the line.
    pub(super) fn bar(self, from: Duration, to: Duration) -> (f64, f64) {
        let (start, end) = (self.place(from), self.place(to.max(from)));
        let width = (end - start).max(LEAST);
        (start.min(100.0 - width), width)
    }

    /// Returns times for the ticks: round ones, each with room for its text before that of the end.
    pub(super) fn ticks(self) -> Vec<Duration> {
        let total = self.total.as_micros();
        // The steps that people count in: 1, 2, 5, 10, 20, 50, ...
        let powers = std::iter::successors(Some(1), |power: &u128| power.checked_mul(10));
        let mut units = powers.flat_map(|power| [1, 2, 5].map(|factor| power.saturating_mul(factor)));
        let unit = units.find(|unit| total / unit <= MOST_TICKS).unwrap_or(u128::MAX);
        let unit = unit.max(1000);
        let ticks = (1..=MOST_TICKS)
            .map(|number| number.saturating_mul(unit))
            .take_while(|&tick| tick.saturating_mul(100) < total.saturating_mul(78));
        ticks.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))).collect()
    }
}

/// Returns a time as recordings have it: in whole microseconds.
///
/// So the page of a run equals the page of its recording.
pub(super) fn recorded(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Returns the end of something, from its start and how long it took.
pub(super) fn end(start: Duration, took: Duration) -> Duration {
    recorded(start).saturating_add(recorded(took))
}

/// Returns a place as SVG writes it: `12.5%`.
pub(super) fn percent(place: f64) -> String {
    let text = format!("{place:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use greenroom_event::{Daemon, DaemonEnd, Life, Outcome, ScenarioFinished};
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn scale(total: u64) -> Scale {
        Scale { total: ms(total) }
    }

    #[test]
    fn places_are_shares_of_the_whole() {
        assert_eq!(percent(scale(200).place(ms(50))), "25%");
        assert_eq!(percent(scale(300).place(ms(100))), "33.33%");
        assert_eq!(percent(scale(0).place(ms(100))), "0%");
        assert_eq!(percent(scale(100).place(ms(900))), "100%");
    }

    #[test]
    fn a_short_bar_can_be_seen_also_at_the_end() {
        assert_eq!(scale(1000).bar(ms(0), ms(0)), (0.0, 0.5));
        assert_eq!(scale(1000).bar(ms(1000), ms(1000)), (99.5, 0.5));
        assert_eq!(scale(1000).bar(ms(500), ms(250)), (50.0, 0.5));
    }

    #[test]
    fn ticks_are_round_numbers() {
        let ticks = |total| scale(total).ticks().iter().map(Duration::as_millis).collect::<Vec<_>>();
        assert_eq!(ticks(0), []);
        assert_eq!(ticks(3), [1, 2]);
        assert_eq!(ticks(12), [5]);
        // 60 of 68 would run into the text of the end.
        assert_eq!(ticks(68), [20, 40]);
        assert_eq!(ticks(480), [100, 200, 300]);
        assert_eq!(ticks(1000), [200, 400, 600]);
        assert_eq!(ticks(3_600_000), [1_000_000, 2_000_000]);
    }

    #[test]
    fn a_life_that_outlasts_the_scenario_still_has_its_place() {
        let life = Life { started: ms(10), ready: None, ended: Some(ms(500)), end: DaemonEnd::Running };
        let daemon = Daemon {
            name: "web".to_owned(),
            command: String::new(),
            end: DaemonEnd::Running,
            output: Vec::new(),
            lives: vec![life],
        };
        let finished = ScenarioFinished { daemons: vec![daemon], ..ScenarioFinished::new(Outcome::Passed, ms(100)) };
        let record = ScenarioRecord { finished: Some(finished), ..ScenarioRecord::default() };
        assert_eq!(Scale::of(&record).total(), ms(500));
    }

    proptest! {
        #[test]
        fn bars_stay_within_the_line(total in 0..u64::MAX, from in 0..u64::MAX, to in 0..u64::MAX) {
            let scale = Scale { total: Duration::from_micros(total) };
            let (start, width) = scale.bar(Duration::from_micros(from), Duration::from_micros(to));
            prop_assert!(start >= 0.0 && width > 0.0 && start + width <= 100.0 + 1e-9);
            prop_assert!(scale.ticks().len() <= 5);
            prop_assert!(scale.ticks().iter().all(|tick| *tick < scale.total()));
        }
    }
}
