//! A model of librdkafka's transactional producer behind one lane: what it sends next, and what an answer means to it.
//!
//! It sends one request at a time and repeats one whose answer does not come (a repeat is what makes late duplicates).

use crate::broker::{Body, LogIndex, Payload};
use bytes::Bytes;
use sidecommit_core::{
    Blame, Coordinate, Flushed, Generation, GroupOffsets, LaneError, LaneErrorKind, MemberReport, Millis,
    Outgoing, PartitionRange, Suspect,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One producer instance.
#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) generation: Generation,
    pub(crate) pid: u64,
    pub(crate) epoch: u32,
    /// What its lane's thread is blocked in.
    pub(crate) wait: Wait,
    /// It failed: nothing asked of it is answered any more.
    pub(crate) failed: bool,
    /// Why it failed, while it aborts what it had begun: told once that is done, or was not answered in time.
    pub(crate) failing: Option<LaneError>,
    pub(crate) inflight: Option<Inflight>,
    todo: VecDeque<Job>,
    registered: BTreeSet<LogIndex>,
    anything: bool,
    sequences: BTreeMap<LogIndex, u64>,
    ranges: BTreeMap<(u32, LogIndex), Range>,
    marker: Option<i64>,
    /// Offsets were sent twice: one of the requests may still come late, into the next transaction.
    pub(crate) tainted: bool,
}

/// A blocking call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Nothing,
    Init,
    Flush,
    End {
        commit: bool,
    },
    /// abort_transaction, which the lane's thread calls by itself after a failure that others than Kafka brought about.
    Abort,
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Inflight {
    pub(crate) attempt: u64,
    pub(crate) body: Body,
    pub(crate) since: Millis,
    /// How often it was sent.
    pub(crate) sent: u32,
    /// True while waiting to send it again after CONCURRENT_TRANSACTIONS.
    pub(crate) backing_off: bool,
    job: Option<Job>,
}

/// Something queued for sending.
#[derive(Clone, Debug)]
enum Job {
    Register(BTreeSet<LogIndex>),
    Join(String),
    Batch(LogIndex, Vec<Item>),
    Offsets(GroupOffsets),
}

/// A record on its way: an application's, or one of our own.
#[derive(Clone, Debug)]
struct Item {
    payload: Payload,
    bytes: u64,
    /// Absent: our own.
    of: Option<(u32, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: i64,
    last: i64,
    count: u64,
}

/// What a producer does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Send this.
    Send(Body),
    /// Nothing until something is asked or answered.
    Rest,
    /// Its blocking call returns.
    Done,
}

// === impl Producer ===

impl Producer {
    pub(crate) fn new(generation: Generation) -> Self {
        Self {
            generation,
            pid: 0,
            epoch: 0,
            wait: Wait::Init,
            failed: false,
            failing: None,
            inflight: None,
            todo: VecDeque::new(),
            registered: BTreeSet::new(),
            anything: false,
            sequences: BTreeMap::new(),
            ranges: BTreeMap::new(),
            marker: None,
            tainted: false,
        }
    }

    /// begin_transaction.
    pub(crate) fn begin(&mut self) {
        self.registered.clear();
        self.ranges.clear();
        (self.anything, self.marker) = (false, None);
    }

    /// Queues an application's records for their partitions.
    pub(crate) fn send(&mut self, records: Vec<(LogIndex, Outgoing, bool)>) {
        let mut batches: BTreeMap<LogIndex, Vec<Item>> = BTreeMap::new();
        for (log, Outgoing { member, index, record }, poison) in records {
            let bytes = record.bytes();
            let payload = Payload { key: record.key, value: record.value, poison };
            batches.entry(log).or_default().push(Item { payload, bytes, of: Some((member, index)) });
        }
        self.register(batches.keys().copied().collect());
        self.todo.extend(batches.into_iter().map(|(log, items)| Job::Batch(log, items)));
    }

    /// Queues one of our own records.
    pub(crate) fn write(&mut self, log: LogIndex, key: Bytes, value: Bytes) {
        self.register([log].into());
        let payload = Payload { key: Some(key), value: Some(value), poison: false };
        self.todo.push_back(Job::Batch(log, vec![Item { payload, bytes: 0, of: None }]));
    }

    /// Queues offsets; they go after the records queued so far.
    pub(crate) fn offsets(&mut self, offsets: GroupOffsets) {
        self.anything = true;
        self.todo.push_back(Job::Join(offsets.group.group_id.clone()));
        self.todo.push_back(Job::Offsets(offsets));
    }

    fn register(&mut self, mut logs: BTreeSet<LogIndex>) {
        logs.retain(|log| self.registered.insert(*log));
        if !logs.is_empty() {
            self.anything = true;
            self.todo.push_back(Job::Register(logs));
        }
    }

    /// Forgets what is not sent yet, as abort_transaction does.
    pub(crate) fn purge(&mut self) {
        self.todo.clear();
    }

    /// What to do now that nothing is in flight.
    pub(crate) fn next(&mut self, lane_timeout: Millis) -> Next {
        if self.inflight.is_some() {
            return Next::Rest;
        }
        if self.wait == Wait::Abort {
            return if self.anything { Next::Send(Body::End { commit: false }) } else { Next::Done };
        }
        if self.failed {
            return Next::Rest;
        }
        if self.wait == Wait::Init {
            return Next::Send(Body::Init { timeout: lane_timeout });
        }
        match (self.todo.front(), self.wait) {
            (Some(job), _) => Next::Send(self.body(job)),
            (None, Wait::Flush) => Next::Done,
            (None, Wait::End { .. }) if !self.anything => Next::Done,
            (None, Wait::End { commit }) => Next::Send(Body::End { commit }),
            (None, Wait::Nothing | Wait::Init | Wait::Abort) => Next::Rest,
        }
    }

    fn body(&self, job: &Job) -> Body {
        match job {
            Job::Register(logs) => Body::AddPartitions(logs.clone()),
            Job::Join(group) => Body::AddGroup(group.clone()),
            Job::Offsets(offsets) => Body::Offsets(offsets.clone()),
            Job::Batch(log, items) => Body::Produce {
                log: *log,
                base_seq: self.sequences.get(log).copied().unwrap_or(0),
                batch: items.iter().map(|item| item.payload.clone()).collect(),
            },
        }
    }

    /// Notes that a request is on its way.
    pub(crate) fn sent(&mut self, now: Millis, attempt: u64, body: Body) {
        let job = match body {
            Body::Init { .. } | Body::End { .. } => None,
            _ => self.todo.pop_front(),
        };
        self.inflight = Some(Inflight { attempt, body, since: now, sent: 1, backing_off: false, job });
    }

    /// The request in flight was executed; tells how many bytes of application records that delivered.
    pub(crate) fn acknowledged(&mut self, base: Option<i64>) -> u64 {
        let Some(Inflight { job: Some(Job::Batch(log, items)), .. }) = self.inflight.take() else { return 0 };
        *self.sequences.entry(log).or_default() += items.len() as u64;
        let mut bytes = 0;
        for (i, item) in items.iter().enumerate() {
            let offset = base.map_or(-1, |base| base + i as i64);
            bytes += item.bytes;
            let Some((member, _)) = item.of else {
                self.marker = Some(offset);
                continue;
            };
            let range =
                self.ranges.entry((member, log)).or_insert(Range { first: offset, last: offset, count: 0 });
            range.last = offset;
            range.count += 1;
        }
        bytes
    }

    /// What it means that the batch in flight was refused: everybody who has a record in it is a suspect, and proven guilty if
    /// the broker names the record (`named`).
    pub(crate) fn refused(&self, names: &[(String, i32)], position: usize, named: bool) -> LaneError {
        let (topic, items) = match self.inflight.as_ref().and_then(|inflight| inflight.job.as_ref()) {
            Some(Job::Batch(log, items)) => (names[*log].0.as_str(), items.as_slice()),
            _ => ("", [].as_slice()),
        };
        let of = |item: &Item| item.of;
        let mut suspects: BTreeMap<u32, u64> = BTreeMap::new();
        match named {
            true => suspects.extend(items.get(position).and_then(of)),
            false => items.iter().filter_map(of).for_each(|(member, index)| {
                suspects.entry(member).or_insert(index);
            }),
        }
        if suspects.is_empty() {
            return LaneError::new(LaneErrorKind::Other, "a record of our own was refused");
        }
        let suspects = suspects.into_iter().map(|(member, index)| Suspect { member, index, proven: named });
        let blame = Blame::Records { topic: topic.into(), suspects: suspects.collect() };
        let kind = LaneErrorKind::Record { denied: false };
        LaneError { blame, ..LaneError::new(kind, "the batch was refused") }
    }

    /// What it means that the generation of the offsets in flight is stale.
    pub(crate) fn stale(&self) -> LaneError {
        let error = LaneError::new(LaneErrorKind::Generation, "the generation is stale");
        match self.inflight.as_ref().map(|inflight| &inflight.body) {
            Some(Body::Offsets(offsets)) => {
                LaneError { blame: Blame::Group(offsets.group.group_id.clone()), ..error }
            }
            _ => error,
        }
    }

    /// What a finished flush reports.
    pub(crate) fn flushed(&self, names: &[(String, i32)], outcomes: LogIndex) -> Flushed {
        let mut members: BTreeMap<u32, Vec<PartitionRange>> = BTreeMap::new();
        for ((member, log), range) in &self.ranges {
            let (topic, partition) = names[*log].clone();
            let known = range.first >= 0 && range.last >= 0;
            members.entry(*member).or_default().push(PartitionRange {
                topic,
                partition,
                first_offset: if known { range.first } else { -1 },
                last_offset: if known { range.last } else { -1 },
                count: range.count,
            });
        }
        let members = members.into_iter().map(|(member, mut ranges)| {
            ranges.sort();
            MemberReport { member, ranges }
        });
        let (topic, partition) = names[outcomes].clone();
        Flushed {
            members: members.collect(),
            marker: self.marker.map(|offset| Coordinate { topic, partition, offset }),
        }
    }

    /// Whether the request in flight is EndTxn.
    pub(crate) fn is_ending(&self) -> bool {
        self.inflight.as_ref().is_some_and(|inflight| matches!(inflight.body, Body::End { .. }))
    }

    /// A failure that others brought about: what was begun is aborted at once.
    pub(crate) fn abort(&mut self, error: LaneError) {
        self.fail();
        (self.wait, self.failing) = (Wait::Abort, Some(error));
    }

    /// Marks the producer as failed for good.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
        self.wait = Wait::Nothing;
        (self.inflight, self.failing) = (None, None);
        self.todo.clear();
    }
}
