//! `greenroom list`: the scenarios, in reading order.

use greenroom_doc::Plan;
use greenroom_report::{Style, catalogue};
use greenroom_steps::Registry;

use crate::arguments::List;
use crate::settings::{Settings, print};
use crate::{commands, exit};

pub(crate) fn list(options: &List, settings: &Settings, registry: &Registry) -> u8 {
    let Ok(mut loaded) = commands::load(&options.chosen.documents, &options.hosts, settings, registry) else {
        return exit::CANNOT;
    };
    commands::show(&loaded, settings);
    if loaded.has_errors() {
        return exit::BAD_DOCUMENT;
    }
    let Ok(left) = commands::choose(&loaded, &options.chosen) else { return exit::USAGE };
    let Plan { documents, scenarios } = std::mem::take(&mut loaded.plan);
    let mut at = 0..;
    let scenarios =
        scenarios.into_iter().filter(|_| at.next().is_some_and(|at| left.binary_search(&at).is_ok())).collect();
    let style = Style { colour: settings.stdout.colour, width: settings.stdout.width };
    print(&catalogue::scenarios(&Plan { documents, scenarios }, &loaded.sources, options.verbose, style))
}
