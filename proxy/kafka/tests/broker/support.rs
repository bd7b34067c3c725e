use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use sidecommit_core::{
    Blame, ConsumerGroup, Ended, Flushed, Generation, GroupOffsets, GroupUuid, JournalId, LaneError,
    LaneEvent, LaneIndex, LaneOp, Marker, OutcomesKey, Outgoing, OwnerRecord, ReadResult, ReadToken, Record,
    Slot, TopicPartitionOffset,
};
use sidecommit_fixture::Kafka;
use sidecommit_kafka::{
    ClientSettings, Cluster, LaneSettings, Lanes, OutcomesPlace, OutcomesReader, OutcomesTopic, Properties,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Longer than anything in these tests takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const LANE: LaneIndex = LaneIndex(0);
pub(crate) const JOURNAL: JournalId = JournalId([7; 16]);

pub(crate) fn kafka() -> &'static Kafka {
    Kafka::shared().expect("a broker")
}

/// A name that no other test, process or earlier run uses.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    format!("{name}-{}-{now}-{count}", std::process::id())
}

pub(crate) fn topic(name: &str, partitions: i32, config: &[(&str, &str)]) -> String {
    let topic = unique(name);
    kafka().create_topic(&topic, partitions, config).expect("topic");
    topic
}

pub(crate) fn client() -> ClientSettings {
    ClientSettings { bootstrap_servers: kafka().bootstrap(), properties: Properties::default() }
}

pub(crate) fn cluster() -> Cluster {
    Cluster::new(&client()).expect("cluster")
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("in range")
}

/// A slot's lanes and what they report.
pub(crate) struct Rig {
    pub(crate) slot: Slot,
    pub(crate) place: OutcomesPlace,
    pub(crate) lanes: Lanes,
    events: Receiver<(Generation, LaneEvent)>,
}

// === impl Rig ===

impl Rig {
    /// A slot of its own, with an outcomes topic of its own.
    pub(crate) fn new(name: &str) -> Self {
        let slot: Slot = format!("test/kafka/{}/0", unique(name)).parse().expect("slot");
        let outcomes = OutcomesTopic {
            partitions: 4,
            replication: 1,
            min_insync_replicas: 1,
            ..OutcomesTopic::new(unique("outcomes"))
        };
        let place = outcomes.prepare(&cluster(), &slot).expect("outcomes topic");
        Self::of(slot, place, |_| {})
    }

    pub(crate) fn of(slot: Slot, place: OutcomesPlace, change: impl FnOnce(&mut LaneSettings)) -> Self {
        let (sender, events) = channel();
        let mut settings = LaneSettings::new(client(), place.clone());
        change(&mut settings);
        let report = Arc::new(move |_, generation, event| {
            let _ = sender.send((generation, event));
        });
        let lanes = Lanes::start(settings, slot.clone(), report).expect("lanes");
        Self { slot, place, lanes, events }
    }

    /// The same slot in another process.
    pub(crate) fn successor(&self) -> Self {
        Self::of(self.slot.clone(), self.place.clone(), |_| {})
    }

    pub(crate) fn order(&self, generation: u32, op: LaneOp) {
        self.lanes.perform(LANE, Generation(generation), op);
    }

    /// The next report that is not about progress.
    pub(crate) fn event(&self, generation: u32) -> LaneEvent {
        loop {
            let (told, event) = self.events.recv_timeout(PATIENCE).expect("a report");
            assert_eq!(told, Generation(generation), "{event:?}");
            if !matches!(event, LaneEvent::Progress { .. }) {
                return event;
            }
        }
    }

    /// Everything that was told so far.
    pub(crate) fn told(&self) -> Vec<LaneEvent> {
        self.events.try_iter().map(|(_, event)| event).collect()
    }

    pub(crate) fn is_silent_for(&self, time: Duration) -> bool {
        matches!(self.events.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    pub(crate) fn open(&self, generation: u32) {
        self.order(generation, LaneOp::Open);
        let event = self.event(generation);
        assert!(matches!(event, LaneEvent::Opened), "{event:?}");
    }

    pub(crate) fn flushed(&self, generation: u32) -> Flushed {
        self.order(generation, LaneOp::Flush);
        match self.event(generation) {
            LaneEvent::Flushed(flushed) => flushed,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ended(&self, generation: u32, commit: bool) -> Ended {
        self.order(generation, LaneOp::End { commit });
        match self.event(generation) {
            LaneEvent::Ended(ended) => ended,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failed(&self, generation: u32) -> LaneError {
        match self.event(generation) {
            LaneEvent::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::of(self.slot.clone(), self.place.clone())
    }
}

pub(crate) struct Reader {
    reader: OutcomesReader,
    results: Receiver<(ReadToken, ReadResult)>,
    tokens: AtomicU64,
}

// === impl Reader ===

impl Reader {
    pub(crate) fn of(slot: Slot, place: OutcomesPlace) -> Self {
        let (sender, results) = channel();
        let report = Arc::new(move |token, result| {
            let _ = sender.send((token, result));
        });
        let reader = OutcomesReader::start(&client(), cluster(), place, slot, report).expect("reader");
        Self { reader, results, tokens: AtomicU64::new(0) }
    }

    pub(crate) fn read(&self) -> ReadResult {
        let token = ReadToken(self.tokens.fetch_add(1, Ordering::Relaxed));
        self.reader.read(token);
        let (answered, result) = self.results.recv_timeout(PATIENCE).expect("a result");
        assert_eq!(answered, token);
        result
    }

    pub(crate) fn view(&self) -> sidecommit_core::OutcomesView {
        match self.read() {
            ReadResult::Done(view) => view,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn record(topic: &str, value: &str) -> Record {
    Record {
        topic: topic.into(),
        partition: Some(0),
        key: None,
        value: Some(value.to_owned().into()),
        headers: Vec::new(),
        timestamp_ms: now_ms(),
    }
}

pub(crate) fn send(member: u32, records: Vec<Record>) -> LaneOp {
    let outgoing = (0..).zip(records).map(|(index, record)| Outgoing { member, index, record });
    LaneOp::Send(outgoing.collect())
}

pub(crate) fn marker(seq: u64) -> LaneOp {
    let marker = Marker { seq, group: GroupUuid([seq as u8; 16]), time: 1, members: Vec::new() };
    LaneOp::Write { key: OutcomesKey::marker(LANE, JOURNAL, seq), value: marker.encode() }
}

pub(crate) fn owner(incarnation: u32) -> (LaneOp, OwnerRecord) {
    let record = OwnerRecord {
        incarnation: sidecommit_core::Incarnation(incarnation),
        journal: JOURNAL,
        pod_uid: "pod".to_owned(),
        lanes_max: 2,
        time: 5,
    };
    (LaneOp::Write { key: OutcomesKey::Owner, value: record.encode() }, record)
}

pub(crate) fn offsets(group_id: &str, generation_id: i32, topic: &str, offset: i64) -> GroupOffsets {
    GroupOffsets {
        group: ConsumerGroup {
            group_id: group_id.to_owned(),
            generation_id,
            member_id: if generation_id < 0 { String::new() } else { "nobody".to_owned() },
            group_instance_id: None,
            consumer: None,
        },
        offsets: vec![TopicPartitionOffset {
            topic: topic.to_owned(),
            partition: 0,
            offset,
            metadata: "meta".to_owned(),
        }],
    }
}

/// Values of a topic's committed records.
pub(crate) fn committed(topic: &str) -> Vec<String> {
    let messages = kafka().read_committed(topic).expect("readable");
    let text = |value: Option<Vec<u8>>| String::from_utf8(value.unwrap_or_default()).expect("text");
    messages.into_iter().map(|message| text(message.value)).collect()
}

/// Somebody else's producer with an open transaction on a partition.
pub(crate) fn foreign_transaction(topic: &str, partition: i32) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka().bootstrap())
        .set("transactional.id", unique("foreign"))
        .create()
        .expect("producer");
    producer.init_transactions(PATIENCE).expect("init");
    producer.begin_transaction().expect("begin");
    let record = BaseRecord::to(topic).partition(partition).key("foreign").payload("open");
    producer.send(record).expect("sent");
    producer.flush(PATIENCE).expect("flushed");
    producer
}

/// Member and index of each record that is under suspicion.
pub(crate) fn suspects(error: &LaneError) -> Vec<(u32, u64)> {
    match &error.blame {
        Blame::Records { suspects, .. } => suspects.iter().map(|s| (s.member, s.index)).collect(),
        other => panic!("{other:?}"),
    }
}
