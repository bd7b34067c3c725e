//! The call that a job's stage needs.

use crate::{
    client::{Finish, Job, Offsets, Plan, RecordPlan, Stage},
    event::ClientId,
    token::Token,
    world::{TOPICS, World},
};
use sidecommit_core::{
    Abort, Begin, Caller, Commit, ConsumerGroup, Fingerprint, Get, GroupOffsets, Lookup, Produce, Record,
    Request, SendOffsets, TopicPartitionOffset, Transact,
};

// === impl World ===

impl World {
    /// The present stage's request; None: the job needs no more calls.
    pub(super) fn request(&mut self, client: ClientId) -> Option<Request> {
        let job = self.clients[client].job.take()?;
        let request = self.request_of(client, &job);
        self.clients[client].job = Some(job);
        request
    }

    fn request_of(&mut self, client: ClientId, job: &Job) -> Option<Request> {
        let fingerprint = Fingerprint((job.app as u128 + 1).to_be_bytes());
        let plan = &job.plan;
        Some(match job.stage {
            Stage::Begin => Request::Begin(Begin {
                caller: caller(client),
                request_id: job.request_id.clone(),
                fingerprint,
                timeout: plan.timeout,
                label: format!("client {client}"),
                ordering_key: plan.ordering_key.clone(),
            }),
            Stage::Produce => self.produce(job)?,
            Stage::Offsets => {
                let offsets = self.offsets_now(job.app)?;
                Request::SendOffsets(SendOffsets {
                    txn: job.txn?,
                    offsets: sidecommit_core::Offsets::Explicit(offsets.group, offsets.offsets),
                })
            }
            Stage::Commit => {
                self.ledger.apps[job.app].asked = true;
                let miscount = u64::from(plan.miscount && !job.miscounted);
                let with = plan.offsets == Offsets::WithCommit;
                let offsets = self.offsets_now(job.app).filter(|_| with);
                Request::Commit(Commit {
                    txn: job.txn?,
                    record_count: plan.records.len() as u64 + miscount,
                    offsets_count: u64::from(plan.offsets != Offsets::None),
                    offsets: offsets.into_iter().collect(),
                    deliveries: Vec::new(),
                })
            }
            Stage::Abort => Request::Abort(Abort {
                txn: job.txn?,
                note: "as planned".into(),
                failures: Vec::new(),
                by_operator: false,
            }),
            Stage::Ask => Request::Get(Get { by: Lookup::Id(job.txn?), wait: true }),
            Stage::Transact => {
                self.ledger.apps[job.app].asked = true;
                let records = plan.records.iter().enumerate().map(|(i, r)| record(job, i as u64, r));
                let transact = Transact {
                    caller: caller(client),
                    key: job.key.clone()?,
                    fingerprint,
                    first_attempt: Some(job.first_attempt),
                    records: records.collect(),
                    offsets: self.offsets_now(job.app).into_iter().collect(),
                    deliveries: Vec::new(),
                    timeout: plan.timeout,
                    ordering_key: plan.ordering_key.clone(),
                };
                self.ledger.apps[job.app].transact = Some(transact.clone());
                Request::Transact(transact)
            }
        })
    }

    /// The next batch; sometimes from an earlier index than needed, rarely with a gap.
    fn produce(&mut self, job: &Job) -> Option<Request> {
        let all = job.plan.records.len() as u64;
        let mut from = job.next.min(all);
        if from > 0 && self.dice.hit(1_500) {
            from = self.dice.u64(0..from);
            self.stats.count("clients", "resent records");
        } else if from + 1 < all && self.dice.hit(200) {
            from += 1;
            self.stats.count("clients", "gaps");
        }
        let to = (from + job.plan.batch as u64).max(job.next + 1).min(all);
        // Half of the jobs send over a stream.
        let patient = job.app.is_multiple_of(2);
        let records = (from..to).map(|index| record(job, index, &job.plan.records[index as usize]));
        Some(Request::Produce(Produce { txn: job.txn?, sequence: from, records: records.collect(), patient }))
    }

    /// The offsets of an application transaction, with the group's generation as the member knows it now.
    fn offsets_now(&mut self, app: usize) -> Option<GroupOffsets> {
        let mut offsets = self.ledger.apps[app].offsets.first()?.clone();
        let group = self.broker.groups.entry(offsets.group.group_id.clone()).or_default();
        offsets.group.generation_id = group.generation;
        Some(offsets)
    }

    /// What a new job will say about its input partition.
    pub(super) fn offsets(&mut self, client: ClientId, plan: &Plan) -> Vec<GroupOffsets> {
        if plan.offsets == Offsets::None || plan.finish == Finish::Vanish {
            return Vec::new();
        }
        let partition = self.clients[client].partition;
        let input = self.inputs.entry(partition).or_insert(1);
        *input += 1;
        let offset = TopicPartitionOffset {
            topic: "input".into(),
            partition,
            offset: *input,
            metadata: self.ledger.apps.len().to_string(),
        };
        let group = ConsumerGroup {
            group_id: format!("group-{}", client % 2),
            generation_id: 0,
            member_id: format!("member-{client}"),
            group_instance_id: None,
            consumer: None,
        };
        vec![GroupOffsets { group, offsets: vec![offset] }]
    }
}

/// A connection of its own for each.
fn caller(client: ClientId) -> Caller {
    Caller(client as u64 + 1)
}

fn record(job: &Job, index: u64, plan: &RecordPlan) -> Record {
    let token = Token { app: job.app, index, poison: plan.poison };
    Record {
        topic: TOPICS[plan.topic].0.into(),
        partition: plan.partition,
        key: Some(vec![index as u8].into()),
        value: Some(token.encode(plan.size)),
        headers: Vec::new(),
        timestamp_ms: 0,
    }
}
