//! No commit after a newer owner record.
//!
//! A predecessor may still commit on a lane between the claim and the successor's init of that lane. So the rule that
//! can be checked is twofold: nothing by a producer that was initialised after the newer claim (it had to read the owner
//! record), and nothing at all once the successor serves (it has initialised every lane).

use super::Broken;
use crate::event::{PodId, ProcId};
use sidecommit_core::{Incarnation, Millis, OwnerRecord};
use std::collections::{BTreeMap, BTreeSet};

/// Who has claimed the slot.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    newest: Option<Owner>,
    /// Pods superseded by another pod, by the claim that did it.
    superseded: BTreeMap<PodId, ProcId>,
    /// Pods that an operator called rightful, good for their next claim.
    proven: BTreeSet<PodId>,
    erased: bool,
}

#[derive(Debug)]
struct Owner {
    proc: ProcId,
    pod: PodId,
    incarnation: Incarnation,
    at: Millis,
    serves: bool,
}

/// A commit as the coordinator decided it.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) by: ProcId,
    pub(crate) pod: PodId,
    /// When its producer was initialised.
    pub(crate) inited: Millis,
    pub(crate) now: Millis,
    /// The owner record in it, if there is one.
    pub(crate) claim: Option<OwnerRecord>,
    /// Whether the process can know that its pod was superseded.
    pub(crate) knows: bool,
}

// === impl Owners ===

impl Owners {
    /// A process serves.
    pub(crate) fn serves(&mut self, proc: ProcId) {
        if let Some(owner) = self.newest.as_mut().filter(|owner| owner.proc == proc) {
            owner.serves = true;
        }
    }

    /// Whether nobody has claimed the slot after this process.
    pub(crate) fn is_newest(&self, proc: ProcId) -> bool {
        self.newest.as_ref().is_some_and(|owner| owner.proc == proc)
    }

    /// An operator proves that a pod is the rightful owner.
    pub(crate) fn resume(&mut self, pod: PodId) {
        self.proven.insert(pod);
    }

    /// Somebody removed the owner record: nobody can know what it said, not even how many lanes to fence. What is left
    /// is that a producer initialised after a claim must read it.
    pub(crate) fn erased(&mut self) {
        self.erased = true;
    }

    /// Checks a commit by one of our processes.
    pub(crate) fn committed(&mut self, commit: &Committed) -> Result<(), Broken> {
        match &commit.claim {
            Some(claim) => self.claimed(commit, claim),
            None => self.wrote(commit),
        }
    }

    fn claimed(&mut self, commit: &Committed, claim: &OwnerRecord) -> Result<(), Broken> {
        let Committed { by, pod, now, .. } = *commit;
        if let Some(owner) = self.newest.as_ref().filter(|_| !self.erased) {
            if owner.proc != by && claim.incarnation <= owner.incarnation {
                return Err(format!(
                    "process {by} claimed as {:?}, no newer than process {}'s {:?}",
                    claim.incarnation, owner.proc, owner.incarnation
                ));
            }
            let unproven = !self.proven.remove(&pod) && commit.knows;
            if let Some(rival) = self.superseded.get(&pod).filter(|_| unproven) {
                return Err(format!(
                    "process {by} claimed again without proof after process {rival} of another pod"
                ));
            }
            if owner.pod != pod {
                self.superseded.insert(owner.pod, by);
            }
        }
        let serves = self.newest.as_ref().is_some_and(|owner| owner.proc == by && owner.serves);
        self.superseded.remove(&pod);
        self.newest = Some(Owner { proc: by, pod, incarnation: claim.incarnation, at: now, serves });
        Ok(())
    }

    fn wrote(&self, commit: &Committed) -> Result<(), Broken> {
        let Committed { by, inited, .. } = *commit;
        let Some(owner) = self.newest.as_ref().filter(|owner| owner.proc != by) else {
            return Ok(());
        };
        let Owner { proc, at, .. } = owner;
        if inited > *at {
            return Err(format!(
                "process {by} committed with a producer initialised at {inited}, after process {proc} claimed at {at}"
            ));
        }
        if owner.serves && !self.erased {
            return Err(format!("process {by} committed while the newer owner, process {proc}, serves"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecommit_core::JournalId;

    fn commit(by: ProcId, inited: Millis, claim: Option<u32>) -> Committed {
        let claim = claim.map(|incarnation| OwnerRecord {
            incarnation: Incarnation(incarnation),
            journal: JournalId([0; 16]),
            pod_uid: String::new(),
            lanes_max: 1,
            time: 0,
        });
        Committed { by, pod: by, inited, now: 10, claim, knows: true }
    }

    #[test]
    fn a_superseded_process_commits_only_what_no_init_has_fenced_yet() {
        let mut owners = Owners::default();
        assert!(owners.committed(&commit(0, 1, Some(1))).is_ok());
        assert!(owners.committed(&commit(1, 5, Some(2))).is_ok());
        assert!(
            owners.committed(&commit(0, 1, None)).is_ok(),
            "its lane is not initialised by the successor yet"
        );
        assert!(owners.committed(&commit(0, 11, None)).is_err(), "its new producer had to read the owner");
        owners.serves(1);
        assert!(owners.committed(&commit(0, 1, None)).is_err());
        assert!(owners.committed(&commit(1, 1, None)).is_ok());
    }

    #[test]
    fn claims_count_up_and_a_superseded_pod_needs_proof() {
        let mut owners = Owners::default();
        assert!(owners.committed(&commit(0, 1, Some(1))).is_ok());
        assert!(owners.committed(&commit(1, 1, Some(1))).is_err());
        assert!(owners.committed(&commit(1, 1, Some(2))).is_ok());
        assert!(owners.committed(&commit(0, 1, Some(3))).is_err());
        owners.resume(0);
        assert!(owners.committed(&commit(0, 1, Some(3))).is_ok());
    }
}
