//! Outcomes that are forgotten, that nobody can tell, or that take their time.

use crate::support::{blind, outcomes, pod, visible_once};
use rdkafka::producer::{BaseRecord, Producer as _};
use sidecommit_e2e::{At, Cluster, Met, Way, Work, unique};
use std::time::{Duration, SystemTime};

const KAFKA: Duration = Duration::from_secs(60);

/// Nothing is written a second time: a person has to look first.
pub(crate) async fn forgotten(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster).set("limits.outcomes_remembered", "64");
    let mut sidecar = spec.serve().await;
    let mut client = blind(&sidecar);
    let first_attempt = Some(SystemTime::now());
    let old = Work::transfer(&topic, "old").by(Way::Transact);
    client.transfer(&old).await.committed();
    let other = cluster.topic(1);
    for n in 0..80 {
        let newer = Work::transfer(&other, &format!("newer {n}")).by(Way::Transact);
        client.transfer(&newer).await.committed();
    }
    client.transfer(&Work { first_attempt, ..old }).await.person("OUTCOME_FORGOTTEN");

    let mut successor = None;
    let work = Work::transfer(&topic, "never seen");
    let end = client.transfer_while(&work, async |attempt| {
        if attempt.at == At::Added {
            sidecar.signal("KILL");
            sidecar.wait(KAFKA);
            std::fs::remove_dir_all(spec.journal()).expect("the journal is deleted");
            successor = Some(spec.serve().await);
        }
    });
    end.await.person("OUTCOME_FORGOTTEN");
    visible_once(cluster, &topic, &["old"]);
    vec![client.met()]
}

/// What its records would prove is gone: the sidecar does not guess.
pub(crate) async fn unknown(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster);
    let outcomes = outcomes(&spec);
    let spec = spec.expects("ERROR .. outcome unknown", "the test removes its records");
    let mut met = Vec::new();
    for way in [Way::Calls, Way::Transact] {
        let mut sidecar = spec.clone().set("failpoint", "after-prepared:1").serve().await;
        let client = blind(&sidecar);
        met.push(client.met());
        let waiting = client.start(Work::transfer(&topic, &format!("never seen by {way:?}")).by(way));
        sidecar.wait(KAFKA);
        let keys = cluster.visible_now(&outcomes).into_iter().filter_map(|message| message.key);
        let births =
            keys.map(|key| String::from_utf8(key).expect("text")).filter(|key| key.ends_with("#birth"));
        cluster.put(&outcomes, births, None);
        let _successor = spec.serve().await;
        let refused = waiting.await.expect("ends well").person("OUTCOME_UNKNOWN");
        let coordinate = refused.detail.and_then(|detail| detail.coordinate).expect("says where to look");
        assert_eq!(coordinate.topic, outcomes);
    }
    visible_once(cluster, &topic, &[]);
    met
}

/// A foreign transaction is open on the outcomes topic while the sidecar starts.
pub(crate) async fn recovering(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster);
    let outcomes = outcomes(&spec);
    let spec = spec
        .set("limits.recovering_wait", "0ms")
        .expects("WARN .. another producer's open transaction holds back", "the test's transaction");
    spec.serve().await.kill();
    let stranger = cluster.init(&unique("stranger"));
    stranger.begin_transaction().expect("begins");
    let record = BaseRecord::<[u8], [u8]>::to(&outcomes).key(b"foreign").payload(b"open").partition(0);
    stranger.send(record).map_err(|(error, _)| error).expect("is queued");
    stranger.flush(KAFKA).expect("is written");
    let sidecar = spec.start();
    let mut met = Vec::new();
    let mut waiting = Vec::new();
    for (name, way) in [("calls", Way::Calls), ("transact", Way::Transact)] {
        let client = blind(&sidecar);
        met.push(client.met());
        waiting.push(client.start(Work::transfer(&topic, name).by(way)));
    }
    for met in &met {
        met.until("RECOVERING").await;
    }
    stranger.abort_transaction(KAFKA).expect("aborts");
    for waiting in waiting {
        waiting.await.expect("ends well").committed();
    }
    visible_once(cluster, &topic, &["calls", "transact"]);
    met
}
