//! Requests for offsets whose answers come to a consumer's queue.

use super::{
    check,
    consumer::{Answer, ConsumerQueue},
    groups::{Event, Options, request_offsets, unexpected},
    owned,
};
use crate::classify::TxnError;
use rdkafka::{
    ClientContext, TopicPartitionList,
    bindings::{
        self as sys, rd_kafka_IsolationLevel_t, rd_kafka_admin_op_t, rd_kafka_topic_partition_list_t,
        rd_kafka_topic_partition_t,
    },
    client::Client,
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::TopicPartition;
use std::{ptr, slice, time::Duration};

impl ConsumerQueue {
    /// Asks for what a group has committed, with require_stable.
    pub(crate) fn ask_committed<C: ClientContext>(
        &self,
        client: &Client<C>,
        group: &str,
        partitions: &TopicPartitionList,
        timeout: Duration,
    ) -> Result<(), TxnError> {
        request_offsets(client, self.0, group, partitions, timeout)
    }

    /// Asks for first or last offsets of partitions, as the list says, for a read_committed reader.
    pub(crate) fn ask_bounds<C: ClientContext>(
        &self,
        client: &Client<C>,
        partitions: &TopicPartitionList,
        timeout: Duration,
    ) -> Result<(), TxnError> {
        let options = Options::new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout)?;
        let isolation = rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
        // SAFETY: everything passed is live during the calls, and copied by them; `check` destroys the error.
        unsafe {
            check(sys::rd_kafka_AdminOptions_set_isolation_level(options.0.as_ptr(), isolation))?;
            sys::rd_kafka_ListOffsets(
                client.native_ptr(),
                partitions.ptr(),
                options.0.as_ptr(),
                self.0.as_ptr(),
            );
        }
        Ok(())
    }

    /// Commits offsets with the generation that the member is in when they are sent.
    pub(crate) fn commit<C: ClientContext>(
        &self,
        client: &Client<C>,
        offsets: &TopicPartitionList,
    ) -> Result<(), TxnError> {
        // SAFETY: client, list and queue are live; the call copies the list; without a callback the result is an event.
        let result = unsafe {
            let (client, queue) = (client.native_ptr(), self.0.as_ptr());
            sys::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, ptr::null_mut())
        };
        match Code::from(result) {
            Code::NoError => Ok(()),
            code => Err(TxnError { code, ..unexpected(&code.to_string()) }),
        }
    }
}

// === impl Event ===

impl Event {
    /// The answer to `ask_committed`.
    pub(super) fn committed(&self) -> Result<Vec<(TopicPartition, Answer)>, TxnError> {
        self.check()?;
        // SAFETY: the event is live and owns everything read here; arrays are read within their told length.
        unsafe {
            let group = self.group()?;
            let error = sys::rd_kafka_group_result_error(group);
            if !error.is_null() {
                return Err(super::copy(error));
            }
            Ok(answers(sys::rd_kafka_group_result_partitions(group)))
        }
    }

    /// The answer to `commit`.
    pub(super) fn stored(&self) -> Result<Vec<(TopicPartition, Answer)>, TxnError> {
        self.check()?;
        // SAFETY: as above.
        unsafe { Ok(answers(sys::rd_kafka_event_topic_partition_list(self.0.as_ptr()))) }
    }

    /// The answer to `ask_bounds`.
    pub(super) fn listed(&self) -> Result<Vec<(TopicPartition, Answer)>, TxnError> {
        self.check()?;
        // SAFETY: as above.
        unsafe {
            let result = sys::rd_kafka_event_ListOffsets_result(self.0.as_ptr());
            let mut count = 0;
            if result.is_null() {
                return Err(unexpected("no offsets in the answer"));
            }
            let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
            let infos = (0..count).map(|index| *infos.add(index));
            Ok(infos
                .map(|info| answer(&*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info)))
                .collect())
        }
    }
}

/// Copies a list; NULL is empty.
///
/// # Safety
/// `list` is NULL or points to a live list.
unsafe fn answers(list: *const rd_kafka_topic_partition_list_t) -> Vec<(TopicPartition, Answer)> {
    // SAFETY: valid by contract; the list has as many elements as it tells, each with a topic.
    unsafe {
        if list.is_null() || (*list).cnt <= 0 {
            return Vec::new();
        }
        let elements = slice::from_raw_parts((*list).elems, usize::try_from((*list).cnt).unwrap_or(0));
        elements.iter().map(|element| answer(element)).collect()
    }
}

/// Copies an element.
///
/// # Safety
/// Its topic is NUL-terminated.
unsafe fn answer(element: &rd_kafka_topic_partition_t) -> (TopicPartition, Answer) {
    // SAFETY: valid by contract.
    let partition = TopicPartition::new(unsafe { owned(element.topic) }, element.partition);
    match Code::from(element.err) {
        Code::NoError => (partition, Ok((element.offset >= 0).then_some(element.offset))),
        code => (partition, Err(code)),
    }
}
