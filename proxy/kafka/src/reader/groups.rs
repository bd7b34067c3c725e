//! Reads the outcomes from the metadata of private groups' offsets.

use super::BLOCKED_AFTER;
use crate::{
    ClientSettings, Cluster,
    classify::TxnError,
    ffi::{self, GroupOffset},
    groups,
    inquirer::Inquirer,
};
use sidecommit_core::{OutcomesKey, OutcomesView, ReadResult, Slot};
use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks at an offset that is not decided.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(super) struct GroupsReader {
    inquirer: Inquirer,
    cluster: Cluster,
    slot: Slot,
    prefix: String,
    topic: String,
    partition: i32,
}

// === impl GroupsReader ===

impl GroupsReader {
    pub(super) fn new(
        settings: &ClientSettings,
        cluster: Cluster,
        slot: Slot,
        prefix: String,
        topic: String,
        partition: i32,
    ) -> Self {
        Self { inquirer: Inquirer::new(settings), cluster, slot, prefix, topic, partition }
    }

    /// Every read starts anew: offsets have no log whose end could be remembered.
    pub(super) fn read(&mut self) -> ReadResult {
        let started = Instant::now();
        loop {
            match self.view() {
                Ok(Some(view)) => return ReadResult::Done(view),
                Ok(None) if started.elapsed() > BLOCKED_AFTER => return ReadResult::Blocked,
                Ok(None) => thread::park_timeout(LOOK_AGAIN),
                Err(why) => return ReadResult::Failed(why),
            }
        }
    }

    /// None if an undecided transaction has written to one of the groups.
    fn view(&mut self) -> Result<Option<OutcomesView>, String> {
        let said = |act: &str, error: TxnError| error.lane_error(act).message;
        let groups = self.cluster.ask(|client| ffi::list_groups(client, TIMEOUT));
        let groups = groups.map_err(|error| said("list groups", error))?;
        // The owner's group is asked about even if no broker lists it yet.
        let owner = groups::name(&self.prefix, &OutcomesKey::Owner.encode(&self.slot));
        let ours: BTreeSet<String> =
            groups.into_iter().filter(|group| self.key(group).is_some()).chain([owner]).collect();
        let ours: Vec<String> = ours.into_iter().collect();
        let client = self.inquirer.client(self.cluster.client());
        let offsets = match ffi::committed_offsets(client, &ours, &self.topic, self.partition, TIMEOUT) {
            Ok(offsets) => offsets,
            Err(error) => {
                self.inquirer.failed(Instant::now()).map_err(|error| error.to_string())?;
                return Err(said("read offsets of private groups", error));
            }
        };
        let mut view = OutcomesView::default();
        for (group, offset) in offsets {
            let Some(key) = self.key(&group) else { continue };
            let metadata = match offset {
                GroupOffset::Unstable => return Ok(None),
                GroupOffset::Absent => continue,
                GroupOffset::Committed(metadata) => metadata,
            };
            let value = groups::value(&metadata)
                .ok_or_else(|| format!("group {group}: its offset's metadata is not ours"))?;
            view.apply(key, Some(&value)).map_err(|error| format!("group {group}: {error}"))?;
        }
        Ok(Some(view))
    }

    fn key(&self, group: &str) -> Option<OutcomesKey> {
        OutcomesKey::decode(&self.slot, groups::key(&self.prefix, group)?)
    }
}
