//! An EndTxn that was executed and whose reply was lost, and one that never arrived.

use crate::rig::{Rig, Teller};
use sidecommit_e2e::{Spec, Told, eventually};
use sidecommit_faultproxy::{Api, EndTxn, Rule};
use std::sync::Arc;
use tokio::sync::Semaphore;

const END: Api = Api::END_TXN;

/// No transaction is tried again: what happened to its first attempt is what its caller is told.
fn one_attempt(spec: Spec) -> Spec {
    spec.set("limits.group_attempts_max", "1")
}

/// With this fault under a transaction's first EndTxn librdkafka sends another: COMMITTED. The next transaction belongs to
/// a new epoch, and nothing more is sent for the old one.
async fn the_repeat_commits(rig: &mut Rig, teller: &mut Teller, fault: Rule) {
    let before = rig.ends().len();
    let fault = rig.proxy.add(fault);
    assert_eq!(teller.transfer().await, Told::Committed);
    assert_eq!(rig.proxy.tally().fired(fault), 1, "the fault was injected");
    let ends = rig.ends()[before..].to_vec();
    let [first, repeats @ ..] = &ends[..] else { panic!("no EndTxn") };
    assert!(!repeats.is_empty() && repeats.iter().all(|end| end == first), "{ends:?}");

    assert_eq!(teller.transfer().await, Told::Committed);
    let next = &rig.ends()[before + ends.len()..];
    let of_the_old = |end: &&EndTxn| (end.producer_id, end.epoch) == (first.producer_id, first.epoch);
    assert!(!next.is_empty() && next.iter().find(of_the_old).is_none(), "{first:?}, then {next:?}");
    rig.proxy.remove(fault);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_whose_reply_is_lost_is_committed_and_its_repeat_stays_within_its_transaction() {
    let mut rig = Rig::new(|spec| spec).await;
    let mut teller = rig.teller();
    assert_eq!(teller.transfer().await, Told::Committed);
    the_repeat_commits(&mut rig, &mut teller, Rule::reply(END).nth(1).drop()).await;
    the_repeat_commits(&mut rig, &mut teller, Rule::reply(END).nth(1).cut_before()).await;
    the_repeat_commits(&mut rig, &mut teller, Rule::request(END).nth(1).cut_after()).await;
    rig.check(&[&teller]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_lost_on_its_way_is_sent_again_and_committed() {
    let mut rig = Rig::new(|spec| spec).await;
    let mut teller = rig.teller();
    assert_eq!(teller.transfer().await, Told::Committed);
    the_repeat_commits(&mut rig, &mut teller, Rule::request(END).nth(1).drop()).await;
    the_repeat_commits(&mut rig, &mut teller, Rule::request(END).nth(1).cut_before()).await;
    rig.check(&[&teller]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_never_arrives_is_aborted() {
    let rig = Rig::new(|spec| {
        one_attempt(spec)
            .set("limits.idle_timeout", "5s")
            .set("limits.lane_timeout", "6s")
            .expects_fence("the broker aborts a transaction whose EndTxn never arrives")
    })
    .await;
    let mut teller = rig.teller();
    let fault = rig.proxy.add(Rule::request(END).drop());
    let transfer = teller.begin().await;
    teller.commit(&transfer);
    rig.proxy.until_fired(fault, 1).await;
    assert!(rig.is_open().await, "its records are in Kafka");
    eventually("the broker aborts it", 60, async || !rig.is_open().await).await;
    rig.proxy.remove(fault);
    assert_eq!(teller.settle(transfer).await, Told::Aborted);
    assert_eq!(teller.transfer().await, Told::Committed);
    rig.check(&[&teller]);
}

/// A transaction whose first EndTxn meets the fault, and whose producer is fenced before the second arrives.
async fn fenced_in_doubt(rig: &Rig, teller: &mut Teller, fault: Rule) -> Told {
    let fault = rig.proxy.add(fault);
    let fenced = Arc::new(Semaphore::new(0));
    let repeat = rig.proxy.add(Rule::request(END).nth(2).hold(fenced.clone()));
    let transfer = teller.begin().await;
    teller.commit(&transfer);
    rig.proxy.until_fired(repeat, 1).await;
    assert_eq!(rig.proxy.tally().fired(fault), 1, "the fault was injected");
    rig.fence();
    fenced.add_permits(1);
    let told = teller.settle(transfer).await;
    rig.proxy.remove(fault);
    rig.proxy.remove(repeat);
    told
}

const FENCE: &str = "the test inits the lane's transactional.id";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fenced_in_doubt_a_transaction_is_what_kafka_made_of_it() {
    let rig = Rig::new(|spec| one_attempt(spec).expects_fence(FENCE)).await;
    let mut teller = rig.teller();
    // Executed, and its repeat is told that the producer is fenced: yet committed.
    assert_eq!(fenced_in_doubt(&rig, &mut teller, Rule::reply(END).nth(1).drop()).await, Told::Committed);
    assert_eq!(fenced_in_doubt(&rig, &mut teller, Rule::request(END).nth(1).drop()).await, Told::Aborted);
    assert_eq!(teller.transfer().await, Told::Committed);
    rig.check(&[&teller]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fenced_in_doubt_and_proven_aborted_it_is_tried_again_and_committed_once() {
    let rig = Rig::new(|spec| spec.expects_fence(FENCE)).await;
    let mut teller = rig.teller();
    assert_eq!(fenced_in_doubt(&rig, &mut teller, Rule::request(END).nth(1).drop()).await, Told::Committed);
    rig.check(&[&teller]);
}
