//! Requests that are wrong, lost or too late, and records that only the broker refuses.

use crate::support::{blind, pod, visible_once};
use bytes::Bytes;
use rdkafka::{
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
    config::ClientConfig,
};
use sidecommit_e2e::{At, Cluster, Met, Way, Work, offsets, record, unique};
use sidecommit_rpc::proto::v1;
use std::time::Duration;

/// A person is asked about each, and the corrected transfer goes through.
pub(crate) async fn wrong(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic_with(2, &[("max.message.bytes", "2000")]);
    let compacted = cluster.topic_with(1, &[("cleanup.policy", "compact")]);
    let spec = pod(cluster).set("limits.records_per_transaction", "3").set("max_message_size", "64KiB");
    let sidecar = spec.serve().await;
    let mut client = blind(&sidecar);
    let good = record(&topic, "k", "never seen");
    let sized = |bytes| v1::Record { value: Some(Bytes::from(vec![0; bytes])), ..good.clone() };
    let cases = [
        ("INVALID_FIELD", vec![v1::Record { topic: String::new(), ..good.clone() }]),
        ("UNKNOWN_TOPIC", vec![v1::Record { topic: "no-such-topic".into(), ..good.clone() }]),
        ("PARTITION_OUT_OF_RANGE", vec![v1::Record { partition: Some(2), ..good.clone() }]),
        ("RECORD_TOO_LARGE", vec![sized(3_000)]),
        ("INVALID_TIMESTAMP", vec![v1::Record { timestamp_ms: Some(-5), ..good.clone() }]),
        ("KEY_REQUIRED", vec![v1::Record { topic: compacted, key: None, ..good.clone() }]),
        ("TRANSACTION_TOO_LARGE", vec![good.clone(); 4]),
        // A message above the size limit is refused by the gRPC library.
        ("", vec![sized(100_000)]),
    ];
    let mut corrected = Vec::new();
    for (reason, records) in cases {
        for way in [Way::Calls, Way::Stream, Way::Transact] {
            let name = format!("{reason} by {way:?}");
            let work = Work { records: records.clone(), ..Work::transfer(&topic, &name).by(way) };
            client.transfer(&work).await.person(reason);
            let name = format!("{name}, corrected");
            client.transfer(&Work::transfer(&topic, &name).by(way)).await.committed();
            corrected.push(name);
        }
    }
    visible_once(cluster, &topic, &corrected.iter().map(String::as_str).collect::<Vec<_>>());
    vec![client.met()]
}

/// What the name stands for is unchanged.
pub(crate) async fn reused(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let sidecar = pod(cluster).serve().await;
    let mut client = blind(&sidecar);
    for (way, reason) in [(Way::Transact, "KEY_REUSED"), (Way::Calls, "REQUEST_REUSED")] {
        let work = Work::transfer(&topic, reason).by(way);
        client.transfer(&work).await.committed();
        let other = Work {
            records: vec![record(&topic, "k", "never seen")],
            timeout: Some(Duration::from_secs(7)),
            ..work.clone()
        };
        client.transfer(&other).await.person(reason);
        let own_name = format!("{reason}, corrected");
        client.transfer(&Work::transfer(&topic, &own_name).by(way)).await.committed();
    }
    let names = ["KEY_REUSED", "KEY_REUSED, corrected", "REQUEST_REUSED", "REQUEST_REUSED, corrected"];
    visible_once(cluster, &topic, &names);
    vec![client.met()]
}

/// Nothing of the transfer is visible, and the corrected one goes through.
pub(crate) async fn rejected(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let spec = pod(cluster)
        .expects("WARN .. lane failed .. kind=Other .. from now on batches", "it refuses the batch first,")
        .expects("WARN .. lane failed .. kind=Record", "then the record, which the sidecar took");
    let sidecar = spec.serve().await;
    let mut client = blind(&sidecar);
    client.transfer(&Work::transfer(&topic, "small")).await.committed();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap()).create().expect("a client");
    let shrunk = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", "1000");
    admin.alter_configs(&[shrunk], &AdminOptions::new()).await.expect("is altered");

    let large = record(&topic, "k", &"x".repeat(2_000));
    for way in [Way::Calls, Way::Transact] {
        let name = format!("large by {way:?}");
        let mut work = Work::transfer(&topic, &name).by(way);
        work.records.push(large.clone());
        let refused = client.transfer(&work).await.person("RECORD_REJECTED");
        let blamed = refused.detail.and_then(|detail| detail.record_index);
        assert_eq!(blamed, Some(2), "names the record");
        work.name.push_str(", corrected");
        work.records = Work::transfer(&topic, &work.name).records;
        client.transfer(&work).await.committed();
    }
    let names = ["small", "large by Calls, corrected", "large by Transact, corrected"];
    visible_once(cluster, &topic, &names);
    vec![client.met()]
}

/// The next action brings the client to the right end by itself.
pub(crate) async fn lost(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let sidecar = pod(cluster).serve().await;
    let mut client = blind(&sidecar);
    for way in [Way::Calls, Way::Stream] {
        for lost in ["a half", "all", "the id"] {
            let work = Work::transfer(&topic, &format!("{lost} by {way:?}")).by(way);
            let end =
                client.transfer_while(&work, async |attempt| match (attempt.number, attempt.at, lost) {
                    (0, At::Begun, "a half") => *attempt.next = 1,
                    (0, At::Begun, "all") => *attempt.next = 2,
                    (0, At::Begun, "the id") => *attempt.txn = never_issued(attempt.txn),
                    _ => {}
                });
            end.await.committed();
        }
    }
    let names =
        ["a half", "all", "the id"].map(|lost| ["Calls", "Stream"].map(|way| format!("{lost} by {way}")));
    visible_once(cluster, &topic, &names.as_flattened().iter().map(String::as_str).collect::<Vec<_>>());
    vec![client.met()]
}

/// An id of the running sidecar that it never issued.
fn never_issued(txn: &str) -> String {
    let other = if txn.ends_with('0') { "1" } else { "0" };
    format!("{}{other}", &txn[..txn.len() - 1])
}

/// The first word about a transaction's end stands.
pub(crate) async fn too_late(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let sidecar = pod(cluster).serve().await;
    let (mut client, mut elsewhere) = (blind(&sidecar), sidecar.app());

    let work = Work::transfer(&topic, "records too late");
    let end = client.transfer_while(&work, async |attempt| {
        if attempt.at == At::Begun {
            elsewhere.commit(attempt.txn, 0, 0).await.expect("commits");
        }
    });
    end.await.person("NOT_OPEN");

    let work = Work { abort: true, ..Work::transfer(&topic, "committed elsewhere") };
    let end = client.transfer_while(&work, async |attempt| {
        if attempt.at == At::Added {
            elsewhere.commit(attempt.txn, 2, 0).await.expect("commits");
        }
    });
    end.await.person("ALREADY_COMMITTED");

    let work = Work::transfer(&topic, "aborted elsewhere");
    let end = client.transfer_while(&work, async |attempt| {
        if attempt.at == At::Added {
            elsewhere.abort(attempt.txn).await.expect("aborts");
        }
    });
    end.await.person("ABORTED_BY_CALLER");

    let work = Work::transfer(&topic, "aborted by an operator");
    let end = client.transfer_while(&work, async |attempt| {
        if (attempt.number, attempt.at) == (0, At::Added) {
            sidecar.command(&["transactions", "abort", attempt.txn]);
        }
    });
    end.await.committed();
    visible_once(cluster, &topic, &["committed elsewhere", "aborted by an operator"]);
    vec![client.met()]
}

/// The application's consumer joins anew before it begins again, as consumers do: without membership here.
pub(crate) async fn rebalanced(cluster: Cluster) -> Vec<Met> {
    let topic = cluster.topic(1);
    let group = unique("group");
    let sidecar = pod(cluster)
        .expects("WARN .. lane failed .. kind=Generation", "the generation is stale")
        .serve()
        .await;
    let mut client = blind(&sidecar);
    let stale = v1::GroupOffsets {
        generation_id: Some(3),
        member_id: "gone".into(),
        ..offsets(&group, &topic, 0, 9)
    };
    let work = Work { offsets: Some(stale), ..Work::transfer(&topic, "consumed") };
    let end = client.transfer_while(&work, async |attempt| {
        if attempt.number > 0 {
            assert_eq!(cluster.committed_offset(&group, &topic, 0), None, "aborted with its offsets");
            attempt.work.offsets = Some(offsets(&group, &topic, 0, 7));
        }
    });
    end.await.committed();
    assert_eq!(cluster.committed_offset(&group, &topic, 0), Some(7));
    visible_once(cluster, &topic, &["consumed"]);
    vec![client.met()]
}
