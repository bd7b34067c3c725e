//! The one table of transitions: what may follow what, for transactions and for lanes.
//!
//! Three answers: a move, a no-op (a repeat or a late report: retries need it to be harmless) and invalid (a defect:
//! the process stops, and the start after it settles the past from Kafka).

/// The state of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TxnState {
    /// Takes records and offsets.
    Open,
    /// Commit was asked; not PREPARED, so an abort is still possible, or PREPARED and EndTxn is under way.
    Committing,
    /// EndTxn(commit) may have been executed; only Kafka can tell.
    InDoubt,
    /// Being aborted; it can no longer be committed.
    Aborting,
    /// Final.
    Committed,
    /// Final.
    Aborted,
    /// Final: Kafka can no longer tell.
    Unknown,
}

/// What can happen to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TxnEvent {
    /// Its application asks for the commit, with matching counts.
    CommitAsked,
    /// Its application, an operator, a clock or the drain asks for the abort, and a producer has to be told.
    AbortAsked,
    /// Nothing of it was or will be committed: EndTxn(commit) was never sent, or Kafka proved the abort.
    ProvenAborted,
    /// EndTxn(commit) was answered Ok, or its marker was found.
    ProvenCommitted,
    /// EndTxn(commit) was sent and its answer is missing.
    Doubted,
    /// Its group was proven aborted and it enters another one.
    Requeued,
    /// The evidence is gone from Kafka.
    EvidenceLost,
}

/// The state of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneState {
    /// No producer.
    Closed,
    /// init_transactions is under way (or waits for its turn after a fence).
    Opening,
    /// Reading the owner record and the markers, or journaling what they said.
    Verifying,
    /// Committing an owner, birth or barrier record.
    Writing,
    /// May be used.
    Idle,
    /// Carries a group.
    Busy,
    /// Never to be used again without proof: a rival owns the slot.
    Stopped,
}

/// What can happen to a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneStep {
    /// Its producer is replaced (start, taint, failure, demand).
    Replace,
    /// init_transactions returned Ok.
    Inited,
    /// A record of our own has to be committed first.
    Write,
    /// That record is committed; read again.
    Written,
    /// Owner verified, past settled.
    Settled,
    /// A group starts.
    Start,
    /// Its group ended cleanly.
    Clean,
    /// Its producer is dropped.
    Close,
    /// A rival owns the slot.
    Stop,
}

/// What a step leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<S> {
    /// Another (or the same) state.
    To(S),
    /// Nothing changes and nothing is wrong.
    NoOp,
    /// Must not happen.
    Invalid,
}

impl TxnState {
    /// All states.
    pub const ALL: [Self; 7] = {
        use TxnState as S;
        [S::Open, S::Committing, S::InDoubt, S::Aborting, S::Committed, S::Aborted, S::Unknown]
    };

    /// Whether nothing can happen any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::Aborted | Self::Unknown)
    }

    /// The table of transactions.
    pub fn on(self, event: TxnEvent) -> Next<Self> {
        use Next::{Invalid, NoOp, To};
        use TxnEvent as E;
        use TxnState as S;
        match (self, event) {
            (S::Open, E::CommitAsked) => To(S::Committing),
            (S::Open, E::AbortAsked) => To(S::Aborting),
            (S::Open, E::ProvenAborted) => To(S::Aborted),
            (S::Open, _) => Invalid,

            (S::Committing, E::CommitAsked) => NoOp,
            (S::Committing, E::AbortAsked) => NoOp,
            (S::Committing, E::ProvenAborted) => To(S::Aborted),
            (S::Committing, E::ProvenCommitted) => To(S::Committed),
            (S::Committing, E::Doubted) => To(S::InDoubt),
            (S::Committing, E::Requeued) => To(S::Committing),
            (S::Committing, E::EvidenceLost) => Invalid,

            (S::InDoubt, E::CommitAsked | E::AbortAsked | E::Doubted) => NoOp,
            (S::InDoubt, E::ProvenAborted) => To(S::Aborted),
            (S::InDoubt, E::ProvenCommitted) => To(S::Committed),
            (S::InDoubt, E::Requeued) => To(S::Committing),
            (S::InDoubt, E::EvidenceLost) => To(S::Unknown),

            (S::Aborting, E::CommitAsked | E::AbortAsked) => NoOp,
            (S::Aborting, E::ProvenAborted) => To(S::Aborted),
            (S::Aborting, _) => Invalid,

            (S::Committed | S::Aborted | S::Unknown, E::CommitAsked | E::AbortAsked) => NoOp,
            (S::Committed | S::Aborted | S::Unknown, _) => Invalid,
        }
    }
}

impl TxnEvent {
    /// All events.
    pub const ALL: [Self; 7] = {
        use TxnEvent as E;
        [
            E::CommitAsked,
            E::AbortAsked,
            E::ProvenAborted,
            E::ProvenCommitted,
            E::Doubted,
            E::Requeued,
            E::EvidenceLost,
        ]
    };
}

impl LaneState {
    /// All states.
    pub const ALL: [Self; 7] = {
        use LaneState as S;
        [S::Closed, S::Opening, S::Verifying, S::Writing, S::Idle, S::Busy, S::Stopped]
    };

    /// The table of lanes.
    pub fn on(self, step: LaneStep) -> Next<Self> {
        use LaneState as S;
        use LaneStep as L;
        use Next::{Invalid, NoOp, To};
        match (self, step) {
            // A failed or tainted producer may be replaced wherever the lane is.
            (_, L::Replace) => To(S::Opening),
            (S::Stopped, L::Stop | L::Close) => NoOp,
            (_, L::Stop) => To(S::Stopped),
            (S::Opening, L::Inited) => To(S::Verifying),
            (S::Verifying, L::Write) => To(S::Writing),
            (S::Writing, L::Written) => To(S::Verifying),
            (S::Verifying, L::Settled) => To(S::Idle),
            (S::Idle, L::Start) => To(S::Busy),
            (S::Busy, L::Clean) => To(S::Idle),
            (S::Idle, L::Close) => To(S::Closed),
            (_, L::Inited | L::Write | L::Written | L::Settled | L::Start | L::Clean | L::Close) => Invalid,
        }
    }
}

impl LaneStep {
    /// All steps.
    pub const ALL: [Self; 9] = {
        use LaneStep as L;
        [L::Replace, L::Inited, L::Write, L::Written, L::Settled, L::Start, L::Clean, L::Close, L::Stop]
    };
}

/// A row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Row {
    /// Of the table of transactions.
    Txn(TxnState, TxnEvent),
    /// Of the table of lanes.
    Lane(LaneState, LaneStep),
}

/// Both tables as a graph for `dot`; docs/states.dot is compared with it.
pub fn dot() -> String {
    let mut dot =
        String::from("// Generated from proxy/core/src/table.rs; a test compares.\ndigraph states {\n");
    let mut edges = |name: &str, edges: Vec<(String, String, String)>| {
        dot.push_str(&format!("  subgraph cluster_{name} {{\n    label = \"{name}\";\n"));
        for (from, event, to) in edges {
            dot.push_str(&format!("    {name}_{from} -> {name}_{to} [label = \"{event}\"];\n"));
        }
        dot.push_str("  }\n");
    };
    let moves = |state: TxnState| {
        TxnEvent::ALL.into_iter().filter_map(move |event| match state.on(event) {
            Next::To(to) => Some((format!("{state:?}"), format!("{event:?}"), format!("{to:?}"))),
            _ => None,
        })
    };
    edges("transaction", TxnState::ALL.into_iter().flat_map(moves).collect());
    let moves = |state: LaneState| {
        LaneStep::ALL.into_iter().filter_map(move |step| match state.on(step) {
            Next::To(to) => Some((format!("{state:?}"), format!("{step:?}"), format!("{to:?}"))),
            _ => None,
        })
    };
    edges("lane", LaneState::ALL.into_iter().flat_map(moves).collect());
    dot.push_str("}\n");
    dot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_a_final_state() {
        for state in TxnState::ALL.into_iter().filter(|state| state.is_final()) {
            for event in TxnEvent::ALL {
                assert!(!matches!(state.on(event), Next::To(_)), "{state:?} on {event:?}");
            }
        }
    }

    #[test]
    fn only_doubt_leads_to_unknown_and_doubt_never_leads_to_a_new_attempt_without_proof() {
        for state in TxnState::ALL {
            for event in TxnEvent::ALL {
                if state.on(event) == Next::To(TxnState::Unknown) {
                    assert_eq!((state, event), (TxnState::InDoubt, TxnEvent::EvidenceLost));
                }
            }
        }
        assert_eq!(TxnState::InDoubt.on(TxnEvent::AbortAsked), Next::NoOp);
    }

    #[test]
    fn a_lane_carries_a_group_only_after_its_owner_was_verified() {
        let ways_to_idle = LaneState::ALL.into_iter().flat_map(|s| LaneStep::ALL.map(move |l| (s, l)));
        let ways: Vec<_> = ways_to_idle.filter(|(s, l)| s.on(*l) == Next::To(LaneState::Idle)).collect();
        assert_eq!(ways, [(LaneState::Verifying, LaneStep::Settled), (LaneState::Busy, LaneStep::Clean)]);
    }

    #[test]
    fn the_picture_in_docs_is_current() {
        assert_eq!(dot(), include_str!("../../../docs/states.dot"));
    }
}
