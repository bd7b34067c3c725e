use crate::support::{Rig, kafka, marker, record, send, topic, unique};
use rdkafka::{
    ClientConfig,
    client::ClientContext,
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use sidecommit_core::LaneOp;
use std::time::{Duration, Instant};

const COMMITS: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(30);

struct Ignore;

impl ClientContext for Ignore {}

impl ProducerContext for Ignore {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// librdkafka as it is used best: delivery reports awaited, then commit.
struct Awaited(ThreadedProducer<Ignore>);

// === impl Awaited ===

impl Awaited {
    fn new() -> Self {
        let producer: ThreadedProducer<Ignore> = ClientConfig::new()
            .set("bootstrap.servers", kafka().bootstrap())
            .set("transactional.id", unique("raw"))
            .set("linger.ms", "0")
            .create_with_context(Ignore)
            .expect("producer");
        producer.init_transactions(PATIENCE).expect("init");
        Self(producer)
    }

    fn transaction(&self, topic: &str) {
        self.0.begin_transaction().expect("begin");
        let record = BaseRecord::<(), str>::to(topic).payload("raw").partition(0);
        assert!(self.0.send(record).is_ok());
        while self.0.in_flight_count() > 0 {
            std::thread::yield_now();
        }
        self.0.commit_transaction(PATIENCE).expect("commit");
    }
}

fn timed(transaction: impl FnOnce()) -> Duration {
    let started = Instant::now();
    transaction();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// rust-rdkafka's commit waits in steps of 100 ms while anything is in flight; a lane's must not. Both take turns, so
/// that neither waits for its own last markers, and both meet the same load.
#[test]
fn a_commit_never_waits_for_a_quantum() {
    let (rig, topic) = (Rig::new("latency"), topic("latency", 1, &[]));
    let raw = Awaited::new();
    rig.open(1);
    let transaction = |seq: u64| {
        rig.order(1, LaneOp::Begin);
        rig.order(1, send(0, vec![record(&topic, "r")]));
        rig.order(1, marker(seq));
        rig.flushed(1);
        rig.ended(1, true);
    };
    let (mut lane, mut awaited) = (Vec::new(), Vec::new());
    for seq in 0..COMMITS {
        lane.push(timed(|| transaction(seq)));
        awaited.push(timed(|| raw.transaction(&topic)));
    }
    let (lane, awaited) = (median(lane), median(awaited));
    println!("1-record transaction, p50: lane {lane:?}, awaited librdkafka {awaited:?}");
    assert!(lane < awaited * 5 || lane < Duration::from_millis(60), "{lane:?} against {awaited:?}");
}
