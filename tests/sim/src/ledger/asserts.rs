//! What is visible: whole, once, in order, only if asked, never if told aborted.

use super::{AppId, Broken, Ledger};
use crate::{
    broker::{Broker, KafkaTxn, LogIndex, PendingOffset},
    event::{ClientId, ProcId},
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
            let Some(app) = self.app_of(member) else {
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
        self.offsets_in_turn(txn, expected).map_err(|why| format!("Kafka transaction {number}: {why}"))
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
            self.apps[id].committed_as = Some(txn);
            self.committed.insert(txn, number);
        }
        Ok(())
    }

    /// Of members with offsets of one partition the last counts, and none comes after one whose commit was taken later.
    fn offsets_in_turn(&mut self, txn: &KafkaTxn, expected: &Expected) -> Result<(), Broken> {
        let mut last = BTreeMap::new();
        for member in expected.markers.iter().flat_map(|marker| &marker.members) {
            let Some(app) = self.app_of(member).filter(|app| !self.is_excused(*app)) else { continue };
            for (group, offset) in offsets(&self.apps[app].offsets) {
                let place = (group.to_owned(), offset.topic.clone(), offset.partition);
                last.insert(place.clone(), offset.offset);
                let Some((by, turn)) = self.taken.get(&member.txn).copied() else { continue };
                let former = self.settled.insert(place.clone(), (by, turn));
                if former.is_some_and(|(other, later)| other == by && later > turn) {
                    return Err(format!(
                        "{} overtakes on {place:?}: process {by} took its commit later",
                        member.txn
                    ));
                }
            }
        }
        let of = |pending: &PendingOffset| {
            (pending.group.clone(), pending.offset.topic.clone(), pending.offset.partition)
        };
        let other =
            |pending: &&PendingOffset| last.get(&of(pending)).is_some_and(|o| *o != pending.offset.offset);
        match txn.offsets.iter().find(other) {
            Some(pending) => Err(format!("{pending:?} is not its last member's offset: {last:?}")),
            None => Ok(()),
        }
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

    /// If Y was begun after X was told to be committed, X's records come first; under one ordering key whoever's commit a
    /// process took first does; within a transaction they are ordered by their index.
    fn in_order(&self, broker: &Broker) -> Result<(), Broken> {
        for (index, log) in broker.logs.iter().enumerate() {
            let mut newest: (Millis, AppId) = (0, 0);
            let mut indexes: BTreeMap<AppId, u64> = BTreeMap::new();
            let mut turns: BTreeMap<(&str, ProcId), (u64, AppId)> = BTreeMap::new();
            for token in log.visible(i64::MAX).filter_map(|entry| entry.token()) {
                let app = &self.apps[token.app];
                if app.excused {
                    continue;
                }
                let after = |former| Err(format!("log {index}: {token:?} comes after {former}"));
                if app.told_committed.is_some_and(|told| told < newest.0) {
                    return after(format!("app {}, which was begun later", newest.1));
                }
                newest = newest.max((app.began, token.app));
                if let Some(former) = indexes.insert(token.app, token.index).filter(|i| *i > token.index) {
                    return after(format!("its index {former}"));
                }
                let Some((by, turn)) = self.turn_of(app) else { continue };
                let last = turns.entry((&app.ordering_key, by)).or_default();
                if last.0 > turn {
                    return after(format!(
                        "app {}, whose commit process {by} took later under the same ordering key",
                        last.1
                    ));
                }
                *last = (turn, token.app);
            }
        }
        Ok(())
    }

    /// When which process took the commit of a transaction that has an ordering key.
    fn turn_of(&self, app: &super::App) -> Option<(ProcId, u64)> {
        let txn = app.committed_as.filter(|_| !app.ordering_key.is_empty())?;
        self.taken.get(&txn).copied()
    }

    /// Committed offsets never go back. Where each partition belongs to one client, its later jobs have larger offsets; a
    /// partition that clients share is at the offset of the last that a process has committed.
    fn newest_offsets(&self, broker: &Broker) -> Result<(), Broken> {
        let mut newest: BTreeMap<(String, String, i32), Newest> = BTreeMap::new();
        let excused = self.apps.iter().any(|app| app.excused);
        for app in self.apps.iter().filter(|app| !app.committed_in.is_empty() && !excused) {
            for (group, offset) in offsets(&app.offsets) {
                let place = (group.to_owned(), offset.topic.clone(), offset.partition);
                let taken = app.committed_as.and_then(|txn| self.taken.get(&txn).copied());
                newest.entry(place).or_default().committed(app.client, offset.offset, taken);
            }
        }
        for ((group, topic, partition), newest) in newest {
            let group_offsets = broker.groups.get(&group).map(|g| &g.committed);
            let is =
                group_offsets.and_then(|known| known.get(&(topic, partition))).map(|(offset, _)| *offset);
            if !is.is_some_and(|is| newest.allows(is)) {
                return Err(format!("group {group} partition {partition} is at {is:?}, expected {newest:?}"));
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

/// Where a partition's offset may be.
#[derive(Debug, Default)]
struct Newest {
    clients: BTreeSet<ClientId>,
    highest: i64,
    /// Of each process the last commit that it took.
    last: BTreeMap<ProcId, (u64, i64)>,
    /// Those whose place among the others nobody knows.
    others: BTreeSet<i64>,
}

// === impl Newest ===

impl Newest {
    fn committed(&mut self, client: ClientId, offset: i64, taken: Option<(ProcId, u64)>) {
        self.clients.insert(client);
        self.highest = self.highest.max(offset);
        match taken {
            Some((by, turn)) => {
                let last = self.last.entry(by).or_default();
                *last = (*last).max((turn, offset));
            }
            None => {
                self.others.insert(offset);
            }
        }
    }

    fn allows(&self, offset: i64) -> bool {
        match self.clients.len() {
            1 => offset == self.highest,
            _ => self.others.contains(&offset) || self.last.values().any(|(_, last)| *last == offset),
        }
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
