//! Who shares a Kafka transaction: in the order of their Commits, fair among callers, and never past somebody who has to
//! come first (engine.md 6, 7).

use super::{Engine, schedule::GROUPS_MAX, txn::Claim, txn::Txn, txn::group_count};
use crate::{Caller, TxnId};
use std::collections::{BTreeMap, BTreeSet};

/// What has been chosen, and who waits: those keep their places before later ones of their key or partition.
#[derive(Default)]
struct Chosen<'a> {
    members: Vec<TxnId>,
    records: u64,
    bytes: u64,
    claims: BTreeSet<&'a Claim>,
    waiting_keys: BTreeSet<&'a str>,
    waiting_claims: BTreeSet<&'a Claim>,
}

impl Engine {
    /// Takes from the queue those that share the next Kafka transaction.
    pub(super) fn gather(&mut self) -> Vec<TxnId> {
        let limits = self.limits.group_commit;
        let mut chosen = Chosen::default();
        for id in self.in_turns() {
            let txn = &self.txns[&id];
            let fits = !txn.alone
                && (chosen.members.is_empty()
                    || chosen.records + txn.next_sequence <= limits.records
                        && chosen.bytes + txn.bytes <= limits.bytes
                        && chosen.groups_with(txn) <= GROUPS_MAX);
            if fits && chosen.lets(txn) && self.is_free(txn) {
                chosen.take(txn);
            } else {
                chosen.pass_over(txn);
            }
            if chosen.members.len() >= limits.transactions {
                break;
            }
        }
        let members = chosen.members;
        members.iter().for_each(|id| self.dequeue(*id));
        members
    }

    /// The first in the queue that runs alone and may start.
    pub(super) fn first_alone(&self) -> Option<TxnId> {
        let mut passed = Chosen::default();
        self.queue.iter().find(|id| {
            let txn = &self.txns[id];
            let first = txn.alone && passed.lets(txn) && self.is_free(txn);
            if !first {
                passed.pass_over(txn);
            }
            first
        })
    }

    /// Whether no lane carries, and no doubt holds, what must be settled before the transaction.
    fn is_free(&self, txn: &Txn) -> bool {
        !self.ordered.contains_key(&txn.ordering_key)
            && txn.offsets.keys().all(|claim| !self.claimed.contains_key(claim))
    }

    /// Those who wait, in the order of their Commits. When there are more than one group carries, callers take turns: one
    /// with many must not make the others wait. What has a key or offsets in common stays in its order.
    fn in_turns(&self) -> Vec<TxnId> {
        let mut waiting: Vec<_> = self.queue.iter().map(|id| (0, id)).collect();
        if waiting.len() <= self.limits.group_commit.transactions {
            return waiting.into_iter().map(|(_, id)| id).collect();
        }
        let mut rounds: BTreeMap<Caller, u32> = BTreeMap::new();
        let mut keys: BTreeMap<&str, u32> = BTreeMap::new();
        let mut claims: BTreeMap<&Claim, u32> = BTreeMap::new();
        for (round, id) in &mut waiting {
            let txn = &self.txns[id];
            let own = rounds.entry(txn.caller).or_default();
            *own += 1;
            *round = *own;
            let before = keys.get(txn.ordering_key.as_str()).copied().into_iter();
            *round = before
                .chain(txn.offsets.keys().filter_map(|c| claims.get(c).copied()))
                .fold(*round, u32::max);
            if !txn.ordering_key.is_empty() {
                keys.insert(&txn.ordering_key, *round);
            }
            claims.extend(txn.offsets.keys().map(|claim| (claim, *round)));
        }
        // Stable: within a round by turn.
        waiting.sort_by_key(|(round, _)| *round);
        waiting.into_iter().map(|(_, id)| id).collect()
    }
}

// === impl Chosen ===

impl<'a> Chosen<'a> {
    /// Nobody who was passed over has to come before it.
    fn lets(&self, txn: &Txn) -> bool {
        !self.waiting_keys.contains(txn.ordering_key.as_str())
            && txn.offsets.keys().all(|claim| !self.waiting_claims.contains(claim))
    }

    fn groups_with(&self, txn: &Txn) -> usize {
        if txn.offsets.is_empty() {
            return 0;
        }
        let claims: BTreeSet<&Claim> = self.claims.iter().copied().chain(txn.offsets.keys()).collect();
        group_count(claims.into_iter())
    }

    fn take(&mut self, txn: &'a Txn) {
        self.records += txn.next_sequence;
        self.bytes += txn.bytes;
        self.claims.extend(txn.offsets.keys());
        self.members.push(txn.id);
    }

    fn pass_over(&mut self, txn: &'a Txn) {
        if !txn.ordering_key.is_empty() {
            self.waiting_keys.insert(&txn.ordering_key);
        }
        self.waiting_claims.extend(txn.offsets.keys());
    }
}
