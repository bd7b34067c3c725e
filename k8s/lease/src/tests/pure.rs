//! What is decided without an API server.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;
use tokio::time::Instant;

use super::{DURATION, config};
use crate::{
    Error,
    choose::{Choice, choose},
    evaluate::{State, evaluate, is_abandoned},
    facts::Facts,
    leases::Failure,
    object,
    observed::Observed,
    reason,
    timing::Timing,
};

const SECOND: Duration = Duration::from_secs(1);

fn facts(holder: Option<&str>) -> Facts {
    Facts {
        ordinal: 0,
        version: "7".to_owned(),
        holder: holder.map(str::to_owned),
        pod: Some("orders-x".to_owned()),
        duration: Some(DURATION),
        settled: false,
        lanes: Some(4),
    }
}

#[test]
fn whose_a_lease_is() {
    let held = || State::Held { by: "orders-x".to_owned() };
    let cases = [
        (None, Duration::ZERO, State::Free),
        (Some("me"), DURATION * 9, State::Mine),
        (Some("x"), DURATION - SECOND, held()),
        (Some("x"), DURATION, State::Expired),
        (Some("me/settling"), Duration::ZERO, held()),
    ];
    for (holder, unchanged, expected) in cases {
        assert_eq!(
            evaluate(&facts(holder), Some("me"), unchanged, SECOND),
            expected,
            "{holder:?} {unchanged:?}"
        );
    }
    let silent = Facts { duration: None, pod: None, ..facts(Some("x")) };
    assert_eq!(evaluate(&silent, None, SECOND, SECOND), State::Expired, "our own duration if it names none");
    assert_eq!(evaluate(&silent, None, Duration::ZERO, SECOND), State::Held { by: "x".to_owned() });
}

#[test]
fn what_is_abandoned() {
    let settled = Facts { settled: true, ..facts(None) };
    assert!(!is_abandoned(&settled, DURATION * 9, DURATION));
    assert!(is_abandoned(&facts(None), Duration::ZERO, DURATION));
    assert!(!is_abandoned(&facts(Some("x")), Duration::ZERO, DURATION));
    assert!(is_abandoned(&facts(Some("x")), DURATION, DURATION));
}

#[test]
fn a_lease_is_as_old_as_we_have_seen_it_unchanged() {
    let (mut observed, start) = (Observed::default(), Instant::now());
    assert_eq!(observed.note(0, "1", start), Duration::ZERO);
    assert_eq!(observed.note(0, "1", start + SECOND), SECOND);
    assert_eq!(observed.note(0, "2", start + SECOND * 2), Duration::ZERO);
    assert_eq!(observed.note(0, "2", start + SECOND * 5), SECOND * 3);
    observed.keep(|ordinal| ordinal != 0);
    assert_eq!(observed.note(0, "2", start + SECOND * 9), Duration::ZERO, "gone and come again");
}

#[test]
fn of_two_workloads_one_name_may_begin_with_the_other() {
    let lease = |name: &str| {
        let mut lease = object::fresh(&config("a", 1), 0);
        lease.metadata.name = Some(name.to_owned());
        object::facts(&lease, "orders").map(|facts| facts.ordinal)
    };
    assert_eq!(lease("sidecommit-orders-12"), Some(12));
    for other in
        ["sidecommit-orders-eu-1", "sidecommit-orders-01", "sidecommit-orders-+1", "sidecommit-orders-", "x"]
    {
        assert_eq!(lease(other), None, "{other}");
    }
}

#[test]
fn a_workload_with_a_long_name_has_a_label_that_kubernetes_accepts() {
    let long = format!("{}-{}", "a".repeat(62), "b".repeat(100));
    assert_eq!(object::selector(&long), format!("sidecommit.dev/workload={}", "a".repeat(62)));
    assert_eq!(object::selector("orders"), "sidecommit.dev/workload=orders");
}

#[test]
fn a_lease_made_by_hand_is_settled_unless_somebody_holds_it() {
    let bare = object::fresh(&config("a", 1), 0);
    assert!(object::facts(&bare, "orders").unwrap().settled);
    let mut held = object::hold(bare, &config("a", 1), "uid-a", 4, Timestamp::UNIX_EPOCH);
    held.metadata.annotations = None;
    assert!(!object::facts(&held, "orders").unwrap().settled);
}

#[test]
fn five_holders_are_named_and_the_others_counted() {
    let states: BTreeMap<u32, State> = (0..7).map(|n| (n, State::Held { by: format!("p{n}") })).collect();
    assert_eq!(
        reason::full(&config("a", 7), &states, None),
        "no free slot: all 7 of shop/orders are held, by pods p0, p1, p2, p3, p4 and 2 more; raise sidecommit.dev/slots"
    );
    let forbidden = Error::of("create", "shop", Failure::Forbidden("403 no".to_owned()));
    assert_eq!(
        reason::full(&config("a", 7), &BTreeMap::new(), Some(&forbidden)),
        "no free slot: not allowed to create leases in shop: bind the Role sidecommit-leases (403 no), or create the lease \
         sidecommit-orders-0 beforehand"
    );
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..600_000_u64]
}

fn any_rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.95), Just(1.05), 0.95..1.05_f64]
}

fn any_state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Free),
        Just(State::Mine),
        Just(State::Expired),
        Just(State::Held { by: "x".to_owned() })
    ]
}

proptest! {
    #[test]
    fn the_choice_is_our_own_slot_or_the_lowest_that_can_be_had(
        states in prop::collection::btree_map(0..12_u32, any_state(), 0..12), slots in 1..12_u32, may_create: bool,
    ) {
        let can = |ordinal: u32| match states.get(&ordinal) {
            None => may_create,
            Some(state) => matches!(state, State::Free | State::Expired | State::Mine),
        };
        let mine = (0..slots).find(|ordinal| states.get(ordinal) == Some(&State::Mine));
        let expected = mine.or_else(|| (0..slots).find(|ordinal| can(*ordinal)));
        let chosen = match choose(&states, slots, may_create) {
            Choice::Take(ordinal) => { prop_assert!(states.contains_key(&ordinal)); Some(ordinal) }
            Choice::Create(ordinal) => { prop_assert!(!states.contains_key(&ordinal)); Some(ordinal) }
            Choice::Wait => None,
        };
        prop_assert_eq!(chosen, expected);
    }

    /// The whole argument in numbers: the holder's clock and the observer's differ in rate by up to 5 %, a renewal takes
    /// any time to be done, and its change any time to be seen; the holder has given up before the observer acts. The worst,
    /// no time at all and clocks as different as may be, is what comes often.
    #[test]
    fn the_holder_gives_up_before_anyone_calls_it_expired(
        duration_ms in 3_000..600_000_u64, sent_ms in 0..1_000_000_u64, there_ms in any_time(),
        until_seen_ms in any_time(), holder_rate in any_rate(), observer_rate in any_rate(),
    ) {
        let timing = Timing { duration: Duration::from_millis(duration_ms) };
        let gives_up = sent_ms as f64 + timing.held_for().as_millis() as f64 / holder_rate;
        let waits = Duration::from_secs(u64::try_from(timing.whole_seconds()).unwrap());
        let seen = (sent_ms + there_ms + until_seen_ms) as f64;
        prop_assert!(gives_up < seen + waits.as_millis() as f64 / observer_rate);
    }

    #[test]
    fn what_is_written_is_what_is_read(settled: bool, lanes in 0..=256_u16, slots in 1..1000_u32) {
        let config = config("a", slots);
        let held = object::hold(object::fresh(&config, 3), &config, "uid-a", lanes, Timestamp::UNIX_EPOCH);
        let read = object::facts(&held, "orders").unwrap();
        prop_assert_eq!((read.ordinal, read.holder.as_deref(), read.pod.as_deref()), (3, Some("uid-a"), Some("a")));
        prop_assert_eq!((read.settled, read.lanes, read.duration), (false, Some(lanes), Some(DURATION)));
        let read = object::facts(&object::released(held, &config, settled, Timestamp::UNIX_EPOCH), "orders").unwrap();
        prop_assert_eq!((read.holder, read.pod, read.settled, read.lanes), (None, None, settled, Some(lanes)));
    }
}
