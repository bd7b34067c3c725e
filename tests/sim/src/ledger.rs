//! The checker: what applications were told, against what a read_committed reader sees.
//!
//! It knows nothing of the engine but the replies that left it and the contents of markers. Records say themselves
//! ([`crate::token::Token`]) which application transaction they belong to.

mod asserts;
mod claims;
mod told;

pub(crate) use asserts::Expected;
pub(crate) use claims::{Committed, Owners};
pub(crate) use told::{Told, Word};

use crate::event::{ClientId, ProcId};
use sidecommit_core::{GroupOffsets, GroupUuid, KeyHash, Member, Millis, Transact, TxnId};
use std::collections::{BTreeMap, BTreeSet};

/// Index of an application transaction.
pub(crate) type AppId = usize;

/// A broken promise: the text says which.
pub(crate) type Broken = String;

/// A transaction as an application means it: one Begin with everything after it, or one idempotency key.
#[derive(Debug, Default)]
pub(crate) struct App {
    pub(crate) client: ClientId,
    /// When its Begin or Transact was first called.
    pub(crate) began: Millis,
    pub(crate) records: u64,
    pub(crate) poisoned: bool,
    pub(crate) offsets: Vec<GroupOffsets>,
    pub(crate) ordering_key: String,
    pub(crate) key: Option<KeyHash>,
    /// The Transact call, to repeat it at the end.
    pub(crate) transact: Option<Transact>,
    /// Commit or Transact was called.
    pub(crate) asked: bool,
    /// The caller was told that it is aborted, has no call under way and will not call again.
    pub(crate) given_up: bool,
    /// Ids that were given to it.
    pub(crate) txns: BTreeSet<TxnId>,
    /// Kafka transactions that committed it.
    pub(crate) committed_in: Vec<usize>,
    /// As which transaction.
    pub(crate) committed_as: Option<TxnId>,
    /// The groups of the markers that prove it.
    pub(crate) proofs: Vec<GroupUuid>,
    /// It was committed again, see [`Ledger::is_excused`].
    pub(crate) excused: bool,
    /// When its caller was first told that it is committed.
    pub(crate) told_committed: Option<Millis>,
}

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) apps: Vec<App>,
    pub(crate) by_txn: BTreeMap<TxnId, AppId>,
    by_key: BTreeMap<KeyHash, AppId>,
    /// Which Kafka transaction committed which transaction.
    committed: BTreeMap<TxnId, usize>,
    /// In which order a process took the commits of transactions that had no lane yet.
    taken: BTreeMap<TxnId, (ProcId, u64)>,
    /// Of each group.id, topic and partition the last commit that a process took of those that are committed.
    settled: BTreeMap<(String, String, i32), (ProcId, u64)>,
    /// What was told to be aborted, by which process.
    aborted: BTreeMap<TxnId, ProcId>,
    /// Evidence was removed from the outcomes: UNKNOWN is a legal answer.
    pub(crate) evidence_removed: bool,
    /// Groups whose markers a stranger removed.
    pub(crate) unproven: BTreeSet<GroupUuid>,
    /// A journal was lost, replaced, or has dropped outcomes: OUTCOME_FORGOTTEN is a legal answer.
    pub(crate) memory_lost: bool,
    pub(crate) owners: Owners,
}

// === impl App ===

impl App {
    /// What its offsets are claimed by: group.id, topic, partition.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (&str, &str, i32)> {
        self.offsets.iter().flat_map(|of| {
            let group = of.group.group_id.as_str();
            of.offsets.iter().map(move |offset| (group, offset.topic.as_str(), offset.partition))
        })
    }
}

// === impl Ledger ===

impl Ledger {
    /// Opens an account.
    pub(crate) fn open(&mut self, app: App) -> AppId {
        let id = self.apps.len();
        self.apps.push(app);
        id
    }

    /// Names the key of an application transaction.
    pub(crate) fn set_key(&mut self, app: AppId, key: KeyHash) {
        self.apps[app].key = Some(key);
        self.by_key.insert(key, app);
    }

    /// Notes the id that a transaction was given.
    ///
    /// # Errors
    /// If the id belongs to another one.
    pub(crate) fn bind(&mut self, app: AppId, txn: TxnId) -> Result<(), Broken> {
        match self.by_txn.insert(txn, app) {
            Some(other) if other != app => {
                Err(format!("{txn} was given to application transactions {other} and {app}"))
            }
            _ => {
                self.apps[app].txns.insert(txn);
                Ok(())
            }
        }
    }

    /// A process takes a commit; `waits`: its transaction has no lane yet.
    pub(crate) fn takes(&mut self, proc: ProcId, txn: TxnId, waits: bool) {
        let turn = self.taken.len() as u64;
        if waits {
            self.taken.entry(txn).or_insert((proc, turn));
        }
    }

    /// Whose transaction a member of a group is.
    pub(crate) fn app_of(&self, member: &Member) -> Option<AppId> {
        self.by_key.get(&member.key).or_else(|| self.by_txn.get(&member.txn)).copied()
    }

    /// Two faults at once, beyond what is promised: a journal was lost and a stranger removed what Kafka knew of it; or
    /// nothing is visible either way.
    pub(crate) fn is_excused(&self, app: AppId) -> bool {
        let app = &self.apps[app];
        let empty = app.records == 0 && app.offsets.is_empty();
        self.memory_lost && (empty || app.proofs.iter().any(|group| self.unproven.contains(group)))
    }

    /// Ids that were told to anybody, for the last audit.
    pub(crate) fn known_txns(&self) -> Vec<TxnId> {
        self.by_txn.keys().copied().collect()
    }
}
