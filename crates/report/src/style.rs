//! The few styles there are. Colour never carries meaning alone: every text reads the same without it.

use anstyle::{AnsiColor, Effects};

/// How text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour may be written.
    pub colour: bool,
    /// How many columns a line has.
    pub width: usize,
}

impl Style {
    /// No colour, this wide.
    pub fn plain(width: usize) -> Self {
        Self { colour: false, width }
    }

    /// With colour, this wide.
    pub fn coloured(width: usize) -> Self {
        Self { colour: true, width }
    }

    /// Text in a role. Never adds or removes a visible character.
    pub(crate) fn paint(self, role: Role, text: &str) -> String {
        let style = role.style();
        if self.colour && !text.is_empty() && style != anstyle::Style::new() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// What a piece of text is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Passed.
    Good,
    /// Failed.
    Bad,
    /// Broken, skipped, worth a look.
    Odd,
    /// Not what the reader came for.
    Dim,
    /// The name of the thing that is talked about.
    Title,
    /// What was expected.
    Expected,
    /// What came.
    Actual,
    /// The part of an expected line that differs.
    ExpectedPart,
    /// The part of an actual line that differs.
    ActualPart,
}

impl Role {
    fn style(self) -> anstyle::Style {
        match self {
            Self::Good => AnsiColor::Green.on_default().effects(Effects::BOLD),
            Self::Bad => AnsiColor::Red.on_default().effects(Effects::BOLD),
            Self::Odd => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
            Self::Dim => anstyle::Style::new().effects(Effects::DIMMED),
            Self::Title => anstyle::Style::new().effects(Effects::BOLD),
            Self::Expected => AnsiColor::Green.on_default(),
            Self::Actual => AnsiColor::Red.on_default(),
            Self::ExpectedPart => AnsiColor::Green.on_default().effects(Effects::BOLD.insert(Effects::UNDERLINE)),
            Self::ActualPart => AnsiColor::Red.on_default().effects(Effects::BOLD.insert(Effects::UNDERLINE)),
        }
    }
}
