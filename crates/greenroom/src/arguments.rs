//! What can be typed. Nothing here does anything; `commands` does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use greenroom_report::words;
use greenroom_sandbox::SandboxChoice;

const EXIT_CODES: &str = "\
Exit codes:
  0    everything that was chosen ran and holds
  1    a scenario failed, or could not be carried out
  2    a document has errors or is not there; nothing was run
  3    the command line is wrong, or its filters leave no scenario
  4    greenroom cannot work here: no temporary directory, no sandbox
  130  the run was stopped (SIGINT, SIGTERM, SIGHUP), or nobody reads its output any more";

/// Runs acceptance documents: Markdown with given/when/then scenarios, each in a sealed room of its own.
#[derive(Debug, Parser)]
#[command(name = "greenroom", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the scenarios of documents
    Run(Run),
    /// Show everything that is wrong with documents, without running anything
    Check(Check),
    /// List the scenarios of documents
    List(List),
    /// Show the steps that documents can use
    Steps(Steps),
    /// Show what this machine gives to scenarios, and what to change to have more
    Doctor,
    /// Write a first document, which runs as it is
    Init(Init),
    /// Print a script that completes greenroom's command line in a shell
    Completions(Completions),
    /// Print the manual page
    Man(Man),
}

/// Which scenarios of which documents.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Documents: Markdown files with their metadata in them, or .subplot files
    #[arg(required = true, value_name = "DOCUMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) documents: Vec<String>,
    /// Only scenarios with this text in their title, in any letter case; a whole title means only that scenario. May be repeated
    #[arg(short, long = "name", value_name = "TEXT")]
    pub(crate) names: Vec<String>,
    /// Only scenarios with this label. May be repeated
    #[arg(short, long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// Leave out scenarios with this label. May be repeated
    #[arg(long = "without-label", value_name = "LABEL")]
    pub(crate) without_labels: Vec<String>,
}

/// Programs that carry out steps in other languages.
#[derive(Debug, Args)]
pub(crate) struct Hosts {
    /// The Python that carries out steps in it, a name on PATH or a path; that of a virtual environment, say
    #[arg(long, value_name = "PATH", default_value = "python3", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) python: String,
    /// The step host of a language: a program that speaks the protocol of docs/PROTOCOL.md. May be repeated
    #[arg(long = "host", value_name = "LANGUAGE=PROGRAM", value_parser = host)]
    pub(crate) hosts: Vec<(String, String)>,
}

impl Hosts {
    /// Hosts that are not greenroom's own, by language.
    pub(crate) fn others(&self) -> BTreeMap<String, String> {
        self.hosts.iter().cloned().collect()
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line, and they are independent")]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
    /// How many scenarios run side by side [default: 32; of those that share the machine's network 1]
    ///
    /// Scenarios mostly wait: for a process to start, a port to open, a timer. Waiting takes no processor, so the default is
    /// far above the number of cores: a hundred scenarios that each wait 50 ms take a quarter of a second, not five. Choose
    /// less, such as the number of cores, when scenarios compute; 1 runs them one after another. Scenarios that share the
    /// machine's network and name the same port take turns, whatever the number.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), allow_negative_numbers = true)]
    pub(crate) jobs: Option<u32>,
    /// Set an environment variable for everything that scenarios run. May be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) environment: Vec<(String, String)>,
    /// Start no further scenario once one has failed; those that run are finished
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Keep the directories of scenarios that fail, and say where they are
    #[arg(long)]
    pub(crate) keep: bool,
    /// Start scenarios in a random order, or in that of a seed which an earlier run has shown
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, value_parser = seed)]
    #[expect(clippy::option_option, reason = "what clap gives for an option whose value may be left out")]
    pub(crate) shuffle: Option<Option<u64>>,
    /// How long one scenario may take, such as 90s or 5m [default: what the document says, else 15m]
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// How much a process may write to one of its outputs, such as 500k or 1G [default: what the document says, else 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    pub(crate) output_limit: Option<u64>,
    /// What becomes of a scenario that leaves processes running which no step has stopped; they are ended in any case
    #[arg(long, value_name = "WHAT", default_value = "warn")]
    pub(crate) leftovers: Leftovers,
    /// How scenarios are kept apart
    #[arg(long, value_name = "KIND", default_value = "auto")]
    pub(crate) sandbox: Sandbox,
    /// Which network scenarios have [default: what the document says, else private]
    #[arg(long, value_name = "WHICH")]
    pub(crate) network: Option<Network>,
    /// Show every step with its time, and more of the output of what failed
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Show only failures and the last line
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What becomes of a scenario that leaves processes running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Leftovers {
    /// It fails
    Fail,
    /// They are named
    Warn,
}

/// How scenarios are kept apart.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Sandbox {
    /// As much as this machine allows, and tell what is missing
    Auto,
    /// Processes, network, /tmp, /proc and host name of its own for each scenario; refuse to run on less
    Sealed,
    /// No namespaces: processes are watched over and killed one by one, all else is the machine's
    Tended,
}

impl From<Sandbox> for SandboxChoice {
    fn from(sandbox: Sandbox) -> Self {
        match sandbox {
            Sandbox::Auto => Self::Auto,
            Sandbox::Sealed => Self::Sealed,
            Sandbox::Tended => Self::Tended,
        }
    }
}

/// Which network scenarios have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// One of its own for each scenario, with nothing but loopback
    Private,
    /// The machine's
    Host,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Documents: Markdown files with their metadata in them, or .subplot files
    #[arg(required = true, value_name = "DOCUMENT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) documents: Vec<String>,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
    /// Show their steps too
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Steps {
    /// Only this library, such as daemon; or a bindings file
    #[arg(value_name = "LIBRARY")]
    pub(crate) library: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write
    #[arg(value_name = "FILE", default_value = "acceptance.md")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command whose page is wanted
    pub(crate) command: Option<String>,
}

/// What to say of a command that there is none of, when it is a document.
pub(crate) fn with_tip(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let path = Path::new(word);
    let is_document = path.extension().is_some_and(|extension| extension == "md" || extension == "subplot");
    if is_document || path.is_file() {
        let tip = format!("to run a document: `greenroom run {}`", words::shell_quote(word));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

fn variable(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "write NAME=VALUE".to_owned())
}

fn host(text: &str) -> Result<(String, String), String> {
    pair(text).ok_or_else(|| "write LANGUAGE=PROGRAM".to_owned())
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

fn size(text: &str) -> Result<u64, String> {
    greenroom_doc::parse_size(text)
}

fn duration(text: &str) -> Result<Duration, String> {
    greenroom_doc::parse_duration(text)
}
