//! Clients: the next call of each job, and what its answer means.

mod answers;
mod calls;

use super::{CallInfo, CallState, Phase, Subject, World, trace};
use crate::{
    client::{Finish, Job, Offsets, Plan, Stage, key},
    event::{ClientId, Event},
    ledger::App,
};
use sidecommit_core::{Abort, CallId, Get, Input, Lookup, Millis, Request, Serving};

// === impl World ===

impl World {
    /// A client does what is next: begins a job or issues the present stage's call.
    pub(super) fn act(&mut self, client: ClientId) {
        if self.clients[client].job.is_none() {
            let Some(plan) = self.clients[client].plans.pop_front() else { return };
            let job = self.begin_job(client, plan, 1);
            self.clients[client].job = Some(job);
        }
        let Some(request) = self.request(client) else { return };
        self.stray(client);
        let subject = self.subject(client);
        match self.call(Some(client), subject, request) {
            Some(call) => {
                let overtaken = self.overtakes(client);
                let Some(job) = self.clients[client].job.as_mut() else { return };
                job.call = Some(call);
                if overtaken {
                    // The Commit follows without waiting for the answer.
                    job.stage = Stage::Commit;
                    self.schedule.after(0, Event::Act { client });
                }
                let patience =
                    if self.dice.hit(500) { self.dice.u64(1..100) } else { self.dice.u64(3_000..30_000) };
                self.schedule.after(patience, Event::Impatient { client, call });
            }
            None => self.later(client, 50..500),
        }
    }

    /// Opens the books for a job, or for another attempt at it.
    fn begin_job(&mut self, client: ClientId, plan: Plan, attempts: u32) -> Job {
        let now = self.now();
        let offsets = self.offsets(client, &plan);
        let app = self.ledger.open(App {
            client,
            began: now,
            records: plan.records.len() as u64,
            poisoned: plan.records.iter().any(|record| record.poison),
            offsets,
            ordering_key: plan.ordering_key.clone(),
            key: None,
            ..App::default()
        });
        let key = plan.keyed.then(|| key(app));
        if let Some(key) = &key {
            self.ledger.set_key(app, key.hash);
        }
        self.stats.count("clients", if plan.keyed { "keyed" } else { "begun" });
        Job {
            app,
            stage: if plan.keyed { Stage::Transact } else { Stage::Begin },
            txn: None,
            request_id: format!("request-{app}"),
            key,
            first_attempt: now,
            next: 0,
            call: None,
            attempts,
            miscounted: false,
            plan,
        }
    }

    fn subject(&self, client: ClientId) -> Subject {
        match self.clients[client].job.as_ref() {
            Some(Job { app, key: Some(_), .. }) => Subject::Key(*app),
            Some(Job { app, txn: Some(txn), .. }) => Subject::Txn(*app, *txn),
            Some(Job { app, .. }) => Subject::Begin(*app),
            None => Subject::Operator,
        }
    }

    /// Whether the Produce just sent is one that the Commit overtakes.
    fn overtakes(&mut self, client: ClientId) -> bool {
        let Some(job) = self.clients[client].job.as_mut() else { return false };
        let last = job.next + job.plan.batch as u64 >= job.plan.records.len() as u64;
        let overtakes = job.stage == Stage::Produce
            && last
            && std::mem::take(&mut job.plan.overtake)
            && job.plan.offsets != Offsets::Sent
            && job.plan.finish == Finish::Commit;
        if overtakes {
            self.stats.count("clients", "overtaking commits");
        }
        overtakes
    }

    /// Sends a call to the client's pod; None if nobody listens there.
    pub(super) fn call(
        &mut self,
        client: Option<ClientId>,
        subject: Subject,
        request: Request,
    ) -> Option<CallId> {
        let pod = match client {
            Some(client) => self.clients[client].pod,
            None => self.serving_pod(),
        };
        let Some(proc) = self.pods[pod].proc.filter(|proc| self.procs[*proc].alive) else {
            if let Some(client) = client {
                self.clients[client].pod = self.serving_pod();
            }
            return None;
        };
        let call = CallId(self.calls.len() as u64 + 1);
        let state = CallState::Open;
        self.calls.insert(call, CallInfo { proc, client, subject, called: self.now(), state });
        self.procs[proc].unanswered.insert(call);
        let delay = if self.dice.hit(200) { self.dice.u64(0..300) } else { self.dice.u64(0..4) };
        self.schedule.after(delay, Event::Deliver { proc, input: Input::Call { call, request } });
        Some(call)
    }

    /// A pod that is worth asking: one that serves, or any that lives.
    pub(super) fn serving_pod(&mut self) -> usize {
        let live = |pod: &usize| {
            self.pods[*pod].proc.is_some_and(|p| self.procs[p].alive && self.procs[p].paused.is_none())
        };
        let live: Vec<usize> = (0..self.pods.len()).filter(live).collect();
        let serves = |pod: &&usize| {
            self.pods[**pod].proc.is_some_and(|proc| self.procs[proc].serving == Serving::Ready)
        };
        live.iter().find(serves).or_else(|| live.first()).copied().unwrap_or(self.pods.len() - 1)
    }

    /// Sometimes a call besides: a repeat, a look, something late.
    fn stray(&mut self, client: ClientId) {
        if !self.dice.hit(600) || self.phase != Phase::Storm {
            return;
        }
        let Some(job) = self.clients[client].job.as_ref() else { return };
        let (app, wait) = (job.app, self.dice.bool());
        if let Some(txn) = job.txn.filter(|_| self.dice.hit(3_000)) {
            if self.dice.hit(500) {
                self.stats.count("clients", "aborts by an operator");
                let abort = Abort { txn, note: "stuck".into(), failures: Vec::new(), by_operator: true };
                self.call(Some(client), Subject::Txn(app, txn), Request::Abort(abort));
                return;
            }
            self.stats.count("clients", "signs of life");
            self.call(Some(client), Subject::Txn(app, txn), Request::KeepAlive(vec![txn]));
            return;
        }
        let Some(job) = self.clients[client].job.as_ref() else { return };
        let lookup = match (&job.key, job.txn) {
            (Some(key), _) => Some((Subject::Key(app), Lookup::Key(key.clone()))),
            (None, Some(txn)) if wait => Some((Subject::Txn(app, txn), Lookup::Id(txn))),
            (None, Some(_)) => Some((Subject::Request(app), Lookup::RequestId(job.request_id.clone()))),
            (None, None) => None,
        };
        if let Some((subject, by)) = lookup {
            self.stats.count("clients", "stray looks");
            self.call(Some(client), subject, Request::Get(Get { by, wait }));
        }
    }

    /// An Abort right after the Commit.
    pub(super) fn chase(&mut self, client: ClientId) {
        let Some(job) = self.clients[client].job.as_mut() else { return };
        let Some(txn) = job.txn.filter(|_| job.plan.finish == Finish::CommitAndAbort) else { return };
        job.plan.finish = Finish::Commit;
        let subject = Subject::Txn(job.app, txn);
        self.stats.count("clients", "aborts after commit");
        let abort = Abort { txn, note: "changed its mind".into(), failures: Vec::new(), by_operator: false };
        self.call(Some(client), subject, Request::Abort(abort));
    }

    pub(super) fn later(&mut self, client: ClientId, delay: std::ops::Range<Millis>) {
        let delay = self.dice.u64(delay);
        self.schedule.after(delay, Event::Act { client });
    }

    /// No answer for long: the client repeats the call, perhaps to another pod.
    pub(super) fn on_impatient(&mut self, client: ClientId, call: CallId) {
        let Some(job) = self.clients[client].job.as_mut().filter(|job| job.call == Some(call)) else {
            return;
        };
        job.call = None;
        trace!(self, "client {client} repeats {call:?}");
        self.stats.count("clients", "repeats");
        if self.dice.hit(3_000) {
            self.clients[client].pod = self.serving_pod();
        }
        self.ask_instead(client);
        self.schedule.after(0, Event::Act { client });
    }

    /// After a Commit without an answer some clients look instead of repeating it.
    pub(super) fn ask_instead(&mut self, client: ClientId) {
        let ask = self.dice.hit(3_000);
        let Some(job) = self.clients[client].job.as_mut() else { return };
        if ask && job.txn.is_some() && matches!(job.stage, Stage::Commit | Stage::Abort) {
            job.stage = Stage::Ask;
            if self.dice.hit(3_000) {
                job.stage = Stage::Abort; // or want it no more
            }
        }
    }
}
