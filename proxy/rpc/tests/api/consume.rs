//! ConsumeService: subscriptions, what is said and told on a stream, and how it ends.

use crate::{
    details::Details,
    fake::{self, NOW},
    server::Server,
};
use prost_types::Duration;
use sidecommit_core::{
    Consumed, Delivery, DeliveryId, GroupProtocol, Reason, Refusal, Reset, Retry, RetryTopic, SessionId,
    StreamEvent, StreamItem, TopicPartition, Topics,
};
use sidecommit_rpc::proto::v1::{
    self, consume_request::Kind as Said, consume_response::Kind as Told,
    consume_service_client::ConsumeServiceClient,
};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status, Streaming, transport::Channel};

/// An open stream.
struct Stream {
    say: mpsc::UnboundedSender<v1::ConsumeRequest>,
    told: Streaming<v1::ConsumeResponse>,
}

// === impl Stream ===

impl Stream {
    async fn open(client: &mut ConsumeServiceClient<Channel>) -> Self {
        let (say, said) = mpsc::unbounded_channel();
        let told = client.consume(UnboundedReceiverStream::new(said)).await.unwrap().into_inner();
        Self { say, told }
    }

    /// Opens one and subscribes.
    async fn of(server: &Server, subscribe: v1::Subscribe) -> Self {
        let stream = Self::open(&mut server.consumer().await).await;
        stream.say(Said::Subscribe(subscribe));
        stream
    }

    fn say(&self, kind: Said) {
        self.say.send(v1::ConsumeRequest { kind: Some(kind) }).unwrap();
    }

    async fn told(&mut self) -> Told {
        self.told.message().await.unwrap().expect("an item").kind.expect("a kind")
    }

    /// Whatever else was told: how it ends.
    async fn end(mut self) -> Result<(), Status> {
        while self.told.message().await?.is_some() {}
        Ok(())
    }

    /// Ends with this reason.
    async fn refused(self, reason: v1::Reason) -> Details {
        let status = self.end().await.expect_err("a refusal");
        let details = Details::of(&status);
        assert_eq!(details.detail.reason(), reason, "{status:?}");
        details
    }
}

fn subscribe() -> v1::Subscribe {
    v1::Subscribe { group_id: "g".into(), topics: vec!["t".into()], ..Default::default() }
}

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

fn id(byte: u8) -> (DeliveryId, String) {
    (DeliveryId([byte; 16]), format!("dl-{}", format!("{byte:02x}").repeat(16)))
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
    let cases: [Spoilt; 39] = [
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

#[tokio::test]
async fn the_first_message_subscribes_and_no_other_does() {
    let server = Server::start().await;
    let mut client = server.consumer().await;
    let firsts =
        [None, Some(Said::Credit(v1::Credit { deliveries: 1 })), Some(Said::Release(v1::Release::default()))];
    for first in firsts {
        let stream = Stream::open(&mut client).await;
        stream.say.send(v1::ConsumeRequest { kind: first }).unwrap();
        assert_eq!(stream.refused(v1::Reason::InvalidField).await.field(), "kind");
    }
    assert_eq!(server.fake.streams.borrow().len(), 0);
    let unsaid = Stream::open(&mut client).await;
    let Stream { say, mut told } = unsaid;
    drop(say);
    assert!(told.message().await.unwrap().is_none(), "nothing was asked");

    let later = [
        (Some(Said::Subscribe(subscribe())), "kind"),
        (None, "kind"),
        (Some(Said::Credit(v1::Credit { deliveries: 0 })), "credit.deliveries"),
        (Some(Said::Credit(v1::Credit { deliveries: -1 })), "credit.deliveries"),
        (Some(Said::Release(v1::Release { delivery_id: "dl-1".into() })), "release.delivery_id"),
        (Some(Said::Reject(v1::Reject::default())), "reject.delivery_id"),
        (
            Some(Said::Reject(v1::Reject { delivery_id: id(1).1, index: -1, ..Default::default() })),
            "reject.index",
        ),
        (
            Some(Said::Reject(v1::Reject { delivery_id: id(1).1, index: 0, reason: "x".repeat(1025) })),
            "reject.reason",
        ),
    ];
    for (i, (kind, field)) in later.into_iter().enumerate() {
        let stream = Stream::of(&server, subscribe()).await;
        stream.say.send(v1::ConsumeRequest { kind }).unwrap();
        assert_eq!(stream.refused(v1::Reason::InvalidField).await.field(), field, "case {i}");
        assert_eq!(server.fake.closed(i).await.len(), 0, "case {i}: nothing but Closed");
    }
}

#[tokio::test]
async fn what_an_application_says_reaches_the_engine_in_order() {
    let server = Server::start().await;
    let stream = Stream::of(&server, subscribe()).await;
    let (delivery, text) = id(0xab);
    stream.say(Said::Credit(v1::Credit { deliveries: 3 }));
    stream.say(Said::Release(v1::Release { delivery_id: text.clone() }));
    let reason = "ü".repeat(1024);
    stream.say(Said::Reject(v1::Reject { delivery_id: text, index: 4, reason: reason.clone() }));
    stream.say(Said::Credit(v1::Credit { deliveries: i32::MAX }));
    drop(stream.say);
    let events = server.fake.closed(0).await;
    let [
        StreamEvent::Credit(3),
        StreamEvent::Release(released),
        StreamEvent::Reject { delivery: rejected, index: 4, reason: why },
        StreamEvent::Credit(2_147_483_647),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*released, *rejected, why), (delivery, delivery, &reason));
}

#[tokio::test]
async fn what_the_engine_tells_reaches_the_application_in_order() {
    let server = Server::start().await;
    let at = |topic: &str, partition| TopicPartition::new(topic, partition);
    let wire = |topic: &str, partition| v1::TopicPartition { topic: topic.into(), partition };
    let (delivery, text) = id(0xab);
    let refusal = Refusal::new(Reason::DeliveryTaken, "a transaction holds it");
    let items = [
        StreamItem::Started { session: SessionId([7; 16]), resumed: true },
        StreamItem::Assigned(vec![at("t", 0), at("t", 2)]),
        StreamItem::Idle,
        StreamItem::Refused { delivery, refusal: Box::new(refusal) },
        StreamItem::Revoked { partitions: vec![at("t", 2)], deliveries: vec![delivery], lost: true },
    ];
    let detail = v1::ErrorDetail {
        reason: v1::Reason::DeliveryTaken.into(),
        next_action: v1::NextAction::FixRequest.into(),
        ..Default::default()
    };
    let expected = [
        Told::SessionStarted(v1::SessionStarted {
            session_id: format!("cs-{}", "07".repeat(16)),
            resumed: true,
        }),
        Told::Assigned(v1::Assigned { partitions: vec![wire("t", 0), wire("t", 2)] }),
        Told::Idle(v1::Idle {}),
        Told::Refused(v1::Refused {
            delivery_id: text.clone(),
            detail: Some(detail),
            message: "a transaction holds it".into(),
        }),
        Told::Revoked(v1::Revoked { partitions: vec![wire("t", 2)], delivery_ids: vec![text], lost: true }),
    ];
    let channels = [server.uds_channel("app.sock").await, server.tcp_channel().await];
    for (i, channel) in channels.into_iter().enumerate() {
        let mut stream = Stream::open(&mut ConsumeServiceClient::new(channel)).await;
        stream.say(Said::Subscribe(subscribe()));
        for item in items.clone() {
            server.fake.tell(i, Ok(item)).await;
        }
        for expected in &expected {
            assert_eq!(stream.told().await, *expected);
        }
    }
}

fn delivery(records: Vec<(Consumed, u32)>) -> Result<StreamItem, Refusal> {
    Ok(StreamItem::Delivery(Box::new(Delivery {
        id: id(0xab).0,
        from: TopicPartition::new("t", 2),
        topic_id: "topic-id".into(),
        records,
    })))
}

#[tokio::test]
async fn records_are_delivered_byte_for_byte() {
    let server = Server::start().await;
    let mut stream = Stream::of(&server, subscribe()).await;
    let header = |name: &str, value: Option<&'static [u8]>| (Arc::from(name), value.map(Into::into));
    let full = Consumed {
        offset: i64::MAX,
        timestamp_ms: NOW as i64,
        key: Some((&b"\0\xff"[..]).into()),
        value: Some(vec![7; 100_000].into()),
        headers: vec![header("h", Some(b"\0\x01")), header("h", None), header("", Some(b""))],
    };
    let empty = Consumed {
        offset: 5,
        timestamp_ms: -1,
        key: Some(bytes::Bytes::new()),
        value: Some(bytes::Bytes::new()),
        headers: vec![],
    };
    let absent = Consumed { offset: 6, key: None, value: None, ..empty.clone() };
    server.fake.tell(0, delivery(vec![(empty, 1), (absent, 2), (full.clone(), u32::MAX)])).await;
    let Told::Delivery(told) = stream.told().await else { panic!("a Delivery") };
    assert_eq!((told.delivery_id, told.topic.as_str(), told.partition), (id(0xab).1, "t", 2));
    let [empty, absent, wide] = &told.records[..] else { panic!("three records") };
    assert_eq!((empty.offset, empty.timestamp_ms, empty.attempt), (5, -1, 1));
    assert_eq!((empty.key.as_deref(), empty.value.as_deref()), (Some(&b""[..]), Some(&b""[..])));
    assert_eq!(empty.idempotency_key, "cluster/topic-id/2/5");
    assert_eq!((absent.offset, absent.attempt), (6, 2));
    assert_eq!((absent.key.as_deref(), absent.value.as_deref()), (None, None));
    assert_eq!(absent.idempotency_key, "cluster/topic-id/2/6");
    assert_eq!((wide.offset, wide.timestamp_ms, wide.attempt), (i64::MAX, NOW as i64, i32::MAX));
    assert_eq!((&wide.key, &wide.value), (&full.key, &full.value));
    let headers: Vec<_> = wide.headers.iter().map(|h| (h.name.as_str(), h.value.as_deref())).collect();
    assert_eq!(headers, [("h", Some(&b"\0\x01"[..])), ("h", None), ("", Some(&b""[..]))]);
}

#[tokio::test]
async fn the_engine_learns_when_the_application_is_gone_however_it_goes() {
    let server = Server::start().await;
    let mut hung_up = Stream::of(&server, subscribe()).await;
    server.fake.tell(0, Ok(StreamItem::Idle)).await;
    hung_up.told().await;
    drop(hung_up);
    assert_eq!(server.fake.closed(0).await.len(), 0);

    let Stream { say, mut told } = Stream::of(&server, subscribe()).await;
    drop(say);
    assert!(told.message().await.unwrap().is_none(), "a half-close is answered by the end");
    assert_eq!(server.fake.closed(1).await.len(), 0);

    let mut cut = Stream::of(&server, subscribe()).await;
    server.fake.tell(2, Ok(StreamItem::Idle)).await;
    cut.told().await;
    let Stream { say, told } = cut;
    // The response goes while the request's side is kept open.
    drop(told);
    assert_eq!(server.fake.closed(2).await.len(), 0);
    drop(say);

    let late = Stream::of(&server, subscribe()).await;
    server.fake.stream(3, |_| Some(())).await;
    let fake = server.fake.clone();
    server.stop().await;
    assert_eq!(fake.closed(3).await.len(), 0);
    drop(late);
}

#[tokio::test]
async fn a_refusal_of_the_engine_ends_the_stream_and_is_told_after_what_came_before() {
    let server = Server::start().await;
    for (i, (reason, wire, code)) in [
        (Reason::DeliveryTimedOut, v1::Reason::DeliveryTimedOut, Code::Aborted),
        (Reason::MemberFenced, v1::Reason::MemberFenced, Code::FailedPrecondition),
        (Reason::Recovering, v1::Reason::Recovering, Code::Unavailable),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = Stream::of(&server, subscribe()).await;
        server.fake.tell(i, Ok(StreamItem::Idle)).await;
        server.fake.tell(i, Err(Refusal::new(reason, "why"))).await;
        assert_eq!(stream.told().await, Told::Idle(v1::Idle {}));
        assert_eq!(stream.refused(wire).await.code, code);
        assert_eq!(server.fake.closed(i).await.len(), 0, "also then, and once");
    }
    let orphan = Stream::of(&server, subscribe()).await;
    server.fake.stream(3, |_| Some(())).await;
    server.fake.streams.send_modify(|streams: &mut Vec<fake::Stream>| streams[3].items = None);
    let details = orphan.refused(v1::Reason::Draining).await;
    assert_eq!(details.detail.next_action(), v1::NextAction::WaitReady);
}

#[tokio::test]
async fn what_an_application_says_is_heard_although_it_does_not_read() {
    let server = Server::start().await;
    let stream = Stream::of(&server, subscribe()).await;
    let record = Consumed {
        offset: 0,
        timestamp_ms: 0,
        key: None,
        value: Some(vec![7; 1 << 20].into()),
        headers: vec![],
    };
    // More than any window takes.
    for _ in 0..32 {
        server.fake.tell(0, delivery(vec![(record.clone(), 1)])).await;
    }
    stream.say(Said::Credit(v1::Credit { deliveries: 9 }));
    server.fake.stream(0, |stream| matches!(stream.events[..], [StreamEvent::Credit(9)]).then_some(())).await;
    let Stream { say, mut told } = stream;
    for _ in 0..32 {
        assert!(matches!(told.message().await.unwrap().unwrap().kind, Some(Told::Delivery(_))));
    }
    drop(say);
}

#[tokio::test]
async fn operators_find_no_consume_service() {
    let server = Server::start().await;
    let mut wrong = ConsumeServiceClient::new(server.uds_channel("admin.sock").await);
    let status = wrong.consume(tokio_stream::empty()).await.map(|_| ()).unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
