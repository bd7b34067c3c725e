//! The two measurements.

use super::{PARTITIONS, contender::Job, input::Input, reader::Reader};
use crate::{demo::kafka::blocking, exit::Failure};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Of the topic that rates are measured on: more than is copied while that is done.
pub(super) const RATE_RECORDS: u64 = 600_000;
/// From the first copy on: connections, caches, the JVM's compiler.
const WARM_UP: Duration = Duration::from_secs(3);
/// How long is measured then.
const WINDOW: Duration = Duration::from_secs(5);
/// Records that are there before a contender whose latencies are measured.
pub(super) const RUN_UP: u64 = PARTITIONS.unsigned_abs() as u64;

const MICROS_PER_MS: f64 = 1000.0;

/// From a record's making to when a reader had its copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latencies {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Copies a second that a reader sees in the window; until the input's end, should that come first.
pub(super) async fn rate(servers: &str, output: &str) -> Result<f64, Failure> {
    let (servers, output) = (servers.to_owned(), output.to_owned());
    blocking(move || {
        let reader = Reader::open(&servers, &output)?;
        reader.next()?;
        let mut seen = 1;
        let first = Instant::now();
        while first.elapsed() < WARM_UP {
            reader.next()?;
            seen += 1;
        }
        let (start, before) = (Instant::now(), seen);
        while start.elapsed() < WINDOW && seen < RATE_RECORDS {
            reader.next()?;
            seen += 1;
        }
        Ok((seen - before) as f64 / start.elapsed().as_secs_f64())
    })
    .await
}

/// Of the records that are made in the window, while the input grows at a fixed rate.
pub(super) async fn latencies(
    servers: &str,
    input: &Input,
    job: &Job,
    rate: u32,
) -> Result<Latencies, Failure> {
    let reader = Reader::open(servers, &job.output)?;
    let reader =
        blocking(move || (0..RUN_UP).try_for_each(|_| reader.next().map(|_| ())).map(|()| reader)).await?;
    let records = (WARM_UP + WINDOW).as_secs() * u64::from(rate);
    let from = input.now_us() + u64::try_from(WARM_UP.as_micros()).map_err(Failure::internal)?;
    let read = {
        let input = input.clone();
        blocking(move || {
            let mut latencies = Histogram::<u64>::new(3).map_err(Failure::internal)?;
            for _ in 0..records {
                let made = reader.next()?;
                if made >= from {
                    let latency = input.now_us().saturating_sub(made);
                    latencies.record(latency).map_err(Failure::internal)?;
                }
            }
            Ok(latencies)
        })
    };
    let (latencies, ()) = tokio::try_join!(read, input.feed(&job.input, records, rate))?;
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / MICROS_PER_MS;
    Ok(Latencies { p50_ms: at(0.5), p99_ms: at(0.99) })
}
