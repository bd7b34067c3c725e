//! One lane's producer: the blocking calls, in slices.

use super::{
    guard::Guard,
    polled::Polled,
    queue::{Queue, Ticket},
    settings::LaneSettings,
    tracker::{Sent, Tracker},
};
use crate::{
    OutcomesPlace,
    classify::{self, TxnError},
    consumers::no_member,
    ffi::{self, Target, To},
    groups,
    reminder::Reminder,
};
use bytes::Bytes;
use rdkafka::{
    TopicPartitionList, client::Client, error::KafkaError, producer::Producer as _,
    topic_partition_list::Offset, types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{
    BATCH_OVERHEAD, Blame, Ended, Flushed, GroupOffsets, LaneError, LaneErrorKind, OutcomesKey, Outgoing,
    Record, Slot, Suspect,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Between two calls that librdkafka gave back at once as retriable.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Why a call was given up.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed.
    Failed(LaneError),
    /// Nobody wants its result any more.
    Superseded,
}

pub(super) type Outcome<T> = Result<T, Stop>;

/// Who calls: where to look for newer orders, and who looks after calls that hang.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) queue: Arc<Queue>,
    pub(super) guard: Arc<Guard>,
    pub(super) ticket: Ticket,
}

/// A call that was made as often as it could be resumed, and failed.
enum Halt {
    Error(TxnError),
    Superseded,
}

/// Records of one topic.
#[derive(Clone, Copy, Default)]
struct UnderWay {
    records: u64,
    bytes: u64,
    /// The bytes of the largest.
    largest: u64,
}

/// A producer.
pub(super) struct Producer {
    /// None only while it is dropped.
    inner: Option<Polled>,
    settings: Arc<LaneSettings>,
    caller: Caller,
    /// What may be under way to each topic: sent since all was delivered last.
    under_way: RefCell<BTreeMap<Arc<str>, UnderWay>>,
    /// A second TxnOffsetCommit may be on its way: like a second EndTxn it could land in the next transaction.
    offsets_resent: Cell<bool>,
}

// === impl Producer ===

impl Producer {
    /// Makes a producer and inits its transactions, however long that takes.
    pub(super) fn open(
        settings: Arc<LaneSettings>,
        transactional_id: &str,
        tracker: Tracker,
        caller: Caller,
    ) -> Outcome<Self> {
        let config = settings.producer(transactional_id);
        let limit = settings.slice + settings.hang_margin;
        let inner = caller.guard.watch("new", limit, || Polled::new(&config, tracker));
        let inner =
            inner.map_err(|error| Stop::Failed(LaneError::new(LaneErrorKind::Other, error.to_string())))?;
        let producer = Self {
            inner: Some(inner),
            settings,
            caller,
            under_way: RefCell::default(),
            offsets_resent: Cell::new(false),
        };
        producer.connect();
        let reminder = Reminder::new(&producer.settings.client.bootstrap_servers);
        let init = producer.resumed("init_transactions", None, |slice| {
            let init = producer.inner().init_transactions(slice);
            reminder.learn(producer.client(), &init);
            init.map_err(|error| TxnError::of_call(&error))
        });
        init.map_err(|halt| halt.stop("init_transactions"))?;
        producer.check_fatal()?;
        Ok(producer)
    }

    /// Connects to some broker. librdkafka looks for a coordinator only over a connection that stands, and if none does,
    /// looks again half a second later (rd_kafka_txn_coord_query): a restart would wait for that twice.
    fn connect(&self) {
        let (OutcomesPlace::Topic { topic, .. } | OutcomesPlace::Groups { topic, .. }) =
            &self.settings.outcomes;
        let limit = self.settings.slice + self.settings.hang_margin;
        let fetch = || self.client().fetch_metadata(Some(topic), self.settings.slice);
        if let Err(error) = self.caller.guard.watch("metadata", limit, fetch) {
            // The init that follows waits for the brokers anyway.
            tracing::debug!(%error, "not connected yet");
        }
    }

    pub(super) fn begin(&self) -> Outcome<()> {
        self.tracker().begin();
        self.under_way.borrow_mut().clear();
        let limit = self.settings.slice + self.settings.hang_margin;
        let result = self.caller.guard.watch("begin_transaction", limit, || self.inner().begin_transaction());
        result.map_err(|error| failed("begin_transaction", &TxnError::of_call(&error)))?;
        self.check_fatal()
    }

    pub(super) fn send(&self, records: &[Outgoing]) -> Outcome<()> {
        // Looked up once for a run of records to one topic.
        for run in records.chunk_by(|a, b| a.record.topic == b.record.topic) {
            self.send_run(&run[0].record.topic, run)?;
        }
        Ok(())
    }

    /// Each record in a batch of its own, so that one that is refused is named.
    pub(super) fn send_apart(&self, records: &[Outgoing]) -> Outcome<()> {
        for record in records {
            self.send(std::slice::from_ref(record))?;
            self.await_deliveries()?;
        }
        Ok(())
    }

    fn send_run(&self, topic: &Arc<str>, records: &[Outgoing]) -> Outcome<()> {
        let max = self.settings.topic_limits.of(topic).filter(|max| *max < self.settings.batch_bytes.into());
        if max.is_none() {
            self.count(topic, records);
        }
        let target = self.target(topic)?;
        for outgoing in records {
            if let Some(max) = max {
                self.keep_below(max, outgoing)?;
            }
            let Outgoing { member, index, record } = outgoing;
            if record.partition.is_none() && record.key.is_none() {
                self.tracker().placement().sending(batched(record));
            }
            let to = To {
                partition: record.partition,
                key: record.key.as_deref(),
                headers: &record.headers,
                timestamp_ms: record.timestamp_ms,
            };
            let sent = Sent::Record { member: *member, index: *index, bytes: record.bytes() };
            self.enqueue(&target, &to, record.value.as_ref(), sent)?;
        }
        Ok(())
    }

    fn count(&self, topic: &Arc<str>, records: &[Outgoing]) {
        let mut under_way = self.under_way.borrow_mut();
        let sum = under_way.entry(topic.clone()).or_default();
        for outgoing in records {
            let size = batched(&outgoing.record);
            sum.records += 1;
            sum.bytes += size;
            sum.largest = sum.largest.max(size);
        }
    }

    /// Waits for deliveries before more is under way to the record's topic than the broker takes in one batch.
    fn keep_below(&self, max: u64, outgoing: &Outgoing) -> Outcome<()> {
        let topic = &outgoing.record.topic;
        let bytes = self.under_way.borrow().get(topic).map_or(0, |sum| sum.bytes);
        if bytes > 0 && bytes + batched(&outgoing.record) + BATCH_OVERHEAD > max {
            self.await_deliveries()?;
        }
        self.count(topic, std::slice::from_ref(outgoing));
        Ok(())
    }

    /// The broker refused a batch to this topic as too large. True if smaller ones may pass: then nobody is to blame yet.
    fn learn_limit(&self, topic: &str) -> bool {
        let sum = self.under_way.borrow().get(topic).copied().unwrap_or_default();
        sum.records > 1 && self.settings.topic_limits.learn(topic, sum.largest + BATCH_OVERHEAD)
    }

    /// Writes one of our own records.
    pub(super) fn write(&self, slot: &Slot, key: &OutcomesKey, value: &[u8]) -> Outcome<()> {
        match &self.settings.outcomes {
            OutcomesPlace::Topic { topic, partition } => {
                let is_marker = matches!(key, OutcomesKey::Marker(..));
                let key = key.encode(slot);
                let to = To { partition: Some(*partition), key: Some(key.as_bytes()), ..To::default() };
                let value = Bytes::copy_from_slice(value);
                self.enqueue(&self.target(topic)?, &to, Some(&value), Sent::Own { is_marker })
            }
            OutcomesPlace::Groups { prefix, topic, partition } => {
                let group = groups::name(prefix, &key.encode(slot));
                self.offsets(&groups::carrier(group, topic, *partition, value))
            }
        }
    }

    /// Adds offsets, once everything sent so far is delivered.
    pub(super) fn offsets(&self, offsets: &GroupOffsets) -> Outcome<()> {
        const ACT: &str = "send_offsets_to_transaction";
        self.await_deliveries()?;
        self.send_offsets(ACT, offsets).map_err(|stop| match stop {
            Stop::Failed(error)
                if matches!(error.kind, LaneErrorKind::Generation | LaneErrorKind::GroupDenied) =>
            {
                Stop::Failed(LaneError { blame: Blame::Group(offsets.group.group_id.clone()), ..error })
            }
            stop => stop,
        })
    }

    fn send_offsets(&self, act: &'static str, offsets: &GroupOffsets) -> Outcome<()> {
        let list = list(offsets).map_err(|error| failed(act, &TxnError::of_call(&error)))?;
        let group = self.metadata(offsets).map_err(|error| failed(act, &error))?;
        let limit = Some(self.settings.end_limit);
        let started = Instant::now();
        let sent = self.resumed(act, limit, |slice| ffi::send_offsets(self.client(), &list, &group, slice));
        if sent.as_ref().ok() != Some(&1) || !self.is_quick(started) {
            self.offsets_resent.set(true);
        }
        match sent {
            Ok(_) => Ok(()),
            // The right to read a topic is part of the right to commit offsets for it.
            Err(Halt::Error(error)) if error.code == Code::TopicAuthorizationFailed => {
                Err(Stop::Failed(LaneError::new(LaneErrorKind::GroupDenied, error.lane_error(act).message)))
            }
            Err(halt) => Err(halt.stop(act)),
        }
    }

    /// What tells the group's member from a zombie: a member of our own has that of this moment.
    fn metadata(&self, offsets: &GroupOffsets) -> Result<ffi::GroupMetadata, TxnError> {
        let Some(consumer) = offsets.group.consumer else {
            return ffi::GroupMetadata::new(&offsets.group);
        };
        let consumers = self.settings.consumers.as_ref();
        consumers.map_or_else(|| Err(no_member("none is known here")), |all| all.metadata(consumer, offsets))
    }

    /// Waits until everything is delivered and nothing is in flight.
    pub(super) fn flush(&self) -> Outcome<Flushed> {
        self.await_deliveries()?;
        Ok(self.tracker().report())
    }

    /// EndTxn.
    pub(super) fn end(&self, commit: bool) -> Outcome<Ended> {
        let started = Instant::now();
        let limit = Some(self.settings.end_limit);
        self.tracker().be_quiet();
        let attempts = if commit {
            self.resumed("commit_transaction", limit, |slice| ffi::commit_transaction(self.client(), slice))
                .map_err(|halt| halt.stop("commit_transaction"))?
        } else {
            self.resumed("abort_transaction", limit, |slice| {
                self.inner().abort_transaction(slice).map_err(|error| TxnError::of_call(&error))
            })
            .map_err(|halt| halt.stop("abort_transaction"))?
        };
        let once = attempts == 1 && self.is_quick(started) && !self.offsets_resent.get();
        self.check_fatal()?;
        Ok(Ended { clean: once && !self.tracker().has_failed() })
    }

    /// After a failure that others than Kafka brought about: aborts at once, before EndTxn(commit) was ever sent, which proves that
    /// nothing of the transaction will be visible. The producer must be replaced all the same: what it skipped would be missed in
    /// its sequence numbers.
    pub(super) fn proves_abort(&self, error: &LaneError) -> bool {
        let by_others = matches!(
            error.kind,
            LaneErrorKind::Record { .. }
                | LaneErrorKind::Generation
                | LaneErrorKind::GroupDenied
                | LaneErrorKind::Other
        );
        by_others
            && self.check_fatal().is_ok()
            && self
                .resumed("abort_transaction", Some(self.settings.slice), |slice| {
                    self.inner().abort_transaction(slice).map_err(|error| TxnError::of_call(&error))
                })
                .is_ok()
            && self.check_fatal().is_ok()
    }

    /// Whether a request was surely sent only once since then (transactions.md 3.2).
    fn is_quick(&self, started: Instant) -> bool {
        started.elapsed() < self.settings.clean_threshold()
    }

    /// Whether the producer has failed by itself: asked when its tracker calls for attention.
    pub(super) fn check(&self) -> Outcome<()> {
        self.check_fatal()?;
        if self.tracker().has_failed() {
            return self.await_deliveries();
        }
        Ok(())
    }

    fn inner(&self) -> &Polled {
        self.inner.as_ref().expect("present until it is dropped")
    }

    fn client(&self) -> &Client<Tracker> {
        self.inner().client()
    }

    fn tracker(&self) -> &Tracker {
        self.client().context()
    }

    /// Waits for all delivery reports; fails if one is bad.
    fn await_deliveries(&self) -> Outcome<()> {
        self.tracker().be_quiet();
        let limit = self.settings.slice + self.settings.hang_margin;
        loop {
            let flush = || ffi::flush(self.client(), self.settings.slice);
            if self.caller.guard.watch("flush", limit, flush) {
                break;
            }
            self.check_fatal()?;
            if self.caller.queue.is_superseded(self.caller.ticket) {
                return Err(Stop::Superseded);
            }
        }
        self.check_fatal()?;
        if self.tracker().has_failed() {
            return Err(Stop::Failed(self.cause()));
        }
        self.under_way.borrow_mut().clear();
        self.tracker().speak();
        Ok(())
    }

    fn check_fatal(&self) -> Outcome<()> {
        match self.client().fatal_error() {
            None => Ok(()),
            Some((code, message)) => {
                let error = TxnError { code, message, fatal: true, retriable: false, abortable: false };
                Err(failed("producer", &error))
            }
        }
    }

    fn target<'a>(&'a self, topic: &'a str) -> Outcome<Target<'a, Tracker>> {
        Target::of(self.client(), topic).map_err(|error| failed("produce", &error))
    }

    fn enqueue(
        &self,
        target: &Target<'_, Tracker>,
        to: &To<'_>,
        value: Option<&Bytes>,
        sent: Sent,
    ) -> Outcome<()> {
        loop {
            self.tracker().sending();
            let Err(code) = target.send(to, value.cloned(), sent) else { return Ok(()) };
            self.tracker().not_sent();
            if code != Code::QueueFull {
                self.check_fatal()?;
                // librdkafka refuses because the transaction failed already: that failure says more.
                if code == Code::State || self.tracker().has_failed() {
                    self.await_deliveries()?;
                    return Err(Stop::Failed(self.cause()));
                }
                return Err(rejected(sent.record(), target.topic, code));
            }
            if !self.tracker().await_report(self.settings.slice) {
                self.check_fatal()?;
            }
            if self.caller.queue.is_superseded(self.caller.ticket) {
                return Err(Stop::Superseded);
            }
            if self.tracker().has_failed() {
                return self.await_deliveries();
            }
        }
    }

    /// Why deliveries failed.
    fn cause(&self) -> LaneError {
        let failure = self.tracker().failure();
        if let Some(failure) = &failure
            && !classify::is_consequence(failure.code)
        {
            let message = format!(
                "record for topic {} partition {} (or another record of its batch): {}",
                failure.topic, failure.partition, failure.code
            );
            if failure.code == Code::MessageSizeTooLarge && self.learn_limit(&failure.topic) {
                let message = format!("{message}; from now on batches for this topic are smaller");
                return LaneError::new(LaneErrorKind::Other, message);
            }
            // For one of our own records nobody is to blame.
            let suspects =
                failure.record.map(|_| self.tracker().suspects(&failure.topic)).unwrap_or_default();
            return blame(failure.code, &failure.topic, suspects, message);
        }
        // Only consequences: the cause is the transaction's own error, which begin_transaction returns in this state.
        let limit = self.settings.slice + self.settings.hang_margin;
        match self.caller.guard.watch("begin_transaction", limit, || self.inner().begin_transaction()) {
            Err(error) => {
                let error = TxnError::of_call(&error);
                match self.tracker().refused_topic() {
                    Some((topic, suspects)) if classify::blames_record(error.code).is_some() => {
                        blame(error.code, &topic, suspects, format!("topic {topic}: {}", error.message))
                    }
                    _ => error.lane_error("produce"),
                }
            }
            Ok(()) => LaneError::new(LaneErrorKind::Other, "records failed without a cause"),
        }
    }

    /// Makes a call again as long as it can be resumed; returns how often it was made.
    fn resumed(
        &self,
        name: &'static str,
        limit: Option<Duration>,
        call: impl Fn(Duration) -> Result<(), TxnError>,
    ) -> Result<u32, Halt> {
        let Caller { queue, guard, ticket } = &self.caller;
        let slice = self.settings.slice;
        let started = Instant::now();
        let mut attempts = 1;
        loop {
            let called = Instant::now();
            match guard.watch(name, slice + self.settings.hang_margin, || call(slice)) {
                Ok(()) => return Ok(attempts),
                Err(error) if !error.retriable => return Err(Halt::Error(error)),
                Err(error) => {
                    let at_once = called.elapsed() < slice / 2;
                    let superseded = if at_once {
                        queue.pause(*ticket, RETRY_PAUSE)
                    } else {
                        queue.is_superseded(*ticket)
                    };
                    if superseded {
                        return Err(Halt::Superseded);
                    }
                    if limit.is_some_and(|limit| started.elapsed() >= limit) {
                        return Err(Halt::Error(error));
                    }
                    tracing::debug!(attempts, error = error.message, "to be resumed");
                }
            }
            attempts += 1;
        }
    }
}

impl Drop for Producer {
    /// On a thread of its own: librdkafka's destroy blocks for up to a second. It sends no EndTxn.
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let spare = thread::Builder::new().name("producer-drop".to_owned());
        if let Err(error) = spare.spawn(move || drop(inner)) {
            // The closure, and the producer with it, was dropped on this thread.
            tracing::warn!(%error, "a producer was dropped without a thread of its own");
        }
    }
}

// === impl Halt ===

impl Halt {
    fn stop(&self, act: &str) -> Stop {
        match self {
            Self::Error(error) => failed(act, error),
            Self::Superseded => Stop::Superseded,
        }
    }
}

/// What a record takes in a batch, at most.
fn batched(record: &Record) -> u64 {
    record.payload_bytes() + Record::OVERHEAD + 8 * record.headers.len() as u64
}

fn failed(act: &str, error: &TxnError) -> Stop {
    Stop::Failed(error.lane_error(act))
}

/// A record that librdkafka did not even take.
fn rejected(record: Option<(u32, u64)>, topic: &str, code: Code) -> Stop {
    let suspects = record.map(|(member, index)| Suspect { member, index, proven: true });
    let message = format!("record for topic {topic}: {code}");
    Stop::Failed(blame(code, topic, suspects.into_iter().collect(), message))
}

/// A failure of records of these members.
fn blame(code: Code, topic: &str, mut suspects: Vec<Suspect>, message: String) -> LaneError {
    let Some(denied) = classify::blames_record(code).filter(|_| !suspects.is_empty()) else {
        return LaneError::new(classify::classify(code), message);
    };
    // A right is had for a topic, not for a record.
    suspects.iter_mut().for_each(|suspect| suspect.proven |= denied);
    let blame = Blame::Records { topic: topic.into(), suspects };
    LaneError { blame, ..LaneError::new(LaneErrorKind::Record { denied }, message) }
}

fn list(offsets: &GroupOffsets) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(offsets.offsets.len());
    for offset in &offsets.offsets {
        let mut element = list.add_partition(&offset.topic, offset.partition);
        element.set_offset(Offset::Offset(offset.offset))?;
        if !offset.metadata.is_empty() {
            element.set_metadata(&offset.metadata);
        }
    }
    Ok(list)
}
