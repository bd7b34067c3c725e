//! Polling a member of a consumer group. rust-rdkafka's poll does not say which topic's partition has ended, and holds
//! the thread that polls while a rebalance is thought about.

use super::{
    check,
    groups::{Event, unexpected},
    owned, text,
};
use crate::classify::TxnError;
use bytes::Bytes;
use rdkafka::{
    ClientContext,
    bindings::{self as sys, rd_kafka_message_t, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t},
    client::Client,
    config::RDKafkaLogLevel,
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{Consumed, TopicPartition};
use std::{
    ffi::{CStr, c_void},
    ptr::{self, NonNull},
    slice,
    sync::Arc,
};

/// A consumer's queue: its records, its rebalances, its errors, its log, and the answers to requests that name it. To be
/// dropped before the client.
pub(crate) struct ConsumerQueue(pub(super) NonNull<sys::rd_kafka_queue_t>);

/// What was polled.
pub(crate) enum Polled {
    /// A record.
    Record(Fetched),
    /// A partition's end was reached: the position past whatever is never returned.
    End { topic: String, partition: i32, position: i64 },
    /// The group waits until the rebalance is performed.
    Rebalance(Rebalance),
    /// The answer to a request for offsets, or to a commit of some.
    Offsets(Result<Vec<(TopicPartition, Answer)>, TxnError>),
    /// Something about the client, the group or a partition.
    Error { code: Code, message: String },
    /// A line of the client's log.
    Log { level: RDKafkaLogLevel, facility: String, message: String },
    /// Nothing of interest.
    Other,
}

/// An offset as it was asked for: absent, if there is none.
pub(crate) type Answer = Result<Option<i64>, Code>;

/// A record that is still librdkafka's.
pub(crate) struct Fetched {
    message: NonNull<rd_kafka_message_t>,
    /// Owns the message.
    _event: Event,
}

/// Partitions that come or go.
pub(crate) struct Rebalance {
    event: Event,
    assign: bool,
}

// === impl ConsumerQueue ===

impl ConsumerQueue {
    pub(crate) fn of<C: ClientContext>(client: &Client<C>) -> Result<Self, TxnError> {
        // SAFETY: the client is live; the reference is ours and destroyed by Drop.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(client.native_ptr()) };
        NonNull::new(queue).map(Self).ok_or_else(|| unexpected("the client is no member of a group"))
    }

    /// What is there; None if there is nothing.
    pub(crate) fn poll(&self) -> Option<Polled> {
        // SAFETY: the queue is live; the event is owned by us.
        let event = unsafe { sys::rd_kafka_queue_poll(self.0.as_ptr(), 0) };
        let event = Event(NonNull::new(event)?);
        // SAFETY: the event is live.
        Some(match unsafe { sys::rd_kafka_event_type(event.0.as_ptr()) } {
            sys::RD_KAFKA_EVENT_FETCH => Fetched::of(event),
            sys::RD_KAFKA_EVENT_ERROR => event.consumer_error(),
            sys::RD_KAFKA_EVENT_REBALANCE => Rebalance::of(event),
            sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT => Polled::Offsets(event.committed()),
            sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => Polled::Offsets(event.listed()),
            sys::RD_KAFKA_EVENT_OFFSET_COMMIT => Polled::Offsets(event.stored()),
            sys::RD_KAFKA_EVENT_LOG => event.log(),
            _ => Polled::Other,
        })
    }
}

impl Drop for ConsumerQueue {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and destroyed only here.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

// === impl Fetched ===

impl Fetched {
    fn of(event: Event) -> Polled {
        // SAFETY: the event is live and owns the message until it is destroyed; nobody else reads it.
        let message = unsafe { sys::rd_kafka_event_message_next(event.0.as_ptr()) };
        let Some(message) = NonNull::new(message.cast_mut()) else { return Polled::Other };
        // SAFETY: as above.
        let code = Code::from(unsafe { message.as_ref() }.err);
        if code != Code::NoError {
            return Polled::Error { code, message: code.to_string() };
        }
        Polled::Record(Self { message, _event: event })
    }

    fn message(&self) -> &rd_kafka_message_t {
        // SAFETY: the event that owns it lives as long as we do.
        unsafe { self.message.as_ref() }
    }

    pub(crate) fn topic(&self) -> &str {
        // SAFETY: a message of a record has a topic, which lives as long as the message; its name is NUL-terminated.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.message().rkt)) };
        name.to_str().unwrap_or_default()
    }

    pub(crate) fn partition(&self) -> i32 {
        self.message().partition
    }

    /// A copy of the record.
    pub(crate) fn copy(&self) -> Consumed {
        let message = self.message();
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live; its buffers have the lengths that are told.
        unsafe {
            Consumed {
                offset: message.offset,
                timestamp_ms: sys::rd_kafka_message_timestamp(message, &mut kind),
                key: buffer(message.key, message.key_len),
                value: buffer(message.payload, message.len),
                headers: self.headers(),
            }
        }
    }

    fn headers(&self) -> Vec<(Arc<str>, Option<Bytes>)> {
        let mut found = Vec::new();
        let mut headers = ptr::null_mut();
        // SAFETY: the message is live and owns the headers; librdkafka tells their end by an error; names are
        // NUL-terminated, values have the length that is told.
        unsafe {
            let none = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
            if sys::rd_kafka_message_headers(self.message.as_ptr(), &mut headers) != none {
                return found;
            }
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            while sys::rd_kafka_header_get_all(headers, found.len(), &mut name, &mut value, &mut size) == none
            {
                found.push((owned(name).into(), buffer(value, size)));
            }
        }
        found
    }
}

// === impl Rebalance ===

impl Rebalance {
    fn of(event: Event) -> Polled {
        // SAFETY: the event is live.
        match unsafe { sys::rd_kafka_event_error(event.0.as_ptr()) } {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                Polled::Rebalance(Self { event, assign: true })
            }
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                Polled::Rebalance(Self { event, assign: false })
            }
            other => Polled::Error { code: other.into(), message: "rebalance".to_owned() },
        }
    }

    /// Whether the partitions come.
    pub(crate) fn is_assignment(&self) -> bool {
        self.assign
    }

    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        // SAFETY: the event is live and owns the list, which has as many elements as it tells.
        unsafe {
            let list = self.list();
            if list.is_null() || (*list).cnt <= 0 {
                return Vec::new();
            }
            let elements = slice::from_raw_parts((*list).elems, usize::try_from((*list).cnt).unwrap_or(0));
            let partitions = elements.iter();
            partitions.map(|element| TopicPartition::new(owned(element.topic), element.partition)).collect()
        }
    }

    /// Does it.
    pub(crate) fn perform<C: ClientContext>(
        self,
        client: &Client<C>,
        incremental: bool,
    ) -> Result<(), TxnError> {
        // SAFETY: the client and the event, which owns the list, are live; the calls copy the list; NULL is an empty
        // assignment; `check` destroys the error.
        unsafe {
            let result = match (incremental, self.assign) {
                (true, true) => {
                    return check(sys::rd_kafka_incremental_assign(client.native_ptr(), self.list()));
                }
                (true, false) => {
                    return check(sys::rd_kafka_incremental_unassign(client.native_ptr(), self.list()));
                }
                (false, true) => sys::rd_kafka_assign(client.native_ptr(), self.list()),
                (false, false) => sys::rd_kafka_assign(client.native_ptr(), ptr::null()),
            };
            match Code::from(result) {
                Code::NoError => Ok(()),
                code => Err(TxnError { code, ..unexpected(&code.to_string()) }),
            }
        }
    }

    fn list(&self) -> *mut rd_kafka_topic_partition_list_t {
        // SAFETY: the event is live and owns the list.
        unsafe { sys::rd_kafka_event_topic_partition_list(self.event.0.as_ptr()) }
    }
}

// === impl Event ===

impl Event {
    fn consumer_error(&self) -> Polled {
        // SAFETY: the event is live and owns the text; the partition is ours, if there is one, and destroyed once.
        unsafe {
            let code = Code::from(sys::rd_kafka_event_error(self.0.as_ptr()));
            let about = sys::rd_kafka_event_topic_partition(self.0.as_ptr());
            if about.is_null() {
                let message = owned(sys::rd_kafka_event_error_string(self.0.as_ptr()));
                return Polled::Error { code, message };
            }
            let (topic, partition, position) = (owned((*about).topic), (*about).partition, (*about).offset);
            sys::rd_kafka_topic_partition_destroy(about);
            if code == Code::PartitionEOF {
                return Polled::End { topic, partition, position };
            }
            let message = owned(sys::rd_kafka_event_error_string(self.0.as_ptr()));
            Polled::Error { code, message: format!("topic {topic} partition {partition}: {message}") }
        }
    }

    fn log(&self) -> Polled {
        let (mut facility, mut message, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is live and owns the texts, which are NUL-terminated.
        unsafe {
            if sys::rd_kafka_event_log(self.0.as_ptr(), &mut facility, &mut message, &mut level) != 0 {
                return Polled::Other;
            }
            let (facility, message) = (owned(facility), owned(message));
            Polled::Log { level: log_level(level), facility, message: message.trim().to_owned() }
        }
    }
}

/// A partition's high watermark as the last fetch has told it; None before the first.
pub(crate) fn cached_end<C: ClientContext>(client: &Client<C>, topic: &str, partition: i32) -> Option<i64> {
    let topic = text(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is live, the name is NUL-terminated.
    let result = unsafe {
        let client = client.native_ptr();
        sys::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high)
    };
    (result == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// The levels of syslog.
fn log_level(level: i32) -> RDKafkaLogLevel {
    use RDKafkaLogLevel as L;
    [L::Emerg, L::Alert, L::Critical, L::Error, L::Warning, L::Notice, L::Info]
        .into_iter()
        .find(|known| *known as i32 == level)
        .unwrap_or(L::Debug)
}

/// Copies a buffer; NULL is none.
///
/// # Safety
/// `data` is NULL or points to `size` readable bytes.
unsafe fn buffer(data: *const c_void, size: usize) -> Option<Bytes> {
    if data.is_null() {
        return None;
    }
    // SAFETY: valid by contract.
    Some(Bytes::copy_from_slice(unsafe { slice::from_raw_parts(data.cast::<u8>(), size) }))
}
