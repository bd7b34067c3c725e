//! Records that are too large for their topic only together are nobody's fault.

use crate::{
    crowd::{Member, at_once},
    rig::Rig,
};
use sidecommit_e2e::{Cluster, Metrics, Way, record};

const CROWD: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_20_kb_takes_64_transactions_of_1_kb_in_one_group() {
    let rig = Rig::new(Cluster::shared(), |spec| spec).await;
    let topic = rig.cluster.topic_with(1, &[("max.message.bytes", "20000")]);
    let value = "x".repeat(1_000);
    let crowd = (0..CROWD).map(|_| {
        let mut member = Member::new(&topic);
        member.records = vec![record(&topic, &member.name, &value)];
        (rig.app(), member)
    });
    let before = Metrics::of(&rig.sidecar);
    let (answered, commits) = at_once(&rig, Way::Transact, crowd.collect(), async || {}).await;
    answered.iter().for_each(|one| assert_eq!(one.answer, Ok(()), "{}", one.name));
    assert_eq!(commits, 1, "they shared one Kafka transaction");
    let since = &Metrics::of(&rig.sidecar) - &before;
    let replaced: Vec<_> = since
        .by_label("producers_replaced_total")
        .filter(|(cause, n)| !cause.contains("demand") && *n > 0.0)
        .collect();
    assert!(replaced.is_empty(), "no producer was replaced for it: {replaced:?}");
    assert_eq!(rig.cluster.visible(&topic).len(), CROWD);
}
