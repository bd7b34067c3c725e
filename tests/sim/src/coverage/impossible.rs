//! What no run can reach, each with the reason; everything else must be reached.

use super::{Act, Moment, Row};
use sidecommit_core::table::{self, LaneState as L, LaneStep, TxnEvent as E, TxnState as S};

/// What can happen on its lane to whatever went through a row last.
struct OnItsLane {
    /// A crash before or after these finds the row.
    under_way: &'static [Act],
    /// The report of these leads through the row, or leaves it as it is.
    told: &'static [Act],
    /// Why nothing else can.
    why: &'static str,
}

/// Why a row cannot be gone through.
pub(super) fn row(row: Row) -> Option<&'static str> {
    use table::Row::{Lane, Txn};
    let Row::Table(row) = row else { return None };
    match row {
        Txn(S::InDoubt, E::Doubted) => {
            Some("a group is doubted once: when its producer fails, or at a start")
        }
        Lane(L::Idle, LaneStep::Replace) => {
            Some("a producer fails only in an operation, and none is under way")
        }
        Lane(L::Stopped, LaneStep::Close) => Some("only a lane that has just been settled is closed"),
        _ => None,
    }
}

/// Why a cell cannot be reached.
pub(super) fn cell(of: Row, act: Act, moment: Moment) -> Option<&'static str> {
    if let Some(why) = row(of) {
        return Some(why);
    }
    if !act.is_a_lanes() {
        return None; // the journal, the reader and the calls go their way whatever happened last
    }
    let OnItsLane { under_way, told, why } = on_its_lane(of);
    let possible = if moment == Moment::Told { told } else { under_way };
    (!possible.contains(&act)).then_some(why)
}

fn on_its_lane(row: Row) -> OnItsLane {
    use Act::{Begin, Send};
    match row {
        Row::Born(S::Open) => OnItsLane {
            under_way: &[Begin, Send, Act::Fail, Act::Undo],
            told: &[Send],
            why: "while it is open a lane takes its records and nothing else",
        },
        Row::Born(_) => of_txn(S::Committing, E::Doubted),
        Row::Table(table::Row::Txn(state, event)) => of_txn(state, event),
        Row::Table(table::Row::Lane(state, step)) => of_lane(state, step),
    }
}

fn of_txn(state: S, event: E) -> OnItsLane {
    use Act::{Abort, Begin, Close, Commit, Fail, Flush, Offsets, Open, Send, Undo, Write};
    let (under_way, told, why): (&[Act], &[Act], _) = match (state, event) {
        // Its lane settles the past: init, and perhaps a record of our own; or it is stopped.
        (S::Committing, E::Doubted) => (
            &[Open, Begin, Write, Flush, Commit, Fail, Close],
            &[Open, Flush, Commit, Fail],
            "while a group is in doubt its lane carries no other, only records of our own",
        ),
        (S::Open, E::CommitAsked) => (
            &[Begin, Send, Write, Offsets, Flush, Commit, Fail, Undo],
            &[Send, Flush],
            "its lane sends and commits it; a lane that is replaced moves it on",
        ),
        (S::Open, E::AbortAsked) => {
            (&[Begin, Send, Abort, Fail, Undo], &[Send], "its lane aborts it, after what was sent before")
        }
        (S::Open, _) => (
            &[],
            &[Fail],
            "no lane carries what is final; an open transaction loses its lane by a failure only",
        ),
        (S::Committing, E::ProvenAborted) => (
            &[],
            &[Fail, Send],
            "no lane carries what is final; before PREPARED only a failure or a clock aborts",
        ),
        (S::Committing, E::Requeued) => (
            &[Open, Begin, Send, Write, Offsets, Flush, Commit, Fail, Undo, Close],
            &[Open, Fail, Send, Flush],
            "it waits for its lane's init, leaves the lane with it, and is sent again; EndTxn does not abort it",
        ),
        (S::Committing, _) => {
            (&[], &[Commit], "no lane carries what is final; only the commit's answer tells of it")
        }
        (S::InDoubt, E::Requeued) => (
            &[Begin, Send, Write, Offsets, Flush, Commit, Fail, Undo],
            &[Send, Flush],
            "a read has freed it from its lane; another is opened before it carries it",
        ),
        (S::InDoubt, _) => (&[], &[], "a read decides, not a lane, and no lane carries what is final"),
        (S::Aborting, _) => (
            &[],
            &[Abort, Fail],
            "no lane carries what is final; the abort's answer or its failure tells of it",
        ),
        (S::Committed | S::Aborted | S::Unknown, _) => (&[], &[], "nothing moves a final transaction"),
    };
    OnItsLane { under_way, told, why }
}

fn of_lane(state: L, step: LaneStep) -> OnItsLane {
    use Act::{Abort, Begin, Close, Commit, Fail, Flush, Offsets, Open, Send, Undo, Write};
    let (under_way, told, why): (&[Act], &[Act], _) = match (state, step) {
        (L::Busy, LaneStep::Replace) => (
            &[Open, Close],
            &[Fail, Commit, Abort, Send],
            "its producer is inited, perhaps after a pause; a failure, an unclean end or a clock led there",
        ),
        (L::Writing, LaneStep::Replace) => (
            &[Open, Close],
            &[Fail],
            "its producer is inited, perhaps after a pause; only the failure of its own record led there",
        ),
        (_, LaneStep::Replace) => {
            (&[Open], &[], "its producer is inited, and no report of the one before led there")
        }
        (_, LaneStep::Inited) => (&[], &[Open], "it waits for a read"),
        (_, LaneStep::Write) => {
            (&[Begin, Write, Flush, Commit, Fail], &[Flush], "it commits a record of our own, then it reads")
        }
        (_, LaneStep::Written) => (&[], &[Commit], "it waits for a read"),
        (_, LaneStep::Settled) => (&[], &[], "the journal's sync led there, and its producer rests"),
        (_, LaneStep::Start) => (
            &[Begin, Send, Write, Offsets, Flush, Commit, Abort, Fail, Undo],
            &[Send, Flush, Commit, Abort],
            "it carries a group, perhaps right after another; a failure replaces it",
        ),
        (_, LaneStep::Clean) => (&[], &[Commit, Abort], "its producer rests after a clean end"),
        (_, LaneStep::Close) => (&[Close], &[], "it has no producer any more, and a sync led there"),
        (L::Busy, LaneStep::Stop) => (
            &[Close],
            &[Commit, Fail],
            "its producer is dropped; the answer to its last commit may still be awaited",
        ),
        (_, LaneStep::Stop) => (&[Close], &[], "its producer is dropped, and a read led there"),
    };
    OnItsLane { under_way, told, why }
}
