//! Seeds that keep every promise, wrong drivers that break one, and the determinism that makes a seed worth printing.

use sidecommit_sim::{Plant, Stats, run};

/// Enough to take seconds; CI runs 1,000 and more by the binary.
const SEEDS: u64 = 200;

/// Within so many seeds a wrong driver must be caught.
const PLANTED_SEEDS: u64 = 300;

fn seeds(count: u64) -> Stats {
    let mut stats = Stats::default();
    for seed in 0..count {
        let run = run(seed, None, false);
        if let Some(broken) = run.broken {
            panic!("seed {seed}: {broken}\nreplay: cargo run -p sidecommit-sim -- --seed {seed} --trace");
        }
        stats.merge(&run.stats);
    }
    stats
}

/// The first seed that catches a planted fault.
fn caught(plant: Plant) -> Option<String> {
    (0..PLANTED_SEEDS).find_map(|seed| run(seed, Some(plant), false).broken)
}

#[test]
fn every_promise_is_kept_whatever_goes_wrong() {
    seeds(SEEDS);
}

#[test]
fn what_the_simulation_is_for_happens_in_it() {
    let stats = seeds(SEEDS);
    for (group, name) in [
        ("kill", "after commit"),
        ("kill", "before commit"),
        ("power loss", "after sync"),
        ("power loss", "before sync"),
        ("serving", "fenced by a rival"),
        ("serving", "journal failed"),
        ("lane errors", "fenced"),
        ("lane errors", "unreachable"),
        ("lane errors", "record"),
        ("lane errors", "generation"),
        ("ends", "not clean"),
        ("reads", "blocked"),
        ("groups", "of several"),
        ("aborts after failures", "proven"),
        ("aborts after failures", "not proven"),
        ("clients", "overtaking commits"),
        ("broker", "transactions timed out"),
        ("broker", "compacted records"),
        ("told", "unknown"),
        ("told", "forgotten"),
    ] {
        assert!(stats.get(group, name) > 0, "{group}: {name} never happened in {SEEDS} seeds\n{stats}");
    }
}

#[test]
fn a_seed_is_the_same_run_again() {
    for seed in 0..20 {
        let (first, second) = (run(seed, None, true), run(seed, None, true));
        let differs = first.trace.iter().zip(&second.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn a_sync_without_fdatasync_is_caught() {
    assert!(caught(Plant::SyncNotDurable).is_some());
}

#[test]
fn a_tainted_producer_used_again_is_caught() {
    assert!(caught(Plant::DirtyEndClean).is_some());
}

#[test]
fn an_open_without_init_is_caught() {
    assert!(caught(Plant::OpenWithoutInit).is_some());
}

#[test]
fn an_owner_record_not_read_anew_is_caught() {
    assert!(caught(Plant::StaleOwner).is_some());
}

#[test]
fn a_marker_outside_the_transaction_is_caught() {
    assert!(caught(Plant::MarkerOutside).is_some());
}

#[test]
fn a_read_that_does_not_wait_for_the_last_stable_offset_is_caught() {
    assert!(caught(Plant::NoLsoWait).is_some());
}

#[test]
fn a_failed_group_committed_instead_of_aborted_is_caught() {
    assert!(caught(Plant::FailureCommits).is_some());
}

#[test]
fn a_suspect_that_is_not_the_guilty_one_is_caught() {
    assert!(caught(Plant::WrongSuspect).is_some());
}

#[test]
fn members_of_a_group_out_of_their_turn_are_caught() {
    let broken = caught(Plant::MembersReversed).expect("a broken promise");
    assert!(broken.contains("under the same ordering key"), "{broken}");
}
