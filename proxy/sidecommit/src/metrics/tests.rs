use super::*;
use crate::settings::{Environment, Flags};
use sidecommit_core::{
    Counters, Generation, Incarnation, JournalId, LaneIndex, LaneStatus, Reason, Serving, Status,
    table::LaneState,
};

/// The sidecar's, of a running engine.
pub(crate) fn node(serving: Serving) -> NodeStatus {
    NodeStatus::of_engine(status(serving), Vec::new())
}

/// A status with every field set.
fn status(serving: Serving) -> Status {
    let lane = |lane, state| LaneStatus {
        lane: LaneIndex(lane),
        state,
        generation: Generation(2),
        seq: 17,
        transactions: 1,
        since: 0,
        error: (state == LaneState::Opening).then(|| "no coordinator".to_owned()),
    };
    Status {
        serving,
        slot: "p/ns/app/0".parse().unwrap(),
        incarnation: Incarnation(4),
        journal: JournalId([1; 16]),
        lanes: vec![lane(0, LaneState::Busy), lane(1, LaneState::Opening)],
        open: 5,
        queued: 6,
        in_doubt: 7,
        buffered_bytes: 8,
        oldest_in_kafka: 1_500,
        counters: Counters {
            begun: 20,
            committed: 11,
            groups: 5,
            group_transactions: 10,
            splits: 6,
            aborted: [(Reason::TimedOut, 3), (Reason::Fenced, 1)].into(),
            unknown: 1,
            in_doubt: 2,
            refused: [(Reason::BufferExceeded, 9)].into(),
            fences: 3,
            replaced: [("slow_end", 4)].into(),
        },
    }
}

pub(crate) fn metrics() -> Metrics {
    Metrics::new(&Settings::load(&Flags::default(), &Environment::default()).unwrap())
}

#[test]
fn an_engine_that_does_not_answer_is_told_apart_from_one_at_rest() {
    let page = metrics().encode(None).unwrap();
    assert!(page.contains("sidecommit_engine_alive 0.0"), "{page}");
    assert!(page.contains("sidecommit_limit{") && !page.contains("sidecommit_serving"), "{page}");
}

#[test]
fn every_state_count_limit_and_latency_is_told() {
    let metrics = metrics();
    metrics.observe_call("Commit", "OK", 0.003);
    metrics.observe_call("Commit", "OK", 0.3);
    metrics.observe_commit(0.002);
    metrics.lease_lost();
    let page = metrics.encode(Some(node(Serving::Ready))).unwrap();
    let lines: Vec<&str> = page.lines().collect();
    for line in [
        "sidecommit_serving{state=\"ready\"} 1",
        "sidecommit_serving{state=\"recovering\"} 0",
        "sidecommit_slot_claimed 1.0",
        "sidecommit_leases_lost_total 1",
        "sidecommit_incarnation 4.0",
        "sidecommit_transactions_open 5.0",
        "sidecommit_transactions_queued 6.0",
        "sidecommit_transactions_in_doubt 7.0",
        "sidecommit_buffered_bytes 8.0",
        "sidecommit_oldest_transaction_in_kafka_seconds 1.5",
        "sidecommit_engine_alive 1.0",
        "sidecommit_lanes{state=\"busy\"} 1",
        "sidecommit_lanes{state=\"idle\"} 0",
        "sidecommit_lane_state{lane=\"1\",state=\"opening\"} 1",
        "sidecommit_lane_sequence{lane=\"0\"} 17",
        "sidecommit_lane_generation{lane=\"0\"} 2",
        "sidecommit_lane_transactions{lane=\"0\"} 1",
        "sidecommit_transactions_begun_total 20",
        "sidecommit_transactions_committed_total 11",
        "sidecommit_transactions_aborted_total{reason=\"TIMED_OUT\"} 3",
        "sidecommit_transactions_aborted_total{reason=\"FENCED\"} 1",
        "sidecommit_groups_total 5",
        "sidecommit_group_transactions_total 10",
        "sidecommit_groups_split_total 6",
        "sidecommit_outcomes_unknown_total 1",
        "sidecommit_groups_in_doubt_total 2",
        "sidecommit_calls_refused_total{reason=\"BUFFER_EXCEEDED\"} 9",
        "sidecommit_producers_fenced_total 3",
        "sidecommit_producers_replaced_total{cause=\"slow_end\"} 4",
        "sidecommit_limit{setting=\"limits.idle_timeout\",unit=\"seconds\"} 10.0",
        "sidecommit_limit{setting=\"limits.buffer_bytes\",unit=\"bytes\"} 268435456.0",
        "sidecommit_limit{setting=\"limits.lanes_max\",unit=\"\"} 8.0",
        "sidecommit_call_duration_seconds_count{rpc=\"Commit\",code=\"OK\"} 2",
        "sidecommit_call_duration_seconds_bucket{le=\"0.004\",rpc=\"Commit\",code=\"OK\"} 1",
        "sidecommit_commit_duration_seconds_count 1",
        "# EOF",
    ] {
        assert!(lines.contains(&line), "{line} is missing in\n{page}");
    }
    assert!(page.contains(concat!("sidecommit_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")));
}

#[test]
fn a_sidecar_without_a_slot_says_so_and_is_alive() {
    let serving = Serving::NoSlot("all taken".to_owned());
    let waiting = NodeStatus { serving, slot: None, engine: None, warnings: Vec::new() };
    let page = metrics().encode(Some(waiting)).unwrap();
    for line in [
        "sidecommit_slot_claimed 0.0",
        "sidecommit_serving{state=\"no_slot\"} 1",
        "sidecommit_engine_alive 1.0",
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is missing in\n{page}");
    }
}
