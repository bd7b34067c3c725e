//! Applications that read, and what ends their deliveries, their sessions and their membership.

use crate::support::{blind, pod};
use sidecommit_e2e::{
    At, Blind, Cluster, Copy, Met, Moment, Reader, Reading, Sidecar, Spec, Way, Work, eventually, offsets,
    record, subscribe, unique,
};
use sidecommit_rpc::proto::v1::{self, TransactionState};
use std::{collections::BTreeMap, time::Duration};

/// In each case so many records are read, of one partition, two in a delivery.
const RECORDS: usize = 6;

/// Records in one topic that are to be copied to another, by a group.
struct Scene {
    cluster: Cluster,
    group: String,
    from: String,
    to: String,
}

// === impl Scene ===

impl Scene {
    /// With the records in their topic.
    async fn filled(cluster: Cluster, client: &mut Blind) -> Self {
        let scene = Self { cluster, group: unique("group"), from: cluster.topic(1), to: cluster.topic(1) };
        scene.put(client, (0..RECORDS).map(|n| format!("value {n}"))).await;
        scene
    }

    async fn put(&self, client: &mut Blind, values: impl IntoIterator<Item = String>) {
        let records = values.into_iter().map(|value| record(&self.from, "k", &value)).collect();
        let work = Work { records, ..Work::transfer(&self.from, &unique("put")) };
        client.transfer(&work).await.committed();
    }

    fn reading(&self, sidecar: &Sidecar) -> Reading {
        let mut copy = Copy::new(sidecar.socket(), &self.group, &self.from, &self.to);
        copy.subscribe.limits = Some(v1::DeliveryLimits { max_records: 2, ..Default::default() });
        Reading::new(copy, RECORDS)
    }

    /// Every record from this one on was processed once, and nothing else was.
    #[track_caller]
    fn is_copied_from(&self, first: usize) {
        let expected = once((first..RECORDS).map(|n| format!("[value {n}]")));
        assert_eq!(self.cluster.values(&self.to), expected, "left: what is visible, and how often");
    }

    #[track_caller]
    fn is_copied(&self) {
        self.is_copied_from(0);
    }
}

/// These values, each once.
fn once(values: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    values.into_iter().map(|value| (value, 1)).collect()
}

/// A pod whose consumers are noticed soon when they are gone.
fn reader_pod(cluster: Cluster) -> Spec {
    pod(cluster)
        .set("limits.lane_timeout", "11s")
        .variable("SIDECOMMIT_KAFKA_SESSION_TIMEOUT_MS", "12000")
        .variable("SIDECOMMIT_KAFKA_HEARTBEAT_INTERVAL_MS", "500")
}

/// Waits until the sidecar has aborted a transaction.
async fn aborted(sidecar: &Sidecar, txn: &str) {
    let mut app = sidecar.app();
    eventually("the transaction is aborted", 60, async || {
        app.get(txn, false).await.is_ok_and(|seen| seen.state() == TransactionState::Aborted)
    })
    .await;
}

/// Whoever has it settles it; here the other one gives it up, and it comes again.
pub(crate) async fn taken(cluster: Cluster) -> Vec<Met> {
    let sidecar = reader_pod(cluster).serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let mut reading = scene.reading(&sidecar);
    let (mut elsewhere, mut holder) = (sidecar.app(), String::new());
    let end = client.read_while(&mut reading, async |moment: Moment<'_>| {
        if (moment.number, moment.at) == (1, At::Begun) {
            holder = elsewhere.begin(&unique("holder")).await.expect("begins");
            let deliveries = vec![moment.delivery.delivery_id.clone()];
            elsewhere.send_deliveries(&holder, deliveries).await.expect("takes it");
        }
    });
    end.await.person("DELIVERY_TAKEN");
    elsewhere.abort(&holder).await.expect("aborts");
    client.read(&mut reading).await.committed();
    scene.is_copied();
    vec![client.met()]
}

/// What was delivered in an earlier life comes again.
pub(crate) async fn revoked(cluster: Cluster) -> Vec<Met> {
    let spec = reader_pod(cluster);
    let mut sidecar = spec.serve().await;
    let mut all = Vec::new();
    for way in [Way::Calls, Way::Transact] {
        let mut client = blind(&sidecar);
        let scene = Scene::filled(cluster, &mut client).await;
        let mut reading = scene.reading(&sidecar).by(way);
        // It comes back as the same member: the group need not miss it first.
        reading.copy.subscribe.group_instance_id = unique("instance");
        let mut running = Some(sidecar);
        let end = client.read_while(&mut reading, async |moment: Moment<'_>| {
            if (moment.number, moment.at) == (1, At::Delivered) {
                running.take().expect("is running").kill();
                running = Some(spec.serve().await);
            }
        });
        end.await.committed();
        sidecar = running.expect("was started again");
        scene.is_copied();
        all.push(client.met());
    }
    all
}

/// The first has to get a name of its own.
pub(crate) async fn fenced(cluster: Cluster) -> Vec<Met> {
    let left = "WARN .. a consumer has left its group for good .. MemberFenced";
    let first = reader_pod(cluster).expects(left, "another member uses its name").serve().await;
    let second = reader_pod(cluster).set("limits.session_grace", "2s").serve().await;
    let (mut client, mut other) = (blind(&first), blind(&second));
    let met = client.met();
    let scene = Scene::filled(cluster, &mut client).await;
    let mut reading = scene.reading(&first);
    reading.copy.subscribe.group_instance_id = unique("instance");
    let copy = Copy { socket: second.socket(), ..reading.copy.clone() };
    let mut same_name = Reading::new(copy, 2);
    let end = client.read_while(&mut reading, async |moment: Moment<'_>| {
        if (moment.number, moment.at) == (1, At::Added) {
            let joins = Reader::start(&second.socket(), moment.subscribe.clone()).await.expect("subscribes");
            aborted(&first, moment.txn).await;
            same_name.session.clone_from(&joins.session);
        }
    });
    end.await.person("MEMBER_FENCED");
    other.read(&mut same_name).await.committed();
    // The application, which is started anew under a name of its own, copies what is left.
    reading.copy.subscribe.group_instance_id = unique("instance");
    reading.session.clear();
    reading.left -= 2;
    client.read(&mut reading).await.committed();
    scene.is_copied();
    vec![met, other.met()]
}

/// Somebody says where the group begins.
pub(crate) async fn offset_missing(cluster: Cluster) -> Vec<Met> {
    let left = "WARN .. a consumer has left its group for good .. OffsetMissing";
    let sidecar = reader_pod(cluster).expects(left, "the group has no offset").serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let mut reading = scene.reading(&sidecar);
    reading.copy.subscribe.reset_policy = v1::ResetPolicy::None.into();
    client.read(&mut reading).await.person("OFFSET_MISSING");
    let offsets = Some(offsets(&scene.group, &scene.from, 0, 2));
    let begin = Work { offsets, records: Vec::new(), ..Work::transfer("", &unique("begin")) };
    client.transfer(&begin).await.committed();
    reading.left -= 2;
    client.read(&mut reading).await.committed();
    scene.is_copied_from(2);
    vec![client.met()]
}

/// Two streams resume one session; then the first one's application does again, alone.
pub(crate) async fn session_taken(cluster: Cluster) -> Vec<Met> {
    let sidecar = reader_pod(cluster).serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let mut reading = scene.reading(&sidecar);
    let mut newer = None;
    let end = client.read_while(&mut reading, async |moment: Moment<'_>| {
        if (moment.number, moment.at) == (1, At::Begun) {
            let session_id = moment.reader.session.clone();
            let resume = v1::Subscribe { session_id, ..moment.subscribe.clone() };
            let mut resumed = Reader::start(&sidecar.socket(), resume).await.expect("subscribes");
            let again = resumed.delivery().await.expect("comes again, without credit");
            assert_eq!((&again, resumed.resumed), (moment.delivery, true));
            newer = Some(resumed);
        }
    });
    end.await.person("SESSION_TAKEN");
    assert_eq!(reading.left, RECORDS - 4, "what it had it could settle");
    drop(newer);
    client.read(&mut reading).await.committed();
    scene.is_copied();
    vec![client.met()]
}

/// The client takes larger messages, or the record is a dead letter.
pub(crate) async fn too_large(cluster: Cluster) -> Vec<Met> {
    let sidecar = reader_pod(cluster).serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let large = "x".repeat(100_000);
    scene.put(&mut client, [large.clone(), "after it".to_owned()]).await;
    let small = || v1::DeliveryLimits { max_records: 2, max_message_bytes: 64 << 10, ..Default::default() };
    for with_dead_letters in [false, true] {
        let to = cluster.topic(1);
        let scene = Scene { group: unique("group"), from: scene.from.clone(), to, cluster };
        let mut reading = Reading { left: RECORDS + 2, ..scene.reading(&sidecar) };
        let enough = reading.copy.subscribe.limits.replace(small());
        client.read(&mut reading).await.person("RECORD_TOO_LARGE_FOR_CLIENT");
        assert_eq!(reading.left, 2, "what is before it is copied");
        let mut expected: Vec<_> = (0..RECORDS).map(|n| format!("[value {n}]")).collect();
        if with_dead_letters {
            let dead_letter_topic = cluster.topic(1);
            let retry_policy =
                v1::RetryPolicy { dead_letter_topic: dead_letter_topic.clone(), ..Default::default() };
            reading.copy.subscribe.retry_policy = Some(retry_policy);
            reading.left -= 1;
            client.read(&mut reading).await.committed();
            assert_eq!(cluster.values(&dead_letter_topic), once([large.clone()]));
        } else {
            reading.copy.subscribe.limits = enough;
            client.read(&mut reading).await.committed();
            expected.push(format!("[{large}]"));
        }
        expected.push("[after it]".to_owned());
        assert_eq!(cluster.values(&scene.to), once(expected));
    }
    vec![client.met()]
}

/// Its stream is gone for longer than the grace, while its transaction is open.
pub(crate) async fn session_lost(cluster: Cluster) -> Vec<Met> {
    let sidecar = reader_pod(cluster).set("limits.session_grace", "500ms").serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let mut reading = scene.reading(&sidecar);
    let end = client.read_while(&mut reading, async |moment: Moment<'_>| {
        if (moment.number, moment.at) == (1, At::Added) {
            moment.reader.hang_up();
            aborted(&sidecar, moment.txn).await;
        }
    });
    end.await.committed();
    scene.is_copied();
    vec![client.met()]
}

/// Once; then it hurries.
pub(crate) async fn timed_out(cluster: Cluster) -> Vec<Met> {
    let sidecar = reader_pod(cluster).serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let mut reading = scene.reading(&sidecar);
    let soon = Duration::from_secs(2).try_into().expect("some seconds");
    reading.copy.subscribe.delivery_timeout = Some(soon);
    let end = client.read_while(&mut reading, async |moment: Moment<'_>| {
        if (moment.number, moment.at) == (0, At::Added) {
            aborted(&sidecar, moment.txn).await;
            moment.subscribe.delivery_timeout = None;
        }
    });
    end.await.committed();
    scene.is_copied();
    vec![client.met()]
}

/// The second reads when the first has ended.
pub(crate) async fn sessions(cluster: Cluster) -> Vec<Met> {
    let spec = reader_pod(cluster).set("limits.sessions", "1").set("limits.session_grace", "500ms");
    let sidecar = spec.serve().await;
    let mut client = blind(&sidecar);
    let scene = Scene::filled(cluster, &mut client).await;
    let first = subscribe(&unique("group"), &[&scene.from]);
    let first = Reader::start(&sidecar.socket(), first).await.expect("subscribes");
    let (met, mut reading) = (client.met(), scene.reading(&sidecar));
    let (end, ()) = tokio::join!(client.read(&mut reading), async {
        met.until("SESSIONS_EXCEEDED").await;
        drop(first);
    });
    end.committed();
    scene.is_copied();
    vec![met]
}
