//! Repeats a `then` step: until it holds (`within`), or for as long as it must hold (`for`).
//!
//! Looks do not overlap: a pause begins when a look has ended. Time in which the scenario was stopped
//! does not count. A failed look is not a failure of the step, except for the last one.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use greenroom_event::words;
use greenroom_sandbox::process::{Stopwatch, WaitError, Watch, attempts};
use serde::{Deserialize, Serialize};

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::Context;
use crate::library::limit;
use crate::look::{Look, Prospect};
use crate::step::{Captures, Failure, StepResult};

/// What a note begins with that says how the results of a repeated step changed.
pub(crate) const CHANGES: &str = "at first: ";

/// How much longer than the slowest look before the last one may take.
const GRACE: Duration = Duration::from_millis(100);
/// The longest text that a note about changes shows.
const LONGEST_VALUE: usize = 60;
/// The most values that it shows, besides the first one.
const MOST_VALUES: usize = 3;

/// How often a step has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepetitionKind {
    /// Once, before the time is over.
    Within,
    /// Each time, until the time is over.
    For,
}

/// The repetition of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repetition {
    /// How often it has to hold.
    pub kind: RepetitionKind,
    /// The number of seconds as the document writes it, which may be a kept value.
    pub seconds: String,
}

impl Repetition {
    /// Returns its words: `within 5 seconds`.
    pub fn words(&self) -> String {
        let word = match self.kind {
            RepetitionKind::Within => "within",
            RepetitionKind::For => "for",
        };
        format!("{word} {} seconds", self.seconds)
    }

    /// Finds what is wrong with the number before the run. Problems are about no capture.
    pub fn check(&self, state: &PreflightState) -> Option<Problem> {
        let problem =
            |message: String| Problem { capture: None, ..Problem::new("", ProblemKind::InvalidLimit, message) };
        let words = self.words();
        if let Some((name, _)) = self.seconds.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            let is_known = state.own_code || state.kept.contains(name);
            return (!is_known).then(|| Problem {
                kind: ProblemKind::UnknownName,
                ..problem(format!("no earlier step keeps a value as `{name}`"))
            });
        }
        let limit = match Self::limit_of(&self.seconds) {
            Ok(limit) => limit,
            Err(error) => return Some(error.help.into_iter().fold(problem(error.message), Problem::help)),
        };
        let (outer, help) = limit::beyond(limit, state)?;
        Some(problem(format!("`{words}` is not below {outer}")).help(help))
    }

    /// Reads the number.
    fn limit_of(seconds: &str) -> Result<Duration, Failure> {
        let number: Option<f64> = seconds.parse().ok().filter(|_| seconds.starts_with(|c: char| c.is_ascii_digit()));
        match number {
            Some(number) if number > 0.0 && number <= 86_400.0 => Ok(Duration::from_secs_f64(number)),
            _ => Err(Failure::new(format!("invalid time limit: {seconds} seconds"))
                .help("write a number of seconds above 0 and up to 86400, such as 0.5 or 30")),
        }
    }
}

/// Carries out a step as often as its repetition says.
///
/// `attempt` carries it out once, and `can_go_on` says whether another attempt is possible.
///
/// # Errors
///
/// The failure of the last attempt, with how often and how long it was tried.
pub fn repeat(
    context: &mut Context,
    repetition: &Repetition,
    (look, captures): (Look, &Captures),
    mut attempt: impl FnMut(&mut Context) -> StepResult,
    can_go_on: impl Fn(&mut Context) -> bool,
) -> StepResult {
    let seconds = context.expand(&repetition.seconds);
    let limit = Repetition::limit_of(seconds.as_deref().unwrap_or(&repetition.seconds))?;
    let look = look.of(captures);
    let (mut pause, longest) = look.pauses();
    let clock = context.watch().stopwatch();
    let mut looks =
        Looks { limit, kind: repetition.kind, clock, count: 0, slowest: Duration::ZERO, values: Vec::new() };
    let (mut is_announced, mut is_last, mut was_woken) = (false, false, false);
    let mut latest: Option<Failure> = None;
    loop {
        // Before the look: what changes until it ends shows in this or in the next one.
        let prospect = match look {
            Look::LiveUntil(prospect) => prospect(context, captures),
            Look::Absence(stays) => Prospect::Closed(stays(captures)),
            _ => Prospect::Open(None),
        };
        let (wake, reason) = match prospect {
            Prospect::Open(wake) => (wake, None),
            Prospect::Closed(reason) => (None, Some(reason)),
        };
        let refetch = match look {
            Look::Fetched(fetched) if looks.count > 0 => Some(fetched.again),
            _ => None,
        };
        let (result, cut) = looks.look(context, is_last, |context| {
            attempts::begin_round();
            context.forget_written();
            refetch.map_or(Ok(()), |again| again(context))?;
            context.repeats(repetition.kind == RepetitionKind::Within);
            let result = attempt(context);
            context.repeats(false);
            result
        });
        match (repetition.kind, result) {
            (RepetitionKind::Within, Ok(())) => return Ok(()),
            // One that ends after the limit was the last.
            (RepetitionKind::For, Ok(())) if is_last || looks.clock.elapsed(context.watch()) >= limit => return Ok(()),
            (RepetitionKind::For, Ok(())) => {}
            (RepetitionKind::For, Err(failure)) => return Err(looks.explain(context, failure, None, None)),
            (RepetitionKind::Within, Err(failure)) => {
                if let Some(what) = cut {
                    return Err(looks.cut(context, latest, failure, &what));
                }
                looks.note(context, &failure);
                let is_over = is_last || reason.is_some() || context.watch().is_cut_short();
                if is_over || !can_go_on(context) {
                    return Err(looks.explain(context, failure, reason, None));
                }
                latest = Some(failure);
            }
        }
        let waited = looks.clock.elapsed(context.watch());
        if !is_announced && waited >= Watch::ANNOUNCE_AFTER {
            is_announced = true;
            context.watch().tell(looks.waits_for(), limit);
        }
        let left = limit.saturating_sub(waited);
        is_last = left <= pause;
        // The last look of `within` ends at the limit if it takes as long as the ones before.
        let reserve = if repetition.kind == RepetitionKind::Within { looks.slowest } else { Duration::ZERO };
        let next = if is_last { left.saturating_sub(reserve) } else { pause };
        // A descriptor stays readable: it wakes once.
        let wake: Vec<BorrowedFd<'_>> = wake.iter().filter(|_| !was_woken).map(AsFd::as_fd).collect();
        context.watch().waits_for(looks.waits_for());
        match context.watch().readable(&wake, Instant::now() + next) {
            Ok(is_woken) => was_woken |= is_woken,
            Err(error) => {
                return Err(match latest {
                    Some(failure) => looks.explain(context, failure, None, None),
                    None => Failure::from(error),
                });
            }
        }
        pause = (pause * 2).min(longest);
    }
}

/// The looks of one step so far.
struct Looks {
    limit: Duration,
    kind: RepetitionKind,
    clock: Stopwatch,
    count: u64,
    /// How long the slowest look took.
    slowest: Duration,
    /// What looks found, each time that it changed: when, and what.
    values: Vec<(Duration, String)>,
}

impl Looks {
    /// Looks once. If the limit cut the look, returns also what it was waiting for.
    ///
    /// The last look begins so late that it may end a little after the limit.
    fn look(
        &mut self,
        context: &mut Context,
        is_last: bool,
        attempt: impl FnOnce(&mut Context) -> StepResult,
    ) -> (StepResult, Option<String>) {
        let watch = context.watch();
        let begun = watch.stopwatch();
        let (outer, lost) = (watch.deadline(), watch.lost());
        let left = self.limit.saturating_sub(self.clock.elapsed(watch));
        let own = Instant::now() + if is_last { left.max(self.slowest + GRACE) } else { left };
        let is_own = self.kind == RepetitionKind::Within && outer.is_none_or(|outer| own < outer);
        if is_own {
            watch.set_deadline(Some(own));
        }
        let result = attempt(context);
        let watch = context.watch();
        let moved = watch.lost().saturating_sub(lost);
        if is_own {
            watch.set_deadline(outer.map(|outer| outer + moved));
        }
        let mut cut = None;
        if is_own
            && result.is_err()
            && watch.has_timed_out()
            && let Some(WaitError::TimeLimit { waiting_for }) = watch.take_error()
        {
            watch.take_running();
            cut = Some(waiting_for);
        }
        self.count += 1;
        self.slowest = self.slowest.max(begun.elapsed(watch));
        (result, cut)
    }

    fn waits_for(&self) -> &'static str {
        match self.kind {
            RepetitionKind::Within => "it to hold",
            RepetitionKind::For => "it to go on holding",
        }
    }

    /// Notes what a look found.
    fn note(&mut self, context: &mut Context, failure: &Failure) {
        let value = failure.comparison.as_ref().map_or_else(|| failure.message.clone(), |it| value(&it.actual));
        if self.values.last().is_none_or(|(_, last)| *last != value) {
            self.values.push((self.clock.elapsed(context.watch()), value));
        }
    }

    /// Explains that the limit cut a look off, which was waiting for this. The look before says more.
    fn cut(&self, context: &mut Context, latest: Option<Failure>, failure: Failure, waiting_for: &str) -> Failure {
        let waiting = if waiting_for.is_empty() { String::new() } else { format!(" while waiting for {waiting_for}") };
        if let Some(latest) = latest {
            return self.explain(context, latest, None, Some(waiting));
        }
        let message = format!("the first try did not end within {}{waiting}", words::limit(self.limit));
        Failure { message, ..failure }
    }

    /// Adds to the failure of a look how often it was tried, and what changed meanwhile.
    ///
    /// `reason` says why it was not tried again, `cut` that the look after it was cut off.
    fn explain(&self, context: &mut Context, failure: Failure, reason: Option<String>, cut: Option<String>) -> Failure {
        let took = words::duration(self.clock.elapsed(context.watch()));
        let tried = match (self.kind, self.count) {
            (RepetitionKind::Within, 1) => "tried once".to_owned(),
            (RepetitionKind::Within, count) => format!("tried {count} times in {took}"),
            (RepetitionKind::For, 1) => "it did not hold at the first look".to_owned(),
            (RepetitionKind::For, 2) => format!("it failed after {took}, at the second look"),
            (RepetitionKind::For, count) => format!("it failed after {took}, and held at {} looks before", count - 1),
        };
        let cut = cut.map_or_else(String::new, |waiting| format!("; the last try was cut off{waiting}"));
        let mut failure = failure.note(format!("{tried}{cut}"));
        if let [(_, first), rest @ ..] = &self.values[..]
            && !rest.is_empty()
        {
            let left_out = rest.len().saturating_sub(MOST_VALUES);
            let others = match left_out {
                0 => String::new(),
                1 => "; then another result".to_owned(),
                _ => format!("; then {left_out} other results"),
            };
            let shown = rest[left_out..].iter().map(|(at, value)| format!("; after {}: {value}", words::duration(*at)));
            failure = failure.note(format!("{CHANGES}{first}{others}{}", shown.collect::<String>()));
        }
        reason.into_iter().fold(failure, |failure, reason| failure.note(format!("not tried again: {reason}")))
    }
}

/// Returns what a note about changes says of a text.
fn value(text: &str) -> String {
    let trimmed = text.trim_end();
    let Some(last) = trimmed.lines().next_back() else { return "nothing".to_owned() };
    let last: String = match last.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}…", &last[..at]),
        None => last.to_owned(),
    };
    match trimmed.lines().count() {
        1 => format!("`{last}`"),
        lines => format!("{lines} lines, the last `{last}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        assert_eq!(value("\n"), "nothing");
        assert_eq!(value("1\n"), "`1`");
        assert_eq!(value("1\n2\n"), "2 lines, the last `2`");
        assert_eq!(value(&"é".repeat(61)), format!("`{}…`", "é".repeat(60)));
    }

    #[test]
    fn numbers_of_seconds() {
        let limit = |seconds: &str| Repetition::limit_of(seconds).ok().map(|limit| limit.as_millis());
        for (seconds, want) in
            [("5", Some(5000)), ("0.5", Some(500)), ("86400", Some(86_400_000)), ("1e1", Some(10_000))]
        {
            assert_eq!(limit(seconds), want, "{seconds}");
        }
        for seconds in ["0", "0.0", "-1", "+1", "1e9", "nan", "inf", "five", "", "86401", ".5", "5s"] {
            assert_eq!(limit(seconds), None, "{seconds}");
        }
    }
}
