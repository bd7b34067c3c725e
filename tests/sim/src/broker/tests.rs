use super::*;
use bytes::Bytes;

const ID: &str = "p/ns/app/0/0";
const DATA: LogIndex = 1;

struct Producer {
    id: String,
    pid: u64,
    epoch: u32,
    seq: u64,
}

fn broker() -> Broker {
    Broker::new(&[("t", 2)])
}

fn open(broker: &mut Broker, id: &str) -> Producer {
    let request =
        Request { origin: 0, id: id.into(), pid: 0, epoch: 0, body: Body::Init { timeout: 30_000 } };
    loop {
        match broker.handle(0, &request) {
            Response::Inited { pid, epoch } => return Producer { id: id.into(), pid, epoch, seq: 0 },
            Response::Error(BrokerError::Concurrent) => settle(broker, id),
            other => panic!("{other:?}"),
        }
    }
}

fn settle(broker: &mut Broker, id: &str) {
    for participant in broker.unmarked(id) {
        broker.write_marker(0, id, &participant);
    }
}

fn ask(broker: &mut Broker, producer: &Producer, body: Body) -> Response {
    let request =
        Request { origin: 0, id: producer.id.clone(), pid: producer.pid, epoch: producer.epoch, body };
    broker.handle(0, &request)
}

fn send(broker: &mut Broker, producer: &mut Producer, log: LogIndex, value: &'static str) -> Response {
    let joined = ask(broker, producer, Body::AddPartitions([log].into()));
    if joined != Response::Ok {
        return joined;
    }
    let payload = Payload { key: None, value: Some(Bytes::from_static(value.as_bytes())), poison: false };
    let response = ask(broker, producer, Body::Produce { log, base_seq: producer.seq, batch: vec![payload] });
    producer.seq += 1;
    response
}

fn end(broker: &mut Broker, producer: &Producer, commit: bool) -> Response {
    ask(broker, producer, Body::End { commit })
}

fn visible(broker: &Broker, log: LogIndex) -> Vec<Bytes> {
    let log = &broker.logs[log];
    log.visible(log.last_stable()).filter_map(|entry| entry.value.clone()).collect()
}

#[test]
fn a_commit_is_visible_when_its_marker_is_written_and_an_abort_never() {
    let mut broker = broker();
    let mut producer = open(&mut broker, ID);
    send(&mut broker, &mut producer, DATA, "a");
    assert_eq!(end(&mut broker, &producer, true), Response::Ok);
    assert_eq!((broker.logs[DATA].last_stable(), visible(&broker, DATA).len()), (0, 0));
    assert_eq!(send(&mut broker, &mut producer, DATA, "too early"), Response::Error(BrokerError::Concurrent));
    settle(&mut broker, ID);
    assert_eq!(visible(&broker, DATA), ["a"]);
    send(&mut broker, &mut producer, DATA, "b");
    assert_eq!(end(&mut broker, &producer, false), Response::Ok);
    settle(&mut broker, ID);
    assert_eq!((visible(&broker, DATA).len(), broker.logs[DATA].last_stable()), (1, 4));
}

#[test]
fn an_init_aborts_what_is_ongoing_and_fences_its_producer() {
    let mut broker = broker();
    let mut old = open(&mut broker, ID);
    send(&mut broker, &mut old, DATA, "a");
    let mut new = open(&mut broker, ID);
    assert_eq!(end(&mut broker, &old, true), Response::Error(BrokerError::Fenced));
    assert_eq!(send(&mut broker, &mut old, DATA, "b"), Response::Error(BrokerError::Fenced));
    assert_eq!(send(&mut broker, &mut new, DATA, "c"), Response::Appended { base: Some(2) });
    assert_eq!(end(&mut broker, &new, true), Response::Ok);
    settle(&mut broker, ID);
    assert_eq!(visible(&broker, DATA), ["c"]);
}

#[test]
fn other_transactional_ids_are_not_fenced() {
    let mut broker = broker();
    let mut lane0 = open(&mut broker, ID);
    let mut lane1 = open(&mut broker, "p/ns/app/0/1");
    send(&mut broker, &mut lane1, DATA, "a");
    open(&mut broker, ID);
    assert_eq!(send(&mut broker, &mut lane0, DATA, "b"), Response::Error(BrokerError::Fenced));
    assert_eq!(end(&mut broker, &lane1, true), Response::Ok);
}

#[test]
fn a_late_duplicate_end_ends_the_next_transaction_of_the_same_producer_only() {
    let mut broker = broker();
    let mut producer = open(&mut broker, ID);
    send(&mut broker, &mut producer, DATA, "a");
    assert_eq!(end(&mut broker, &producer, true), Response::Ok);
    settle(&mut broker, ID);
    assert_eq!(end(&mut broker, &producer, true), Response::Ok, "a repeat of a completed end is Ok");
    send(&mut broker, &mut producer, DATA, "torn");
    assert_eq!(
        end(&mut broker, &producer, true),
        Response::Ok,
        "protocol V1 cannot tell it from the second's"
    );
    settle(&mut broker, ID);
    assert_eq!(visible(&broker, DATA), ["a", "torn"]);
    assert_eq!(end(&mut broker, &producer, false), Response::Error(BrokerError::InvalidState));

    let mut renewed = open(&mut broker, ID);
    send(&mut broker, &mut renewed, DATA, "b");
    assert_eq!(end(&mut broker, &producer, true), Response::Error(BrokerError::Fenced));
}

#[test]
fn an_overdue_transaction_is_aborted_under_a_new_epoch() {
    let mut broker = broker();
    let mut producer = open(&mut broker, ID);
    send(&mut broker, &mut producer, DATA, "a");
    assert_eq!((broker.expire(30_000), broker.expire(30_001)), (0, 1));
    settle(&mut broker, ID);
    assert_eq!(end(&mut broker, &producer, true), Response::Error(BrokerError::Fenced));
    assert!(visible(&broker, DATA).is_empty());
}

#[test]
fn a_repeated_batch_is_appended_once_and_a_gap_refused() {
    let mut broker = broker();
    let mut producer = open(&mut broker, ID);
    send(&mut broker, &mut producer, DATA, "a");
    producer.seq = 0;
    assert_eq!(send(&mut broker, &mut producer, DATA, "a"), Response::Appended { base: Some(0) });
    producer.seq = 5;
    assert_eq!(send(&mut broker, &mut producer, DATA, "f"), Response::Error(BrokerError::OutOfOrder));
    assert_eq!(broker.logs[DATA].end, 1);
}

#[test]
fn offsets_become_current_with_the_commit_and_a_stale_generation_is_refused() {
    use sidecommit_core::ConsumerGroup;
    let mut broker = broker();
    let producer = open(&mut broker, ID);
    broker.groups.entry("g".into()).or_default().generation = 3;
    let offsets = |generation_id| {
        let group = ConsumerGroup {
            group_id: "g".into(),
            generation_id,
            member_id: "m".into(),
            group_instance_id: None,
            consumer: None,
        };
        let offset =
            TopicPartitionOffset { topic: "in".into(), partition: 0, offset: 7, metadata: String::new() };
        Body::Offsets(GroupOffsets { group, offsets: vec![offset] })
    };
    assert_eq!(ask(&mut broker, &producer, offsets(3)), Response::Error(BrokerError::InvalidState));
    assert_eq!(ask(&mut broker, &producer, Body::AddGroup("g".into())), Response::Ok);
    assert_eq!(ask(&mut broker, &producer, offsets(2)), Response::Error(BrokerError::IllegalGeneration));
    assert_eq!(ask(&mut broker, &producer, offsets(3)), Response::Ok);
    assert_eq!(end(&mut broker, &producer, true), Response::Ok);
    assert!(broker.groups["g"].committed.is_empty());
    settle(&mut broker, ID);
    assert_eq!(broker.groups["g"].committed[&("in".to_owned(), 0)].0, 7);
}

#[test]
fn compaction_keeps_the_newest_committed_record_of_a_key_and_all_above_the_last_stable_offset() {
    let mut log = Log::default();
    let value = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    log.append_plain(0, value("k"), value("1"));
    log.append_plain(0, value("k"), value("2"));
    log.append_plain(0, value("gone"), value("1"));
    log.append_plain(5, value("gone"), None);
    let batch = [Payload { key: value("k"), value: value("3"), poison: false }];
    log.append(0, Source { pid: 1, epoch: 0, base_seq: 0 }, 0, &batch).expect("first batch");
    log.compact(0);
    let offsets = |log: &Log| log.entries.iter().map(|e| e.offset).collect::<Vec<_>>();
    assert_eq!(offsets(&log), [1, 3, 4], "an open record supersedes nothing, a young tombstone stays");
    log.write_marker(0, 1, 0, false);
    log.compact(10);
    assert_eq!(offsets(&log), [1], "aborted records, markers and old tombstones go");
    assert_eq!(log.end, 6);
}

#[test]
fn an_open_transaction_of_another_producer_holds_the_last_stable_offset_back() {
    let mut broker = broker();
    let mut foreign = open(&mut broker, "p/ns/other/0/0");
    let mut ours = open(&mut broker, ID);
    send(&mut broker, &mut foreign, DATA, "x");
    send(&mut broker, &mut ours, DATA, "a");
    end(&mut broker, &ours, true);
    settle(&mut broker, ID);
    assert_eq!((broker.logs[DATA].last_stable(), broker.logs[DATA].end), (0, 3));
    end(&mut broker, &foreign, false);
    settle(&mut broker, "p/ns/other/0/0");
    assert_eq!(
        (broker.logs[DATA].last_stable(), visible(&broker, DATA)),
        (4, vec![Bytes::from_static(b"a")])
    );
}
