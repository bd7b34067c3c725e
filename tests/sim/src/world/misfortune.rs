//! What goes wrong, done.

use super::{CallInfo, CallState, Subject, World, trace};
use crate::{
    broker::{Body, Broker, Entry, FOREIGN, Payload, Request, Response, outcomes_view},
    chaos::{Chaos, Volume},
    event::{Event, PodId, ProcId},
    process::JournalError,
};
use bytes::Bytes;
use sidecommit_core::{CallId, Input, JournalId, LaneIndex, Marker, Millis, OutcomesKey, Serving};
use std::collections::BTreeSet;

/// Tombstones live this long (delete.retention.ms, shortened).
const TOMBSTONE_RETENTION: Millis = 8_000;

// === impl World ===

impl World {
    pub(super) fn strike(&mut self, chaos: Chaos) {
        trace!(self, "chaos: {chaos:?}");
        self.stats.count("chaos", chaos.name());
        let running = self.running();
        let victim = if running.is_empty() { None } else { Some(running[self.dice.usize(0..running.len())]) };
        match chaos {
            Chaos::Outage => self.outage_until = self.now() + self.dice.u64(200..15_000),
            Chaos::SlowMarkers => self.slow_markers_until = self.now() + self.dice.u64(1_000..20_000),
            Chaos::ForeignTransaction => self.foreign_transaction(),
            Chaos::Compact => self.compact(),
            Chaos::Tombstones => self.tombstones(),
            Chaos::Truncate => self.truncate(),
            Chaos::Rebalance => {
                for group in self.broker.groups.values_mut() {
                    group.generation += 1;
                }
            }
            Chaos::StrayInit => self.stray_init(),
            Chaos::Crash { .. }
            | Chaos::Pause
            | Chaos::Rival(_)
            | Chaos::Replace(_)
            | Chaos::Snapshot
            | Chaos::Drain
            | Chaos::JournalError
            | Chaos::Resume => {
                if let Some(victim) = victim {
                    self.strike_process(chaos, victim);
                }
            }
        }
    }

    fn strike_process(&mut self, chaos: Chaos, proc: ProcId) {
        let pod = self.procs[proc].pod;
        match chaos {
            Chaos::Crash { power } => {
                self.kill(proc, power);
                self.restart_later(pod);
            }
            Chaos::Pause => {
                self.procs[proc].paused = Some(Vec::new());
                let delay = self.dice.u64(100..40_000);
                self.schedule.after(delay, Event::Continue { proc });
            }
            Chaos::Rival(volume) => {
                self.successor(pod, volume);
            }
            Chaos::Replace(volume) => {
                self.kill(proc, false);
                self.pods[pod].deleted = true;
                self.successor(pod, volume);
            }
            Chaos::Snapshot => self.snapshot = Some(self.journals[self.pods[pod].journal].clone()),
            Chaos::Drain => {
                let until = self.now() + self.dice.u64(500..30_000);
                if self.dice.bool() {
                    self.step(proc, Input::Connections(0));
                }
                self.step(proc, Input::Drain { until });
                self.schedule.after(50, Event::DrainPolls { proc, until });
            }
            Chaos::JournalError => {
                self.procs[proc].journal_error = JournalError::Next;
                let delay = self.dice.u64(2_000..30_000);
                self.schedule.after(delay, Event::Chaos(Chaos::Crash { power: false }));
            }
            Chaos::Resume => self.resume(self.stepped_down().unwrap_or(proc)),
            _ => {}
        }
    }

    /// A process that has stepped down, if one has: an operator hardly resumes another.
    fn stepped_down(&self) -> Option<ProcId> {
        let fenced = |proc: &ProcId| matches!(self.procs[*proc].serving, Serving::FencedByRival(_));
        self.running().into_iter().rev().find(fenced)
    }

    /// Another pod for the slot.
    fn successor(&mut self, of: PodId, volume: Volume) -> PodId {
        let old = self.pods[of].journal;
        let journal = match (volume, self.snapshot.clone()) {
            (Volume::Empty, _) => self.new_journal(),
            (Volume::Same, _) if self.pods[of].deleted => old,
            // The old pod still lives: the new one has a copy, as after a forced detach.
            (Volume::Same, _) | (Volume::Snapshot, None) => {
                self.journals.push(self.journals[old].copied());
                self.journals.len() - 1
            }
            (Volume::Snapshot, Some(copy)) => {
                self.journals.push(copy.copied());
                self.journals.len() - 1
            }
        };
        self.ledger.memory_lost |= journal != old;
        self.add_pod(journal)
    }

    /// An operator says that this process is the rightful owner.
    pub(super) fn resume(&mut self, proc: ProcId) {
        if matches!(self.procs[proc].serving, Serving::FencedByRival(_)) {
            self.ledger.owners.resume(self.procs[proc].pod);
        }
        let call = CallId(self.calls.len() as u64 + 1);
        let info = CallInfo {
            proc,
            client: None,
            subject: Subject::Operator,
            called: self.now(),
            state: CallState::Open,
        };
        self.calls.insert(call, info);
        self.procs[proc].unanswered.insert(call);
        self.step(proc, Input::Call { call, request: sidecommit_core::Request::Resume });
    }

    /// Another slot's producer leaves a transaction open in our partition of the outcomes.
    fn foreign_transaction(&mut self) {
        let now = self.now();
        self.foreign += 1;
        let id = format!("p/ns/app/{}/0", self.foreign);
        let ask = |broker: &mut Broker, pid, epoch, body| {
            broker.handle(now, &Request { origin: FOREIGN, id: id.clone(), pid, epoch, body })
        };
        let init = Body::Init { timeout: 60_000 };
        let Response::Inited { pid, epoch } = ask(&mut self.broker, 0, 0, init) else { return };
        let joined = ask(&mut self.broker, pid, epoch, Body::AddPartitions([Broker::OUTCOMES].into()));
        let key = Bytes::from(format!("{id}/{}#birth", JournalId([7; 16])));
        let batch = vec![Payload { key: Some(key), value: Some(Bytes::from_static(b"?")), poison: false }];
        let produce = Body::Produce { log: Broker::OUTCOMES, base_seq: 0, batch };
        let produced = ask(&mut self.broker, pid, epoch, produce);
        let appended = matches!(produced, Response::Appended { .. });
        assert!(joined == Response::Ok && appended, "a fresh producer cannot fail");
        let commit = self.dice.bool();
        let request = Box::new(Request { origin: FOREIGN, id, pid, epoch, body: Body::End { commit } });
        let delay = self.dice.u64(10..12_000);
        self.schedule.after(delay, Event::Arrive { sender: None, request });
    }

    fn compact(&mut self) {
        let before = self.now() - TOMBSTONE_RETENTION;
        let removed = self.broker.logs[Broker::OUTCOMES].compact(before);
        self.compacted |= removed > 0;
        self.stats.add("broker", "compacted records", removed as u64);
    }

    fn truncate(&mut self) {
        self.ledger.evidence_removed = true;
        let end = self.broker.logs[Broker::OUTCOMES].last_stable();
        self.remove_proofs(|entry| entry.offset < end);
        let log = &mut self.broker.logs[Broker::OUTCOMES];
        log.truncate();
        if outcomes_view(log, &self.slot, i64::MAX).is_ok_and(|view| view.owner.is_none()) {
            self.ledger.owners.erased();
        }
    }

    /// Notes which markers are about to be removed.
    fn remove_proofs(&mut self, removed: impl Fn(&Entry) -> bool) {
        let log = &self.broker.logs[Broker::OUTCOMES];
        let markers = log.visible(i64::MAX).filter(|entry| removed(entry)).filter_map(|entry| {
            let key = std::str::from_utf8(entry.key.as_deref()?).ok()?;
            let marker = matches!(OutcomesKey::decode(&self.slot, key)?, OutcomesKey::Marker(..));
            marker.then(|| Marker::decode(entry.value.as_deref()?).ok())?
        });
        self.ledger.unproven.extend(markers.map(|marker| marker.group));
    }

    /// A stranger removes all keys of one journal, as a careless clean-up of "old" pods would.
    fn tombstones(&mut self) {
        let now = self.now();
        let log = &self.broker.logs[Broker::OUTCOMES];
        let text = |key: &Bytes| std::str::from_utf8(key).ok().map(str::to_owned);
        let keys: BTreeSet<String> =
            log.visible(i64::MAX).filter_map(|entry| entry.key.as_ref().and_then(text)).collect();
        let of = |key: &String| match OutcomesKey::decode(&self.slot, key)? {
            OutcomesKey::Owner => None,
            OutcomesKey::Birth(_, journal)
            | OutcomesKey::Barrier(_, journal)
            | OutcomesKey::Marker(_, journal, _) => Some(journal),
        };
        let journals: BTreeSet<JournalId> = keys.iter().filter_map(of).collect();
        let journals: Vec<JournalId> = journals.into_iter().collect();
        if journals.is_empty() {
            return;
        }
        let journal = journals[self.dice.usize(0..journals.len())];
        let mut doomed: Vec<String> = keys.into_iter().filter(|key| of(key) == Some(journal)).collect();
        // Keys that the journal will use are doomed as well: a marker in flight has its key already.
        doomed.sort();
        self.ledger.evidence_removed = true;
        self.tombstoned = true;
        let keys: BTreeSet<Bytes> = doomed.iter().map(|key| Bytes::from(key.clone())).collect();
        self.remove_proofs(|entry| entry.key.as_ref().is_some_and(|key| keys.contains(key)));
        for key in doomed {
            self.broker.logs[Broker::OUTCOMES].append_plain(now, Some(key.into()), None);
        }
        let delay = self.dice.u64(100..4_000);
        self.schedule.after(delay, Event::Chaos(Chaos::Compact));
        self.schedule.after(TOMBSTONE_RETENTION + 1_000 + delay, Event::Chaos(Chaos::Compact));
    }

    /// An init_transactions of a producer that was dropped long ago.
    fn stray_init(&mut self) {
        let lane = LaneIndex(self.dice.u16(0..self.profile.limits.lanes_max));
        let timeout = self.profile.limits.lane_timeout;
        let request = Request {
            origin: FOREIGN,
            id: self.slot.transactional_id(lane),
            pid: 0,
            epoch: 0,
            body: Body::Init { timeout },
        };
        self.schedule.after(0, Event::Arrive { sender: None, request: Box::new(request) });
    }
}
