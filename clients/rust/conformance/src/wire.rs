//! Records as the line protocol has them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, de::Error as _};
use sidecommit_client::{Bytes, Record};

/// Bytes as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Bytes);

#[derive(Debug, Deserialize)]
pub(crate) struct WireRecord {
    topic: String,
    partition: Option<i32>,
    key: Option<Base64>,
    value: Option<Base64>,
    #[serde(default)]
    headers: Vec<(String, Option<Base64>)>,
    timestamp_ms: Option<i64>,
}

// === impl Base64 ===

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(|bytes| Self(bytes.into())).map_err(D::Error::custom)
    }
}

// === impl WireRecord ===

impl From<WireRecord> for Record {
    fn from(wire: WireRecord) -> Self {
        let mut record = Self::new(wire.topic);
        for (name, value) in wire.headers {
            record = match value {
                Some(Base64(value)) => record.header(name, value),
                None => record.null_header(name),
            };
        }
        record.partition = wire.partition;
        record.key = wire.key.map(|key| key.0);
        record.value = wire.value.map(|value| value.0);
        record.timestamp_ms = wire.timestamp_ms;
        record
    }
}
