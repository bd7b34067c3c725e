use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use super::{
    DURATION,
    api::{Api, Call, Fate},
    claim, config, pod,
};
use crate::{leases::Failure, object};

fn lease(ordinal: u32) -> String {
    object::name("orders", ordinal)
}

fn holder(api: &Api, ordinal: u32) -> Option<String> {
    api.lease(&lease(ordinal)).spec.unwrap().holder_identity
}

fn annotation(api: &Api, ordinal: u32, key: &str) -> String {
    api.lease(&lease(ordinal)).metadata.annotations.unwrap()[key].clone()
}

#[tokio::test(start_paused = true)]
async fn the_lowest_slot_without_a_holder_is_claimed() {
    let api = Api::default();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| pod(&api, name, 64).0);
    let (first, second, third) = (claim(&a).await, claim(&b).await, claim(&c).await);
    assert_eq!([first.ordinal(), second.ordinal(), third.ordinal()], [0, 1, 2]);

    second.release(true).await.unwrap();

    assert_eq!(claim(&d).await.ordinal(), 1);
    assert_eq!(holder(&api, 1).as_deref(), Some("uid-d"));
    assert_eq!(api.lease(&lease(1)).spec.unwrap().lease_transitions, Some(1));
    assert_eq!(annotation(&api, 1, "sidecommit.dev/settled"), "false");
    assert_eq!(annotation(&api, 1, "sidecommit.dev/pod"), "d");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_container_takes_its_own_slot_at_once_even_if_a_lower_one_is_free() {
    let api = Api::default();
    let low = claim(&pod(&api, "a", 64).0).await;
    let own = claim(&pod(&api, "b", 64).0).await;
    drop(own);
    low.release(true).await.unwrap();
    let before = Instant::now();

    let again = claim(&pod(&api, "b", 64).0).await;

    assert_eq!((again.ordinal(), again.inherited()), (1, Some(4)));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(
        api.lease(&lease(1)).spec.unwrap().lease_transitions,
        Some(0),
        "the same holder is no transition"
    );
}

#[tokio::test(start_paused = true)]
async fn an_occupied_slot_is_watched_for_a_whole_duration_before_it_is_taken_over() {
    let api = Api::default();
    drop(claim(&pod(&api, "dead", 1).0).await);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let (slots, network) = pod(&api, "b", 1);
    // Whatever its wall clock says of the renewTime.
    network.wall_clock_off_by_s.store(86_400, std::sync::atomic::Ordering::Relaxed);
    let before = Instant::now();

    let held = claim(&slots).await;

    assert_eq!(held.inherited(), Some(4), "the dead holder settled nothing");
    let waited = before.elapsed();
    assert!(waited >= DURATION && waited <= DURATION + Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_without_a_slot_says_who_has_them_and_what_to_do() {
    let api = Api::default();
    let _held = [claim(&pod(&api, "a", 2).0).await, claim(&pod(&api, "b", 2).0).await];
    let waiting = watch::Sender::default();
    let mut told = waiting.subscribe();
    let late = pod(&api, "late", 2).0;
    let claim = tokio::spawn(async move { late.claim(&waiting).await.ordinal() });

    let why = told.wait_for(Option::is_some).await.unwrap().clone();

    assert_eq!(
        why.as_deref(),
        Some("no free slot: all 2 of shop/orders are held, by pods a, b; raise sidecommit.dev/slots")
    );
    claim.abort();
}

#[tokio::test(start_paused = true)]
async fn what_it_waited_for_is_withdrawn_once_it_has_a_slot() {
    let api = Api::default();
    let first = claim(&pod(&api, "a", 1).0).await;
    let waiting = watch::Sender::default();
    let mut told = waiting.subscribe();
    let late = pod(&api, "late", 1).0;
    let claim = tokio::spawn(async move { (late.claim(&waiting).await.ordinal(), waiting) });
    told.wait_for(Option::is_some).await.unwrap();

    first.release(true).await.unwrap();

    assert_eq!(claim.await.unwrap().0, 0);
    assert_eq!(*told.borrow(), None);
}

#[tokio::test(start_paused = true)]
async fn slots_that_are_no_more_are_not_claimed() {
    let api = Api::default();
    let high = claim(&pod(&api, "a", 64).0).await;
    let higher = claim(&pod(&api, "b", 64).0).await;
    higher.release(true).await.unwrap();
    let waiting = watch::Sender::default();
    let mut told = waiting.subscribe();
    let late = pod(&api, "late", 1).0;
    let claim = tokio::spawn(async move { late.claim(&waiting).await.ordinal() });
    told.wait_for(Option::is_some).await.unwrap();
    high.release(true).await.unwrap();
    assert_eq!(claim.await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_recognised() {
    for applied_as in ["create", "replace"] {
        let api = Api::default();
        if applied_as == "replace" {
            claim(&pod(&api, "earlier", 64).0).await.release(true).await.unwrap();
        }
        let (slots, network) = pod(&api, "a", 64);
        let mut writes = 0;
        network.fate(move |call| {
            let is_write = matches!(call, Call::Create(_) | Call::Replace(_));
            writes += u32::from(is_write);
            Fate { answer_lost: is_write && writes == 1, ..Fate::default() }
        });

        let held = claim(&slots).await;

        assert_eq!(held.ordinal(), 0, "{applied_as}: not a second slot");
        assert_eq!(api.leases().len(), 1, "{applied_as}");
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_start_together_get_a_slot_each() {
    let api = Api::default();
    let claims: Vec<_> = (0..40)
        .map(|n| {
            let (slots, network) = pod(&api, &format!("p{n}"), 40);
            network.fate(|_| Fate {
                there: Duration::from_millis(5),
                back: Duration::from_millis(5),
                ..Fate::default()
            });
            tokio::spawn(async move { claim(&slots).await })
        })
        .collect();
    let before = Instant::now();
    let mut held = Vec::new();
    for claim in claims {
        held.push(claim.await.unwrap());
    }
    let mut ordinals: Vec<u32> = held.iter().map(crate::Held::ordinal).collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, (0..40).collect::<Vec<_>>());
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn leases_made_by_hand_do_without_the_permission_to_create() {
    let api = Api::default();
    for ordinal in 0..2 {
        let mut bare = object::fresh(&config("nobody", 3), ordinal);
        // The second without a label: the list does not show it.
        bare.metadata.labels = (ordinal == 0).then(Default::default);
        api.perform(Call::Create(bare)).unwrap();
    }
    api.forbid_create();

    let first = claim(&pod(&api, "a", 3).0).await;
    let second = claim(&pod(&api, "b", 3).0).await;

    assert_eq!([first.ordinal(), second.ordinal()], [0, 1]);
    assert_eq!(first.inherited(), None, "nobody held it before");
    let waiting = watch::Sender::default();
    let mut told = waiting.subscribe();
    let late = pod(&api, "late", 3).0;
    let claim = tokio::spawn(async move { late.claim(&waiting).await.ordinal() });
    assert_eq!(
        told.wait_for(Option::is_some).await.unwrap().as_deref(),
        Some(
            "no free slot: 2 of the 3 of shop/orders are held, by pods a, b, the others have no lease, and: not allowed \
             to create leases in shop: bind the Role sidecommit-leases (403 cannot create), or create the lease \
             sidecommit-orders-2 beforehand"
        )
    );
    claim.abort();
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_is_told_and_waited_for() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    network.cut.store(true, std::sync::atomic::Ordering::Relaxed);
    let waiting = watch::Sender::default();
    let mut told = waiting.subscribe();
    let claim = tokio::spawn(async move { slots.claim(&waiting).await.ordinal() });
    assert_eq!(
        told.wait_for(Option::is_some).await.unwrap().as_deref(),
        Some("the API server does not answer: no answer within 5s")
    );

    network.cut.store(false, std::sync::atomic::Ordering::Relaxed);

    assert_eq!(claim.await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unsettled_slot_is_handed_on_with_the_lanes_of_the_one_that_had_more() {
    let api = Api::default();
    claim(&pod(&api, "a", 1).0).await.release(false).await.unwrap();
    api.edit(&lease(0), |lease| {
        lease
            .metadata
            .annotations
            .as_mut()
            .unwrap()
            .insert("sidecommit.dev/lanes".to_owned(), "32".to_owned());
    });

    let held = claim(&pod(&api, "b", 1).0).await;
    assert_eq!(held.inherited(), Some(32));
    assert_eq!(
        annotation(&api, 0, "sidecommit.dev/lanes"),
        "32",
        "still 32 to settle, should we die as well"
    );

    held.release(true).await.unwrap();
    let next = claim(&pod(&api, "c", 1).0).await;
    assert_eq!(next.inherited(), None);
    assert_eq!(annotation(&api, 0, "sidecommit.dev/lanes"), "4");
}

#[test]
fn the_store_refuses_a_stale_version() {
    let api = Api::default();
    let old = api.perform(Call::Create(object::fresh(&config("a", 1), 0))).unwrap().remove(0);
    api.perform(Call::Replace(old.clone())).unwrap();
    assert_eq!(api.perform(Call::Replace(old)), Err(Failure::Conflict));
}
