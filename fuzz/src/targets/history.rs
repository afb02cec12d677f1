//! Records of earlier runs, and a further run after them.

use std::collections::BTreeMap;
use std::time::Duration;

use greenroom_event::history::{DocumentRecord, LastOutcome, RecordError, ScenarioResult};

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
    let json = record.to_json().expect("a record can be written");
    assert_eq!(DocumentRecord::parse(&json).expect("what was written can be read"), record);
    let mut hashes = hashes(&json);
    let known: Vec<String> = hashes.keys().cloned().collect();
    let states: Vec<(bool, bool)> = known
        .iter()
        .map(|title| (record.is_outstanding(title, &hashes[title]), record.duration(title).is_some()))
        .collect();
    for title in &known {
        assert!(record.is_outstanding(title, &format!("{} and more", hashes[title])), "the text has changed");
    }

    // A run of all scenarios and a new one: what passes is not outstanding afterwards, and nothing else.
    hashes.insert("a new one".to_owned(), "1".to_owned());
    let mut after = record;
    after.begin("x.md", &hashes, hashes.keys().map(String::as_str));
    for (title, hash) in &hashes {
        assert!(after.is_outstanding(title, hash), "it has not ended");
        let result = ScenarioResult { outcome: LastOutcome::Passed, took: vec![Duration::MAX, Duration::from_secs(1)] };
        after.end(title, &hashes, &result);
        assert!(!after.is_outstanding(title, hash), "it has passed");
        assert!(after.duration(title).is_some());
    }
    let json = after.to_json().expect("a record can be written");
    assert_eq!(DocumentRecord::parse(&json).expect("what was written can be read"), after);
    after.begin("x.md", &BTreeMap::new(), std::iter::empty());
    assert!(known.iter().all(|title| after.duration(title).is_none()), "the document has no scenarios any more");
    fingerprint(states)
}

/// Returns the titles of a record, with the hashes in it.
fn hashes(json: &[u8]) -> BTreeMap<String, String> {
    let record: serde_json::Value = serde_json::from_slice(json).expect("a record is JSON");
    let scenarios = record["scenarios"].as_object().expect("a record has scenarios");
    let hash = |scenario: &serde_json::Value| scenario["hash"].as_str().expect("a scenario has a hash").to_owned();
    scenarios.iter().map(|(title, scenario)| (title.clone(), hash(scenario))).collect()
}
