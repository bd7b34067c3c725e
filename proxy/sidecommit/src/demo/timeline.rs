//! A picture of a run: when the sidecar was dead, and when the application was told what.

use super::{
    doubt::Killed,
    ledger::{Line, SettledBy, Told},
    point::Point,
};
use crate::{exit::Failure, svg::Picture};
use std::path::Path;

const LEFT: f64 = 130.0;
const WIDTH: f64 = 1_200.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 46.0;
const ROW: f64 = 30.0;

/// What an answer was, as a row of the picture: name, colour, whether a line belongs to it.
type Row = (&'static str, &'static str, fn(&Line) -> bool);

const ROWS: [Row; 4] = [
    ("committed", "#2e7d32", |line| line.outcome == Told::Committed && line.settled_by == SettledBy::Reply),
    ("  told later", "#66bb6a", |line| {
        line.outcome == Told::Committed && line.settled_by != SettledBy::Reply
    }),
    ("aborted", "#757575", |line| line.outcome == Told::Aborted),
    ("unknown", "#d50000", |line| line.outcome == Told::Unknown),
];

/// A run from its first answer to its last.
pub(super) struct Timeline<'a> {
    killed: &'a [Killed],
    lines: &'a [Line],
    from_ms: u64,
    to_ms: u64,
}

// === impl Timeline ===

impl<'a> Timeline<'a> {
    pub(super) fn new(killed: &'a [Killed], lines: &'a [Line]) -> Self {
        let told = || lines.iter().map(|line| line.told_ms);
        let died = || killed.iter().map(|killed| killed.died_ms);
        let from_ms = told().chain(died()).min().unwrap_or_default();
        let to_ms = told().chain(died()).max().unwrap_or_default().max(from_ms + 1);
        Self { killed, lines, from_ms, to_ms }
    }

    /// Writes the picture into a file.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::Internal(format!("timeline {}: {error}", path.display()));
        std::fs::write(path, self.svg()).map_err(failed)
    }

    fn svg(&self) -> String {
        let bottom = TOP + ROW * ROWS.len() as f64;
        let mut picture = Picture::new(WIDTH, bottom + 40.0);
        let (kills, told) = (self.killed.len(), self.lines.len());
        let title = format!(
            "{told} outcomes told while the sidecar was killed {kills} times (shaded: until it was started again)"
        );
        picture.text((LEFT, 16.0), "#000", title);
        self.draw_killed(&mut picture, bottom);
        self.draw_told(&mut picture);
        for second in (0..=(self.to_ms - self.from_ms) / 1_000).filter(|second| second % 5 == 0) {
            let x = self.x(self.from_ms + second * 1_000);
            picture.text((x, bottom + 14.0), "#555", format!("{second} s"));
        }
        let legend: Vec<_> = Point::ALL.iter().map(|point| format!("{} {point}", letter(*point))).collect();
        picture.text((LEFT, bottom + 32.0), "#b71c1c", legend.join(" \u{b7} "));
        picture.svg()
    }

    fn draw_killed(&self, picture: &mut Picture, bottom: f64) {
        for killed in self.killed {
            let (x, until) = (self.x(killed.died_ms), self.x(killed.restarted_ms));
            picture.group(format!("killed at {}", killed.point), |picture| {
                picture.rectangle((x, TOP), ((until - x).max(1.0), bottom - TOP), "#ffcdd2");
                picture.text((x, TOP - 6.0), "#b71c1c", letter(killed.point));
            });
        }
    }

    fn draw_told(&self, picture: &mut Picture) {
        for (n, (name, colour, belongs)) in ROWS.iter().enumerate() {
            let y = TOP + ROW * n as f64;
            let count = self.lines.iter().filter(|line| belongs(line)).count();
            picture.text((8.0, y + 20.0), "#000", format!("{name} {count}"));
            for line in self.lines.iter().filter(|line| belongs(line)) {
                let x = self.x(line.told_ms);
                picture.line((x, y + 6.0), (x, y + ROW - 4.0), colour);
            }
        }
    }

    fn x(&self, at_ms: u64) -> f64 {
        let (at, all) = (at_ms.clamp(self.from_ms, self.to_ms) - self.from_ms, self.to_ms - self.from_ms);
        LEFT + at as f64 / all as f64 * (WIDTH - LEFT - RIGHT)
    }
}

fn letter(point: Point) -> char {
    match point {
        Point::BeforePrepared => 'B',
        Point::AfterPrepared => 'P',
        Point::AfterEnd => 'E',
        Point::AfterReply => 'A',
        Point::DuringRecovery => 'R',
        Point::Random => '*',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::ledger::Money;

    fn line(told_ms: u64, outcome: Told, settled_by: SettledBy) -> Line {
        Line {
            transfer: 1,
            attempt: 0,
            money: Money { from: 1, to: 2, amount: 3 },
            transaction_id: None,
            idempotency_key: None,
            outcome,
            reason: None,
            settled_by,
            told_ms,
        }
    }

    #[test]
    fn each_outcome_is_in_one_row_and_each_kill_is_marked() {
        let lines = [
            line(1_000, Told::Committed, SettledBy::Reply),
            line(1_500, Told::Committed, SettledBy::Repeat),
            line(2_000, Told::Aborted, SettledBy::GetTransaction),
            line(9_000, Told::Unknown, SettledBy::GetTransaction),
        ];
        let killed =
            [Killed { point: Point::AfterEnd, prepared: Vec::new(), died_ms: 1_200, restarted_ms: 1_300 }];
        let svg = Timeline::new(&killed, &lines).svg();
        assert_eq!(svg.matches("<line ").count(), lines.len());
        assert_eq!(svg.matches("<title>killed at after-end</title>").count(), 1);
        assert!(svg.contains(">committed 1<") && svg.contains(">unknown 1<"), "{svg}");
    }

    #[test]
    fn a_run_of_nothing_is_a_picture_too() {
        assert!(Timeline::new(&[], &[]).svg().ends_with("</svg>\n"));
    }
}
