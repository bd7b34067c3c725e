//! What the comparison says.

use super::measure::Latencies;
use crate::{cli::output, exit::Failure};
use serde::Serialize;
use std::{path::Path, time::Duration};

const HEAD: [&str; 6] =
    ["CASE", "CONTENDER", "RECORDS/S", "P50 MS", "P99 MS", "(LEAST TO MOST OF THE ROUNDS)"];

/// All rows of a run.
#[derive(Clone, Debug)]
pub(super) struct Report {
    rows: Vec<Row>,
    fdatasync_p50: Duration,
}

/// One contender in one case.
#[derive(Clone, Debug)]
pub(super) struct Row {
    case: &'static str,
    contender: &'static str,
    rates: Vec<f64>,
    p50s: Vec<f64>,
    p99s: Vec<f64>,
}

/// A row as JSON has it: medians of the rounds, and the rounds.
#[derive(Clone, Debug, Serialize)]
struct Figures<'a> {
    case: &'a str,
    contender: &'a str,
    records_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    rounds: Rounds<'a>,
}

#[derive(Clone, Debug, Serialize)]
struct Rounds<'a> {
    records_per_s: &'a [f64],
    p50_ms: &'a [f64],
    p99_ms: &'a [f64],
}

// === impl Row ===

impl Row {
    pub(super) fn new(case: &'static str, contender: &'static str) -> Self {
        Self { case, contender, rates: Vec::new(), p50s: Vec::new(), p99s: Vec::new() }
    }

    /// Of a round.
    pub(super) fn add(&mut self, rate: f64, latencies: Latencies) {
        self.rates.push(rate);
        self.p50s.push(latencies.p50_ms);
        self.p99s.push(latencies.p99_ms);
    }

    fn figures(&self) -> Figures<'_> {
        Figures {
            case: self.case,
            contender: self.contender,
            records_per_s: median(&self.rates),
            p50_ms: median(&self.p50s),
            p99_ms: median(&self.p99s),
            rounds: Rounds { records_per_s: &self.rates, p50_ms: &self.p50s, p99_ms: &self.p99s },
        }
    }

    fn cells(&self) -> Vec<String> {
        let Figures { case, contender, records_per_s, p50_ms, p99_ms, .. } = self.figures();
        vec![
            case.to_owned(),
            contender.to_owned(),
            format!("{records_per_s:.0}"),
            format!("{p50_ms:.1}"),
            format!("{p99_ms:.1}"),
            format!("{}, {}, {}", spread(&self.rates, 0), spread(&self.p50s, 1), spread(&self.p99s, 1)),
        ]
    }
}

// === impl Report ===

impl Report {
    pub(super) fn new(rows: Vec<Row>, fdatasync_p50: Duration) -> Self {
        Self { rows, fdatasync_p50 }
    }

    /// The table, and the file for machines.
    pub(super) fn print(&self, file: Option<&Path>) -> Result<(), Failure> {
        if let Some(file) = file {
            let rows: Vec<_> = self.rows.iter().map(Row::figures).collect();
            let json = serde_json::to_string_pretty(&rows).map_err(Failure::internal)?;
            let failed = |error| Failure::Internal(format!("writing {}: {error}", file.display()));
            std::fs::write(file, json + "\n").map_err(failed)?;
        }
        let rows: Vec<_> = self.rows.iter().map(Row::cells).collect();
        let fdatasync = self.fdatasync_p50.as_secs_f64() * 1000.0;
        let text = output::table(&HEAD, &rows);
        output::print(&format!("{text}fdatasync in the journals' folder: p50 {fdatasync:.2} ms\n"))
    }
}

/// The middle one; of an even number the upper one.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(values: &[f64], digits: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.digits$} to {most:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_medians_of_its_rounds_and_their_spread() {
        let mut row = Row::new("one", "java");
        for (rate, p99_ms) in [(100.0, 9.0), (300.0, 7.0), (200.0, 30.0)] {
            row.add(rate, Latencies { p50_ms: 2.0, p99_ms });
        }
        let cells = row.cells();
        assert_eq!(cells[2..], ["200", "2.0", "9.0", "100 to 300, 2.0 to 2.0, 7.0 to 30.0"]);
        let json = serde_json::to_value(row.figures()).unwrap();
        assert_eq!((&json["records_per_s"], &json["p99_ms"]), (&200.0.into(), &9.0.into()));
    }
}
