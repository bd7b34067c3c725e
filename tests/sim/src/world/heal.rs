//! After the storm: nothing goes wrong any more, a pod is looked after, clients finish, and everything is asked again.

use super::{CallState, Phase, Subject, World, trace};
use crate::event::Event;
use sidecommit_core::{Get, Lookup, Millis, Request, Serving};

/// How long the world may take to settle once it is healed: longer than every timeout together.
const SETTLES_WITHIN: Millis = 400_000;

/// How often the world is looked after.
const ROUND: Millis = 2_000;

// === impl World ===

impl World {
    pub(super) fn heal(&mut self) {
        if self.phase == Phase::Storm {
            trace!(self, "the world is healed");
            self.phase = Phase::Healed;
            self.profile.net.heal();
            (self.outage_until, self.slow_markers_until) = (0, 0);
            for proc in 0..self.procs.len() {
                self.unpause(proc);
            }
        }
        if self.now() > self.profile.healed + SETTLES_WITHIN {
            let why = self.unsettled().unwrap_or_else(|| "the audit does not end".into());
            return self.require(Err(format!("not settled {SETTLES_WITHIN} ms after healing: {why}")));
        }
        self.look_after_pods();
        if self.unsettled().is_none() {
            match self.phase {
                Phase::Healed => self.audit(),
                // Once more from another life.
                Phase::Audited => {
                    self.phase = Phase::Restarted;
                    let proc = self.running()[0];
                    self.kill(proc, true);
                    self.schedule.after(0, Event::Restart { pod: self.procs[proc].pod });
                }
                Phase::Restarted => {
                    self.audit();
                    self.repeat_transacts();
                }
                Phase::Storm | Phase::AuditedAgain | Phase::Over => self.phase = Phase::Over,
            }
        }
        self.schedule.after(ROUND, Event::Heal);
    }

    /// What a platform and its operators do: one pod stays, restarted if its journal failed, resumed if it stepped down.
    fn look_after_pods(&mut self) {
        let running = self.running();
        if running.is_empty() {
            let pod = self.pods.iter().rposition(|pod| !pod.deleted).unwrap_or(self.pods.len() - 1);
            self.pods[pod].deleted = false;
            return self.schedule.after(0, Event::Restart { pod });
        }
        let fenced = |proc: &usize| matches!(self.procs[*proc].serving, Serving::FencedByRival(_));
        let owner = running.iter().copied().find(|proc| !fenced(proc));
        match owner {
            Some(keep) => {
                for proc in running.into_iter().filter(|proc| *proc != keep) {
                    self.pods[self.procs[proc].pod].deleted = true;
                    self.kill(proc, false);
                }
                if matches!(self.procs[keep].serving, Serving::JournalFailed(_)) {
                    self.kill(keep, false);
                    self.schedule.after(0, Event::Restart { pod: self.procs[keep].pod });
                }
            }
            None => self.resume(running[running.len() - 1]),
        }
    }

    /// What is not settled yet.
    fn unsettled(&self) -> Option<String> {
        if let Some(id) =
            self.clients.iter().position(|client| client.job.is_some() || !client.plans.is_empty())
        {
            return Some(format!("client {id} has not finished: {:?}", self.clients[id].job));
        }
        if let Some((call, info)) = self.calls.iter().find(|(_, info)| info.state == CallState::Open) {
            return Some(format!("{call:?} is not answered: {info:?}"));
        }
        let [proc] = self.running()[..] else { return Some("not just one pod runs".into()) };
        if self.procs[proc].serving != Serving::Ready {
            return Some(format!("process {proc} is {:?}", self.procs[proc].serving));
        }
        let views = self.procs[proc].engine.transactions(self.now());
        if let Some(view) = views.first() {
            return Some(format!("process {proc} has not settled {view:?}"));
        }
        let behind = self.broker.logs.iter().position(|log| log.last_stable() < log.end);
        behind.map(|log| format!("log {log} is held back by an open transaction"))
    }

    /// Asks once more about everything that anybody was told.
    fn audit(&mut self) {
        trace!(self, "audit");
        self.phase = if self.phase == Phase::Healed { Phase::Audited } else { Phase::AuditedAgain };
        for txn in self.ledger.known_txns() {
            let app = self.ledger.by_txn[&txn];
            let get = Get { by: Lookup::Id(txn), wait: true };
            self.call(None, Subject::Txn(app, txn), Request::Get(get));
        }
    }

    /// Calls every Transact again that was said to be committed: none may be written a second time.
    fn repeat_transacts(&mut self) {
        for app in 0..self.ledger.apps.len() {
            let told = self.ledger.apps[app].told_committed;
            let transact = self.ledger.apps[app].transact.clone().filter(|_| told.is_some());
            if let Some(transact) = transact {
                self.call(None, Subject::Key(app), Request::Transact(transact));
            }
        }
    }

    /// Notes when journals have dropped outcomes: from then on "forgotten" is a legal answer.
    pub(super) fn refresh_memory_lost(&mut self) {
        if !self.ledger.memory_lost {
            self.ledger.memory_lost = self.journals.iter().any(|journal| journal.has_dropped());
        }
    }
}
