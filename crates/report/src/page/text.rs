//! Text that is not ours, as HTML: names from documents, messages, output of processes.
//!
//! Whatever it holds, it stays text: characters with a meaning in HTML are escaped, and hidden
//! ones (control characters, bytes outside of UTF-8, characters that turn the direction of text)
//! become visible, in a span of class `c`. Colours of terminals become classes: [`Screen`].

use std::fmt::Write as _;

use anstyle::Effects;
use anstyle_parse::{AsciiParser, Params, Parser, Perform};
use maud::{Markup, PreEscaped, html};

use crate::words;

/// Bytes after which an escape sequence without an end is not taken as one.
const LONGEST_SEQUENCE: usize = 64;

/// Returns a text in one line; line breaks are visible, too.
pub fn line(text: &str) -> Markup {
    let mut html = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push(&mut html, c, words::is_hidden(c)));
    PreEscaped(html)
}

/// Returns a text in one line, with what is between backticks as code.
pub fn prose(text: &str) -> Markup {
    let mut parts: Vec<&str> = text.split('`').collect();
    // A backtick without a partner stays as it is.
    let rest = if parts.len().is_multiple_of(2) { parts.pop() } else { None };
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 1 && !part.is_empty() { code { (line(part)) } }
            @else if index % 2 == 1 { "``" }
            @else { (line(part)) }
        }
        @if let Some(rest) = rest { "`" (line(rest)) }
    }
}

/// Returns a text whose line breaks and tabs are kept.
pub fn lines(text: &str) -> Markup {
    let mut html = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push(&mut html, c, c != '\n' && c != '\t' && words::is_hidden(c));
    }
    PreEscaped(html)
}

/// Adds a character, escaped for HTML; a hidden one as its escape.
fn push(html: &mut String, c: char, is_hidden: bool) {
    match c {
        c if is_hidden => {
            let _ = write!(html, r#"<span class="c">{}</span>"#, words::escape(c.encode_utf8(&mut [0; 4])));
        }
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '&' => html.push_str("&amp;"),
        '"' => html.push_str("&quot;"),
        c => html.push(c),
    }
}

/// A terminal that shows lines, one after another, and remembers the colours.
///
/// It knows colours and other styles only; any other sequence is shown, except those that erase
/// the rest of a line, which many programs write behind each colour.
#[derive(Debug, Default)]
pub struct Screen {
    look: Look,
}

impl Screen {
    /// Returns a line, without its line break, cut after so many characters.
    pub fn line(&mut self, text: &str, most: usize) -> Markup {
        let mut html = String::with_capacity(text.len() + 16);
        let mut is_open = self.open(&mut html);
        let mut shown = 0;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if shown >= most {
                let left = words::count(rest.chars().count(), "character");
                let _ = write!(html, r#"<span class="cut">… ({left} more)</span>"#);
                break;
            }
            let sequence = if c == '\x1b' { sequence(rest) } else { None };
            if let Some(sequence) = sequence {
                if let Action::Style(changes) = sequence.action {
                    for change in changes {
                        self.look.apply(change);
                    }
                    close(&mut html, is_open);
                    is_open = self.open(&mut html);
                }
                rest = &rest[sequence.length..];
                continue;
            }
            push(&mut html, c, c != '\t' && words::is_hidden(c));
            shown += 1;
            rest = &rest[c.len_utf8()..];
        }
        close(&mut html, is_open);
        PreEscaped(html)
    }

    /// Opens a span for the current look, unless that is the usual one.
    fn open(&self, html: &mut String) -> bool {
        let classes = self.look.classes();
        if classes.is_empty() {
            return false;
        }
        let _ = write!(html, r#"<span class="{classes}">"#);
        true
    }
}

fn close(html: &mut String, is_open: bool) {
    html.push_str(if is_open { "</span>" } else { "" });
}

/// How a terminal shows text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    foreground: Option<u8>,
    background: Option<u8>,
    effects: Effects,
}

/// A change of the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Reset,
    Add(Effects),
    Remove(Effects),
    Foreground(Option<u8>),
    Background(Option<u8>),
}

/// The effects that are shown, and their classes.
const EFFECTS: [(Effects, &str); 5] = [
    (Effects::BOLD, "ab"),
    (Effects::DIMMED, "ad"),
    (Effects::ITALIC, "at"),
    (Effects::UNDERLINE, "au"),
    (Effects::STRIKETHROUGH, "as"),
];

impl Look {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Reset => *self = Self::default(),
            Change::Add(effects) => self.effects = self.effects.insert(effects),
            Change::Remove(effects) => self.effects = self.effects.remove(effects),
            Change::Foreground(colour) => self.foreground = colour,
            Change::Background(colour) => self.background = colour,
        }
    }

    /// Returns the classes: `f1 ab` for bold red.
    fn classes(self) -> String {
        let mut classes = Vec::new();
        if self.effects.contains(Effects::INVERT) {
            classes.push("ai".to_owned());
        } else {
            classes.extend(self.foreground.map(|colour| format!("f{colour}")));
            classes.extend(self.background.map(|colour| format!("b{colour}")));
        }
        let effects = EFFECTS.into_iter().filter(|(effect, _)| self.effects.contains(*effect));
        classes.extend(effects.map(|(_, class)| class.to_owned()));
        classes.join(" ")
    }
}

/// An escape sequence at the start of a text.
struct Sequence {
    length: usize,
    action: Action,
}

/// What a sequence does, as far as it is known here.
enum Action {
    /// It changes the look of what follows.
    Style(Vec<Change>),
    /// It erases the rest of the line, where nothing is yet.
    EraseLine,
}

/// Returns the sequence that a text begins with, if it is one that is not to be shown.
fn sequence(text: &str) -> Option<Sequence> {
    let mut parser = Parser::<AsciiParser>::new();
    let mut listener = Listener::default();
    for (at, byte) in text.bytes().enumerate().take(LONGEST_SEQUENCE) {
        parser.advance(&mut listener, byte);
        if listener.is_over {
            return listener.action.map(|action| Sequence { length: at + 1, action });
        }
    }
    None
}

/// Takes the first thing that the parser recognizes.
#[derive(Default)]
struct Listener {
    is_over: bool,
    action: Option<Action>,
}

impl Perform for Listener {
    fn print(&mut self, _: char) {
        self.is_over = true;
    }

    fn execute(&mut self, _: u8) {
        self.is_over = true;
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, _: u8) {
        self.is_over = true;
    }

    fn osc_dispatch(&mut self, _: &[&[u8]], _: bool) {
        self.is_over = true;
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, _: u8) {
        self.is_over = true;
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], is_odd: bool, action: u8) {
        self.is_over = true;
        let first = params.iter().next().and_then(|param| param.first()).copied().unwrap_or(0);
        self.action = match action {
            _ if is_odd || !intermediates.is_empty() => None,
            b'm' => Some(Action::Style(changes(params))),
            b'K' if first == 0 => Some(Action::EraseLine),
            _ => None,
        };
    }
}

/// Returns what the parameters of a sequence for styles ask for. Unknown ones do nothing.
fn changes(params: &Params) -> Vec<Change> {
    let params: Vec<&[u16]> = params.iter().collect();
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(param) = params.get(at) {
        at += 1;
        let change = match param.first().copied().unwrap_or(0) {
            0 => Change::Reset,
            1 => Change::Add(Effects::BOLD),
            2 => Change::Add(Effects::DIMMED),
            3 => Change::Add(Effects::ITALIC),
            4 if param.get(1) == Some(&0) => Change::Remove(Effects::UNDERLINE),
            4 => Change::Add(Effects::UNDERLINE),
            7 => Change::Add(Effects::INVERT),
            9 => Change::Add(Effects::STRIKETHROUGH),
            22 => Change::Remove(Effects::BOLD.insert(Effects::DIMMED)),
            23 => Change::Remove(Effects::ITALIC),
            24 => Change::Remove(Effects::UNDERLINE),
            27 => Change::Remove(Effects::INVERT),
            29 => Change::Remove(Effects::STRIKETHROUGH),
            colour @ 30..=37 => Change::Foreground(palette(colour - 30)),
            39 => Change::Foreground(None),
            colour @ 40..=47 => Change::Background(palette(colour - 40)),
            49 => Change::Background(None),
            colour @ 90..=97 => Change::Foreground(palette(colour - 90 + 8)),
            colour @ 100..=107 => Change::Background(palette(colour - 100 + 8)),
            kind @ (38 | 48) => {
                let rest: Vec<u16> = if param.len() > 1 {
                    param[1..].to_vec()
                } else {
                    params[at..].iter().map(|param| param.first().copied().unwrap_or(0)).collect()
                };
                let (colour, taken) = extended(&rest);
                at += if param.len() > 1 { 0 } else { taken };
                if kind == 38 { Change::Foreground(colour) } else { Change::Background(colour) }
            }
            _ => continue,
        };
        changes.push(change);
    }
    changes
}

fn palette(colour: u16) -> Option<u8> {
    u8::try_from(colour).ok()
}

/// Returns the colour of the palette nearest to `5;N` or `2;R;G;B`, and how many parameters it took.
fn extended(params: &[u16]) -> (Option<u8>, usize) {
    let byte = |at: usize| params.get(at).map_or(0, |value| u8::try_from(*value).unwrap_or(u8::MAX));
    match params.first() {
        Some(5) => (Some(indexed(byte(1))), 2),
        // With colons a colour space may come first.
        Some(2) if params.len() == 5 => (Some(nearest(byte(2), byte(3), byte(4))), 5),
        Some(2) => (Some(nearest(byte(1), byte(2), byte(3))), 4),
        _ => (None, 1),
    }
}

/// Returns the colour of the palette nearest to one of the 256.
fn indexed(index: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..16 => index,
        16..232 => {
            let cube = usize::from(index - 16);
            nearest(STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6])
        }
        232.. => {
            let grey = 8 + (index - 232) * 10;
            nearest(grey, grey, grey)
        }
    }
}

/// Returns the colour of the palette nearest to a mix of red, green and blue.
///
/// The page decides how the sixteen look, so that they can be read on light and on dark.
fn nearest(red: u8, green: u8, blue: u8) -> u8 {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most - least < 32 {
        return match most {
            0..64 => 0,
            64..160 => 8,
            160..224 => 7,
            224.. => 15,
        };
    }
    let middle = least + (most - least) / 2;
    let part = |value: u8, bit: u8| if value > middle { bit } else { 0 };
    part(red, 1) + part(green, 2) + part(blue, 4) + if most > 200 { 8 } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        Screen::default().line(text, usize::MAX).0
    }

    /// Removes tags and character references: what a reader sees.
    fn visible(html: &str) -> String {
        let mut text = String::new();
        let mut in_tag = false;
        for c in html.chars() {
            match c {
                '<' => in_tag = true,
                '>' if in_tag => in_tag = false,
                c if !in_tag => text.push(c),
                _ => {}
            }
        }
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    }

    /// Checks that the only tags are spans of known form, each closed in its turn.
    fn assert_only_spans(html: &str) {
        let mut open = 0;
        for part in html.split('<').skip(1) {
            let (tag, _) = part.split_once('>').unwrap();
            match tag {
                "/span" => open -= 1,
                tag => {
                    let class = tag.strip_prefix("span class=\"").and_then(|tag| tag.strip_suffix('"')).unwrap();
                    assert!(class.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '), "{html}");
                    open += 1;
                }
            }
            assert!(open >= 0, "{html}");
        }
        assert_eq!(open, 0, "{html}");
    }

    #[test]
    fn markup_in_text_is_text() {
        assert_eq!(line("</script><b a=\"1\">&amp;").0, "&lt;/script&gt;&lt;b a=&quot;1&quot;&gt;&amp;amp;");
        assert_eq!(shown("<!--"), "&lt;!--");
    }

    #[test]
    fn hidden_characters_are_visible() {
        let raw = greenroom_event::text_of(b"a\xff");
        assert_eq!(line(&raw).0, r#"a<span class="c">\xff</span>"#);
        assert_eq!(line("\u{202e}\n").0, r#"<span class="c">\u{202e}</span><span class="c">\n</span>"#);
        assert_eq!(lines("a\tb\n\r\n").0, "a\tb\n<span class=\"c\">\\r</span>\n");
        assert_eq!(shown("10%\r20%"), r#"10%<span class="c">\r</span>20%"#);
    }

    #[test]
    fn colours_become_classes() {
        assert_eq!(shown("\x1b[31mred\x1b[0m plain"), r#"<span class="f1">red</span> plain"#);
        assert_eq!(shown("\x1b[1;92;41mx\x1b[22;39mx"), r#"<span class="f10 b1 ab">x</span><span class="b1">x</span>"#);
        assert_eq!(shown("\x1b[7;31mx\x1b[27mx"), r#"<span class="ai">x</span><span class="f1">x</span>"#);
        assert_eq!(shown("\x1b[38;5;196mx"), r#"<span class="f9">x</span>"#);
        assert_eq!(
            shown("\x1b[38;2;0;128;0mx\x1b[48:2::0:0:255my"),
            concat!(r#"<span class="f2">x</span>"#, r#"<span class="f2 b12">y</span>"#)
        );
        assert_eq!(shown("\x1b[38;5;244;4mx"), r#"<span class="f8 au">x</span>"#);
        assert_eq!(shown("\x1b[01;31m\x1b[Kmatch\x1b[m\x1b[K"), r#"<span class="f1 ab">match</span>"#);
    }

    #[test]
    fn colours_last_until_they_change() {
        let mut screen = Screen::default();
        assert_eq!(screen.line("\x1b[32mone", 80).0, r#"<span class="f2">one</span>"#);
        assert_eq!(screen.line("two\x1b[m", 80).0, r#"<span class="f2">two</span>"#);
        assert_eq!(screen.line("three", 80).0, "three");
    }

    #[test]
    fn other_sequences_are_shown() {
        assert_eq!(visible(&shown("\x1b[2Jx")), r"\x1b[2Jx");
        assert_eq!(visible(&shown("\x1b]0;title\x07x")), r"\x1b]0;title\x07x");
        assert_eq!(visible(&shown("\x1b[?25l")), r"\x1b[?25l");
        assert_eq!(visible(&shown("\x1b[31")), r"\x1b[31");
        assert_eq!(visible(&shown("\x1b")), r"\x1b");
        assert_eq!(visible(&shown("\x1b[3\x001m")), r"\x1b[3\01m");
        assert_eq!(visible(&shown("\u{9b}31m")), r"\u{9b}31m");
    }

    #[test]
    fn a_long_line_is_cut_visibly() {
        let html = Screen::default().line(&"<".repeat(1_000_000), 3).0;
        assert_eq!(html, r#"&lt;&lt;&lt;<span class="cut">… (999997 characters more)</span>"#);
        assert_eq!(Screen::default().line("abc", 3).0, "abc");
    }

    /// Text with many characters that matter here.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(|c| c.to_string()),
            "[<>&\"';a-z/!-]{1,8}",
            prop::sample::select(vec![
                "\x1b[",
                "\x1b",
                "31m",
                ";",
                "0m",
                "38;5;",
                "K",
                "\x07",
                "\r",
                "\n",
                "\t",
                "\u{202e}",
                "</script>",
                "-->",
                "]]>",
                "\x1b[31m",
                "\x1b[1;4m",
                "\x1b[m",
                "\x1b]8;;",
                "\u{10ffff}",
                "\0",
                "&lt;",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn text_stays_text(text in hostile()) {
            for html in [line(&text).0, lines(&text).0, shown(&text)] {
                assert_only_spans(&html);
                let without_breaks = html.replace(['\n', '\t'], "");
                prop_assert!(!without_breaks.contains(words::is_hidden), "{html:?}");
            }
        }

        #[test]
        fn a_reader_sees_the_whole_text(text in hostile()) {
            prop_assert_eq!(visible(&line(&text).0), words::escape(&text));
            let kept: String = text
                .chars()
                .map(|c| match c {
                    '\n' | '\t' => c.to_string(),
                    _ => words::escape(&c.to_string()).into_owned(),
                })
                .collect();
            prop_assert_eq!(visible(&lines(&text).0), kept);
        }

        #[test]
        fn output_without_escapes_is_shown_whole(text in hostile()) {
            let text = text.replace(['\x1b', '\n', '\t'], "");
            prop_assert_eq!(visible(&shown(&text)), words::escape(&text));
        }

        #[test]
        fn nothing_but_styles_is_left_out(
            before in "[a-z<&]{0,9}",
            numbers in "[0-9;]{0,20}",
            after in "[a-z<&]{0,9}",
        ) {
            let html = shown(&format!("{before}\x1b[{numbers}m{after}"));
            prop_assert_eq!(visible(&html), format!("{before}{after}"));
        }
    }
}
