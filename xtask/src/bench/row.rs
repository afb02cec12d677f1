//! A row of the table.

use std::fmt;

/// A figure with its bound.
pub(super) struct Row {
    what: String,
    measured: f64,
    unit: &'static str,
    bound: Bound,
}

/// What a figure may be at most.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// So many times a floor.
    Times { most: f64, floor: f64 },
    /// A figure.
    Most(f64),
    /// Anything: the figure is for comparisons.
    None,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, measured: f64, unit: &'static str, bound: Bound) -> Self {
        Self { what: what.into(), measured, unit, bound }
    }

    /// Whether the figure is within its bound.
    pub(super) fn is_reached(&self) -> bool {
        match self.bound {
            Bound::Times { most, floor } => self.measured <= most * floor,
            Bound::Most(most) => self.measured <= most,
            Bound::None => true,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, measured, unit, bound } = self;
        write!(f, "{what:<52} {measured:9.2} {unit:<6}")?;
        let verdict = if self.is_reached() { "reached" } else { "NOT REACHED" };
        match bound {
            Bound::Times { most, floor } => {
                let ratio = measured / floor;
                write!(f, " floor {floor:8.2}   ratio {ratio:5.2}   at most {most:<5} {verdict}")
            }
            Bound::Most(most) => write!(f, " {:29} at most {most:<5} {verdict}", ""),
            Bound::None => Ok(()),
        }
    }
}
