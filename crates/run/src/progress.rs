//! Checks that a worker reports every step, in order: a scenario passes for no other reason.
//!
//! What reaches the runner from a stage was written by a process that runs the user's code. A reply that
//! is missing, repeated or out of order makes the scenario broken, whatever it says.

use std::fmt;

/// How far a scenario is, by the messages of its worker.
#[derive(Debug)]
pub(crate) struct Progress {
    steps: usize,
    step: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Steps run.
    Steps,
    /// Cleanups of the steps below this one run, the last first.
    Cleanups { below: usize },
    /// The worker sent its last message.
    Ended,
}

/// A message that cannot come at this point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OrderError {
    /// A step was reported that is not the current one.
    Step { reported: usize, current: Option<usize> },
    /// A cleanup was reported before the steps were done, twice, or of a step that did not pass.
    Cleanup { reported: usize },
    /// The end was reported while steps were left, or twice.
    End { left: usize },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { reported, current: Some(current) } => {
                write!(f, "step {} was reported while step {} was running", reported + 1, current + 1)
            }
            Self::Step { reported, current: None } => {
                write!(f, "step {} was reported after the last step", reported + 1)
            }
            Self::Cleanup { reported } => write!(f, "the cleanup of step {} was reported out of turn", reported + 1),
            Self::End { left: 0 } => f.write_str("the end was reported twice"),
            Self::End { left: 1 } => f.write_str("the end was reported before the last step"),
            Self::End { left } => write!(f, "the end was reported with {left} steps left"),
        }
    }
}

impl Progress {
    /// Starts a scenario of so many steps.
    pub(crate) fn new(steps: usize) -> Self {
        Self { steps, step: 0, stage: Stage::Steps }.skip_to_cleanups()
    }

    /// The step that is running, if one is.
    pub(crate) fn current(&self) -> Option<usize> {
        (self.stage == Stage::Steps).then_some(self.step)
    }

    /// Takes the reply to a step.
    pub(crate) fn step_done(&mut self, step: usize, passed: bool) -> Result<(), OrderError> {
        if self.current() != Some(step) {
            return Err(OrderError::Step { reported: step, current: self.current() });
        }
        if passed {
            self.step += 1;
            *self = Self { ..*self }.skip_to_cleanups();
        } else {
            self.stage = Stage::Cleanups { below: step };
        }
        Ok(())
    }

    /// Takes the reply to a cleanup.
    pub(crate) fn cleanup_done(&mut self, step: usize) -> Result<(), OrderError> {
        match &mut self.stage {
            Stage::Cleanups { below } if step < *below => {
                *below = step;
                Ok(())
            }
            _ => Err(OrderError::Cleanup { reported: step }),
        }
    }

    /// Takes the worker's last message.
    pub(crate) fn ended(&mut self) -> Result<(), OrderError> {
        match self.stage {
            Stage::Steps => Err(OrderError::End { left: self.steps - self.step }),
            Stage::Ended => Err(OrderError::End { left: 0 }),
            Stage::Cleanups { .. } => {
                self.stage = Stage::Ended;
                Ok(())
            }
        }
    }

    /// Whether the worker sent its last message.
    pub(crate) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether every step passed and the worker sent its last message.
    pub(crate) fn is_complete(&self) -> bool {
        self.has_ended() && self.step == self.steps
    }

    fn skip_to_cleanups(mut self) -> Self {
        if self.step == self.steps {
            self.stage = Stage::Cleanups { below: self.steps };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: usize, passed: usize) -> Progress {
        let mut progress = Progress::new(steps);
        for step in 0..passed {
            progress.step_done(step, true).unwrap();
        }
        progress
    }

    #[test]
    fn a_scenario_is_complete_when_every_step_passed_and_the_end_was_reported() {
        let mut progress = after(3, 3);
        assert!(!progress.is_complete());
        progress.cleanup_done(2).unwrap();
        progress.cleanup_done(0).unwrap();
        progress.ended().unwrap();
        assert!(progress.is_complete());
    }

    #[test]
    fn a_scenario_without_steps_only_ends() {
        let mut progress = Progress::new(0);
        assert_eq!(progress.current(), None);
        progress.ended().unwrap();
        assert!(progress.is_complete());
    }

    #[test]
    fn a_failed_step_is_the_last_and_its_own_cleanup_does_not_run() {
        let mut progress = after(3, 1);
        progress.step_done(1, false).unwrap();
        assert_eq!(progress.step_done(2, true), Err(OrderError::Step { reported: 2, current: None }));
        assert_eq!(progress.cleanup_done(1), Err(OrderError::Cleanup { reported: 1 }));
        progress.cleanup_done(0).unwrap();
        progress.ended().unwrap();
        assert!(!progress.is_complete());
    }

    #[test]
    fn steps_that_are_skipped_repeated_or_invented_are_refused() {
        for wrong in [0, 2, 3, usize::MAX - 1] {
            let error = after(3, 1).step_done(wrong, true).unwrap_err();
            assert_eq!(error, OrderError::Step { reported: wrong, current: Some(1) });
        }
    }

    #[test]
    fn an_end_before_the_last_step_is_refused() {
        assert_eq!(after(3, 1).ended(), Err(OrderError::End { left: 2 }));
        assert_eq!(after(3, 1).ended().unwrap_err().to_string(), "the end was reported with 2 steps left");
        let mut progress = after(3, 3);
        progress.ended().unwrap();
        assert_eq!(progress.ended(), Err(OrderError::End { left: 0 }));
        assert_eq!(progress.cleanup_done(0), Err(OrderError::Cleanup { reported: 0 }));
    }

    #[test]
    fn cleanups_come_after_the_steps_once_each_in_reverse() {
        assert_eq!(after(3, 2).cleanup_done(0), Err(OrderError::Cleanup { reported: 0 }));
        let mut progress = after(3, 3);
        progress.cleanup_done(1).unwrap();
        for wrong in [1, 2, 3] {
            assert_eq!(progress.cleanup_done(wrong), Err(OrderError::Cleanup { reported: wrong }));
        }
    }
}
