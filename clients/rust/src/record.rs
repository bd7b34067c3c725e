//! Records to be written.

use crate::v1::{self, Header};
use bytes::Bytes;

/// A record to be written. Absent and empty differ: a record without a value is a tombstone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// An existing topic; topics are never created on the way.
    pub topic: String,
    /// Absent: chosen by key, as Kafka's Java producer does.
    pub partition: Option<i32>,
    /// Required on compacted topics.
    pub key: Option<Bytes>,
    /// Absent: a tombstone.
    pub value: Option<Bytes>,
    /// In order; names may repeat.
    pub headers: Vec<Header>,
    /// Milliseconds since the Unix epoch. Absent: when the sidecar accepts the record.
    pub timestamp_ms: Option<i64>,
}

/// What keys and values are made of: bytes, or what has obvious ones. Anything else goes through a function to bytes, such as
/// prost's `encode_to_vec`.
pub trait IntoBytes {
    /// The bytes.
    fn into_bytes(self) -> Bytes;
}

// === impl Record ===

impl Record {
    /// For a topic; without a value it is a tombstone.
    pub fn new(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), ..Self::default() }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl IntoBytes) -> Self {
        self.key = Some(key.into_bytes());
        self
    }

    /// Sets the value.
    #[must_use]
    pub fn value(mut self, value: impl IntoBytes) -> Self {
        self.value = Some(value.into_bytes());
        self
    }

    /// Sets the value to JSON.
    ///
    /// # Errors
    /// As `serde_json`: of values that JSON does not have.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<Self, serde_json::Error> {
        Ok(self.value(serde_json::to_vec(value)?))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl IntoBytes) -> Self {
        self.headers.push(Header { name: name.into(), value: Some(value.into_bytes()) });
        self
    }

    /// Adds a header whose value is Kafka's null.
    #[must_use]
    pub fn null_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: None });
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp_ms(mut self, timestamp: i64) -> Self {
        self.timestamp_ms = Some(timestamp);
        self
    }

    /// How much it counts against limits of bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        /// What the sidecar adds for each record.
        const OVERHEAD: usize = 64;
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|header| header.name.len() + length(&header.value));
        OVERHEAD + self.topic.len() + length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }
}

impl From<Record> for v1::Record {
    fn from(record: Record) -> Self {
        let Record { topic, partition, key, value, headers, timestamp_ms } = record;
        Self { topic, partition, key, value, headers, timestamp_ms }
    }
}

// === impl IntoBytes ===

impl IntoBytes for Bytes {
    fn into_bytes(self) -> Bytes {
        self
    }
}

impl IntoBytes for Vec<u8> {
    fn into_bytes(self) -> Bytes {
        self.into()
    }
}

impl IntoBytes for String {
    fn into_bytes(self) -> Bytes {
        self.into()
    }
}

impl IntoBytes for &str {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }
}

impl IntoBytes for &String {
    fn into_bytes(self) -> Bytes {
        self.as_str().into_bytes()
    }
}

impl IntoBytes for &[u8] {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

impl<const N: usize> IntoBytes for [u8; N] {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self)
    }
}

impl<const N: usize> IntoBytes for &[u8; N] {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_empty_differ() {
        let record = Record::new("t").key("");
        assert_eq!((record.key, record.value), (Some(Bytes::new()), None));
    }

    #[test]
    fn headers_keep_their_order_and_nulls() {
        let record = Record::new("t").header("a", b"1").null_header("b").header("a", vec![2]);
        let headers: Vec<_> =
            record.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref())).collect();
        assert_eq!(headers, [("a", Some(b"1".as_slice())), ("b", None), ("a", Some([2].as_slice()))]);
    }

    #[test]
    fn all_that_is_sent_counts() {
        let record = Record::new("topic").key("k").value("value").header("name", "v");
        assert_eq!(record.bytes(), 64 + 5 + 1 + 5 + 5);
    }
}
