use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

/// What this crate could not do, and why. Failures within a transaction are [`sidecommit_core::LaneError`]s instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A property that would break a guarantee, or that has a setting of its own.
    #[error("kafka.{name} cannot be set: {reason}")]
    RefusedProperty {
        /// Without the prefix `kafka.`.
        name: String,
        /// Why, and what to use instead.
        reason: &'static str,
    },
    /// librdkafka does not know the property.
    #[error(
        "kafka.{name}: unknown property: expected one of librdkafka 2.12's (its CONFIGURATION.md lists them)"
    )]
    UnknownProperty {
        /// Without the prefix `kafka.`.
        name: String,
    },
    /// librdkafka does not accept the value.
    #[error("kafka.{name}: value {value} is not accepted: {accepted}")]
    InvalidValue {
        /// Without the prefix `kafka.`.
        name: String,
        /// As given; hidden if it is a secret.
        value: String,
        /// What would be accepted, in librdkafka's words.
        accepted: String,
    },
    /// A client cannot be made from the settings: they contradict each other, or a file cannot be read.
    #[error("the kafka.* properties cannot be used together: {message}")]
    CreateClient {
        /// librdkafka's words.
        message: String,
    },
    /// A thread could not be started.
    #[error("starting the thread {name}: {message}")]
    StartThread {
        /// Which.
        name: String,
        /// The system's words.
        message: String,
    },
    /// The cluster has no such topic.
    #[error("topic {topic:?} does not exist")]
    UnknownTopic {
        /// Which.
        topic: String,
    },
    /// Not allowed.
    #[error("{act}: denied by Kafka's ACLs ({message})")]
    Denied {
        /// What was tried.
        act: String,
        /// The broker's words.
        message: String,
    },
    /// No answer in time.
    #[error("{act}: no answer from Kafka ({message})")]
    Unreachable {
        /// What was tried.
        act: String,
        /// librdkafka's words.
        message: String,
    },
    /// The broker refused.
    #[error("{act}: refused by Kafka ({message})")]
    Rejected {
        /// What was tried.
        act: String,
        /// The broker's words.
        message: String,
    },
    /// A topic that Sidecommit itself writes to is not as safe as it must be.
    #[error("topic {topic:?}: {config} is {value}: expected {accepted}")]
    UnfitTopic {
        /// Which.
        topic: String,
        /// Which of its properties.
        config: &'static str,
        /// What it is.
        value: String,
        /// What it must be, and how to lower that where it can be lowered.
        accepted: String,
    },
}

// === impl Error ===

impl Error {
    /// The error of a request to the cluster.
    pub(crate) fn of_code(act: impl Into<String>, code: RDKafkaErrorCode) -> Self {
        use RDKafkaErrorCode as C;
        let (act, message) = (act.into(), code.to_string());
        match code {
            C::TopicAuthorizationFailed | C::GroupAuthorizationFailed | C::ClusterAuthorizationFailed => {
                Self::Denied { act, message }
            }
            code if crate::classify::is_unreachable(code) => Self::Unreachable { act, message },
            _ => Self::Rejected { act, message },
        }
    }

    /// The error of a call of rust-rdkafka.
    pub(crate) fn of_call(act: impl Into<String>, error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(code) => Self::of_code(act, code),
            None => match error {
                KafkaError::AdminOp(code) => Self::of_code(act, *code),
                other => Self::Rejected { act: act.into(), message: other.to_string() },
            },
        }
    }
}
