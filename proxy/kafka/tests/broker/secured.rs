//! A listener that wants TLS and SASL.

use crate::{
    member::{Member, at, produce_to, subscribe},
    support::PATIENCE,
};
use sidecommit_core::{GroupProtocol, Subscribe};
use sidecommit_fixture::{Kafka, Secured};
use sidecommit_kafka::{ClientSettings, Properties};

#[test]
fn a_member_is_let_in_by_what_lets_all_clients_in() {
    let kafka = Kafka::builder().secured().start().expect("a broker with TLS");
    let secured = kafka.secured().expect("was asked for");
    kafka.create_topic("t", 1, &[]).expect("topic");
    assert!(produce_to(&kafka, "t", 0, ["value".to_owned()], PATIENCE));
    let ca = secured.ca.display().to_string();
    let properties = Properties::new([
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", ca.as_str()),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", Secured::USER),
        ("sasl.password", Secured::PASSWORD),
    ]);
    let properties = properties.expect("valid");
    let settings = ClientSettings { bootstrap_servers: secured.bootstrap.clone(), properties };
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
    {
        let subscribe = Subscribe { protocol, ..subscribe(&format!("{protocol:?}"), "t") };
        let member = Member::join_with(settings.clone(), 1 << 20, subscribe);
        member.assigned();
        assert_eq!(member.read_records(&at("t", 0), 1).values(), ["value"], "{protocol:?}");
    }
}
