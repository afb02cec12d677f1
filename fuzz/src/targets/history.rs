//! Records of earlier runs, and a further run after them.

use std::sync::Arc;
use std::time::Duration;

use greenroom_event::history::{DocumentRecord, LastOutcome, RecordError, ScenarioResult, TextHash, TextHashes};

use crate::checks::fingerprint;
use crate::target::Target;

/// The target `history`.
pub(crate) const TARGET: Target = Target {
    name: "history",
    run,
    seeds: &[],
    extensions: &[],
    dictionary: &[
        "null",
        "-1",
        "0",
        "18446744073709551615",
        "1e308",
        "\"\"",
        "\"passed\"",
        "\"failed\"",
        "\"unfinished\"",
        "\"version\":1,",
        "\"took_us\":[",
        "\"outcome\":",
        "\"hash\":",
        "\\ud800",
        "[]",
        "{}",
        ",",
    ],
};

fn run(input: &[u8]) -> u64 {
    let record = match DocumentRecord::parse(input) {
        Ok(record) => record,
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty());
            let words: String = message.chars().filter(char::is_ascii_alphabetic).collect();
            return fingerprint((matches!(error, RecordError::Newer), words));
        }
    };
    let text = json(&record);
    assert_eq!(DocumentRecord::parse(&text).expect("what was written can be read"), record);
    let mut hashes = hashes(&text);
    let known: Vec<Arc<str>> = hashes.keys().cloned().collect();
    let states: Vec<(bool, bool)> = known
        .iter()
        .map(|title| (record.is_outstanding(title, hashes[title]), record.duration(title).is_some()))
        .collect();
    for title in &known {
        let other = [1, 2].map(TextHash::from).into_iter().find(|other| *other != hashes[title]);
        assert!(other.is_some_and(|other| record.is_outstanding(title, other)), "the text has changed");
    }

    // A run of all scenarios and a new one: what passes is not outstanding afterwards, and nothing else.
    hashes.insert("a new one".into(), 1.into());
    let mut after = record;
    after.begin("x.md", &hashes, hashes.keys().map(|title| &**title));
    for (title, &hash) in &hashes {
        assert!(after.is_outstanding(title, hash), "it has not ended");
        let took = [Duration::MAX, Duration::from_secs(1)];
        let result = ScenarioResult { outcome: LastOutcome::Passed, took: took.into_iter().collect() };
        after.end(title, &hashes, &result);
        assert!(!after.is_outstanding(title, hash), "it has passed");
        assert!(after.duration(title).is_some());
    }
    let text = json(&after);
    assert_eq!(DocumentRecord::parse(&text).expect("what was written can be read"), after);
    after.begin("x.md", &TextHashes::new(), std::iter::empty());
    assert!(known.iter().all(|title| after.duration(title).is_none()), "the document has no scenarios any more");
    fingerprint(states)
}

/// Returns the titles of a record, with the hashes in it.
fn hashes(text: &[u8]) -> TextHashes {
    let record: serde_json::Value = serde_json::from_slice(text).expect("a record is JSON");
    let scenarios = record["scenarios"].as_object().expect("a record has scenarios");
    let hash =
        |scenario: &serde_json::Value| serde_json::from_value(scenario["hash"].clone()).expect("a scenario has a hash");
    scenarios.iter().map(|(title, scenario)| (title.as_str().into(), hash(scenario))).collect()
}

/// Returns the content of the file of a record.
fn json(record: &DocumentRecord) -> Vec<u8> {
    let mut text = Vec::new();
    record.write(&mut text).expect("a record can be written");
    text
}
