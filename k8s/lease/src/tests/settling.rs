use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{
    DURATION,
    api::{Api, Call, Fate},
    claim, pod,
};
use crate::{Abandoned, Slots};

const LEASE: &str = "sidecommit-orders-0";

/// Looks every second until something is abandoned.
async fn abandoned(slots: &Slots) -> Vec<Abandoned> {
    loop {
        let found = slots.abandoned().await.unwrap();
        if !found.is_empty() {
            return found;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_ids_of_a_dead_holder_are_abandoned_after_its_duration_and_settled_once() {
    let api = Api::default();
    let dead = claim(&pod(&api, "dead", 64).0).await;
    let (watcher, _network) = pod(&api, "watcher", 64);
    let _own = claim(&watcher).await;
    let died = Instant::now();
    drop(dead);

    assert_eq!(abandoned(&watcher).await, [Abandoned { ordinal: 0, lanes: 4 }]);
    assert!(died.elapsed() <= DURATION + Duration::from_secs(2), "{:?}", died.elapsed());
    let mut taken = watcher.take(0).await.unwrap().unwrap();
    assert_eq!((taken.ordinal(), taken.lanes()), (0, 4));
    assert_eq!(watcher.abandoned().await.unwrap(), [], "it is being settled");
    assert!(watcher.take(0).await.unwrap().is_none());
    assert!(timeout(DURATION * 5, taken.lost()).await.is_err(), "settling may take long");
    assert!(taken.guard().holds());
    taken.settled().await.unwrap();

    sleep(DURATION * 2).await;
    assert_eq!(watcher.abandoned().await.unwrap(), [], "and is settled for good");
    assert_eq!(api.lease(LEASE).spec.unwrap().holder_identity, None);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_was_released_unsettled_is_abandoned_at_once() {
    let api = Api::default();
    let held = claim(&pod(&api, "a", 64).0).await;
    let watcher = pod(&api, "watcher", 64).0;
    assert_eq!(watcher.abandoned().await.unwrap(), []);
    held.release(false).await.unwrap();
    assert_eq!(watcher.abandoned().await.unwrap(), [Abandoned { ordinal: 0, lanes: 4 }]);
}

#[tokio::test(start_paused = true)]
async fn slots_above_the_number_of_slots_are_settled_too() {
    let api = Api::default();
    let low = claim(&pod(&api, "a", 64).0).await;
    claim(&pod(&api, "b", 64).0).await.release(false).await.unwrap();
    let watcher = pod(&api, "watcher", 1).0;
    assert_eq!(watcher.abandoned().await.unwrap(), [Abandoned { ordinal: 1, lanes: 4 }]);
    watcher.take(1).await.unwrap().unwrap().settled().await.unwrap();
    assert_eq!(watcher.abandoned().await.unwrap(), []);
    drop(low);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_settle_one_gets_it() {
    let api = Api::default();
    claim(&pod(&api, "a", 64).0).await.release(false).await.unwrap();
    let slow = |_: &Call| Fate { there: Duration::from_millis(5), ..Fate::default() };
    let [one, two] = ["one", "two"].map(|name| pod(&api, name, 64));
    one.1.fate(slow);
    two.1.fate(slow);
    let (one, two) = tokio::join!(one.0.take(0), two.0.take(0));
    assert_eq!([one.unwrap().is_some(), two.unwrap().is_some()].iter().filter(|got| **got).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_settler_that_dies_leaves_it_abandoned_and_its_pod_does_not_take_it_for_its_own() {
    let api = Api::default();
    claim(&pod(&api, "a", 64).0).await.release(false).await.unwrap();
    let (settler, _network) = pod(&api, "settler", 64);
    drop(settler.take(0).await.unwrap().unwrap());

    let restarted = pod(&api, "settler", 64).0;
    let own = claim(&restarted).await;
    assert_eq!(own.ordinal(), 1);
    assert_eq!(abandoned(&restarted).await, [Abandoned { ordinal: 0, lanes: 4 }]);
}

#[tokio::test(start_paused = true)]
async fn a_take_whose_answer_was_lost_is_abandoned_again_later() {
    let api = Api::default();
    claim(&pod(&api, "a", 64).0).await.release(false).await.unwrap();
    let (settler, network) = pod(&api, "settler", 64);
    network.fate(|call| Fate { answer_lost: matches!(call, Call::Replace(_)), ..Fate::default() });
    settler.take(0).await.unwrap_err();
    network.fate(|_| Fate::default());
    assert_eq!(settler.abandoned().await.unwrap(), []);
    assert_eq!(abandoned(&settler).await, [Abandoned { ordinal: 0, lanes: 4 }]);
}
