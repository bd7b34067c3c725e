//! What the demo says at the end.

use super::{
    check::Verdict,
    doubt::{Doubt, Killed},
    ledger::{SettledBy, Told},
    point::Point,
};
use crate::{cli::output, exit::Failure};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// A run's result.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    seed: u64,
    #[serde(flatten)]
    verdict: Verdict,
    /// Transactions between PREPARED and the reply when the sidecar was killed; one that two kills caught counts twice.
    in_doubt: u64,
    in_doubt_by_point: BTreeMap<&'static str, u64>,
    in_doubt_settled: Vec<Settled>,
    kills: u64,
    kills_by_point: BTreeMap<&'static str, u64>,
    seconds: f64,
}

/// So many transactions in doubt were settled so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Settled {
    point: &'static str,
    outcome: Told,
    by: Option<SettledBy>,
    count: u64,
}

// === impl Report ===

impl Report {
    pub(super) fn new(
        seed: u64,
        verdict: Verdict,
        killed: &[Killed],
        doubts: &[Doubt],
        took: Duration,
    ) -> Self {
        let by_point = |points: &mut dyn Iterator<Item = Point>| {
            let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
            Point::CYCLE.iter().for_each(|point| _ = counts.entry(point.name()).or_default());
            points.for_each(|point| *counts.entry(point.name()).or_default() += 1);
            counts
        };
        let mut settled: BTreeMap<Doubt, u64> = BTreeMap::new();
        doubts.iter().for_each(|doubt| *settled.entry(*doubt).or_default() += 1);
        let settled = settled.into_iter().map(|(doubt, count)| Settled {
            point: doubt.point.name(),
            outcome: doubt.outcome,
            by: doubt.settled_by,
            count,
        });
        Self {
            seed,
            verdict,
            in_doubt: doubts.len() as u64,
            in_doubt_by_point: by_point(&mut doubts.iter().map(|doubt| doubt.point)),
            in_doubt_settled: settled.collect(),
            kills: killed.len() as u64,
            kills_by_point: by_point(&mut killed.iter().map(|killed| killed.point)),
            seconds: took.as_secs_f64(),
        }
    }

    /// Prints it.
    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json { output::print_json(self) } else { output::print(&self.text()) }
    }

    /// Whether the promise was kept, and the run shows that it was.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let findings = self.verdict.findings.join("\n");
        if !self.verdict.is_clean() {
            return Err(Failure::Refused(format!(
                "the promise was broken (seed {}):\n{findings}",
                self.seed
            )));
        }
        if self.kills > 0 && self.in_doubt == 0 {
            let what = "no kill fell between PREPARED and the reply: the run shows nothing";
            return Err(Failure::Refused(format!("{what} (seed {})", self.seed)));
        }
        Ok(())
    }

    fn text(&self) -> String {
        let v = &self.verdict;
        let row = |what: &str, n: u64| vec![what.to_owned(), n.to_string()];
        let mut rows = vec![
            row("acknowledged", v.acknowledged),
            row("visible", v.visible),
            row("lost", v.lost),
            row("duplicated", v.duplicated),
            row("torn", v.torn),
            row("aborted but visible", v.phantom),
            row("unknown", v.unknown),
            row("aborted", v.aborted),
            row("money debited", v.debited),
            row("money credited", v.credited),
            row("kills", self.kills),
            row("in doubt", self.in_doubt),
        ];
        for settled in &self.in_doubt_settled {
            rows.push(row(&format!("  {}", settled.text()), settled.count));
        }
        let (seconds, seed) = (self.seconds, self.seed);
        format!("{}{seconds:.1} s, seed {seed}\n", output::table(&["TRANSACTIONS", ""], &rows))
    }
}

// === impl Settled ===

impl Settled {
    fn text(&self) -> String {
        let outcome = match self.outcome {
            Told::Committed => "COMMITTED",
            Told::Aborted => "ABORTED",
            Told::Unknown => "UNKNOWN",
        };
        let by = self.by.map_or("nobody", SettledBy::text);
        format!("killed at {}: {outcome}, told by {by}", self.point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict, killed: usize, doubts: &[Doubt]) -> Report {
        let killed = vec![
            Killed { point: Point::AfterEnd, prepared: Vec::new(), died_ms: 0, restarted_ms: 0 };
            killed
        ];
        Report::new(1, verdict, &killed, doubts, Duration::from_secs(1))
    }

    #[test]
    fn a_run_without_a_kill_between_prepared_and_the_reply_fails() {
        let doubt =
            Doubt { point: Point::AfterEnd, outcome: Told::Committed, settled_by: Some(SettledBy::Repeat) };
        assert!(report(Verdict::default(), 1, &[doubt]).judge().is_ok());
        assert!(report(Verdict::default(), 1, &[]).judge().is_err());
        assert!(report(Verdict::default(), 0, &[]).judge().is_ok());
    }

    #[test]
    fn a_broken_promise_fails() {
        let doubt =
            Doubt { point: Point::AfterEnd, outcome: Told::Committed, settled_by: Some(SettledBy::Repeat) };
        let verdict = Verdict { phantom: 1, ..Verdict::default() };
        assert!(report(verdict, 1, &[doubt]).judge().is_err());
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let json = serde_json::to_value(report(Verdict::default(), 2, &[])).unwrap();
        for field in [
            "acknowledged",
            "aborted",
            "visible",
            "lost",
            "duplicated",
            "torn",
            "phantom",
            "in_doubt",
            "unknown",
            "kills",
            "seconds",
            "seed",
        ] {
            assert!(json[field].is_number(), "{field}");
        }
        assert_eq!(json["in_doubt_by_point"]["after-prepared"], 0);
        assert_eq!(json["kills_by_point"]["after-end"], 2);
    }
}
