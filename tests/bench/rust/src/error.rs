use rdkafka::error::KafkaError;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}: {1}")]
    Kafka(&'static str, KafkaError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("the consumer has no group")]
    NoGroup,
    #[error("nothing to copy")]
    NothingToCopy,
    #[error("the work ended during the warm-up")]
    EndedEarly,
    #[error("no transaction began within the window")]
    NothingMeasured,
    #[error("a worker panicked")]
    Panicked,
}

/// Names the act that failed.
pub(crate) trait When<T> {
    fn when(self, act: &'static str) -> Result<T, Error>;
}

impl<T> When<T> for Result<T, KafkaError> {
    fn when(self, act: &'static str) -> Result<T, Error> {
        self.map_err(|error| Error::Kafka(act, error))
    }
}
