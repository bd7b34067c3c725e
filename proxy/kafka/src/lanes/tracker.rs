//! Counts delivery reports: where each member's records went, which one failed first, how much room there is.

use super::placement::Placement;
use crate::{classify, client, ffi::Lent};
use parking_lot::{Condvar, Mutex};
use rdkafka::{
    ClientContext, Message,
    config::RDKafkaLogLevel,
    error::KafkaError,
    producer::{DeliveryResult, ProducerContext},
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{Coordinate, Flushed, MemberReport, PartitionRange, Suspect};
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Delivered bytes that are reported at once while more are on their way.
const PROGRESS_BYTES: u64 = 256 << 10;

/// What comes back with a record's delivery report.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sent {
    /// An application's record.
    Record { member: u32, index: u64, bytes: u64 },
    /// One of our own to the outcomes topic.
    Own { is_marker: bool },
}

/// What the tracker tells while reports come in; called from the thread that polls the producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// So many bytes more were delivered.
    Progress(u64),
    /// A delivery failed, or the producer failed fatally: look at it.
    Attention,
}

/// The first failed delivery that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: Code,
    /// Member and index in its transaction; None for one of our own records.
    pub(super) record: Option<(u32, u64)>,
    pub(super) topic: String,
    pub(super) partition: i32,
}

/// The context of one lane's producer.
///
/// For each record the lane's thread passes here once and the thread that polls once: what the former does takes no lock, since it would mostly
/// wait for the latter.
pub(super) struct Tracker {
    /// Sent and not yet reported.
    pending: AtomicUsize,
    state: Mutex<State>,
    /// A report came in.
    moved: Condvar,
    placement: Placement,
    notify: Box<dyn Fn(Notice) + Send + Sync>,
}

#[derive(Debug, Default)]
struct State {
    /// Delivered bytes not yet told.
    untold: u64,
    /// Somebody waits for all reports, or they do not matter any more: tell nothing.
    quiet: bool,
    ranges: Ranges,
    marker: Option<Coordinate>,
    failure: Option<Failure>,
    failed: bool,
    /// Per topic, whose records failed.
    failures: BTreeMap<String, Failures>,
    /// The broker named the records that it refused: all others of their batches were told so.
    named: bool,
    /// The topic that the coordinator did not let into the transaction.
    refused_topic: Option<String>,
    duplicates: Duplicates,
}

/// Failed records of one topic: of each member the first.
#[derive(Debug, Default)]
struct Failures {
    /// Those that were refused, or were in a batch that was.
    refused: BTreeMap<u32, u64>,
    /// All, with those that only went down with others.
    all: BTreeMap<u32, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: i64,
    last: i64,
    count: u64,
}

/// Where the records of each member went, per topic and partition.
#[derive(Debug, Default)]
struct Ranges {
    /// The one that was added to last: batches are reported one after the other, so that it is mostly the next one too.
    current: Option<(Place, Range)>,
    others: HashMap<Place, Range>,
}

/// Member, topic, partition.
type Place = (u32, String, i32);

/// Recognises offsets that the broker did not tell. For a batch that it had already (DUPLICATE_SEQUENCE) librdkafka
/// counts up from its invalid offset, -1001: from the batch's 1002nd record on these look like offsets.
#[derive(Debug, Default)]
struct Duplicates(HashMap<(String, i32), i64>);

// === impl Sent ===

impl Sent {
    /// Member and index in its transaction; None for one of our own records.
    pub(super) fn record(self) -> Option<(u32, u64)> {
        match self {
            Self::Record { member, index, .. } => Some((member, index)),
            Self::Own { .. } => None,
        }
    }
}

// === impl Tracker ===

impl Tracker {
    pub(super) fn new(placement: Placement, notify: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        Self {
            pending: AtomicUsize::new(0),
            state: Mutex::default(),
            moved: Condvar::new(),
            placement,
            notify: Box::new(notify),
        }
    }

    /// Forgets the last transaction.
    pub(super) fn begin(&self) {
        *self.state.lock() = State::default();
        self.placement.begin();
        self.pending.store(0, Ordering::Relaxed);
    }

    /// To be called before a record is given to librdkafka.
    pub(super) fn sending(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Where records go that name no partition.
    pub(super) fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The record was not taken.
    pub(super) fn not_sent(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    /// A report came; tells how many are still to come.
    fn reported(&self) -> usize {
        self.pending.fetch_sub(1, Ordering::Relaxed).saturating_sub(1)
    }

    /// From now on nothing is told: somebody waits for the last report.
    pub(super) fn be_quiet(&self) {
        self.state.lock().quiet = true;
    }

    /// Tells what was delivered meanwhile; later deliveries are told again.
    pub(super) fn speak(&self) {
        let mut state = self.state.lock();
        state.quiet = false;
        let bytes = std::mem::take(&mut state.untold);
        drop(state);
        if bytes > 0 {
            (self.notify)(Notice::Progress(bytes));
        }
    }

    /// Waits until a report comes in, if any is to come. False if none did.
    pub(super) fn await_report(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        if self.pending.load(Ordering::Relaxed) == 0 || state.failed {
            return true;
        }
        !self.moved.wait_for(&mut state, timeout).timed_out()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state.lock().failed
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.state.lock().failure.clone()
    }

    /// The members whose records of the topic were refused, or were in a batch that was.
    pub(super) fn suspects(&self, topic: &str) -> Vec<Suspect> {
        let state = self.state.lock();
        let refused = state.failures.get(topic).into_iter().flat_map(|failures| &failures.refused);
        refused.map(|(member, index)| suspect(*member, *index, state.named)).collect()
    }

    /// The topic that the coordinator refused, with all members that have records for it.
    pub(super) fn refused_topic(&self) -> Option<(String, Vec<Suspect>)> {
        let state = self.state.lock();
        let topic = state.refused_topic.as_ref()?;
        let all = &state.failures.get(topic)?.all;
        Some((topic.clone(), all.iter().map(|(member, index)| suspect(*member, *index, true)).collect()))
    }

    /// Where everything is that was delivered since `begin`.
    pub(super) fn report(&self) -> Flushed {
        let state = self.state.lock();
        let mut members: BTreeMap<u32, Vec<PartitionRange>> = BTreeMap::new();
        for ((member, topic, partition), range) in state.ranges.iter() {
            members.entry(*member).or_default().push(PartitionRange {
                topic: topic.clone(),
                partition: *partition,
                first_offset: range.first,
                last_offset: range.last,
                count: range.count,
            });
        }
        let members = members
            .into_iter()
            .map(|(member, mut ranges)| {
                ranges.sort();
                MemberReport { member, ranges }
            })
            .collect();
        Flushed { members, marker: state.marker.clone() }
    }

    fn delivered(&self, sent: Sent, topic: &str, partition: i32, offset: i64) {
        let mut state = self.state.lock();
        let pending = self.reported();
        let offset = state.duplicates.known(topic, partition, offset);
        match sent {
            Sent::Own { is_marker: false } => {}
            Sent::Own { is_marker: true } => {
                state.marker = Some(Coordinate { topic: topic.to_owned(), partition, offset });
            }
            Sent::Record { member, bytes, .. } => {
                state.untold += bytes;
                state.ranges.add(member, topic, partition, offset);
            }
        }
        self.moved.notify_all();
        let told = state.untold >= PROGRESS_BYTES || (pending == 0 && state.untold > 0);
        if told && !state.quiet {
            let bytes = std::mem::take(&mut state.untold);
            drop(state);
            (self.notify)(Notice::Progress(bytes));
        }
    }

    fn failed(&self, sent: Sent, topic: &str, partition: i32, code: Code) {
        let mut state = self.state.lock();
        self.reported();
        let record = sent.record();
        state.named |= code == Code::InvalidDifferentRecord;
        if let Some((member, index)) = record {
            let failures = state.failures.entry(topic.to_owned()).or_default();
            failures.all.entry(member).or_insert(index);
            if !classify::is_consequence(code) {
                failures.refused.entry(member).or_insert(index);
            }
        }
        let says_more = |old: &Failure| classify::is_consequence(old.code) && !classify::is_consequence(code);
        if state.failure.as_ref().is_none_or(says_more) {
            state.failure = Some(Failure { code, record, topic: topic.to_owned(), partition });
        }
        let first = !std::mem::replace(&mut state.failed, true);
        let tell = first && !state.quiet;
        drop(state);
        self.moved.notify_all();
        if tell {
            (self.notify)(Notice::Attention);
        }
    }
}

impl ClientContext for Tracker {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "ADDPARTS"
            && let Some(topic) = refused_topic(message)
        {
            self.state.lock().refused_topic = Some(topic.to_owned());
        }
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        if error.rdkafka_error_code() == Some(Code::Fatal) {
            self.moved.notify_all();
            (self.notify)(Notice::Attention);
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ProducerContext<Placement> for Tracker {
    type DeliveryOpaque = Box<Lent<Sent>>;

    fn get_custom_partitioner(&self) -> Option<&Placement> {
        Some(&self.placement)
    }

    fn delivery(&self, result: &DeliveryResult<'_>, lent: Box<Lent<Sent>>) {
        match result {
            Ok(message) => {
                self.delivered(lent.tag, message.topic(), message.partition(), message.offset());
            }
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                self.failed(lent.tag, message.topic(), message.partition(), code);
            }
        }
    }
}

fn suspect(member: u32, index: u64, proven: bool) -> Suspect {
    Suspect { member, index, proven }
}

/// The topic in librdkafka's line about a partition that the coordinator did not let into the transaction: the error
/// itself does not tell (rdkafka_txnmgr.c, rd_kafka_txn_handle_AddPartitionsToTxn).
fn refused_topic(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Failed to add partition \"")?;
    let (topic, why) = rest.split_once('"')?;
    // The innocent partitions of the request.
    (!why.contains("Operation not attempted")).then_some(topic)
}

// === impl Ranges ===

impl Ranges {
    fn add(&mut self, member: u32, topic: &str, partition: i32, offset: i64) {
        let is = |place: &Place| place.0 == member && place.2 == partition && place.1 == topic;
        if !self.current.as_ref().is_some_and(|(place, _)| is(place)) {
            let former = self.current.take();
            self.others.extend(former);
            let place = (member, topic.to_owned(), partition);
            let range = self.others.remove(&place).unwrap_or(Range { first: offset, last: offset, count: 0 });
            self.current = Some((place, range));
        }
        if let Some((_, range)) = &mut self.current {
            range.last = offset;
            range.count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&Place, &Range)> {
        self.others.iter().chain(self.current.as_ref().map(|(place, range)| (place, range)))
    }
}

// === impl Duplicates ===

impl Duplicates {
    /// The offset, or -1 if the broker did not tell it.
    fn known(&mut self, topic: &str, partition: i32, offset: i64) -> i64 {
        if offset >= 0 && self.0.is_empty() {
            return offset;
        }
        let place = (topic.to_owned(), partition);
        let goes_on = self.0.get(&place).is_some_and(|last| offset == last + 1);
        if offset < 0 || goes_on {
            self.0.insert(place, offset);
            return -1;
        }
        self.0.remove(&place);
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    type Notices = Arc<Mutex<Vec<Notice>>>;

    fn tracker() -> (Tracker, Notices) {
        let notices = Notices::default();
        let told = notices.clone();
        (Tracker::new(Placement::new(100), move |notice| told.lock().push(notice)), notices)
    }

    fn record(member: u32, index: u64, bytes: u64) -> Sent {
        Sent::Record { member, index, bytes }
    }

    #[test]
    fn ranges_are_counted_per_member_and_partition() {
        let (tracker, _) = tracker();
        tracker.be_quiet();
        for (member, partition, offset) in [(1, 0, 10), (0, 1, 5), (0, 0, 11), (0, 0, 13)] {
            tracker.sending();
            tracker.delivered(record(member, 0, 1), "t", partition, offset);
        }
        tracker.sending();
        tracker.delivered(Sent::Own { is_marker: true }, "outcomes", 3, 99);
        let range = |partition, first_offset, last_offset, count| PartitionRange {
            topic: "t".to_owned(),
            partition,
            first_offset,
            last_offset,
            count,
        };
        assert_eq!(
            tracker.report(),
            Flushed {
                members: vec![
                    MemberReport { member: 0, ranges: vec![range(0, 11, 13, 2), range(1, 5, 5, 1)] },
                    MemberReport { member: 1, ranges: vec![range(0, 10, 10, 1)] },
                ],
                marker: Some(Coordinate { topic: "outcomes".to_owned(), partition: 3, offset: 99 }),
            }
        );
        tracker.begin();
        assert_eq!(tracker.report(), Flushed::default());
    }

    #[test]
    fn the_failure_that_says_why_wins_over_its_consequences() {
        let (tracker, notices) = tracker();
        for _ in 0..3 {
            tracker.sending();
        }
        tracker.failed(record(0, 4, 1), "t", 0, Code::InvalidDifferentRecord);
        tracker.failed(record(0, 5, 1), "t", 0, Code::InvalidTimestamp);
        tracker.failed(record(0, 6, 1), "t", 0, Code::InvalidRecord);
        let failure = tracker.failure().expect("failed");
        assert_eq!((failure.code, failure.record), (Code::InvalidTimestamp, Some((0, 5))));
        assert_eq!(*notices.lock(), [Notice::Attention]);
    }

    #[test]
    fn who_had_records_in_a_refused_batch_is_a_suspect_and_proven_guilty_if_the_broker_named_the_records() {
        let (tracker, _) = tracker();
        let suspects =
            || tracker.suspects("t").iter().map(|s| (s.member, s.index, s.proven)).collect::<Vec<_>>();
        for _ in 0..6 {
            tracker.sending();
        }
        tracker.failed(record(3, 7, 1), "t", 0, Code::InvalidTimestamp);
        tracker.failed(record(3, 8, 1), "t", 0, Code::InvalidTimestamp);
        tracker.failed(record(1, 0, 1), "t", 0, Code::InvalidTimestamp);
        tracker.failed(record(2, 0, 1), "t", 1, Code::PurgeQueue);
        tracker.failed(record(0, 0, 1), "other", 1, Code::InvalidTimestamp);
        assert_eq!(suspects(), [(1, 0, false), (3, 7, false)]);
        tracker.failed(record(4, 0, 1), "t", 0, Code::InvalidDifferentRecord);
        assert_eq!(suspects(), [(1, 0, true), (3, 7, true)]);
    }

    #[test]
    fn progress_is_told_when_there_is_enough_or_nothing_more_to_come_but_not_while_quiet() {
        let (tracker, notices) = tracker();
        for _ in 0..4 {
            tracker.sending();
        }
        tracker.delivered(record(0, 0, 10), "t", 0, 0);
        assert!(notices.lock().is_empty());
        tracker.delivered(record(0, 1, PROGRESS_BYTES), "t", 0, 1);
        tracker.delivered(record(0, 2, 7), "t", 0, 2);
        tracker.delivered(record(0, 3, 8), "t", 0, 3);
        assert_eq!(*notices.lock(), [Notice::Progress(PROGRESS_BYTES + 10), Notice::Progress(15)]);
        tracker.be_quiet();
        tracker.sending();
        tracker.delivered(record(0, 4, 9), "t", 0, 4);
        assert_eq!(notices.lock().len(), 2);
        tracker.speak();
        assert_eq!(notices.lock().last(), Some(&Notice::Progress(9)));
    }

    #[test]
    fn offsets_of_a_batch_the_broker_had_already_are_unknown_to_the_last_record() {
        let mut duplicates = Duplicates::default();
        for offset in -1001..500 {
            assert_eq!(duplicates.known("t", 0, offset), -1, "{offset}");
        }
        assert_eq!(duplicates.known("t", 0, 7000), 7000);
        assert_eq!(duplicates.known("t", 0, 7001), 7001);
    }

    #[test]
    fn the_topic_that_the_coordinator_refused_is_read_from_the_log() {
        let line = "[thrd:TxnCoordinator]: TxnCoordinator/1: Failed to add partition \"a.b-c\" [3] to \
                    transaction: Broker: Topic authorization failed";
        assert_eq!(refused_topic(line), Some("a.b-c"));
        let innocent = line.replace("Topic authorization failed", "Operation not attempted");
        assert_eq!(refused_topic(&innocent), None);
        assert_eq!(refused_topic("AddPartitionsToTxn response: partition"), None);
    }
}
