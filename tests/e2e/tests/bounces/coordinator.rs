//! A group's coordinator moves while its members read.

use crate::{brokers, spec};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sidecommit_e2e::{Reader, subscribe, unique};
use std::time::Duration;

/// The offset that a partition goes back to is its group's, which only the coordinator knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_goes_back_whoever_coordinates_its_group() {
    let mut brokers = brokers().await;
    let (input, group) = (unique("input"), unique("group"));
    brokers.kafka().create_topic(&input, 1, &[]).expect("the topic can be made");
    let producer: BaseProducer = brokers.kafka().client().create().expect("a producer");
    producer.send(BaseRecord::<str, str>::to(&input).payload("again")).expect("is taken");
    producer.flush(Duration::from_secs(60)).expect("is delivered");

    let sidecar = spec(&brokers).serve().await;
    let mut reader =
        Reader::start(&sidecar.socket(), subscribe(&group, &[&input])).await.expect("subscribes");
    reader.credit(1);
    let mut delivery = reader.delivery().await.expect("comes");
    // Once by its first coordinator, then by the one after it, while the first one lives again but knows nothing of the group.
    for kill in [false, true] {
        if kill {
            let coordinator = brokers.group_coordinator(&group).expect("it has one");
            brokers.kill(coordinator).expect("it is ours");
            brokers.moved_from(coordinator).expect("others take over");
            brokers.heal().expect("it comes back");
            let now = brokers.group_coordinator(&group).expect("it has one");
            assert_ne!(now, coordinator, "nobody moves it back");
        }
        reader.release(&delivery.delivery_id);
        reader.credit(1);
        delivery = reader.delivery().await.expect("comes again");
        assert_eq!(delivery.records.len(), 1);
    }
}
