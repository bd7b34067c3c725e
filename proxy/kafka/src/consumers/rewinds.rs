//! The way to a group's offset: what it is, where to begin without one, and the seek.

use super::{
    failure::Stop,
    partitions::{Partitions, resume_at, seek},
    settings,
};
use crate::{
    classify::TxnError,
    client::Logged,
    ffi::{Answer, ConsumerQueue, GroupMetadata},
    inquirer::Inquirer,
};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{PartitionEpoch, Reason, Reset, Subscribe, TopicPartition};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Between two looks at an offset that is not decided, or two seeks of a partition that has not begun.
const AGAIN: Duration = Duration::from_millis(50);

/// After a request that failed.
const FAILED: Duration = Duration::from_millis(250);

/// How long a new assignment waits for its beginnings. Its partitions are nobody's meanwhile.
const LIMIT: Duration = Duration::from_secs(30);

/// What a member's rewinds are made with.
pub(super) struct Means<'a> {
    pub(super) consumer: &'a BaseConsumer<Logged>,
    pub(super) queue: &'a ConsumerQueue,
    pub(super) subscribe: &'a Subscribe,
}

/// Partitions on their way. One request is under way at a time, about all that wait for it.
#[derive(Debug)]
pub(super) struct Rewinds {
    inquirer: Inquirer,
    ways: BTreeMap<TopicPartition, Way>,
    asking: Option<Question>,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Way {
    goal: Goal,
    stage: Stage,
    /// The request under way is about it: one that was sent before the order to rewind proves nothing.
    asked: bool,
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    /// It is read on from there.
    Rewind(PartitionEpoch),
    /// The group has an offset, so that the partition can be assigned; since when.
    Begin(Instant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ask(Question),
    Commit(i64),
    Seek(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// What has the group committed?
    Committed,
    /// Nothing: where does the partition begin, or end?
    Bounds,
    /// May the group begin there?
    Commit,
}

/// A partition that has arrived.
pub(super) struct Arrived {
    pub(super) from: TopicPartition,
    pub(super) epoch: PartitionEpoch,
    pub(super) position: i64,
}

// === impl Rewinds ===

impl Rewinds {
    pub(super) fn new(inquirer: Inquirer) -> Self {
        Self { inquirer, ways: BTreeMap::new(), asking: None, not_before: None }
    }

    pub(super) fn begin(&mut self, from: TopicPartition, epoch: PartitionEpoch) {
        self.ways.insert(from, Way::new(Goal::Rewind(epoch)));
    }

    /// Partitions that come, and that a group without an offset begins to read at the end. The end is elsewhere a moment
    /// later: whoever is assigned them next would skip what came meanwhile. So this member commits where it begins.
    pub(super) fn commit_beginnings(
        &mut self,
        partitions: impl IntoIterator<Item = TopicPartition>,
        now: Instant,
    ) {
        self.ways.extend(partitions.into_iter().map(|partition| (partition, Way::new(Goal::Begin(now)))));
    }

    /// Whether all of them have begun.
    pub(super) fn have_begun(&self) -> bool {
        self.ways.values().all(|way| matches!(way.goal, Goal::Rewind(_)))
    }

    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.ways.remove(partition);
    }

    /// Whether an answer is to come.
    pub(super) fn are_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// When to go on, if nothing is polled meanwhile.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting =
            self.asking.is_none() || self.ways.values().any(|way| matches!(way.stage, Stage::Seek(_)));
        (waiting && !self.ways.is_empty()).then_some(self.not_before).flatten()
    }

    /// Does what can be done now.
    pub(super) fn go_on(
        &mut self,
        means: &Means<'_>,
        partitions: &mut Partitions,
        now: Instant,
    ) -> Result<Vec<Arrived>, Stop> {
        if self.ways.is_empty() || self.not_before.is_some_and(|at| now < at) {
            return Ok(Vec::new());
        }
        self.not_before = None;
        let late = |way: &Way| matches!(way.goal, Goal::Begin(since) if now.duration_since(since) > LIMIT);
        if let Some((partition, _)) = self.ways.iter().find(|(_, way)| late(way)) {
            return Err(Stop::kafka(format!("no beginning for {partition} could be committed")));
        }
        let arrived = self.seek(means, partitions, now);
        if self.asking.is_none() {
            // What is furthest first: an offset that is not decided is asked for again and again.
            for question in [Question::Commit, Question::Bounds, Question::Committed] {
                if self.ask(means, question)? {
                    break;
                }
            }
        }
        Ok(arrived)
    }

    fn seek(&mut self, means: &Means<'_>, partitions: &mut Partitions, now: Instant) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        let mut again = false;
        self.ways.retain(|from, way| {
            let (Stage::Seek(position), Goal::Rewind(epoch)) = (way.stage, way.goal) else { return true };
            let paused = partitions.staying(from).is_some_and(|partition| partition.paused);
            let seek = if paused { seek } else { resume_at };
            let sought = seek(means.consumer, from, position);
            match &sought {
                Ok(()) => arrived.push(Arrived { from: from.clone(), epoch, position }),
                Err(why) => {
                    tracing::debug!(partition = %from, position, %why, "sought again");
                    again = true;
                }
            }
            sought.is_err()
        });
        if again {
            self.not_before = Some(now + AGAIN);
        }
        arrived
    }

    /// False if there is nothing to ask.
    fn ask(&mut self, means: &Means<'_>, question: Question) -> Result<bool, Stop> {
        let mut about = TopicPartitionList::new();
        for (partition, way) in &mut self.ways {
            way.asked = way.stage.question() == Some(question);
            if way.asked {
                let mut element = about.add_partition(&partition.topic, partition.partition);
                let offset = match (question, way.stage) {
                    (Question::Bounds, _) => {
                        let reset = settings::reset(means.subscribe, &partition.topic);
                        if reset == Reset::Latest { Offset::End } else { Offset::Beginning }
                    }
                    (Question::Commit, Stage::Commit(position)) => Offset::Offset(position),
                    _ => Offset::Invalid,
                };
                element.set_offset(offset).map_err(Stop::kafka)?;
            }
        }
        if about.count() == 0 {
            return Ok(false);
        }
        let client = means.consumer.client();
        // The broker would take a member that is in no generation for somebody who only commits.
        if question == Question::Commit && GroupMetadata::of(client).is_none() {
            return Ok(false);
        }
        let sent = match question {
            Question::Committed => {
                let client = self.inquirer.client(client);
                means.queue.ask_committed(client, &means.subscribe.group_id, &about, TIMEOUT)
            }
            Question::Bounds => means.queue.ask_bounds(client, &about, TIMEOUT),
            Question::Commit => means.queue.commit(client, &about),
        };
        sent.map_err(|error| Stop::kafka(error.message))?;
        self.asking = Some(question);
        Ok(true)
    }

    /// The answer to the request that was under way.
    pub(super) fn answered(
        &mut self,
        answer: Result<Vec<(TopicPartition, Answer)>, TxnError>,
        means: &Means<'_>,
        partitions: &mut Partitions,
        now: Instant,
    ) -> Result<(), Stop> {
        let question = self.asking.take();
        let answers = match answer {
            Ok(answers) => answers,
            // What was assigned is not its own any more, or never was.
            Err(error) if question == Some(Question::Commit) && is_over(error.code) => {
                return Err(Stop::kafka(format!("committing where to begin: {}", error.message)));
            }
            Err(error) => {
                if question == Some(Question::Committed) {
                    self.inquirer.failed(now).map_err(Stop::kafka)?;
                }
                return self.again(means, error.code, &error.message, now + FAILED);
            }
        };
        for (partition, answer) in answers {
            let Some(way) = self.ways.get_mut(&partition).filter(|way| way.asked) else { continue };
            match (answer, question) {
                (Ok(Some(_)), Some(Question::Committed | Question::Commit))
                    if matches!(way.goal, Goal::Begin(_)) =>
                {
                    self.ways.remove(&partition);
                }
                // Who has sent it has begun before. The group's next rebalance does not wait for the transaction.
                (Err(Code::UnstableOffsetCommit), _) if matches!(way.goal, Goal::Begin(_)) => {
                    self.ways.remove(&partition);
                }
                (Ok(Some(position)), _) => {
                    way.stage = match way.goal {
                        Goal::Begin(_) => Stage::Commit(position),
                        Goal::Rewind(_) => Stage::Seek(position),
                    };
                }
                (Ok(None), Some(Question::Committed)) => {
                    let origin = partitions.staying(&partition).and_then(|known| known.origin);
                    let reset = settings::reset(means.subscribe, &partition.topic);
                    way.stage = without_offset(&partition, reset, origin)?;
                }
                (Ok(None), _) => self.not_before = Some(now + FAILED),
                (Err(Code::UnstableOffsetCommit), _) => self.not_before = Some(now + AGAIN),
                (Err(code), _) => {
                    self.again(means, code, &format!("offset of {partition}: {code}"), now + FAILED)?;
                }
            }
        }
        Ok(())
    }

    fn again(&mut self, means: &Means<'_>, code: Code, message: &str, at: Instant) -> Result<(), Stop> {
        tracing::debug!(group = means.subscribe.group_id, ?code, message, "asked again");
        self.not_before = Some(at);
        Stop::of(means.consumer.client(), code, message).map_or(Ok(()), Err)
    }
}

// === impl Way ===

impl Way {
    fn new(goal: Goal) -> Self {
        Self { goal, stage: Stage::Ask(Question::Committed), asked: false }
    }
}

// === impl Stage ===

impl Stage {
    fn question(self) -> Option<Question> {
        match self {
            Self::Ask(question) => Some(question),
            Self::Commit(_) => Some(Question::Commit),
            Self::Seek(_) => None,
        }
    }
}

/// Whether the generation that partitions were assigned in is over.
fn is_over(code: Code) -> bool {
    matches!(code, Code::IllegalGeneration | Code::UnknownMemberId | Code::FencedMemberEpoch)
}

/// Where a group begins that has committed nothing. What it has read since the end as it was then must not be skipped.
fn without_offset(partition: &TopicPartition, reset: Reset, origin: Option<i64>) -> Result<Stage, Stop> {
    match (reset, origin) {
        (Reset::None, _) => {
            let message = format!("the group has no offset for {partition}");
            Err(Stop::Failed(Reason::OffsetMissing, message))
        }
        (Reset::Latest, Some(origin)) => Ok(Stage::Seek(origin)),
        _ => Ok(Stage::Ask(Question::Bounds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecommit_core::GroupProtocol;

    #[test]
    fn an_offset_that_is_not_decided_holds_up_no_other_partition() {
        let subscribe = settings::tests::subscribe(GroupProtocol::ClassicCooperative);
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("group.id", "g");
        let consumer: BaseConsumer<Logged> = crate::client::create(&config, Logged).expect("a consumer");
        let queue = ConsumerQueue::of(consumer.client()).expect("a queue");
        let means = Means { consumer: &consumer, queue: &queue, subscribe: &subscribe };
        let settings = crate::ClientSettings {
            bootstrap_servers: "127.0.0.1:1".to_owned(),
            properties: crate::Properties::default(),
        };
        let (mut rewinds, now) = (Rewinds::new(Inquirer::new(&settings)), Instant::now());
        rewinds.begin(TopicPartition::new("undecided", 0), 1);
        rewinds.commit_beginnings([TopicPartition::new("new", 0)], now);
        let beginning = rewinds.ways.get_mut(&TopicPartition::new("new", 0)).expect("on its way");
        beginning.stage = Stage::Ask(Question::Bounds);
        rewinds.go_on(&means, &mut Partitions::default(), now).expect("nothing failed");
        assert_eq!(rewinds.asking, Some(Question::Bounds));
    }

    #[test]
    fn a_group_that_began_at_the_end_goes_back_to_where_the_end_was() {
        let partition = TopicPartition::new("t", 0);
        let stage = |reset, origin| without_offset(&partition, reset, origin);
        assert_eq!(stage(Reset::Latest, Some(7)), Ok(Stage::Seek(7)));
        assert_eq!(stage(Reset::Latest, None), Ok(Stage::Ask(Question::Bounds)));
        assert_eq!(stage(Reset::Earliest, Some(7)), Ok(Stage::Ask(Question::Bounds)));
        assert!(matches!(stage(Reset::None, Some(7)), Err(Stop::Failed(Reason::OffsetMissing, _))));
    }
}
