//! What commands write to standard output.

use crate::exit::Failure;
use std::io::{self, Write as _};

/// Writes a text. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::internal(error)),
        _ => Ok(()),
    }
}

/// Writes a value as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value).map_err(Failure::internal)?;
    print(&format!("{json}\n"))
}

/// Lines up columns, the last one ragged.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let width = |column: usize| {
        rows.iter().chain([&head]).filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    [&head].into_iter().chain(rows).map(line).collect()
}

/// A duration for people: the two largest units.
pub(crate) fn human(millis: u64) -> String {
    let (s, m, h) = (millis / 1000, millis / 60_000, millis / 3_600_000);
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{s}.{}s", millis % 1000 / 100),
        60_000..3_600_000 => format!("{m}m{:02}s", s % 60),
        _ => format!("{h}h{:02}m", m % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            [vec!["a".to_owned(), "long".to_owned(), "x".to_owned()], vec!["bcd".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "WORD", "END"], &rows), "ID   WORD  END\na    long  x\nbcd\n");
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!(
            [5, 1_234, 61_000, 3_661_000, 90_000_000].map(human),
            ["5ms", "1.2s", "1m01s", "1h01m", "25h00m"]
        );
    }
}
