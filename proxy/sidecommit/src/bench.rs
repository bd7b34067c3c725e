//! `sidecommit bench`: the same transactions through a sidecar and through librdkafka as well as it can be used, against
//! the same brokers.

mod args;
mod compare;
mod copy;
mod direct;
mod disk;
mod measure;
mod report;
mod through;
mod work;

pub use args::{Args, Mode, Target};

use crate::{
    demo::{block_on, kafka::Kafka},
    exit::Failure,
};
use args::{Part, What};
use report::Report;
use work::{PARTITIONS, Work};

/// Measures transactions per second and latencies.
///
/// # Errors
/// If the bench could not run.
pub fn run(args: Args) -> Result<(), Failure> {
    block_on(async {
        if let Some(Part::Copy(args)) = args.part {
            return copy::run(args).await;
        }
        let what = args.what()?;
        if let (Some(servers), false) = (&args.bootstrap_servers, args.compare) {
            Kafka::start(Some(servers)).await?.create_topic(&args.topic, PARTITIONS).await?;
        }
        let report = match what {
            What::Compare => compare::run(&args).await?,
            What::Sidecar(socket) => {
                let work = Work::of(&args, args.mode.unwrap_or_default());
                let measured = through::run(&socket, &work, args.callers, args.duration()).await?;
                let fdatasync = args.journal_dir.as_deref().map(disk::fdatasync_p50).transpose()?;
                Report::of_one(Target::Sidecar, &work, args.callers, &measured, fdatasync)
            }
            What::Librdkafka(servers) => {
                let work = Work::of(&args, args.mode.unwrap_or_default());
                let measured = direct::run(&servers, &work, args.callers, args.duration()).await?;
                Report::of_one(Target::Librdkafka, &work, args.callers, &measured, None)
            }
        };
        report.print(args.json)
    })
}
