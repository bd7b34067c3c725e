//! `sidecommit bench grid`: how a sidecar grows with callers, records per transaction, lanes and payloads, one of them at a time around
//! a centre; and whether its memory stays bounded.

mod point;
mod section;

use super::{
    args::{LoadArgs, Mode, positive_seconds, seconds},
    compare::Machine,
    date, document,
    load::Load,
    row::{self, Row},
    spread::Spread,
    target::{Own, PARTITIONS},
};
use crate::{
    cli::output,
    demo::{kafka::Kafka, temporary_folder},
    exit::Failure,
};
use point::{Dimension, Point};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Arguments of the grid.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// An existing Kafka; else one is started
    #[arg(long, value_name = "HOST:PORT,...")]
    bootstrap_servers: Option<String>,
    /// What is varied [default: all]
    #[arg(long, value_name = "NAME,...", value_enum, value_delimiter = ',')]
    dimensions: Vec<Dimension>,
    /// Turns that all points take
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds before a point is measured
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = seconds)]
    warmup: Duration,
    /// How long it is measured
    #[arg(long, default_value = "8", value_name = "SECONDS", value_parser = positive_seconds)]
    seconds: Duration,
    /// Where full.json and the picture go
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// The page whose section of figures is made anew; the picture goes beside it as well
    #[arg(long, value_name = "FILE.md")]
    document: Option<PathBuf>,
}

/// Of the page's section, and the picture's name.
const SECTION: &str = "bench-full";
const PICTURE: &str = "bench-full";

/// All that was found, as full.json has it.
#[derive(Clone, Debug, Serialize)]
struct Full {
    /// UTC.
    date: String,
    machine: Machine,
    rounds: u32,
    seconds: f64,
    took_s: f64,
    rows: Vec<Grown>,
}

/// A point: medians of the rounds.
#[derive(Clone, Debug, Serialize)]
struct Grown {
    #[serde(flatten)]
    point: Point,
    mode: &'static str,
    transactions_per_s: Spread,
    records_per_s: Spread,
    p50_ms: Spread,
    p99_ms: Spread,
    cpu_us_per_record: Option<f64>,
    /// The most of all rounds.
    rss_peak_mib: f64,
    /// Attempts that the sidecar had no room for, of all rounds.
    refused: u64,
}

/// Measures, and writes what came of it.
pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    if let Some(page) = &args.document {
        document::check("--document", page, SECTION)?;
    }
    let begin = Instant::now();
    let folder = temporary_folder()?;
    let kafka = Kafka::start(args.bootstrap_servers.as_deref()).await?;
    let measured = measure(args, &kafka, folder.path()).await;
    let stopped = kafka.stop().await;
    let full = Full {
        date: date::today(),
        machine: Machine::this(),
        rounds: args.rounds,
        seconds: args.seconds.as_secs_f64(),
        rows: measured?,
        took_s: begin.elapsed().as_secs_f64(),
    };
    full.write(&args.out)?;
    let dimensions = args.dimensions();
    let text = section::of(&full, &dimensions, &format!("{PICTURE}.svg"));
    section::plot(&args.out, PICTURE, &full, &dimensions)?;
    if let Some(page) = &args.document {
        section::plot(page.parent().unwrap_or_else(|| Path::new(".")), PICTURE, &full, &dimensions)?;
        document::write(page, SECTION, &text)?;
    }
    output::print(&text)?;
    eprintln!("took {:.1} minutes", full.took_s / 60.0);
    stopped
}

async fn measure(args: &Args, kafka: &Kafka, folder: &Path) -> Result<Vec<Grown>, Failure> {
    let points = point::all(&args.dimensions());
    let mut rows = vec![Vec::new(); points.len()];
    for round in 1..=args.rounds {
        for (nth, point) in points.iter().enumerate() {
            eprintln!("round {round} of {}, {} of {}: {point}", args.rounds, nth + 1, points.len());
            let name = format!("grid-{round}-{nth}");
            let row = one(args, kafka, &folder.join(&name), *point).await?;
            let (rate, p50, rss) = (row.transactions_per_s, row.p50_ms, row.rss_peak_mib.unwrap_or(f64::NAN));
            let refused = row.refused;
            eprintln!("  {rate:.0} transactions/s, p50 {p50:.2} ms, at most {rss:.0} MiB, {refused} refused");
            rows[nth].push(row);
        }
    }
    Ok(points.iter().zip(&rows).filter_map(|(point, rows)| Grown::of(*point, rows)).collect())
}

/// A new sidecar and a new topic.
async fn one(args: &Args, kafka: &Kafka, folder: &Path, point: Point) -> Result<Row, Failure> {
    std::fs::create_dir(folder).map_err(Failure::internal)?;
    let topic = format!("bench-{:016x}", fastrand::u64(..));
    kafka.create_topic(&topic, PARTITIONS).await?;
    let sidecar = Own::start(kafka, folder, &point.flags())?;
    let load = LoadArgs {
        mode: point.mode(),
        connections: None,
        records: Some(point.records),
        record_size: point.record_size,
        topic: topic.clone(),
        warmup: args.warmup,
        seconds: args.seconds,
        rate: None,
    };
    let load = Load::of(&load, point.callers);
    let row = row::measure(&sidecar.spec.socket(), Some(sidecar.whose), &load).await;
    let stopped = sidecar.stop().await;
    let row = row?;
    kafka.delete_topics(&[&topic]).await?;
    stopped.map(|()| row)
}

// === impl Args ===

impl Args {
    fn dimensions(&self) -> Vec<Dimension> {
        let all = <Dimension as clap::ValueEnum>::value_variants().iter().copied();
        all.filter(|one| self.dimensions.is_empty() || self.dimensions.contains(one)).collect()
    }
}

// === impl Grown ===

impl Grown {
    /// None: of no round.
    fn of(point: Point, rows: &[Row]) -> Option<Self> {
        let spread = |of: fn(&Row) -> f64| Spread::of(&rows.iter().map(of).collect::<Vec<_>>());
        let cpu: Vec<f64> = rows.iter().filter_map(|row| row.cpu_us_per_record).collect();
        Some(Self {
            point,
            mode: Mode::name(point.mode()),
            transactions_per_s: spread(|row| row.transactions_per_s)?,
            records_per_s: spread(|row| row.records_per_s)?,
            p50_ms: spread(|row| row.p50_ms)?,
            p99_ms: spread(|row| row.p99_ms)?,
            cpu_us_per_record: Spread::of(&cpu).map(|spread| spread.median),
            rss_peak_mib: spread(|row| row.rss_peak_mib.unwrap_or(f64::NAN))?.max,
            refused: rows.iter().map(|row| row.refused).sum(),
        })
    }
}

// === impl Full ===

impl Full {
    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join("full.json");
        let failed = |error| Failure::Internal(format!("writing {}: {error}", path.display()));
        let json = serde_json::to_string_pretty(self).map_err(Failure::internal)?;
        std::fs::create_dir_all(folder).map_err(failed)?;
        std::fs::write(&path, json + "\n").map_err(failed)
    }
}
