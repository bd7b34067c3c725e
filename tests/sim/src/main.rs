//! `sidecommit-sim`: runs seeds, prints progress, and stops at the first that fails.
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use sidecommit_sim::{Plant, Run, Stats, run};
use std::{process::ExitCode, time::Instant};

/// Simulates the engine against a model of Kafka.
#[derive(Debug, Parser)]
#[command(name = "sidecommit-sim")]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Run only this seed.
    #[arg(long, env = "SIM_SEED")]
    seed: Option<u64>,
    /// Print every event of the seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plant a fault, which some seed must find.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
    /// Do not stop at the first seed that fails.
    #[arg(long)]
    keep_going: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let run = run(seed, arguments.plant, arguments.trace);
    run.trace.iter().for_each(|line| println!("{line}"));
    print!("{}", run.stats);
    if report(arguments, &run) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let mut stats = Stats::default();
    let mut failed = 0;
    let step = (arguments.seeds / 10).max(1);
    for done in 0..arguments.seeds {
        let run = run(arguments.start + done, arguments.plant, false);
        stats.merge(&run.stats);
        if !report(arguments, &run) {
            failed += 1;
            if !arguments.keep_going {
                return ExitCode::FAILURE;
            }
        }
        if (done + 1) % step == 0 {
            println!("{} of {} seeds, {failed} failed, {:.1?}", done + 1, arguments.seeds, started.elapsed());
        }
    }
    print!("{stats}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a broken promise and how to see it again.
fn report(arguments: &Arguments, run: &Run) -> bool {
    let Some(broken) = &run.broken else { return true };
    let plant = arguments.plant.and_then(|plant| plant.to_possible_value());
    let plant = plant.map_or_else(String::new, |value| format!(" --plant {}", value.get_name()));
    println!("seed {} failed: {broken}", run.seed);
    println!("  replay: cargo run -p sidecommit-sim -- --seed {} --trace{plant}", run.seed);
    false
}
