use crate::{Error, client::QUIET};
use rdkafka::{
    ClientConfig, config::FromClientConfig, consumer::BaseConsumer, error::KafkaError,
    producer::BaseProducer, types::RDKafkaConfRes,
};
use std::{collections::BTreeMap, fmt, fs};

mod rules;

use rules::For;

/// What is shown in place of a secret.
const HIDDEN: &str = "[hidden]";

/// librdkafka properties as the user set them: known, accepted, and none that would break a guarantee.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

// === impl Properties ===

impl Properties {
    /// Takes names without their prefix `kafka.`; of two names of one property the last one counts.
    ///
    /// Nothing is connected to: unknown names, bad values and contradictions are found by making clients that know
    /// no broker.
    ///
    /// # Errors
    /// [`Error::RefusedProperty`], [`Error::UnknownProperty`], [`Error::InvalidValue`] or [`Error::CreateClient`].
    pub fn new<N: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let mut properties = BTreeMap::new();
        for (name, value) in pairs {
            let name = name.as_ref();
            if let Some(reason) = rules::refused(name) {
                return Err(Error::RefusedProperty { name: name.to_owned(), reason });
            }
            properties.insert(rules::canonical(name).to_owned(), value.into());
        }
        let properties = Self(properties);
        properties.check()?;
        Ok(properties)
    }

    /// The values, secrets hidden, for status and `config print`.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| {
            (name.as_str(), if rules::is_secret(name) { HIDDEN } else { value.as_str() })
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn for_producers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.without(For::Consumers)
    }

    pub(crate) fn for_consumers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.without(For::Producers)
    }

    /// What is for all kinds of clients alike.
    pub(crate) fn common(&self) -> impl Iterator<Item = (&str, &str)> {
        self.without(For::Producers).filter(|(name, _)| rules::audience(name) != For::Consumers)
    }

    fn without(&self, other: For) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(move |(name, _)| rules::audience(name) != other)
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn check(&self) -> Result<(), Error> {
        for (name, value) in &self.0 {
            let mut one = ClientConfig::new();
            one.set(name, value);
            one.create_native_config().map_err(|error| explain(name, value, error))?;
            check_file(name, value)?;
        }
        create::<BaseProducer>(self.for_producers())?;
        create::<BaseConsumer>(self.for_consumers())
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}

fn create<'a, C: FromClientConfig>(
    properties: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Error> {
    let mut config = ClientConfig::new();
    config.extend(properties.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.set_log_level(QUIET);
    match config.create::<C>() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientCreation(message)) => Err(Error::CreateClient { message }),
        Err(other) => Err(Error::CreateClient { message: other.to_string() }),
    }
}

/// librdkafka does not name a file that it cannot read.
fn check_file(name: &str, value: &str) -> Result<(), Error> {
    if !name.ends_with(".location") || value == "probe" {
        return Ok(());
    }
    fs::metadata(value).map(|_| ()).map_err(|error| Error::InvalidValue {
        name: name.to_owned(),
        value: format!("{value:?}"),
        accepted: format!("a path that can be read is expected ({error})"),
    })
}

fn explain(name: &str, value: &str, error: KafkaError) -> Error {
    let name = name.to_owned();
    let secret = rules::is_secret(&name);
    let value = if secret { HIDDEN.to_owned() } else { format!("{value:?}") };
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
            Error::UnknownProperty { name }
        }
        // librdkafka repeats the value in its message.
        _ if secret => Error::InvalidValue { name, value, accepted: "librdkafka cannot read it".to_owned() },
        KafkaError::ClientConfig(_, message, ..) => Error::InvalidValue { name, value, accepted: message },
        KafkaError::Nul(_) => {
            Error::InvalidValue { name, value, accepted: "no zero byte is allowed".to_owned() }
        }
        other => Error::InvalidValue { name, value, accepted: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(name: &str, value: &str) -> String {
        Properties::new([(name, value)]).expect_err(name).to_string()
    }

    #[test]
    fn what_would_break_a_guarantee_is_refused_by_name_and_reason() {
        for name in [
            "transactional.id",
            "enable.idempotence",
            "acks",
            "request.required.acks",
            "isolation.level",
            "max.in.flight",
            "max.in.flight.requests.per.connection",
            "transaction.timeout.ms",
            "message.timeout.ms",
            "delivery.timeout.ms",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "group.id",
            "partitioner",
            "sticky.partitioning.linger.ms",
            "allow.auto.create.topics",
            "retries",
            "message.send.max.retries",
            "enable.gapless.guarantee",
            "queue.buffering.max.kbytes",
            "queue.buffering.max.messages",
            "bootstrap.servers",
            "metadata.broker.list",
            "test.mock.num.brokers",
        ] {
            let text = error(name, "1");
            assert!(text.starts_with(&format!("kafka.{name} cannot be set: ")), "{text}");
        }
    }

    #[test]
    fn refused_names_are_names_that_librdkafka_knows() {
        for (name, _) in rules::tests_refused() {
            let set = ClientConfig::new().set(*name, "~").create_native_config().map(|_| ());
            let unknown =
                matches!(set, Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)));
            assert!(!unknown, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_and_a_bad_value_are_told_with_what_is_accepted() {
        assert!(error("no.such", "1").starts_with("kafka.no.such: unknown property"));
        let text = error("socket.timeout.ms", "5");
        assert!(text.contains("kafka.socket.timeout.ms") && text.contains("\"5\""), "{text}");
        assert!(text.contains("10..300000"), "{text}");
        let text = error("compression.type", "brotli");
        assert!(text.contains("kafka.compression.codec") && text.contains("\"brotli\""), "{text}");
    }

    #[test]
    fn contradictions_are_found_without_connecting() {
        let text =
            Properties::new([("ssl.ca.location", "/nonexistent/ca.pem"), ("security.protocol", "ssl")])
                .expect_err("no such file")
                .to_string();
        assert!(text.contains("/nonexistent/ca.pem"), "{text}");
    }

    #[test]
    fn secrets_are_never_shown() {
        let secret = "correct horse";
        let properties = Properties::new([
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "app"),
            ("sasl.password", secret),
            ("ssl.key.password", secret),
        ])
        .expect("valid");
        let text = format!("{properties:?} {:?}", properties.shown().collect::<Vec<_>>());
        assert!(text.contains("sasl.password") && !text.contains(secret), "{text}");
        assert!(rules::is_secret("ssl.key.pem") && !rules::is_secret("ssl.key.location"));
    }

    #[test]
    fn aliases_are_one_property_and_clients_get_only_what_is_theirs() {
        let properties = Properties::new([
            ("queue.buffering.max.ms", "3"),
            ("linger.ms", "4"),
            ("fetch.min.bytes", "2"),
            ("socket.timeout.ms", "9000"),
        ])
        .expect("valid");
        let names = |of: Vec<(&str, &str)>| of.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(properties.get("linger.ms"), Some("4"));
        assert_eq!(names(properties.for_producers().collect()), ["linger.ms", "socket.timeout.ms"]);
        assert_eq!(names(properties.for_consumers().collect()), ["fetch.min.bytes", "socket.timeout.ms"]);
        assert_eq!(names(properties.common().collect()), ["socket.timeout.ms"]);
    }
}
