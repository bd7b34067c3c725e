//! Sending a record without copying its value.

use super::TopicHandle;
use crate::classify::TxnError;
use bytes::Bytes;
use rdkafka::{
    ClientContext,
    bindings::{self as sys, rd_kafka_resp_err_t, rd_kafka_vtype_t::*},
    client::Client,
    producer::{Partitioner, ProducerContext},
    types::RDKafkaErrorCode as Code,
};
use std::{ffi::c_void, ptr, sync::Arc};

/// RD_KAFKA_PARTITION_UA.
const ANY: i32 = -1;

/// What comes back with a record's delivery report. Owns the record's value, which librdkafka borrows until then (its
/// INTRODUCTION.md, "Payload memory ownership").
#[derive(Debug)]
pub(crate) struct Lent<T> {
    /// What is to be known of the record when it is reported.
    pub(crate) tag: T,
    _value: Option<Bytes>,
}

/// A topic that a producer has, to be dropped before the client.
pub(crate) struct Target<'a, C: ClientContext> {
    /// Its name.
    pub(crate) topic: &'a str,
    client: &'a Client<C>,
    handle: TopicHandle,
}

/// Where a record goes, and what goes with its value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct To<'a> {
    /// Absent: the partitioner chooses.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) headers: &'a [(Arc<str>, Option<Bytes>)],
    /// Milliseconds since the epoch; 0: now.
    pub(crate) timestamp_ms: i64,
}

// === impl Target ===

impl<'a, C: ClientContext> Target<'a, C> {
    /// Looks the topic up, once for all records to it.
    pub(crate) fn of(client: &'a Client<C>, topic: &'a str) -> Result<Self, TxnError> {
        Ok(Self { topic, client, handle: TopicHandle::of(client, topic)? })
    }

    /// Gives a record to librdkafka, which copies all but its value. The producer's context gets a [`Lent`] with the report.
    ///
    /// # Errors
    /// librdkafka did not take the record; nothing of it is kept.
    pub(crate) fn send<T, P>(&self, to: &To<'_>, value: Option<Bytes>, tag: T) -> Result<(), Code>
    where
        T: Send + Sync,
        P: Partitioner,
        C: ProducerContext<P, DeliveryOpaque = Box<Lent<T>>>,
    {
        let (value_start, value_length) = bytes(value.as_deref());
        let (key_start, key_length) = bytes(to.key);
        let headers = headers(to.headers);
        let lent = Box::into_raw(Box::new(Lent { tag, _value: value }));
        // SAFETY: client and topic are live. Key and value are valid for their lengths; the key is copied, and the value's
        // bytes, which do not move with what owns them, belong to `lent`, which lives until the record's report: as the bounds say,
        // it is what the context is given then. The headers and `lent` are the record's if it is taken, else ours again.
        unsafe {
            let result = sys::rd_kafka_producev(
                self.client.native_ptr(),
                RD_KAFKA_VTYPE_RKT,
                self.handle.as_ptr(),
                RD_KAFKA_VTYPE_PARTITION,
                to.partition.unwrap_or(ANY),
                RD_KAFKA_VTYPE_VALUE,
                value_start,
                value_length,
                RD_KAFKA_VTYPE_KEY,
                key_start,
                key_length,
                RD_KAFKA_VTYPE_OPAQUE,
                lent.cast::<c_void>(),
                RD_KAFKA_VTYPE_TIMESTAMP,
                to.timestamp_ms,
                RD_KAFKA_VTYPE_HEADERS,
                headers,
                RD_KAFKA_VTYPE_END,
            );
            if result == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Ok(());
            }
            if !headers.is_null() {
                sys::rd_kafka_headers_destroy(headers);
            }
            drop(Box::from_raw(lent));
            Err(result.into())
        }
    }
}

/// Absent is NULL, which empty is not.
fn bytes(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    bytes.map_or((ptr::null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()))
}

/// A copy that librdkafka can own; NULL for none.
fn headers(headers: &[(Arc<str>, Option<Bytes>)]) -> *mut sys::rd_kafka_headers_t {
    if headers.is_empty() {
        return ptr::null_mut();
    }
    // SAFETY: the headers were just made; names and values are valid for their lengths and copied. Adding fails for none of
    // them (rdkafka_header.c).
    unsafe {
        let copies = sys::rd_kafka_headers_new(headers.len());
        for (name, value) in headers {
            let (start, length) = bytes(value.as_deref());
            sys::rd_kafka_header_add(
                copies,
                name.as_ptr().cast(),
                name.len().cast_signed(),
                start,
                length.cast_signed(),
            );
        }
        copies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use rdkafka::{
        ClientConfig, Message as _,
        producer::{BaseProducer, DeliveryResult, NoCustomPartitioner, Producer as _},
    };
    use std::{sync::Weak, time::Duration};

    /// What reports told: tag, and the value as librdkafka still has it.
    #[derive(Default)]
    struct Reports(Mutex<Vec<(u32, Option<Vec<u8>>)>>);

    impl ClientContext for Reports {}

    impl ProducerContext for Reports {
        type DeliveryOpaque = Box<Lent<u32>>;

        fn delivery(&self, result: &DeliveryResult<'_>, lent: Box<Lent<u32>>) {
            let (Ok(message) | Err((_, message))) = result;
            self.0.lock().push((lent.tag, message.payload().map(<[u8]>::to_vec)));
        }
    }

    struct Owner(Arc<[u8]>);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    /// A value, and whether it is still there.
    fn value(bytes: &[u8]) -> (Bytes, Weak<[u8]>) {
        let owner: Arc<[u8]> = bytes.into();
        let watch = Arc::downgrade(&owner);
        (Bytes::from_owner(Owner(owner)), watch)
    }

    fn producer() -> BaseProducer<Reports, NoCustomPartitioner> {
        ClientConfig::new()
            .set("bootstrap.servers", "127.0.0.1:1")
            .set("message.max.bytes", "1000")
            .create_with_context(Reports::default())
            .expect("a producer")
    }

    #[test]
    fn a_value_lives_until_its_report() {
        let producer = producer();
        let target = Target::of(producer.client(), "t").expect("a topic");
        let (bytes, watch) = value(b"value");
        let headers = [("h".into(), None), ("h".into(), Some(Bytes::from_static(b"v")))];
        let to = To { key: Some(b"key"), headers: &headers, ..To::default() };
        target.send(&to, Some(bytes), 1).expect("taken");
        target.send(&To::default(), Some(Bytes::new()), 2).expect("taken");
        target.send(&To::default(), None, 3).expect("taken");
        assert!(watch.upgrade().is_some());
        producer.purge(rdkafka::producer::PurgeConfig::default().queue());
        producer.flush(Duration::from_secs(10)).expect("all reported");
        let reports = std::mem::take(&mut *producer.context().0.lock());
        assert_eq!(reports, [(1, Some(b"value".to_vec())), (2, Some(vec![])), (3, None)]);
        assert!(watch.upgrade().is_none());
    }

    #[test]
    fn a_value_that_is_not_taken_is_let_go() {
        let producer = producer();
        let target = Target::of(producer.client(), "t").expect("a topic");
        let (bytes, watch) = value(&[0; 2000]);
        let headers = [("h".into(), None)];
        let to = To { headers: &headers, ..To::default() };
        assert_eq!(target.send(&to, Some(bytes), 1), Err(Code::MessageSizeTooLarge));
        assert!(watch.upgrade().is_none());
        assert!(Target::of(producer.client(), "a\0b").is_err());
    }
}
