//! Text that is about to be written, line by line.

use crate::style::{Role, Style};

/// Lines, and how they may look.
pub(super) struct Page {
    style: Style,
    text: String,
    blank_before: bool,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { style, text: String::new(), blank_before: false }
    }

    /// An empty page that is to be a part of this one.
    pub(super) fn part(&self) -> Self {
        Self::new(self.style)
    }

    pub(super) fn append(&mut self, part: &Self) {
        self.text.push_str(&part.text);
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    pub(super) fn paint(&self, role: Role, text: &str) -> String {
        self.style.paint(role, text)
    }

    /// Adds a line, without blanks at its end.
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        if !text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', indent));
            self.text.push_str(text);
        }
        self.text.push('\n');
    }

    /// Adds an empty line, unless there is one already or nothing before it.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Puts an empty line before everything, if anything comes.
    pub(super) fn blank_before(&mut self) {
        self.blank_before = true;
    }

    /// The text. `after_blank` says whether the line before it is empty, or there is none.
    pub(super) fn finish(mut self, after_blank: bool) -> String {
        if self.blank_before && !after_blank && !self.text.is_empty() {
            self.text.insert(0, '\n');
        }
        self.text
    }
}
