//! librdkafka calls that rust-rdkafka has no suitable safe form for, and one of the C library. Nothing else in this crate is
//! unsafe.
//!
//! - group metadata from plain fields (KIP-447): rust-rdkafka can only take it from its own consumer;
//! - commit_transaction and flush: rust-rdkafka's wait in whole 100 ms polls while anything is in flight;
//! - sending records whose values are lent, not copied;
//! - waiting for events without spinning;
//! - listing groups and their offsets with their metadata;
//! - polling a consumer: which topic's partition has ended, and rebalances and commits that wait without a callback;
//! - a topic's id, its configuration or why there is none, and a topic with a configuration of its own;
//! - a key's partition, for a partitioner of our own;
//! - naming the bootstrap servers again;
//! - whether a regular expression is one.

use crate::classify::TxnError;
use rdkafka::{
    ClientContext, TopicPartitionList,
    bindings::{self as sys, rd_kafka_error_t, rd_kafka_resp_err_t},
    client::Client,
};
use sidecommit_core::ConsumerGroup;
use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr::{self, NonNull},
    time::Duration,
};

mod consumer;
mod events;
mod groups;
mod offsets;
mod produce;
mod regex;
mod topics;

pub(crate) use consumer::{Answer, ConsumerQueue, Polled, Rebalance, cached_end};
pub(crate) use events::Events;
pub(crate) use groups::{GroupOffset, committed_offsets, list_groups};
pub(crate) use produce::{Lent, Target, To};
pub(crate) use regex::check_regex;
pub(crate) use topics::{TopicHandle, TopicId, topic_config, topic_id};

/// Tells a client its bootstrap servers again, for when it reaches nobody.
///
/// Brokers that come back after the controller gave them up know of no broker for a moment. A client that asks them then
/// forgets all it knows, the bootstrap servers too, and reaches nobody ever again:
/// <https://github.com/confluentinc/librdkafka/issues/5301>. A client that knows its servers is not changed by this, but
/// keeps a copy of the text: see [`Reminder`](crate::reminder::Reminder).
pub(crate) fn add_servers<C: ClientContext>(client: &Client<C>, servers: &str) {
    let Ok(list) = text(servers) else { return };
    // SAFETY: as in `flush`; the list is NUL-terminated and copied by the call.
    let added = unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), list.as_ptr()) };
    tracing::debug!(added, "bootstrap servers named again");
}

/// The partition of a key, as Java's producer chooses it.
pub(crate) fn murmur2(key: &[u8], partitions: i32) -> i32 {
    // SAFETY: the key is valid for its length; the topic and both opaques are not looked at (rdkafka_msg.c).
    unsafe {
        sys::rd_kafka_msg_partitioner_murmur2(
            ptr::null(),
            key.as_ptr().cast(),
            key.len(),
            partitions,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    }
}

/// Waits until every record is delivered or failed and its report was served (by the thread that polls the producer);
/// returns false if that takes longer. Lets librdkafka send what lingers.
pub(crate) fn flush<C: ClientContext>(client: &Client<C>, timeout: Duration) -> bool {
    // SAFETY: the pointer is valid as long as the client that it was borrowed from; librdkafka is thread-safe.
    let result = unsafe { sys::rd_kafka_flush(client.native_ptr(), millis(timeout)) };
    result == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// EndTxn(commit). A retriable error means: call again, which resumes.
pub(crate) fn commit_transaction<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<(), TxnError> {
    // SAFETY: as in `flush`; the returned error is owned by the caller, and `check` destroys it.
    unsafe { check(sys::rd_kafka_commit_transaction(client.native_ptr(), millis(timeout))) }
}

/// Adds a group's offsets to the transaction. A retriable error means: call again with the same arguments.
pub(crate) fn send_offsets<C: ClientContext>(
    client: &Client<C>,
    offsets: &TopicPartitionList,
    metadata: &GroupMetadata,
    timeout: Duration,
) -> Result<(), TxnError> {
    // SAFETY: client, list and metadata outlive the call, which copies what it keeps; `check` destroys the error.
    unsafe {
        check(sys::rd_kafka_send_offsets_to_transaction(
            client.native_ptr(),
            offsets.ptr(),
            metadata.0.as_ptr(),
            millis(timeout),
        ))
    }
}

/// What tells a group's live member from a zombie.
pub(crate) struct GroupMetadata(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

// === impl GroupMetadata ===

impl GroupMetadata {
    pub(crate) fn new(group: &ConsumerGroup) -> Result<Self, TxnError> {
        let id = text(&group.group_id)?;
        let member = text(&group.member_id)?;
        let instance = group.group_instance_id.as_deref().map(text).transpose()?;
        // SAFETY: all strings are NUL-terminated, outlive the call and are copied by it; NULL is allowed for the
        // instance (rdkafka.h).
        let metadata = unsafe {
            sys::rd_kafka_consumer_group_metadata_new_with_genid(
                id.as_ptr(),
                group.generation_id,
                member.as_ptr(),
                instance.as_ref().map_or(ptr::null(), |instance| instance.as_ptr()),
            )
        };
        NonNull::new(metadata).map(Self).ok_or_else(|| malformed("no metadata for the group"))
    }

    /// A member's own, of this moment; None if it is in no generation of its group.
    pub(crate) fn of<C: ClientContext>(member: &Client<C>) -> Option<Self> {
        // SAFETY: the client is live; the metadata is ours, and owns the member id.
        unsafe {
            let metadata = sys::rd_kafka_consumer_group_metadata(member.native_ptr());
            let metadata = NonNull::new(metadata).map(Self)?;
            let generation = sys::rd_kafka_consumer_group_metadata_generation_id(metadata.0.as_ptr());
            let id = owned(sys::rd_kafka_consumer_group_metadata_member_id(metadata.0.as_ptr()));
            // The broker would take them for those of somebody who only commits, whom it does not fence.
            (generation >= 0 && !id.is_empty()).then_some(metadata)
        }
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_consumer_group_metadata_new_with_genid and destroyed only here.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

fn text(value: &str) -> Result<CString, TxnError> {
    CString::new(value).map_err(|_| malformed("a zero byte in the consumer group's fields"))
}

fn malformed(message: &str) -> TxnError {
    TxnError {
        code: rdkafka::types::RDKafkaErrorCode::InvalidArgument,
        retriable: false,
        abortable: false,
        fatal: false,
        message: message.to_owned(),
    }
}

fn millis(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX)
}

/// Copies an error's fields and destroys it; NULL is success.
///
/// # Safety
/// `error` is NULL or an error owned by the caller, who must not use it any more.
unsafe fn check(error: *mut rd_kafka_error_t) -> Result<(), TxnError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: valid by contract, destroyed once, after everything was copied out of it.
    unsafe {
        let copy = copy(error);
        sys::rd_kafka_error_destroy(error);
        Err(copy)
    }
}

/// Copies an error's fields.
///
/// # Safety
/// `error` points to a live error.
unsafe fn copy(error: *const rd_kafka_error_t) -> TxnError {
    // SAFETY: valid by contract.
    unsafe {
        TxnError {
            code: sys::rd_kafka_error_code(error).into(),
            retriable: sys::rd_kafka_error_is_retriable(error) != 0,
            abortable: sys::rd_kafka_error_txn_requires_abort(error) != 0,
            fatal: sys::rd_kafka_error_is_fatal(error) != 0,
            message: owned(sys::rd_kafka_error_string(error)),
        }
    }
}

/// Copies a C string; NULL is empty.
///
/// # Safety
/// `value` is NULL or NUL-terminated and stays valid during the call.
unsafe fn owned(value: *const c_char) -> String {
    if value.is_null() {
        return String::new();
    }
    // SAFETY: valid by contract.
    unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};

    fn group(group_id: &str) -> ConsumerGroup {
        ConsumerGroup {
            group_id: group_id.to_owned(),
            generation_id: 7,
            member_id: "m".to_owned(),
            group_instance_id: Some("i".to_owned()),
            consumer: None,
        }
    }

    #[test]
    fn group_metadata_keeps_its_fields_and_takes_no_zero_byte() {
        let metadata = GroupMetadata::new(&group("g")).expect("valid");
        // SAFETY: the metadata is live; the returned string belongs to it.
        unsafe {
            let id = sys::rd_kafka_consumer_group_metadata_group_id(metadata.0.as_ptr());
            assert_eq!(owned(id), "g");
            assert_eq!(sys::rd_kafka_consumer_group_metadata_generation_id(metadata.0.as_ptr()), 7);
        }
        assert!(GroupMetadata::new(&group("a\0b")).is_err());
    }

    /// Of a generation below 0 the broker takes offsets from anybody.
    #[test]
    fn a_member_in_no_generation_has_no_metadata() {
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("group.id", "g");
        for protocol in ["classic", "consumer"] {
            let member: BaseConsumer = config.set("group.protocol", protocol).create().expect("a consumer");
            member.subscribe(&["t"]).expect("subscribed");
            assert!(GroupMetadata::of(member.client()).is_none(), "{protocol}");
        }
    }

    #[test]
    fn an_error_is_copied_with_its_flags() {
        // SAFETY: a new error, handed over to `check`.
        let result = unsafe {
            check(sys::rd_kafka_error_new(
                rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FENCED,
                c"%s".as_ptr(),
                c"why".as_ptr(),
            ))
        };
        let error = result.expect_err("an error");
        assert_eq!(error.code, rdkafka::types::RDKafkaErrorCode::Fenced);
        assert_eq!(error.message, "why");
        assert!(!error.retriable && !error.fatal && !error.abortable);
    }
}
