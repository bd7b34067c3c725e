//! What the bench says.

use super::{plot, row::Row};
use crate::{cli::output, exit::Failure};
use serde::Serialize;
use std::{path::Path, time::Duration};

/// All rows of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
    /// Of the disk that the journal is on, if that is known.
    pub(super) fdatasync_p50_ms: Option<f64>,
}

const HEAD: [&str; 13] = [
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
    "CPU S",
    "RSS MIB",
];

// === impl Row ===

impl Row {
    fn cells(&self) -> Vec<String> {
        let known = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        vec![
            self.mode.to_owned(),
            self.callers.to_string(),
            format!("{} x {} B", self.records_per_transaction, self.record_size),
            self.transactions.to_string(),
            format!("{:.1}", self.transactions_per_s),
            format!("{:.0}", self.records_per_s),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p90_ms),
            format!("{:.2}", self.p99_ms),
            format!("{:.2}", self.p999_ms),
            format!("{:.2}", self.max_ms),
            known(self.cpu_s),
            known(self.rss_mib),
        ]
    }

    /// What did not find room.
    fn refusals(&self) -> Option<String> {
        let (callers, refused) = (self.callers, self.refused);
        (refused > 0).then(|| {
            format!("{callers} callers: {refused} attempts were refused for want of room, and made anew\n")
        })
    }

    /// Of an open loop.
    fn lateness(&self) -> Option<String> {
        let rate = self.rate?;
        let (callers, late, never) = (self.callers, self.late, self.never_started);
        Some(format!(
            "{rate} transactions/s were due, {callers} callers: {late} began later than 1 ms after that, {never} never\n"
        ))
    }
}

// === impl Report ===

impl Report {
    pub(super) fn new(rows: Vec<Row>, fdatasync_p50: Option<Duration>) -> Self {
        Self { rows, fdatasync_p50_ms: fdatasync_p50.map(|p50| p50.as_secs_f64() * 1000.0) }
    }

    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json { output::print_json(self) } else { output::print(&self.text()) }
    }

    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.rows.iter().map(Row::cells).collect();
        let mut text = output::table(&HEAD, &rows);
        text.extend(self.rows.iter().filter_map(Row::lateness));
        text.extend(self.rows.iter().filter_map(Row::refusals));
        if let Some(p50) = self.fdatasync_p50_ms {
            text.push_str(&format!("fdatasync in the journal's folder: p50 {p50:.2} ms\n"));
        }
        text
    }

    /// Pictures of it.
    pub(super) fn plot(&self, folder: &Path) -> Result<(), Failure> {
        let name = |row: &Row| format!("{}, {} callers", row.mode, row.callers);
        let latencies = self.rows.iter().map(|row| (name(row), row.latencies.clone())).collect();
        plot::write(folder, "latency", &[plot::latencies("Latency of a transaction", latencies)])?;
        let rates = self.rows.iter().map(|row| (f64::from(row.callers), row.transactions_per_s)).collect();
        let mode = self.rows.first().map_or("", |row| row.mode).to_owned();
        plot::write(folder, "throughput", &[plot::by_callers("Throughput by callers", vec![(mode, rates)])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            mode: "transact",
            callers: 8,
            connections: 1,
            records_per_transaction: 1,
            record_size: 1024,
            rate: Some(50.0),
            transactions: 100,
            records: 100,
            seconds: 2.0,
            transactions_per_s: 50.0,
            records_per_s: 50.0,
            p50_ms: 2.0,
            p90_ms: 3.0,
            p99_ms: 4.0,
            p999_ms: 5.0,
            max_ms: 6.0,
            late: 7,
            never_started: 3,
            refused: 0,
            cpu_s: Some(0.5),
            cpu_us_per_record: Some(5000.0),
            rss_mib: None,
            rss_peak_mib: None,
            client_cpu_s: 0.1,
            latencies: vec![(0.5, 2.0), (0.99, 4.0)],
        }
    }

    #[test]
    fn an_open_loop_says_what_came_late_and_what_is_not_known_is_a_dash() {
        let text = Report::new(vec![row()], Some(Duration::from_micros(150))).text();
        let line = "50 transactions/s were due, 8 callers: 7 began later than 1 ms after that, 3 never";
        assert!(
            text.contains(line) && text.contains("fdatasync in the journal's folder: p50 0.15 ms"),
            "{text}"
        );
        assert!(text.lines().nth(1).is_some_and(|line| line.ends_with("0.5    -")), "{text}");
        let text = Report::new(vec![Row { rate: None, refused: 9, ..row() }], None).text();
        assert!(!text.contains("were due") && text.contains("9 attempts were refused"), "{text}");
    }

    #[test]
    fn pictures_are_of_each_row() {
        let folder = tempfile::tempdir().unwrap();
        Report::new(vec![row(), Row { callers: 64, ..row() }], None).plot(folder.path()).unwrap();
        for (name, part) in [("latency.svg", "transact, 64 callers"), ("throughput.svg", "transact")] {
            let svg = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(crate::svg::tests::is_well_formed(&svg) && svg.contains(part), "{svg}");
        }
    }
}
