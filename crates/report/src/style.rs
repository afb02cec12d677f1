//! Colour and other styles. A text reads the same without them.

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
    /// Creates a style without colour, this wide.
    pub fn plain(width: usize) -> Self {
        Self { colour: false, width }
    }

    /// Creates a style with colour, this wide.
    pub fn coloured(width: usize) -> Self {
        Self { colour: true, width }
    }

    /// Returns the text in the style of a role, with the same visible characters.
    pub(crate) fn paint(self, role: Role, text: &str) -> String {
        let style = role.style();
        if self.colour && !text.is_empty() && style != anstyle::Style::new() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// The role of a piece of text, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Passed.
    Good,
    /// Failed.
    Bad,
    /// Broken or skipped.
    Odd,
    /// Less important.
    Dim,
    /// A title, or the name that a block is about.
    Title,
    /// Expected text.
    Expected,
    /// Actual text.
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
