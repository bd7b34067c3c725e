//! Slots that start for the first time, all at once.

use crate::{brokers, side_by_side, spec};
use sidecommit_e2e::unique;

/// Each makes the outcomes topic or finds another's, which some brokers may not have heard of yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_start_at_once_make_one_outcomes_topic_and_all_serve() {
    let brokers = brokers().await;
    for _ in 0..4 {
        let outcomes = unique("outcomes");
        let slots: Vec<_> = (0..8).map(|_| spec(&brokers).set("outcomes.topic", &outcomes)).collect();
        side_by_side(slots.into_iter().map(async |slot| slot.serve().await)).await;
    }
}
