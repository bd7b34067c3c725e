//! What the page and the pictures show of a comparison.

use super::{
    case::Case,
    contender::Contender,
    summary::{Row, Summary},
    targets::Target,
};
use crate::{
    bench::{document::table, plot, spread::number},
    exit::Failure,
};
use clap::ValueEnum as _;
use std::path::Path;

/// As Markdown.
pub(super) fn of(summary: &Summary) -> String {
    let Summary { date, machine, fdatasync_p50_ms, rounds, seconds, warmup_s, took_s, .. } = summary;
    let mut text = format!(
        "\n{date}, {}; fdatasync p50 {fdatasync_p50_ms:.2} ms; {rounds} rounds of {seconds} s after {warmup_s} s of warm-up; the run took \
         {:.1} minutes. Medians (least to most of the rounds).\n",
        machine.text(),
        took_s / 60.0
    );
    for case in Case::value_variants() {
        let rows: Vec<&Row> = summary.rows.iter().filter(|row| row.case == case.name()).collect();
        if !rows.is_empty() {
            text.push_str(&format!("\n### {}: {}\n\n{}", case.name(), said(*case), figures(*case, &rows)));
        }
    }
    text.push_str(&costs(summary));
    if let Some(life) = &summary.life {
        text.push_str(&format!(
            "\n### Beside the work\n\nIdle with one lane: {} MiB, {} % of a core. Start to first commit: {} s; after kill -9 in doubt: {} s.\n",
            life.idle_rss_mib.text(1),
            life.idle_cpu_percent.text(2),
            life.first_commit_s.text(2),
            life.first_commit_after_kill_s.text(2)
        ));
    }
    let targets: Vec<_> = summary.targets.iter().map(Target::cells).collect();
    text.push_str(&format!("\n### Targets\n\n{}\n", table(&["what", "wanted", "reached", ""], &targets)));
    text
}

fn said(case: Case) -> String {
    let (callers, records, size) = (case.callers(), number(case.records().into(), 0), case.record_size());
    match case {
        Case::Pipeline => format!("topic to topic, up to {records} records of {size} B a transaction"),
        _ if callers == 1 => format!("one caller, {records} x {size} B a transaction"),
        _ => format!("{callers} callers, {records} x {size} B a transaction"),
    }
}

fn figures(case: Case, rows: &[&Row]) -> String {
    let rate = if case.is_bulk() { "records/s" } else { "transactions/s" };
    let head = ["contender", "producers", rate, "p50 ms", "p99 ms", "CPU µs/record", "MiB"];
    let cells = |row: &&Row| {
        let spread = &row.spread;
        let rate = if case.is_bulk() { spread.records_per_s } else { spread.transactions_per_s };
        vec![
            row.contender.to_owned(),
            row.producers.map_or_else(|| "-".to_owned(), |producers| producers.to_string()),
            rate.text(0),
            spread.p50_ms.text(1),
            spread.p99_ms.text(1),
            number(row.cpu_us_per_record, 1),
            number(row.rss_mib, 0),
        ]
    };
    table(&head, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// What exactly-once costs, in the cases in which producers without transactions took part.
fn costs(summary: &Summary) -> String {
    let named = [
        (Contender::Plain, "plain"),
        (Contender::Idempotent, "idempotent"),
        (Contender::Librdkafka, "transactional"),
        (Contender::Sidecommit, "sidecommit"),
    ];
    let cases = Case::value_variants().iter().filter(|case| case.has(Contender::Plain));
    let rows = cases.flat_map(|case| {
        let plain = summary.row(case.name(), Contender::Plain.name()).map(|row| row.records_per_s);
        named.iter().filter_map(move |(contender, name)| {
            let row = summary.row(case.name(), contender.name())?;
            Some(vec![
                case.name().to_owned(),
                (*name).to_owned(),
                number(row.records_per_s, 0),
                number(row.records_per_s / plain?, 2),
                number(row.p50_ms, 1),
                number(row.cpu_us_per_record, 1),
            ])
        })
    });
    let rows: Vec<_> = rows.collect();
    let head = ["case", "producer", "records/s", "of plain", "p50 ms", "CPU µs/record"];
    if rows.is_empty() {
        String::new()
    } else {
        format!("\n### What exactly-once costs\n\n{}", table(&head, &rows))
    }
}

/// Latencies of each case, and throughput by number of callers.
pub(super) fn plot(folder: &Path, summary: &Summary) -> Result<(), Failure> {
    let cases = Case::value_variants().iter().map(|case| {
        let rows = summary.rows.iter().filter(|row| row.case == case.name());
        let lines: Vec<_> = rows.map(|row| (row.contender.to_owned(), latencies(row))).collect();
        (case, lines)
    });
    let charts = cases
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(case, lines)| plot::latencies(&format!("{}: latency of a transaction", case.name()), lines));
    plot::write(folder, "latency", &charts.collect::<Vec<_>>())?;
    let small = |row: &&Row| row.case.starts_with("small-");
    let lines = Contender::value_variants().iter().map(|contender| {
        let rows = summary.rows.iter().filter(small).filter(|row| row.contender == contender.name());
        let points = rows.map(|row| (f64::from(row.callers), row.transactions_per_s)).collect::<Vec<_>>();
        (contender.name().to_owned(), points)
    });
    let lines: Vec<_> = lines.filter(|(_, points)| !points.is_empty()).collect();
    let title = "Transactions of 1 x 1024 B by callers";
    plot::write(folder, "throughput", &[plot::by_callers(title, lines)])
}

/// As much as contenders tell: the most is of one among all transactions.
fn latencies(row: &Row) -> Vec<(f64, f64)> {
    let last = 1.0 - 1.0 / row.transactions.max(1.0);
    let all = [(0.5, row.p50_ms), (0.99, row.p99_ms), (last, row.max_ms)];
    let mut points = all.into_iter().filter(|(quantile, _)| *quantile <= last).collect::<Vec<_>>();
    points.dedup_by(|one, before| one.0 <= before.0);
    points
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            machine::Machine,
            summary::tests::{ran, row},
            targets,
        },
        *,
    };
    use crate::svg::tests::is_well_formed;

    fn summary() -> Summary {
        let rows = vec![
            row(Case::Small64, Contender::Sidecommit, &[ran(12_000, 1, 3.0, 1.2), ran(14_000, 1, 2.0, 1.2)]),
            row(Case::Small64, Contender::Librdkafka, &[ran(1_000, 1, 3.0, 0.5)]),
            row(Case::Small64, Contender::Plain, &[ran(26_000, 1, 3.0, 0.5)]),
            row(Case::Pipeline, Contender::Java, &[ran(40, 1_000, 30.0, 0.5)]),
        ];
        Summary {
            date: "2026-01-31".to_owned(),
            machine: Machine { cores: 2, memory_gib: 24.0 },
            fdatasync_p50_ms: 0.15,
            rounds: 3,
            warmup_s: 1.0,
            seconds: 2.5,
            took_s: 660.0,
            targets: targets::of(&rows, None),
            life: None,
            rows,
        }
    }

    #[test]
    fn a_page_has_each_case_the_costs_and_the_targets() {
        let text = of(&summary());
        for part in [
            "2026-01-31, 2 cores, 24 GiB; fdatasync p50 0.15 ms; 3 rounds of 2.5 s after 1 s of warm-up; the run took 11.0 minutes",
            "### small-64: 64 callers, 1 x 1024 B a transaction",
            "| sidecommit | - | 6,500 (6,000 to 7,000) | 2.5 (2.0 to 3.0) |",
            "### pipeline: topic to topic, up to 1,000 records of 1024 B a transaction",
            "| java | 4 | 20,000 (20,000 to 20,000) |",
            "| small-64 | transactional | 500 | 0.04 |",
            "| bulk-1k over java | at least 1 times | not measured | - |",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("### small-1:"), "{text}");
    }

    #[test]
    fn pictures_have_a_line_per_contender() {
        let folder = tempfile::tempdir().unwrap();
        plot(folder.path(), &summary()).unwrap();
        for (name, lines) in [("latency.svg", 4), ("throughput.svg", 3)] {
            let svg = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(is_well_formed(&svg), "{svg}");
            assert_eq!(svg.matches("<polyline ").count(), lines, "{name}");
        }
    }

    #[test]
    fn the_most_of_few_is_not_beyond_what_they_tell() {
        let few = latencies(&row(Case::Bulk1k, Contender::Java, &[ran(20, 10, 30.0, 1.0)]));
        assert_eq!(few, [(0.5, 30.0), (0.95, 9.0)]);
    }
}
