//! What the second demo says at the end.

use super::{check::Verdict, follower::Follower, plan::Victim};
use crate::{cli::output, exit::Failure};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// What the stage has counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// SIGKILLs.
    pub(super) kills: BTreeMap<Victim, u64>,
    /// SIGSTOPs.
    pub(super) pauses: BTreeMap<Victim, u64>,
    /// Pods that were restarted in order.
    pub(super) restarts: u64,
    /// Changes of a pod's partitions that its application was told.
    pub(super) rebalances: u64,
    /// Transactions that applications were told COMMITTED.
    pub(super) transactions: u64,
    /// Their records.
    pub(super) acknowledged: u64,
    /// Of these, such as had been delivered before to somebody who failed.
    pub(super) redelivered: u64,
    /// Transactions and deliveries that came to nothing, by the reason told.
    pub(super) void: BTreeMap<String, u64>,
    /// What did not go on, for people.
    pub(super) stuck: Vec<String>,
    /// The longest time until every pod had partitions again.
    heal_ms_max: u64,
    p50_ms: u64,
    p99_ms: u64,
}

/// A run's result.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    seed: u64,
    #[serde(skip)]
    records: u64,
    #[serde(flatten)]
    verdict: Verdict,
    kills: u64,
    kills_by_victim: BTreeMap<String, u64>,
    pauses: u64,
    pauses_by_victim: BTreeMap<String, u64>,
    restarts: u64,
    rebalances: u64,
    /// Told COMMITTED.
    transactions: u64,
    acknowledged: u64,
    void: u64,
    void_by_reason: BTreeMap<String, u64>,
    redelivered: u64,
    stuck: Vec<String>,
    heal_ms_max: u64,
    /// From the input's timestamp to a read_committed reader of the output.
    latency_p50_ms: u64,
    latency_p99_ms: u64,
    seconds: f64,
}

// === impl Tally ===

impl Tally {
    /// So long it took until everybody worked again.
    pub(super) fn healed(&mut self, took: Duration) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.heal_ms_max = self.heal_ms_max.max(took_ms);
    }

    /// As the reader that ran along has seen it.
    pub(super) fn latency(&mut self, follower: &Follower) {
        [self.p50_ms, self.p99_ms] = [50.0, 99.0].map(|percentile| follower.percentile_ms(percentile));
    }
}

// === impl Report ===

impl Report {
    pub(super) fn new(seed: u64, records: u64, verdict: Verdict, tally: Tally, took: Duration) -> Self {
        let by_victim = |counts: &BTreeMap<Victim, u64>| {
            counts.iter().map(|(victim, count)| (victim.to_string(), *count)).collect()
        };
        Self {
            seed,
            records,
            verdict,
            kills: tally.kills.values().sum(),
            kills_by_victim: by_victim(&tally.kills),
            pauses: tally.pauses.values().sum(),
            pauses_by_victim: by_victim(&tally.pauses),
            restarts: tally.restarts,
            rebalances: tally.rebalances,
            transactions: tally.transactions,
            acknowledged: tally.acknowledged,
            void: tally.void.values().sum(),
            void_by_reason: tally.void,
            redelivered: tally.redelivered,
            stuck: tally.stuck,
            heal_ms_max: tally.heal_ms_max,
            latency_p50_ms: tally.p50_ms,
            latency_p99_ms: tally.p99_ms,
            seconds: took.as_secs_f64(),
        }
    }

    /// Prints it.
    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json { output::print_json(self) } else { output::print(&self.text()) }
    }

    /// Whether the promise was kept, and the run shows that it was.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let seed = self.seed;
        if !self.verdict.is_clean() || self.verdict.input != self.records {
            let findings = self.verdict.findings.join("\n");
            return Err(Failure::Refused(format!("the promise was broken (seed {seed}):\n{findings}")));
        }
        if !self.stuck.is_empty() {
            let stuck = self.stuck.join("\n");
            return Err(Failure::Refused(format!("it did not go on (seed {seed}):\n{stuck}")));
        }
        if self.kills > 0 && self.void + self.redelivered == 0 {
            let what = "no kill fell into a transaction: the run shows nothing";
            return Err(Failure::Refused(format!("{what} (seed {seed})")));
        }
        Ok(())
    }

    fn text(&self) -> String {
        let v = &self.verdict;
        let row = |what: &str, n: u64| vec![what.to_owned(), n.to_string()];
        let mut rows = vec![
            row("input", v.input),
            row("output", v.output),
            row("missing", v.missing),
            row("duplicated", v.duplicated),
            row("out of order", v.out_of_order),
            row("not f(input)", v.foreign),
            row("delivered again", self.redelivered),
            row("transactions committed", self.transactions),
            row("transactions void", self.void),
        ];
        let below = |rows: &mut Vec<Vec<String>>, counts: &BTreeMap<String, u64>| {
            rows.extend(counts.iter().map(|(what, count)| row(&format!("  {what}"), *count)));
        };
        below(&mut rows, &self.void_by_reason);
        rows.push(row("kills", self.kills));
        below(&mut rows, &self.kills_by_victim);
        rows.push(row("pauses", self.pauses));
        below(&mut rows, &self.pauses_by_victim);
        rows.push(row("restarts in order", self.restarts));
        rows.push(row("rebalances told", self.rebalances));
        let table = output::table(&["RECORDS", ""], &rows);
        let Self { latency_p50_ms: p50, latency_p99_ms: p99, heal_ms_max: heal, seconds, seed, .. } = self;
        format!(
            "{table}from input to committed output: p50 {p50} ms, p99 {p99} ms, all strikes included\n\
             until every pod had partitions again: at most {heal} ms\n\
             {seconds:.1} s, seed {seed}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(change: impl FnOnce(&mut Verdict, &mut Tally)) -> Report {
        let mut verdict = Verdict { input: 10, output: 10, ..Verdict::default() };
        let mut tally = Tally { redelivered: 1, ..Tally::default() };
        tally.kills.insert(Victim::Sidecar, 2);
        change(&mut verdict, &mut tally);
        Report::new(1, 10, verdict, tally, Duration::from_secs(1))
    }

    #[test]
    fn a_broken_promise_fails() {
        assert!(report(|_, _| {}).judge().is_ok());
        assert!(report(|verdict, _| verdict.missing = 1).judge().is_err());
        assert!(report(|verdict, _| verdict.duplicated = 1).judge().is_err());
        assert!(report(|verdict, _| verdict.out_of_order = 1).judge().is_err());
        assert!(report(|verdict, _| verdict.foreign = 1).judge().is_err());
    }

    #[test]
    fn an_input_that_is_not_whole_fails() {
        let short = |verdict: &mut Verdict, _: &mut Tally| (verdict.input, verdict.output) = (9, 9);
        assert!(report(short).judge().is_err());
    }

    #[test]
    fn what_does_not_go_on_fails() {
        assert!(report(|_, tally| tally.stuck.push("pod 1".to_owned())).judge().is_err());
    }

    #[test]
    fn a_run_whose_kills_met_nothing_fails() {
        assert!(report(|_, tally| tally.redelivered = 0).judge().is_err());
        let unharmed = |_: &mut Verdict, tally: &mut Tally| *tally = Tally::default();
        assert!(report(unharmed).judge().is_ok());
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let json = serde_json::to_value(report(|_, _| {})).unwrap();
        for field in ["input", "output", "missing", "duplicated", "out_of_order", "kills", "rebalances"] {
            assert!(json[field].is_number(), "{field}");
        }
        assert_eq!(json["kills_by_victim"]["sidecar"], 2);
    }
}
