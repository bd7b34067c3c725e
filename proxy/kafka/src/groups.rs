//! Outcomes records as the metadata of private consumer groups' offsets, for those who cannot create topics
//! (engine.md 3): each key of the outcomes is a group that nobody joins.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use sidecommit_core::{ConsumerGroup, GroupOffsets, TopicPartitionOffset};

/// The group that stands for a key.
pub(crate) fn name(prefix: &str, key: &str) -> String {
    format!("{prefix}{key}")
}

/// The key that a group stands for.
pub(crate) fn key<'a>(prefix: &str, group: &'a str) -> Option<&'a str> {
    group.strip_prefix(prefix)
}

/// Offsets that carry a value. The offset itself means nothing.
pub(crate) fn carrier(group_id: String, topic: &str, partition: i32, value: &[u8]) -> GroupOffsets {
    GroupOffsets {
        group: ConsumerGroup {
            group_id,
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
            consumer: None,
        },
        offsets: vec![TopicPartitionOffset {
            topic: topic.to_owned(),
            partition,
            offset: 0,
            metadata: STANDARD_NO_PAD.encode(value),
        }],
    }
}

/// The value that was carried; None if it is not one of ours.
pub(crate) fn value(metadata: &[u8]) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(metadata).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_and_90_members_fit_the_broker_s_default_limit() {
        let bytes: Vec<u8> = (0..=255).cycle().take(45 + 90 * 32).collect();
        let offsets = carrier(name("sidecommit/", "p/ns/app/0#owner"), "t", 0, &bytes);
        let metadata = &offsets.offsets[0].metadata;
        assert!(metadata.len() <= 4096, "{}", metadata.len());
        assert_eq!(value(metadata.as_bytes()), Some(bytes));
        assert_eq!(key("sidecommit/", &offsets.group.group_id), Some("p/ns/app/0#owner"));
        assert_eq!(value(b"%%"), None);
    }
}
