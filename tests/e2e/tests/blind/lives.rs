//! Sidecars that end, are replaced or can no longer remember, and applications that dawdle.

use crate::support::{ENOSPC, blind, pod, pod_of, visible_once};
use sidecommit_e2e::{At, Cluster, Disk, End, Met, Way, Work, eventually};
use sidecommit_rpc::proto::v1::TransactionState;
use std::time::Duration;

/// The first attempt takes too long, the second does not.
pub(crate) async fn timed_out(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let sidecar = pod(cluster).set("limits.idle_timeout", "2s").serve().await;
    let mut client = blind(&sidecar);
    for (name, timeout) in [("slow", Some(Duration::from_secs(1))), ("idle", None)] {
        let mut look = sidecar.app();
        let work = Work { timeout, ..Work::transfer(&topic, name) };
        let end = client.transfer_while(&work, async |attempt| {
            if (attempt.number, attempt.at) == (0, At::Added) {
                eventually("the transaction times out", 60, async || {
                    let seen = look.get(attempt.txn, false).await.expect("is known");
                    seen.state() == TransactionState::Aborted
                })
                .await;
                attempt.work.timeout = None;
            }
        });
        end.await.committed();
    }
    visible_once(cluster, &topic, &["slow", "idle"]);
    vec![client.met()]
}

pub(crate) async fn restarted(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster);
    let mut sidecar = Some(spec.serve().await);
    let mut client = blind(sidecar.as_ref().expect("was started"));
    for (name, way, abort) in
        [("calls", Way::Calls, false), ("stream", Way::Stream, false), ("given up", Way::Calls, true)]
    {
        let work = Work { abort, ..Work::transfer(&topic, name).by(way) };
        let end = client.transfer_while(&work, async |attempt| {
            if (attempt.number, attempt.at) == (0, At::Added) {
                sidecar.take().expect("is running").kill();
                sidecar = Some(spec.start());
            }
        });
        match end.await {
            End::Aborted => assert!(abort, "{name}"),
            end => end.committed(),
        }
    }
    visible_once(cluster, &topic, &["calls", "stream"]);
    vec![client.met()]
}

/// One application has a transaction open at SIGTERM and does not hurry; another comes while the sidecar drains.
pub(crate) async fn drained(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster).set("grace", "4s");
    let mut sidecar = spec.serve().await;
    let (mut slow, late) = (blind(&sidecar), blind(&sidecar));
    let met = late.met();
    let (mut late, mut waiting, mut successor) = (Some(late), None, None);
    let work = Work::transfer(&topic, "slow");
    let end = slow.transfer_while(&work, async |attempt| {
        if (attempt.number, attempt.at) != (0, At::Added) {
            return;
        }
        let mut app = sidecar.app();
        sidecar.signal("TERM");
        eventually("it drains", 60, async || app.state().await.as_deref() == Some("DRAINING")).await;
        waiting = late.take().map(|late| late.start(Work::transfer(&topic, "late")));
        met.until("DRAINING").await;
        let status = sidecar.wait(Duration::from_secs(60));
        assert!(status.success(), "{status}");
        successor = Some(spec.start());
    });
    end.await.committed();
    waiting.expect("came").await.expect("ends well").committed();
    visible_once(cluster, &topic, &["slow", "late"]);
    vec![slow.met(), met]
}

/// A streaming transaction, whose records are lost with its producer.
pub(crate) async fn fenced(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster)
        .set("limits.streaming_bytes", "0B")
        .expects_fence("the test inits its transactional.ids");
    let sidecar = spec.serve().await;
    let mut client = blind(&sidecar);
    let work = Work::transfer(&topic, "fenced");
    let end = client.transfer_while(&work, async |attempt| {
        if (attempt.number, attempt.at) == (0, At::Added) {
            cluster.fence(spec.slot(), 8);
        }
    });
    end.await.committed();
    visible_once(cluster, &topic, &["fenced"]);
    vec![client.met()]
}

/// While the rival has the slot its application is served, and the first one's waits.
pub(crate) async fn rival(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let why = "the two take the slot from each other";
    let first = pod(cluster).expects_fence(why);
    let second = pod_of(cluster, first.slot()).expects_fence(why);
    let sidecar = first.serve().await;
    let mut client = blind(&sidecar);
    client.transfer(&Work::transfer(&topic, "before")).await.committed();
    let rival = second.serve().await;
    blind(&rival).transfer(&Work::transfer(&topic, "the rival's")).await.committed();
    let met = client.met();
    let waiting = client.start(Work::transfer(&topic, "waiting"));
    met.until("FENCED_BY_RIVAL").await;
    blind(&rival).transfer(&Work::transfer(&topic, "the rival's again")).await.committed();
    rival.kill();
    sidecar.command(&["resume"]);
    waiting.await.expect("ends well").committed();
    visible_once(cluster, &topic, &["before", "the rival's", "waiting", "the rival's again"]);
    vec![met]
}

/// Until somebody makes room and restarts it.
pub(crate) async fn journal_failed(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster).expects("ERROR .. No space left on device", "the disk is full");
    let (disk, spec) = Disk::under(&spec);
    let sidecar = spec.serve().await;
    let mut met = Vec::new();
    let mut waiting = Vec::new();
    let ways = [("calls", Way::Calls), ("stream", Way::Stream), ("transact", Way::Transact)];
    disk.fail_writes_after(0, ENOSPC, "");
    for (name, way) in ways {
        let client = blind(&sidecar);
        met.push(client.met());
        waiting.push(client.start(Work::transfer(&topic, name).by(way)));
    }
    for met in &met {
        met.until("JOURNAL_FAILED").await;
    }
    disk.mend();
    sidecar.kill();
    let _sidecar = spec.serve().await;
    for waiting in waiting {
        waiting.await.expect("ends well").committed();
    }
    visible_once(cluster, &topic, &ways.map(|(name, _)| name));
    met
}
