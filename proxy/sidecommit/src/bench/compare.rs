//! Both targets in turn on one Kafka: what disturbs the machine then disturbs both.

use super::{
    Args, Mode, Target, direct, disk,
    measure::Measured,
    report::{Report, Row},
    through,
    work::{PARTITIONS, Work},
};
use crate::{
    demo::{
        kafka::Kafka,
        sidecar::{Sidecar, Spec},
        temporary_folder,
    },
    exit::Failure,
};
use std::path::Path;

/// Starts what is needed, measures, and ends it.
pub(super) async fn run(args: &Args) -> Result<Report, Failure> {
    let folder = temporary_folder()?;
    let kafka = if args.bootstrap_servers.is_some() { "" } else { "Kafka and " };
    eprintln!("starting {kafka}a sidecar");
    let kafka = Kafka::start(args.bootstrap_servers.as_deref()).await?;
    let measured = with(args, &kafka, folder.path()).await;
    let stopped = kafka.stop().await;
    let report = measured?;
    stopped.map(|()| report)
}

async fn with(args: &Args, kafka: &Kafka, folder: &Path) -> Result<Report, Failure> {
    kafka.create_topic(&args.topic, PARTITIONS).await?;
    let spec = Spec::new(folder, kafka, &format!("bench/{:08x}/compare/0", fastrand::u32(..)));
    let mut sidecar: Sidecar = spec.start(None)?;
    let mut report = Report::default();
    let modes = args.mode.map_or_else(|| vec![Mode::Transact, Mode::Stream], |mode| vec![mode]);
    for mode in modes {
        let work = Work::of(args, mode);
        let [direct, through] = alternate(args, kafka, &spec, &work).await?;
        report.rows.push(Row::new(Target::Librdkafka, &work, args.callers, &direct));
        report.rows.push(Row::new(Target::Sidecar, &work, args.callers, &through));
    }
    report.fdatasync(disk::fdatasync_p50(folder)?);
    sidecar.stop().await?;
    Ok(report)
}

async fn alternate(args: &Args, kafka: &Kafka, spec: &Spec, work: &Work) -> Result<[Measured; 2], Failure> {
    let time = args.duration() / args.rounds;
    let (mut direct, mut through) = (Measured::new(), Measured::new());
    for round in 1..=args.rounds {
        eprintln!("{}: round {round} of {}", work.mode.name(), args.rounds);
        direct.then(&direct::run(kafka.servers(), work, args.callers, time).await?);
        through.then(&through::run(&spec.socket(), work, args.callers, time).await?);
    }
    Ok([direct, through])
}
