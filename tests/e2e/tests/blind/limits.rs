//! Limits so small that applications get into each other's way.

use crate::support::{blind, pod, visible_once};
use sidecommit_e2e::{At, Cluster, Met, Sidecar, Spec, Work, eventually, record};
use sidecommit_rpc::proto::v1::{self, TransactionState, get_transaction_request::By};

/// More than half of a buffer of 1 MiB.
pub(crate) const HALF: usize = 600_000;

/// A sidecar with one lane, which a streaming transaction can have.
pub(crate) fn one_lane(cluster: Cluster) -> Spec {
    pod(cluster)
        .set("limits.lanes_max", "1")
        .set("limits.lanes_warm", "1")
        .set("limits.lanes_reserved", "0")
        .set("limits.streaming_bytes", "2KiB")
        .set("max_message_size", "1MiB")
        .set("limits.lane_window_bytes", "64KiB")
        .set("limits.idle_timeout", "5m")
        .set("limits.lane_timeout", "10m")
        .set("limits.default_timeout", "10m")
}

async fn is_committing(sidecar: &Sidecar, request_id: &str) -> bool {
    let by = Some(By::RequestId(request_id.to_owned()));
    let get = v1::GetTransactionRequest { by, wait: false };
    let Ok(answer) = sidecar.app().stub.get_transaction(get).await else { return false };
    let transaction = answer.into_inner().transaction.expect("an answer has it");
    transaction.state() == TransactionState::Committing
}

/// The second begins when the first is done.
pub(crate) async fn open_transactions(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let sidecar = pod(cluster).set("limits.open_transactions", "1").serve().await;
    let (mut first, second) = (blind(&sidecar), blind(&sidecar));
    let met = second.met();
    let (mut second, mut waiting) = (Some(second), None);
    let work = Work::transfer(&topic, "first");
    let end = first.transfer_while(&work, async |attempt| {
        if attempt.at == At::Added {
            waiting = second.take().map(|second| second.start(Work::transfer(&topic, "second")));
            met.until("OPEN_TRANSACTIONS_EXCEEDED").await;
        }
    });
    end.await.committed();
    waiting.expect("came").await.expect("ends well").committed();
    visible_once(cluster, &topic, &["first", "second"]);
    vec![met]
}

/// One streams on the only lane, the second's Commit waits for it, the third may not begin.
pub(crate) async fn queue(cluster: Cluster) -> Vec<Met> {
    let (topic, ballast) = (cluster.topic(1), cluster.topic(1));
    let sidecar = one_lane(cluster).set("limits.queue", "1").serve().await;
    let (mut first, second, third) = (blind(&sidecar), blind(&sidecar), blind(&sidecar));
    let met = third.met();
    let mut others = Some((second, third));
    let mut waiting = Vec::new();
    let large = with_ballast(Work::transfer(&topic, "first"), &ballast, 4_000);
    let end = first.transfer_while(&large, async |attempt| {
        if attempt.at == At::Added {
            let (second, third) = others.take().expect("come once");
            waiting.push(second.start(Work::transfer(&topic, "second")));
            eventually("the second waits", 60, async || is_committing(&sidecar, "second/0").await).await;
            waiting.push(third.start(Work::transfer(&topic, "third")));
            met.until("QUEUE_EXCEEDED").await;
        }
    });
    end.await.committed();
    for waiting in waiting {
        waiting.await.expect("ends well").committed();
    }
    visible_once(cluster, &topic, &["first", "second", "third"]);
    vec![met]
}

/// Two hold more than half of the buffer each, while a third streams on the only lane.
pub(crate) async fn buffer(cluster: Cluster) -> Vec<Met> {
    let (topic, ballast) = (cluster.topic(1), cluster.topic(1));
    let spec = one_lane(cluster).set("limits.buffer_bytes", "1MiB");
    let sidecar = spec.serve().await;
    let (mut first, second, third) = (blind(&sidecar), blind(&sidecar), blind(&sidecar));
    let (met, others_met) = (second.met(), third.met());
    let mut others = Some((second, third));
    let mut waiting = Vec::new();
    let large = with_ballast(Work::transfer(&topic, "first"), &ballast, 4_000);
    let end = first.transfer_while(&large, async |attempt| {
        if attempt.at == At::Added {
            let (second, third) = others.take().expect("come once");
            for (client, name) in [(second, "second"), (third, "third")] {
                waiting.push(client.start(with_ballast(Work::transfer(&topic, name), &ballast, HALF)));
            }
            tokio::select! {
                () = met.until("BUFFER_EXCEEDED") => {}
                () = others_met.until("BUFFER_EXCEEDED") => {}
            }
        }
    });
    end.await.committed();
    for waiting in waiting {
        waiting.await.expect("ends well").committed();
    }
    visible_once(cluster, &topic, &["first", "second", "third"]);
    vec![met, others_met]
}

/// A transfer with so many bytes more, in a topic of their own.
pub(crate) fn with_ballast(work: Work, ballast: &str, bytes: usize) -> Work {
    let mut records = work.records;
    records.insert(0, record(ballast, "k", &"x".repeat(bytes)));
    Work { records, ..work }
}
