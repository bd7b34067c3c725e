//! A broker that does not answer.

use crate::{
    limits::{HALF, one_lane, with_ballast},
    support::{blind, pod, signal, visible_once},
};
use sidecommit_e2e::{App, At, Attempt, Blind, Cluster, End, Met, Sidecar, Spec, Work, eventually};
use sidecommit_fixture::Kafka;
use sidecommit_rpc::proto::v1::TransactionState;
use tokio::sync::watch;

/// What sidecars say whose broker stands still.
fn patient(spec: Spec) -> Spec {
    let why = "the broker stands still for longer than the lanes' timeout";
    ["WARN .. lane failed .. kind=Unreachable", "WARN .. reading the outcomes failed", "WARN librdkafka"]
        .iter()
        .fold(spec, |spec, line| spec.expects(line, why))
        .expects_fence(why)
}

/// One streams; the other has one lane, which fails its commits at once, and little room.
async fn sidecars(cluster: Cluster) -> (Sidecar, Sidecar) {
    let streaming = pod(cluster).set("limits.streaming_bytes", "0B").set("limits.pending_wait", "300ms");
    let small = one_lane(cluster)
        .set("limits.streaming_bytes", "512KiB")
        .set("limits.buffer_bytes", "1MiB")
        .set("limits.group_attempts_max", "1")
        .set("limits.idle_timeout", "5s")
        .set("limits.lane_timeout", "6s");
    (patient(streaming).serve().await, patient(small).serve().await)
}

/// Waits until a transaction is not open any more.
async fn ended(sidecar: &Sidecar, txn: &str) {
    let mut app = sidecar.app();
    let is_open = async |app: &mut App| {
        let found = app.get(txn, false).await;
        found.is_ok_and(|transaction| transaction.state() == TransactionState::Open)
    };
    eventually("it is over", 60, async || !is_open(&mut app).await).await;
}

/// Waits until either of them had to make room for the other.
async fn either_yielded(one: &Met, other: &Met) {
    tokio::select! {
        () = one.until("BUFFER_PRESSURE") => {}
        () = other.until("BUFFER_PRESSURE") => {}
    }
}

/// It stands still until each application has met what it is about; then all of them end right.
pub(crate) async fn stopped(_: Cluster) -> Vec<Met> {
    let kafka = Kafka::start().expect("a broker starts");
    let broker = kafka.pid().expect("it is ours");
    let cluster = Cluster::own(kafka);
    let (topic, unseen, ballast) = (cluster.topic(1), cluster.topic(1), cluster.topic(1));

    let (streaming, small) = sidecars(cluster).await;
    let [mut aborts, mut asks] = [(); 2].map(|()| blind(&streaming));
    let [mut fails, mut one, mut other] = [(); 3].map(|()| blind(&small));
    for (client, name) in [(&mut aborts, "before"), (&mut fails, "before too")] {
        // From here on the sidecar knows these topics.
        client.transfer(&with_ballast(Work::transfer(&topic, name), &ballast, 1)).await.committed();
    }
    let met = [&aborts, &asks, &fails, &one, &other].map(Blind::met);
    let [aborts_met, asks_met, fails_met, one_met, other_met] = &met;

    let (stop, stopped) = watch::channel(false);
    let it_is = async |watch: &watch::Receiver<bool>| {
        drop(watch.clone().wait_for(|it_is| *it_is).await.expect("it will be"));
    };
    let given_up = Work { abort: true, ..Work::transfer(&topic, "given up") };
    let half = |name| with_ballast(Work::transfer(&topic, name), &ballast, HALF);
    let (asked, failed) = (Work::transfer(&unseen, "asked"), Work::transfer(&topic, "failed"));
    let (half, other_half) = (half("half"), half("other half"));
    let yielded = async || either_yielded(one_met, other_met).await;
    // Both stay open until then. One that was idle for too long begins again, and meets the other.
    let stays_open = async |attempt: Attempt<'_>| {
        if attempt.at == At::Added {
            tokio::select! {
                () = yielded() => {}
                () = ended(&small, attempt.txn) => {}
            }
        }
    };
    let ends = tokio::join!(
        aborts.transfer_while(&given_up, async |attempt| {
            if attempt.at == At::Added {
                // Else there would be nothing in Kafka to abort.
                eventually("it is in Kafka", 60, async || cluster.unstable(&topic, 0).await > 0).await;
                signal(broker, "STOP");
                stop.send_replace(true);
            }
        }),
        async {
            it_is(&stopped).await;
            asks.transfer(&asked).await
        },
        async {
            it_is(&stopped).await;
            fails.transfer(&failed).await
        },
        async {
            // When there is no lane any more.
            fails_met.until("KAFKA_FAILED").await;
            one.transfer_while(&half, stays_open).await
        },
        async {
            fails_met.until("KAFKA_FAILED").await;
            other.transfer_while(&other_half, stays_open).await
        },
        async {
            aborts_met.until("OUTCOME_PENDING").await;
            asks_met.until("KAFKA_UNREACHABLE").await;
            yielded().await;
            signal(broker, "CONT");
        },
    );
    assert!(matches!(ends.0, End::Aborted), "{:?}", ends.0);
    for end in [ends.1, ends.2, ends.3, ends.4] {
        end.committed();
    }
    visible_once(cluster, &topic, &["before", "before too", "failed", "half", "other half"]);
    visible_once(cluster, &unseen, &["asked"]);
    assert_eq!(cluster.visible(&ballast).len(), 4, "whole or not at all");
    met.to_vec()
}
