//! A prefilter for bindings, so that a step is not tried against every regex.
//!
//! Each pattern has one literal that every matching step must contain: the one that the fewest
//! patterns share. A pattern without a literal is always tried. After a number of searches a finder is
//! built that finds all literals in one pass.

use std::cell::OnceCell;
use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use crate::read::binding::CompiledBinding;

/// So many searches are made without a finder, which takes longer to build than they do.
const FEW: u64 = 200;

/// The index over the bindings of one document.
#[derive(Debug)]
pub(crate) struct Index {
    /// The literals in lower case, as far as they are ASCII.
    needles: Vec<String>,
    /// For each literal, the bindings that need it.
    bindings: Vec<Vec<u32>>,
    /// Bindings without a literal.
    always: Vec<u32>,
    count: u32,
    /// Finds all literals in one pass.
    finder: OnceCell<Option<AhoCorasick>>,
}

impl Index {
    pub(crate) fn new(bindings: &[CompiledBinding]) -> Self {
        let mut shared: HashMap<&str, u32> = HashMap::new();
        for compiled in bindings {
            for literal in &compiled.pattern.literals {
                *shared.entry(literal).or_default() += 1;
            }
        }
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut needles: Vec<String> = Vec::new();
        let mut needing: Vec<Vec<u32>> = Vec::new();
        let mut always = Vec::new();
        for (index, compiled) in (0_u32..).zip(bindings) {
            let literals = compiled.pattern.literals.iter().map(String::as_str);
            let rarest = literals.min_by_key(|literal| (shared[literal], std::cmp::Reverse(literal.len())));
            let Some(rarest) = rarest else {
                always.push(index);
                continue;
            };
            let number = *numbers.entry(rarest).or_insert_with(|| {
                needles.push(rarest.to_ascii_lowercase());
                needing.push(Vec::new());
                needles.len() - 1
            });
            needing[number].push(index);
        }
        let count = u32::try_from(bindings.len()).unwrap_or(u32::MAX);
        Self { needles, bindings: needing, always, count, finder: OnceCell::new() }
    }

    /// Collects all bindings that `step` may match, in order, in `scratch.found`.
    pub(crate) fn candidates(&self, step: &str, scratch: &mut Scratch) {
        scratch.found.clear();
        // The long s and the Kelvin sign are cases of ASCII letters, which this search does not know.
        if !step.is_ascii() && step.contains(['\u{17f}', '\u{212a}']) {
            scratch.found.extend(0..self.count);
            return;
        }
        scratch.found.extend_from_slice(&self.always);
        scratch.round += 1;
        let finder = if scratch.round > FEW { self.finder.get_or_init(|| self.build()).as_ref() } else { None };
        if let Some(finder) = finder {
            scratch.seen.resize(self.bindings.len(), 0);
            for found in finder.find_overlapping_iter(step) {
                let literal = found.pattern().as_usize();
                // A literal such as a space occurs many times in a step. Its bindings are added once.
                if std::mem::replace(&mut scratch.seen[literal], scratch.round) != scratch.round {
                    scratch.found.extend_from_slice(&self.bindings[literal]);
                }
            }
        } else {
            let lower = step.to_ascii_lowercase();
            let needed = self.needles.iter().zip(&self.bindings).filter(|(needle, _)| lower.contains(needle.as_str()));
            scratch.found.extend(needed.flat_map(|(_, bindings)| bindings));
        }
        scratch.found.sort_unstable();
    }

    fn build(&self) -> Option<AhoCorasick> {
        let mut builder = AhoCorasickBuilder::new();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&self.needles).ok()
    }
}

/// Buffers that searches in one index reuse.
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
        let library = crate::read::binding::read(id, &sources, &mut Vec::new());
        let mut scratch = Scratch::default();
        let index = Index::new(&library.bindings);
        index.candidates(step, &mut scratch);
        let found = scratch.found.clone();
        scratch.round = FEW;
        index.candidates(step, &mut scratch);
        assert_eq!(found, scratch.found, "with a finder");
        found
    }

    #[test]
    fn the_rarest_literal_decides() {
        let bindings = "- when: daemon {x} starts\n- when: daemon {x} stops\n- when: \"{x}\"\n- when: caf\u{e9}\n";
        assert_eq!(candidates(bindings, "daemon a starts"), [0, 2]);
        assert_eq!(candidates(bindings, "DAEMON a STOPS"), [1, 2]);
        assert_eq!(candidates(bindings, "CAF\u{c9}"), [2, 3]);
        assert_eq!(candidates(bindings, "nothing"), [2]);
        assert_eq!(candidates(bindings, "daemon a \u{17f}tops"), [0, 1, 2, 3]);
    }
}
