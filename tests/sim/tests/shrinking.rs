//! A seed that fails becomes a short run that breaks the same promise, and says how to see it again.

use sidecommit_sim::{Case, Plant, Run, Shrunk, same_promise, shrink};
use std::process::{Command, Output};

/// The first seed that a planted fault breaks, and what it shrinks to.
fn shrunk(plant: Plant) -> (Run, Shrunk) {
    let broken = (0..300).find_map(|seed| {
        let case = Case::new(seed, Some(plant));
        let run = case.run(false);
        run.broken.is_some().then_some((case, run))
    });
    let (case, run) = broken.expect("a seed that breaks");
    (run, shrink(&case).expect("it breaks"))
}

fn sim(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidecommit-sim"));
    command.args(arguments.split_whitespace()).env_remove("SIM_SEED").output().expect("sidecommit-sim")
}

#[test]
fn a_failing_seed_becomes_a_short_run_that_breaks_the_same_promise() {
    let (whole, shrunk) = shrunk(Plant::MarkerOutside);
    let complaint = |run: &Run| run.broken.clone().unwrap_or_default();
    assert!(same_promise(&complaint(&whole), &complaint(&shrunk.run)), "{}", complaint(&shrunk.run));
    let (before, after) = (whole.stats.events, shrunk.run.stats.events);
    assert!(after * 4 < before && shrunk.run.trace.len() < 300, "{before} events became {after}");
    assert_eq!(shrunk.case.run(true), shrunk.run, "it is the same run again");
}

#[test]
fn a_seed_that_keeps_its_promises_is_not_shrunk() {
    assert!(shrink(&Case::new(0, None)).is_none());
}

#[test]
fn the_command_shrinks_what_fails_and_tells_how_to_replay_it() {
    let found = sim("--seeds 300 --plant sync-not-durable");
    let text = String::from_utf8_lossy(&found.stdout);
    assert!(!found.status.success() && text.contains("shrunk from "), "{text}");
    let complaint = text.lines().find_map(|line| line.strip_prefix("shrunk: ")).expect("a complaint");
    let replay = text.lines().find_map(|line| line.split_once("replay: cargo run -p sidecommit-sim -- "));
    let again = sim(replay.expect("a replay command").1);
    let text = String::from_utf8_lossy(&again.stdout);
    assert!(!again.status.success() && text.contains(complaint), "{complaint}\n{text}");
}
