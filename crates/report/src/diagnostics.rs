//! Renders diagnostics the way rustc does: message, place, excerpt, labels, notes, help.
//!
//! The rendering itself is done by annotate-snippets. It gets only the few lines with labels, with
//! hidden characters replaced one for one. So the cost of a diagnostic depends on those lines and
//! not on the size of the file, and columns stay those of the file.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use greenroom_doc::{Diagnostic, Label, Severity, SourceFile, SourceId, Sources};

use crate::style::Style;
use crate::words;

/// Labels of one file that are at most so many lines apart share an excerpt.
const NEAR: u32 = 6;
/// A span of more lines than this is shortened to its first line.
const TALL: u32 = 8;
/// At most so many characters of a line are shown.
const LONG: usize = 2000;

/// Renders diagnostics in the given order, then their number: `3 errors`. Empty if there are none.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let renderer = if style.colour { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.max(40));
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render_one(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    if !diagnostics.is_empty() {
        out.push_str(&totals(diagnostics));
        out.push('\n');
    }
    out
}

/// Counts diagnostics: `3 errors, 1 warning`, or `no errors` for an empty list.
pub fn totals(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    match (errors, warnings) {
        (0, 0) => "no errors".to_owned(),
        (_, 0) => words::count(errors, "error"),
        (0, _) => words::count(warnings, "warning"),
        _ => format!("{}, {}", words::count(errors, "error"), words::count(warnings, "warning")),
    }
}

fn render_one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group: Group<'_> =
        Group::with_title(level.primary_title(words::escape(&diagnostic.message)).id(diagnostic.code.word()));
    for excerpt in excerpts(diagnostic, sources) {
        group = group.elements(excerpt.elements(sources));
    }
    for label in labels(diagnostic).map(|(label, _)| label).filter(|label| sources.file(label.span.source).is_builtin) {
        group = group.element(Level::NOTE.message(words::escape(&citation(label, sources)).into_owned()));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(words::escape(note)));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(words::escape(help)));
    }
    let drawn = renderer.render(&[group]);
    let lines: Vec<_> = drawn.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// The labels of a diagnostic, each with whether it is the primary one.
fn labels(diagnostic: &Diagnostic) -> impl Iterator<Item = (&Label, bool)> {
    let primary = diagnostic.primary.iter().map(|label| (label, true));
    primary.chain(diagnostic.secondary.iter().map(|label| (label, false)))
}

/// Writes out a label in a built-in file, which has no lines that the user could look up, or of a
/// function in Rust.
fn citation(label: &Label, sources: &Sources) -> String {
    let (text, place) = (sources.text(label.span).trim_matches('"'), sources.cite(label.span));
    if label.text.is_empty() || label.text.contains(text) {
        format!("`{text}` in {place}")
    } else {
        format!("{}: `{text}` in {place}", label.text)
    }
}

/// A label with its span cut to the text of its file.
struct Place<'a> {
    label: &'a Label,
    primary: bool,
    bytes: Range<usize>,
    first_line: u32,
    last_line: u32,
}

/// Neighbouring lines of one file, with the labels on them.
struct Excerpt<'a> {
    source: SourceId,
    places: Vec<Place<'a>>,
}

/// Returns the excerpts of a diagnostic, the one with its primary label first.
fn excerpts<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> Vec<Excerpt<'a>> {
    let labels = labels(diagnostic).filter(|(label, _)| !sources.file(label.span.source).is_builtin);
    let mut files: Vec<(SourceId, Vec<Place<'a>>)> = Vec::new();
    for (label, primary) in labels {
        let place = Place::new(label, primary, sources.file(label.span.source));
        match files.iter_mut().find(|(source, _)| *source == label.span.source) {
            Some((_, places)) => places.push(place),
            None => files.push((label.span.source, vec![place])),
        }
    }
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (source, mut places) in files {
        places.sort_by_key(|place| (place.first_line, place.bytes.start));
        let mut reached = None;
        for place in places {
            let near = reached.is_some_and(|line: u32| place.first_line <= line + NEAR);
            reached = reached.max(Some(place.last_line));
            match excerpts.last_mut() {
                Some(excerpt) if near => excerpt.places.push(place),
                _ => excerpts.push(Excerpt { source, places: vec![place] }),
            }
        }
    }
    excerpts.sort_by_key(|excerpt| !excerpt.places.iter().any(|place| place.primary));
    excerpts
}

impl<'a> Place<'a> {
    fn new(label: &'a Label, primary: bool, file: &SourceFile) -> Self {
        let text = &file.text;
        let start = text.floor_char_boundary((label.span.start as usize).min(text.len()));
        let end = text.ceil_char_boundary((label.span.end as usize).clamp(start, text.len()));
        let first_line = file.line_column(offset(start)).0;
        let last_line = if end > start { file.line_column(offset(end - 1)).0 } else { first_line };
        let (end, last_line) = if last_line - first_line >= TALL {
            (file.line_range(first_line).end.max(start), first_line)
        } else {
            (end, last_line)
        };
        Self { label, primary, bytes: start..end, first_line, last_line }
    }
}

impl Excerpt<'_> {
    fn elements(&self, sources: &Sources) -> Vec<Element<'static>> {
        let file = sources.file(self.source);
        let name = words::escape(&file.name).into_owned();
        let first = self.places.iter().map(|place| place.first_line).min().unwrap_or(1);
        let last = self.places.iter().map(|place| place.last_line).max().unwrap_or(first);
        let (window, map) = window(file, first, last);
        let mut snippet = Snippet::source(window.clone()).line_start(first as usize).path(name.clone());
        let mut shown = 0;
        let mut elements = Vec::new();
        let mut beyond = Vec::new();
        for place in &self.places {
            let text = words::escape(&place.label.text).into_owned();
            let Some(start) = map.shown(place.bytes.start) else {
                beyond.push((place, text));
                continue;
            };
            let end = map.shown(place.bytes.end).unwrap_or_else(|| map.end_of_line(place.bytes.start)).max(start);
            let kind = if place.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(start..end);
            snippet = snippet.annotation(if text.is_empty() { annotation } else { annotation.label(text) });
            shown += 1;
        }
        if shown > 0 {
            elements.push(snippet.into());
        }
        for (place, text) in beyond {
            let (line, column) = file.line_column(offset(place.bytes.start));
            elements.push(Origin::path(name.clone()).line(line as usize).char_column(column as usize).into());
            if !text.is_empty() {
                elements.push(Level::NOTE.message(text).into());
            }
        }
        elements
    }
}

/// Maps bytes of a file to bytes of a window of it, line by line.
struct Map {
    lines: Vec<MappedLine>,
}

struct MappedLine {
    /// Its bytes in the file.
    file: Range<usize>,
    /// Its bytes in the window.
    window: Range<usize>,
    /// Whether it goes on to the right of the window.
    cut: bool,
    /// The places after characters whose replacement has another length: in the file, in the
    /// window.
    moved: Vec<(usize, usize)>,
}

/// Returns lines of a file with hidden characters replaced, without their line ends.
fn window(file: &SourceFile, first: u32, last: u32) -> (String, Map) {
    let mut text = String::new();
    let mut lines = Vec::new();
    for line in first..=last {
        if line > first {
            text.push('\n');
        }
        let range = file.line_range(line);
        let start = text.len();
        let mut cut = false;
        let mut moved = Vec::new();
        for (count, (at, c)) in file.text[range.clone()].char_indices().enumerate() {
            if count == LONG {
                text.push('…');
                cut = true;
                break;
            }
            let c = visible(c);
            text.push(c.1);
            if c.0 != c.1.len_utf8() {
                moved.push((range.start + at + c.0, text.len()));
            }
        }
        lines.push(MappedLine { file: range, window: start..text.len(), cut, moved });
    }
    (text, Map { lines })
}

/// Returns the length of a character and its replacement. Tabs are left to annotate-snippets.
fn visible(c: char) -> (usize, char) {
    let shown = match c {
        '\t' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '␡',
        c if words::is_hidden(c) => '\u{fffd}',
        c => c,
    };
    (c.len_utf8(), shown)
}

impl Map {
    /// Returns the place of a byte of the file in the window. `None` if it was cut off.
    fn shown(&self, at: usize) -> Option<usize> {
        let line = self.lines.iter().rfind(|line| line.file.start <= at)?;
        if at >= line.file.end && !line.cut {
            return Some(line.window.end);
        }
        let before = line.moved.partition_point(|&(file, _)| file <= at);
        let (file, window) = match before.checked_sub(1) {
            Some(index) => line.moved[index],
            None => (line.file.start, line.window.start),
        };
        let shown = window + (at - file);
        (shown < line.window.end || !line.cut).then_some(shown)
    }

    fn end_of_line(&self, at: usize) -> usize {
        self.lines.iter().rfind(|line| line.file.start <= at).map_or(0, |line| line.window.end)
    }
}

/// Converts an offset. Larger files are refused when they are loaded.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
