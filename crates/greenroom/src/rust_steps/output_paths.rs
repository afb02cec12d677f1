//! The paths in the arguments of a run that Cargo makes in another directory.

use std::any::TypeId;
use std::ffi::OsString;
use std::mem;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};

use crate::reports::STANDARD_OUTPUT;

/// Has the values of options that take a path begin at the root, where they begin in a directory.
///
/// `command` has the options.
pub(super) fn from_root(
    arguments: impl Iterator<Item = OsString>,
    command: &Command,
    directory: &Path,
) -> impl Iterator<Item = OsString> {
    let is_path = |arg: &&Arg| arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let options: Vec<String> =
        command.get_arguments().filter(is_path).filter_map(Arg::get_long).map(str::to_owned).collect();
    let mut is_value = false;
    arguments.map(move |word| {
        if mem::take(&mut is_value) {
            return if word == STANDARD_OUTPUT { word } else { directory.join(word).into() };
        }
        let Some(option) = word.to_str().and_then(|word| word.strip_prefix("--")) else { return word };
        match option.split_once('=') {
            Some((name, value)) if options.iter().any(|known| known == name) && value != STANDARD_OUTPUT => {
                let mut whole = OsString::from(format!("--{name}="));
                whole.push(directory.join(value));
                whole
            }
            Some(_) => word,
            None => {
                is_value = options.iter().any(|known| known == option);
                word
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options_that_take_a_path_begin_at_the_root() {
        let path = |name: &'static str| Arg::new(name).long(name).value_parser(clap::value_parser!(PathBuf));
        let command = Command::new("run").arg(path("junit")).arg(path("html")).arg(Arg::new("name").long("name"));
        let changed = |words: &str| {
            let words = words.split(' ').map(OsString::from);
            let changed = from_root(words, &command, Path::new("/shop"));
            changed.map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(changed("--junit a.xml --html=b/c -j 2"), "--junit /shop/a.xml --html=/shop/b/c -j 2");
        assert_eq!(changed("--junit - --html=- --name tea"), "--junit - --html=- --name tea");
        assert_eq!(changed("--junit /a.xml --name=x --keep"), "--junit /a.xml --name=x --keep");
        assert_eq!(changed("--name junit a.md"), "--name junit a.md");
    }
}
