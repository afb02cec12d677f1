//! Which network a scenario uses.

/// The network of a scenario, as metadata and labels write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Network {
    /// One of its own: a loopback interface and nothing else.
    #[default]
    Private,
    /// The machine's network.
    Host,
}

impl Network {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Private, Self::Host];

    /// The value of the metadata key `network`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Host => "host",
        }
    }

    /// The network that a value of `network` names.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.name() == name)
    }

    /// The network that a label asks for: `network-host` or `network-private`.
    pub(crate) fn from_label(label: &str) -> Option<Self> {
        label.strip_prefix("network-").and_then(Self::from_name)
    }
}
