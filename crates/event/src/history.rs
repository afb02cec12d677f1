//! What earlier runs leave for later ones: the record of a document.
//!
//! It has the last outcome of each scenario, the hash of its text then, and what its last passing
//! attempts took.
//!
//! A scenario is *outstanding* until a run of its present text has passed. So a scenario is not
//! outstanding exactly if the last run that selected it ended, it passed in that run, and its text is
//! the same. When a run starts, all its scenarios become unfinished; a run that is killed leaves them
//! so. What a run does not select keeps its record. A scenario that the document does not have any
//! more is forgotten; with a new title it is another one.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version of the file. New fields come without a new version.
const VERSION: u32 = 1;

/// How many durations of a scenario are kept.
const DURATIONS: usize = 10;

/// What is recorded of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    version: u32,
    /// Its path, for people who look into the file.
    document: String,
    /// By title.
    scenarios: BTreeMap<String, ScenarioRecord>,
}

/// What is recorded of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ScenarioRecord {
    outcome: LastOutcome,
    /// Of its text in that run.
    hash: TextHash,
    /// What its last passing attempts took, in microseconds, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    took_us: Vec<u64>,
}

/// The hash of the text of a scenario, as 16 digits in a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextHash(Option<u64>);

impl From<u64> for TextHash {
    fn from(hash: u64) -> Self {
        Self(Some(hash))
    }
}

impl Serialize for TextHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(hash) => serializer.collect_str(&format_args!("{hash:016x}")),
            None => serializer.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for TextHash {
    /// Reads a hash. Another text is a hash that no scenario has.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16 && !text.starts_with('+'))))
    }
}

/// The hashes of the texts of a document's scenarios, by title.
pub type TextHashes = BTreeMap<Arc<str>, TextHash>;

/// How a scenario ended in the last run that selected it, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastOutcome {
    /// It passed.
    Passed,
    /// It failed or is broken.
    Failed,
    /// It did not start or did not end, or another version of greenroom knows how it ended.
    #[serde(other)]
    Unfinished,
}

/// What a run found out about a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioResult {
    /// The worst of all repetitions.
    pub outcome: LastOutcome,
    /// What the attempts that passed took.
    pub took: Durations,
}

/// A list of durations, of which there is nearly always one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    first: Option<Duration>,
    others: Vec<Duration>,
}

impl Durations {
    /// Adds a duration at the end.
    pub fn push(&mut self, duration: Duration) {
        match self.first {
            None => self.first = Some(duration),
            Some(_) => self.others.push(duration),
        }
    }

    /// Returns them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Duration> {
        self.first.into_iter().chain(self.others.iter().copied())
    }
}

impl FromIterator<Duration> for Durations {
    fn from_iter<T: IntoIterator<Item = Duration>>(iter: T) -> Self {
        let mut durations = Self::default();
        iter.into_iter().for_each(|duration| durations.push(duration));
        durations
    }
}

/// Why a record cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordError {
    /// It is not a record, or not a whole one.
    Damaged(serde_json::Error),
    /// A newer greenroom wrote it.
    Newer,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => write!(f, "it is damaged: {error}"),
            Self::Newer => f.write_str("it was written by a newer greenroom"),
        }
    }
}

impl std::error::Error for RecordError {}

impl DocumentRecord {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// If it is damaged, or of a newer version.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } = serde_json::from_slice(text).map_err(RecordError::Damaged)?;
        if version > VERSION {
            return Err(RecordError::Newer);
        }
        serde_json::from_slice(text).map_err(RecordError::Damaged)
    }

    /// Writes the content of its file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&self, to: impl Write) -> serde_json::Result<()> {
        serde_json::to_writer(to, self)
    }

    /// Returns whether a scenario with a text of this hash has not passed yet.
    pub fn is_outstanding(&self, title: &str, hash: TextHash) -> bool {
        let passed = |record: &ScenarioRecord| record.outcome == LastOutcome::Passed && record.hash == hash;
        !self.scenarios.get(title).is_some_and(passed)
    }

    /// Returns what a scenario takes: the median of its last passing attempts.
    pub fn duration(&self, title: &str) -> Option<Duration> {
        let mut took = self.scenarios.get(title)?.took_us.clone();
        took.sort_unstable();
        took.get(took.len() / 2).copied().map(Duration::from_micros)
    }

    /// Takes note of the start of a run. `hashes` are those of all scenarios of the document.
    pub fn begin<'a>(&mut self, document: &str, hashes: &TextHashes, selected: impl Iterator<Item = &'a str>) {
        self.version = VERSION;
        document.clone_into(&mut self.document);
        self.scenarios.retain(|title, _| hashes.contains_key(title.as_str()));
        for title in selected {
            self.set(title, hashes, LastOutcome::Unfinished);
        }
    }

    /// Takes note of how a scenario ended.
    pub fn end(&mut self, title: &str, hashes: &TextHashes, result: &ScenarioResult) {
        let record = self.set(title, hashes, result.outcome);
        let took = result.took.iter().map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        record.took_us.extend(took);
        let surplus = record.took_us.len().saturating_sub(DURATIONS);
        record.took_us.drain(..surplus);
    }

    fn set(&mut self, title: &str, hashes: &TextHashes, outcome: LastOutcome) -> &mut ScenarioRecord {
        let hash = hashes.get(title).copied().unwrap_or_default();
        let record = self.scenarios.entry(title.to_owned()).or_insert_with(|| ScenarioRecord {
            outcome,
            hash: TextHash::default(),
            took_us: Vec::new(),
        });
        record.outcome = outcome;
        record.hash = hash;
        record
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// How many scenarios a document can have.
    const SCENARIOS: usize = 4;

    /// What can happen to a document.
    #[derive(Debug, Clone)]
    enum Change {
        /// The text of a scenario changes, to one of a few.
        Edit(usize, u8),
        /// A scenario is removed, or added again.
        Toggle(usize),
        /// Each scenario runs with this outcome, if it is selected. The run may be killed before its
        /// end.
        Run([Option<LastOutcome>; SCENARIOS], bool),
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let outcome = proptest::option::of(prop_oneof![
            3 => Just(LastOutcome::Passed),
            1 => Just(LastOutcome::Failed),
            1 => Just(LastOutcome::Unfinished),
        ]);
        let change = prop_oneof![
            (0..SCENARIOS, 0..3_u8).prop_map(|(at, text)| Change::Edit(at, text)),
            (0..SCENARIOS).prop_map(Change::Toggle),
            (proptest::array::uniform4(outcome), proptest::bool::weighted(0.2))
                .prop_map(|(outcomes, is_killed)| Change::Run(outcomes, is_killed)),
        ];
        vec(change, 0..30)
    }

    fn title(at: usize) -> String {
        format!("scenario {at}")
    }

    /// Returns from the whole story whether a scenario is outstanding.
    fn is_outstanding_by_story(changes: &[Change], at: usize) -> bool {
        let (mut text, mut exists, mut passed) = (0, true, None);
        for change in changes {
            match change {
                Change::Edit(edited, new) if *edited == at => text = *new,
                Change::Toggle(toggled) if *toggled == at => exists = !exists,
                // A run of the document without it forgets it.
                Change::Run(outcomes, _) if !exists && outcomes.iter().any(Option::is_some) => passed = None,
                Change::Run(outcomes, is_killed) if exists => match outcomes[at] {
                    Some(LastOutcome::Passed) if !is_killed => passed = Some(text),
                    Some(_) => passed = None,
                    None => {}
                },
                _ => {}
            }
        }
        passed != Some(text)
    }

    proptest! {
        #[test]
        fn a_scenario_is_outstanding_until_its_text_has_passed_in_the_last_run_of_it(changes in changes()) {
            let mut record = DocumentRecord::default();
            let mut texts = [0_u8; SCENARIOS];
            let mut exists = [true; SCENARIOS];
            for change in &changes {
                match change {
                    Change::Edit(at, text) => texts[*at] = *text,
                    Change::Toggle(at) => exists[*at] = !exists[*at],
                    Change::Run(outcomes, is_killed) => {
                        let present = (0..SCENARIOS).filter(|&at| exists[at]);
                        let hashes: TextHashes =
                            present.clone().map(|at| (title(at).into(), u64::from(texts[at]).into())).collect();
                        let selected: Vec<(String, LastOutcome)> =
                            present.filter_map(|at| Some((title(at), outcomes[at]?))).collect();
                        // Documents without a selected scenario are not written.
                        if selected.is_empty() && outcomes.iter().all(Option::is_none) {
                            continue;
                        }
                        record.begin("x.md", &hashes, selected.iter().map(|(title, _)| title.as_str()));
                        if !is_killed {
                            for (title, outcome) in &selected {
                                let result = ScenarioResult { outcome: *outcome, took: Durations::default() };
                                record.end(title, &hashes, &result);
                            }
                        }
                        let mut text = Vec::new();
                        record.write(&mut text).unwrap();
                        record = DocumentRecord::parse(&text).unwrap();
                    }
                }
            }
            for at in (0..SCENARIOS).filter(|&at| exists[at]) {
                let is_outstanding = record.is_outstanding(&title(at), u64::from(texts[at]).into());
                prop_assert_eq!(is_outstanding, is_outstanding_by_story(&changes, at), "{}", title(at));
            }
        }
    }

    fn took(seconds: &[u64]) -> DocumentRecord {
        let hashes = TextHashes::from([("a".into(), 1.into())]);
        let mut record = DocumentRecord::default();
        let took = seconds.iter().copied().map(Duration::from_secs).collect();
        record.end("a", &hashes, &ScenarioResult { outcome: LastOutcome::Passed, took });
        record
    }

    #[test]
    fn a_scenario_takes_the_median_of_the_last_ten() {
        assert_eq!(took(&[3, 90, 1]).duration("a"), Some(Duration::from_secs(3)));
        assert_eq!(took(&[99; 30]).scenarios["a"].took_us.len(), 10);
        let slower_now: Vec<u64> = [vec![1; 20], vec![5; 6]].concat();
        assert_eq!(took(&slower_now).duration("a"), Some(Duration::from_secs(5)));
        assert_eq!(took(&[]).duration("a"), None);
        assert_eq!(took(&[1]).duration("b"), None);
    }

    #[test]
    fn unknown_fields_and_outcomes_of_the_same_version_are_accepted() {
        let text = br#"{"version":1,"document":"x","scenarios":{"a":{"outcome":"crashed","hash":"1","x":2}},"y":[]}"#;
        assert!(DocumentRecord::parse(text).unwrap().is_outstanding("a", 1.into()));
        let newer = DocumentRecord::parse(br#"{"version":2,"scenarios":[]}"#);
        assert_eq!(newer.unwrap_err().to_string(), "it was written by a newer greenroom");
        assert!(matches!(DocumentRecord::parse(b"{"), Err(RecordError::Damaged(_))));
    }

    #[test]
    fn a_hash_is_16_digits_and_another_text_is_the_hash_of_no_scenario() {
        let hash = TextHash::from(0xab);
        assert_eq!(serde_json::to_string(&hash).unwrap(), "\"00000000000000ab\"");
        assert_eq!(serde_json::from_str::<TextHash>("\"00000000000000ab\"").unwrap(), hash);
        for other in ["", "ab", "0000000000000x00", "+0000000000000ab"] {
            let read: TextHash = serde_json::from_str(&format!("\"{other}\"")).unwrap();
            assert!(read != hash && read == TextHash::default(), "{other}");
        }
    }
}
