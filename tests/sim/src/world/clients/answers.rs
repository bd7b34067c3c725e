//! What an answer means: to the books at the moment it leaves the process, to the client when it arrives.

use crate::{
    client::{Finish, Job, Offsets, Stage},
    event::{CallAnswer, ClientId, Event},
    ledger::{AppId, Told, Word},
    world::{CallState, Phase, Subject, World, trace},
};
use sidecommit_core::{
    Abort, Answer, CallId, NextAction, Reason, Refusal, Request, TransactionView, TxnId, table::TxnState,
};

// === impl World ===

impl World {
    /// Enters an answer into the books.
    pub(in crate::world) fn hear(&mut self, call: CallId, answer: &CallAnswer) {
        let Some(info) = self.calls.get(&call).cloned() else { return };
        let (app, txn) = match info.subject {
            Subject::Txn(app, txn) => (app, Some(txn)),
            Subject::Begin(app) | Subject::Key(app) | Subject::Request(app) => (app, None),
            Subject::Operator => return,
        };
        let said: Option<(Option<TxnId>, Word)> = match answer {
            Ok(Answer::Begun { txn, .. }) => {
                let result = self.ledger.bind(app, *txn);
                return self.require(result);
            }
            Ok(Answer::Committed { txn, ranges }) => {
                Some((Some(*txn), Word::Committed(Some(ranges.clone()))))
            }
            Ok(Answer::Aborted { txn }) => Some((Some(*txn), Word::Aborted(Reason::AbortedByCaller))),
            Ok(Answer::Transaction(view)) => word_of(view).map(|word| (Some(view.txn), word)),
            Ok(_) => None,
            Err(refusal) => {
                self.stats.count("refusals", refusal.reason.name());
                if refusal.reason == Reason::RecordRejected {
                    let client = self.ledger.apps[app].client;
                    self.procs[info.proc].spoilt.entry(client).or_default().insert(app);
                }
                Word::of(refusal.reason).map(|word| (txn, word))
            }
        };
        let Some((told_txn, word)) = said else { return };
        self.stats.count("told", word_name(&word));
        if txn.is_some() && told_txn.is_some() && txn != told_txn {
            return self
                .require(Err(format!("{call:?} was about {txn:?}, the answer is about {told_txn:?}")));
        }
        let now = self.now();
        self.refresh_memory_lost();
        let told = Told { by: info.proc, app, txn: told_txn, called: info.called, word };
        let result = self.ledger.told(now, &self.broker, &told);
        self.require(result);
    }

    /// An answer (or the end of the connection) reaches a client.
    pub(in crate::world) fn on_replied(
        &mut self,
        client: ClientId,
        call: CallId,
        answer: Option<CallAnswer>,
    ) {
        let Some(job) = self.clients[client].job.as_mut().filter(|job| job.call == Some(call)) else {
            return;
        };
        job.call = None;
        match answer {
            None => {
                trace!(self, "client {client} lost the connection of {call:?}");
                self.clients[client].pod = self.serving_pod();
                self.ask_instead(client);
                self.later(client, 10..300);
            }
            Some(Ok(answer)) => self.on_success(client, answer),
            Some(Err(refusal)) => self.on_refusal(client, &refusal),
        }
    }

    fn on_success(&mut self, client: ClientId, answer: Answer) {
        let Some(job) = self.clients[client].job.as_mut() else { return };
        let all = job.plan.records.len() as u64;
        match answer {
            Answer::Begun { txn, .. } => {
                job.txn = Some(txn);
                job.stage = if all > 0 { Stage::Produce } else { after_records(job) };
            }
            Answer::Produced { next_sequence } => {
                job.next = next_sequence;
                if next_sequence >= all {
                    job.stage = after_records(job);
                }
            }
            Answer::OffsetsTaken { .. } => job.stage = last_stage(job),
            Answer::Transaction(view) => match view.state {
                TxnState::Open | TxnState::Committing | TxnState::InDoubt | TxnState::Aborting => {
                    job.stage = last_stage(job);
                }
                TxnState::Committed | TxnState::Unknown => return self.done(client),
                TxnState::Aborted => return self.begin_again(client),
            },
            Answer::Committed { .. } | Answer::Aborted { .. } => return self.done(client),
            Answer::Alive(_) | Answer::Resumed => {}
        }
        self.go_on(client);
    }

    /// Goes on with the present stage, perhaps after a pause; or vanishes.
    fn go_on(&mut self, client: ClientId) {
        let Some(job) = self.clients[client].job.as_ref() else { return };
        let finishing = matches!(job.stage, Stage::Commit | Stage::Abort);
        if finishing && job.plan.finish == Finish::Vanish {
            self.stats.count("clients", "vanished");
            return self.done(client);
        }
        let lazy = job.plan.lazy;
        let chases = job.stage == Stage::Commit;
        let delay = if self.dice.hit(lazy) && self.phase == Phase::Storm {
            self.dice.u64(100..12_000)
        } else {
            self.dice.u64(0..5)
        };
        self.schedule.after(delay, Event::Act { client });
        if chases && self.dice.hit(5_000) {
            self.chase(client);
        }
    }

    /// Follows next_action.
    fn on_refusal(&mut self, client: ClientId, refusal: &Refusal) {
        let Some(job) = self.clients[client].job.as_mut() else { return };
        if matches!(refusal.reason, Reason::Incomplete) {
            job.miscounted = true;
        }
        match refusal.reason.next_action() {
            NextAction::RetrySame => {
                if let Some(next) = refusal.next_sequence {
                    job.next = next;
                    let all = job.plan.records.len() as u64;
                    job.stage = if next < all { Stage::Produce } else { last_stage(job) };
                }
                let delay = refusal.retry_after.unwrap_or(20);
                self.later(client, delay..delay + 100);
            }
            NextAction::WaitReady => {
                self.clients[client].pod = self.serving_pod();
                self.later(client, 200..1_000);
            }
            NextAction::BeginAgain => self.begin_again(client),
            NextAction::AskOutcome => {
                job.stage = Stage::Ask;
                self.later(client, 0..100);
            }
            NextAction::Stop => self.done(client),
            NextAction::FixRequest => match refusal.reason {
                Reason::RecordRejected | Reason::AbortedByCaller | Reason::AlreadyCommitted => {
                    self.done(client);
                }
                // The repeat of a Produce or an offset met its own Commit, or the Abort that chased it.
                Reason::NotOpen => {
                    job.stage = Stage::Ask;
                    self.later(client, 0..100);
                }
                reason => {
                    let call = job.stage;
                    self.require(Err(format!("a correct {call:?} was refused with {reason:?}: {refusal}")));
                }
            },
        }
    }

    /// The transaction is over and nothing of it is visible: another attempt, or no more.
    fn begin_again(&mut self, client: ClientId) {
        let Some(job) = self.clients[client].job.take() else { return };
        self.stats.count("clients", "begun again");
        let tired = job.plan.finish == Finish::Abort || self.dice.hit(1_000);
        if tired {
            self.give_up(job.app);
            return self.finish(client);
        }
        let again = match &job.key {
            Some(_) => Job { attempts: job.attempts + 1, ..job },
            None => self.begin_job(client, job.plan, job.attempts + 1),
        };
        self.clients[client].job = Some(again);
        self.later(client, 10..300);
    }

    /// The caller will not try again: if nothing of it is under way, it must never be committed.
    fn give_up(&mut self, app: AppId) {
        let underway = self.calls.values().any(|call| {
            call.state == CallState::Open
                && matches!(call.subject, Subject::Key(of) | Subject::Begin(of) | Subject::Txn(of, _) if of == app)
        });
        if !underway {
            self.stats.count("clients", "gave up");
            self.ledger.apps[app].given_up = true;
        }
    }

    fn done(&mut self, client: ClientId) {
        let job = self.clients[client].job.take();
        if let Some((app, txn)) = job.and_then(|job| Some((job.app, job.txn?)))
            && self.phase == Phase::Storm
            && self.dice.hit(500)
        {
            self.stats.count("clients", "aborts too late");
            let abort = Abort { txn, note: "too late".into(), failures: Vec::new(), by_operator: false };
            self.call(Some(client), Subject::Txn(app, txn), Request::Abort(abort));
        }
        self.finish(client);
    }

    fn finish(&mut self, client: ClientId) {
        trace!(self, "client {client} is done with a job");
        self.stats.count("clients", "jobs done");
        self.later(client, 0..self.profile.pause);
    }
}

/// What follows the last record.
fn after_records(job: &Job) -> Stage {
    let sends = job.plan.offsets == Offsets::Sent && job.plan.finish != Finish::Vanish;
    if sends { Stage::Offsets } else { last_stage(job) }
}

fn last_stage(job: &Job) -> Stage {
    match job.plan.finish {
        _ if job.key.is_some() => Stage::Transact,
        Finish::Abort => Stage::Abort,
        Finish::Commit | Finish::CommitAndAbort | Finish::Vanish => Stage::Commit,
    }
}

fn word_of(view: &TransactionView) -> Option<Word> {
    match view.state {
        TxnState::Committed => Some(Word::Committed(Some(view.ranges.clone()))),
        TxnState::Aborted => Some(Word::Aborted(view.reason.unwrap_or(Reason::KafkaFailed))),
        TxnState::Unknown => Some(Word::Unknown),
        TxnState::Open | TxnState::Committing | TxnState::InDoubt | TxnState::Aborting => None,
    }
}

fn word_name(word: &Word) -> String {
    match word {
        Word::Committed(_) => "committed".to_owned(),
        Word::Aborted(reason) => format!("aborted: {}", reason.name()),
        Word::Unknown => "unknown".to_owned(),
        Word::Forgotten => "forgotten".to_owned(),
    }
}
