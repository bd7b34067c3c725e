//! Every RPC of TransactionService but the stream, over both transports.

use crate::{
    details::refused,
    fake::NOW,
    server::{Server, begin, record},
};
use prost_types::{Duration, Timestamp};
use sidecommit_core::{Exceeded, Reason, Refusal, Request};
use sidecommit_rpc::{
    key_hash,
    proto::v1::{self, get_transaction_request::By},
};

/// The reason and field of a refusal, and what provokes it.
type Spoilt<T> = (v1::Reason, &'static str, fn(&mut T));

fn group() -> v1::GroupOffsets {
    let offset =
        v1::TopicPartitionOffset { topic: "t".into(), partition: 2, offset: 5, ..Default::default() };
    v1::GroupOffsets {
        group_id: "g".into(),
        member_id: "m".into(),
        generation_id: Some(0),
        offsets: vec![offset],
        ..Default::default()
    }
}

#[tokio::test]
async fn a_transaction_lives_over_both_transports() {
    let server = Server::start().await;
    for (i, mut client) in server.both().await.into_iter().enumerate() {
        let request_id = format!("request-{i}");
        let id = begin(&mut client, &request_id).await;
        assert_eq!(begin(&mut client, &request_id).await, id, "a repeat is the same transaction");

        let records = vec![record("a"), record("b")];
        let produce = v1::ProduceRequest { transaction_id: id.clone(), sequence: 0, records };
        for _ in 0..2 {
            let produced = client.produce(produce.clone()).await.unwrap().into_inner();
            assert_eq!(produced.next_sequence, 2);
        }
        let offsets = v1::SendOffsetsRequest {
            transaction_id: id.clone(),
            group_offsets: Some(group()),
            ..Default::default()
        };
        assert_eq!(client.send_offsets(offsets).await.unwrap().into_inner().offsets_count, 1);

        let alive = v1::KeepAliveRequest { transaction_ids: vec![id.clone()] };
        let deadlines = client.keep_alive(alive.clone()).await.unwrap().into_inner().deadlines;
        assert_eq!(deadlines[0].deadline.unwrap().seconds as u64, NOW / 1000 + 25);

        let commit = v1::CommitRequest {
            transaction_id: id.clone(),
            record_count: Some(3),
            offsets_count: Some(1),
            ..Default::default()
        };
        let incomplete = refused(client.commit(commit.clone()).await, v1::Reason::Incomplete);
        assert_eq!(incomplete.detail.next_sequence, Some(2));
        let commit = v1::CommitRequest { record_count: Some(2), ..commit };
        let committed = client.commit(commit).await.unwrap().into_inner();
        assert_eq!(
            (committed.state(), committed.transaction_id.as_str()),
            (v1::TransactionState::Committed, &*id)
        );
        assert_eq!((committed.ranges[0].last_offset, committed.ranges[0].count), (1, 2));
        assert_eq!(client.keep_alive(alive).await.unwrap().into_inner().deadlines[0].deadline, None);

        for by in [By::TransactionId(id.clone()), By::RequestId(request_id)] {
            let get = v1::GetTransactionRequest { by: Some(by), wait: true };
            let found = client.get_transaction(get).await.unwrap().into_inner().transaction.unwrap();
            assert_eq!((found.state(), found.record_count), (v1::TransactionState::Committed, 2));
            assert_eq!(found.reason(), v1::Reason::Unspecified);
        }
        let refusal = client.produce(v1::ProduceRequest { sequence: 2, ..produce }).await;
        refused(refusal, v1::Reason::NotOpen);
    }
}

#[tokio::test]
async fn an_aborted_transaction_says_so() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let abort = v1::AbortRequest { transaction_id: id.clone(), reason: "no".into(), ..Default::default() };
    let aborted = client.abort(abort.clone()).await.unwrap().into_inner();
    assert_eq!((aborted.state(), &aborted.transaction_id), (v1::TransactionState::Aborted, &id));
    let Request::Abort(seen) = server.fake.last() else { panic!("an Abort") };
    assert_eq!((seen.note.as_str(), seen.by_operator), ("no", false));
    let get = v1::GetTransactionRequest { by: Some(By::TransactionId(id)), wait: false };
    let found = client.get_transaction(get).await.unwrap().into_inner().transaction.unwrap();
    assert_eq!((found.state(), found.reason()), (v1::TransactionState::Aborted, v1::Reason::AbortedByCaller));
}

#[tokio::test]
async fn a_transact_carries_its_key_and_the_same_fingerprint_when_repeated() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let transact = v1::TransactRequest {
        idempotency_key: "key".into(),
        records: vec![record("a")],
        group_offsets: vec![group()],
        timeout: Some(Duration { seconds: 2, nanos: 0 }),
        ..Default::default()
    };
    let done = client.transact(transact.clone()).await.unwrap().into_inner();
    assert_eq!(done.state(), v1::TransactionState::Committed);
    let Request::Transact(first) = server.fake.last() else { panic!("a Transact") };
    assert_eq!((first.key.text.as_str(), first.key.hash), ("key", key_hash("key")));
    assert_eq!((first.timeout, first.first_attempt, first.offsets.len()), (Some(2000), None, 1));
    assert_eq!(first.records[0].timestamp_ms, NOW as i64, "stamped at acceptance");

    let first_attempt_time = Some(Timestamp { seconds: 1_762_999_000, nanos: 5_000_000 });
    let repeat = v1::TransactRequest { first_attempt_time, timeout: None, ..transact };
    client.transact(repeat).await.unwrap();
    let Request::Transact(second) = server.fake.last() else { panic!("a Transact") };
    assert_eq!((second.fingerprint, second.first_attempt), (first.fingerprint, Some(1_762_999_000_005)));

    let get = v1::GetTransactionRequest { by: Some(By::IdempotencyKey("key".into())), wait: false };
    assert!(client.get_transaction(get).await.is_ok());
}

#[tokio::test]
async fn records_arrive_byte_for_byte() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let header = |name: &str, value: Option<&'static [u8]>| v1::Header {
        name: name.into(),
        value: value.map(Into::into),
    };
    for size in [0, 1, 5000] {
        let wire = v1::Record {
            topic: "t".into(),
            partition: Some(2),
            key: Some(vec![0xff; size].into()),
            value: None,
            headers: vec![header("h", Some(b"\0\x01")), header("h", None), header("", Some(b""))],
            timestamp_ms: Some(NOW as i64 - 5),
        };
        let have = server.fake.with(&id, |txn| txn.records.len());
        let produce = v1::ProduceRequest {
            transaction_id: id.clone(),
            sequence: have as i64,
            records: vec![wire, record("v")],
        };
        client.produce(produce).await.unwrap();
        server.fake.with(&id, |txn| {
            let [got, plain] = &txn.records[have..] else { panic!("two records") };
            assert_eq!((&*got.topic, got.partition, got.timestamp_ms), ("t", Some(2), NOW as i64 - 5));
            assert_eq!((got.key.as_deref(), got.value.as_deref()), (Some(&vec![0xff; size][..]), None));
            let headers: Vec<_> =
                got.headers.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
            assert_eq!(headers, [("h", Some(&b"\0\x01"[..])), ("h", None), ("", Some(&b""[..]))]);
            assert_eq!((plain.partition, plain.value.as_deref()), (None, Some(&b"v"[..])));
        });
    }
}

#[tokio::test]
async fn a_bad_record_is_named_by_its_index_in_the_transaction_and_nothing_is_added() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let produce = |sequence, records| v1::ProduceRequest { transaction_id: id.clone(), sequence, records };
    client.produce(produce(0, vec![record("a"), record("b")])).await.unwrap();

    let long_topic = "x".repeat(250);
    let bad: [Spoilt<v1::Record>; 8] = [
        (v1::Reason::UnknownTopic, "records.topic", |r| r.topic = "nope".into()),
        (v1::Reason::InvalidField, "records.topic", |r| r.topic = "a/b".into()),
        (v1::Reason::InvalidField, "records.topic", |r| r.topic = String::new()),
        (v1::Reason::PartitionOutOfRange, "records.partition", |r| r.partition = Some(3)),
        (v1::Reason::RecordTooLarge, "records.value", |r| r.value = Some(vec![0; 2 << 20].into())),
        (v1::Reason::InvalidTimestamp, "records.timestamp_ms", |r| r.timestamp_ms = Some(-1)),
        (v1::Reason::KeyRequired, "records.key", |r| (r.topic, r.key) = ("compacted".into(), None)),
        (v1::Reason::InvalidField, "records.headers.name", |r| {
            r.headers = vec![v1::Header { name: "a\0b".into(), value: None }]
        }),
    ];
    for (reason, field, spoil) in bad {
        let mut spoiled = record("c");
        spoil(&mut spoiled);
        let details = refused(client.produce(produce(2, vec![record("ok"), spoiled])).await, reason);
        assert_eq!((details.field(), details.detail.record_index), (field, Some(3)), "{reason:?}");
        assert_eq!(details.detail.next_action(), v1::NextAction::FixRequest);
    }
    let mut spoiled = record("c");
    spoiled.topic = long_topic;
    let details = refused(client.produce(produce(2, vec![spoiled])).await, v1::Reason::InvalidField);
    assert_eq!(details.detail.record_index, Some(2));
    // Another limit than the sidecar's is told by its name.
    let mut large = record("c");
    large.value = Some(vec![0; 2 << 20].into());
    let details = refused(client.produce(produce(2, vec![large])).await, v1::Reason::RecordTooLarge);
    assert_eq!(details.detail.limit.unwrap().setting, "max.message.bytes");

    server.fake.with(&id, |txn| assert_eq!(txn.records.len(), 2));
    client.produce(produce(2, vec![record("c")])).await.unwrap();
}

#[tokio::test]
async fn a_wrong_field_is_named_with_its_value_and_reaches_no_engine() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let before = server.fake.calls();
    let field =
        |result: Result<(), tonic::Status>| refused(result, v1::Reason::InvalidField).field().to_owned();

    let begin = async |change: fn(&mut v1::BeginRequest)| {
        let mut request = v1::BeginRequest { request_id: "x".into(), ..Default::default() };
        change(&mut request);
        server.uds().await.begin(request).await.map(|_| ())
    };
    assert_eq!(field(begin(|r| r.request_id.clear()).await), "request_id");
    assert_eq!(field(begin(|r| r.request_id = "x".repeat(129)).await), "request_id");
    assert_eq!(field(begin(|r| r.timeout = Some(Duration { seconds: -1, nanos: 0 })).await), "timeout");
    assert_eq!(field(begin(|r| r.timeout = Some(Duration { seconds: 901, nanos: 0 })).await), "timeout");
    assert_eq!(field(begin(|r| r.label = "x".repeat(129)).await), "label");
    assert_eq!(field(begin(|r| r.ordering_key = "x".repeat(129)).await), "ordering_key");

    let mut produce = async |transaction_id: &str, sequence, records| {
        let request = v1::ProduceRequest { transaction_id: transaction_id.into(), sequence, records };
        client.produce(request).await.map(|_| ())
    };
    assert_eq!(field(produce("tx-1", 0, vec![record("a")]).await), "transaction_id");
    assert_eq!(field(produce(&id, -1, vec![record("a")]).await), "sequence");
    assert_eq!(field(produce(&id, 0, vec![]).await), "records");

    let commit = async |change: fn(&mut v1::CommitRequest)| {
        let mut request = v1::CommitRequest {
            transaction_id: id.clone(),
            record_count: Some(0),
            offsets_count: Some(0),
            ..Default::default()
        };
        change(&mut request);
        server.uds().await.commit(request).await.map(|_| ())
    };
    assert_eq!(field(commit(|r| r.record_count = None).await), "record_count");
    assert_eq!(field(commit(|r| r.record_count = Some(-1)).await), "record_count");
    assert_eq!(field(commit(|r| r.offsets_count = None).await), "offsets_count");
    assert_eq!(field(commit(|r| r.delivery_ids = vec!["d".into()]).await), "delivery_ids");
    let twice = |r: &mut v1::CommitRequest| r.group_offsets = vec![group(), group()];
    assert_eq!(field(commit(twice).await), "group_offsets.group_id");
    assert_eq!(server.fake.calls(), before);
}

#[tokio::test]
async fn wrong_offsets_and_keys_are_named() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let before = server.fake.calls();
    let send = async |change: fn(&mut v1::GroupOffsets)| {
        let mut group = group();
        change(&mut group);
        let request = v1::SendOffsetsRequest {
            transaction_id: id.clone(),
            group_offsets: Some(group),
            ..Default::default()
        };
        server.uds().await.send_offsets(request).await
    };
    let cases: [Spoilt<v1::GroupOffsets>; 10] = [
        (v1::Reason::InvalidField, "group_offsets.group_id", |g| g.group_id.clear()),
        (v1::Reason::InvalidField, "group_offsets.member_id", |g| g.member_id = "a\0".into()),
        (v1::Reason::InvalidField, "group_offsets.generation_id", |g| g.generation_id = None),
        (v1::Reason::InvalidField, "group_offsets.generation_id", |g| g.member_id.clear()),
        (v1::Reason::InvalidField, "group_offsets.offsets", |g| g.offsets.clear()),
        (v1::Reason::InvalidField, "group_offsets.offsets", |g| g.offsets = vec![g.offsets[0].clone(); 2]),
        (v1::Reason::InvalidField, "group_offsets.offsets.offset", |g| g.offsets[0].offset = -1),
        (v1::Reason::InvalidField, "group_offsets.offsets.metadata", |g| {
            g.offsets[0].metadata = "x".repeat(4097)
        }),
        (v1::Reason::PartitionOutOfRange, "group_offsets.offsets.partition", |g| g.offsets[0].partition = 3),
        (v1::Reason::UnknownTopic, "group_offsets.offsets.topic", |g| g.offsets[0].topic = "nope".into()),
    ];
    for (reason, field, spoil) in cases {
        assert_eq!(refused(send(spoil).await, reason).field(), field);
    }
    let transact = async |change: fn(&mut v1::TransactRequest)| {
        let mut request = v1::TransactRequest {
            idempotency_key: "key".into(),
            records: vec![record("a")],
            ..Default::default()
        };
        change(&mut request);
        let refusal = server.uds().await.transact(request).await;
        refused(refusal, v1::Reason::InvalidField).field().to_owned()
    };
    assert_eq!(transact(|t| t.idempotency_key.clear()).await, "idempotency_key");
    assert_eq!(transact(|t| t.records.clear()).await, "records");
    let future = |t: &mut v1::TransactRequest| {
        t.first_attempt_time = Some(Timestamp { seconds: NOW as i64 / 1000 + 600, nanos: 0 })
    };
    assert_eq!(transact(future).await, "first_attempt_time");
    let get = v1::GetTransactionRequest::default();
    let details = refused(client.get_transaction(get).await, v1::Reason::InvalidField);
    assert_eq!(details.field(), "by");
    let keep_alive = v1::KeepAliveRequest::default();
    let details = refused(client.keep_alive(keep_alive).await, v1::Reason::InvalidField);
    assert_eq!(details.field(), "transaction_ids");
    assert_eq!(server.fake.calls(), before);
}

#[tokio::test]
async fn a_limit_is_told_with_its_name_and_when_to_retry() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let refusal = Refusal::new(Reason::OpenTransactionsExceeded, "1000 are open")
        .exceeded("limits.open_transactions", 1000, 1001)
        .retry_after(250);
    assert_eq!(
        refusal.exceeded,
        Some(Exceeded { setting: "limits.open_transactions", limit: 1000, actual: 1001 })
    );
    server.fake.refuse(refusal);
    let request = v1::BeginRequest { request_id: "r".into(), ..Default::default() };
    let details = refused(client.begin(request.clone()).await, v1::Reason::OpenTransactionsExceeded);
    assert_eq!(details.info.domain, "sidecommit");
    assert_eq!(details.detail.limit.unwrap().setting, "limits.open_transactions");
    assert_eq!(details.retry.unwrap().retry_delay.unwrap().nanos, 250_000_000);
    assert!(client.begin(request).await.is_ok());
}

#[tokio::test]
async fn a_commit_past_its_deadline_goes_on_and_its_repeat_gets_the_answer() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let id = begin(&mut client, "r").await;
    let commit = v1::CommitRequest {
        transaction_id: id.clone(),
        record_count: Some(0),
        offsets_count: Some(0),
        ..Default::default()
    };
    server.fake.gate.send_replace(false);
    let mut hurried = tonic::Request::new(commit.clone());
    hurried.set_timeout(std::time::Duration::from_millis(5));
    let status = client.commit(hurried).await.expect_err("the gate is closed");
    assert!(matches!(status.code(), tonic::Code::Cancelled | tonic::Code::DeadlineExceeded), "{status:?}");
    assert!(status.details().is_empty(), "made by the library, so it means ASK_OUTCOME");
    server.fake.gate.send_replace(true);
    let get = v1::GetTransactionRequest { by: Some(By::TransactionId(id)), wait: true };
    client.get_transaction(get).await.unwrap();
    assert_eq!(client.commit(commit).await.unwrap().into_inner().state(), v1::TransactionState::Committed);
}

#[tokio::test]
async fn a_call_whose_topics_are_being_looked_up_is_underway_and_no_other() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let transaction_id = begin(&mut client, "r").await;
    let txn = transaction_id.parse().unwrap();
    let produce = |sequence, topic: &str| v1::ProduceRequest {
        transaction_id: transaction_id.clone(),
        sequence,
        records: vec![v1::Record { topic: topic.into(), ..record("a") }],
    };
    client.produce(produce(0, "t")).await.unwrap();
    assert_eq!(*server.fake.looked_up.borrow(), [], "what is known at once is none");
    let slow = tokio::spawn({
        let (mut client, request) = (client.clone(), produce(1, "slow"));
        async move { client.produce(request).await }
    });
    server.fake.underway(|calls| calls[..] == [(txn, true)]).await;
    server.fake.known.send_replace(true);
    slow.await.unwrap().unwrap();
    assert_eq!(*server.fake.looked_up.borrow(), [(txn, true), (txn, false)]);
    // One that is cancelled ends as well, whatever it was.
    server.fake.known.send_replace(false);
    let offset = v1::TopicPartitionOffset { topic: "slow".into(), offset: 1, ..Default::default() };
    let group = v1::GroupOffsets { group_id: "g".into(), offsets: vec![offset], ..Default::default() };
    let request = v1::CommitRequest {
        transaction_id,
        record_count: Some(2),
        offsets_count: Some(1),
        group_offsets: vec![group],
        ..Default::default()
    };
    let cancelled = tokio::spawn(async move { client.commit(request).await });
    server.fake.underway(|calls| calls.len() == 3).await;
    cancelled.abort();
    server.fake.underway(|calls| calls.len() == 4).await;
}
