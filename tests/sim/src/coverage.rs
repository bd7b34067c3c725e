//! What the seeds reach: each row of the engine's tables, crossed with each boundary at which a process can die.
//!
//! **A row** is a move of the table of transactions or of lanes, or the way in which a transaction appears.
//!
//! **A boundary** is the instant before a process does something (a driver's operation, a reply, the arrival of a
//! call), the time after it until the engine knows, or the instant when the engine knows and has decided, but nothing
//! of what it decided is done ("told").
//!
//! **A crash reaches a cell** (row, boundary) if a process dies at the boundary while the row is the last move of a
//! transaction or lane that the boundary concerns. A lane's operation concerns the lane and the transactions on it, as
//! long as its producer is the lane's, has not failed and is not stopped; work of the journal, of the reader and of
//! calls concerns all that is in the process. A final transaction is concerned until the engine knows that the journal
//! was synced: after that no crash can hurt it. What the engine was told concerns the moves that this led to as well.
//!
//! Rows that lead nowhere (no-ops) have to be gone through; as a crash finds the row before them, they have no cells.
//!
//! Apart from that a row may be gone through while the world makes it harder: [`Feature`]. Each of those must be there, and
//! those that group commit brings in many rows ([`ROWS_LEAST`]). What groups go through ([`CRASHED`]) must be met by a crash
//! at each step of a group ([`STEPS`]): a boundary meets the features of the lane that it concerns, or of all transactions.
//!
//! Cells that no run can reach are listed with their reason in [`impossible`]; a full run has to reach all others.

mod impossible;
mod row;

pub(crate) use row::Row;

use sidecommit_core::LaneOp;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::LazyLock,
};

/// Seeds from which on a run has to cover everything.
pub const FULL: u64 = 1_000;

/// What a process does at a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Call,
    Read,
    Put,
    Sync,
    Reply,
    Open,
    Begin,
    Send,
    Write,
    Offsets,
    Flush,
    Commit,
    Abort,
    Close,
    /// A producer's failure.
    Fail,
    /// The abort that its thread makes by itself after a failure, before it tells of it.
    Undo,
}

/// When, in the life of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// Not yet performed.
    Before,
    /// Performed, but its result has not reached the engine.
    After,
    /// Its result has reached the engine, but nothing of what follows is performed.
    Told,
}

/// What makes a row harder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    /// Another lane of the process is open too.
    Lanes,
    /// The process has owned the slot, and another has claimed it since.
    Zombie,
    /// The process has a journal of its own, which is not the slot's first.
    SecondJournal,
    /// The process has an older copy of a journal.
    Restored,
    /// The journal has gone through a loss of power.
    PowerLoss,
    /// A stranger has written tombstones into the outcomes.
    Tombstones,
    /// The outcomes were compacted, and something went.
    Compacted,
    /// The transaction is (or the lane carries, or last carried) a group of several.
    Several,
    /// The transaction was in a group of several that was refused, and now runs alone.
    Split,
    /// The transaction was tried before.
    Retry,
    /// It was tried before, and shares a group of several again.
    Together,
    /// Its last attempt was proven aborted by its own producer, so that it did not wait for an init.
    Proven,
    /// Its group was begun by the clock: it waited for company.
    Paced,
    /// Its group was full, and others had to wait.
    Crowded,
    /// Its group has several transactions with one ordering key.
    Ordered,
    /// Its group has several transactions with offsets of one partition.
    Claimed,
    /// It runs alone though it was never refused: its caller has spoilt groups before.
    Quarantined,
}

/// How many rows have to be gone through with each feature that group commit brings.
const ROWS_LEAST: &[(Feature, usize)] = &[
    (Feature::Several, 26),
    (Feature::Split, 20),
    (Feature::Retry, 24),
    (Feature::Together, 20),
    (Feature::Proven, 20),
    (Feature::Paced, 9),
    (Feature::Crowded, 20),
    (Feature::Ordered, 12),
    (Feature::Claimed, 12),
    (Feature::Quarantined, 12),
];

/// What a crash has to meet at each step of a group, of its split and of its retry.
const CRASHED: [Feature; 4] = [Feature::Several, Feature::Split, Feature::Together, Feature::Proven];

/// The steps.
const STEPS: [Act; 11] = {
    use Act as A;
    [A::Put, A::Sync, A::Open, A::Begin, A::Send, A::Write, A::Offsets, A::Flush, A::Commit, A::Fail, A::Undo]
};

/// What a sought crash is to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Row(Row),
    Feature(Feature),
}

/// How often each cell was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How often each row was gone through.
    rows: BTreeMap<Row, u64>,
    /// How often a crash met each row at each boundary.
    cells: BTreeMap<(Row, Act, Moment), u64>,
    /// How often each row was gone through while a feature was there.
    features: BTreeMap<(Feature, Row), u64>,
    /// How often a crash met a feature at each boundary.
    crashes: BTreeMap<(Feature, Act, Moment), u64>,
}

// === impl Act ===

impl Act {
    pub(crate) const ALL: [Self; 16] = {
        use Act as A;
        [
            A::Call,
            A::Read,
            A::Put,
            A::Sync,
            A::Reply,
            A::Open,
            A::Begin,
            A::Send,
            A::Write,
            A::Offsets,
            A::Flush,
            A::Commit,
            A::Abort,
            A::Close,
            A::Fail,
            A::Undo,
        ]
    };

    /// The moments at which a process can die.
    pub(crate) fn moments(self) -> &'static [Moment] {
        use Moment::{After, Before, Told};
        match self {
            // Nothing is reported back.
            Self::Reply
            | Self::Put
            | Self::Begin
            | Self::Write
            | Self::Offsets
            | Self::Close
            | Self::Undo => &[Before, After],
            // It arrives.
            Self::Call => &[Before, Told],
            // It comes by itself.
            Self::Fail => &[After, Told],
            _ => &[Before, After, Told],
        }
    }

    /// What a lane's thread does when it performs an operation.
    pub(crate) fn of(op: &LaneOp) -> Self {
        match op {
            LaneOp::Open => Self::Open,
            LaneOp::Begin => Self::Begin,
            LaneOp::Send(_) | LaneOp::SendApart(_) => Self::Send,
            LaneOp::Write { .. } => Self::Write,
            LaneOp::Offsets(_) => Self::Offsets,
            LaneOp::Flush => Self::Flush,
            LaneOp::End { commit: true } => Self::Commit,
            LaneOp::End { commit: false } => Self::Abort,
            LaneOp::Close => Self::Close,
        }
    }

    /// Whether it is a producer's.
    pub(crate) fn is_a_lanes(self) -> bool {
        !matches!(self, Self::Call | Self::Read | Self::Put | Self::Sync | Self::Reply)
    }
}

// === impl Feature ===

impl Feature {
    const ALL: [Self; 17] = {
        use Feature as F;
        [
            F::Lanes,
            F::Zombie,
            F::SecondJournal,
            F::Restored,
            F::PowerLoss,
            F::Tombstones,
            F::Compacted,
            F::Several,
            F::Split,
            F::Retry,
            F::Together,
            F::Proven,
            F::Paced,
            F::Crowded,
            F::Ordered,
            F::Claimed,
            F::Quarantined,
        ]
    };
}

// === impl Coverage ===

impl Coverage {
    /// A row was gone through.
    pub(crate) fn gone(&mut self, row: Row, with: &[Feature]) {
        *self.rows.entry(row).or_default() += 1;
        for feature in with {
            *self.features.entry((*feature, row)).or_default() += 1;
        }
    }

    /// A process died.
    pub(crate) fn crashed(
        &mut self,
        rows: &BTreeSet<Row>,
        with: &BTreeSet<Feature>,
        act: Act,
        moment: Moment,
    ) {
        for feature in with {
            *self.crashes.entry((*feature, act, moment)).or_default() += 1;
        }
        for row in rows {
            *self.cells.entry((*row, act, moment)).or_default() += 1;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        other.rows.iter().for_each(|(row, count)| *self.rows.entry(*row).or_default() += count);
        other.cells.iter().for_each(|(cell, count)| *self.cells.entry(*cell).or_default() += count);
        other.features.iter().for_each(|(with, count)| *self.features.entry(*with).or_default() += count);
        other.crashes.iter().for_each(|(cell, count)| *self.crashes.entry(*cell).or_default() += count);
    }

    /// What was reached though it is held to be impossible; and, if so many seeds are a full run, what should have
    /// been reached and was not.
    pub fn gaps(&self, seeds: u64) -> Vec<String> {
        let rows = self.rows.keys().filter_map(|row| {
            Some(format!("reached, but held to be impossible: {row} ({})", impossible::row(*row)?))
        });
        let cells = self.cells.keys().filter_map(|(row, act, moment)| {
            let why = impossible::cell(*row, *act, *moment)?;
            Some(format!("reached, but held to be impossible: crash {moment:?} {act:?}, {row} ({why})"))
        });
        let contradictions = rows.chain(cells);
        if seeds < FULL { contradictions.collect() } else { contradictions.chain(self.missing()).collect() }
    }

    /// What a crash can be aimed at, with how often it was there.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (Target, u64)> {
        let rows = self.rows.iter().map(|(row, times)| (Target::Row(*row), *times));
        let features = self.features.iter().map(|((feature, _), times)| (*feature, *times));
        let features = features.fold(BTreeMap::new(), |mut sums, (feature, times)| {
            *sums.entry(feature).or_default() += times;
            sums
        });
        rows.chain(features.into_iter().map(|(feature, times)| (Target::Feature(feature), times)))
    }

    /// Crashes that can be met and were not, by their number.
    pub(crate) fn missing_crashes(&self) -> impl Iterator<Item = (usize, Target)> {
        let there = |(target, act, moment): &(Target, Act, Moment)| match target {
            Target::Row(row) => self.cells.contains_key(&(*row, *act, *moment)),
            Target::Feature(feature) => self.crashes.contains_key(&(*feature, *act, *moment)),
        };
        let crashes = (0..).map_while(|index| Some((index, crash(index)?)));
        crashes.filter(move |(_, cell)| !there(cell)).map(|(index, (target, ..))| (index, target))
    }

    fn missing(&self) -> impl Iterator<Item = String> {
        let possible = |row: &Row| impossible::row(*row).is_none();
        let rows = Row::all().into_iter().filter(possible).filter(|row| !self.rows.contains_key(row));
        let cells = possible_crashes().iter().filter(|cell| !self.cells.contains_key(cell));
        rows.map(|row| format!("not reached: {row}"))
            .chain(cells.map(|(row, act, moment)| format!("not reached: crash {moment:?} {act:?}, {row}")))
            .chain(Feature::ALL.into_iter().filter_map(|feature| self.too_seldom(feature)))
            .chain(feature_crashes().filter(|cell| !self.crashes.contains_key(cell)).map(
                |(feature, act, moment)| format!("not reached: crash {moment:?} {act:?} with {feature:?}"),
            ))
    }

    fn too_seldom(&self, feature: Feature) -> Option<String> {
        let least = ROWS_LEAST.iter().find(|(of, _)| *of == feature).map_or(1, |(_, least)| *least);
        let rows = self.features.keys().filter(|(known, _)| *known == feature).count();
        (rows < least).then(|| format!("not reached: {feature:?} through {least} rows, only {rows}"))
    }
}

/// All boundaries.
fn boundaries() -> impl Iterator<Item = (Act, Moment)> {
    Act::ALL.into_iter().flat_map(|act| act.moments().iter().map(move |moment| (act, *moment)))
}

/// The boundaries at which a crash has to meet what a group does.
fn feature_crashes() -> impl Iterator<Item = (Feature, Act, Moment)> {
    let steps = || STEPS.into_iter().flat_map(|act| act.moments().iter().map(move |moment| (act, *moment)));
    CRASHED.into_iter().flat_map(move |feature| steps().map(move |(act, moment)| (feature, act, moment)))
}

/// A crash that can be sought, by its number.
pub(crate) fn crash(index: usize) -> Option<(Target, Act, Moment)> {
    let row = possible_crashes().get(index).map(|(row, act, moment)| (Target::Row(*row), *act, *moment));
    row.or_else(|| {
        let (feature, act, moment) = feature_crashes().nth(index - possible_crashes().len())?;
        Some((Target::Feature(feature), act, moment))
    })
}

/// Cells that can be reached, in a fixed order.
fn possible_crashes() -> &'static [(Row, Act, Moment)] {
    static CELLS: LazyLock<Vec<(Row, Act, Moment)>> = LazyLock::new(all_possible_crashes);
    &CELLS
}

fn all_possible_crashes() -> Vec<(Row, Act, Moment)> {
    let moving = Row::all().into_iter().filter(|row| row.moves() && impossible::row(*row).is_none());
    let cells = moving.flat_map(|row| boundaries().map(move |(act, moment)| (row, act, moment)));
    cells.filter(|(row, act, moment)| impossible::cell(*row, *act, *moment).is_none()).collect()
}

/// The rows with their cells: + reached, - cannot be, ! missing; then the sums.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            |act: Act| format!("{:<1$}", &format!("{act:?}")[..act.moments().len()], act.moments().len());
        let heads = Act::ALL.map(head).join(" ");
        writeln!(f, "crashes before, after and told of each act: + reached, - cannot be, ! missing")?;
        writeln!(f, "{:<32}{:>9}  {heads}", "row", "times")?;
        for row in Row::all() {
            let times = self.rows.get(&row).copied().unwrap_or(0);
            let cells = Act::ALL.map(|act| {
                act.moments().iter().map(|moment| self.mark(row, act, *moment)).collect::<String>()
            });
            writeln!(f, "{}", format!("{:<32}{times:>9}  {}", row.to_string(), cells.join(" ")).trim_end())?;
        }
        for feature in Feature::ALL {
            let with = self.features.iter().filter(|((known, _), _)| *known == feature);
            let (rows, times) = with.fold((0, 0), |(rows, sum), (_, times)| (rows + 1, sum + times));
            writeln!(f, "with {:<27}{times:>9}  through {rows} rows", format!("{feature:?}"))?;
        }
        let met = feature_crashes().filter(|cell| self.crashes.contains_key(cell)).count();
        writeln!(f, "coverage: {met} of {} crashes at the steps of groups", feature_crashes().count())?;
        let (possible, all) = (possible_crashes(), Row::all());
        let moving = all.iter().filter(|row| row.moves()).count();
        let reached = possible.iter().filter(|cell| self.cells.contains_key(cell)).count();
        let rows = all.iter().filter(|row| self.rows.contains_key(row)).count();
        let barred = all.iter().filter(|row| impossible::row(**row).is_some()).count();
        writeln!(f, "coverage: {rows} of {} rows ({barred} cannot be gone through)", all.len())?;
        let (count, cells) = (possible.len(), moving * boundaries().count());
        writeln!(f, "coverage: {reached} of {count} crash cells ({} cannot be reached)", cells - count)
    }
}

impl Coverage {
    fn mark(&self, row: Row, act: Act, moment: Moment) -> char {
        let reached = self.cells.contains_key(&(row, act, moment));
        match (row.moves(), reached, impossible::cell(row, act, moment)) {
            (false, ..) => ' ',
            (_, true, _) => '+',
            (_, _, Some(_)) => '-',
            _ => '!',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecommit_core::table::{self, TxnEvent, TxnState};

    const COMMITTED: Row = Row::Table(table::Row::Txn(TxnState::Committing, TxnEvent::ProvenCommitted));

    #[test]
    fn what_a_full_run_has_not_reached_is_named() {
        let mut coverage = Coverage::default();
        let gap = format!("not reached: crash After Put, {COMMITTED}");
        assert!(coverage.gaps(FULL).contains(&gap));
        assert_eq!(coverage.gaps(FULL - 1), Vec::<String>::new(), "a small run has no duty");
        coverage.crashed(&[COMMITTED].into(), &BTreeSet::new(), Act::Put, Moment::After);
        assert!(!coverage.gaps(FULL).contains(&gap));
    }

    #[test]
    fn what_is_reached_against_the_list_is_named_by_any_run() {
        let mut coverage = Coverage::default();
        coverage.crashed(&[COMMITTED].into(), &BTreeSet::new(), Act::Open, Moment::Before);
        let [gap] = &coverage.gaps(1)[..] else { panic!("one gap") };
        assert!(gap.contains("crash Before Open") && gap.contains("no lane carries"), "{gap}");
    }
}
