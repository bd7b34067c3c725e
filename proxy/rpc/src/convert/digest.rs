//! Digests of what callers send: keys, and contents that must not change between two attempts.

use crate::proto::v1;
use prost::Message;
use sha2::{Digest, Sha256};
use sidecommit_core::{Fingerprint, IdempotencyKey, KeyHash};

/// The hash that a marker carries for an idempotency key: the first 16 bytes of its SHA-256.
pub fn key_hash(key: &str) -> KeyHash {
    KeyHash(first_half(Sha256::digest(key)))
}

/// An idempotency key with its hash.
pub(super) fn key(text: String) -> IdempotencyKey {
    IdempotencyKey { hash: key_hash(&text), text }
}

/// What a repeated Begin must agree on.
pub(super) fn of_begin(request: &v1::BeginRequest) -> Fingerprint {
    let mut content = Content::new("sidecommit.v1.Begin");
    match &request.timeout {
        None => content.absent(),
        Some(timeout) => content.number(timeout.seconds).number(timeout.nanos.into()),
    };
    content.text(&request.label).text(&request.ordering_key).finish()
}

/// What a repeated Transact must agree on: the effect, not how long it may take. A timestamp that was left to the
/// sidecar is absent in both attempts.
pub(super) fn of_transact(request: &v1::TransactRequest) -> Fingerprint {
    let mut content = Content::new("sidecommit.v1.Transact");
    content.number(request.records.len() as i64);
    for record in &request.records {
        content
            .text(&record.topic)
            .optional_number(record.partition.map(i64::from))
            .optional(record.key.as_deref())
            .optional(record.value.as_deref())
            .optional_number(record.timestamp_ms)
            .number(record.headers.len() as i64);
        for header in &record.headers {
            content.text(&header.name).optional(header.value.as_deref());
        }
    }
    content.number(request.group_offsets.len() as i64);
    for group in &request.group_offsets {
        // Only what is committed: a repeat may come from another member or generation of the group.
        content.text(&group.group_id).number(group.offsets.len() as i64);
        for offset in &group.offsets {
            content.text(&offset.topic).number(offset.partition.into()).number(offset.offset);
            content.text(&offset.metadata);
        }
    }
    content.text(&request.ordering_key);
    // Without any, the digest is that of the versions that had none: their journals are still read.
    if !request.delivery_ids.is_empty() {
        content.number(request.delivery_ids.len() as i64);
        request.delivery_ids.iter().for_each(|id| {
            content.text(id);
        });
    }
    content.finish()
}

/// What a resumed session must agree on: all but its name. Fields are encoded in the order of their numbers and absent ones
/// not at all, so that fields of later versions change nothing here.
pub(super) fn of_subscribe(request: &v1::Subscribe) -> Fingerprint {
    let anew = v1::Subscribe { session_id: String::new(), ..request.clone() };
    Content::new("sidecommit.v1.Subscribe").bytes(&anew.encode_to_vec()).finish()
}

/// An unambiguous encoding on its way into SHA-256: each part is preceded by its length, absence has a mark of its own.
struct Content(Sha256);

// === impl Content ===

impl Content {
    fn new(kind: &str) -> Self {
        let mut content = Self(Sha256::new());
        content.text(kind);
        content
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as i64);
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    /// A length that no present value has.
    fn absent(&mut self) -> &mut Self {
        self.number(-1)
    }

    fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.absent(),
        }
    }

    fn optional_number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.bytes(&number.to_be_bytes()),
            None => self.absent(),
        }
    }

    fn finish(&mut self) -> Fingerprint {
        Fingerprint(first_half(self.0.finalize_reset()))
    }
}

fn first_half(digest: impl AsRef<[u8]>) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_ref()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> v1::Record {
        v1::Record { topic: "t".into(), key: Some("k".into()), value: Some("v".into()), ..Default::default() }
    }

    fn with(change: impl FnOnce(&mut v1::TransactRequest)) -> Fingerprint {
        let mut request = v1::TransactRequest {
            idempotency_key: "a".into(),
            records: vec![record(), record()],
            ..Default::default()
        };
        change(&mut request);
        of_transact(&request)
    }

    #[test]
    fn a_key_hash_is_the_first_half_of_sha256() {
        assert_eq!(key_hash("abc").to_string(), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn any_change_of_the_content_changes_the_fingerprint() {
        let changed = [
            with(|_| ()),
            with(|t| t.records[0].topic = "tk".into()),
            with(|t| t.records[0].key = Some("kv".into())),
            with(|t| (t.records[0].key, t.records[0].value) = (Some("kv".into()), Some("".into()))),
            with(|t| t.records[0].key = None),
            with(|t| t.records[0].key = Some("".into())),
            with(|t| t.records[0].value = None),
            with(|t| t.records[0].partition = Some(0)),
            with(|t| t.records[0].timestamp_ms = Some(0)),
            with(|t| t.records[0].headers = vec![v1::Header { name: "h".into(), value: None }]),
            with(|t| t.records[0].headers = vec![v1::Header { name: "h".into(), value: Some("".into()) }]),
            with(|t| t.records.truncate(1)),
            with(|t| t.ordering_key = "o".into()),
            with(|t| t.group_offsets = vec![v1::GroupOffsets::default()]),
            with(|t| t.delivery_ids = vec!["ab".into()]),
            with(|t| t.delivery_ids = vec!["a".into(), "b".into()]),
            with(|t| t.delivery_ids = vec!["b".into(), "a".into()]),
        ];
        for (i, a) in changed.iter().enumerate() {
            assert!(changed[..i].iter().all(|b| a != b), "case {i}");
        }
    }

    #[test]
    fn how_and_when_it_is_tried_does_not_change_the_fingerprint() {
        let first = with(|_| ());
        assert_eq!(first, with(|t| t.timeout = Some(prost_types::Duration { seconds: 1, nanos: 0 })));
        assert_eq!(
            first,
            with(|t| t.first_attempt_time = Some(prost_types::Timestamp { seconds: 1, nanos: 0 }))
        );
    }

    #[test]
    fn a_content_without_deliveries_has_the_fingerprint_of_versions_before_them() {
        assert_eq!(with(|_| ()).to_string(), "3eb32dfd65d91a0209edce6d6ecfc89e");
    }

    #[test]
    fn a_subscription_is_known_by_all_but_its_session() {
        let with = |change: fn(&mut v1::Subscribe)| {
            let mut request = v1::Subscribe { group_id: "g".into(), ..Default::default() };
            change(&mut request);
            of_subscribe(&request)
        };
        let changed = [
            with(|_| ()),
            with(|s| s.group_id = "h".into()),
            with(|s| s.topics = vec!["ab".into()]),
            with(|s| s.topics = vec!["a".into(), "b".into()]),
            with(|s| s.topic_pattern = "ab".into()),
            with(|s| s.group_instance_id = "ab".into()),
            with(|s| s.limits = Some(v1::DeliveryLimits { max_records: 1, ..Default::default() })),
            with(|s| s.limits = Some(v1::DeliveryLimits { max_delivery_bytes: 1, ..Default::default() })),
            with(|s| s.limits = Some(v1::DeliveryLimits { max_message_bytes: 1, ..Default::default() })),
            with(|s| s.set_reset_policy(v1::ResetPolicy::Latest)),
            with(|s| s.set_group_protocol(v1::GroupProtocol::Consumer)),
            with(|s| s.retry_policy = Some(v1::RetryPolicy { max_attempts: 1, ..Default::default() })),
            with(|s| s.delivery_timeout = Some(prost_types::Duration { seconds: 1, nanos: 0 })),
        ];
        for (i, a) in changed.iter().enumerate() {
            assert!(changed[..i].iter().all(|b| a != b), "case {i}");
        }
        assert_eq!(changed[0], with(|s| s.session_id = "cs-1".into()));
    }
}
