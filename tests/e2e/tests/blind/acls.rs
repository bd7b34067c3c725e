//! What Kafka's ACLs forbid, on a broker with an authorizer.

use crate::support::{blind, pod, visible_once};
use sidecommit_e2e::{Cluster, Met, Work, offsets};
use sidecommit_fixture::Kafka;

/// A person is asked; nothing of the transfer is visible; once the right is granted it goes through.
pub(crate) async fn denied(_: Cluster) -> Vec<Met> {
    let cluster = Cluster::own(Kafka::builder().acls().start().expect("a broker starts"));
    let (topic, read_only) = (cluster.topic(1), cluster.topic(1));
    let spec = pod(cluster)
        .set("limits.lanes_max", "1")
        .set("limits.lanes_warm", "1")
        .set("limits.lanes_reserved", "0");
    let id = format!("{}/0", spec.slot());
    cluster.allow("Describe", &["--topic", &read_only, "--group", "foreign"]);
    let denied = "WARN .. lane failed .. kind=";
    let sidecar = spec
        .expects(&format!("{denied}Record"), "no right to write to the topic")
        .expects(&format!("{denied}GroupDenied"), "no right to read in the group")
        .expects(&format!("{denied}TransactionalIdDenied"), "no right to use the transactional.id")
        .expects("WARN librdkafka: .. authorization failed", "no right to one of these")
        .expects("WARN .. may not read the configuration of topics", "no right to describe it")
        .serve()
        .await;
    let mut client = blind(&sidecar);

    let work = Work::transfer(&read_only, "denied the topic");
    client.transfer(&work).await.person("TOPIC_DENIED");
    let grouped = |group: &str| {
        let offsets = Some(offsets(group, &topic, 0, 7));
        Work { offsets, ..Work::transfer(&topic, group) }
    };
    client.transfer(&grouped("foreign")).await.person("GROUP_DENIED");
    client.transfer(&grouped("own")).await.committed();
    cluster.allow("Describe", &["--transactional-id", &id]);
    let work = Work::transfer(&topic, "denied the transactional.id");
    client.transfer(&work).await.person("TRANSACTIONAL_ID_DENIED");
    assert_eq!(cluster.committed_offset("foreign", &topic, 0), None);

    cluster.allow("All", &["--topic", &read_only, "--group", "foreign", "--transactional-id", &id]);
    client.transfer(&Work { name: "granted".into(), ..work }).await.committed();
    client.transfer(&Work { name: "granted too".into(), ..grouped("foreign") }).await.committed();
    client.transfer(&Work::transfer(&read_only, "granted as well")).await.committed();
    visible_once(cluster, &topic, &["own", "denied the transactional.id", "foreign"]);
    visible_once(cluster, &read_only, &["granted as well"]);
    vec![client.met()]
}
