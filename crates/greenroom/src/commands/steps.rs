//! `greenroom steps`: what documents can say.

use std::io::Write;

use greenroom_doc::{Binding, Loader, bindings_of, nearest};
use greenroom_report::{Style, catalogue, diagnostics};
use greenroom_steps::Registry;

use crate::arguments::Steps;
use crate::exit;
use crate::loader::Disk;
use crate::settings::{Settings, complain, print};

pub(crate) fn steps(options: &Steps, settings: &Settings, registry: &Registry) -> u8 {
    let all = registry
        .libraries()
        .iter()
        .map(|library| (format!("lib/{}.yaml", library.name()), library.bindings().to_owned()));
    let mut files: Vec<(String, String)> = all.collect();
    if let Some(wanted) = &options.library {
        let short = wanted.strip_prefix("lib/").unwrap_or(wanted);
        let short = short.strip_suffix(".yaml").unwrap_or(short);
        if registry.libraries().iter().any(|library| library.name() == short) {
            files.retain(|(name, _)| *name == format!("lib/{short}.yaml"));
        } else if let Ok(text) = Disk.load(wanted) {
            files = vec![(wanted.clone(), String::from_utf8_lossy(&text).into_owned())];
        } else {
            let names: Vec<&str> = registry.libraries().iter().map(greenroom_steps::Library::name).collect();
            let near = nearest(short, names.iter().copied());
            let hint =
                near.map_or_else(|| format!("there is {}", names.join(", ")), |near| format!("did you mean {near}?"));
            complain(&format!("no library or bindings file {wanted}; {hint}"));
            return exit::USAGE;
        }
    }
    let mut code = exit::PASSED;
    let mut libraries: Vec<(String, Vec<Binding>)> = Vec::new();
    for (name, text) in files {
        let (sources, bindings, problems) = bindings_of(&name, &text);
        if !problems.is_empty() {
            let text = diagnostics::render(&problems, &sources, settings.stderr);
            let _ = std::io::stderr().write_all(text.as_bytes());
            code = exit::BAD_DOCUMENT;
        }
        libraries.push((name, bindings));
    }
    let libraries: Vec<(String, &[Binding])> =
        libraries.iter().map(|(name, bindings)| (name.clone(), bindings.as_slice())).collect();
    let style = Style { colour: settings.stdout.colour, width: settings.stdout.width };
    if libraries.iter().any(|(_, bindings)| !bindings.is_empty()) || code == exit::PASSED {
        let printed = print(&catalogue::steps(&libraries, style));
        if printed != exit::PASSED {
            return printed;
        }
    }
    code
}
