//! Transactions that settle deliveries, or give them up.

use crate::{
    consume::id,
    details::refused,
    server::{Server, begin, record},
};
use sidecommit_core::{DeliveryId, Failure, Offsets, Reason, Refusal, Request};
use sidecommit_rpc::proto::v1;

fn ids() -> Vec<DeliveryId> {
    vec![id(0xab).0, id(2).0]
}

fn texts() -> Vec<String> {
    vec![id(0xab).1, id(2).1]
}

fn group() -> v1::GroupOffsets {
    let offset = v1::TopicPartitionOffset { topic: "t".into(), offset: 5, ..Default::default() };
    v1::GroupOffsets { group_id: "g".into(), offsets: vec![offset], ..Default::default() }
}

fn failure() -> v1::DeliveryFailure {
    v1::DeliveryFailure {
        delivery_id: id(2).1,
        offset: Some(44),
        retryable: true,
        error_class: "ValueError".into(),
        message: "no such account".into(),
    }
}

#[tokio::test]
async fn offsets_come_as_deliveries_or_as_a_groups_and_not_as_both() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let txn = begin(&mut client, "r").await;
    let send = |delivery_ids, group_offsets| v1::SendOffsetsRequest {
        transaction_id: txn.clone(),
        delivery_ids,
        group_offsets,
    };
    let sent = client.send_offsets(send(texts(), None)).await.unwrap().into_inner();
    assert_eq!(sent.offsets_count, 2);
    let Request::SendOffsets(seen) = server.fake.last() else { panic!("SendOffsets") };
    assert!(matches!(seen.offsets, Offsets::Deliveries(seen) if seen == ids()));
    client.send_offsets(send(vec![], Some(group()))).await.unwrap();
    let Request::SendOffsets(seen) = server.fake.last() else { panic!("SendOffsets") };
    assert!(matches!(seen.offsets, Offsets::Explicit(group, offsets)
        if group.group_id == "g" && group.consumer.is_none() && offsets[0].offset == 5));

    let before = server.fake.calls();
    for (delivery_ids, group_offsets, field) in [
        (vec![], None, "delivery_ids"),
        (texts(), Some(group()), "group_offsets"),
        (vec![id(1).1, "dl-1".into()], None, "delivery_ids"),
        (vec![id(1).1; 10_001], None, "delivery_ids"),
    ] {
        let refusal = client.send_offsets(send(delivery_ids, group_offsets)).await;
        assert_eq!(refused(refusal, v1::Reason::InvalidField).field(), field);
    }
    assert_eq!(server.fake.calls(), before);
}

#[tokio::test]
async fn a_commit_and_a_transact_bring_deliveries_and_offsets_along() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let commit = v1::CommitRequest {
        transaction_id: begin(&mut client, "r").await,
        record_count: Some(0),
        offsets_count: Some(3),
        delivery_ids: texts(),
        group_offsets: vec![group()],
    };
    client.commit(commit.clone()).await.unwrap();
    let Request::Commit(seen) = server.fake.last() else { panic!("a Commit") };
    assert_eq!((seen.deliveries, seen.offsets.len(), seen.offsets_count), (ids(), 1, 3));
    let bad = v1::CommitRequest { delivery_ids: vec![id(1).1.to_uppercase()], ..commit };
    assert_eq!(refused(client.commit(bad).await, v1::Reason::InvalidField).field(), "delivery_ids");

    let mut transact = v1::TransactRequest {
        idempotency_key: "only deliveries".into(),
        delivery_ids: texts(),
        ..Default::default()
    };
    client.transact(transact.clone()).await.unwrap();
    let Request::Transact(first) = server.fake.last() else { panic!("a Transact") };
    assert_eq!((&first.deliveries, first.records.len(), first.offsets.len()), (&ids(), 0, 0));
    transact.delivery_ids.pop();
    transact.records.push(record("a"));
    transact.group_offsets.push(group());
    client.transact(transact.clone()).await.unwrap();
    let Request::Transact(other) = server.fake.last() else { panic!("a Transact") };
    assert_eq!((other.deliveries.len(), other.records.len(), other.offsets.len()), (1, 1, 1));
    assert_ne!(other.fingerprint, first.fingerprint);
    transact.delivery_ids = vec!["x".into()];
    assert_eq!(refused(client.transact(transact).await, v1::Reason::InvalidField).field(), "delivery_ids");
}

#[tokio::test]
async fn an_abort_says_what_failed() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let txn = begin(&mut client, "r").await;
    let abort = |failures| v1::AbortRequest { transaction_id: txn.clone(), failures, ..Default::default() };
    let before = server.fake.calls();
    for (spoilt, field) in [
        (v1::DeliveryFailure { delivery_id: String::new(), ..failure() }, "failures.delivery_id"),
        (v1::DeliveryFailure { offset: Some(-1), ..failure() }, "failures.offset"),
    ] {
        let refusal = client.abort(abort(vec![failure(), spoilt])).await;
        assert_eq!(refused(refusal, v1::Reason::InvalidField).field(), field);
    }
    let many = client.abort(abort(vec![failure(); 10_001])).await;
    assert_eq!(refused(many, v1::Reason::InvalidField).field(), "failures");
    assert_eq!(server.fake.calls(), before);

    let long = v1::DeliveryFailure {
        retryable: false,
        error_class: "ü".repeat(300),
        message: "x".repeat(100_000),
        ..failure()
    };
    let unknown = v1::DeliveryFailure { offset: None, ..failure() };
    client.abort(abort(vec![failure(), long, unknown])).await.unwrap();
    let Request::Abort(seen) = server.fake.last() else { panic!("an Abort") };
    let expected = Failure {
        delivery: id(2).0,
        offset: Some(44),
        retryable: true,
        error_class: "ValueError".into(),
        message: "no such account".into(),
    };
    assert_eq!(seen.failures[0], expected);
    assert_eq!(seen.failures[2].offset, None, "which it was is not known, and that is not offset 0");
    let cut = &seen.failures[1];
    assert!(!cut.retryable);
    assert_eq!((cut.error_class.chars().count(), cut.message.len()), (255, 1024), "cut, not refused");
}

#[tokio::test]
async fn a_delivery_that_is_taken_or_void_is_told_so() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let txn = begin(&mut client, "r").await;
    let send = v1::SendOffsetsRequest { transaction_id: txn, delivery_ids: texts(), ..Default::default() };
    for (reason, wire, action) in [
        (Reason::DeliveryTaken, v1::Reason::DeliveryTaken, v1::NextAction::FixRequest),
        (Reason::DeliveryRevoked, v1::Reason::DeliveryRevoked, v1::NextAction::BeginAgain),
    ] {
        server.fake.refuse(Refusal::new(reason, "why").field("delivery_ids"));
        let details = refused(client.send_offsets(send.clone()).await, wire);
        assert_eq!((details.code, details.detail.next_action()), (tonic::Code::FailedPrecondition, action));
        assert_eq!(details.field(), "delivery_ids");
    }
}

#[tokio::test]
async fn the_features_tell_clients_of_it() {
    let server = Server::start().await;
    let mut client = server.uds().await;
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    for feature in ["consume", "delivery_offsets"] {
        assert!(info.features.iter().any(|known| known == feature), "{:?}", info.features);
    }
}
