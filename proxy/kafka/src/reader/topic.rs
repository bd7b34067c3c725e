//! Reads the slot's partition of the outcomes topic, each time from where the last read ended.

use super::{BLOCKED_AFTER, READ_LIMIT};
use crate::{
    ClientSettings, Cluster, Error,
    client::{self, Logged},
    ffi::TopicId,
    reminder::Reminder,
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{OutcomesKey, OutcomesView, ReadResult, Slot};
use std::time::{Duration, Instant};

/// How long the first connection is tried before the first read is served.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct TopicReader {
    consumer: BaseConsumer<Logged>,
    reminder: Reminder,
    cluster: Cluster,
    slot: Slot,
    topic: String,
    partition: i32,
    /// The topic that was read so far; None before the first read.
    id: Option<TopicId>,
    /// The first offset that was not read.
    position: i64,
    view: OutcomesView,
}

/// Why a read ended before the log's end.
enum Stop {
    Blocked,
    Failed(String),
    /// The log is shorter than it was.
    Truncated,
}

// === impl TopicReader ===

impl TopicReader {
    pub(super) fn new(
        settings: &ClientSettings,
        cluster: Cluster,
        slot: Slot,
        topic: String,
        partition: i32,
    ) -> Result<Self, Error> {
        let mut config = settings.consumer();
        config
            // librdkafka assigns nothing without a group's name. The group is never joined, nothing is committed.
            .set("group.id", format!("{slot}/outcomes-reader"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            // The end of the log is told when a fetch comes back empty.
            .set("fetch.wait.max.ms", "10")
            .set("queued.max.messages.kbytes", "4096");
        Ok(Self {
            consumer: client::create(&config, Logged)?,
            reminder: Reminder::new(&settings.bootstrap_servers),
            cluster,
            slot,
            topic,
            partition,
            id: None,
            position: 0,
            view: OutcomesView::default(),
        })
    }

    /// Finds the partition's leader and connects to it, so that the first read need not.
    pub(super) fn connect(&self) {
        let known = self.consumer.fetch_metadata(Some(&self.topic), CONNECT_LIMIT);
        let answered =
            known.and_then(|_| self.consumer.fetch_watermarks(&self.topic, self.partition, CONNECT_LIMIT));
        if let Err(error) = answered {
            tracing::debug!(topic = self.topic, %error, "not connected yet");
        }
    }

    pub(super) fn read(&mut self) -> ReadResult {
        let read = match self.read_one_topic() {
            Err(Stop::Truncated) => {
                self.start_over();
                self.read_one_topic()
            }
            read => read,
        };
        match read {
            Ok(()) => ReadResult::Done(self.view.clone()),
            Err(Stop::Blocked) => ReadResult::Blocked,
            Err(Stop::Failed(why)) => ReadResult::Failed(why),
            Err(Stop::Truncated) => ReadResult::Failed("the log shrinks while it is read".to_owned()),
        }
    }

    /// What was read may be gone: what is there is read again, and its absence proves nothing any more.
    fn start_over(&mut self) {
        tracing::error!(
            topic = self.topic,
            partition = self.partition,
            position = self.position,
            "the outcomes topic was truncated, or deleted and made again"
        );
        self.id = None;
        self.position = 0;
        self.view = OutcomesView { truncated: true, ..OutcomesView::default() };
    }

    /// A topic that was deleted and made again may have grown longer than the old one was, so that offsets tell nothing.
    fn read_one_topic(&mut self) -> Result<(), Stop> {
        let id = match self.id {
            Some(id) => id,
            None => self.ask_id()?,
        };
        self.id = Some(id);
        self.read_to_end()?;
        // Asked after the read: what was read is of the topic that has been read all the time.
        if self.ask_id()? == id { Ok(()) } else { Err(Stop::Truncated) }
    }

    fn ask_id(&self) -> Result<TopicId, Stop> {
        self.cluster.topic_id(&self.topic).map_err(|error| Stop::Failed(error.to_string()))
    }

    fn read_to_end(&mut self) -> Result<(), Stop> {
        let (low, high) = self
            .cluster
            .watermarks(&self.topic, self.partition)
            .map_err(|error| Stop::Failed(format!("the log's end: {error}")))?;
        if high < self.position {
            return Err(Stop::Truncated);
        }
        if low > self.position {
            tracing::error!(
                topic = self.topic,
                partition = self.partition,
                position = self.position,
                low,
                "records of the outcomes topic were deleted before they were read"
            );
            self.view.truncated = true;
            self.position = low;
        }
        if self.position >= high {
            return Ok(());
        }
        self.assign()?;
        let read = self.read_until(high);
        // Ends the fetching.
        let unassigned = self.consumer.unassign().map_err(|error| Stop::Failed(error.to_string()));
        read?;
        unassigned
    }

    fn assign(&self) -> Result<(), Stop> {
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(&self.topic, self.partition, Offset::Offset(self.position))
            .and_then(|()| self.consumer.assign(&assignment))
            .map_err(|error| Stop::Failed(error.to_string()))
    }

    fn read_until(&mut self, high: i64) -> Result<(), Stop> {
        let started = Instant::now();
        // When the last stable offset was first met below the end.
        let mut held_back: Option<Instant> = None;
        while self.position < high {
            let left = match held_back {
                Some(since) => BLOCKED_AFTER.checked_sub(since.elapsed()).ok_or(Stop::Blocked)?,
                None => READ_LIMIT.checked_sub(started.elapsed()).ok_or_else(|| {
                    self.reminder.lost();
                    self.reminder.look_after(self.consumer.client());
                    Stop::Failed("no answer to fetches".to_owned())
                })?,
            };
            let next = match self.consumer.poll(left.min(Duration::from_millis(500))) {
                None => continue,
                Some(Ok(message)) => {
                    let key = message.key().map(<[u8]>::to_vec);
                    Ok((message.offset(), key, message.payload().map(<[u8]>::to_vec)))
                }
                Some(Err(error)) => Err(error),
            };
            match next {
                Ok((offset, key, value)) => {
                    self.reminder.heard();
                    self.apply(offset, key.as_deref(), value.as_deref())?;
                    held_back = None;
                }
                Err(KafkaError::PartitionEOF(_)) => {
                    self.position = self.position.max(self.consumer_position());
                    held_back = held_back.or_else(|| Some(Instant::now()));
                }
                Err(error) => self.check(&error)?,
            }
        }
        Ok(())
    }

    /// Past control records and aborted ones, which are never returned.
    fn consumer_position(&self) -> i64 {
        let positions = self.consumer.position();
        let element = positions.ok().and_then(|list| {
            list.find_partition(&self.topic, self.partition).map(|element| element.offset())
        });
        match element {
            Some(Offset::Offset(offset)) => offset,
            _ => 0,
        }
    }

    fn apply(&mut self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Stop> {
        let key = key.and_then(|key| std::str::from_utf8(key).ok());
        if let Some(key) = key.and_then(|key| OutcomesKey::decode(&self.slot, key)) {
            // The position stays: an unreadable record may be the one that counts.
            self.view.apply(key, value).map_err(|error| {
                let (topic, partition) = (&self.topic, self.partition);
                Stop::Failed(format!("{topic}/{partition} offset {offset}: {error}"))
            })?;
        }
        self.position = offset + 1;
        Ok(())
    }

    fn check(&self, error: &KafkaError) -> Result<(), Stop> {
        match error.rdkafka_error_code() {
            Some(Code::OffsetOutOfRange | Code::AutoOffsetReset | Code::LogTruncation) => {
                Err(Stop::Truncated)
            }
            Some(
                Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed,
            ) => Err(Stop::Failed(error.to_string())),
            // About the group, which is only a name, or about connections, which are made again.
            _ => Ok(()),
        }
    }
}
