//! `sidecommit-sim`: runs seeds, prints progress, shrinks the first that fails, and tells what was covered.
#![forbid(unsafe_code)]

use clap::Parser;
use sidecommit_sim::{Campaign, Case, FULL, Pieces, Plant, Run, shrink};
use std::{panic, process::ExitCode, time::Instant};

/// Simulates the engine against a model of Kafka.
#[derive(Debug, Parser)]
#[command(name = "sidecommit-sim")]
struct Arguments {
    /// How many seeds to run; from 1,000 on what they do not cover is a failure.
    #[arg(long, default_value_t = FULL)]
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
    /// Other luck in the seed's world.
    #[arg(long, requires = "seed", default_value_t = 0)]
    salt: u64,
    /// Aim at a crash, as it is printed.
    #[arg(long, requires = "seed")]
    aim: Option<usize>,
    /// Run only these pieces of the seed, as a shrunk one is printed.
    #[arg(long, requires = "seed")]
    only: Option<Pieces>,
    /// Plant a fault, which some seed must find.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
    /// Do not stop at the first seed that fails.
    #[arg(long)]
    keep_going: bool,
    /// Do not shrink a seed that fails.
    #[arg(long)]
    whole: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let (salt, aim, only) = (arguments.salt, arguments.aim, arguments.only.clone());
    let case = Case { salt, aim, only, ..Case::new(seed, arguments.plant) };
    let run = case.run(arguments.trace);
    run.trace.iter().for_each(|line| println!("{line}"));
    println!("{}", run.stats);
    let shrinks = !arguments.whole && !arguments.trace && case.only.is_none();
    if report(&case, &run, shrinks) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let mut campaign = Campaign::new(arguments.plant);
    let mut failed = 0;
    let step = (arguments.seeds / 10).max(1);
    for done in 1..=arguments.seeds {
        let (case, run) = campaign.seed(arguments.start + done - 1);
        failed += u64::from(!report(&case, &run, failed == 0 && !arguments.whole));
        if failed > 0 && !arguments.keep_going {
            return ExitCode::FAILURE;
        }
        if done % step == 0 {
            println!("{done} of {} seeds, {failed} failed, {:.1?}", arguments.seeds, started.elapsed());
        }
    }
    while let Some((case, run)) = campaign.aim() {
        failed += u64::from(!report(&case, &run, failed == 0 && !arguments.whole));
        if failed > 0 && !arguments.keep_going {
            return ExitCode::FAILURE;
        }
    }
    println!("{} runs aimed at crashes, {failed} failed, {:.1?}", campaign.aimed(), started.elapsed());
    print!("{}\n{}", campaign.stats(), campaign.stats().coverage);
    let gaps = campaign.gaps();
    gaps.iter().for_each(|gap| println!("coverage: {gap}"));
    if failed == 0 && gaps.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a broken promise, a short run that breaks it, and how to see both again.
fn report(case: &Case, run: &Run, shrinks: bool) -> bool {
    let Some(broken) = &run.broken else { return true };
    println!("seed {} failed: {broken}", run.seed);
    if let Some(shrunk) = shrinks.then(|| quietly(|| shrink(case))).flatten() {
        println!(
            "shrunk from {} events to {}, in {} runs:",
            run.stats.events, shrunk.run.stats.events, shrunk.runs
        );
        shrunk.run.trace.iter().for_each(|line| println!("{line}"));
        println!("shrunk: {}", shrunk.run.broken.unwrap_or_default());
        println!("  replay: cargo run -p sidecommit-sim -- {} --trace", shrunk.case);
    }
    println!("  replay the whole: cargo run -p sidecommit-sim -- {case} --trace");
    false
}

/// Without a word about each panic: an engine that gives up does so in hundreds of candidates.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = run();
    panic::set_hook(hook);
    result
}
