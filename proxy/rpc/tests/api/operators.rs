//! AdminService.

use crate::{
    details::refused,
    fake::NOW,
    server::{Server, begin},
};
use prost_types::Duration;
use sidecommit_core::{
    DeliveryId, Incarnation, JournalId, OwnerRecord, PartitionStatus, Request, Serving, SessionId,
    SessionStatus, TopicPartition,
};
use sidecommit_rpc::proto::v1::{self, transaction_service_client::TransactionServiceClient};
use tonic::Code;

fn rival() -> Serving {
    Serving::FencedByRival(OwnerRecord {
        incarnation: Incarnation(8),
        journal: JournalId([1; 16]),
        pod_uid: "uid-2".into(),
        lanes_max: 8,
        time: NOW,
    })
}

#[tokio::test]
async fn status_says_what_the_engine_knows() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let get = async |admin: &mut v1::admin_service_client::AdminServiceClient<_>| {
        admin.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().status.unwrap()
    };
    let status = get(&mut admin).await;
    assert_eq!(
        (status.serving(), status.slot.as_str(), status.incarnation),
        (v1::ServingState::Ready, "p/ns/app/0", 7)
    );
    assert_eq!((status.detail.as_str(), status.warnings.len()), ("", 1));
    let lane = &status.lanes[0];
    assert_eq!((lane.lane, lane.state(), lane.generation, lane.seq), (1, v1::LaneState::Busy, 2, 40));
    assert_eq!(lane.error, "no route to broker");
    assert_eq!(status.oldest_in_kafka, Some(Duration { seconds: 1, nanos: 500_000_000 }));
    assert_eq!(status.counters.unwrap().aborted["TIMED_OUT"], 3);

    server.fake.set_serving(rival());
    let status = get(&mut admin).await;
    assert_eq!(status.serving(), v1::ServingState::FencedByRival);
    assert!(status.detail.contains("uid-2"), "{}", status.detail);
    assert_eq!(status.rival.unwrap().incarnation, 8);
}

#[tokio::test]
async fn a_watched_status_comes_at_once_at_each_change_and_each_interval() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let hour = v1::WatchStatusRequest { interval: Some(Duration { seconds: 3600, nanos: 0 }) };
    let mut changes = admin.watch_status(hour).await.unwrap().into_inner();
    let mut next = async || changes.message().await.unwrap().unwrap().status.unwrap().serving();
    assert_eq!(next().await, v1::ServingState::Ready);
    server.fake.set_serving(Serving::Draining);
    assert_eq!(next().await, v1::ServingState::Draining);
    server.fake.set_serving(rival());
    assert_eq!(next().await, v1::ServingState::FencedByRival);

    let often = v1::WatchStatusRequest { interval: Some(Duration { seconds: 0, nanos: 100_000_000 }) };
    let mut statuses = admin.watch_status(often).await.unwrap().into_inner();
    for _ in 0..3 {
        assert!(statuses.message().await.unwrap().is_some());
    }
    let never = v1::WatchStatusRequest { interval: Some(Duration { seconds: 0, nanos: 0 }) };
    let details = refused(admin.watch_status(never).await.map(|_| ()), v1::Reason::InvalidField);
    assert_eq!(details.field(), "interval");
}

#[tokio::test]
async fn transactions_and_groups_are_listed_and_aborted() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let mut client = server.uds().await;
    let ids = [begin(&mut client, "1").await, begin(&mut client, "2").await];

    let list = |limit| v1::ListTransactionsRequest { limit };
    let all = admin.list_transactions(list(0)).await.unwrap().into_inner();
    assert_eq!(all.transactions.iter().map(|t| t.transaction_id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(all.transactions[0].lane, Some(1));
    let one = admin.list_transactions(list(1)).await.unwrap().into_inner();
    assert_eq!((one.transactions.len(), one.total), (1, 2));
    for bad in [-1, 10_001] {
        refused(admin.list_transactions(list(bad)).await, v1::Reason::InvalidField);
    }
    let groups = admin.list_groups(v1::ListGroupsRequest {}).await.unwrap().into_inner().transaction_groups;
    assert_eq!((groups.len(), groups[0].lane, groups[0].lane_state()), (1, 1, v1::LaneState::Busy));
    assert_eq!(groups[0].transaction_ids, ids);

    let abort = v1::AbortTransactionRequest { transaction_id: ids[0].clone(), reason: "stuck".into() };
    let aborted = admin.abort_transaction(abort).await.unwrap().into_inner();
    assert_eq!((&aborted.transaction_id, aborted.state()), (&ids[0], v1::TransactionState::Aborted));
    let Request::Abort(seen) = server.fake.last() else { panic!("an Abort") };
    assert!(seen.by_operator);
    assert!(admin.resume(v1::ResumeRequest {}).await.is_ok());
}

fn session(group_id: &str, id: u8) -> SessionStatus {
    SessionStatus {
        session: SessionId([id; 16]),
        group_id: group_id.into(),
        group_instance_id: None,
        connected: false,
        credit: 0,
        partitions: vec![],
        retried: 0,
        dead_lettered: 0,
        rebalances: 0,
    }
}

fn partition(partition: i32) -> PartitionStatus {
    PartitionStatus {
        partition: TopicPartition::new("t", partition),
        position: None,
        settled: None,
        end: None,
        outstanding: None,
        buffered_bytes: 0,
        attempts: 0,
    }
}

#[tokio::test]
async fn consumer_groups_are_listed_beside_those_of_transactions() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let read = PartitionStatus {
        position: Some(30),
        settled: Some(20),
        end: Some(100),
        outstanding: Some((DeliveryId([0xab; 16]), NOW - 1500)),
        buffered_bytes: 4096,
        attempts: 2,
        ..partition(0)
    };
    // What is known of the end may be older than what is settled; a clock may step back.
    let ahead = PartitionStatus {
        settled: Some(9),
        end: Some(5),
        outstanding: Some((DeliveryId([1; 16]), NOW + 5)),
        ..partition(1)
    };
    let full = SessionStatus {
        group_instance_id: Some("pod-0".into()),
        connected: true,
        credit: 3,
        partitions: vec![partition(2), ahead, read],
        retried: 4,
        dead_lettered: 5,
        rebalances: 6,
        ..session("a", 7)
    };
    server.fake.set_sessions(vec![session("b", 2), full, session("a", 9)]);
    let listed = admin.list_groups(v1::ListGroupsRequest {}).await.unwrap().into_inner();
    assert_eq!(listed.transaction_groups, []);
    let sessions = listed.consumer_group_sessions;
    let order: Vec<_> = sessions.iter().map(|s| (s.group_id.as_str(), &s.session_id[..5])).collect();
    assert_eq!(order, [("a", "cs-07"), ("a", "cs-09"), ("b", "cs-02")]);
    let read = v1::ConsumedPartition {
        topic: "t".into(),
        partition: 0,
        position: Some(30),
        settled: Some(20),
        end: Some(100),
        lag: Some(80),
        outstanding_delivery_id: format!("dl-{}", "ab".repeat(16)),
        outstanding_age: Some(Duration { seconds: 1, nanos: 500_000_000 }),
        buffered_bytes: 4096,
        attempts: 2,
    };
    let ahead = v1::ConsumedPartition {
        topic: "t".into(),
        partition: 1,
        settled: Some(9),
        end: Some(5),
        lag: Some(0),
        outstanding_delivery_id: format!("dl-{}", "01".repeat(16)),
        outstanding_age: Some(Duration::default()),
        ..Default::default()
    };
    let unknown = v1::ConsumedPartition { topic: "t".into(), partition: 2, ..Default::default() };
    let expected = v1::ConsumerGroupSession {
        session_id: format!("cs-{}", "07".repeat(16)),
        group_id: "a".into(),
        group_instance_id: "pod-0".into(),
        connected: true,
        credit: 3,
        partitions: vec![read, ahead, unknown],
        retried: 4,
        dead_lettered: 5,
        rebalances: 6,
    };
    assert_eq!(sessions[0], expected);
}

#[tokio::test]
async fn each_socket_has_its_own_service() {
    let server = Server::start().await;
    let mut wrong = TransactionServiceClient::new(server.uds_channel("admin.sock").await);
    let status = wrong.get_server_info(v1::GetServerInfoRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let mut wrong = v1::admin_service_client::AdminServiceClient::new(server.tcp_channel().await);
    assert_eq!(wrong.resume(v1::ResumeRequest {}).await.unwrap_err().code(), Code::Unimplemented);
}
