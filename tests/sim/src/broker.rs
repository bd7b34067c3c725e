//! A model of one Kafka cluster, as far as transactions go: the transaction coordinator (epochs, fencing per
//! transactional.id, two-step end with control markers, timeouts; protocol V1), partitions and consumer groups.
//!
//! Each request is executed atomically when it arrives; delay, loss and reordering are the network's business
//! (`world::network`), and markers are written one by one when the world schedules them.

mod log;
mod outcomes;
#[cfg(test)]
mod tests;

use log::{Appended, Source};
pub(crate) use log::{Entry, Log, Payload};
pub(crate) use outcomes::outcomes_view;
pub(crate) use sidecommit_core::Millis;

use sidecommit_core::{GroupOffsets, TopicPartitionOffset};
use std::collections::{BTreeMap, BTreeSet};

/// Index of a partition in [`Broker::logs`].
pub(crate) type LogIndex = usize;

/// Index of a Kafka transaction in [`Broker::txns`].
pub(crate) type TxnNumber = usize;

/// The process that sent a request.
pub(crate) type Origin = usize;

/// The origin of requests that no sidecar process sent.
pub(crate) const FOREIGN: Origin = usize::MAX;

/// A request of a transactional producer.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) origin: Origin,
    pub(crate) id: String,
    pub(crate) pid: u64,
    pub(crate) epoch: u32,
    pub(crate) body: Body,
}

/// What is requested.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// InitProducerId without a producer id: fences whoever used the transactional.id before.
    Init { timeout: Millis },
    /// AddPartitionsToTxn.
    AddPartitions(BTreeSet<LogIndex>),
    /// Produce to one partition.
    Produce { log: LogIndex, base_seq: u64, batch: Vec<Payload> },
    /// AddOffsetsToTxn.
    AddGroup(String),
    /// TxnOffsetCommit.
    Offsets(GroupOffsets),
    /// EndTxn.
    End { commit: bool },
}

/// The broker's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Inited { pid: u64, epoch: u32 },
    Appended { base: Option<i64> },
    Ok,
    Error(BrokerError),
}

/// An error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BrokerError {
    /// CONCURRENT_TRANSACTIONS: markers are being written; try again.
    Concurrent,
    /// INVALID_PRODUCER_EPOCH.
    Fenced,
    /// INVALID_TXN_STATE.
    InvalidState,
    /// A record of the batch is refused for good.
    Rejected { position: usize },
    /// ILLEGAL_GENERATION.
    IllegalGeneration,
    /// OUT_OF_ORDER_SEQUENCE_NUMBER.
    OutOfOrder,
}

/// What takes part in a transaction and gets a marker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Participant {
    Log(LogIndex),
    Group(String),
}

/// What the world must know of or do for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The coordinator decided a transaction; its markers are still to be written.
    Decided { id: String, txn: TxnNumber, commit: bool },
}

/// State of a transactional.id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Empty,
    Ongoing,
    Preparing { commit: bool },
    Complete { commit: bool },
}

/// One transactional.id.
#[derive(Clone, Debug)]
pub(crate) struct Transactional {
    pub(crate) pid: u64,
    pub(crate) epoch: u32,
    pub(crate) state: State,
    pub(crate) pending: BTreeSet<Participant>,
    /// When the present epoch was handed out.
    pub(crate) inited: Millis,
    timeout: Millis,
    txn: TxnNumber,
}

/// One Kafka transaction: what is in it and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct KafkaTxn {
    /// Who began it.
    pub(crate) origin: Origin,
    pub(crate) started: Millis,
    /// When the producer that began it was initialised.
    pub(crate) inited: Millis,
    /// Places of its records.
    pub(crate) records: Vec<(LogIndex, i64)>,
    pub(crate) offsets: Vec<PendingOffset>,
    pub(crate) committed: Option<bool>,
}

/// An offset written in a transaction.
#[derive(Clone, Debug)]
pub(crate) struct PendingOffset {
    pub(crate) group: String,
    pub(crate) offset: TopicPartitionOffset,
    /// Its place in the offsets topic: of two committed ones the later written counts, whichever marker came first.
    place: u64,
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) generation: i32,
    /// Committed offsets with their places in the offsets topic.
    pub(crate) committed: BTreeMap<(String, i32), (i64, u64)>,
    written: u64,
}

/// The cluster.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) logs: Vec<Log>,
    /// Topic and partition of each log.
    pub(crate) names: Vec<(String, i32)>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) txns: Vec<KafkaTxn>,
    pub(crate) ids: BTreeMap<String, Transactional>,
    pub(crate) news: Vec<News>,
}

// === impl Broker ===

impl Broker {
    /// Index of the outcomes topic's partition.
    pub(crate) const OUTCOMES: LogIndex = 0;

    /// A cluster with the outcomes partition and data partitions.
    pub(crate) fn new(topics: &[(&str, i32)]) -> Self {
        let mut names = vec![("outcomes".to_owned(), 0)];
        for (topic, partitions) in topics {
            names.extend((0..*partitions).map(|partition| ((*topic).to_owned(), partition)));
        }
        let logs = names.iter().map(|_| Log::default()).collect();
        Self {
            logs,
            names,
            groups: BTreeMap::new(),
            txns: Vec::new(),
            ids: BTreeMap::new(),
            news: Vec::new(),
        }
    }

    /// Finds a partition.
    pub(crate) fn log_of(&self, topic: &str, partition: i32) -> LogIndex {
        self.names
            .iter()
            .position(|(name, number)| name == topic && *number == partition)
            .expect("clients use existing partitions")
    }

    /// Executes a request.
    pub(crate) fn handle(&mut self, now: Millis, request: &Request) -> Response {
        let result = match &request.body {
            Body::Init { timeout } => self.init(now, &request.id, *timeout),
            Body::AddPartitions(logs) => {
                let participants = logs.iter().copied().map(Participant::Log).collect();
                self.join(now, request, participants).map(|()| Response::Ok)
            }
            Body::Produce { log, base_seq, batch } => self.produce(now, request, *log, *base_seq, batch),
            Body::AddGroup(group) => {
                self.join(now, request, vec![Participant::Group(group.clone())]).map(|()| Response::Ok)
            }
            Body::Offsets(offsets) => self.offsets(request, offsets),
            Body::End { commit } => self.end(request, *commit),
        };
        result.unwrap_or_else(Response::Error)
    }

    fn init(&mut self, now: Millis, id: &str, timeout: Millis) -> Result<Response, BrokerError> {
        let next_pid = self.ids.len() as u64 + 1;
        let known = self.ids.contains_key(id);
        let entry = self.ids.entry(id.to_owned()).or_insert_with(|| Transactional {
            pid: next_pid,
            epoch: 0,
            state: State::Empty,
            pending: BTreeSet::new(),
            inited: now,
            timeout,
            txn: 0,
        });
        match entry.state {
            State::Preparing { .. } => return Err(BrokerError::Concurrent),
            State::Ongoing => {
                self.fence(id);
                return Err(BrokerError::Concurrent);
            }
            State::Empty | State::Complete { .. } => {}
        }
        if known {
            entry.epoch += 1;
        }
        (entry.state, entry.inited, entry.timeout) = (State::Empty, now, timeout);
        Ok(Response::Inited { pid: entry.pid, epoch: entry.epoch })
    }

    /// Aborts the ongoing transaction under a new epoch.
    fn fence(&mut self, id: &str) {
        if let Some(entry) = self.ids.get_mut(id) {
            entry.epoch += 1;
        }
        self.decide(id, false);
    }

    fn decide(&mut self, id: &str, commit: bool) {
        let entry = self.ids.get_mut(id).expect("only known ids are decided");
        entry.state = State::Preparing { commit };
        self.txns[entry.txn].committed = Some(commit);
        self.news.push(News::Decided { id: id.to_owned(), txn: entry.txn, commit });
    }

    /// The id's entry, if the request's epoch is the current one.
    fn current(&mut self, request: &Request) -> Result<&mut Transactional, BrokerError> {
        let entry = self.ids.get_mut(&request.id).ok_or(BrokerError::InvalidState)?;
        if (entry.pid, entry.epoch) == (request.pid, request.epoch) {
            Ok(entry)
        } else {
            Err(BrokerError::Fenced)
        }
    }

    /// Adds participants, which begins the transaction if none is ongoing.
    fn join(
        &mut self,
        now: Millis,
        request: &Request,
        participants: Vec<Participant>,
    ) -> Result<(), BrokerError> {
        let next = self.txns.len();
        let entry = self.current(request)?;
        match entry.state {
            State::Preparing { .. } => return Err(BrokerError::Concurrent),
            State::Ongoing => entry.pending.extend(participants),
            State::Empty | State::Complete { .. } => {
                entry.state = State::Ongoing;
                entry.pending = participants.into_iter().collect();
                entry.txn = next;
                let inited = entry.inited;
                self.txns.push(KafkaTxn {
                    origin: request.origin,
                    started: now,
                    inited,
                    records: Vec::new(),
                    offsets: Vec::new(),
                    committed: None,
                });
            }
        }
        Ok(())
    }

    fn produce(
        &mut self,
        now: Millis,
        request: &Request,
        log: LogIndex,
        base_seq: u64,
        batch: &[Payload],
    ) -> Result<Response, BrokerError> {
        if self.logs[log].is_fenced(request.pid, request.epoch) {
            return Err(BrokerError::Fenced);
        }
        // KIP-890 part 1: the leader asks the coordinator only for a producer's first batch of a transaction.
        let txn = match self.logs[log].open_txn(request.pid, request.epoch) {
            Some(txn) => txn,
            None => {
                let entry = self.current(request)?;
                if entry.state != State::Ongoing || !entry.pending.contains(&Participant::Log(log)) {
                    return Err(BrokerError::InvalidState);
                }
                entry.txn
            }
        };
        let source = Source { pid: request.pid, epoch: request.epoch, base_seq };
        let base = match self.logs[log].append(now, source, txn, batch)? {
            Appended::Repeat(base) => base,
            Appended::New(base) => {
                let places = (0..batch.len() as i64).map(|i| (log, base + i));
                self.txns[txn].records.extend(places);
                Some(base)
            }
        };
        Ok(Response::Appended { base })
    }

    fn offsets(&mut self, request: &Request, offsets: &GroupOffsets) -> Result<Response, BrokerError> {
        let group = &offsets.group;
        let entry = self.current(request)?;
        // KIP-890 part 1 for offsets: a duplicate may come late, but the group must be in the ongoing transaction.
        if entry.state != State::Ongoing
            || !entry.pending.contains(&Participant::Group(group.group_id.clone()))
        {
            return Err(BrokerError::InvalidState);
        }
        let txn = entry.txn;
        let known = self.groups.entry(group.group_id.clone()).or_default();
        if !group.member_id.is_empty() && group.generation_id != known.generation {
            return Err(BrokerError::IllegalGeneration);
        }
        for offset in &offsets.offsets {
            known.written += 1;
            let pending =
                PendingOffset { group: group.group_id.clone(), offset: offset.clone(), place: known.written };
            self.txns[txn].offsets.push(pending);
        }
        Ok(Response::Ok)
    }

    fn end(&mut self, request: &Request, commit: bool) -> Result<Response, BrokerError> {
        match self.current(request)?.state {
            State::Ongoing => self.decide(&request.id, commit),
            State::Preparing { commit: decided } if decided == commit => return Err(BrokerError::Concurrent),
            State::Complete { commit: decided } if decided == commit => {}
            State::Empty | State::Preparing { .. } | State::Complete { .. } => {
                return Err(BrokerError::InvalidState);
            }
        }
        Ok(Response::Ok)
    }

    /// Who still has to get the marker of the id's decided transaction.
    pub(crate) fn unmarked(&self, id: &str) -> Vec<Participant> {
        self.ids.get(id).map(|entry| entry.pending.iter().cloned().collect()).unwrap_or_default()
    }

    /// Writes the marker of a decided transaction to one participant.
    pub(crate) fn write_marker(&mut self, now: Millis, id: &str, participant: &Participant) {
        let Some(entry) = self.ids.get_mut(id) else { return };
        let State::Preparing { commit } = entry.state else { return };
        if !entry.pending.remove(participant) {
            return;
        }
        match participant {
            Participant::Log(log) => self.logs[*log].write_marker(now, entry.pid, entry.epoch, commit),
            Participant::Group(group) if commit => {
                let committed = &mut self.groups.entry(group.clone()).or_default().committed;
                for pending in self.txns[entry.txn].offsets.iter().filter(|pending| pending.group == *group) {
                    let key = (pending.offset.topic.clone(), pending.offset.partition);
                    let known = committed.entry(key).or_insert((0, 0));
                    if pending.place > known.1 {
                        *known = (pending.offset.offset, pending.place);
                    }
                }
            }
            Participant::Group(_) => {}
        }
        if entry.pending.is_empty() {
            entry.state = State::Complete { commit };
        }
    }

    /// Aborts what is ongoing for longer than its timeout, under a new epoch.
    pub(crate) fn expire(&mut self, now: Millis) -> usize {
        let expired: Vec<String> = self
            .ids
            .iter()
            .filter(|(_, e)| e.state == State::Ongoing && self.txns[e.txn].started + e.timeout < now)
            .map(|(id, _)| id.clone())
            .collect();
        expired.iter().for_each(|id| self.fence(id));
        expired.len()
    }
}
