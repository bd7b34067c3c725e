//! What the comparison found, as summary.json has it.

use super::{life::Life, machine::Machine, program::Ran, targets::Target, turn::Turn};
use crate::{bench::spread::Spread, exit::Failure};
use serde::Serialize;
use std::path::Path;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    /// UTC.
    pub(super) date: String,
    pub(super) machine: Machine,
    pub(super) fdatasync_p50_ms: f64,
    pub(super) rounds: u32,
    pub(super) warmup_s: f64,
    pub(super) seconds: f64,
    pub(super) took_s: f64,
    pub(super) rows: Vec<Row>,
    pub(super) life: Option<Life>,
    pub(super) targets: Vec<Target>,
}

/// One contender in one case: medians of the rounds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) case: &'static str,
    pub(super) contender: &'static str,
    pub(super) callers: u16,
    /// Of a native client: the best number of those that were tried.
    pub(super) producers: Option<u16>,
    pub(super) transactions_per_s: f64,
    pub(super) records_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// Of the sidecar, or of the native client's process; in the window.
    pub(super) cpu_s: f64,
    pub(super) rss_mib: f64,
    pub(super) rss_peak_mib: f64,
    pub(super) cpu_us_per_record: f64,
    /// Of the application behind the sidecar.
    pub(super) client_cpu_s: Option<f64>,
    /// Transactions of a round, in the median.
    pub(super) transactions: f64,
    /// Least and most of the rounds.
    pub(super) spread: Spreads,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Spreads {
    pub(super) transactions_per_s: Spread,
    pub(super) records_per_s: Spread,
    pub(super) p50_ms: Spread,
    pub(super) p99_ms: Spread,
    pub(super) cpu_us_per_record: Spread,
    pub(super) rss_mib: Spread,
}

// === impl Row ===

impl Row {
    /// None: of no round.
    pub(super) fn of(turn: Turn, ran: &[Ran]) -> Option<Self> {
        let spread = |of: fn(&Ran) -> f64| Spread::of(&ran.iter().map(of).collect::<Vec<_>>());
        let spreads = Spreads {
            transactions_per_s: spread(|ran| ran.figures.transactions_per_s())?,
            records_per_s: spread(|ran| ran.figures.records_per_s())?,
            p50_ms: spread(|ran| ran.figures.p50_ms)?,
            p99_ms: spread(|ran| ran.figures.p99_ms)?,
            cpu_us_per_record: spread(|ran| ran.usage.cpu_s * 1e6 / ran.figures.records as f64)?,
            rss_mib: spread(|ran| ran.usage.rss_mib)?,
        };
        let client: Vec<f64> = ran.iter().filter_map(|ran| ran.client_cpu_s).collect();
        Some(Self {
            case: turn.case.name(),
            contender: turn.contender.name(),
            callers: turn.callers,
            producers: turn.contender.is_native().then_some(turn.producers),
            transactions_per_s: spreads.transactions_per_s.median,
            records_per_s: spreads.records_per_s.median,
            p50_ms: spreads.p50_ms.median,
            p99_ms: spreads.p99_ms.median,
            max_ms: spread(|ran| ran.figures.max_ms)?.max,
            cpu_s: spread(|ran| ran.usage.cpu_s)?.median,
            rss_mib: spreads.rss_mib.median,
            rss_peak_mib: spread(|ran| ran.usage.rss_peak_mib)?.max,
            cpu_us_per_record: spreads.cpu_us_per_record.median,
            client_cpu_s: Spread::of(&client).map(|spread| spread.median),
            transactions: spread(|ran| ran.figures.transactions as f64)?.median,
            spread: spreads,
        })
    }
}

// === impl Summary ===

impl Summary {
    /// summary.json.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join("summary.json");
        let failed = |error| Failure::Internal(format!("writing {}: {error}", path.display()));
        let json = serde_json::to_string_pretty(self).map_err(Failure::internal)?;
        std::fs::create_dir_all(folder).map_err(failed)?;
        std::fs::write(&path, json + "\n").map_err(failed)
    }

    /// A contender's row of a case.
    pub(super) fn row(&self, case: &str, contender: &str) -> Option<&Row> {
        find(&self.rows, case, contender)
    }
}

pub(super) fn find<'a>(rows: &'a [Row], case: &str, contender: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.case == case && row.contender == contender)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::{case::Case, contender::Contender},
        *,
    };
    use crate::bench::{contender::Figures, usage::Usage};

    /// A round of 2 s.
    pub(in crate::bench::compare) fn ran(
        transactions: u64,
        records_each: u64,
        p50_ms: f64,
        cpu_s: f64,
    ) -> Ran {
        let records = transactions * records_each;
        let figures =
            Figures { transactions, records, seconds: 2.0, p50_ms, p99_ms: 2.0 * p50_ms, max_ms: 9.0 };
        let usage = Usage { cpu_s, rss_mib: 10.0, rss_peak_mib: 20.0 };
        Ran { figures, usage, client_cpu_s: None }
    }

    pub(in crate::bench::compare) fn row(case: Case, contender: Contender, ran: &[Ran]) -> Row {
        Row::of(Turn { case, contender, producers: 4, callers: case.callers() }, ran).unwrap()
    }

    #[test]
    fn a_row_has_the_medians_of_its_rounds_and_their_spread() {
        let rounds = [ran(200, 10, 2.0, 1.0), ran(600, 10, 1.0, 1.2), ran(400, 10, 30.0, 1.0)];
        let row = row(Case::Bulk1k, Contender::Java, &rounds);
        assert_eq!((row.transactions_per_s, row.records_per_s, row.p50_ms), (200.0, 2000.0, 2.0));
        assert_eq!((row.spread.p50_ms.min, row.spread.p50_ms.max), (1.0, 30.0));
        assert_eq!((row.cpu_us_per_record, row.producers), (250.0, Some(4)));
        assert!(
            Row::of(Turn { case: Case::Small1, contender: Contender::Java, producers: 1, callers: 1 }, &[])
                .is_none()
        );
    }
}
