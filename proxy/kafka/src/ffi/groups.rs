//! The admin calls on consumer groups. Each makes its own queue, so answers cannot be mixed up.

use super::{copy, millis, owned, text};
use crate::classify::TxnError;
use rdkafka::{
    ClientContext, TopicPartitionList,
    bindings::{self as sys, rd_kafka_admin_op_t, rd_kafka_event_t, rd_kafka_resp_err_t},
    client::Client,
    types::RDKafkaErrorCode,
};
use std::{collections::BTreeMap, ffi::c_void, ptr::NonNull, slice, time::Duration};

/// One committed offset of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupOffset {
    /// The metadata that was committed with it.
    Committed(Vec<u8>),
    /// Nothing is committed.
    Absent,
    /// An undecided transaction has written to it (KIP-447's require_stable).
    Unstable,
}

pub(super) struct Queue(pub(super) NonNull<sys::rd_kafka_queue_t>);

pub(super) struct Options(pub(super) NonNull<sys::rd_kafka_AdminOptions_t>);

pub(super) struct Event(pub(super) NonNull<rd_kafka_event_t>);

/// The ids of all groups that may be described by us.
pub(crate) fn list_groups<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<Vec<String>, TxnError> {
    let queue = Queue::new(client)?;
    let options = Options::new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout)?;
    // SAFETY: client, options and queue are live; the request keeps what it needs of them.
    unsafe {
        sys::rd_kafka_ListConsumerGroups(client.native_ptr(), options.0.as_ptr(), queue.0.as_ptr());
    }
    let event = queue.next(timeout)?;
    event.check()?;
    let mut groups = Vec::new();
    // SAFETY: the event is live until the end of this function and owns everything that is read from it; the type of
    // the event is that of the only request on the queue; the arrays have as many entries as told.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroups_result(event.0.as_ptr());
        if result.is_null() {
            return Err(unexpected("no list of groups in the answer"));
        }
        let mut count = 0;
        let errors = sys::rd_kafka_ListConsumerGroups_result_errors(result, &mut count);
        if count > 0 {
            return Err(copy(*errors));
        }
        let listings = sys::rd_kafka_ListConsumerGroups_result_valid(result, &mut count);
        for index in 0..count {
            groups.push(owned(sys::rd_kafka_ConsumerGroupListing_group_id(*listings.add(index))));
        }
    }
    Ok(groups)
}

/// What each group has committed for one partition, read with require_stable.
pub(crate) fn committed_offsets<C: ClientContext>(
    client: &Client<C>,
    groups: &[String],
    topic: &str,
    partition: i32,
    timeout: Duration,
) -> Result<BTreeMap<String, GroupOffset>, TxnError> {
    /// Requests under way at once.
    const AT_ONCE: usize = 64;

    let mut partitions = TopicPartitionList::new();
    partitions.add_partition(topic, partition);
    let mut found = BTreeMap::new();
    for groups in groups.chunks(AT_ONCE) {
        let queue = Queue::new(client)?;
        for group in groups {
            request_offsets(client, queue.0, group, &partitions, timeout)?;
        }
        for _ in groups {
            let event = queue.next(timeout)?;
            event.check()?;
            let (group, offset) = event.group_offset()?;
            found.insert(group, offset);
        }
    }
    Ok(found)
}

/// Asks for a group's offsets; the answer comes to the queue, which must be live.
pub(super) fn request_offsets<C: ClientContext>(
    client: &Client<C>,
    queue: NonNull<sys::rd_kafka_queue_t>,
    group: &str,
    partitions: &TopicPartitionList,
    timeout: Duration,
) -> Result<(), TxnError> {
    let op = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let options = Options::new(client, op, timeout)?;
    let group = text(group)?;
    // SAFETY: everything passed is live during the calls, and copied by them; a returned error is owned by us and
    // destroyed by `check`; the request is made by `_new` and destroyed once.
    unsafe {
        super::check(sys::rd_kafka_AdminOptions_set_require_stable_offsets(options.0.as_ptr(), 1))?;
        let mut request = sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), partitions.ptr());
        sys::rd_kafka_ListConsumerGroupOffsets(
            client.native_ptr(),
            &mut request,
            1,
            options.0.as_ptr(),
            queue.as_ptr(),
        );
        sys::rd_kafka_ListConsumerGroupOffsets_destroy(request);
    }
    Ok(())
}

pub(super) fn unexpected(message: &str) -> TxnError {
    TxnError { code: RDKafkaErrorCode::Fail, ..super::malformed(message) }
}

// === impl Queue ===

impl Queue {
    pub(super) fn new<C: ClientContext>(client: &Client<C>) -> Result<Self, TxnError> {
        // SAFETY: the client is live; the queue keeps a reference of its own to it.
        let queue = unsafe { sys::rd_kafka_queue_new(client.native_ptr()) };
        NonNull::new(queue).map(Self).ok_or_else(|| unexpected("no queue"))
    }

    /// The next answer. Requests time out by themselves; the extra second is for the answer that says so.
    pub(super) fn next(&self, timeout: Duration) -> Result<Event, TxnError> {
        let timeout = millis(timeout + Duration::from_secs(1));
        // SAFETY: the queue is live; the event is owned by us.
        let event = unsafe { sys::rd_kafka_queue_poll(self.0.as_ptr(), timeout) };
        NonNull::new(event).map(Event).ok_or_else(|| TxnError {
            code: RDKafkaErrorCode::OperationTimedOut,
            ..super::malformed("no answer to a request about the cluster")
        })
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_queue_new and destroyed only here.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

// === impl Options ===

impl Options {
    pub(super) fn new<C: ClientContext>(
        client: &Client<C>,
        op: rd_kafka_admin_op_t,
        timeout: Duration,
    ) -> Result<Self, TxnError> {
        let mut text = [0; 128];
        // SAFETY: the client is live; the buffer has the length that is told; the options are destroyed by Drop.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client.native_ptr(), op);
            let options = NonNull::new(options).map(Self).ok_or_else(|| unexpected("no options"))?;
            let result = sys::rd_kafka_AdminOptions_set_request_timeout(
                options.0.as_ptr(),
                millis(timeout),
                text.as_mut_ptr(),
                text.len(),
            );
            if result != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(TxnError { code: result.into(), ..super::malformed(&owned(text.as_ptr())) });
            }
            Ok(options)
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_AdminOptions_new and destroyed only here.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

// === impl Event ===

impl Event {
    pub(super) fn check(&self) -> Result<(), TxnError> {
        // SAFETY: the event is live and owns the text.
        unsafe {
            let code = sys::rd_kafka_event_error(self.0.as_ptr());
            if code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Ok(());
            }
            let message = owned(sys::rd_kafka_event_error_string(self.0.as_ptr()));
            Err(TxnError { code: code.into(), ..super::malformed(&message) })
        }
    }

    /// The one group that an answer with offsets is about; the event owns it.
    pub(super) fn group(&self) -> Result<*const sys::rd_kafka_group_result_t, TxnError> {
        // SAFETY: the event is live and owns everything read here; the array is read within its told length.
        unsafe {
            let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(self.0.as_ptr());
            let mut count = 0;
            if result.is_null() {
                return Err(unexpected("no offsets in the answer"));
            }
            let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
            if count != 1 {
                return Err(unexpected("not one group in the answer"));
            }
            Ok(*groups)
        }
    }

    /// The answer to one `request_offsets`: one group with one partition.
    fn group_offset(&self) -> Result<(String, GroupOffset), TxnError> {
        // SAFETY: the event is live and owns everything read here; arrays are read within their told length.
        unsafe {
            let group = self.group()?;
            let error = sys::rd_kafka_group_result_error(group);
            let id = owned(sys::rd_kafka_group_result_name(group));
            if !error.is_null() {
                return unstable_or(copy(error)).map(|offset| (id, offset));
            }
            let partitions = sys::rd_kafka_group_result_partitions(group);
            if partitions.is_null() || (*partitions).cnt != 1 {
                return Err(unexpected("not one partition in the answer"));
            }
            let element = &*(*partitions).elems;
            let code = RDKafkaErrorCode::from(element.err);
            if code != RDKafkaErrorCode::NoError {
                let error = TxnError { code, ..super::malformed(&code.to_string()) };
                return unstable_or(error).map(|offset| (id, offset));
            }
            if element.offset < 0 {
                return Ok((id, GroupOffset::Absent));
            }
            let metadata = bytes(element.metadata, element.metadata_size);
            Ok((id, GroupOffset::Committed(metadata)))
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: returned by rd_kafka_queue_poll to us, destroyed only here.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

fn unstable_or(error: TxnError) -> Result<GroupOffset, TxnError> {
    if error.code == RDKafkaErrorCode::UnstableOffsetCommit {
        return Ok(GroupOffset::Unstable);
    }
    Err(error)
}

/// Copies a buffer; NULL is empty.
///
/// # Safety
/// `data` is NULL or points to `size` readable bytes.
unsafe fn bytes(data: *const c_void, size: usize) -> Vec<u8> {
    if data.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: valid by contract.
    unsafe { slice::from_raw_parts(data.cast::<u8>(), size) }.to_vec()
}
