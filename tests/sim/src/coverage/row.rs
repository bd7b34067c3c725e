//! The rows: every row of the engine's tables that is not a defect, and how transactions come into being.

use sidecommit_core::table::{self, LaneState, LaneStep, Next, TxnEvent, TxnState};
use std::fmt;

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// A transaction appears: by Begin or Transact, or from the journal of an earlier life.
    Born(TxnState),
    Table(table::Row),
}

// === impl Row ===

impl Row {
    /// All, in the tables' order.
    pub(crate) fn all() -> Vec<Self> {
        use table::Row as T;
        let born = [TxnState::Open, TxnState::InDoubt].map(Self::Born);
        let txns = TxnState::ALL.into_iter().flat_map(|s| TxnEvent::ALL.map(|e| Self::Table(T::Txn(s, e))));
        let lanes =
            LaneState::ALL.into_iter().flat_map(|s| LaneStep::ALL.map(|l| Self::Table(T::Lane(s, l))));
        let all = born.into_iter().chain(txns).chain(lanes);
        all.filter(|row| row.next() != Outcome::Invalid).collect()
    }

    /// Whether it leads anywhere: what only stays where it is adds nothing to the row before.
    pub(crate) fn moves(self) -> bool {
        self.next() == Outcome::Moves
    }

    fn next(self) -> Outcome {
        match self {
            Self::Born(_) => Outcome::Moves,
            Self::Table(table::Row::Txn(state, event)) => outcome(state.on(event)),
            Self::Table(table::Row::Lane(state, step)) => outcome(state.on(step)),
        }
    }

    /// The state that a transaction's row leads to.
    pub(crate) fn txn_to(self) -> Option<TxnState> {
        match self {
            Self::Born(state) => Some(state),
            Self::Table(table::Row::Txn(state, event)) => match state.on(event) {
                Next::To(to) => Some(to),
                Next::NoOp => Some(state),
                Next::Invalid => None,
            },
            Self::Table(table::Row::Lane(..)) => None,
        }
    }

    /// The state that a lane's row leads to.
    pub(crate) fn lane_to(self) -> Option<LaneState> {
        let Self::Table(table::Row::Lane(state, step)) = self else { return None };
        match state.on(step) {
            Next::To(to) => Some(to),
            Next::NoOp => Some(state),
            Next::Invalid => None,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Born(state) => format!("txn  -> {state:?}"),
            Self::Table(table::Row::Txn(state, event)) => format!("txn  {state:?}, {event:?}"),
            Self::Table(table::Row::Lane(state, step)) => format!("lane {state:?}, {step:?}"),
        };
        f.write_str(&text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Moves,
    Stays,
    Invalid,
}

fn outcome<S>(next: Next<S>) -> Outcome {
    match next {
        Next::To(_) => Outcome::Moves,
        Next::NoOp => Outcome::Stays,
        Next::Invalid => Outcome::Invalid,
    }
}
