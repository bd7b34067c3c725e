//! What an application may subscribe to, and how.

use crate::{
    consume::{Stream, id, subscribe},
    server::Server,
};
use prost_types::Duration;
use sidecommit_core::{GroupProtocol, Reset, Retry, RetryTopic, SessionId, Topics};
use sidecommit_rpc::proto::v1;

/// All there is to say.
fn full() -> v1::Subscribe {
    let span = |seconds, nanos| Some(Duration { seconds, nanos });
    let retry = |topic: &str, delay| v1::RetryTopic { topic: topic.into(), delay };
    v1::Subscribe {
        group_id: "g".into(),
        topics: vec!["t".into(), "u".into()],
        topic_pattern: String::new(),
        group_instance_id: "pod-0".into(),
        limits: Some(v1::DeliveryLimits {
            max_records: 10,
            max_delivery_bytes: 2000,
            max_message_bytes: 100_000,
        }),
        reset_policy: v1::ResetPolicy::None.into(),
        group_protocol: v1::GroupProtocol::Consumer.into(),
        isolation_level: v1::IsolationLevel::ReadCommitted.into(),
        retry_policy: Some(v1::RetryPolicy {
            max_attempts: 5,
            backoff: span(0, 20_000_000),
            backoff_max: span(2, 0),
            retry_topics: vec![retry("retry-1", span(5, 0)), retry("retry-2", span(0, 1_000_000))],
            dead_letter_topic: "dead".into(),
        }),
        delivery_timeout: span(60, 0),
        session_id: format!("cs-{}", "07".repeat(16)),
    }
}

#[tokio::test]
async fn a_subscription_that_says_nothing_gets_the_documented_defaults() {
    let server = Server::start().await;
    let _stream = Stream::of(&server, subscribe()).await;
    let seen = server.fake.stream(0, |stream| Some(stream.subscribe.clone())).await;
    assert_eq!((seen.group_id.as_str(), seen.topics), ("g", Topics::Named(vec!["t".into()])));
    assert_eq!((seen.group_instance_id, seen.session), (None, None));
    assert_eq!((seen.max_records, seen.max_delivery_bytes), (500, 1 << 20));
    let message = 4 << 20;
    assert!((message - 512..message).contains(&seen.max_record_bytes), "{}", seen.max_record_bytes);
    assert_eq!((seen.reset, seen.protocol), (Reset::Earliest, GroupProtocol::ClassicCooperative));
    assert_eq!(seen.delivery_timeout, 5 * 60_000, "the sidecar's");
    let retry =
        Retry { max_attempts: 3, backoff: 100, backoff_max: 10_000, topics: vec![], dead_letters: None };
    assert_eq!(seen.retry, retry);
}

#[tokio::test]
async fn a_subscription_that_says_everything_arrives_whole() {
    let server = Server::start().await;
    let _stream = Stream::of(&server, full()).await;
    let seen = server.fake.stream(0, |stream| Some(stream.subscribe.clone())).await;
    assert_eq!(seen.topics, Topics::Named(vec!["t".into(), "u".into()]));
    assert_eq!(seen.group_instance_id.as_deref(), Some("pod-0"));
    assert_eq!((seen.max_records, seen.max_delivery_bytes), (10, 2000));
    assert!((100_000 - 512..100_000).contains(&seen.max_record_bytes), "{}", seen.max_record_bytes);
    assert_eq!((seen.reset, seen.protocol), (Reset::None, GroupProtocol::Consumer));
    let retry = |topic: &str, delay| RetryTopic { topic: topic.into(), delay };
    let expected = Retry {
        max_attempts: 5,
        backoff: 20,
        backoff_max: 2000,
        topics: vec![retry("retry-1", 5000), retry("retry-2", 1)],
        dead_letters: Some("dead".into()),
    };
    assert_eq!((seen.retry, seen.delivery_timeout), (expected, 60_000));
    assert_eq!(seen.session, Some(SessionId([7; 16])));

    // The session is not part of what it must agree on; a pattern is.
    let _resumed = Stream::of(&server, v1::Subscribe { session_id: String::new(), ..full() }).await;
    let resumed = server.fake.stream(1, |stream| Some(stream.subscribe.clone())).await;
    assert_eq!((resumed.session, resumed.fingerprint), (None, seen.fingerprint));
    let pattern = v1::Subscribe { topics: vec![], topic_pattern: "t.*|u".into(), ..full() };
    let _pattern = Stream::of(&server, pattern).await;
    let pattern = server.fake.stream(2, |stream| Some(stream.subscribe.clone())).await;
    assert_eq!(pattern.topics, Topics::Pattern("t.*|u".into()));
    assert_ne!(pattern.fingerprint, seen.fingerprint);
}

/// The field to blame, and what spoils it.
type Spoilt = (&'static str, fn(&mut v1::Subscribe));

fn retry(subscribe: &mut v1::Subscribe) -> &mut v1::RetryPolicy {
    subscribe.retry_policy.as_mut().unwrap()
}

fn limits(subscribe: &mut v1::Subscribe) -> &mut v1::DeliveryLimits {
    subscribe.limits.as_mut().unwrap()
}

const DAY: i64 = 24 * 60 * 60;

#[tokio::test]
async fn a_wrong_field_is_named_and_no_stream_is_begun() {
    const HOUR: Option<Duration> = Some(Duration { seconds: 3600, nanos: 0 });
    const NONE: Option<Duration> = Some(Duration { seconds: 0, nanos: 999_999 });
    let server = Server::start().await;
    let cases: [Spoilt; 40] = [
        ("group_id", |s| s.group_id.clear()),
        ("group_id", |s| s.group_id = "x".repeat(256)),
        ("group_id", |s| s.group_id = "a\0".into()),
        ("group_instance_id", |s| s.group_instance_id = "x".repeat(256)),
        ("group_instance_id", |s| s.group_instance_id = "a\0".into()),
        ("topics", |s| s.topics.clear()),
        ("topics", |s| s.topics.push("a/b".into())),
        ("topics", |s| s.topics.push("t".into())),
        ("topic_pattern", |s| s.topic_pattern = "t.*".into()),
        ("topic_pattern", |s| (s.topics, s.topic_pattern) = (vec![], "t\0".into())),
        ("topic_pattern", |s| (s.topics, s.topic_pattern) = (vec![], "t[".into())),
        ("limits.max_records", |s| limits(s).max_records = -1),
        ("limits.max_records", |s| limits(s).max_records = 10_001),
        ("limits.max_records", |s| limits(s).max_records = 1000), // do not fit 100,000 bytes
        ("limits.max_delivery_bytes", |s| limits(s).max_delivery_bytes = -1),
        ("limits.max_delivery_bytes", |s| limits(s).max_delivery_bytes = 100_000),
        ("limits.max_message_bytes", |s| limits(s).max_message_bytes = -1),
        ("limits.max_message_bytes", |s| limits(s).max_message_bytes = 65_535),
        ("limits.max_message_bytes", |s| limits(s).max_message_bytes = 1 << 31),
        ("reset_policy", |s| s.reset_policy = 9),
        ("group_protocol", |s| s.group_protocol = -1),
        ("isolation_level", |s| s.isolation_level = 3),
        ("isolation_level", |s| s.set_isolation_level(v1::IsolationLevel::ReadUncommitted)),
        ("delivery_timeout", |s| s.delivery_timeout = NONE),
        ("delivery_timeout", |s| s.delivery_timeout = Some(Duration { seconds: 0, nanos: 999_000_000 })),
        ("delivery_timeout", |s| s.delivery_timeout = Some(Duration { seconds: DAY, nanos: 1_000_000 })),
        ("session_id", |s| s.session_id = "cs-1".into()),
        ("session_id", |s| s.session_id = id(7).1),
        ("retry_policy.max_attempts", |s| retry(s).max_attempts = -1),
        ("retry_policy.backoff", |s| retry(s).backoff = NONE),
        ("retry_policy.backoff", |s| retry(s).backoff = Some(Duration { seconds: DAY + 1, nanos: 0 })),
        ("retry_policy.backoff_max", |s| retry(s).backoff_max = NONE),
        ("retry_policy.backoff_max", |s| retry(s).backoff = HOUR),
        ("retry_policy.retry_topics.topic", |s| retry(s).retry_topics[0].topic.clear()),
        ("retry_policy.retry_topics.topic", |s| retry(s).retry_topics[0].topic = "u".into()),
        ("retry_policy.retry_topics.topic", |s| retry(s).retry_topics[1].topic = "retry-1".into()),
        ("retry_policy.retry_topics.topic", |s| retry(s).retry_topics[1].topic = "compacted".into()),
        ("retry_policy.retry_topics.delay", |s| retry(s).retry_topics[0].delay = None),
        ("retry_policy.retry_topics.delay", |s| retry(s).retry_topics[0].delay = NONE),
        ("retry_policy.dead_letter_topic", |s| retry(s).dead_letter_topic = "a b".into()),
    ];
    let topics: [Spoilt; 6] = [
        ("topics", |s| s.topics[1] = "nope".into()),
        ("retry_policy.retry_topics.topic", |s| retry(s).retry_topics[1].topic = "nope".into()),
        ("retry_policy.dead_letter_topic", |s| retry(s).dead_letter_topic = "nope".into()),
        // Of one role each.
        ("retry_policy.dead_letter_topic", |s| retry(s).dead_letter_topic = "t".into()),
        ("retry_policy.dead_letter_topic", |s| retry(s).dead_letter_topic = "retry-2".into()),
        ("retry_policy.dead_letter_topic", |s| retry(s).dead_letter_topic = "compacted".into()),
    ];
    let unknown = topics[..3].iter().map(|case| (v1::Reason::UnknownTopic, case));
    let invalid = cases.iter().chain(&topics[3..]).map(|case| (v1::Reason::InvalidField, case));
    for (i, (reason, (field, spoil))) in unknown.chain(invalid).enumerate() {
        let mut spoilt = full();
        spoil(&mut spoilt);
        let details = Stream::of(&server, spoilt).await.refused(reason).await;
        assert_eq!(details.field(), format!("subscribe.{field}"), "case {i}");
        assert_eq!(details.detail.next_action(), v1::NextAction::FixRequest);
    }
    assert_eq!(server.fake.streams.borrow().len(), 0);
}

#[tokio::test]
async fn a_malformed_pattern_is_told_with_what_is_wrong_and_what_would_be_right() {
    let server = Server::start().await;
    let malformed = v1::Subscribe { topics: vec![], topic_pattern: "t[".into(), ..subscribe() };
    let status = Stream::of(&server, malformed).await.end().await.unwrap_err();
    let told = r#"subscribe.topic_pattern "t[" (unmatched [): expected a regular expression in POSIX extended syntax"#;
    assert_eq!(status.message(), told);
}

#[tokio::test]
async fn read_uncommitted_is_refused_with_why() {
    let server = Server::start().await;
    let mut uncommitted = subscribe();
    uncommitted.set_isolation_level(v1::IsolationLevel::ReadUncommitted);
    let status = Stream::of(&server, uncommitted).await.end().await.unwrap_err();
    assert!(status.message().contains("READ_UNCOMMITTED"), "{}", status.message());
    assert!(status.message().contains("an aborted transaction"), "{}", status.message());
}

#[tokio::test]
async fn a_topic_that_is_named_twice_is_told_where() {
    let server = Server::start().await;
    let mut twice = full();
    retry(&mut twice).dead_letter_topic = "retry-2".into();
    let status = Stream::of(&server, twice).await.end().await.unwrap_err();
    let expected = "subscribe.retry_policy.dead_letter_topic \"retry-2\" is named in \
                    subscribe.retry_policy.retry_topics.topic as well: expected each topic once";
    assert_eq!(status.message(), expected);
}
