use std::time::Duration;

/// What a lease says, free of how Kubernetes writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Facts {
    pub(crate) ordinal: u32,
    /// The resourceVersion: changes with every write, so also with every renewal.
    pub(crate) version: String,
    pub(crate) holder: Option<String>,
    /// The holder's pod, for people.
    pub(crate) pod: Option<String>,
    /// What its holder promised; a lease without it is judged by our own duration.
    pub(crate) duration: Option<Duration>,
    /// No transaction of an earlier holder can be open under the slot's ids.
    pub(crate) settled: bool,
    /// How many lanes its holders had.
    pub(crate) lanes: Option<u16>,
}
