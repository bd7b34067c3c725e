//! A measurement of one load on one sidecar.

use super::{
    load::{Load, Measured, Running},
    usage::{self, Usage, Whose},
};
use crate::{demo::progress::Progress, exit::Failure};
use serde::Serialize;
use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

const TICK: Duration = Duration::from_millis(200);

/// What came of it, as tables, JSON and pictures have it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) mode: &'static str,
    pub(super) callers: u16,
    pub(super) connections: u16,
    pub(super) records_per_transaction: usize,
    pub(super) record_size: usize,
    /// Open loop: as many were due a second.
    pub(super) rate: Option<f64>,
    pub(super) transactions: u64,
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) transactions_per_s: f64,
    pub(super) records_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
    /// Open loop: begun later than 1 ms after they were due, and not at all.
    pub(super) late: u64,
    pub(super) never_started: u64,
    /// Attempts that the sidecar had no room for (RESOURCE_EXHAUSTED); they were made anew.
    pub(super) refused: u64,
    /// Of the sidecar, in the window.
    pub(super) cpu_s: Option<f64>,
    pub(super) cpu_us_per_record: Option<f64>,
    pub(super) rss_mib: Option<f64>,
    pub(super) rss_peak_mib: Option<f64>,
    pub(super) client_cpu_s: f64,
    /// Quantile and milliseconds, for the picture.
    pub(super) latencies: Vec<(f64, f64)>,
}

/// What the processes took in the window.
struct Taken {
    sidecar: Option<Usage>,
    client: Usage,
}

/// Runs the load on a sidecar and shows how far it is.
pub(super) async fn measure(socket: &Path, whose: Option<Whose>, load: &Load) -> Result<Row, Failure> {
    let running = load.start(socket).await?;
    let (window, shown) = (running.window, show(&running, load));
    let (start, end) = (window.start(), window.end());
    let taken = async {
        let look = || Ok::<_, Failure>((whose.map(Whose::usage).transpose()?, usage::own()?));
        tokio::time::sleep_until(start.into()).await;
        let (sidecar, client) = look()?;
        tokio::time::sleep_until(end.into()).await;
        let (sidecar_after, client_after) = look()?;
        let sidecar = sidecar_after.zip(sidecar).map(|(after, before)| after.since(before));
        Ok(Taken { sidecar, client: client_after.since(client) })
    };
    let worked = async { tokio::try_join!(running.finish(), taken) };
    tokio::select! {
        done = worked => done.map(|(measured, taken)| Row::new(load, &measured, &taken)),
        never = shown => match never {},
    }
}

/// Shows it until it is dropped.
fn show(running: &Running, load: &Load) -> impl Future<Output = std::convert::Infallible> + use<> {
    let (done, begin, all) = (running.done(), Instant::now(), load.warmup + load.seconds);
    async move {
        let mut progress = Progress::new((all.as_secs_f64().ceil() as u64).max(1), "s");
        loop {
            tokio::time::sleep(TICK).await;
            progress.now(&format!("{} transactions", done.load(Ordering::Relaxed)));
            progress.done(begin.elapsed().min(all).as_secs());
        }
    }
}

// === impl Row ===

impl Row {
    fn new(load: &Load, measured: &Measured, taken: &Taken) -> Self {
        let transactions = measured.transactions();
        // Of none there is no end to count to.
        let took = if transactions == 0 { load.seconds } else { measured.took };
        let seconds = took.as_secs_f64();
        let records = transactions * load.records as u64;
        let cpu_s = taken.sidecar.map(|usage| usage.cpu_s);
        Self {
            mode: load.mode.name(),
            callers: load.callers,
            connections: load.connections,
            records_per_transaction: load.records,
            record_size: load.value.len(),
            rate: load.rate,
            transactions,
            records,
            seconds,
            transactions_per_s: transactions as f64 / seconds,
            records_per_s: records as f64 / seconds,
            p50_ms: measured.quantile_ms(0.5),
            p90_ms: measured.quantile_ms(0.9),
            p99_ms: measured.quantile_ms(0.99),
            p999_ms: measured.quantile_ms(0.999),
            max_ms: measured.max_ms(),
            late: measured.late,
            never_started: measured.never_started,
            refused: measured.refused,
            cpu_s,
            cpu_us_per_record: cpu_s.filter(|_| records > 0).map(|cpu_s| cpu_s * 1e6 / records as f64),
            rss_mib: taken.sidecar.map(|usage| usage.rss_mib),
            rss_peak_mib: taken.sidecar.map(|usage| usage.rss_peak_mib),
            client_cpu_s: taken.client.cpu_s,
            latencies: latencies(measured),
        }
    }
}

/// As far as there are transactions enough to tell.
fn latencies(measured: &Measured) -> Vec<(f64, f64)> {
    const QUANTILES: [f64; 14] =
        [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.999_99];
    let told = |quantile: &f64| measured.transactions() as f64 * (1.0 - quantile) >= 1.0;
    QUANTILES.into_iter().filter(told).map(|quantile| (quantile, measured.quantile_ms(quantile))).collect()
}
