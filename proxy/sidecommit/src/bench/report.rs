//! What the bench says.

use super::{Target, measure::Measured, work::Work};
use crate::{cli::output, exit::Failure};
use serde::Serialize;
use std::time::Duration;

/// All rows of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
    /// Where both targets were measured: the sidecar beside librdkafka, per mode.
    comparisons: Vec<Comparison>,
    fdatasync_p50_us: Option<u64>,
}

/// One target, one mode.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    target: &'static str,
    mode: &'static str,
    callers: u16,
    records_per_transaction: usize,
    record_size: usize,
    transactions: u64,
    seconds: f64,
    transactions_per_second: f64,
    records_per_second: f64,
    p50_us: u64,
    p90_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
}

/// The sidecar's figures over librdkafka's.
#[derive(Clone, Debug, Serialize)]
struct Comparison {
    mode: &'static str,
    rate_ratio: f64,
    added_p50_us: i64,
    added_p99_us: i64,
}

// === impl Row ===

impl Row {
    pub(super) fn new(target: Target, work: &Work, callers: u16, measured: &Measured) -> Self {
        let at = |quantile| measured.latencies.value_at_quantile(quantile);
        Self {
            target: target.name(),
            mode: work.mode.name(),
            callers,
            records_per_transaction: work.records,
            record_size: work.value.len(),
            transactions: measured.transactions(),
            seconds: measured.took.as_secs_f64(),
            transactions_per_second: measured.per_second(),
            records_per_second: measured.per_second() * work.records as f64,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: measured.latencies.max(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let millis = |micros: u64| format!("{:.2}", micros as f64 / 1000.0);
        vec![
            self.target.to_owned(),
            self.mode.to_owned(),
            self.callers.to_string(),
            format!("{} x {} B", self.records_per_transaction, self.record_size),
            self.transactions.to_string(),
            format!("{:.1}", self.transactions_per_second),
            format!("{:.0}", self.records_per_second),
            millis(self.p50_us),
            millis(self.p90_us),
            millis(self.p99_us),
            millis(self.p999_us),
            millis(self.max_us),
        ]
    }
}

// === impl Report ===

const HEAD: [&str; 12] = [
    "TARGET",
    "MODE",
    "CALLERS",
    "RECORDS",
    "TRANSACTIONS",
    "TXN/S",
    "RECORDS/S",
    "P50 MS",
    "P90 MS",
    "P99 MS",
    "P99.9 MS",
    "MAX MS",
];

impl Report {
    pub(super) fn of_one(
        target: Target,
        work: &Work,
        callers: u16,
        measured: &Measured,
        fdatasync: Option<Duration>,
    ) -> Self {
        let mut report = Self { rows: vec![Row::new(target, work, callers, measured)], ..Self::default() };
        if let Some(fdatasync) = fdatasync {
            report.fdatasync(fdatasync);
        }
        report
    }

    /// What the journal's disk takes.
    pub(super) fn fdatasync(&mut self, p50: Duration) {
        self.fdatasync_p50_us = u64::try_from(p50.as_micros()).ok();
    }

    pub(super) fn print(mut self, json: bool) -> Result<(), Failure> {
        self.compare();
        if json { output::print_json(&self) } else { output::print(&self.text()) }
    }

    fn compare(&mut self) {
        let of = |target: Target| self.rows.iter().filter(move |row| row.target == target.name());
        let pairs = of(Target::Sidecar)
            .filter_map(|ours| Some((ours, of(Target::Librdkafka).find(|theirs| theirs.mode == ours.mode)?)));
        let added = |ours: u64, theirs: u64| ours.cast_signed() - theirs.cast_signed();
        self.comparisons = pairs
            .map(|(ours, theirs)| Comparison {
                mode: ours.mode,
                rate_ratio: ours.transactions_per_second / theirs.transactions_per_second,
                added_p50_us: added(ours.p50_us, theirs.p50_us),
                added_p99_us: added(ours.p99_us, theirs.p99_us),
            })
            .collect();
    }

    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.rows.iter().map(Row::cells).collect();
        let mut text = output::table(&HEAD, &rows);
        for c in &self.comparisons {
            let (p50, p99) = (c.added_p50_us as f64 / 1000.0, c.added_p99_us as f64 / 1000.0);
            let (mode, ratio) = (c.mode, c.rate_ratio);
            text.push_str(&format!(
                "{mode}: the sidecar makes {ratio:.2} of librdkafka's transactions/s; p50 {p50:+.2} ms, p99 {p99:+.2} ms\n"
            ));
        }
        if let Some(p50) = self.fdatasync_p50_us {
            text.push_str(&format!("fdatasync in the journal's folder: p50 {:.2} ms\n", p50 as f64 / 1000.0));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Args, Mode},
        *,
    };
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn row(target: Target, mode: Mode, micros: u64, count: u64) -> Row {
        let mut measured = Measured { took: Duration::from_secs(1), ..Measured::new() };
        measured.latencies.saturating_record_n(micros, count);
        Row::new(target, &Work::of(&Line::parse_from(["bench"]).args, mode), 1, &measured)
    }

    #[test]
    fn a_comparison_is_of_the_same_mode() {
        let rows = vec![
            row(Target::Librdkafka, Mode::Transact, 2000, 200),
            row(Target::Sidecar, Mode::Transact, 2500, 100),
            row(Target::Sidecar, Mode::Stream, 2500, 100),
        ];
        let mut report = Report { rows, ..Report::default() };
        report.compare();
        assert_eq!(report.comparisons.len(), 1);
        let comparison = &report.comparisons[0];
        assert_eq!((comparison.mode, comparison.rate_ratio), ("transact", 0.5));
        assert!((495..=505).contains(&comparison.added_p50_us), "{comparison:?}");
        assert!(report.text().contains("the sidecar makes 0.50"));
    }
}
