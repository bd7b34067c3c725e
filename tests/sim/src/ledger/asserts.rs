//! What is visible: whole, once, in order, only if asked, never if told aborted.

use super::{AppId, Broken, Ledger};
use crate::{
    broker::{Broker, KafkaTxn, LogIndex, PendingOffset},
    event::ClientId,
    token::Token,
};
use sidecommit_core::{GroupOffsets, Marker, Millis, OutcomesKey, Slot, TxnId};
use std::collections::{BTreeMap, BTreeSet};

/// How a committed Kafka transaction is attributed.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// The markers in it.
    pub(crate) markers: Vec<Marker>,
    /// The value of an owner record in it.
    pub(crate) owner: Option<Vec<u8>>,
}

// === impl Expected ===

impl Expected {
    /// What of the slot's own records a Kafka transaction contains.
    pub(crate) fn read(broker: &Broker, txn: &KafkaTxn, slot: &Slot) -> Result<Self, Broken> {
        let mut expected = Self::default();
        for entry in entries(broker, txn).filter(|(log, _)| *log == Broker::OUTCOMES).map(|(_, e)| e) {
            let key = entry.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
            let (Some(key), Some(value)) = (key.and_then(|k| OutcomesKey::decode(slot, k)), &entry.value)
            else {
                continue;
            };
            match key {
                OutcomesKey::Owner => expected.owner = Some(value.to_vec()),
                OutcomesKey::Marker(..) => {
                    let marker = Marker::decode(value).map_err(|error| format!("marker {key:?}: {error}"))?;
                    expected.markers.push(marker);
                }
                OutcomesKey::Birth(..) | OutcomesKey::Barrier(..) => {}
            }
        }
        Ok(expected)
    }
}

// === impl Ledger ===

impl Ledger {
    /// Where an application transaction's records are in a Kafka transaction, in log order.
    pub(crate) fn places<'a>(
        &self,
        broker: &'a Broker,
        app: AppId,
        txn: usize,
    ) -> impl Iterator<Item = (LogIndex, i64)> + 'a {
        tokens(broker, &broker.txns[txn])
            .filter(move |(_, _, token)| token.app == app)
            .map(|(log, offset, _)| (log, offset))
    }

    /// Checks a Kafka transaction when the coordinator decides to commit it.
    pub(crate) fn committed(
        &mut self,
        broker: &Broker,
        number: usize,
        expected: &Expected,
    ) -> Result<(), Broken> {
        let txn = &broker.txns[number];
        let mut apps: BTreeMap<AppId, Option<TxnId>> = BTreeMap::new();
        for (_, _, token) in tokens(broker, txn) {
            apps.entry(token.app).or_default();
        }
        for pending in &txn.offsets {
            if let Ok(app) = pending.offset.metadata.parse() {
                apps.entry(app).or_default();
            }
        }
        for member in expected.markers.iter().flat_map(|marker| &marker.members) {
            let by_key = self.by_key.get(&member.key).copied();
            let Some(app) = by_key.or_else(|| self.by_txn.get(&member.txn).copied()) else {
                return Err(format!("Kafka transaction {number}: nobody was given {}", member.txn));
            };
            self.bind(app, member.txn)?;
            *apps.entry(app).or_default() = Some(member.txn);
        }
        for (app, id) in apps {
            if self.is_excused(app) {
                self.apps[app].excused = true;
                continue;
            }
            self.apps[app].proofs.extend(expected.markers.iter().map(|marker| marker.group));
            let id = id.or_else(|| self.apps[app].txns.last().copied());
            self.commit_of(broker, number, app, id)
                .map_err(|why| format!("Kafka transaction {number}, app {app} ({id:?}): {why}"))?;
        }
        Ok(())
    }

    fn commit_of(
        &mut self,
        broker: &Broker,
        number: usize,
        id: AppId,
        txn: Option<TxnId>,
    ) -> Result<(), Broken> {
        let app = &self.apps[id];
        if !app.asked {
            return Err("committed, but nobody asked for it".into());
        }
        if app.given_up {
            return Err("committed after its caller was told that it is aborted, and gave up".into());
        }
        if let Some(by) = txn.and_then(|txn| self.aborted.get(&txn)) {
            return Err(format!("committed after process {by} said that it is aborted"));
        }
        let indexes = tokens(broker, &broker.txns[number])
            .filter(|(_, _, token)| token.app == id)
            .map(|(_, _, token)| token.index);
        let mut indexes: Vec<u64> = indexes.collect();
        indexes.sort_unstable();
        if !indexes.iter().copied().eq(0..app.records) {
            return Err(format!("torn: records {indexes:?} of {}", app.records));
        }
        self.offsets_in(broker, number, id)?;
        if let Some(former) = self.apps[id].committed_in.first() {
            return Err(format!("committed a second time, Kafka transaction {former} had it already"));
        }
        self.apps[id].committed_in.push(number);
        if let Some(txn) = txn {
            self.committed.insert(txn, number);
        }
        Ok(())
    }

    fn offsets_in(&self, broker: &Broker, number: usize, app: AppId) -> Result<(), Broken> {
        for (group, offset) in offsets(&self.apps[app].offsets) {
            let same = |there: &PendingOffset| {
                let (topic, partition) = (&there.offset.topic, there.offset.partition);
                there.group == group && (topic, partition) == (&offset.topic, offset.partition)
            };
            if !broker.txns[number].offsets.iter().any(same) {
                return Err(format!("torn: offset {offset:?} of group {group} is missing"));
            }
        }
        Ok(())
    }

    /// Checks everything after the world has settled.
    pub(crate) fn settled(&self, broker: &Broker) -> Result<(), Broken> {
        let mut seen: BTreeMap<Token, u64> = BTreeMap::new();
        for log in &broker.logs {
            for token in log.visible(i64::MAX).filter_map(|entry| entry.token()) {
                *seen.entry(token).or_default() += 1;
            }
        }
        let twice = |token: &Token, count: u64| count > 1 && !self.apps[token.app].excused;
        if let Some((token, count)) = seen.iter().find(|(token, count)| twice(token, **count)) {
            return Err(format!("{token:?} is visible {count} times"));
        }
        let mut visible: BTreeMap<AppId, u64> = BTreeMap::new();
        for token in seen.keys() {
            *visible.entry(token.app).or_default() += 1;
        }
        for (id, app) in self.apps.iter().enumerate().filter(|(_, app)| !app.excused) {
            let visible = visible.get(&id).copied().unwrap_or(0);
            let committed = !app.committed_in.is_empty();
            if visible != if committed { app.records } else { 0 } {
                return Err(format!(
                    "app {id}: {visible} of {} records visible, committed: {committed}",
                    app.records
                ));
            }
            let holds_nothing = app.records == 0 && app.offsets.is_empty();
            if app.told_committed.is_some() && !committed && !holds_nothing {
                return Err(format!("app {id} was said to be committed and is not"));
            }
        }
        self.in_order(broker)?;
        self.newest_offsets(broker)
    }

    /// If Y was begun after X was told to be committed, X's records come first; within a transaction by their index.
    fn in_order(&self, broker: &Broker) -> Result<(), Broken> {
        for (index, log) in broker.logs.iter().enumerate() {
            let mut last: BTreeMap<ClientId, (Millis, AppId, u64)> = BTreeMap::new();
            for token in log.visible(i64::MAX).filter_map(|entry| entry.token()) {
                let app = &self.apps[token.app];
                let place = (app.began, token.app, token.index);
                if app.excused {
                    continue;
                }
                let Some(former) = last.insert(app.client, place) else { continue };
                let begun_later = app.told_committed.is_some_and(|told| told < former.0);
                if begun_later || (former.1 == token.app && former.2 > token.index) {
                    return Err(format!(
                        "log {index}: {token:?} comes after app {} index {}",
                        former.1, former.2
                    ));
                }
                last.insert(app.client, former.max(place));
            }
        }
        Ok(())
    }

    /// Committed offsets never go back: each partition belongs to one client, whose later jobs have larger offsets.
    fn newest_offsets(&self, broker: &Broker) -> Result<(), Broken> {
        let mut newest: BTreeMap<(String, String, i32), i64> = BTreeMap::new();
        let excused = self.apps.iter().any(|app| app.excused);
        for app in self.apps.iter().filter(|app| !app.committed_in.is_empty() && !excused) {
            for (group, offset) in offsets(&app.offsets) {
                let place = (group.to_owned(), offset.topic.clone(), offset.partition);
                let known = newest.entry(place).or_insert(offset.offset);
                *known = offset.offset.max(*known);
            }
        }
        for ((group, topic, partition), offset) in newest {
            let group_offsets = broker.groups.get(&group).map(|g| &g.committed);
            let is =
                group_offsets.and_then(|known| known.get(&(topic, partition))).map(|(offset, _)| *offset);
            if is != Some(offset) {
                return Err(format!("group {group} partition {partition} is at {is:?}, expected {offset}"));
            }
        }
        Ok(())
    }

    /// Which application transactions are committed but their callers were never told so; for statistics.
    pub(crate) fn untold(&self) -> BTreeSet<AppId> {
        let untold = |app: &super::App| !app.committed_in.is_empty() && app.told_committed.is_none();
        self.apps.iter().enumerate().filter(|(_, app)| untold(app)).map(|(id, _)| id).collect()
    }
}

fn offsets(all: &[GroupOffsets]) -> impl Iterator<Item = (&str, &sidecommit_core::TopicPartitionOffset)> {
    all.iter().flat_map(|of| of.offsets.iter().map(|offset| (of.group.group_id.as_str(), offset)))
}

fn entries<'a>(
    broker: &'a Broker,
    txn: &'a KafkaTxn,
) -> impl Iterator<Item = (LogIndex, &'a crate::broker::Entry)> {
    txn.records.iter().filter_map(|(log, offset)| {
        let entries = &broker.logs[*log].entries;
        let at = entries.binary_search_by_key(offset, |entry| entry.offset).ok()?;
        Some((*log, &entries[at]))
    })
}

fn tokens<'a>(broker: &'a Broker, txn: &'a KafkaTxn) -> impl Iterator<Item = (LogIndex, i64, Token)> + 'a {
    entries(broker, txn).filter_map(|(log, entry)| Some((log, entry.offset, entry.token()?)))
}
