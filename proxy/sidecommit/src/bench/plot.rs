//! Pictures of figures.

mod chart;
mod scale;

pub(super) use chart::{Chart, Series};
pub(super) use scale::Scale;

use crate::{exit::Failure, svg::Picture};
use std::path::Path;

/// Charts that stand beside each other in a row.
const COLUMNS: usize = 2;

/// Percentiles, a line per name: where the tail begins, and how long it is.
pub(super) fn latencies(title: &str, lines: Vec<(String, Vec<(f64, f64)>)>) -> Chart {
    Chart {
        title: title.to_owned(),
        x: ("percentile".to_owned(), Scale::Percentile),
        y: ("ms".to_owned(), Scale::Logarithmic),
        series: lines.into_iter().map(Series::from).collect(),
    }
}

/// Transactions a second, a line per name.
pub(super) fn by_callers(title: &str, lines: Vec<(String, Vec<(f64, f64)>)>) -> Chart {
    Chart {
        title: title.to_owned(),
        x: ("callers".to_owned(), Scale::Logarithmic),
        y: ("transactions/s".to_owned(), Scale::Linear),
        series: lines.into_iter().map(Series::from).collect(),
    }
}

/// Writes charts into one file, two in a row.
pub(super) fn write(folder: &Path, name: &str, charts: &[Chart]) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.svg"));
    let failed = |error| Failure::Internal(format!("writing {}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(&path, svg(charts)).map_err(failed)
}

/// As text.
pub(super) fn svg(charts: &[Chart]) -> String {
    let (columns, rows) = (charts.len().clamp(1, COLUMNS), charts.len().div_ceil(COLUMNS).max(1));
    let mut picture = Picture::new(chart::WIDTH * columns as f64, chart::HEIGHT * rows as f64);
    for (nth, chart) in charts.iter().enumerate() {
        let (column, row) = (nth % COLUMNS, nth / COLUMNS);
        chart.draw(&mut picture, (chart::WIDTH * column as f64, chart::HEIGHT * row as f64));
    }
    picture.svg()
}
