use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio::time::{Instant, advance, sleep, timeout};

use super::{
    DURATION,
    api::{Api, Call, Fate},
    claim, pod,
    pod::Freezable,
};
use crate::Error;

const LEASE: &str = "sidecommit-orders-0";

fn settled(api: &Api) -> String {
    api.lease(LEASE).metadata.annotations.unwrap()["sidecommit.dev/settled"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_renewed_slot_is_never_lost() {
    let api = Api::default();
    let mut held = claim(&pod(&api, "a", 1).0).await;
    let other = pod(&api, "b", 1).0;
    let claim = tokio::spawn(async move { claim(&other).await });

    assert!(timeout(DURATION * 20, held.lost()).await.is_err());

    assert!(held.guard().holds() && !claim.is_finished());
    claim.abort();
}

#[tokio::test(start_paused = true)]
async fn a_holder_without_the_api_server_gives_up_before_others_may_take_over() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let mut held = claim(&slots).await;
    let guard = held.guard();
    let other = pod(&api, "b", 1).0;
    let taken = tokio::spawn(async move { (claim(&other).await, Instant::now()) });
    sleep(DURATION).await;
    network.cut.store(true, Relaxed);

    let why = held.lost().await;

    let lost = Instant::now();
    assert_eq!(why, "not renewed in time: the API server does not answer: no answer within 5s");
    assert!(!guard.holds());
    let (_, took) = taken.await.unwrap();
    assert!(took - lost >= Duration::from_secs(2), "{:?}", took - lost);
    assert!(took - lost <= Duration::from_secs(5), "{:?}", took - lost);
}

#[tokio::test(start_paused = true)]
async fn one_renewal_that_fails_is_not_a_loss() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let mut held = claim(&slots).await;
    network.cut.store(true, Relaxed);
    sleep(Duration::from_secs(9)).await;
    network.cut.store(false, Relaxed);
    assert!(timeout(DURATION * 3, held.lost()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn renewals_whose_answers_are_lost_do_not_make_the_next_one_fail() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let mut held = claim(&slots).await;
    let mut writes = 0;
    network.fate(move |call| {
        let is_write = matches!(call, Call::Replace(_));
        writes += u32::from(is_write);
        // Of three writes the first is done without its answer, the second conflicts with it, the third succeeds.
        Fate { answer_lost: is_write && writes % 3 == 1, ..Fate::default() }
    });
    assert!(timeout(DURATION * 10, held.lost()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stopped_holder_finds_itself_lost_before_it_does_anything() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let mut held = claim(&slots).await;
    let freezer = network.freezer.clone();
    freezer.stop();
    let other = pod(&api, "b", 1).0;
    let _taken = claim(&other).await;
    let before = api.lease(LEASE);

    freezer.go_on();

    assert!(!held.guard().holds(), "at once, whichever of its tasks runs first");
    assert!(held.lost().await.starts_with("not renewed"));
    sleep(DURATION).await;
    let after = api.lease(LEASE);
    assert_eq!(before.spec.unwrap().holder_identity, after.spec.unwrap().holder_identity);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_counts_from_when_it_was_sent() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let claimed = Instant::now();
    let mut held = claim(&slots).await;
    let mut calls = 0;
    network.fate(move |_| {
        calls += 1;
        Fate { back: Duration::from_millis(4900), request_lost: calls > 1, ..Fate::default() }
    });

    held.lost().await;

    // Sent after 5 s, answered after 9.9 s: ours until 5 + 12 s.
    let lasted = claimed.elapsed();
    assert!(lasted >= Duration::from_secs(17) && lasted < Duration::from_millis(17_100), "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waited_for_a_stopped_holder_does_not_revive_a_lost_slot() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let mut held = claim(&slots).await;
    network.fate(|_| Fate { back: Duration::from_millis(500), ..Fate::default() });
    sleep(Duration::from_millis(5200)).await;
    network.freezer.stop();
    sleep(Duration::from_millis(7500)).await;
    let guard = held.guard();
    assert!(!guard.holds(), "12.7 s after the claim was sent");

    network.freezer.go_on();

    sleep(Duration::from_millis(100)).await;
    assert!(!guard.holds(), "who asked was told for good");
    assert!(held.lost().await.starts_with("not renewed"));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_or_deleted_is_lost() {
    type Edit = fn(&Api);
    let cases: [(Edit, &str); 3] = [
        (
            |api| api.edit(LEASE, |l| l.spec.as_mut().unwrap().holder_identity = Some("uid-x".to_owned())),
            "taken by a",
        ),
        (
            |api| api.edit(LEASE, |l| l.spec.as_mut().unwrap().holder_identity = None),
            "the lease's holder was removed",
        ),
        (|api| api.delete(LEASE), "the lease was deleted"),
    ];
    for (edit, expected) in cases {
        let api = Api::default();
        let mut held = claim(&pod(&api, "a", 1).0).await;
        edit(&api);
        let before = Instant::now();
        assert_eq!(held.lost().await, expected);
        assert!(before.elapsed() <= DURATION / 3, "at the next renewal");
        assert!(!held.guard().holds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_annotated_by_a_person_goes_on() {
    let api = Api::default();
    let mut held = claim(&pod(&api, "a", 1).0).await;
    for _ in 0..10 {
        api.edit(LEASE, |lease| {
            lease.metadata.annotations.as_mut().unwrap().insert("note".to_owned(), "seen".to_owned());
        });
        assert!(timeout(DURATION / 2, held.lost()).await.is_err());
    }
    assert_eq!(api.lease(LEASE).metadata.annotations.unwrap()["note"], "seen", "and is kept");
}

#[tokio::test(start_paused = true)]
async fn a_released_slot_says_whether_it_is_settled() {
    for (orderly, written) in [(true, "true"), (false, "false")] {
        let api = Api::default();
        let held = claim(&pod(&api, "a", 1).0).await;
        held.release(orderly).await.unwrap();
        assert_eq!(
            (api.lease(LEASE).spec.unwrap().holder_identity, settled(&api)),
            (None, written.to_owned())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_whose_answer_was_lost_has_happened() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let held = claim(&slots).await;
    network.fate(|call| Fate { answer_lost: matches!(call, Call::Replace(_)), ..Fate::default() });
    held.release(true).await.unwrap();
    assert_eq!(settled(&api), "true");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_another_took_is_not_released_as_settled() {
    let api = Api::default();
    let held = claim(&pod(&api, "a", 1).0).await;
    api.edit(LEASE, |lease| lease.spec.as_mut().unwrap().holder_identity = Some("uid-x".to_owned()));
    let error = held.release(true).await.unwrap_err();
    assert_eq!(error, Error::Lost { ordinal: 0, why: "taken by a".to_owned() });
    assert_eq!(settled(&api), "false");
}

#[tokio::test(start_paused = true)]
async fn a_release_meets_a_renewal_on_its_way() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let held = claim(&slots).await;
    // Whichever of the two arrives first, and however late.
    network.fate(|call| Fate {
        there: Duration::from_millis(if matches!(call, Call::Replace(_)) { 2000 } else { 10 }),
        ..Fate::default()
    });
    advance(DURATION / 3 - Duration::from_millis(1)).await;
    sleep(Duration::from_millis(1500)).await;
    held.release(true).await.unwrap();
    sleep(DURATION).await;
    assert_eq!((api.lease(LEASE).spec.unwrap().holder_identity, settled(&api)), (None, "true".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_next_holder_does_not_meet_one_that_still_waits_for_its_release() {
    let api = Api::default();
    let (slots, network) = pod(&api, "a", 1);
    let held = claim(&slots).await;
    let guard = held.guard();
    network.fate(|_| Fate { back: Duration::from_secs(3), ..Fate::default() });
    let release = tokio::spawn(Freezable::new(held.release(true), network.freezer.clone()));
    let _next = claim(&pod(&api, "b", 1).0).await;
    assert!(!release.is_finished() && !guard.holds());
    release.await.unwrap().unwrap();
}
