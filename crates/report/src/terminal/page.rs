//! Text that is about to be written, line by line.

use crate::style::{Role, Style};

/// Lines of a report, before they are written.
pub(super) struct Page {
    style: Style,
    text: String,
    blank_before: bool,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { style, text: String::new(), blank_before: false }
    }

    /// Creates an empty page in the same style.
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

    /// Adds a line; an empty one gets no indent.
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        if !text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', indent));
            self.text.push_str(text);
        }
        self.text.push('\n');
    }

    /// Adds an empty line, unless one is there already or the page is empty.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Puts an empty line before the page, unless the page stays empty.
    pub(super) fn blank_before(&mut self) {
        self.blank_before = true;
    }

    /// Returns the text. `after_blank` says that it follows an empty line, or comes first.
    pub(super) fn finish(mut self, after_blank: bool) -> String {
        if self.blank_before && !after_blank && !self.text.is_empty() {
            self.text.insert(0, '\n');
        }
        self.text
    }
}
