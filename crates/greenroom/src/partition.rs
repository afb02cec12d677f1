//! `--partition`: one of several runs that share the scenarios, each on a machine of its own.
//!
//! All runs must assign every scenario in the same way, without talking to each other. So the
//! assignment depends on the names of scenarios only: the document's path, relative to the working
//! directory, and the title. It does not depend on the order of arguments or on the locale.
//!
//! `hash:K/N` has the scenarios whose hash, modulo N, is K - 1. The hash is SipHash-2-4 with a key of
//! zeros over the path, a zero byte and the title, so that a scenario keeps its place when others come
//! and go. `count:K/N` has every Nth scenario in the order of names, so that the parts are equally
//! large. Neither may change: recordings of different versions would no longer fit together.

use std::fmt;
use std::hash::Hasher;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use greenroom_doc::{Loaded, PlannedScenario};
use greenroom_event::{Partition, PartitionKind};
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24of128};

/// Which part of the scenarios a run has, as `count:1/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) by: PartitionKind,
    /// From 1 to `total`.
    pub(crate) index: usize,
    pub(crate) total: usize,
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.by.name(), self.index, self.total)
    }
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected hash:K/N or count:K/N, such as count:1/4";
        if text.contains(char::is_whitespace) {
            return Err(format!("{EXPECTED}, without spaces"));
        }
        let (by, part) = match text.split_once(':') {
            Some(("hash", part)) => (PartitionKind::Hash, part),
            Some(("count", part)) => (PartitionKind::Count, part),
            Some((other, part)) if numbers(part).is_some() => {
                return Err(format!("unknown kind of partition `{other}`; {EXPECTED}"));
            }
            None if numbers(text).is_some() => {
                return Err(format!("the kind is missing: hash:{text} or count:{text}"));
            }
            _ => return Err(EXPECTED.to_owned()),
        };
        let (index, total) = numbers(part).ok_or(EXPECTED)?;
        let number = |digits: &str| digits.parse::<usize>().map_err(|_| format!("{digits} is too large a number"));
        let (index, total) = (number(index)?, number(total)?);
        let name = by.name();
        match (index, total) {
            (_, 0) => Err(format!("there must be at least one partition: {name}:1/1")),
            (0, total) => Err(format!("partitions count from 1: from {name}:1/{total} to {name}:{total}/{total}")),
            (index, total) if index > total => Err(format!(
                "there is no partition {index} of {total}: expected {name}:1/{total} to {name}:{total}/{total}"
            )),
            (index, total) => Ok(Self { by, index, total }),
        }
    }
}

/// Splits `1/4`. Both parts consist of digits.
fn numbers(part: &str) -> Option<(&str, &str)> {
    let (index, total) = part.split_once('/')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(index) && is_number(total)).then_some((index, total))
}

impl Assignment {
    /// Returns those of the selected scenarios that are in this part, and the part for reports.
    pub(crate) fn take(self, loaded: &Loaded, directory: &Path, selected: &[usize]) -> (Vec<usize>, Partition) {
        let name = |&at: &usize| Name::of(loaded, directory, &loaded.plan.scenarios[at]);
        let names: Vec<Name> = selected.iter().map(name).collect();
        let part = self.positions(&names).into_iter().map(|position| selected[position]).collect();
        let Self { by, index, total } = self;
        (part, Partition { by, index, total, scenarios: names.len(), hash: hash_of_all(&names) })
    }

    /// Returns the positions of the names in this part, in ascending order.
    fn positions(self, names: &[Name]) -> Vec<usize> {
        match self.by {
            PartitionKind::Hash => {
                (0..names.len()).filter(|&at| names[at].hash() % self.total as u64 == self.index as u64 - 1).collect()
            }
            PartitionKind::Count => {
                let mut part: Vec<usize> =
                    in_order(names).into_iter().skip(self.index - 1).step_by(self.total).collect();
                part.sort_unstable();
                part
            }
        }
    }
}

/// The name of a scenario, which is the same on all machines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    path: Vec<u8>,
    title: String,
}

impl Name {
    fn of(loaded: &Loaded, directory: &Path, scenario: &PlannedScenario) -> Self {
        let document = &loaded.plan.documents[scenario.document];
        let path = relative(Path::new(&document.path), directory);
        Self { path: path.into_os_string().into_encoded_bytes(), title: scenario.title.to_string() }
    }

    fn hash(&self) -> u64 {
        let mut hasher = SipHasher24::new();
        hasher.write(&self.path);
        hasher.write(&[0]);
        hasher.write(self.title.as_bytes());
        hasher.finish()
    }
}

/// Returns the positions of names in their order. Equal names keep the order of the document.
fn in_order(names: &[Name]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&at| &names[at]);
    order
}

/// Returns a hash of all names, whatever their order.
fn hash_of_all(names: &[Name]) -> String {
    let mut hasher = SipHasher24of128::new();
    for at in in_order(names) {
        hasher.write(&names[at].path);
        hasher.write(&[0]);
        hasher.write(names[at].title.as_bytes());
        hasher.write(&[0]);
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

/// Returns a path relative to a directory, if it is below it, without `.` and doubled slashes.
fn relative(path: &Path, directory: &Path) -> PathBuf {
    let path = path.strip_prefix(directory).unwrap_or(path);
    path.components().filter(|component| !matches!(component, Component::CurDir)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        text.parse::<Assignment>().map(|assignment| assignment.to_string())
    }

    #[test]
    fn assignments_are_parsed() {
        for text in ["hash:1/1", "count:4/4", "count:3/1000"] {
            assert_eq!(parsed(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn the_hash_never_changes() {
        let name = |path: &str, title: &str| Name { path: path.into(), title: title.to_owned() };
        assert_eq!(name("docs/mail.md", "Mail arrives").hash(), 0x40c6_6965_9c3f_92ad);
        let names = [name("b.md", "One"), name("a.md", "Two")];
        assert_eq!(hash_of_all(&names), "537d480074e3202397fba909ace1ff22");
    }

    #[test]
    fn names_do_not_depend_on_how_a_path_is_written() {
        let directory = Path::new("/home/me/project");
        for written in ["docs/mail.md", "./docs//mail.md", "docs/./mail.md", "/home/me/project/docs/mail.md"] {
            assert_eq!(relative(Path::new(written), directory), Path::new("docs/mail.md"), "{written}");
        }
        assert_eq!(relative(Path::new("/srv/mail.md"), directory), Path::new("/srv/mail.md"));
        assert_eq!(relative(Path::new("../mail.md"), directory), Path::new("../mail.md"));
    }

    fn names() -> impl Strategy<Value = Vec<Name>> {
        let name = ("[a-c]\\.md", "[A-D][a-z]?").prop_map(|(path, title)| Name { path: path.into(), title });
        prop::collection::vec(name, 0..60)
    }

    fn kinds() -> impl Strategy<Value = PartitionKind> {
        prop_oneof![Just(PartitionKind::Hash), Just(PartitionKind::Count)]
    }

    fn parts(by: PartitionKind, total: usize, names: &[Name]) -> Vec<Vec<usize>> {
        (1..=total).map(|index| Assignment { by, index, total }.positions(names)).collect()
    }

    /// The names of a part, sorted.
    fn sorted<'a>(part: &[usize], names: &'a [Name]) -> Vec<&'a Name> {
        let mut sorted: Vec<&Name> = part.iter().map(|&at| &names[at]).collect();
        sorted.sort();
        sorted
    }

    proptest! {
        #[test]
        fn every_scenario_is_in_exactly_one_part(names in names(), by in kinds(), total in 1_usize..9) {
            let mut all: Vec<usize> = parts(by, total, &names).concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..names.len()).collect::<Vec<_>>());
        }

        #[test]
        fn parts_do_not_depend_on_the_order(
            (names, shuffled) in names().prop_flat_map(|names| (Just(names.clone()), Just(names).prop_shuffle())),
            by in kinds(),
            total in 1_usize..9,
        ) {
            for (one, other) in parts(by, total, &names).iter().zip(parts(by, total, &shuffled)) {
                prop_assert_eq!(sorted(one, &names), sorted(&other, &shuffled));
            }
            prop_assert_eq!(hash_of_all(&names), hash_of_all(&shuffled));
        }

        #[test]
        fn counted_parts_differ_by_one_scenario_at_most(names in names(), total in 1_usize..9) {
            let sizes: BTreeSet<usize> = parts(PartitionKind::Count, total, &names).iter().map(Vec::len).collect();
            prop_assert!(sizes.last().unwrap() - sizes.first().unwrap() <= 1);
        }

        #[test]
        fn hashed_scenarios_stay_where_they_are_when_others_come(
            names in names(), more in names(), total in 1_usize..9,
        ) {
            let with_more = [&names[..], &more].concat();
            for (one, other) in parts(PartitionKind::Hash, total, &names).iter().zip(
                parts(PartitionKind::Hash, total, &with_more),
            ) {
                let before: Vec<usize> = other.into_iter().filter(|&at| at < names.len()).collect();
                prop_assert_eq!(one, &before);
            }
        }

        #[test]
        fn nothing_else_is_an_assignment(text in "[a-z0-9:/ +-]{0,12}") {
            if let Ok(assignment) = text.parse::<Assignment>() {
                prop_assert!(1 <= assignment.index && assignment.index <= assignment.total);
                let digits = text.split_once(':').unwrap().1;
                prop_assert!(digits.bytes().all(|byte| byte == b'/' || byte.is_ascii_digit()));
            }
        }
    }
}
