//! The words in front of a `then` step that repeat it: `within 5 seconds`, `for 2 seconds`.
//!
//! They are looked for only in a step that no binding matches as a whole.

use std::ops::Range;

use crate::plan::RepetitionKind;

/// Such words, with places in the step's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) kind: RepetitionKind,
    /// The number, as it is written.
    pub(crate) seconds: Range<usize>,
    /// Where the step behind them begins.
    pub(crate) rest: usize,
}

impl Prefix {
    /// Reads the prefix of a step's text.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let [word, number, unit, rest] = words(text)?;
        let kind = kind_of(&text[word])?;
        let unit = text[unit].trim_end_matches(',');
        let is_seconds = unit.eq_ignore_ascii_case("seconds") || unit.eq_ignore_ascii_case("second");
        is_seconds.then_some(Self { kind, seconds: number, rest: rest.start })
    }
}

/// Advises about a step that seems to say in another form that it is to be repeated.
pub(crate) fn advice(text: &str) -> Option<String> {
    if let Some([word, number, unit, rest]) = words(text)
        && let Some(kind) = kind_of(&text[word.clone()])
    {
        let (number, rest) = match split_unit(&text[number.clone()]) {
            Some((number, unit)) => (in_seconds(number, unit)?, &text[number_end(number, &word, text)..]),
            None => (in_seconds(&text[number], text[unit].trim_end_matches(','))?, &text[rest]),
        };
        return Some(format!("write the time in seconds: `{} {number} seconds {}`", kind.word(), shown(rest)));
    }
    if Prefix::of(&format!("{text} x")).is_some() {
        return Some("write the step that is to hold behind it".to_owned());
    }
    let (first, rest) = text.split_once(|c: char| c.is_ascii_whitespace())?;
    if ["eventually", "soon"].iter().any(|word| first.trim_end_matches(',').eq_ignore_ascii_case(word)) {
        return Some(format!("say for how long to try: `within 5 seconds {}`", shown(rest.trim_start())));
    }
    let lower = text.to_ascii_lowercase();
    let at = lower.rfind(" within ").or_else(|| lower.rfind(" for "))?;
    let tail: Vec<&str> = text[at..].split_ascii_whitespace().collect();
    let [word, number, unit] = tail[..] else { return None };
    let kind = kind_of(word)?;
    let number = in_seconds(number, unit).or_else(|| unit.starts_with("second").then(|| number.to_owned()))?;
    let step = text[..at].trim_end_matches(',');
    Some(format!("put the time in front: `{} {number} seconds {}`", kind.word(), shown(step)))
}

fn kind_of(word: &str) -> Option<RepetitionKind> {
    [RepetitionKind::Within, RepetitionKind::For].into_iter().find(|kind| word.eq_ignore_ascii_case(kind.word()))
}

/// Returns the places of the first three words and of what follows them, which is not empty.
fn words(text: &str) -> Option<[Range<usize>; 4]> {
    let mut at = 0;
    let mut word = || {
        at += text[at..].len() - text[at..].trim_ascii_start().len();
        let start = at;
        at += text[at..].find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len() - at);
        start..at
    };
    let (first, second, third, rest) = (word(), word(), word(), word());
    (!rest.is_empty()).then_some([first, second, third, rest.start..text.len()])
}

/// Splits `500ms` into number and unit.
fn split_unit(word: &str) -> Option<(&str, &str)> {
    let at = word.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&at| at > 0)?;
    Some(word.split_at(at))
}

/// Returns where the step begins behind a number that has its unit in the same word.
fn number_end(number: &str, word: &Range<usize>, text: &str) -> usize {
    let at = text[word.end..].find(number).map_or(text.len(), |at| word.end + at);
    let end = text[at..].find(|c: char| c.is_ascii_whitespace()).map_or(text.len(), |end| at + end);
    text.len() - text[end..].trim_ascii_start().len()
}

/// Converts a number of another unit to seconds.
fn in_seconds(number: &str, unit: &str) -> Option<String> {
    let factor = match unit.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
    let seconds = format!("{:.3}", number * factor);
    Some(seconds.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Shortens a step for a message.
fn shown(step: &str) -> String {
    let step = step.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    if step.chars().count() <= 60 { step } else { format!("{}…", step.chars().take(60).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read() {
        let read = |text: &str| {
            Prefix::of(text)
                .map(|prefix| format!("{:?} {}|{}", prefix.kind, &text[prefix.seconds], &text[prefix.rest..]))
        };
        for (text, want) in [
            ("within 5 seconds file x exists", Some("Within 5|file x exists")),
            ("Within  0.5\tSeconds   file  x", Some("Within 0.5|file  x")),
            ("within 1 second, x", Some("Within 1|x")),
            ("for 2 seconds x", Some("For 2|x")),
            ("within ${N} seconds x", Some("Within ${N}|x")),
            ("within ten seconds x", Some("Within ten|x")),
            ("within 5 seconds", None),
            ("within 5 minutes x", None),
            ("within reach of x", None),
            ("file x exists within 5 seconds", None),
            ("", None),
            ("für 2 seconds x", None),
        ] {
            assert_eq!(read(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn other_forms_get_advice() {
        for (text, want) in [
            ("within 2 minutes a file exists", Some("write the time in seconds: `within 120 seconds a file exists`")),
            ("within 500 ms x", Some("write the time in seconds: `within 0.5 seconds x`")),
            ("within 500ms file x exists", Some("write the time in seconds: `within 0.5 seconds file x exists`")),
            ("for 3s file x exists", Some("write the time in seconds: `for 3 seconds file x exists`")),
            ("eventually x exists", Some("say for how long to try: `within 5 seconds x exists`")),
            ("x exists, within 5 seconds", Some("put the time in front: `within 5 seconds x exists`")),
            ("x exists for 2 seconds", Some("put the time in front: `for 2 seconds x exists`")),
            ("x exists within 2 min", Some("put the time in front: `within 120 seconds x exists`")),
            ("within 5 seconds", Some("write the step that is to hold behind it")),
            ("x exists within reason", None),
            ("within nan minutes x", None),
            ("within é x y", None),
        ] {
            assert_eq!(advice(text).as_deref(), want, "{text}");
        }
    }
}
