//! The option that chooses the format of standard output, shared by `run` and `report`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use greenroom_report::{Options, Reporter, Terminal, TerminalFormat};

/// The format of standard output.
#[derive(Debug, Args)]
pub(crate) struct FormatOption {
    /// Format of standard output [default: human; in `run` under GitHub Actions: github]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Choice>,
}

/// A format, by its name.
#[derive(Debug, Clone, Copy)]
struct Choice(TerminalFormat);

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Choice; TerminalFormat::ALL.len()] = {
            let mut all = [Choice(TerminalFormat::Human); TerminalFormat::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = Choice(TerminalFormat::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(self.0.help()))
    }
}

impl FormatOption {
    /// Returns the format that the user chose, or else this one.
    pub(crate) fn or(&self, default: TerminalFormat) -> TerminalFormat {
        self.format.map_or(default, |choice| choice.0)
    }
}

/// Creates the report of a format.
pub(crate) fn reporter<'a>(
    format: TerminalFormat,
    out: impl Write + 'a,
    terminal: Terminal,
    options: Options,
) -> Box<dyn Reporter + 'a> {
    format.reporter(out, terminal, options, token())
}

/// Returns a word that no scenario can know.
pub(crate) fn token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("greenroom-{:016x}{:016x}", random(), random())
}
