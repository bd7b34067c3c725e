//! The thread that polls a member.

use super::{
    Seat,
    failure::Stop,
    gathered::Gathered,
    inbox::Order,
    partitions::{Partitions, list, resume_at},
    rewinds::{Arrived, Means, Rewinds},
    settings,
    topic_ids::{self, TopicIds},
    topics::{self, Found, Watch},
};
use crate::{
    ClientSettings, Cluster,
    client::{self, Logged},
    ffi::{ConsumerQueue, Polled, Rebalance, TopicHandle},
    inquirer::Inquirer,
    reminder::Reminder,
};
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, RebalanceProtocol},
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{
    AssignedPartition, ConsumerEvent, ConsumerOp, Reason, Reset, Subscribe, TopicPartition,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

/// A member is polled that often at least: its place in the group depends on it (max.poll.interval.ms).
const POLL: Duration = Duration::from_secs(1);

/// How long the last answer is waited for.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// One member of a group.
pub(super) struct Member {
    seat: Arc<Seat>,
    cluster: Cluster,
    subscribe: Subscribe,
    partitions: Partitions,
    rewinds: Rewinds,
    reminder: Reminder,
    /// What the group waits for.
    rebalance: Option<(Rebalance, Awaits)>,
    /// What came while it waited.
    rebalances: VecDeque<Rebalance>,
    assignments: u64,
    watch: Watch,
    // None only while it is dropped; in this order.
    exceptions: Vec<TopicHandle>,
    queue: Option<ConsumerQueue>,
    consumer: Option<Arc<BaseConsumer<Logged>>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Awaits {
    /// The ids of the topics that come with an assignment.
    TopicIds(u64),
    /// Offsets to begin with; and those ids.
    Beginnings(BTreeMap<Arc<str>, Arc<str>>),
    LetGo,
}

// === impl Member ===

impl Member {
    /// Joins the group, in the background.
    pub(super) fn open(
        seat: Arc<Seat>,
        settings: &ClientSettings,
        cluster: Cluster,
        subscribe: Subscribe,
        read_ahead_bytes: u64,
    ) -> Result<Self, Stop> {
        let config = settings::config(settings, &subscribe, read_ahead_bytes);
        let mut consumer: BaseConsumer<Logged> = client::create(&config, Logged).map_err(Stop::kafka)?;
        let waking = seat.clone();
        // Called with the queue's lock held.
        consumer.set_nonempty_callback(move || waking.inbox.wake());
        let queue = ConsumerQueue::of(consumer.client()).map_err(|error| Stop::kafka(error.message))?;
        let exceptions = settings::exceptions(consumer.client(), &subscribe);
        let exceptions = exceptions.map_err(|error| Stop::kafka(error.message))?;
        let consumer = Arc::new(consumer);
        seat.membership.lock().consumer = Some(consumer.clone());
        let member = Self {
            seat,
            cluster,
            subscribe,
            partitions: Partitions::default(),
            rewinds: Rewinds::new(Inquirer::new(settings)),
            reminder: Reminder::new(&settings.bootstrap_servers),
            rebalance: None,
            rebalances: VecDeque::new(),
            assignments: 0,
            watch: Watch::new(settings::refresh(settings)),
            exceptions,
            queue: Some(queue),
            consumer: Some(consumer),
        };
        let topics = settings::topics(&member.subscribe);
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        member.consumer().subscribe(&topics).map_err(Stop::kafka)?;
        Ok(member)
    }

    /// Until it is closed or fails. Dropping it leaves the group.
    pub(super) fn run(&mut self) -> Stop {
        loop {
            if let Err(stop) = self.turn() {
                return stop;
            }
        }
    }

    /// Whether partitions have come.
    pub(super) fn was_assigned(&self) -> bool {
        self.assignments > 0
    }

    fn turn(&mut self) -> Result<(), Stop> {
        while let Some(order) = self.seat.inbox.next() {
            self.obey(order)?;
        }
        let drained = self.poll()?;
        self.go_on_with_rewinds()?;
        self.reminder.look_after(self.consumer().client());
        if self.watch.is_due() {
            self.look()?;
        }
        if drained {
            let due = self.rewinds.due().map_or(POLL, |due| due.saturating_duration_since(Instant::now()));
            self.seat.inbox.wait(due.min(POLL));
        }
        Ok(())
    }

    fn consumer(&self) -> &BaseConsumer<Logged> {
        self.consumer.as_ref().expect("present until it is dropped")
    }

    fn obey(&mut self, order: Order) -> Result<(), Stop> {
        match order {
            Order::Op(ConsumerOp::Open(_)) => {}
            Order::Op(ConsumerOp::Pause(partition)) => self.pause(&partition, true),
            Order::Op(ConsumerOp::Resume(partition)) => self.pause(&partition, false),
            Order::Op(ConsumerOp::Rewind { from, epoch }) => {
                let Some(partition) = self.partitions.staying(&from) else { return Ok(()) };
                let fetching = !partition.paused && !partition.rewinding;
                partition.rewinding = true;
                if fetching {
                    // What would be fetched meanwhile would be dropped.
                    self.fetch(&from, false, None);
                }
                self.rewinds.begin(from, epoch);
            }
            Order::Op(ConsumerOp::LetGo) => {
                if let Some((rebalance, _)) = self.rebalance.take_if(|(_, awaits)| *awaits == Awaits::LetGo) {
                    self.revoke(rebalance)?;
                    return self.next_rebalance();
                }
            }
            Order::Op(ConsumerOp::Close) => return Err(Stop::Closed),
            Order::TopicIds(number, ids) => return self.identified(number, ids),
            Order::Found(found) => return self.found(found),
        }
        Ok(())
    }

    fn pause(&mut self, name: &TopicPartition, paused: bool) {
        let Some(partition) = self.partitions.staying(name) else { return };
        let position = partition.position;
        if std::mem::replace(&mut partition.paused, paused) != paused && !partition.rewinding {
            self.fetch(name, !paused, position);
        }
    }

    /// librdkafka goes on where the last record was polled, or where it was sought last.
    fn fetch(&self, name: &TopicPartition, fetch: bool, position: Option<i64>) {
        let consumer = self.consumer();
        let result = match (fetch, position) {
            (false, _) => consumer.pause(&list([name])),
            (true, None) => consumer.resume(&list([name])),
            (true, Some(position)) => resume_at(consumer, name, position),
        };
        if let Err(error) = result {
            tracing::debug!(partition = %name, %error, fetch, "pause or resume");
        }
    }

    fn go_on_with_rewinds(&mut self) -> Result<(), Stop> {
        let means = means(&self.consumer, &self.queue, &self.subscribe);
        let arrived = self.rewinds.go_on(&means, &mut self.partitions, Instant::now())?;
        for Arrived { from, epoch, position } in arrived {
            let Some(partition) = self.partitions.staying(&from) else { continue };
            partition.epoch = epoch;
            partition.rewinding = false;
            partition.reach(position);
            self.seat.report(ConsumerEvent::Rewound { from, epoch, position });
        }
        self.begun()
    }

    /// Takes what is there; false if there may be more.
    fn poll(&mut self) -> Result<bool, Stop> {
        let mut gathered = Gathered::default();
        while gathered.has_room() {
            let polled = self.queue.as_ref().expect("present until it is dropped").poll();
            let Some(polled) = polled else {
                self.report(&mut gathered);
                return Ok(true);
            };
            match polled {
                Polled::Record(record) => {
                    let partition = self.partitions.get(record.topic(), record.partition());
                    if let Some(partition) = partition.filter(|partition| partition.is_read()) {
                        gathered.record(partition, record.copy());
                    }
                }
                Polled::End { topic, partition, position } => {
                    let partition = self.partitions.get(&topic, partition);
                    if let Some(partition) = partition.filter(|partition| partition.is_read()) {
                        gathered.end(partition, position);
                    }
                }
                other => {
                    self.report(&mut gathered);
                    self.attend(other)?;
                }
            }
        }
        self.report(&mut gathered);
        Ok(false)
    }

    fn report(&self, gathered: &mut Gathered) {
        for fetched in gathered.report(self.consumer().client()) {
            self.reminder.heard();
            self.seat.report(fetched);
        }
    }

    fn attend(&mut self, polled: Polled) -> Result<(), Stop> {
        match polled {
            Polled::Rebalance(rebalance) => {
                self.reminder.heard();
                self.rebalances.push_back(rebalance);
                self.next_rebalance()
            }
            Polled::Offsets(answer) => {
                let means = means(&self.consumer, &self.queue, &self.subscribe);
                if answer.is_ok() {
                    self.reminder.heard();
                }
                self.rewinds.answered(answer, &means, &mut self.partitions, Instant::now())
            }
            Polled::Error { code, message } => {
                tracing::debug!(target: "librdkafka", ?code, "{message}");
                if code == Code::AllBrokersDown {
                    self.reminder.lost();
                }
                if matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
                {
                    self.look()?;
                }
                Stop::of(self.consumer().client(), code, &message).map_or(Ok(()), Err)
            }
            Polled::Log { level, facility, message } => {
                client::log(level, &facility, &message);
                Ok(())
            }
            Polled::Record(_) | Polled::End { .. } | Polled::Other => Ok(()),
        }
    }

    /// Begins with what the group asks for next, unless it waits for something already.
    fn next_rebalance(&mut self) -> Result<(), Stop> {
        while self.rebalance.is_none()
            && let Some(rebalance) = self.rebalances.pop_front()
        {
            let partitions = rebalance.partitions();
            if partitions.is_empty() {
                self.perform(rebalance)?;
            } else if rebalance.is_assignment() {
                self.identify(rebalance, &partitions)?;
            } else {
                self.revoking(rebalance, partitions);
            }
        }
        Ok(())
    }

    fn revoking(&mut self, rebalance: Rebalance, partitions: Vec<TopicPartition>) {
        let lost = self.consumer().assignment_lost();
        for name in &partitions {
            self.rewinds.forget(name);
            if let Some(partition) = self.partitions.staying(name) {
                partition.leaving = true;
            }
        }
        if lost {
            self.seat.membership.lock().partitions.retain(|known| !partitions.contains(known));
        }
        self.rebalance = Some((rebalance, Awaits::LetGo));
        self.seat.report(ConsumerEvent::Revoking { partitions, lost });
    }

    /// At the topics: what happens to them is told to a member by accident only.
    fn look(&mut self) -> Result<(), Stop> {
        let read = self.partitions.topic_ids();
        let named = settings::named(&self.subscribe);
        self.watch.look(&self.seat, &self.cluster, topics::expected(read, &named))
    }

    fn found(&mut self, found: Option<Found>) -> Result<(), Stop> {
        match found {
            Some(Found::Gone(topic)) => {
                let message = format!("topic {topic:?} does not exist any more");
                return Err(Stop::Failed(Reason::UnknownTopic, message));
            }
            // The group has no offsets for it any more, and librdkafka goes on where it was.
            Some(Found::MadeAgain(topic, old)) if self.partitions.topic_id(&topic).as_ref() == Some(&old) => {
                return Err(Stop::kafka(format!("topic {topic:?} was deleted and made again")));
            }
            _ => {}
        }
        if self.watch.looked() { self.look() } else { Ok(()) }
    }

    fn revoke(&mut self, rebalance: Rebalance) -> Result<(), Stop> {
        for name in rebalance.partitions() {
            self.partitions.remove(&name);
            self.rewinds.forget(&name);
            // Before the group hears of it: from then on they may be another member's.
            self.seat.membership.lock().partitions.remove(&name);
        }
        self.perform(rebalance)?;
        self.look()
    }

    /// Records are of no use before their topics' ids are known.
    fn identify(&mut self, rebalance: Rebalance, partitions: &[TopicPartition]) -> Result<(), Stop> {
        let topics = partitions.iter().map(|name| name.topic.clone());
        let unknown: BTreeSet<Arc<str>> =
            topics.filter(|topic| self.partitions.topic_id(topic).is_none()).collect();
        self.assignments += 1;
        if unknown.is_empty() {
            return self.begin(rebalance, BTreeMap::new());
        }
        self.rebalance = Some((rebalance, Awaits::TopicIds(self.assignments)));
        let unknown = unknown.into_iter().collect();
        topic_ids::ask(self.seat.clone(), self.cluster.clone(), self.assignments, unknown)
    }

    fn identified(&mut self, number: u64, ids: TopicIds) -> Result<(), Stop> {
        let awaited = Awaits::TopicIds(number);
        let Some((rebalance, _)) = self.rebalance.take_if(|(_, awaits)| *awaits == awaited) else {
            return Ok(());
        };
        self.begin(rebalance, ids?)?;
        self.next_rebalance()
    }

    /// Records are not to be skipped by others because nothing was committed before them.
    fn begin(&mut self, rebalance: Rebalance, ids: BTreeMap<Arc<str>, Arc<str>>) -> Result<(), Stop> {
        let at_the_end =
            |name: &TopicPartition| settings::reset(&self.subscribe, &name.topic) == Reset::Latest;
        let partitions = rebalance.partitions().into_iter().filter(at_the_end);
        self.rewinds.commit_beginnings(partitions, Instant::now());
        self.rebalance = Some((rebalance, Awaits::Beginnings(ids)));
        self.begun()
    }

    /// Goes on with an assignment once its partitions have all begun.
    fn begun(&mut self) -> Result<(), Stop> {
        let awaited = |(_, awaits): &mut (_, Awaits)| matches!(awaits, Awaits::Beginnings(_));
        if self.rewinds.have_begun()
            && let Some((rebalance, Awaits::Beginnings(ids))) = self.rebalance.take_if(awaited)
        {
            self.assign(rebalance, &ids)?;
            return self.next_rebalance();
        }
        Ok(())
    }

    fn assign(&mut self, rebalance: Rebalance, ids: &BTreeMap<Arc<str>, Arc<str>>) -> Result<(), Stop> {
        let mut assigned = Vec::new();
        for partition in rebalance.partitions() {
            let topic = &partition.topic;
            let known = self.partitions.topic_id(topic).or_else(|| ids.get(topic).cloned());
            let topic_id = known.ok_or_else(|| Stop::kafka(format!("topic {topic} has no id")))?;
            assigned.push(AssignedPartition { partition, topic_id });
        }
        let names = || assigned.iter().map(|assigned| &assigned.partition);
        // One that was paused when it went is paused still.
        if let Err(error) = self.consumer().resume(&list(names())) {
            tracing::debug!(%error, "resume");
        }
        self.perform(rebalance)?;
        self.seat.membership.lock().partitions.extend(names().cloned());
        for AssignedPartition { partition, topic_id } in &assigned {
            self.partitions.add(partition.clone(), topic_id.clone());
        }
        self.seat.report(ConsumerEvent::Assigned(assigned));
        Ok(())
    }

    fn perform(&self, rebalance: Rebalance) -> Result<(), Stop> {
        let consumer = self.consumer();
        let incremental = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let assign = rebalance.is_assignment();
        let Err(error) = rebalance.perform(consumer.client(), incremental) else { return Ok(()) };
        match Stop::of(consumer.client(), error.code, &error.message) {
            Some(stop) => Err(stop),
            None if assign => Err(Stop::kafka(format!("assignment: {}", error.message))),
            None => {
                tracing::debug!(error = error.message, "revocation");
                Ok(())
            }
        }
    }

    /// rust-rdkafka would poll it while it closes, and warn of it.
    fn await_last_answer(&self) {
        let Some(queue) = self.queue.as_ref().filter(|_| self.rewinds.are_asking()) else { return };
        let end = Instant::now() + LAST_ANSWER;
        while Instant::now() < end {
            match queue.poll() {
                Some(Polled::Offsets(_)) => return,
                Some(_) => {}
                None => self.seat.inbox.wait(end.saturating_duration_since(Instant::now())),
            }
        }
    }
}

impl Drop for Member {
    /// Leaves the group, which takes as long as the coordinator takes to answer.
    fn drop(&mut self) {
        // Nobody sends offsets with it from now on; the other reference is ours.
        *self.seat.membership.lock() = super::Membership::default();
        // The group would wait for what it has asked for. Failures were told already, or do not matter any more.
        if let Some((rebalance, _)) = self.rebalance.take()
            && let Err(stop) = self.perform(rebalance)
        {
            tracing::debug!(?stop, "let go at the end");
        }
        self.rebalances.clear();
        self.await_last_answer();
        self.exceptions.clear();
        self.queue = None;
        self.consumer = None;
    }
}

fn means<'a>(
    consumer: &'a Option<Arc<BaseConsumer<Logged>>>,
    queue: &'a Option<ConsumerQueue>,
    subscribe: &'a Subscribe,
) -> Means<'a> {
    Means {
        consumer: consumer.as_ref().expect("present until it is dropped"),
        queue: queue.as_ref().expect("present until it is dropped"),
        subscribe,
    }
}
