//! Attributes after the fence of a code block: `scenario`, `{.scenario label=x}`, `{#name .file}`.

/// The attributes of a fenced block.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// `#id`, the first one.
    pub id: Option<String>,
    /// Classes, with and without dot, in order.
    pub classes: Vec<String>,
    /// `key=value`, in order; values without their quotes.
    pub pairs: Vec<(String, String)>,
    /// Words outside braces that are not attributes.
    pub other_words: Vec<String>,
    /// What is wrong in them, in words.
    pub mistakes: Vec<String>,
}

impl Attributes {
    /// Parses an info string.
    ///
    /// Without braces, the first word is the class. Other words count if they look like attributes:
    /// renderers put all kinds of remarks there.
    pub fn parse(info: &str) -> Self {
        let mut attributes = Self::default();
        let info = info.trim();
        let (outside, inside) = match info.find('{') {
            Some(at) => (&info[..at], Some(&info[at + 1..])),
            None => (info, None),
        };
        for (index, word) in words(outside).into_iter().enumerate() {
            let marked = word.starts_with(['#', '.']) || word.contains('=');
            if index == 0 || marked {
                attributes.take(word);
            } else {
                attributes.other_words.push(word.to_owned());
            }
        }
        if let Some(inside) = inside {
            let inside = inside.trim_end();
            let closed = inside.strip_suffix('}');
            if closed.is_none() {
                attributes.mistakes.push("the closing `}` of these attributes is missing".to_owned());
            }
            for word in words(closed.unwrap_or(inside)) {
                attributes.take(word);
            }
        }
        attributes
    }

    fn take(&mut self, word: &str) {
        if let Some(id) = word.strip_prefix('#') {
            if id.is_empty() {
                self.mistakes.push("this `#` has no name".to_owned());
            } else if self.id.is_some() {
                self.mistakes.push(format!("this block has a second name, `#{id}`"));
            } else {
                self.id = Some(id.to_owned());
            }
        } else if let Some(class) = word.strip_prefix('.').filter(|class| !class.is_empty()) {
            self.classes.push(class.to_owned());
        } else if let Some((key, value)) = word.split_once('=') {
            let value = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let rest = &value[1..];
                    rest.strip_suffix(quote).unwrap_or_else(|| {
                        self.mistakes.push(format!("the quote after `{key}=` is never closed"));
                        rest
                    })
                }
                _ => value,
            };
            self.pairs.push((key.to_owned(), value.to_owned()));
        } else {
            self.classes.push(word.to_owned());
        }
    }

    /// Whether the block has this class.
    pub fn is(&self, class: &str) -> bool {
        self.classes.iter().any(|have| have == class)
    }

    /// Returns all values of a key.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(have, _)| have == key).map(|(_, value)| value.as_str())
    }
}

/// Whether a class is `scenario` or was probably meant to be.
pub(crate) fn near_scenario(class: &str) -> bool {
    let class = class.to_lowercase();
    let is_similar =
        class.len() <= 16 && class.is_char_boundary(1) && strsim::damerau_levenshtein(&class, "scenario") <= 2;
    is_similar || (class.len() <= 64 && class.split(|c: char| !c.is_alphanumeric()).any(|part| part == "scenario"))
}

/// Whether a class is `file` or was probably meant to be.
pub(crate) fn near_file(class: &str) -> bool {
    let class = class.to_lowercase();
    class.len() <= 8 && class.starts_with('f') && strsim::damerau_levenshtein(&class, "file") <= 1
}

/// Splits at spaces, except in quoted values.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
        } else if c.is_whitespace() {
            words.extend(start.take().map(|start| &text[start..at]));
        } else {
            start = start.or(Some(at));
            if before == '=' && (c == '"' || c == '\'') {
                quote = Some(c);
            }
        }
        before = c;
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(info: &str) -> String {
        let a = Attributes::parse(info);
        let mut parts = Vec::new();
        parts.extend(a.id.map(|id| format!("#{id}")));
        parts.extend(a.classes.iter().map(|class| format!(".{class}")));
        parts.extend(a.pairs.iter().map(|(key, value)| format!("{key}=<{value}>")));
        parts.extend(a.mistakes.iter().map(|mistake| format!("!{mistake}")));
        parts.join(" ")
    }

    #[test]
    fn info_strings() {
        let cases = [
            ("", ""),
            ("scenario", ".scenario"),
            (" scenario ", ".scenario"),
            ("{.scenario}", ".scenario"),
            ("{scenario}", ".scenario"),
            ("{ .scenario label=a label=b }", ".scenario label=<a> label=<b>"),
            ("scenario {label=a}", ".scenario label=<a>"),
            ("scenario label=a", ".scenario label=<a>"),
            ("{#f.sh .file .sh .numberLines}", "#f.sh .file .sh .numberLines"),
            ("{.yaml .file #f}", "#f .yaml .file"),
            ("{#f .file add-newline=no}", "#f .file add-newline=<no>"),
            (r#"{#f .file add-newline="no" x='a b'}"#, "#f .file add-newline=<no> x=<a b>"),
            ("{x=a\"b}", "x=<a\"b>"),
            ("rust,ignore this is a remark", ".rust,ignore"),
            ("{.a\t.b}", ".a .b"),
            ("{}", ""),
            ("{.scenario", ".scenario !the closing `}` of these attributes is missing"),
            ("{#a #b .}", "#a ..  !this block has a second name, `#b`"),
            ("{#}", "!this `#` has no name"),
            ("{x=\"a b}", "x=<a b> !the quote after `x=` is never closed"),
            ("{x=\"}", "x=<> !the quote after `x=` is never closed"),
        ];
        for (info, want) in cases {
            assert_eq!(shown(info), want.replace("  ", " "), "{info}");
        }
    }
}
