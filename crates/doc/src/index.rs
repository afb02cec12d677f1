//! Which bindings a step can match at all: a prefilter, so that a step is not tried against every regex.
//!
//! Of each pattern one piece of text is chosen that every matching step must contain, the rarest among the patterns; one pass
//! over the step finds all pieces in it. A pattern without such a piece is tried always.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use crate::binding::Bound;

/// The index over the bindings of one document.
#[derive(Debug)]
pub(crate) struct Index {
    finder: Option<AhoCorasick>,
    /// For each piece, the bindings that need it.
    bindings: Vec<Vec<u32>>,
    /// Bindings without a piece.
    always: Vec<u32>,
    count: u32,
}

impl Index {
    pub(crate) fn new(bindings: &[Bound]) -> Self {
        let mut shared: HashMap<&str, u32> = HashMap::new();
        for bound in bindings {
            for literal in &bound.pattern.literals {
                *shared.entry(literal).or_default() += 1;
            }
        }
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut pieces: Vec<&str> = Vec::new();
        let mut needing: Vec<Vec<u32>> = Vec::new();
        let mut always = Vec::new();
        for (index, bound) in (0_u32..).zip(bindings) {
            let literals = bound.pattern.literals.iter().map(String::as_str);
            let rarest = literals.min_by_key(|literal| (shared[literal], std::cmp::Reverse(literal.len())));
            let Some(rarest) = rarest else {
                always.push(index);
                continue;
            };
            let number = *numbers.entry(rarest).or_insert_with(|| {
                pieces.push(rarest);
                needing.push(Vec::new());
                pieces.len() - 1
            });
            needing[number].push(index);
        }
        let finder =
            AhoCorasickBuilder::new().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&pieces).ok();
        let count = u32::try_from(bindings.len()).unwrap_or(u32::MAX);
        Self { finder, bindings: needing, always, count }
    }

    /// All bindings that `step` may match, in order, into `scratch.found`.
    pub(crate) fn candidates(&self, step: &str, scratch: &mut Scratch) {
        scratch.found.clear();
        // The long s and the Kelvin sign are other cases of ASCII letters, which the finder does not know.
        let finder = self.finder.as_ref().filter(|_| step.is_ascii() || !step.contains(['\u{17f}', '\u{212a}']));
        let Some(finder) = finder else {
            scratch.found.extend(0..self.count);
            return;
        };
        scratch.found.extend_from_slice(&self.always);
        scratch.round += 1;
        scratch.seen.resize(self.bindings.len(), 0);
        for found in finder.find_overlapping_iter(step) {
            let piece = found.pattern().as_usize();
            // A piece such as a blank occurs many times in a step; its bindings are taken once.
            if std::mem::replace(&mut scratch.seen[piece], scratch.round) != scratch.round {
                scratch.found.extend_from_slice(&self.bindings[piece]);
            }
        }
        scratch.found.sort_unstable();
    }
}

/// Memory that a search reuses. Belongs to one index.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The candidates of the last search.
    pub(crate) found: Vec<u32>,
    seen: Vec<u64>,
    round: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources};

    fn candidates(bindings: &str, step: &str) -> Vec<u32> {
        let mut sources = Sources::default();
        let id = sources.add(SourceFile::new("b.yaml", bindings));
        let library = crate::binding::read(id, &sources, &mut Vec::new());
        let mut scratch = Scratch::default();
        let index = Index::new(&library.bindings);
        index.candidates(step, &mut scratch);
        index.candidates(step, &mut scratch);
        scratch.found
    }

    #[test]
    fn the_rarest_piece_decides() {
        let bindings = "- when: daemon {x} starts\n- when: daemon {x} stops\n- when: \"{x}\"\n- when: caf\u{e9}\n";
        assert_eq!(candidates(bindings, "daemon a starts"), [0, 2]);
        assert_eq!(candidates(bindings, "DAEMON a STOPS"), [1, 2]);
        assert_eq!(candidates(bindings, "CAF\u{c9}"), [2, 3]);
        assert_eq!(candidates(bindings, "nothing"), [2]);
        assert_eq!(candidates(bindings, "daemon a \u{17f}tops"), [0, 1, 2, 3]);
    }
}
