use crate::{
    ClientSettings, Error,
    block_on::block_on,
    client::{self, Logged, QUIET},
    ffi::{self, TopicId},
    reminder::Reminder,
};
use parking_lot::Mutex;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::Metadata,
    types::RDKafkaErrorCode as Code,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long any request about the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a new topic, and its leaders, may take to be known to all brokers.
pub(crate) const SETTLE: Duration = Duration::from_secs(10);

/// Requests about the cluster: metadata, configurations, topics. All calls block, for 20 s at most; [`Self::config`] for longer
/// while brokers disagree.
///
/// Clones share one connection pool.
#[derive(Clone)]
pub struct Cluster(Arc<Shared>);

struct Shared {
    /// read_uncommitted and without a group: its watermarks are the log's end, not the last stable offset.
    reader: BaseConsumer<Logged>,
    /// Its log is dropped: nothing polls the queue that it would go to.
    admin: AdminClient<Logged>,
    reader_reminder: Reminder,
    admin_reminder: Reminder,
    /// Polling serves log lines and errors; one thread at a time.
    polling: Mutex<()>,
}

/// A topic's partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicShape {
    /// How many.
    pub partitions: i32,
    /// Replicas of the partition that has the fewest.
    pub replication: usize,
}

/// A topic's configuration by name, defaults included.
pub type TopicConfig = BTreeMap<String, String>;

// === impl Cluster ===

impl Cluster {
    /// Makes the clients; they connect in the background.
    ///
    /// # Errors
    /// [`Error::CreateClient`].
    pub fn new(settings: &ClientSettings) -> Result<Self, Error> {
        let mut reader = settings.admin();
        reader.set("isolation.level", "read_uncommitted");
        let mut admin = settings.admin();
        admin.set("allow.auto.create.topics", "false").set_log_level(QUIET);
        Ok(Self(Arc::new(Shared {
            reader: client::create(&reader, Logged)?,
            admin: client::create(&admin, Logged)?,
            reader_reminder: Reminder::new(&settings.bootstrap_servers),
            admin_reminder: Reminder::new(&settings.bootstrap_servers),
            polling: Mutex::default(),
        })))
    }

    /// The cluster's id.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub fn id(&self) -> Result<String, Error> {
        let client = self.0.reader.client();
        let id = client.fetch_cluster_id(TIMEOUT);
        let id = id.ok_or_else(|| Error::of_code("reading the cluster id", Code::OperationTimedOut));
        self.0.reader_reminder.learn(client, &id);
        self.serve();
        id
    }

    /// A topic's partitions and replicas.
    ///
    /// # Errors
    /// [`Error::UnknownTopic`], [`Error::Denied`] or [`Error::Unreachable`].
    pub fn shape(&self, topic: &str) -> Result<TopicShape, Error> {
        let act = || format!("reading the metadata of topic {topic}");
        let metadata = self.metadata(topic);
        self.serve();
        let metadata = metadata.map_err(|error| Error::of_call(act(), &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let unknown = || Error::UnknownTopic { topic: topic.to_owned() };
        let found = found.ok_or_else(unknown)?;
        match found.error().map(Code::from) {
            None => {}
            Some(code) if is_unknown(code) => return Err(unknown()),
            Some(code) => return Err(Error::of_code(act(), code)),
        }
        let replication = found.partitions().iter().map(|partition| partition.replicas().len()).min();
        Ok(TopicShape {
            partitions: i32::try_from(found.partitions().len()).unwrap_or(i32::MAX),
            replication: replication.unwrap_or(0),
        })
    }

    /// The configuration of a topic that some broker knows. Another one may not have heard of it yet, or any more: asked
    /// again until all agree, the last time about 10 s after the first. Blocks for about 40 s at most, if brokers also answer late.
    ///
    /// # Errors
    /// [`Error::UnknownTopic`], [`Error::Denied`], [`Error::Unreachable`] or [`Error::Rejected`].
    pub fn config(&self, topic: &str) -> Result<TopicConfig, Error> {
        let started = Instant::now();
        loop {
            self.find_controller(topic);
            let error = match self.ask(|client| ffi::topic_config(client, topic, TIMEOUT)) {
                Ok(config) => return Ok(config),
                Err(error) => error,
            };
            if !is_unknown(error.code) {
                return Err(Error::of_code(
                    format!("reading the configuration of topic {topic} (DescribeConfigs)"),
                    error.code,
                ));
            }
            self.shape(topic)?;
            if started.elapsed() > SETTLE {
                return Err(Error::UnknownTopic { topic: topic.to_owned() });
            }
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Creates a topic; one that exists already is left as it is.
    pub(crate) fn create_topic(
        &self,
        topic: &str,
        partitions: i32,
        replication: i32,
        config: &[(&str, &str)],
    ) -> Result<(), Error> {
        let act = || format!("creating topic {topic}");
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replication));
        let new = config.iter().fold(new, |new, (name, value)| new.set(name, value));
        self.find_controller(topic);
        let created = block_on(self.0.admin.create_topics(&[new], &options()));
        match created.map_err(|error| Error::of_call(act(), &error))?.pop() {
            None | Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(Error::of_code(act(), code)),
        }
    }

    /// Log start and end of a partition, open transactions included.
    pub(crate) fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
        let watermarks = self.0.reader.fetch_watermarks(topic, partition, TIMEOUT);
        if watermarks.is_err() {
            // librdkafka fails without asking anybody as long as no broker that it knows leads the partition.
            drop(self.metadata(topic));
        }
        self.serve();
        watermarks
    }

    /// What tells a topic from one that was made again under its name.
    pub(crate) fn topic_id(&self, topic: &str) -> Result<TopicId, Error> {
        self.find_controller(topic);
        let told = self.ask(|client| ffi::topic_id(client, topic, TIMEOUT));
        told.map_err(|error| Error::of_code(format!("reading the id of topic {topic}"), error.code))
    }

    /// The client of [`Self::ask`].
    pub(crate) fn client(&self) -> &Client<Logged> {
        self.0.admin.inner()
    }

    /// A request of the crate's own.
    pub(crate) fn ask<T, E>(&self, request: impl FnOnce(&Client<Logged>) -> Result<T, E>) -> Result<T, E> {
        let client = self.client();
        let answer = request(client);
        self.0.admin_reminder.learn(client, &answer);
        answer
    }

    /// Admin requests wait for the broker that the client takes for the controller, dead or not, and it learns of another
    /// one only by asking for metadata.
    fn find_controller(&self, topic: &str) {
        if let Err(error) = self.ask(|client| client.fetch_metadata(Some(topic), TIMEOUT)) {
            tracing::debug!(%error, "the controller may be another one");
        }
    }

    fn metadata(&self, topic: &str) -> Result<Metadata, KafkaError> {
        let client = self.0.reader.client();
        let metadata = client.fetch_metadata(Some(topic), TIMEOUT);
        self.0.reader_reminder.learn(client, &metadata);
        metadata
    }

    /// Log lines and errors wait in the client's queue until it is polled.
    fn serve(&self) {
        if let Some(_polling) = self.0.polling.try_lock() {
            // Without an assignment it returns no records, only errors, which the context has logged.
            while self.0.reader.poll(Duration::ZERO).is_some() {}
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

fn is_unknown(code: Code) -> bool {
    matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}
