//! Hashes of the texts of scenarios: a scenario whose hash differs was edited since it was recorded.
//!
//! The hash covers the steps, the bindings that they match, and the embedded files that they name. It
//! does not cover labels and prose, nor step files and programs, which greenroom cannot follow.

use std::collections::BTreeMap;
use std::hash::Hasher;

use greenroom_doc::{MatchedStep, PlannedDocument, PlannedScenario};
use greenroom_event::history::TextHash;
use siphasher::sip::SipHasher24;

/// What the hashes of a document's scenarios need.
pub(super) struct DocumentHashes<'a> {
    document: &'a PlannedDocument,
    /// The embedded files by name.
    files: BTreeMap<&'a str, &'a str>,
}

impl<'a> DocumentHashes<'a> {
    pub(super) fn new(document: &'a PlannedDocument) -> Self {
        let files = document.files.iter().map(|file| (file.name.as_str(), &*file.text)).collect();
        Self { document, files }
    }

    /// Returns the hash of a scenario.
    pub(super) fn of_scenario(&self, scenario: &PlannedScenario) -> TextHash {
        let mut hasher = SipHasher24::new();
        for step in &scenario.steps {
            self.step(&mut hasher, step);
        }
        hasher.finish().into()
    }

    fn step(&self, hasher: &mut SipHasher24, step: &MatchedStep) {
        let mut write = |text: &str| {
            hasher.write(text.as_bytes());
            // Not in UTF-8, so texts do not run into each other.
            hasher.write_u8(0xff);
        };
        write(step.kind.word());
        write(&step.text);
        write(self.document.bindings.get(step.binding).map_or("", |binding| &binding.pattern));
        write(&step.implementation.language);
        write(&step.implementation.function);
        write(step.implementation.cleanup.as_deref().unwrap_or_default());
        for capture in &step.captures {
            if let Some((name, text)) = self.files.get_key_value(capture.text.as_str()) {
                write(name);
                write(text);
            }
        }
        hasher.write_u8(0xfe);
    }
}
