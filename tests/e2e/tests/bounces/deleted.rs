//! The outcomes topic is deleted and made again, with the evidence that was in it.

use crate::{ask_commit, begun, brokers, one_lane};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sidecommit_e2e::{Sidecar, Spec, Told, check_ledger, eventually, unique, values};
use sidecommit_fixture::{Kafka, Replicated};
use std::{collections::BTreeMap, time::Duration};

/// None is UNKNOWN.
type Outcome = Option<Told>;

const REMOVED: &str = "ERROR .. the outcomes topic was truncated, or deleted and made again";

/// A sidecar that has committed a transaction and does not survive the next one, or stops in it.
struct Met {
    spec: Spec,
    sidecar: Sidecar,
    first: (String, String),
}

impl Met {
    async fn serve(point: &str, spec: Spec, topic: &str) -> Self {
        let sidecar = spec.clone().set("failpoint", point).serve().await;
        let mut app = sidecar.app();
        let first = begun(&mut app, topic).await;
        app.commit(&first.1, 2, 0).await.expect("commits");
        Self { spec, sidecar, first }
    }

    /// Commits the next one; its answer is asked for later.
    async fn commit_next(&self, topic: &str) -> (String, String) {
        let mut app = self.sidecar.app();
        let next = begun(&mut app, topic).await;
        ask_commit(app, &next.1);
        next
    }
}

/// Asks until there is an outcome; an operator resumes a sidecar that cannot know whether it still owns its slot.
async fn told(sidecar: &Sidecar, txn: &str) -> Outcome {
    let mut app = sidecar.app();
    let mut outcome = None;
    eventually(&format!("{txn} has an outcome"), 90, async || {
        match app.commit(txn, 2, 0).await {
            Ok(_) => outcome = Some(Some(Told::Committed)),
            Err(refused) if refused.code == tonic::Code::Aborted => outcome = Some(Some(Told::Aborted)),
            Err(refused) if refused.reason == "OUTCOME_UNKNOWN" => outcome = Some(None),
            Err(refused) if refused.reason == "FENCED_BY_RIVAL" => drop(sidecar.command(&["resume"])),
            Err(refused) => assert!(refused.asks_again(), "{refused:?}"),
        }
        outcome.is_some()
    })
    .await;
    outcome.expect("was waited for")
}

/// Deletes it and makes it again; others' records make the new one longer than the old one was.
fn make_again(kafka: &Kafka, outcomes: &str) {
    kafka.delete_topic(outcomes).expect("deleted");
    let config = [("cleanup.policy", "compact"), ("min.insync.replicas", "2")];
    kafka.create_topic(outcomes, 1, &config).expect("made again");
    let producer: BaseProducer = kafka.client().set("acks", "all").create().expect("a producer");
    for n in 0..100 {
        let key = format!("other/slot/of/{n}#barrier");
        producer.send(BaseRecord::<str, str>::to(outcomes).key(&key).payload("")).expect("taken");
    }
    producer.flush(Duration::from_secs(60)).expect("delivered");
}

fn slot(brokers: &Replicated, outcomes: &str) -> Spec {
    let (spec, _) = one_lane(brokers);
    spec.set("outcomes.topic", outcomes).set("outcomes.partitions", "1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcomes_topic_that_is_deleted_and_made_again_makes_outcomes_unknown_and_never_wrong() {
    let brokers = brokers().await;
    let (data, outcomes) = (unique("transfers"), unique("outcomes"));
    brokers.kafka().create_topic(&data, 3, &[]).expect("the topic can be made");
    let mut told_of: BTreeMap<String, Outcome> = BTreeMap::new();

    // All serve before the first one stands still or dies: its open transaction holds back the partition that they read.
    let idle = slot(&brokers, &outcomes)
        .expects_fence("the test inits its transactional.id")
        .expects(REMOVED, "the test does");
    let idle_slot = idle.slot().to_owned();
    let idle = idle.serve().await;
    let (mut dead, mut alive) = (Vec::new(), Vec::new());
    for point in ["after-prepared:2", "after-end:2"] {
        dead.push(Met::serve(point, slot(&brokers, &outcomes), &data).await);
    }
    for point in ["before-prepared:2:stop", "after-prepared:2:stop"] {
        alive.push(Met::serve(point, slot(&brokers, &outcomes), &data).await);
    }
    let (mut dead_next, mut alive_next) = (Vec::new(), Vec::new());
    for met in &mut alive {
        alive_next.push(met.commit_next(&data).await);
        eventually("the sidecar stops", 60, async || met.sidecar.is_stopped()).await;
    }
    for met in &mut dead {
        dead_next.push(met.commit_next(&data).await);
        met.sidecar.wait(Duration::from_secs(60));
    }

    make_again(brokers.kafka(), &outcomes);

    for (Met { spec, first, .. }, second) in dead.into_iter().zip(dead_next) {
        let spec = spec.expects("ERROR .. outcome unknown", "its evidence is deleted");
        let sidecar = spec.serve().await;
        assert_eq!(told(&sidecar, &first.1).await, Some(Told::Committed), "the journal knows");
        assert_eq!(told(&sidecar, &second.1).await, None, "nobody can know");
        told_of.extend([(first.0, Some(Told::Committed)), (second.0, None)]);
        let next = begun(&mut sidecar.app(), &data).await;
        assert_eq!(told(&sidecar, &next.1).await, Some(Told::Committed), "it works on");
        told_of.insert(next.0, Some(Told::Committed));
    }
    for (Met { sidecar, first, .. }, second) in alive.into_iter().zip(alive_next) {
        sidecar.signal("CONT");
        for (name, txn) in [first, second] {
            told_of.insert(name, told(&sidecar, &txn).await);
        }
    }
    // One that has read the old topic and comes to doubt its ownership: the owner record is gone.
    sidecommit_e2e::fence(brokers.kafka(), &idle_slot, 1);
    let mut app = idle.app();
    let (name, txn) = begun(&mut app, &data).await;
    drop(app.commit_within(&txn, 2, 0, Some(Duration::from_secs(10))).await);
    eventually("it steps down", 60, async || app.state().await.as_deref() == Some("FENCED_BY_RIVAL")).await;
    told_of.insert(name, told(&idle, &txn).await);

    println!("{told_of:?}");
    let mut visible = values(brokers.kafka(), &data);
    for (name, _) in told_of.iter().filter(|(_, outcome)| outcome.is_none()) {
        let halves = ["debit", "credit"].map(|half| visible.remove(&format!("{name}/{half}")));
        assert!(matches!(halves, [None, None] | [Some(1), Some(1)]), "{name} is torn: {halves:?}");
    }
    let definite = told_of.into_iter().filter_map(|(name, outcome)| Some((name, outcome?)));
    check_ledger(&definite.collect(), &visible);
}
