//! `sidecommit demo pipeline`: topic to topic, exactly once. Two pods in one consumer group copy and transform, each with a
//! sidecar that keeps its slot and its journal, and an application that knows nothing but the gRPC API. Both are killed, paused
//! and restarted in order; the checker knows nothing but Kafka.

mod app;
mod args;
mod check;
mod feeder;
mod follower;
mod plan;
mod pod;
mod report;
mod said;
mod stage;

pub(crate) use app::Stream;
pub(super) use args::Args;

use super::{kafka::Kafka, staged};
use crate::exit::Failure;
use args::Part;
use std::path::Path;

/// Of the input and of the output.
const PARTITIONS: i32 = 6;

/// Copies and transforms while everybody is killed, or is one of the parts of that.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    match args.part.clone() {
        None => direct(&args).await,
        Some(Part::App(args)) => app::run(args).await,
        Some(Part::Check(args)) => check::run(args).await,
    }
}

async fn direct(args: &Args) -> Result<(), Failure> {
    args.check()?;
    let play = async |seed, kafka: &Kafka, folder: &Path| stage::play(args, seed, kafka, folder).await;
    staged(args.seed, args.bootstrap_servers.as_deref(), "the sidecars' journals and logs", play, |report| {
        report.print(args.json)?;
        report.judge()
    })
    .await
}
