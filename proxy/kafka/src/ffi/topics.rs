//! The admin calls that tell a topic's id and its configuration, and topics that are configured apart.

use super::{
    copy,
    groups::{Options, Queue, unexpected},
    owned, text,
};
use crate::classify::TxnError;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rdkafka::{
    ClientContext,
    bindings::{self as sys, rd_kafka_ResourceType_t, rd_kafka_admin_op_t, rd_kafka_resp_err_t},
    client::Client,
};
use std::{
    collections::BTreeMap,
    fmt,
    ptr::{self, NonNull},
    time::Duration,
};

/// What a topic keeps until it is deleted, and one made again under its name does not have (KIP-516). Brokers before 2.8
/// tell the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicId(i64, i64);

impl fmt::Display for TopicId {
    /// As Kafka prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.0.to_be_bytes(), self.1.to_be_bytes()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The id of a topic.
pub(crate) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<TopicId, TxnError> {
    let queue = Queue::new(client)?;
    let options = Options::new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout)?;
    let name = text(topic)?;
    let mut names = [name.as_ptr()];
    // SAFETY: client, options and queue are live; the request keeps what it needs of them. The collection copies the
    // name, which is NUL-terminated; it is made by `_of_topic_names` and destroyed once.
    unsafe {
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        sys::rd_kafka_DescribeTopics(client.native_ptr(), topics, options.0.as_ptr(), queue.0.as_ptr());
        sys::rd_kafka_TopicCollection_destroy(topics);
    }
    let event = queue.next(timeout)?;
    event.check()?;
    // SAFETY: the event is live until the end of this function and owns everything that is read from it; its type is
    // that of the only request on the queue; the array has as many entries as told.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0.as_ptr());
        let mut count = 0;
        if result.is_null() {
            return Err(unexpected("no topics in the answer"));
        }
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if count != 1 {
            return Err(unexpected("not one topic in the answer"));
        }
        let error = sys::rd_kafka_TopicDescription_error(*topics);
        if !error.is_null()
            && sys::rd_kafka_error_code(error) != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            return Err(copy(error));
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(*topics);
        if id.is_null() {
            return Err(unexpected("no id in the answer"));
        }
        Ok(TopicId(
            sys::rd_kafka_Uuid_most_significant_bits(id),
            sys::rd_kafka_Uuid_least_significant_bits(id),
        ))
    }
}

/// The configuration of a topic by name, defaults included. rust-rdkafka's call drops the error of the topic, so that one
/// that does not exist, or may not be described, looks like one without a configuration.
pub(crate) fn topic_config<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<BTreeMap<String, String>, TxnError> {
    let queue = Queue::new(client)?;
    let options = Options::new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout)?;
    let name = text(topic)?;
    // SAFETY: client, options and queue are live; the request keeps what it needs of them. The resource copies the name,
    // which is NUL-terminated; it is copied by the request, made by `_new` and destroyed once.
    unsafe {
        let mut resource =
            sys::rd_kafka_ConfigResource_new(rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr());
        let (client, options, queue) = (client.native_ptr(), options.0.as_ptr(), queue.0.as_ptr());
        sys::rd_kafka_DescribeConfigs(client, &mut resource, 1, options, queue);
        sys::rd_kafka_ConfigResource_destroy(resource);
    }
    let event = queue.next(timeout)?;
    event.check()?;
    let mut config = BTreeMap::new();
    // SAFETY: as in `topic_id`; a value may be NULL, which is not read.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConfigs_result(event.0.as_ptr());
        let mut count = 0;
        if result.is_null() {
            return Err(unexpected("no configurations in the answer"));
        }
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
        if count != 1 {
            return Err(unexpected("not one configuration in the answer"));
        }
        let resource = *resources;
        let code = sys::rd_kafka_ConfigResource_error(resource);
        if code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            let message = sys::rd_kafka_ConfigResource_error_string(resource);
            let message = if message.is_null() { String::new() } else { owned(message) };
            return Err(TxnError { code: code.into(), ..super::malformed(&message) });
        }
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &mut count);
        for index in 0..count {
            let entry = *entries.add(index);
            let value = sys::rd_kafka_ConfigEntry_value(entry);
            let value = if value.is_null() { String::new() } else { owned(value) };
            config.insert(owned(sys::rd_kafka_ConfigEntry_name(entry)), value);
        }
    }
    Ok(config)
}

/// A topic in a client, known as long as this is there. To be dropped before the client.
pub(crate) struct TopicHandle(NonNull<sys::rd_kafka_topic_t>);

// === impl TopicHandle ===

impl TopicHandle {
    /// A topic as it is known, or with the client's own configuration, which is not copied first as in `new`: this is called for
    /// every transaction.
    pub(super) fn of<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<Self, TxnError> {
        let name = text(topic)?;
        // SAFETY: the client is live; the name is NUL-terminated and copied by the call.
        let topic = unsafe { sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), ptr::null_mut()) };
        NonNull::new(topic).map(Self).ok_or_else(|| unexpected("no topic"))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_topic_t {
        self.0.as_ptr()
    }

    /// One that has a configuration of its own. To be made before the client hears of the topic.
    pub(crate) fn new<C: ClientContext>(
        client: &Client<C>,
        topic: &str,
        properties: &[(&str, &str)],
    ) -> Result<Self, TxnError> {
        let name = text(topic)?;
        let properties = properties.iter().map(|(name, value)| Ok((text(name)?, text(value)?)));
        let properties: Vec<_> = properties.collect::<Result<_, TxnError>>()?;
        let mut why = [0; 256];
        // SAFETY: the client is live; all strings are NUL-terminated, and copied by the calls; the buffer has the length
        // that is told; the configuration is handed over to the topic if that is made, else destroyed once.
        unsafe {
            let config = sys::rd_kafka_default_topic_conf_dup(client.native_ptr());
            for (property, value) in &properties {
                let (property, value) = (property.as_ptr(), value.as_ptr());
                let set = sys::rd_kafka_topic_conf_set(config, property, value, why.as_mut_ptr(), why.len());
                if set != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                    sys::rd_kafka_topic_conf_destroy(config);
                    return Err(unexpected(&owned(why.as_ptr())));
                }
            }
            let topic = sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), config);
            NonNull::new(topic).map(Self).ok_or_else(|| {
                sys::rd_kafka_topic_conf_destroy(config);
                unexpected("no topic")
            })
        }
    }
}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_topic_new and destroyed only here.
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_printed_as_kafka_prints_it() {
        // Kafka's Uuid.ONE_UUID, and one with bits everywhere.
        assert_eq!(TopicId(0, 1).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(TopicId(-1, -2).to_string(), "_____________________g");
    }
}
