//! `sidecommit bench`: transactions per second and latencies of a sidecar; `bench compare`: beside native clients, all against one
//! Kafka; `bench grid`: how it grows.

mod args;
mod compare;
mod contender;
mod date;
mod disk;
mod document;
mod grid;
mod load;
mod plot;
mod report;
mod row;
mod spread;
mod target;
mod usage;

pub use args::{Args, Mode};

use crate::{demo::block_on, exit::Failure};
use args::Part;
use load::Load;
use report::Report;
use target::Target;

/// Measures transactions per second and latencies.
///
/// # Errors
/// If the bench could not run.
pub fn run(args: Args) -> Result<(), Failure> {
    block_on(async {
        match &args.part {
            None => measure(&args).await,
            Some(Part::Compare(args)) => compare::run(args).await,
            Some(Part::Grid(args)) => grid::run(args).await,
            Some(Part::Contender(args)) => contender::run(args).await,
        }
    })
}

async fn measure(args: &Args) -> Result<(), Failure> {
    let target = Target::of(args).await?;
    let measured = rows(args, &target).await;
    // Whatever became of it, what was started is ended.
    let stopped = target.stop().await;
    let report = measured?;
    report.print(args.json)?;
    args.plot.as_deref().map_or(Ok(()), |folder| report.plot(folder))?;
    stopped
}

/// One after the other.
async fn rows(args: &Args, target: &Target) -> Result<Report, Failure> {
    let mut rows = Vec::with_capacity(args.callers.len());
    for callers in &args.callers {
        let load = Load::of(&args.load, *callers);
        eprintln!("{}, {callers} callers", load.mode.name());
        rows.push(row::measure(&target.socket, target.whose, &load).await?);
    }
    let fdatasync = target.journal.as_deref().map(disk::fdatasync_p50).transpose()?;
    Ok(Report::new(rows, fdatasync))
}
