//! Messages between runner, launcher and stages.

use greenroom_sandbox::decode;

use crate::checks::fingerprint;
use crate::target::Target;

/// The target `stage`.
pub(crate) const TARGET: Target = Target {
    name: "stage",
    run,
    seeds: &[],
    extensions: &[],
    dictionary: &[
        "{\"Launch\":{\"stage\":4294967295,\"hint\":null,\"is_observed\":true}}",
        "{\"Created\":{\"stage\":1,\"process\":-1}}",
        "\"Pause\"",
        "\"Resume\"",
        "{\"Dismiss\":{\"directory\":\"Keep\"}}",
        "{\"Gone\":{\"stage\":1,\"status\":{\"Ok\":{\"code\":0}}}}",
        "{\"Err\":{\"reason\":\"x\",\"is_scarcity\":true}}",
        "{\"signal\":9}",
        "\0\0\0\0",
        "\u{1}\0\0\0a",
        "\u{7f}\u{7f}\u{7f}\u{7f}",
        "!",
        "~",
        "null",
        "-1",
        "4294967296",
    ],
};

/// Every decoder; each sees what the others take as malformed.
const DECODERS: [fn(&[u8]) -> bool; 4] = [decode::request, decode::answer, decode::stage_order, decode::stage_messages];

fn run(input: &[u8]) -> u64 {
    fingerprint(DECODERS.map(|decode| decode(input)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_has_messages_for_every_decoder() {
        let corpus = crate::seeds::of(&TARGET).unwrap();
        for input in &corpus {
            assert!(DECODERS.iter().any(|decode| decode(input)), "{}", String::from_utf8_lossy(input));
        }
        for (index, decode) in DECODERS.iter().enumerate() {
            assert!(corpus.iter().any(|input| decode(input)), "decoder {index}");
        }
    }
}
