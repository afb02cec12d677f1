//! "Did you mean": nearest words, and nearest bindings for a step that matches none.

/// The known word nearest to a written one, if it is near enough to be a slip: a swapped or wrong letter or two, or only the case.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let length = written.chars().count();
    // Comparing costs the product of the lengths; nobody mistypes a page.
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

/// `did you mean ...?` as help, when something is near.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|word| format!("did you mean `{word}`?"))
}

/// Words of a step or a pattern beyond this many are not compared.
const MAX_WORDS: usize = 48;

/// The words of a pattern for comparing; captures are `None` and stand for anything.
pub(crate) fn pattern_words(pattern: &str) -> Vec<Option<String>> {
    let mut plain = String::with_capacity(pattern.len());
    let mut depth = 0_u32;
    // Groups and braces become one mark each; what else regexes have in them is noise that costs a little likeness.
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
        .map(|word| if word.contains('\0') { None } else { Some(word.to_lowercase()) })
        .collect()
}

/// The words of a step for comparing.
pub(crate) fn step_words(step: &str) -> Vec<String> {
    step.split_ascii_whitespace().take(MAX_WORDS).map(str::to_lowercase).collect()
}

/// How alike, from 0 to 1000: the longest common run of words in order, slips of a letter or two counted nearly full.
pub(crate) fn likeness(step: &[String], pattern: &[Option<String>]) -> u32 {
    if step.is_empty() || pattern.is_empty() {
        return 0;
    }
    let mut row = vec![0_u32; pattern.len() + 1];
    for word in step {
        let mut diagonal = 0;
        for (at, want) in pattern.iter().enumerate() {
            let score = match want {
                // A capture fits anything, but is no reason to think of this binding.
                None => 40,
                Some(want) => word_likeness(word, want),
            };
            let best = (diagonal + score).max(row[at + 1]).max(row[at]);
            diagonal = row[at + 1];
            row[at + 1] = best;
        }
    }
    let total = u32::try_from(step.len() + pattern.len()).unwrap_or(u32::MAX);
    row[pattern.len()] * 20 / total
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
    fn slips_are_seen_through() {
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
        assert_eq!(pattern_words("a (?P<x>[^)]+) {y} c$").len(), 4);
    }
}
