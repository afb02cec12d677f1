//! The author's Markdown as HTML, with scenarios, files and diagrams in their places.

use std::collections::HashMap;

use greenroom_doc::Attributes;
use greenroom_event::{DocumentText, Outline, TextPart};
use pulldown_cmark::{Alignment, BlockQuoteKind, CodeBlockKind, CowStr, Event, LinkType, Tag, TagEnd};

use crate::page::anchors::Anchors;
use crate::page::diagram::{self, DiagramKind, Drawings};
use crate::page::files::{self, anchor_link};
use crate::page::layout::{Fence, Layout};
use crate::page::markdown::events;
use crate::page::markup::{Escaped, Target, escape, target};
use crate::page::out::Out;
use crate::page::pictures::{self, NamedPicture, Pictures};
use crate::page::raw::{self, Cleaner, RawPicture, Surroundings};
use crate::page::results;
use crate::page::scenario;
use crate::page::step_lines::{LineNumbers, StepFinder, WrittenLine, step_lines};
use crate::page::view::View;

/// What a document's page is made of.
pub(crate) struct Document<'a> {
    pub(crate) text: &'a DocumentText,
    pub(crate) layout: &'a Layout,
    pub(crate) drawings: &'a Drawings,
    /// The run, if there was one.
    pub(crate) view: Option<&'a View<'a>>,
    /// The addresses of other documents' pages, by the paths of their files.
    pub(crate) others: &'a HashMap<String, &'a str>,
    /// A heading that the title block shows.
    pub(crate) without_heading: Option<usize>,
}

/// Writes all parts of a document.
pub(crate) fn write(out: &mut Out<'_>, document: &Document<'_>, anchors: &mut Anchors) {
    let mut finder = StepFinder::new(&document.text.steps);
    let mut page = Page { anchors, pictures: Pictures::new(document.text), file: "" };
    let (mut headings, mut fences, mut is_in_stretch) = (0, 0, false);
    for part in &document.text.parts {
        page.file = &part.location.file;
        finder.begin(page.file);
        let mut writer = Writer {
            document,
            page: &mut page,
            out,
            cleaner: Cleaner::default(),
            depth: 0,
            headings: &mut headings,
            fences: &mut fences,
            section: None,
            is_in_stretch: &mut is_in_stretch,
            heading_start: 0,
            links: Vec::new(),
            table: Table::default(),
            image: None,
            html: None,
            code: None,
            finder: &mut finder,
            numbers: LineNumbers::of(part),
        };
        writer.part(part);
    }
    if is_in_stretch {
        out.push_str("</div>\n");
    }
}

/// The page around raw HTML.
struct Page<'a> {
    anchors: &'a mut Anchors,
    pictures: Pictures<'a>,
    /// The file whose text is written.
    file: &'a str,
}

impl Surroundings for Page<'_> {
    fn anchors(&mut self) -> &mut Anchors {
        self.anchors
    }

    fn picture(&mut self, out: &mut String, picture: &RawPicture) {
        self.pictures.write(out, self.file, picture);
    }
}

/// The table that is written.
#[derive(Debug, Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    is_head: bool,
}

/// Writes one part.
struct Writer<'a, 'b, 'c, 'd> {
    document: &'a Document<'a>,
    page: &'b mut Page<'c>,
    out: &'b mut Out<'d>,
    cleaner: Cleaner,
    /// How many elements of Markdown are open.
    depth: usize,
    /// How many headings and fenced blocks of the document are written.
    headings: &'b mut usize,
    fences: &'b mut usize,
    /// The level of the heading whose scenario is open as a section.
    section: Option<u8>,
    /// Whether a stretch of scenarios is open.
    is_in_stretch: &'b mut bool,
    /// Where the current heading begins in `out`.
    heading_start: usize,
    /// For each open link, whether it is written.
    links: Vec<bool>,
    table: Table,
    /// The picture whose description is read.
    image: Option<RawPicture>,
    /// A block of HTML, as far as it is read.
    html: Option<String>,
    /// A block of code, as far as it is read.
    code: Option<Code<'a>>,
    finder: &'b mut StepFinder<'a>,
    numbers: LineNumbers<'a>,
}

/// A block of code.
struct Code<'a> {
    /// What its fence says, if it has one.
    attributes: Option<Attributes>,
    text: String,
    /// Its lines, if they are steps.
    lines: Vec<WrittenLine<'a>>,
}

impl<'a> Writer<'a, '_, '_, '_> {
    fn part(&mut self, part: &'a TextPart) {
        for (event, range) in events(part) {
            if let Some(image) = &mut self.image {
                match event {
                    Event::Text(text) | Event::Code(text) => image.alt.push_str(&text),
                    Event::SoftBreak | Event::HardBreak => image.alt.push(' '),
                    Event::End(TagEnd::Image) => {
                        if let Some(image) = self.image.take() {
                            self.page.picture(&mut self.out.text, &image);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match event {
                Event::Start(tag) => self.start(tag),
                Event::End(tag) => self.end(tag),
                Event::Html(html) => {
                    if let Some(block) = &mut self.html {
                        block.push_str(&html);
                    }
                }
                Event::Text(text) if let Some(code) = &mut self.code => {
                    if code.attributes.as_ref().is_some_and(|attributes| attributes.is("scenario")) {
                        self.numbers.add(&mut code.lines, range);
                    } else {
                        code.text.push_str(&text);
                    }
                }
                Event::InlineHtml(html) => {
                    // In a table, only what stands inside a paragraph can stand in a cell.
                    self.cleaner.clean(&html, self.depth, true, self.page, &mut self.out.text);
                }
                _ if self.cleaner.is_dropping() => {}
                Event::Text(text) => escape(&mut self.out.text, &text),
                Event::Code(code) => self.out.push_str(&format!("<code>{}</code>", Escaped(&code))),
                Event::SoftBreak => self.out.push_str("\n"),
                Event::HardBreak => self.out.push_str("<br>\n"),
                Event::Rule => self.out.push_str("<hr>\n"),
                Event::TaskListMarker(is_done) => self.out.push_str(if is_done {
                    "<input type=\"checkbox\" disabled checked aria-label=\"done\"> "
                } else {
                    "<input type=\"checkbox\" disabled aria-label=\"to do\"> "
                }),
                // Extensions that are off.
                Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
            }
        }
        self.cleaner.close(&mut self.out.text);
        self.close_section();
    }

    fn start(&mut self, tag: Tag<'_>) {
        match &tag {
            Tag::HtmlBlock => {
                self.html = Some(String::new());
                return;
            }
            Tag::Heading { .. } => self.begin_heading(),
            _ => {}
        }
        self.depth += 1;
        let html = match tag {
            Tag::Paragraph => "<p>",
            Tag::Heading { classes, .. } => return self.heading(&classes),
            Tag::BlockQuote(None) => "<blockquote>\n",
            Tag::BlockQuote(Some(kind)) => {
                let name = match kind {
                    BlockQuoteKind::Note => "Note",
                    BlockQuoteKind::Tip => "Tip",
                    BlockQuoteKind::Important => "Important",
                    BlockQuoteKind::Warning => "Warning",
                    BlockQuoteKind::Caution => "Caution",
                };
                self.out.push_str(&format!("<blockquote class=\"alert\">\n<p><strong>{name}</strong></p>\n"));
                return;
            }
            Tag::CodeBlock(kind) => {
                let attributes = match kind {
                    CodeBlockKind::Fenced(info) => Some(Attributes::parse(&info)),
                    CodeBlockKind::Indented => None,
                };
                self.code = Some(Code { attributes, text: String::new(), lines: Vec::new() });
                return;
            }
            Tag::List(None) => "<ul>\n",
            Tag::List(Some(1)) => "<ol>\n",
            Tag::List(Some(first)) => {
                self.out.push_str(&format!("<ol start=\"{first}\">\n"));
                return;
            }
            Tag::Item => "<li>",
            Tag::Table(alignments) => {
                self.table = Table { alignments, ..Table::default() };
                "<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>"
            }
            Tag::TableHead => {
                self.table.is_head = true;
                self.table.column = 0;
                "<thead><tr>"
            }
            Tag::TableRow => {
                self.table.column = 0;
                "<tr>"
            }
            Tag::TableCell => return self.cell(),
            Tag::Emphasis => "<em>",
            Tag::Strong => "<strong>",
            Tag::Strikethrough => "<del>",
            Tag::Link { link_type, dest_url, title, .. } => return self.link(link_type, &dest_url, &title),
            Tag::Image { dest_url, title, .. } => {
                // The End of it is consumed with its description.
                self.depth -= 1;
                self.image = Some(RawPicture {
                    address: dest_url.into_string(),
                    title: title.into_string(),
                    ..RawPicture::default()
                });
                return;
            }
            // Extensions that are off.
            _ => "",
        };
        self.out.push_str(html);
    }

    fn end(&mut self, tag: TagEnd) {
        if tag == TagEnd::HtmlBlock {
            if let Some(html) = self.html.take() {
                self.cleaner.clean(&html, self.depth, false, self.page, &mut self.out.text);
                self.cleaner.end_block(self.depth, &mut self.out.text);
            }
            return;
        }
        self.depth -= 1;
        self.cleaner.leave(self.depth, &mut self.out.text);
        let html = match tag {
            TagEnd::Paragraph => "</p>\n",
            TagEnd::Heading(_) => return self.end_heading(),
            TagEnd::BlockQuote(_) => "</blockquote>\n",
            TagEnd::CodeBlock => return self.end_code(),
            TagEnd::List(true) => "</ol>\n",
            TagEnd::List(false) => "</ul>\n",
            TagEnd::Item => "</li>\n",
            TagEnd::Table => "</tbody></table></div>\n",
            TagEnd::TableHead => {
                self.table.is_head = false;
                "</tr></thead><tbody>\n"
            }
            TagEnd::TableRow => "</tr>\n",
            TagEnd::TableCell if self.table.is_head => "</th>",
            TagEnd::TableCell => "</td>",
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Link if self.links.pop().unwrap_or_default() => "</a>",
            _ => "",
        };
        self.out.push_str(html);
    }

    /// Ends the section of the scenario before, and begins that of the next.
    fn begin_heading(&mut self) {
        // Nothing that is written before a heading changes any more.
        self.out.flush_if_long();
        let heading = &self.document.layout.headings[*self.headings];
        if !heading.is_outermost {
            return;
        }
        if self.section.is_some_and(|level| heading.level <= level) || heading.scenario.is_some() {
            self.cleaner.close(&mut self.out.text);
            self.close_section();
        }
        if let Some(scenario) = heading.scenario {
            self.section = Some(heading.level);
            if self.document.layout.begins_stretch(scenario) {
                let end = if std::mem::replace(self.is_in_stretch, true) { "</div>\n" } else { "" };
                self.out.push_str(&format!("{end}<div class=\"stretch\">\n"));
            }
            let labels = self.document.layout.scenario(scenario).labels.join(" ");
            let runs = self.document.layout.runs(self.document.layout.scenario(scenario));
            let state = self.document.view.map(|view| results::shown_state(view, runs));
            let state = state.map(|state| state.map_or("not-run", results::state_name));
            let state = state.map_or_else(String::new, |state| format!(" data-state=\"{state}\""));
            self.out.push_str("<section class=\"scenario\"");
            // As a landmark it would be one of thousands in a long document.
            if !self.document.layout.is_long() {
                self.out.push_str(&format!(" aria-labelledby=\"{}\"", Escaped(&heading.anchor)));
            }
            if !labels.is_empty() {
                self.out.push_str(&format!(" data-labels=\"{}\"", Escaped(&labels)));
            }
            self.out.push_str(&format!("{state}>\n"));
        }
    }

    fn close_section(&mut self) {
        if self.section.take().is_some() {
            self.out.push_str("</section>\n");
        }
    }

    fn heading(&mut self, classes: &[CowStr<'_>]) {
        let heading = &self.document.layout.headings[*self.headings];
        let classes: Vec<&str> = classes.iter().map(|class| &**class).collect();
        let class =
            if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", Escaped(&classes.join(" "))) };
        let anchor = Escaped(&heading.anchor);
        self.heading_start = self.out.text.len();
        self.out.push_str(&format!("<div class=\"heading\"><h{} id=\"{anchor}\"{class}>", heading.level));
    }

    fn end_heading(&mut self) {
        let heading = &self.document.layout.headings[*self.headings];
        self.out.push_str(&format!("</h{}>", heading.level));
        if !self.document.layout.is_long() {
            self.out.push_str(&anchor_link(&heading.anchor, &heading.title).into_string());
        }
        self.out.push_str("</div>\n");
        if let (Some(scenario), Some(view)) = (heading.scenario, self.document.view) {
            let runs = self.document.layout.runs(self.document.layout.scenario(scenario));
            self.out.push_str(&results::scenario_state(view, runs).into_string());
        }
        if self.document.without_heading == Some(*self.headings) {
            self.out.text.truncate(self.heading_start);
        }
        *self.headings += 1;
    }

    fn end_code(&mut self) {
        let Some(Code { attributes, text, lines }) = self.code.take() else { return };
        let Some(attributes) = attributes else {
            self.out.push_str(&files::indented(&text).into_string());
            return;
        };
        let layout = self.document.layout;
        let at = *self.fences;
        *self.fences += 1;
        let markup = match layout.fences[at] {
            Fence::Steps(block) => {
                let runs = block.map_or(&[][..], |block| layout.runs(layout.scenario(block.scenario)));
                let shown = self.document.view.and_then(|view| Some((view, results::shown_run(view, runs)?)));
                scenario::steps(&step_lines(lines, self.finder), block, layout, shown)
            }
            Fence::File(file) => files::file(&layout.files[file as usize], &attributes, &text, layout),
            Fence::Other => match DiagramKind::of_block(&attributes) {
                Some(kind) => diagram::figure(kind, &text, self.document.drawings),
                None => files::block(&attributes, &text),
            },
        };
        self.out.push_str(&markup.into_string());
        self.out.push_str("\n");
        if let (Fence::Steps(Some(block)), Some(view)) = (layout.fences[at], self.document.view) {
            let scenario = layout.scenario(block.scenario);
            if scenario.last_fence as usize == at {
                self.out.push_str(&results::scenario_end(view, layout.runs(scenario)).into_string());
            }
        }
        self.out.flush_if_long();
    }

    fn cell(&mut self) {
        let class = match self.table.alignments.get(self.table.column) {
            Some(Alignment::Left) => " class=\"gr-align-left\"",
            Some(Alignment::Center) => " class=\"gr-align-center\"",
            Some(Alignment::Right) => " class=\"gr-align-right\"",
            _ => "",
        };
        self.table.column += 1;
        self.out.push_str(if self.table.is_head { "<th scope=\"col\"" } else { "<td" });
        self.out.push_str(class);
        self.out.push_str(">");
    }

    /// Returns the address of the page for a link to another document.
    fn other_page(&self, address: &str) -> Option<String> {
        let path = normal(&pictures::path(self.page.file, address)?);
        let page = self.document.others.get(&path)?;
        let anchor = address.find('#').map_or("", |at| &address[at..]);
        Some(format!("{page}{anchor}"))
    }

    fn link(&mut self, kind: LinkType, address: &str, title: &str) {
        let mail = format!("mailto:{address}");
        let address = if kind == LinkType::Email { &mail } else { address };
        let is_written = target(address) != Target::Refused && !self.cleaner.is_in_link();
        self.links.push(is_written);
        if !is_written {
            return;
        }
        let file = address.strip_prefix('#').filter(|name| !self.page.anchors.has(name));
        let file = file.and_then(|name| self.document.layout.file(name));
        let address = match file {
            Some(file) => format!("#{}", file.anchor),
            None => self.other_page(address).unwrap_or_else(|| address.to_owned()),
        };
        self.out.push_str(&format!("<a href=\"{}\"", Escaped(&address)));
        if !title.is_empty() {
            self.out.push_str(&format!(" title=\"{}\"", Escaped(title)));
        }
        self.out.push_str(">");
    }
}

/// Returns the addresses of the documents' pages, by the paths of their files.
pub(crate) fn addresses<'a>(outline: &Outline, pages: &'a [String]) -> HashMap<String, &'a str> {
    let mut addresses = HashMap::new();
    for (document, page) in outline.documents.iter().zip(pages) {
        let parts = document.text.iter().flat_map(|text| &text.parts).map(|part| &*part.location.file);
        for path in parts.chain([document.path.as_str()]) {
            addresses.entry(normal(path)).or_insert(page.as_str());
        }
    }
    addresses
}

/// Returns a path without `.` and `..`, as far as it can be without.
fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "." => {}
            "" if !names.is_empty() => {}
            ".." if names.last().is_some_and(|last| !["", ".."].contains(last)) => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Returns the pictures that the text of a document names by paths, each once.
pub fn pictures(text: &DocumentText) -> Vec<NamedPicture> {
    let mut found: Vec<NamedPicture> = Vec::new();
    for (index, part) in text.parts.iter().enumerate() {
        let mut html = String::new();
        for (event, range) in events(part) {
            let addresses = match event {
                Event::Start(Tag::Image { dest_url, .. }) => vec![dest_url.into_string()],
                Event::InlineHtml(piece) => raw::pictures(&piece),
                Event::Html(piece) => {
                    html.push_str(&piece);
                    continue;
                }
                Event::End(TagEnd::HtmlBlock) => raw::pictures(&std::mem::take(&mut html)),
                _ => continue,
            };
            for written in addresses {
                let path = pictures::path(&part.location.file, &written);
                if let Some(path) = path.filter(|path| !found.iter().any(|known| known.path == *path)) {
                    found.push(NamedPicture { path, written, part: index, range: range.clone() });
                }
            }
        }
    }
    found
}
