//! Messages of step hosts, docs/PROTOCOL.md.

use std::hash::{Hash, Hasher};

use greenroom_steps::host::protocol::Message;

use crate::checks::fingerprint;
use crate::target::Target;

/// The target `protocol`.
pub(crate) const TARGET: Target = Target {
    name: "protocol",
    run,
    seeds: &[],
    extensions: &[],
    dictionary: &[
        "\n",
        "{\"ready\":{\"protocol\":1,\"can_fork\":true}}\n",
        "{\"begun\":{\"process\":2,\"stack_signal\":10}}\n",
        "{\"ended\":{\"status\":-1,\"signal\":9}}\n",
        "\"kind\":\"module-not-found\",",
        "\"part\":{\"lines_before\":1,\"before\":2,\"after\":3,\"found\":[4,5]},",
        "\"comparison\":{\"what\":\"x\",\"relation\":\"matches\",\"expected\":\"a\",\"actual\":\"b\"},",
        "\"output\":[{\"of\":\"x\",\"end_base64\":\"AA==\",\"omitted\":1}],",
        "\"end_base64\":\"=\",",
        "\"environment\":{\"A\":null},",
        "\"directory\":\"\\u0000\",",
        "null",
        "-1",
        "1e400",
        "18446744073709551616",
        "\\ud800",
        "[]",
        "{}",
        "é",
    ],
};

fn run(input: &[u8]) -> u64 {
    fingerprint(input.split(|&byte| byte == b'\n').map(|line| Shape(Message::parse(line))).collect::<Vec<_>>())
}

/// Which message it is, and what it holds besides texts.
struct Shape(Option<Message>);

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Some(message) = &self.0 else { return false.hash(state) };
        match message {
            Message::Unknown(_) => "unknown".hash(state),
            known => known.name().hash(state),
        }
        match message {
            Message::Broken(failure, _) | Message::Done { failure: Some(failure), .. } => {
                let lists = [failure.notes.len(), failure.help.len(), failure.output.len()];
                (failure.comparison.is_some(), lists.map(|length| length.min(3))).hash(state);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_has_every_message() {
        let corpus = crate::seeds::of(&TARGET).unwrap();
        let mut names: Vec<String> = corpus
            .iter()
            .flat_map(|input| input.split(|&byte| byte == b'\n').filter_map(Message::parse))
            .map(|message| message.name().to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, ["begun", "broken", "call", "done", "ended", "ready"]);
    }
}
