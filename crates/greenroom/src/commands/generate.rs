//! `greenroom completions` and `greenroom man`: made from the same definition as the command line itself.

use clap::CommandFactory;
use greenroom_doc::nearest;

use crate::arguments::{Arguments, Completions, Man};
use crate::exit;
use crate::settings::{Settings, complain, print};

pub(crate) fn completions(options: &Completions, _: &Settings) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "greenroom", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn man(options: &Man, _: &Settings) -> u8 {
    let mut command = Arguments::command();
    command.build();
    if let Some(name) = &options.command {
        let Some(found) = command.find_subcommand(name) else {
            let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let near =
                nearest(name, names.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
            complain(&format!("there is no command {name}{near}"));
            return exit::USAGE;
        };
        let page = format!("greenroom-{name}");
        command = found.clone().display_name(page.clone()).name(page);
    }
    let mut page = Vec::new();
    if let Err(error) = clap_mangen::Man::new(command).render(&mut page) {
        complain(&format!("failed to make the manual page: {error}"));
        return exit::CANNOT;
    }
    print(&String::from_utf8_lossy(&page))
}
