//! What is read, and the offsets of it, while the outcome of a commit is not known.

use crate::rig::Rig;
use sidecommit_e2e::{App, Reader, Told, eventually, record, subscribe, unique};
use sidecommit_faultproxy::{Api, Rule};
use sidecommit_rpc::proto::v1;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Semaphore;

const RECORDS: i64 = 4;

/// A transaction that settles a delivery and has one record.
async fn holding(app: &mut App, delivery: &v1::Delivery, to: &str) -> String {
    let txn = app.begin(&unique("hold")).await.expect("begins");
    let request = v1::SendOffsetsRequest {
        transaction_id: txn.clone(),
        delivery_ids: vec![delivery.delivery_id.clone()],
        ..v1::SendOffsetsRequest::default()
    };
    app.stub.send_offsets(request).await.expect("is to be had");
    app.produce(&txn, 0, vec![record(to, "k", "copied")]).await.expect("accepts");
    txn
}

/// Asks for the commit until there is an outcome.
async fn outcome(mut app: App, txn: String) -> Told {
    loop {
        match app.commit(&txn, 1, 1).await {
            Ok(_) => return Told::Committed,
            Err(refused) if refused.code == tonic::Code::Aborted => return Told::Aborted,
            Err(refused) => assert!(refused.asks_again(), "{refused:?}"),
        }
    }
}

/// The stream of an application breaks while its commit is under way, for so long that its session is over, and another
/// reads on: from behind what was committed, or the same again, and not before it is known which.
async fn breaks(is_fenced: bool) {
    let rig = Rig::new(|spec| {
        spec.expects_wire_faults()
            .set("limits.group_attempts_max", "1")
            .set("limits.session_grace", "500ms")
            // Has to end before a member would be missed.
            .set("limits.lane_timeout", "40s")
            .set("limits.idle_timeout", "30s")
            .expects_fence("the test inits the lane's transactional.id")
    })
    .await;
    let (input, output) = (rig.cluster.topic(1), rig.cluster.topic(1));
    rig.cluster.put(&input, (0..RECORDS).map(|n| n.to_string()), Some("value"));
    let limits = Some(v1::DeliveryLimits { max_records: 2, ..Default::default() });
    let with = v1::Subscribe { limits, ..subscribe(&unique("doubt"), &[&input]) };
    let mut reader = Reader::start(&rig.sidecar.socket(), with.clone()).await.expect("subscribes");
    reader.credit(1);
    let delivery = reader.delivery().await.expect("comes");
    let session = reader.session.clone();

    let known = Arc::new(Semaphore::new(0));
    let held = rig.proxy.add(Rule::request(Api::END_TXN).hold(known.clone()));
    let txn = holding(&mut rig.sidecar.app(), &delivery, &output).await;
    let told = tokio::spawn(outcome(rig.sidecar.app(), txn));
    rig.proxy.until_fired(held, 1).await;
    drop(reader);
    let listed = async || rig.sidecar.command(&["groups", "list", "--json"]).contains(&session);
    eventually("its session is over", 60, async || !listed().await).await;

    let is_known = Arc::new(AtomicBool::new(false));
    let mut other = Reader::start(&rig.sidecar.socket(), with).await.expect("subscribes");
    other.credit(1);
    let next = tokio::spawn({
        let is_known = is_known.clone();
        async move {
            let next = other.delivery().await.expect("comes");
            assert!(is_known.load(Ordering::SeqCst), "delivered while nobody knew the outcome");
            next
        }
    });
    // It is a member, asks for its position, and is told to wait.
    let asked = rig.proxy.add(Rule::reply(Api::OFFSET_FETCH).keep());
    rig.proxy.until_fired(asked, 2).await;
    is_known.store(true, Ordering::SeqCst);
    if is_fenced {
        // Aborts it.
        rig.fence();
    }
    known.add_permits(Semaphore::MAX_PERMITS >> 1);
    let told = told.await.expect("is told");
    let next = next.await.expect("comes in time");
    let offset = next.records[0].offset;
    let expected = if is_fenced { (Told::Aborted, 0) } else { (Told::Committed, 2) };
    assert_eq!((told, offset), expected, "{next:?}");
    assert_eq!(rig.cluster.values(&output).len(), usize::from(!is_fenced));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_delivered_again_before_its_outcome_is_known() {
    breaks(false).await;
    breaks(true).await;
}

/// The first one's EndTxn is held back; were the second on another lane, the first would overwrite its offset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_of_one_partition_never_go_back() {
    let rig = Rig::seeded(0, |spec| spec).await;
    let (mut teller, mut bystander) = (rig.teller(), rig.teller());
    assert_eq!(teller.transfer_with_offset().await, Told::Committed);
    let passing = Arc::new(Semaphore::new(0));
    let held = rig.proxy.add(Rule::request(Api::END_TXN).nth(1).hold(passing.clone()));
    let (first, second) = (teller.begin_with_offset().await, teller.begin_with_offset().await);
    teller.commit(&first);
    rig.proxy.until_fired(held, 1).await;
    teller.commit(&second);
    eventually("it is asked for", 60, async || teller.is_waiting(&second).await).await;
    // There are lanes for others.
    assert_eq!(bystander.transfer_with_offset().await, Told::Committed);
    assert!(teller.is_waiting(&second).await, "its turn comes once the first is settled");
    passing.add_permits(1);
    assert_eq!(teller.settle(first).await, Told::Committed);
    assert_eq!(teller.settle(second).await, Told::Committed);
    rig.check(&[&teller, &bystander]);
}
