use crate::{ClientSettings, Cluster, classify::TxnError, client::Logged, ffi::GroupMetadata};
use parking_lot::{Condvar, Mutex};
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{
    ConsumerEvent, ConsumerId, ConsumerOp, GroupOffsets, Reason, Subscribe, TopicPartition,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

mod failure;
mod gathered;
mod inbox;
mod member;
mod partitions;
mod rewinds;
mod settings;
mod topic_ids;
mod topics;

use failure::Stop;
use inbox::{Inbox, Order};
use member::Member;
pub(crate) use settings::whole;

/// Between two tries to join under a name that another member has.
const NAME_TAKEN: Duration = Duration::from_secs(1);

/// Where members report. Called from their threads; must not block.
pub type ConsumerEvents = Arc<dyn Fn(ConsumerId, ConsumerEvent) + Send + Sync>;

/// The members of consumer groups in this process: each a consumer with a thread of its own, which polls it whatever
/// happens to what it reports, so that membership is kept.
///
/// The contract of each order is [`ConsumerOp`]'s, of each report [`ConsumerEvent`]'s; beyond it:
/// - from the order to rewind a partition until Rewound nothing is reported of it;
/// - of a partition that is being revoked nothing is reported any more, and of the member's others nothing until
///   [`ConsumerOp::LetGo`]: librdkafka fetches nothing while its group waits;
/// - an end that is told with `at_end` is the last stable offset; any other one is the high watermark, which counts
///   what open transactions have written, too.
///
/// Clones are the same members. When the last one is dropped the members leave their groups; nobody waits for them.
#[derive(Clone)]
pub struct Consumers(Arc<Shared>);

struct Shared {
    settings: ClientSettings,
    cluster: Cluster,
    read_ahead_bytes: u64,
    events: ConsumerEvents,
    seats: Mutex<BTreeMap<ConsumerId, Arc<Seat>>>,
    threads: Arc<Threads>,
}

/// How many members' threads there are: one ends when its member has left its group.
#[derive(Default)]
struct Threads {
    count: Mutex<usize>,
    changed: Condvar,
}

/// One of them.
struct Counted(Arc<Threads>);

/// One member, as others see it.
struct Seat {
    id: ConsumerId,
    inbox: Inbox,
    closed: AtomicBool,
    membership: Mutex<Membership>,
    events: ConsumerEvents,
}

/// What a member may commit offsets with.
#[derive(Default)]
struct Membership {
    /// None before it has joined and after it has ended. Only ever dropped by the member's own thread: that takes long.
    consumer: Option<Arc<BaseConsumer<Logged>>>,
    /// What was assigned and not let go.
    partitions: BTreeSet<TopicPartition>,
}

// === impl Consumers ===

impl Consumers {
    /// Starts without any member. A member's consumer holds at most about `read_ahead_bytes` beyond what it has reported,
    /// and never more than 16 MiB.
    pub fn new(
        settings: ClientSettings,
        cluster: Cluster,
        read_ahead_bytes: u64,
        events: ConsumerEvents,
    ) -> Self {
        let (seats, threads) = (Mutex::default(), Arc::default());
        Self(Arc::new(Shared { settings, cluster, read_ahead_bytes, events, seats, threads }))
    }

    /// Waits until every closed member has left its group: a group waits a whole session timeout for one that only vanishes.
    /// False if that takes longer.
    pub fn await_leaving(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut count = self.0.threads.count.lock();
        while *count > 0 {
            if self.0.threads.changed.wait_until(&mut count, end).timed_out() {
                return *count == 0;
            }
        }
        true
    }

    /// Gives an order to a member. Never blocks. Orders to members that are not open are ignored.
    pub fn perform(&self, consumer: ConsumerId, op: ConsumerOp) {
        match op {
            ConsumerOp::Open(subscribe) => self.open(consumer, *subscribe),
            ConsumerOp::Close => {
                if let Some(seat) = self.0.seats.lock().remove(&consumer) {
                    seat.close();
                }
            }
            op => {
                if let Some(seat) = self.0.seats.lock().get(&consumer) {
                    seat.inbox.push(Order::Op(op));
                }
            }
        }
    }

    /// The metadata that a member of ours sends its group's offsets with, as of now (KIP-447).
    ///
    /// Fails like a generation that is over if the member is gone, or if a partition is not its own: an offset that is
    /// sent after a partition was let go would overwrite its next owner's.
    pub(crate) fn metadata(
        &self,
        consumer: ConsumerId,
        offsets: &GroupOffsets,
    ) -> Result<GroupMetadata, TxnError> {
        let seat = self.0.seats.lock().get(&consumer).cloned();
        let seat = seat.ok_or_else(|| no_member("it has left its group"))?;
        let membership = seat.membership.lock();
        let member = membership.consumer.as_ref().ok_or_else(|| no_member("it is not in its group"))?;
        // First: what is assigned still after it was taken was assigned in its generation.
        let metadata = GroupMetadata::of(member.client());
        let metadata = metadata.ok_or_else(|| no_member("it is in no generation of its group"))?;
        let ours =
            |topic: &str, partition| membership.partitions.contains(&TopicPartition::new(topic, partition));
        match offsets.offsets.iter().find(|offset| !ours(&offset.topic, offset.partition)) {
            None => Ok(metadata),
            Some(offset) => {
                let (topic, partition) = (&offset.topic, offset.partition);
                Err(no_member(&format!("topic {topic} partition {partition} is not assigned to it")))
            }
        }
    }

    fn open(&self, consumer: ConsumerId, subscribe: Subscribe) {
        let shared = &self.0;
        let seat = Arc::new(Seat {
            id: consumer,
            inbox: Inbox::default(),
            closed: AtomicBool::new(false),
            membership: Mutex::default(),
            events: shared.events.clone(),
        });
        if let Some(old) = shared.seats.lock().insert(consumer, seat.clone()) {
            old.close();
        }
        let serving = seat.clone();
        let (settings, cluster) = (shared.settings.clone(), shared.cluster.clone());
        let read_ahead = shared.read_ahead_bytes;
        let open = move |seat| Member::open(seat, &settings, cluster.clone(), subscribe.clone(), read_ahead);
        // Weak: a member keeps no others alive.
        let others = Arc::downgrade(shared);
        let counted = Counted::new(shared.threads.clone());
        let run = move || {
            let _counted = counted;
            let (member, stop) = serve(&serving, open);
            if let Some(shared) = others.upgrade() {
                shared.forget(&serving);
            }
            stop.report(&serving);
            // To leave the group takes as long as its coordinator does.
            drop(member);
        };
        if let Err(error) = thread::Builder::new().name(format!("consumer-{}", consumer.0)).spawn(run) {
            shared.forget(&seat);
            seat.report(ConsumerEvent::Failed { reason: Reason::KafkaFailed, message: error.to_string() });
        }
    }
}

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumers").field("members", &self.0.seats.lock().keys()).finish_non_exhaustive()
    }
}

// === impl Counted ===

impl Counted {
    fn new(threads: Arc<Threads>) -> Self {
        *threads.count.lock() += 1;
        Self(threads)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.changed.notify_all();
    }
}

// === impl Shared ===

impl Shared {
    fn forget(&self, seat: &Arc<Seat>) {
        let mut seats = self.seats.lock();
        if seats.get(&seat.id).is_some_and(|known| Arc::ptr_eq(known, seat)) {
            seats.remove(&seat.id);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.seats.get_mut().values().for_each(|seat| seat.close());
    }
}

// === impl Seat ===

impl Seat {
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.inbox.push(Order::Op(ConsumerOp::Close));
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether it is closed before the time is over.
    fn closes_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.is_closed() || left.is_zero() {
                return self.is_closed();
            }
            self.inbox.wait(left);
        }
    }

    fn report(&self, event: ConsumerEvent) {
        if !self.is_closed() {
            (self.events)(self.id, event);
        }
    }
}

/// Has a member serve until it stops. The broker keeps the name of a static member that has died until its session is over
/// (KIP-848), so its successor asks again and again.
fn serve(seat: &Arc<Seat>, open: impl Fn(Arc<Seat>) -> Result<Member, Stop>) -> (Option<Member>, Stop) {
    let mut told = false;
    loop {
        let mut member = match open(seat.clone()) {
            Ok(member) => member,
            Err(stop) => return (None, stop),
        };
        match member.run() {
            Stop::NameTaken(message) if !member.was_assigned() => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(
                        consumer = seat.id.0,
                        message,
                        "waiting until the other member with this group.instance.id is gone"
                    );
                }
            }
            stop => return (Some(member), stop),
        }
        drop(member);
        if seat.closes_within(NAME_TAKEN) {
            return (None, Stop::Closed);
        }
    }
}

/// Offsets of a member that cannot vouch for them.
pub(crate) fn no_member(why: &str) -> TxnError {
    TxnError {
        code: Code::UnknownMemberId,
        retriable: false,
        abortable: false,
        fatal: false,
        message: format!("the member of the group: {why}"),
    }
}
