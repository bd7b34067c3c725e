//! A member's configuration and subscription.

use crate::{ClientSettings, classify::TxnError, client::Logged, ffi::TopicHandle};
use rdkafka::{ClientConfig, client::Client};
use sidecommit_core::{GroupProtocol, Reset, Subscribe, Topics};
use std::{sync::Arc, time::Duration};

/// librdkafka holds that much at most beyond what it was asked for.
const HELD_MAX: u64 = 16 << 20;

/// Kafka's own topics, which a pattern does not mean.
const INTERNAL: &str = "^__consumer_offsets$,^__transaction_state$,^__share_group_state$";

/// How often to look for changes of topics that nobody tells: librdkafka's default.
const REFRESH: Duration = Duration::from_secs(300);

const RESET: &str = "auto.offset.reset";

/// What the classic protocol needs, and KIP-848's does not allow.
const CLASSIC_ONLY: [&str; 4] =
    ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type"];

pub(super) fn config(client: &ClientSettings, subscribe: &Subscribe, read_ahead_bytes: u64) -> ClientConfig {
    let held = read_ahead_bytes.clamp(1 << 10, HELD_MAX);
    let mut config = client.consumer();
    let mut default = |name: &str, value: String| {
        if client.properties.get(name).is_none() {
            config.set(name, value);
        }
    };
    // It bounds fetch.max.bytes, too.
    default("queued.max.messages.kbytes", (held >> 10).to_string());
    default("fetch.message.max.bytes", held.min(1 << 20).to_string());
    // Of a second: with little held, a full queue is no exception.
    default("fetch.queue.backoff.ms", "20".to_owned());
    // A broker has one fetch at a time: what was resumed or rewound waits for the one before.
    default("fetch.wait.max.ms", "100".to_owned());
    config
        .set("group.id", &subscribe.group_id)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("allow.auto.create.topics", "false")
        .set("topic.blacklist", INTERNAL)
        .set(RESET, reset_text(subscribe.reset));
    if let Some(instance) = &subscribe.group_instance_id {
        config.set("group.instance.id", instance);
    }
    let strategy = match subscribe.protocol {
        GroupProtocol::ClassicCooperative => "cooperative-sticky",
        GroupProtocol::ClassicEager => "range,roundrobin",
        GroupProtocol::Consumer => {
            for name in CLASSIC_ONLY {
                config.remove(name);
            }
            config.set("group.protocol", "consumer");
            return config;
        }
    };
    config.remove("group.remote.assignor");
    config.set("group.protocol", "classic").set("partition.assignment.strategy", strategy);
    config
}

/// How often to look for changes of topics.
pub(super) fn refresh(client: &ClientSettings) -> Duration {
    let given = client.properties.get("topic.metadata.refresh.interval.ms");
    given.and_then(|millis| millis.parse().ok()).map_or(REFRESH, Duration::from_millis)
}

/// What is subscribed to, the retry topics included. A pattern starts with '^'.
pub(super) fn topics(subscribe: &Subscribe) -> Vec<String> {
    let mut topics = match &subscribe.topics {
        Topics::Named(topics) => topics.iter().map(ToString::to_string).collect(),
        Topics::Pattern(pattern) => vec![whole(pattern)],
    };
    topics.extend(subscribe.retry.topics.iter().map(|retry| retry.topic.to_string()));
    topics
}

/// What matches a pattern as a whole.
pub(crate) fn whole(pattern: &str) -> String {
    format!("^({pattern})$")
}

/// Topics that have to exist.
pub(super) fn named(subscribe: &Subscribe) -> Vec<Arc<str>> {
    let topics = match &subscribe.topics {
        Topics::Named(topics) => topics.as_slice(),
        Topics::Pattern(_) => &[],
    };
    topics.iter().chain(subscribe.retry.topics.iter().map(|retry| &retry.topic)).cloned().collect()
}

/// Where a group without an offset begins to read a topic. What was moved to a retry topic before the group has an offset for
/// it must not be skipped.
pub(super) fn reset(subscribe: &Subscribe, topic: &str) -> Reset {
    let is_retry = subscribe.retry.topics.iter().any(|retry| &*retry.topic == topic);
    if is_retry { Reset::Earliest } else { subscribe.reset }
}

/// Topics that are not configured as the consumer is; to be kept as long as it is.
pub(super) fn exceptions(
    client: &Client<Logged>,
    subscribe: &Subscribe,
) -> Result<Vec<TopicHandle>, TxnError> {
    let retries = subscribe.retry.topics.iter();
    retries
        .map(|retry| {
            let reset = reset_text(reset(subscribe, &retry.topic));
            TopicHandle::new(client, &retry.topic, &[(RESET, reset)])
        })
        .collect()
}

fn reset_text(reset: Reset) -> &'static str {
    match reset {
        Reset::Earliest => "earliest",
        Reset::Latest => "latest",
        Reset::None => "error",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Properties, client::Logged, client::create};
    use rdkafka::consumer::BaseConsumer;
    use sidecommit_core::{Fingerprint, Retry, RetryTopic};

    pub(in crate::consumers) fn subscribe(protocol: GroupProtocol) -> Subscribe {
        Subscribe {
            group_id: "g".to_owned(),
            topics: Topics::Pattern("a|b".to_owned()),
            group_instance_id: Some("i".to_owned()),
            max_records: 500,
            max_delivery_bytes: 1 << 20,
            max_record_bytes: 4 << 20,
            reset: Reset::None,
            protocol,
            retry: Retry {
                max_attempts: 3,
                backoff: 100,
                backoff_max: 1000,
                topics: vec![RetryTopic { topic: "retry".into(), delay: 1 }],
                dead_letters: None,
            },
            delivery_timeout: 1000,
            session: None,
            fingerprint: Fingerprint::default(),
        }
    }

    #[test]
    fn librdkafka_accepts_each_protocol_whatever_the_user_has_set_for_the_others() {
        let properties = [
            ("session.timeout.ms", "7000"),
            ("heartbeat.interval.ms", "1000"),
            ("partition.assignment.strategy", "range"),
            ("group.remote.assignor", "uniform"),
            ("queued.max.messages.kbytes", "77"),
        ];
        let some = Properties::new([properties[0], properties[1], properties[2], properties[4]]);
        let others = Properties::new([("group.protocol", "consumer"), properties[3]]);
        for properties in [Properties::default(), some.expect("valid"), others.expect("valid")] {
            let client = ClientSettings { bootstrap_servers: "127.0.0.1:1".to_owned(), properties };
            for protocol in
                [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
            {
                for held in [0, 5000, 1 << 40] {
                    let config = config(&client, &subscribe(protocol), held);
                    let made = create::<_, BaseConsumer<Logged>>(&config, Logged);
                    assert!(made.is_ok(), "{protocol:?} {held}: {:?} {config:?}", made.err());
                }
            }
        }
    }

    #[test]
    fn a_pattern_matches_whole_names_and_the_retry_topics_are_read_too() {
        assert_eq!(topics(&subscribe(GroupProtocol::Consumer)), ["^(a|b)$", "retry"]);
    }
}
