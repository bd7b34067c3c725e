use std::fmt;

/// Why there is no identity. The texts name the setting, its value and what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A part that must be given is not.
    #[error("{setting}: not set: {expected}")]
    Missing {
        /// The setting's name.
        setting: &'static str,
        /// What is needed and how to give it.
        expected: &'static str,
    },
    /// A part is not well-formed.
    #[error("{setting}: {value:?}: expected {expected}")]
    Malformed {
        /// The setting's name.
        setting: &'static str,
        /// The text that was refused.
        value: String,
        /// The accepted form.
        expected: &'static str,
    },
    /// Two settings say different things.
    #[error("{setting}: {value:?}: expected {expected:?}, as {other} says, or nothing")]
    Contradiction {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What the other setting implies.
        expected: String,
        /// The other setting's name.
        other: &'static str,
    },
    /// An ordinal is set although a Lease gives one.
    #[error("{setting}: {value:?}: expected nothing, since identity is lease: a Lease gives the ordinal")]
    NotWithLease {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// A part would change at a restart.
    #[error(
        "{setting}: {value:?} {instability}: it changes when the pod is replaced, and an identity must not: with a fresh \
         transactional.id after each restart the predecessor, should it still live (a zombie), is never fenced, and the \
         transaction it left open blocks read_committed readers until it times out; expected a name that stays the same \
         across restarts and that one pod at a time uses: run the pod in a StatefulSet and pass its name and \
         pod-index label by the downward API (pod_name, pod_index), or set slot, or workload and ordinal"
    )]
    Unstable {
        /// The setting's name.
        setting: &'static str,
        /// The text that was refused.
        value: String,
        /// How it was recognised.
        instability: Instability,
    },
}

/// How a text was recognised as one that does not last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instability {
    /// `<name>-<pod-template-hash>-<5 characters>`, or the pod-template-hash label is set.
    DeploymentPod,
    /// The pod's own name, which has no ordinal.
    PodName,
    /// An IP address, in any notation.
    Address,
    /// A UUID, such as a pod's uid.
    Uid,
    /// A container id or another long hexadecimal number.
    Hex,
}

impl fmt::Display for Instability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeploymentPod => "belongs to a Deployment's pod (pod-template-hash)",
            Self::PodName => "is the name of a pod without an ordinal",
            Self::Address => "is an IP address",
            Self::Uid => "contains a uid",
            Self::Hex => "contains a container id or another random number",
        })
    }
}
