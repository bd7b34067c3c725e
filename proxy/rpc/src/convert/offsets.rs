//! Consumer offsets of the application's own consumers.

use super::{
    Topics,
    field::{id, invalid, quoted, without_nul},
};
use crate::{Backend, proto::v1};
use sidecommit_core::{ConsumerGroup, GroupOffsets, Reason, Refusal, TopicPartitionOffset};
use std::collections::HashSet;

/// The broker's offset.metadata.max.bytes by default; more would abort the transaction.
const METADATA_BYTES_MAX: usize = 4096;

/// Offsets of several groups.
pub(super) async fn all<B: Backend>(
    mut topics: Topics<'_, B>,
    wire: Vec<v1::GroupOffsets>,
) -> Result<Vec<GroupOffsets>, Refusal> {
    let mut groups: Vec<GroupOffsets> = Vec::with_capacity(wire.len());
    for wire in wire {
        let group = one(&mut topics, wire).await?;
        if groups.iter().any(|other| other.group.group_id == group.group.group_id) {
            return Err(invalid("group_offsets.group_id", quoted(&group.group.group_id), "each group once"));
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Offsets of one group.
pub(super) async fn one<B: Backend>(
    topics: &mut Topics<'_, B>,
    wire: v1::GroupOffsets,
) -> Result<GroupOffsets, Refusal> {
    const OFFSETS: &str = "group_offsets.offsets";
    if wire.offsets.is_empty() {
        return Err(invalid(OFFSETS, "empty", "at least one"));
    }
    let mut seen = HashSet::new();
    let mut offsets = Vec::with_capacity(wire.offsets.len());
    for wire in wire.offsets {
        let (topic, facts) = topics.topic("group_offsets.offsets.topic", &wire.topic).await?;
        let offset = offset(wire, facts.partitions)?;
        if !seen.insert((topic, offset.partition)) {
            let shown = format!("{}-{}", offset.topic, offset.partition);
            return Err(invalid(OFFSETS, shown, "each topic and partition once"));
        }
        offsets.push(offset);
    }
    let group = group(wire.group_id, wire.member_id, wire.generation_id, wire.group_instance_id)?;
    Ok(GroupOffsets { group, offsets })
}

fn group(
    group_id: String,
    member_id: String,
    generation_id: Option<i32>,
    group_instance_id: String,
) -> Result<ConsumerGroup, Refusal> {
    id("group_offsets.group_id", &group_id, 1)?;
    id("group_offsets.member_id", &member_id, 0)?;
    id("group_offsets.group_instance_id", &group_instance_id, 0)?;
    let generation = generation_id.unwrap_or(-1);
    // Half of the pair would either fence nobody or be refused by the broker, together with the whole transaction.
    if generation < -1 || (generation == -1) != member_id.is_empty() {
        let shown = format!("{generation_id:?} with member_id {}", quoted(&member_id));
        return Err(invalid(
            "group_offsets.generation_id",
            shown,
            "0 or more and a member_id, or neither of them",
        ));
    }
    let group_instance_id = Some(group_instance_id).filter(|id| !id.is_empty());
    Ok(ConsumerGroup { group_id, generation_id: generation, member_id, group_instance_id, consumer: None })
}

fn offset(wire: v1::TopicPartitionOffset, partitions: i32) -> Result<TopicPartitionOffset, Refusal> {
    if !(0..partitions).contains(&wire.partition) {
        let message =
            format!("partition {} of topic {}: expected 0 to {}", wire.partition, wire.topic, partitions - 1);
        return Err(
            Refusal::new(Reason::PartitionOutOfRange, message).field("group_offsets.offsets.partition")
        );
    }
    if wire.offset < 0 {
        return Err(invalid(
            "group_offsets.offsets.offset",
            wire.offset,
            "0 or more: the offset of the next record to read",
        ));
    }
    let metadata = "group_offsets.offsets.metadata";
    without_nul(metadata, &wire.metadata)?;
    if wire.metadata.len() > METADATA_BYTES_MAX {
        let shown = format!("of {} bytes", wire.metadata.len());
        return Err(invalid(metadata, shown, format_args!("at most {METADATA_BYTES_MAX} bytes")));
    }
    Ok(TopicPartitionOffset {
        topic: wire.topic,
        partition: wire.partition,
        offset: wire.offset,
        metadata: wire.metadata,
    })
}
