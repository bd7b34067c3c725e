//! Who is measured.

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Contender {
    /// A sidecar with its defaults
    Sidecommit,
    /// librdkafka, delivery reports awaited before the commit
    Librdkafka,
    /// rust-rdkafka as its documentation shows it
    RustRdkafka,
    /// Kafka's own client
    Java,
    /// confluent-kafka
    Python,
    /// franz-go
    FranzGo,
    /// librdkafka without transactions, idempotent
    Idempotent,
    /// librdkafka without transactions and without idempotence
    Plain,
}

// === impl Contender ===

impl Contender {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sidecommit => "sidecommit",
            Self::Librdkafka => "librdkafka",
            Self::RustRdkafka => "rust-rdkafka",
            Self::Java => "java",
            Self::Python => "python",
            Self::FranzGo => "franz-go",
            Self::Idempotent => "idempotent",
            Self::Plain => "plain",
        }
    }

    pub(super) fn is_native(self) -> bool {
        self != Self::Sidecommit
    }

    /// Of its producers.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Idempotent => "idempotent",
            _ => "transactional",
        }
    }

    /// As tests/bench/run calls it.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Plain | Self::Idempotent => Self::Librdkafka.name(),
            other => other.name(),
        }
    }
}
