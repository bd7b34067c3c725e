//! An EndTxn that was slow: librdkafka sent another, which was answered, and the first arrives while the next transaction
//! is open. By the sidecar's rule that transaction belongs to a new epoch, and the broker refuses the late one. A producer
//! that goes on with its epoch has its next transaction ended, and torn.

use crate::rig::{Rig, SOCKET_TIMEOUT};
use rdkafka::{
    ClientConfig,
    client::ClientContext,
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use sidecommit_e2e::{App, Cluster, Told, differences, eventually, record, unique};
use sidecommit_faultproxy::{Api, EndTxn, FaultProxy, Rule, Via, error_of_end_txn};
use sidecommit_rpc::proto::v1;
use std::{collections::BTreeMap, sync::Arc};
use tokio::{sync::Semaphore, time::Duration};

const END: Api = Api::END_TXN;
/// Kafka's error codes.
const NONE: i16 = 0;
const INVALID_PRODUCER_EPOCH: i16 = 47;

/// Who writes transactions, one after the other.
trait Writer {
    async fn begin(&mut self, name: &str);
    async fn write(&mut self, topic: &str, value: &str);
    /// The last write once more, for one that might not go to Kafka before the commit otherwise.
    async fn write_again(&mut self) {}
    async fn commit(&mut self) -> Told;
}

/// What came of it.
#[derive(Debug)]
struct Late {
    /// What the broker answered to the late EndTxn.
    answer: i16,
    told: BTreeMap<String, Told>,
    differences: Vec<String>,
}

/// How a transaction's EndTxn comes to arrive late.
#[derive(Clone, Copy, Debug)]
enum How {
    /// The first request is held on its connection; another is sent and answered.
    Slow,
    /// It is executed, its reply is lost, and a copy of it arrives later from elsewhere.
    Twice,
}

/// A transaction whose EndTxn arrives when the next one is open.
async fn late_end(
    how: How,
    (cluster, topic): (Cluster, &str),
    proxy: &FaultProxy,
    writer: &mut impl Writer,
) -> Late {
    let mut told = BTreeMap::new();
    let until = Arc::new(Semaphore::new(0));
    let rule = proxy.add(match how {
        How::Slow => Rule::request(END).nth(1).keep().hold(until.clone()),
        How::Twice => Rule::reply(END).nth(1).keep().drop(),
    });
    writer.begin("first").await;
    for half in ["first/debit", "first/credit"] {
        writer.write(topic, half).await;
    }
    told.insert("first".to_owned(), writer.commit().await);
    let kept = proxy.take_kept(rule).pop().expect("the fault was injected");
    assert!(EndTxn::parse(&kept.request).is_some_and(|end| end.commit));

    writer.begin("second").await;
    writer.write(topic, "second/debit").await;
    eventually("its record is in Kafka", 60, async || {
        writer.write_again().await;
        cluster.unstable(topic, 0).await > 0
    })
    .await;
    let answer = match how {
        How::Slow => {
            until.add_permits(1);
            kept.answered().await
        }
        How::Twice => proxy.inject(&kept, Via::OwnConnection).await,
    };
    let answer = error_of_end_txn(&answer.expect("is answered")).expect("an answer to EndTxn");
    if answer == NONE {
        // Else a record may slip in before the markers are written.
        eventually("what it ended is ended", 60, async || cluster.unstable(topic, 0).await == 0).await;
    }
    writer.write(topic, "second/credit").await;
    told.insert("second".to_owned(), writer.commit().await);

    let differences = differences(&told, &cluster.values(topic));
    Late { answer, told, differences }
}

struct ThroughSidecar {
    app: App,
    id: String,
    records: Vec<v1::Record>,
}

impl Writer for ThroughSidecar {
    async fn begin(&mut self, name: &str) {
        self.id = self.app.begin(&unique(name)).await.expect("begins");
        self.records.clear();
    }

    async fn write(&mut self, topic: &str, value: &str) {
        self.records.push(record(topic, "k", value));
        self.write_again().await;
    }

    /// It streams if a lane is free at the time of a call; the lane may be on its way to its next producer.
    async fn write_again(&mut self) {
        let next = self.app.produce(&self.id, 0, self.records.clone()).await.expect("is accepted");
        assert_eq!(next, self.records.len() as i64);
    }

    async fn commit(&mut self) -> Told {
        match self.app.settle(&self.id, self.records.len() as i64).await {
            Ok(_) => Told::Committed,
            Err(refused) if refused.code == tonic::Code::Aborted => Told::Aborted,
            Err(refused) => panic!("{refused:?}"),
        }
    }
}

/// librdkafka, which says Ok to the first commit: reason enough to go on, one should think.
struct Naive(ThreadedProducer<Ignore>);

struct Ignore;

impl ClientContext for Ignore {}

impl ProducerContext for Ignore {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

impl Naive {
    const PATIENCE: Duration = Duration::from_secs(60);

    fn new(bootstrap: &str) -> Self {
        let producer: ThreadedProducer<Ignore> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("transactional.id", unique("naive"))
            .set("socket.timeout.ms", SOCKET_TIMEOUT)
            .create_with_context(Ignore)
            .expect("a producer");
        producer.init_transactions(Self::PATIENCE).expect("inits");
        Self(producer)
    }
}

impl Writer for Naive {
    async fn begin(&mut self, _name: &str) {
        self.0.begin_transaction().expect("begins");
    }

    async fn write(&mut self, topic: &str, value: &str) {
        let record = BaseRecord::<(), str>::to(topic).payload(value).partition(0);
        assert!(self.0.send(record).is_ok(), "is taken");
    }

    async fn commit(&mut self) -> Told {
        match self.0.commit_transaction(Self::PATIENCE) {
            Ok(()) => Told::Committed,
            Err(_) => Told::Aborted,
        }
    }
}

async fn does_not_touch_the_next(how: How) {
    let rig = Rig::new(|spec| spec.set("limits.streaming_bytes", "0B")).await;
    let topic = rig.cluster.topic(1);
    let mut writer = ThroughSidecar { app: rig.sidecar.app(), id: String::new(), records: Vec::new() };
    let late = late_end(how, (rig.cluster, &topic), &rig.proxy, &mut writer).await;
    assert_eq!(late.answer, INVALID_PRODUCER_EPOCH, "{how:?}");
    assert!(late.told.values().all(|told| *told == Told::Committed), "{how:?}: {late:?}");
    assert!(late.differences.is_empty(), "{how:?}: {late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_end_does_not_touch_the_next_transaction() {
    tokio::join!(does_not_touch_the_next(How::Slow), does_not_touch_the_next(How::Twice));
}

/// The same scenario and the same judgement: this is what the rule is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_new_epoch_a_late_end_tears_the_next_transaction() {
    let cluster = Cluster::shared();
    for how in [How::Slow, How::Twice] {
        let topic = cluster.topic(1);
        let proxy = FaultProxy::start(&cluster.bootstrap()).await.expect("the proxy starts");
        let mut naive = Naive::new(proxy.bootstrap());
        let late = late_end(how, (cluster, &topic), &proxy, &mut naive).await;
        assert_eq!(late.answer, NONE, "{how:?}");
        let torn = ["second: told Aborted, its debit is visible 1 times"];
        assert_eq!(late.differences, torn, "{how:?}: {late:?}");
    }
}
