//! What is told while it runs and in the end.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{IsTerminal as _, stderr},
};

/// How one scenario ended in one cell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) language: String,
    pub(crate) transport: &'static str,
    pub(crate) scenario: String,
    pub(crate) passed: bool,
    /// How long it took, or what was wrong.
    pub(crate) evidence: String,
}

/// A bar on a terminal, lines elsewhere: failures at once, and each cell when it is done.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    scenarios: usize,
    /// Done and failed, by cell.
    cells: BTreeMap<(String, &'static str), (usize, usize)>,
}

// === impl Progress ===

impl Progress {
    pub(crate) fn new(cells: usize, scenarios: usize) -> Self {
        let style = ProgressStyle::with_template("{elapsed_precise} [{bar:40}] {pos}/{len} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let total = (cells * scenarios) as u64;
        let bar = stderr().is_terminal().then(|| ProgressBar::new(total).with_style(style));
        Self { bar, scenarios, cells: BTreeMap::new() }
    }

    pub(crate) fn done(&mut self, row: &Row) {
        let (done, failed) = self.cells.entry((row.language.clone(), row.transport)).or_default();
        *done += 1;
        *failed += usize::from(!row.passed);
        let cell = format!("{}/{}", row.language, row.transport);
        let first = row.evidence.lines().next().unwrap_or_default();
        let ended =
            (*done == self.scenarios).then(|| format!("{cell}: {} passed, {failed} failed", *done - *failed));
        let failure = (!row.passed).then(|| format!("FAIL  {cell} {}: {first}", row.scenario));
        let say = |line: &str| match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        };
        failure.iter().chain(&ended).for_each(|line| say(line));
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(format!("{cell} {}", row.scenario));
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Scenarios by languages: `ok`, or the transports that failed.
pub(crate) fn table(rows: &[Row], scenarios: &[String], languages: &[&str]) -> String {
    let width = scenarios.iter().map(String::len).max().unwrap_or(0);
    let mut table = format!("{:width$}", "");
    for language in languages {
        let _ = write!(table, "  {language:10}");
    }
    for scenario in scenarios {
        let _ = write!(table, "\n{scenario:width$}");
        for language in languages {
            let of_cell = |row: &&Row| row.scenario == *scenario && row.language == *language;
            let failed: Vec<_> =
                rows.iter().filter(of_cell).filter(|row| !row.passed).map(|row| row.transport).collect();
            let ran = rows.iter().any(|row| of_cell(&row));
            let cell = match (ran, failed.is_empty()) {
                (false, _) => "-".to_owned(),
                (true, true) => "ok".to_owned(),
                (true, false) => format!("x {}", failed.join(",")),
            };
            let _ = write!(table, "  {cell:10}");
        }
    }
    table
}

/// Each failure with its evidence; what is the same for many is told once.
pub(crate) fn failures(rows: &[Row]) -> String {
    let mut failures: Vec<(&str, &'static str, &str, Vec<&str>)> = Vec::new();
    for row in rows.iter().filter(|row| !row.passed) {
        let same = failures.iter_mut().find(|(language, transport, evidence, _)| {
            (*language, *transport, *evidence) == (&*row.language, row.transport, &*row.evidence)
        });
        match same {
            Some((.., scenarios)) => scenarios.push(&row.scenario),
            None => failures.push((&row.language, row.transport, &row.evidence, vec![&row.scenario])),
        }
    }
    let told = failures.into_iter().map(|(language, transport, evidence, scenarios)| {
        let (evidence, scenarios) = (evidence.replace('\n', "\n    "), scenarios.join(", "));
        format!("FAIL  {language} {transport} {scenarios}\n    {evidence}\n")
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(language: &str, transport: &'static str, passed: bool) -> Row {
        let (language, scenario) = (language.to_owned(), "commit".to_owned());
        Row { language, transport, scenario, passed, evidence: "one\ntwo".to_owned() }
    }

    #[test]
    fn a_cell_of_the_table_has_both_transports() {
        let rows = [
            row("go", "unix", true),
            row("go", "tcp", false),
            row("rust", "unix", true),
            row("rust", "tcp", true),
        ];
        let table = table(&rows, &["commit".to_owned(), "abort".to_owned()], &["go", "rust"]);
        let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [vec!["go", "rust"], vec!["commit", "x", "tcp", "ok"], vec!["abort", "-", "-"]]);
        assert_eq!(failures(&rows), "FAIL  go tcp commit\n    one\n    two\n");
    }

    #[test]
    fn what_is_the_same_is_told_once() {
        let another = Row { scenario: "abort".to_owned(), ..row("go", "tcp", false) };
        let rows = [row("go", "tcp", false), another, row("go", "unix", false)];
        let expected =
            "FAIL  go tcp commit, abort\n    one\n    two\nFAIL  go unix commit\n    one\n    two\n";
        assert_eq!(failures(&rows), expected);
    }
}
