//! Hashes of the texts of scenarios: a scenario whose hash differs was edited since it was recorded.
//!
//! The hash covers the steps, the bindings that they match, the embedded files that they name with those that these
//! name in turn, and the metadata that scenarios run by. It does not cover labels and prose, nor step files and
//! programs, which greenroom cannot follow.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;

use greenroom_doc::{MatchedStep, Metadata, PlannedDocument, PlannedScenario};
use greenroom_event::history::TextHash;
use siphasher::sip::SipHasher24;

/// In a document with more embedded files than this, a file stands for all of them: to look for each name in each
/// text would take too long.
const MANY_FILES: usize = 200;

/// What the hashes of a document's scenarios need.
pub(super) struct DocumentHashes<'a> {
    document: &'a PlannedDocument,
    /// The metadata that scenarios run by.
    settings: String,
    /// The embedded files by name.
    files: BTreeMap<&'a str, &'a str>,
    /// The hash of each file with all that it leads to, once it is known.
    reached: RefCell<HashMap<&'a str, u64>>,
}

/// Returns the metadata that scenarios run by, but for the network, which each scenario has itself.
fn settings(metadata: &Metadata) -> String {
    let Metadata { scenario_timeout, step_timeout, output_limit, retries, path, user, .. } = metadata;
    let path: Vec<&str> = path.iter().map(|(directory, _)| &**directory).collect();
    let user = user.as_ref().map(|(name, _)| name);
    format!("{scenario_timeout:?} {step_timeout:?} {output_limit} {retries:?} {path:?} {user:?}")
}

fn write(hasher: &mut SipHasher24, text: &str) {
    hasher.write(text.as_bytes());
    // Not in UTF-8, so texts do not run into each other.
    hasher.write_u8(0xff);
}

impl<'a> DocumentHashes<'a> {
    pub(super) fn new(document: &'a PlannedDocument) -> Self {
        let files = document.files.iter().map(|file| (file.name.as_str(), &*file.text)).collect();
        Self { document, settings: settings(&document.metadata), files, reached: RefCell::default() }
    }

    /// Returns the hash of a file and of what it leads to: the files that it names, those that they name, and so on.
    fn of_file(&self, file: &'a str) -> u64 {
        // All files stand under one name.
        let has_many = self.files.len() > MANY_FILES;
        let key = if has_many { "" } else { file };
        if let Some(&known) = self.reached.borrow().get(key) {
            return known;
        }
        let mut names = if has_many { self.files.keys().copied().collect() } else { vec![file] };
        let mut hasher = SipHasher24::new();
        let mut at = 0;
        while let Some((name, text)) = names.get(at).and_then(|name| self.files.get_key_value(name)) {
            write(&mut hasher, name);
            write(&mut hasher, text);
            if !has_many {
                let more = self.files.keys().filter(|name| !names.contains(name) && text.contains(**name));
                let more: Vec<&str> = more.copied().collect();
                names.extend(more);
            }
            at += 1;
        }
        let hash = hasher.finish();
        self.reached.borrow_mut().insert(key, hash);
        hash
    }

    /// Returns the hash of a scenario.
    pub(super) fn of_scenario(&self, scenario: &PlannedScenario) -> TextHash {
        let mut hasher = SipHasher24::new();
        hasher.write(self.settings.as_bytes());
        hasher.write(format!(" {:?}", scenario.network).as_bytes());
        hasher.write_u8(0xfe);
        for step in &scenario.steps {
            self.step(&mut hasher, step);
        }
        hasher.finish().into()
    }

    fn step(&self, hasher: &mut SipHasher24, step: &MatchedStep) {
        let mut write = |text: &str| write(hasher, text);
        write(step.kind.word());
        write(&step.text);
        write(self.document.bindings.get(step.binding).map_or("", |binding| &binding.pattern));
        write(&step.implementation.language);
        write(&step.implementation.function);
        write(step.implementation.cleanup.as_deref().unwrap_or_default());
        for capture in &step.captures {
            if let Some((file, _)) = self.files.get_key_value(capture.text.as_str()) {
                hasher.write_u64(self.of_file(file));
            }
        }
        hasher.write_u8(0xfe);
    }
}
