use crate::support::{
    JOURNAL, LANE, PATIENCE, Reader, Rig, foreign_transaction, kafka, marker, owner, record, send, topic,
    unique,
};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    producer::Producer as _,
};
use sidecommit_core::{LaneOp, OutcomesView, ReadResult, Slot};
use sidecommit_kafka::OutcomesPlace;
use std::time::{Duration, Instant};

fn seqs(view: &OutcomesView) -> Vec<u64> {
    let mut seqs: Vec<_> = view.markers_of(LANE, JOURNAL).map(|marker| marker.seq).collect();
    seqs.sort_unstable();
    seqs
}

fn write(rig: &Rig, ops: Vec<LaneOp>, commit: bool) {
    rig.order(1, LaneOp::Begin);
    for op in ops {
        rig.order(1, op);
    }
    rig.flushed(1);
    rig.ended(1, commit);
}

/// What holds in both modes.
fn sees_what_is_committed_and_nothing_else(rig: &Rig) {
    let reader = rig.reader();
    assert_eq!(reader.view(), OutcomesView::default());
    rig.open(1);
    let (own, record) = owner(3);
    write(rig, vec![own, marker(1)], true);
    let view = reader.view();
    assert_eq!((seqs(&view), view.owner.as_ref()), (vec![1], Some(&record)));
    write(rig, vec![marker(2)], false);
    assert_eq!(seqs(&reader.view()), [1]);
    write(rig, vec![marker(3)], true);
    assert_eq!(seqs(&reader.view()), [1, 3]);
    // The 65th takes the place of the first.
    write(rig, vec![marker(65)], true);
    assert_eq!(seqs(&reader.view()), [3, 65]);
    let fresh = rig.reader().view();
    assert_eq!((seqs(&fresh), fresh.truncated), (vec![3, 65], false));
    let stranger: Slot = format!("test/kafka/{}/0", unique("stranger")).parse().expect("slot");
    assert_eq!(Reader::of(stranger, rig.place.clone()).view(), OutcomesView::default());
}

#[test]
fn in_a_topic_a_reader_sees_what_is_committed_and_nothing_else() {
    sees_what_is_committed_and_nothing_else(&Rig::new("reader"));
}

#[test]
fn in_private_groups_a_reader_sees_what_is_committed_and_nothing_else() {
    let place = OutcomesPlace::Groups {
        prefix: "sidecommit/".to_owned(),
        topic: topic("carrier", 1, &[]),
        partition: 0,
    };
    let slot = format!("test/kafka/{}/0", unique("groups")).parse().expect("slot");
    sees_what_is_committed_and_nothing_else(&Rig::of(slot, place, |_| {}));
}

#[test]
fn a_marker_in_private_groups_is_committed_with_the_records() {
    let carrier = topic("carrier", 1, &[]);
    let place =
        OutcomesPlace::Groups { prefix: "sidecommit/".to_owned(), topic: carrier.clone(), partition: 0 };
    let slot = format!("test/kafka/{}/0", unique("groups-records")).parse().expect("slot");
    let rig = Rig::of(slot, place, |_| {});
    let topic = topic("groups-records", 1, &[]);
    rig.open(1);
    write(&rig, vec![send(0, vec![record(&topic, "r")]), marker(1)], true);
    assert_eq!(seqs(&rig.reader().view()), [1]);
    assert_eq!(crate::support::committed(&topic), ["r"]);
    assert!(crate::support::committed(&carrier).is_empty());
}

#[test]
fn a_foreign_open_transaction_blocks_a_read_until_it_ends() {
    let rig = Rig::new("blocked");
    let OutcomesPlace::Topic { topic, partition } = &rig.place else { panic!("topic mode") };
    rig.open(1);
    write(&rig, vec![marker(1)], true);
    let foreign = foreign_transaction(topic, *partition);
    write(&rig, vec![marker(2)], true);
    let reader = rig.reader();
    let started = Instant::now();
    assert!(matches!(reader.read(), ReadResult::Blocked));
    let took = started.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&took), "{took:?}");
    foreign.abort_transaction(Duration::from_secs(20)).expect("aborted");
    assert_eq!(seqs(&reader.view()), [1, 2]);
}

#[test]
fn a_log_that_lost_records_is_told_as_truncated() {
    let rig = Rig::new("truncated");
    let OutcomesPlace::Topic { topic, partition } = &rig.place else { panic!("topic mode") };
    rig.open(1);
    write(&rig, vec![marker(1)], true);
    let reader = rig.reader();
    assert!(!reader.view().truncated);
    write(&rig, vec![marker(2)], true);
    // Record and control record of both transactions.
    delete_records(topic, *partition, 4);
    write(&rig, vec![marker(3)], true);
    let view = reader.view();
    assert!(view.truncated, "records 2 and 3 were deleted before they were read");
    assert_eq!(seqs(&view), [1, 3]);
    let fresh = rig.reader().view();
    assert_eq!((fresh.truncated, seqs(&fresh)), (true, vec![3]));
}

#[test]
fn a_topic_that_was_deleted_and_made_again_is_told_as_truncated() {
    let rig = Rig::new("again");
    let OutcomesPlace::Topic { topic, partition } = &rig.place else { panic!("topic mode") };
    rig.open(1);
    write(&rig, vec![marker(1)], true);
    let reader = rig.reader();
    assert_eq!(seqs(&reader.view()), [1]);
    kafka().delete_topic(topic).expect("deleted");
    kafka().create_topic(topic, 4, &[("cleanup.policy", "compact")]).expect("made again");
    // Others' records: the new log is longer than the old one was, so its length gives nothing away.
    for _ in 0..3 {
        foreign_transaction(topic, *partition).commit_transaction(PATIENCE).expect("committed");
    }
    let view = reader.view();
    assert_eq!((view.truncated, seqs(&view)), (true, vec![]));
    assert!(reader.view().truncated, "what was lost stays lost");
}

/// DeleteRecords is allowed for topics that are not compact only.
fn delete_records(topic: &str, partition: i32, before: i64) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", kafka().bootstrap()).create().expect("admin");
    let options = AdminOptions::new();
    let alter = |policy| {
        let topic = rdkafka::admin::ResourceSpecifier::Topic(topic);
        rdkafka::admin::AlterConfig::new(topic).set("cleanup.policy", policy)
    };
    let runtime = tokio_free(admin.alter_configs(&[alter("delete")], &options));
    runtime.expect("altered");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(before)).expect("list");
    let deleted = tokio_free(admin.delete_records(&list, &options)).expect("deleted");
    deleted.find_partition(topic, partition).expect("element").error().expect("deleted");
}

/// Waits for one of the admin client's futures.
fn tokio_free<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        let mut context = std::task::Context::from_waker(&waker);
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
