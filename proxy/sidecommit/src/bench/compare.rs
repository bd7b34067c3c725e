//! `sidecommit bench compare`: the same transactions through a sidecar and by native clients, all against one Kafka in one run. They
//! take turns, and every second round backwards: what disturbs the machine then disturbs all.

mod args;
mod best;
mod case;
mod contender;
mod input;
mod life;
mod machine;
mod order;
mod program;
mod rounds;
mod section;
mod summary;
mod targets;
mod turn;

pub(super) use args::Args;
pub(super) use machine::Machine;

use super::{date, disk, document};
use crate::{
    demo::{kafka::Kafka, progress::Progress, temporary_folder},
    exit::Failure,
};
use args::SECTION;
use best::Sweep;
use case::Case;
use contender::Contender;
use rounds::Rounds;
use std::{path::Path, time::Instant};
use summary::Summary;
use turn::{Turn, Turns};

/// Measures, and writes what came of it.
pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    args.check()?;
    let begin = Instant::now();
    let folder = temporary_folder()?;
    let kafka = Kafka::start(args.bootstrap_servers.as_deref()).await?;
    let measured = measure(args, begin, &kafka, folder.path()).await;
    let stopped = kafka.stop().await;
    let summary = Summary { took_s: begin.elapsed().as_secs_f64(), ..measured? };
    summary.write(&args.out)?;
    section::plot(&args.out, &summary)?;
    if let Some(page) = &args.document {
        document::write(page, SECTION, &section::of(&summary))?;
    }
    crate::cli::output::print(&section::of(&summary))?;
    eprintln!("took {:.1} minutes", summary.took_s / 60.0);
    stopped
}

async fn measure(args: &Args, begin: Instant, kafka: &Kafka, folder: &Path) -> Result<Summary, Failure> {
    let (cases, contenders) = (args.cases(), args.contenders());
    let sweeps = sweeps(&cases, &contenders);
    let rounds = cases.iter().map(|case| entrants(*case, &contenders).len() as u64 * u64::from(args.rounds));
    let mut progress = Progress::new((rounds.sum::<u64>() + sweeps.len() as u64).max(1), "turns");
    let mut turns = Turns::new(args, kafka, folder);
    if cases.contains(&Case::Pipeline) {
        progress.say(&format!("writing {} records of 1 KB to be copied", args.input_records));
        turns.prepare_input().await?;
    }
    let mut sweep = Sweep::default();
    for turn in sweeps {
        match turns.run(turn, args.sweep_seconds, &mut progress).await {
            Ok(ran) => sweep.add(turn.contender, turn.producers, ran.figures.transactions_per_s()),
            // That it works at all its first number has shown: more are too many for it here.
            Err(failure) if sweep.has(turn.contender) => progress.say(&failure.to_string()),
            Err(failure) => return Err(failure),
        }
    }
    let life = if contenders.contains(&Contender::Sidecommit) {
        progress.say("starts, kills and idleness of a sidecar");
        Some(life::measure(kafka, folder).await?)
    } else {
        None
    };
    let mut rounds = Rounds::new(&cases, &contenders, &sweep);
    rounds.run(args, begin, &mut turns, &mut progress).await?;
    progress.finish();
    turns.remove_input().await?;
    let rows = rounds.rows();
    let fdatasync_p50_ms = disk::fdatasync_p50(folder)?.as_secs_f64() * 1000.0;
    Ok(Summary {
        date: date::today(),
        machine: Machine::this(),
        fdatasync_p50_ms,
        rounds: rounds.made,
        seconds: args.seconds.as_secs_f64(),
        warmup_s: args.warmup.as_secs_f64(),
        took_s: 0.0,
        targets: targets::of(&rows, life.as_ref()),
        life,
        rows,
    })
}

/// Who takes part in a case.
fn entrants(case: Case, contenders: &[Contender]) -> Vec<Contender> {
    contenders.iter().copied().filter(|contender| case.has(*contender)).collect()
}

/// The turns that find out how many producers serve a native client best. Those with 256 callers tell that for 64 as well: a producer
/// has one transaction at a time, and there are callers enough for each.
fn sweeps(cases: &[Case], contenders: &[Contender]) -> Vec<Turn> {
    let small = [Case::Small64, Case::Small256].into_iter().filter(|case| cases.contains(case));
    let Some(largest) = small.clone().next_back() else { return Vec::new() };
    let takes_part =
        |contender: &Contender| contender.is_native() && small.clone().any(|case| case.has(*contender));
    let turns = |contender: Contender| {
        let turn = move |producers| Turn { case: largest, contender, producers, callers: largest.callers() };
        largest.producers(contender).map(turn)
    };
    contenders.iter().copied().filter(takes_part).flat_map(turns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sweep_serves_both_numbers_of_callers() {
        let producers = |cases: &[Case], contender| {
            let turns = sweeps(cases, &[Contender::Sidecommit, contender]);
            turns.iter().map(|turn| (turn.callers, turn.producers)).collect::<Vec<_>>()
        };
        let both = [Case::Small1, Case::Small64, Case::Small256];
        assert_eq!(producers(&both, Contender::Java), [1, 4, 16, 64, 128].map(|producers| (256, producers)));
        assert_eq!(producers(&both[..2], Contender::Java), [1, 4, 16, 64].map(|producers| (64, producers)));
        assert_eq!(producers(&both[2..], Contender::Plain), []);
        assert_eq!(producers(&[Case::Bulk1k], Contender::Java), []);
    }
}
