//! `sidecommit bench copy`: the same job, topic to topic, exactly once, by a consumer and a transactional producer of the Java client
//! and by an application behind a sidecar. Who measures knows nothing but Kafka: it writes the input and reads the output.

mod app;
mod args;
mod contender;
mod input;
mod measure;
mod reader;
mod report;

pub(super) use args::{Args, Part};

use super::disk;
use crate::{
    demo::{kafka::Kafka, temporary_folder},
    exit::Failure,
};
use contender::{Contender, Job};
use input::Input;
use measure::{Latencies, RATE_RECORDS, RUN_UP};
use report::{Report, Row};
use std::path::Path;

/// Of the input and of the output.
const PARTITIONS: i32 = 6;

/// What is copied how.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    /// Per transaction, at most.
    records: u32,
    /// Records a second where latencies are measured: what both contenders keep up with, or it would be the backlog that is measured.
    rate: u32,
}

const CASES: [Case; 2] = [
    Case { name: "transactions of 1", records: 1, rate: 40 },
    Case { name: "transactions of 1,000", records: 1000, rate: 2000 },
];

/// Measures, or is the application.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    match args.part.clone() {
        None => compare(&args).await,
        Some(Part::App(args)) => app::run(&args).await,
    }
}

async fn compare(args: &Args) -> Result<(), Failure> {
    let folder = temporary_folder()?;
    let kafka = Kafka::start(args.bootstrap_servers.as_deref()).await?;
    let compared = with(args, &kafka, folder.path()).await;
    let stopped = kafka.stop().await;
    compared?.print(args.json_file.as_deref())?;
    stopped
}

async fn with(args: &Args, kafka: &Kafka, folder: &Path) -> Result<Report, Failure> {
    let bench =
        Bench { args, kafka, folder, input: Input::new(kafka.servers())?, run: fastrand::u32(..), turns: 0 };
    bench.all().await
}

/// Everything that the turns have in common.
struct Bench<'a> {
    args: &'a Args,
    kafka: &'a Kafka,
    folder: &'a Path,
    input: Input,
    /// Names topics and groups.
    run: u32,
    turns: u32,
}

// === impl Bench ===

impl Bench<'_> {
    async fn all(mut self) -> Result<Report, Failure> {
        let full = format!("bench-copy-{:08x}-input", self.run);
        eprintln!("writing {RATE_RECORDS} records of 1 KB");
        self.kafka.create_topic(&full, PARTITIONS).await?;
        self.input.write(&full, RATE_RECORDS).await?;
        let mut rows: Vec<Row> = Vec::new();
        for case in CASES {
            let mut pair = Contender::BOTH.map(|contender| Row::new(case.name, contender.name()));
            // In turn: what disturbs the machine then disturbs both.
            for round in 1..=self.args.rounds {
                for (contender, row) in Contender::BOTH.into_iter().zip(&mut pair) {
                    let name = contender.name();
                    let rate = self.rate(contender, case, &full).await?;
                    let latencies = self.latencies(contender, case).await?;
                    eprintln!(
                        "{}, round {round} of {}, {name}: {rate:.0} records/s; at {} records/s p50 {:.1} ms, p99 {:.1} ms",
                        case.name, self.args.rounds, case.rate, latencies.p50_ms, latencies.p99_ms
                    );
                    row.add(rate, latencies);
                }
            }
            rows.extend(pair);
        }
        self.kafka.delete_topics(&[&full]).await?;
        Ok(Report::new(rows, disk::fdatasync_p50(self.folder)?))
    }

    /// Records a second from a topic that is full.
    async fn rate(&mut self, contender: Contender, case: Case, full: &str) -> Result<f64, Failure> {
        let job = self.job(case, full);
        self.kafka.create_topic(&job.output, PARTITIONS).await?;
        let running = contender.start(self.args, self.kafka, self.folder, &job)?;
        let rate = measure::rate(self.kafka.servers(), &job.output).await?;
        running.stop().await?;
        self.kafka.delete_topics(&[&job.output]).await?;
        Ok(rate)
    }

    /// From when a record is made to when its copy is read, at a fixed rate.
    async fn latencies(&mut self, contender: Contender, case: Case) -> Result<Latencies, Failure> {
        let job = self.job(case, &format!("bench-copy-{:08x}-{}-input", self.run, self.turns));
        for topic in [&job.input, &job.output] {
            self.kafka.create_topic(topic, PARTITIONS).await?;
        }
        // Once these are copied the contender has joined its group.
        self.input.write(&job.input, RUN_UP).await?;
        let running = contender.start(self.args, self.kafka, self.folder, &job)?;
        let latencies = measure::latencies(self.kafka.servers(), &self.input, &job, case.rate).await?;
        running.stop().await?;
        self.kafka.delete_topics(&[&job.input, &job.output]).await?;
        Ok(latencies)
    }

    /// Each turn has a group and an output of its own.
    fn job(&mut self, case: Case, input: &str) -> Job {
        self.turns += 1;
        let name = format!("bench-copy-{:08x}-{}", self.run, self.turns);
        Job { input: input.to_owned(), output: format!("{name}-output"), group: name, records: case.records }
    }
}
