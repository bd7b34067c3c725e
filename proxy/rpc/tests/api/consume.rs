//! ConsumeService: what is said and told on a stream, and how it ends.

use crate::{
    details::Details,
    fake::{self, NOW},
    server::Server,
};
use sidecommit_core::{
    Consumed, Delivery, DeliveryId, Reason, Refusal, SessionId, StreamEvent, StreamItem, TopicPartition,
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
pub(crate) struct Stream {
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
    pub(crate) async fn of(server: &Server, subscribe: v1::Subscribe) -> Self {
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
    pub(crate) async fn end(mut self) -> Result<(), Status> {
        while self.told.message().await?.is_some() {}
        Ok(())
    }

    /// Ends with this reason.
    pub(crate) async fn refused(self, reason: v1::Reason) -> Details {
        let status = self.end().await.expect_err("a refusal");
        let details = Details::of(&status);
        assert_eq!(details.detail.reason(), reason, "{status:?}");
        details
    }
}

/// The least there is to say.
pub(crate) fn subscribe() -> v1::Subscribe {
    v1::Subscribe { group_id: "g".into(), topics: vec!["t".into()], ..Default::default() }
}

/// A delivery's id, and as it is written.
pub(crate) fn id(byte: u8) -> (DeliveryId, String) {
    (DeliveryId([byte; 16]), format!("dl-{}", format!("{byte:02x}").repeat(16)))
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
        moved: false,
        records,
    })))
}

#[tokio::test]
async fn a_record_of_a_retry_topic_has_the_key_that_it_had_where_it_was_first_read() {
    let server = Server::start().await;
    let mut stream = Stream::of(&server, subscribe()).await;
    let record = |headers| Consumed { offset: 5, timestamp_ms: 1, key: None, value: None, headers };
    let named = |value: &'static [u8]| vec![(Arc::from("sidecommit-identity"), Some(value.into()))];
    let records = [named(b"origin-id/1/44"), named(b"nonsense"), vec![]];
    for (moved, keys) in [
        (true, ["cluster/origin-id/1/44", "cluster/topic-id/2/5", "cluster/topic-id/2/5"]),
        // Anybody may have written it.
        (false, ["cluster/topic-id/2/5"; 3]),
    ] {
        let records = records.clone().map(|headers| (record(headers), 1)).to_vec();
        let Ok(StreamItem::Delivery(delivery)) = delivery(records) else { panic!("a delivery") };
        server.fake.tell(0, Ok(StreamItem::Delivery(Box::new(Delivery { moved, ..*delivery })))).await;
        let Told::Delivery(told) = stream.told().await else { panic!("a Delivery") };
        assert_eq!(told.records.iter().map(|record| &record.idempotency_key[..]).collect::<Vec<_>>(), keys);
    }
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

    // What runs the client's connection dies; the stream is still held.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Arc::new(server);
    let opening = runtime.spawn({
        let server = server.clone();
        async move { Stream::of(&server, subscribe()).await }
    });
    let _cut_off = opening.await.unwrap();
    server.fake.stream(2, |_| Some(())).await;
    runtime.shutdown_background();
    assert_eq!(server.fake.closed(2).await.len(), 0);
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
    // So many that one of them would have to wait for the deliveries before it.
    for said in 1..=100 {
        stream.say(Said::Credit(v1::Credit { deliveries: 1 }));
        server.fake.stream(0, |stream| (stream.events.len() == said).then_some(())).await;
    }
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
