//! Labels that select scenarios: `include = "a, -b"`, `exclude = "slow"`.

/// A list of labels, separated by commas. A scenario matches if it has all of them, and none of those after a `-`.
#[derive(Debug)]
struct Labels {
    present: Vec<String>,
    absent: Vec<String>,
}

impl Labels {
    fn read(text: &str) -> Self {
        let (absent, present): (Vec<&str>, Vec<&str>) =
            text.split(',').map(str::trim).filter(|label| !label.is_empty()).partition(|label| label.starts_with('-'));
        let owned = |labels: Vec<&str>| labels.iter().map(|label| label.trim_start_matches('-').to_owned()).collect();
        Self { present: owned(present), absent: owned(absent) }
    }

    fn matches(&self, labels: &[String]) -> bool {
        self.present.iter().all(|label| labels.contains(label))
            && !self.absent.iter().any(|label| labels.contains(label))
    }
}

/// Which scenarios become tests.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    include: Option<Labels>,
    exclude: Option<Labels>,
}

impl Filter {
    /// Reads the arguments `include` and `exclude`.
    pub(crate) fn read(include: Option<&str>, exclude: Option<&str>) -> Self {
        Self { include: include.map(Labels::read), exclude: exclude.map(Labels::read) }
    }

    /// Whether a scenario with these labels becomes a test.
    pub(crate) fn selects(&self, labels: &[String]) -> bool {
        self.include.as_ref().is_none_or(|include| include.matches(labels))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.matches(labels))
    }
}
