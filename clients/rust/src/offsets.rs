//! Offsets of the application's own consumer.

use crate::v1::{GroupOffsets, TopicPartitionOffset};

// === impl GroupOffsets ===

impl GroupOffsets {
    /// Of a group.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self { group_id: group_id.into(), ..Self::default() }
    }

    /// Adds where the group goes on in a partition: the offset of the last processed record plus 1.
    #[must_use]
    pub fn offset(mut self, topic: impl Into<String>, partition: i32, offset: i64) -> Self {
        let topic = topic.into();
        self.offsets.push(TopicPartitionOffset { topic, partition, offset, metadata: String::new() });
        self
    }

    /// Sets the member's id and its generation (or member epoch), as its consumer knows them: they fence a member that lost its
    /// partitions.
    #[must_use]
    pub fn member(mut self, id: impl Into<String>, generation: i32) -> Self {
        (self.member_id, self.generation_id) = (id.into(), Some(generation));
        self
    }
}
