//! `greenroom completions` and `greenroom man`, generated from the definition of the command line.

use std::io;

use clap::Args;
use greenroom_doc::nearest;

use crate::error::CommandError;
use crate::exit::ExitCode;
use crate::output::print;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell to complete in
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn execute(&self, mut definition: clap::Command) -> Result<ExitCode, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut definition, "greenroom", &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}

/// Print a manual page
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Command whose page to print, instead of the main page
    command: Option<String>,
}

impl Man {
    pub(crate) fn execute(&self, mut definition: clap::Command) -> Result<ExitCode, CommandError> {
        definition.build();
        if let Some(name) = &self.command {
            let Some(found) = definition.find_subcommand(name) else {
                let names: Vec<&str> = definition.get_subcommands().map(clap::Command::get_name).collect();
                let hint = nearest(name, names.iter().copied())
                    .map_or_else(|| names.join(", "), |near| format!("did you mean {near}?"));
                return Err(CommandError::Usage(vec![format!("no command {name}; {hint}")]));
            };
            let page = format!("greenroom-{name}");
            definition = found.clone().display_name(page.clone()).name(page);
        }
        let page = page(definition).map_err(|error| CommandError::system("generate the manual page", &error))?;
        print(&String::from_utf8_lossy(&page))
    }
}

/// Renders a manual page. The exit codes get a section of their own.
fn page(definition: clap::Command) -> io::Result<Vec<u8>> {
    let has_subcommands = definition.has_subcommands();
    let has_version = definition.get_version().is_some();
    let man = clap_mangen::Man::new(definition.after_help(None));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    page.extend_from_slice(b".SH \"EXIT STATUS\"\n");
    for exit in ExitCode::ALL {
        page.extend_from_slice(format!(".TP\n{}\n{}\n", exit.code(), exit.meaning()).as_bytes());
    }
    if has_version {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}
