//! What the page and the picture show of the grid.

use super::{Full, Grown, point::Dimension};
use crate::{
    bench::{
        document::table,
        plot::{self, Chart, Scale, Series},
        spread::number,
    },
    exit::Failure,
};
use std::path::Path;

/// As Markdown.
pub(super) fn of(full: &Full, dimensions: &[Dimension], picture: &str) -> String {
    let Full { date, machine, rounds, seconds, took_s, .. } = full;
    let (machine, minutes) = (machine.text(), took_s / 60.0);
    let mut text = format!(
        "\n{date}, {machine}; {rounds} rounds of {seconds} s; the run took {minutes:.1} minutes. Medians (least to most of the rounds); of \
         memory the most of all rounds. Refused are attempts that the sidecar had no room for; they were made anew.\n\n![where the curves bend]({picture})\n"
    );
    let head = ["transactions/s", "records/s", "p50 ms", "p99 ms", "CPU µs/record", "MiB at most", "refused"];
    for dimension in dimensions {
        let name = dimension.name();
        let cells = rows(full, *dimension).map(|row| {
            vec![
                number(dimension.of(&row.point).into(), 0),
                row.transactions_per_s.text(0),
                number(row.records_per_s.median, 0),
                row.p50_ms.text(1),
                row.p99_ms.text(1),
                row.cpu_us_per_record.map_or_else(|| "-".to_owned(), |cpu| number(cpu, 1)),
                number(row.rss_peak_mib, 0),
                row.refused.to_string(),
            ]
        });
        let head: Vec<&str> = [name].into_iter().chain(head).collect();
        text.push_str(&format!("\n### By {name}\n\n{}", table(&head, &cells.collect::<Vec<_>>())));
    }
    text + "\n"
}

/// A chart of each dimension: records a second; both axes are logarithmic, so that a line as steep as the diagonal is growth without a loss.
pub(super) fn plot(folder: &Path, name: &str, full: &Full, dimensions: &[Dimension]) -> Result<(), Failure> {
    let chart = |dimension: &Dimension| {
        let points = rows(full, *dimension);
        let points =
            points.map(|row| (f64::from(dimension.of(&row.point)), row.records_per_s.median)).collect();
        Chart {
            title: format!("By {}", dimension.name()),
            x: (dimension.name().to_owned(), Scale::Logarithmic),
            y: ("records/s".to_owned(), Scale::Logarithmic),
            series: vec![Series { name: "sidecommit".to_owned(), points }],
        }
    };
    plot::write(folder, name, &dimensions.iter().map(chart).collect::<Vec<_>>())
}

/// Those of a dimension, the centre among them.
fn rows(full: &Full, dimension: Dimension) -> impl Iterator<Item = &Grown> {
    let points = dimension.points();
    points.into_iter().filter_map(|point| full.rows.iter().find(|row| row.point == point))
}

#[cfg(test)]
mod tests {
    use super::{super::point, *};
    use crate::bench::{compare::Machine, spread::Spread};
    use clap::ValueEnum as _;

    fn full(dimensions: &[Dimension]) -> Full {
        let same = |value| Spread { median: value, min: value, max: value };
        let grown = |point: point::Point| Grown {
            point,
            mode: "transact",
            transactions_per_s: same(f64::from(point.callers) * 100.0),
            records_per_s: same(f64::from(point.callers) * 100.0),
            p50_ms: same(2.0),
            p99_ms: same(4.0),
            cpu_us_per_record: Some(90.0),
            rss_peak_mib: 30.0,
            refused: 0,
        };
        Full {
            date: "2026-01-31".to_owned(),
            machine: Machine { cores: 2, memory_gib: 24.0 },
            rounds: 3,
            seconds: 8.0,
            took_s: 90.0,
            rows: point::all(dimensions).into_iter().map(grown).collect(),
        }
    }

    #[test]
    fn each_dimension_has_a_table_and_a_chart_with_the_centre_in_it() {
        let dimensions = Dimension::value_variants();
        let full = full(dimensions);
        let text = of(&full, dimensions, "x.svg");
        assert_eq!(text.matches("### By ").count(), 4);
        assert!(text.contains("| 256 | 25,600 (25,600 to 25,600) |") && text.contains("](x.svg)"), "{text}");
        assert!(text.contains("| 102,400 | 6,400"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        plot(folder.path(), "x", &full, dimensions).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("x.svg")).unwrap();
        assert!(crate::svg::tests::is_well_formed(&svg), "{svg}");
        assert_eq!((svg.matches("<polyline ").count(), svg.matches("<circle ").count()), (4, 16));
    }
}
