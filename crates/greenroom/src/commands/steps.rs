//! `greenroom steps`: the steps that documents can use.

use std::io::Write;

use clap::Args;
use greenroom_doc::{Binding, Loader, bindings_of, nearest};
use greenroom_report::{catalogue, diagnostics};
use greenroom_steps::{Library, Registry};

use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::loader::Disk;
use crate::output::print;
use crate::settings::Settings;

/// Show the steps that documents can use
#[derive(Debug, Args)]
pub(crate) struct Steps {
    /// Show only this library, such as daemon, or the steps of a bindings file
    #[arg(value_name = "LIBRARY")]
    library: Option<String>,
}

impl Steps {
    pub(crate) fn execute(&self, settings: &Settings, registry: &Registry) -> Result<ExitCode, CommandError> {
        let mut is_valid = true;
        let mut libraries: Vec<(String, Vec<Binding>)> = Vec::new();
        for (name, text) in self.files(registry)? {
            let (sources, bindings, problems) = bindings_of(&name, &text);
            if !problems.is_empty() {
                let text = diagnostics::render(&problems, &sources, settings.stderr.style());
                let _ = std::io::stderr().write_all(text.as_bytes());
                is_valid = false;
            }
            libraries.push((name, bindings));
        }
        let libraries: Vec<(String, &[Binding])> =
            libraries.iter().map(|(name, bindings)| (name.clone(), bindings.as_slice())).collect();
        if is_valid || libraries.iter().any(|(_, bindings)| !bindings.is_empty()) {
            let style = settings.stdout.style();
            print(&catalogue::steps(&libraries, style))?;
        }
        if is_valid { Ok(ExitCode::Passed) } else { Err(CommandError::InvalidDocument) }
    }

    /// Returns name and text of the bindings files to show.
    fn files(&self, registry: &Registry) -> Result<Vec<(String, String)>, CommandError> {
        let file = |library: &Library| (format!("lib/{}.yaml", library.name()), library.bindings().to_owned());
        let Some(wanted) = &self.library else { return Ok(registry.libraries().iter().map(file).collect()) };
        let short = wanted.strip_prefix("lib/").unwrap_or(wanted);
        let short = short.strip_suffix(".yaml").unwrap_or(short);
        if let Some(library) = registry.libraries().iter().find(|library| library.name() == short) {
            return Ok(vec![file(library)]);
        }
        if let Ok(text) = Disk.load(wanted) {
            return Ok(vec![(wanted.clone(), String::from_utf8_lossy(&text).into_owned())]);
        }
        let names: Vec<&str> = registry.libraries().iter().map(Library::name).collect();
        let hint = nearest(short, names.iter().copied())
            .map_or_else(|| format!("the libraries are {}", names.join(", ")), |near| format!("did you mean {near}?"));
        Err(CommandError::Usage(vec![format!("no library or bindings file {wanted}; {hint}")]))
    }
}
