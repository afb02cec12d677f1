//! "Did you mean": the nearest word, and how alike a step and a pattern are.

/// Returns the known word that a written one was probably meant to be.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let length = written.chars().count();
    // Comparing costs the product of the lengths, and a typing error is not a page long.
    if length > 200 {
        return None;
    }
    let allowed = match length {
        0..=2 => 1,
        3..=7 => 2,
        _ => length / 3,
    };
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(written.len()) <= allowed * 4)
        .map(|word| (strsim::damerau_levenshtein(&written, &word.to_lowercase()), word))
        .filter(|&(distance, word)| distance <= allowed && distance < word.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word)
}

/// Returns `did you mean ...?` for the nearest known word, if there is one.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|word| format!("did you mean `{word}`?"))
}

/// At most so many words of a step or pattern are compared.
const MAX_WORDS: usize = 48;

/// Returns the words of a pattern for comparison. Captures are `None`: they fit any word.
pub(crate) fn pattern_words(pattern: &str) -> Vec<Option<String>> {
    let mut plain = String::with_capacity(pattern.len());
    let mut depth = 0_u32;
    // Groups and braces become one mark each. Other regex syntax is noise that costs a little
    // likeness.
    for c in pattern.chars() {
        match c {
            '{' | '(' => {
                if depth == 0 {
                    plain.push('\0');
                }
                depth += 1;
            }
            '}' | ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '\\' | '^' | '$' | '?' => {}
            c => plain.push(c),
        }
    }
    plain
        .split_ascii_whitespace()
        .take(MAX_WORDS)
        .flat_map(|word| match word {
            word if word.contains('\0') => vec![None],
            word => in_full(word).map(Some).collect(),
        })
        .collect()
}

/// Returns the words of a step for comparison.
pub(crate) fn step_words(step: &str) -> Vec<String> {
    step.split_ascii_whitespace().take(MAX_WORDS).flat_map(in_full).collect()
}

/// Returns a word in lower case; `doesn't` is two.
fn in_full(word: &str) -> impl Iterator<Item = String> {
    let word = word.to_lowercase();
    let (word, not) = match word.strip_suffix("n't") {
        Some(verb) if !verb.is_empty() => (verb.to_owned(), Some("not".to_owned())),
        _ => (word, None),
    };
    std::iter::once(word).chain(not)
}

/// Words by which a step says the opposite of one without them.
const NEGATIONS: [&str; 4] = ["not", "no", "never", "without"];

/// Rates how alike a step and a pattern are, from 0 to 1000.
///
/// It counts the longest common sequence of words; words with one or two wrong letters count nearly
/// full.
pub(crate) fn likeness(step: &[String], pattern: &[Option<String>]) -> u32 {
    if step.is_empty() || pattern.is_empty() {
        return 0;
    }
    let mut row = vec![0_u32; pattern.len() + 1];
    for word in step {
        let mut diagonal = 0;
        for (at, want) in pattern.iter().enumerate() {
            let score = match want {
                // A capture fits any word, so it says little about this binding.
                None => 40,
                Some(want) => word_likeness(word, want),
            };
            let best = (diagonal + score).max(row[at + 1]).max(row[at]);
            diagonal = row[at + 1];
            row[at + 1] = best;
        }
    }
    let total = u32::try_from(step.len() + pattern.len()).unwrap_or(u32::MAX);
    let likeness = row[pattern.len()] * 20 / total;
    let negates = |word: &str| NEGATIONS.contains(&word);
    // What says the opposite is not what was meant.
    let is_opposite = step.iter().any(|word| negates(word)) != pattern.iter().flatten().any(|word| negates(word));
    if is_opposite { likeness * 4 / 5 } else { likeness }
}

fn word_likeness(word: &str, want: &str) -> u32 {
    if word == want {
        return 100;
    }
    let (short, long) = if word.len() < want.len() { (word, want) } else { (want, word) };
    if short.len() < 3 || long.len() > 32 || long.len() - short.len() > 2 {
        return 0;
    }
    match strsim::damerau_levenshtein(short, long) {
        1 => 80,
        2 if short.len() > 5 => 60,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_recognized() {
        let keywords = ["given", "when", "then", "and", "but"];
        assert_eq!(nearest("thne", keywords), Some("then"));
        assert_eq!(nearest("Givn", keywords), Some("given"));
        assert_eq!(nearest("wehn", keywords), Some("when"));
        assert_eq!(nearest("scenery", keywords), None);
        assert_eq!(nearest("x", keywords), None);
        assert_eq!(nearest(&"x".repeat(1000), keywords), None);
    }

    #[test]
    fn likeness_prefers_shared_words() {
        let step = step_words("I strat \"foo\" as a background process as x");
        let near = likeness(&step, &pattern_words("I start \"{path}{args:text}\" as a background process as {name}"));
        let far = likeness(&step, &pattern_words("daemon {name} has produced output"));
        assert!(near > 600, "{near}");
        assert!(far < 200, "{far}");
        assert_eq!(likeness(&step_words("a b"), &pattern_words("a b")), 1000);
        let step = step_words("stdout does not contain \"x\"");
        let same = likeness(&step, &pattern_words("stdout doesn't contain \"{text:text}\""));
        let opposite = likeness(&step, &pattern_words("stdout contains \"{text:text}\""));
        assert!(same > opposite + 200, "{same}, {opposite}");
        assert_eq!(pattern_words("a (?P<x>[^)]+) {y} c$").len(), 4);
    }
}
