//! What was to be reached, and whether it was. Pure.

use super::{
    life::Life,
    summary::{Row, find},
};
use crate::bench::spread::number;
use serde::Serialize;

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Target {
    pub(super) what: String,
    pub(super) wanted: String,
    /// None: what it is computed from was not measured in this run.
    pub(super) reached: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) met: Option<bool>,
}

/// All of them.
pub(super) fn of(rows: &[Row], life: Option<&Life>) -> Vec<Target> {
    let row = |case, contender| find(rows, case, contender);
    let rate = |case, contender| row(case, contender).map(|row| row.transactions_per_s);
    let best = |case| Some(rate(case, "librdkafka")?.max(rate(case, "java")?));
    let over = |case, of: fn(&Row) -> f64| Some(of(row(case, "sidecommit")?) / of(row(case, "librdkafka")?));
    let added = Some(())
        .and_then(|()| Some(row("small-1", "sidecommit")?.p50_ms - row("small-1", "librdkafka")?.p50_ms));
    let times = |case| Some(rate(case, "sidecommit")? / best(case)?);
    let bulk = |native| Some(rate("bulk-1k", "sidecommit")? / rate("bulk-1k", native)?);
    let memory = row("bulk-1k", "sidecommit").map(|row| row.rss_peak_mib);
    let cpu = |case| over(case, |row| row.cpu_us_per_record);
    vec![
        most("latency added to a transaction of 1 record (small-1, p50)", 1.0, "ms", added),
        least("small-64 over the best of librdkafka and java", 5.0, "times", times("small-64")),
        least("small-256 over the best of librdkafka and java", 8.0, "times", times("small-256")),
        least("bulk-1k over librdkafka", 0.9, "times", bulk("librdkafka")),
        least("bulk-1k over java", 1.0, "times", bulk("java")),
        most("CPU per record over librdkafka's, small-64", 2.0, "times", cpu("small-64")),
        most("CPU per record over librdkafka's, bulk-1k", 2.0, "times", cpu("bulk-1k")),
        most("memory, idle with one lane", 24.0, "MiB", life.map(|life| life.idle_rss_mib.median)),
        most("memory, most in bulk-1k", 96.0, "MiB", memory),
        most("CPU, idle with one lane", 0.5, "% of a core", life.map(|life| life.idle_cpu_percent.median)),
        most("start to first commit", 1.0, "s", life.map(|life| life.first_commit_s.median)),
        most(
            "the same after kill -9 in doubt",
            3.0,
            "s",
            life.map(|life| life.first_commit_after_kill_s.median),
        ),
    ]
}

fn most(what: &str, bound: f64, unit: &'static str, reached: Option<f64>) -> Target {
    target(what, "at most", bound, unit, reached, |reached| reached <= bound)
}

fn least(what: &str, bound: f64, unit: &'static str, reached: Option<f64>) -> Target {
    target(what, "at least", bound, unit, reached, |reached| reached >= bound)
}

fn target(
    what: &str,
    bound: &str,
    value: f64,
    unit: &'static str,
    reached: Option<f64>,
    met: impl FnOnce(f64) -> bool,
) -> Target {
    let wanted = format!("{bound} {value} {unit}");
    Target { what: what.to_owned(), wanted, reached, unit, met: reached.map(met) }
}

// === impl Target ===

impl Target {
    pub(super) fn cells(&self) -> Vec<String> {
        let reached = self.reached.map_or_else(
            || "not measured".to_owned(),
            |reached| format!("{} {}", number(reached, 2), self.unit),
        );
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "-",
        };
        vec![self.what.clone(), self.wanted.clone(), reached, met.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            case::Case,
            contender::Contender,
            summary::tests::{ran, row},
        },
        *,
    };
    use crate::bench::spread::Spread;

    fn rows() -> Vec<Row> {
        use Contender::{Java, Librdkafka, Sidecommit};
        vec![
            row(Case::Small1, Sidecommit, &[ran(500, 1, 3.0, 0.2)]),
            row(Case::Small1, Librdkafka, &[ran(600, 1, 2.5, 0.2)]),
            row(Case::Small64, Sidecommit, &[ran(12_000, 1, 3.0, 1.2)]),
            row(Case::Small64, Librdkafka, &[ran(1_000, 1, 3.0, 0.5)]),
            row(Case::Small64, Java, &[ran(2_000, 1, 3.0, 0.5)]),
            row(Case::Bulk1k, Sidecommit, &[ran(34, 10_000, 50.0, 3.4)]),
            row(Case::Bulk1k, Librdkafka, &[ran(40, 10_000, 50.0, 1.0)]),
        ]
    }

    #[test]
    fn each_is_met_or_not_or_was_not_measured() {
        let same = |value| Spread { median: value, min: value, max: value };
        let life = Life {
            idle_rss_mib: same(20.0),
            idle_cpu_percent: same(0.6),
            first_commit_s: same(1.0),
            first_commit_after_kill_s: same(2.0),
        };
        let targets = of(&rows(), Some(&life));
        let met: Vec<Option<bool>> = targets.iter().map(|target| target.met).collect();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(met, [yes, yes, None, no, None, yes, no, yes, yes, no, yes, yes], "{targets:?}");
        assert_eq!((targets[0].reached, targets[1].reached), (Some(0.5), Some(6.0)));
        assert_eq!(targets[3].cells()[1..], ["at least 0.9 times", "0.85 times", "**not met**"]);
        assert_eq!(of(&[], None).iter().filter(|target| target.reached.is_some()).count(), 0);
    }
}
