//! The outcomes topic, and how safe the topics in use are.

use crate::{Cluster, Error, TopicConfig, TopicShape, cluster::SETTLE};
use sidecommit_core::Slot;
use std::{
    fmt, thread,
    time::{Duration, Instant},
};

/// What the coordinator keeps transactions in.
const TRANSACTION_STATE: &str = "__transaction_state";

/// Where a slot's own records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomesPlace {
    /// To one partition of the outcomes topic.
    Topic {
        /// Its name.
        topic: String,
        /// The slot's partition of it, see [`partition_of`].
        partition: i32,
    },
    /// Into the metadata of private groups' offsets: for those who cannot create topics. Costs about 2 ms more per
    /// transaction, and the offsets expire (offsets.retention.minutes, 7 days by default).
    Groups {
        /// What the names of the groups start with; followed by the record's key.
        prefix: String,
        /// An existing topic that we may read: the broker takes offsets for no other. Nothing is read from it.
        topic: String,
        /// One of its partitions.
        partition: i32,
    },
}

/// The outcomes topic as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomesTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it has; fixed, since a slot's partition follows from it.
    pub partitions: i32,
    /// Least replication factor.
    pub replication: i32,
    /// Least min.insync.replicas.
    pub min_insync_replicas: i32,
}

/// A topic that loses committed data when a single broker is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurabilityWarning {
    /// Which.
    pub topic: String,
    /// Replicas of the partition that has the fewest.
    pub replication: usize,
    /// None if it may not be read.
    pub min_insync_replicas: Option<i32>,
}

/// The partition of the outcomes topic that a slot's records are in: FNV-1a (64 bits) of the slot's text, modulo the
/// number of partitions. Never to be changed: outcomes are looked for where they were written.
pub fn partition_of(slot: &Slot, partitions: i32) -> i32 {
    let hash = slot.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let partitions = u64::try_from(partitions.max(1)).unwrap_or(1);
    i32::try_from(hash % partitions).unwrap_or(0)
}

// === impl OutcomesTopic ===

impl OutcomesTopic {
    /// As safe as it should be.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), partitions: 16, replication: 3, min_insync_replicas: 2 }
    }

    /// Creates the topic, or checks that the existing one is fit; returns where the slot's records go. Blocks.
    ///
    /// # Errors
    /// [`Error::UnfitTopic`] names what is wrong with an existing topic; else errors of the requests.
    pub fn prepare(&self, cluster: &Cluster, slot: &Slot) -> Result<OutcomesPlace, Error> {
        let partition = partition_of(slot, self.partitions);
        let shape = match cluster.shape(&self.name) {
            Err(Error::UnknownTopic { .. }) => {
                self.create(cluster)?;
                self.await_known(cluster)?
            }
            known => known?,
        };
        self.check(shape, &cluster.config(&self.name)?)?;
        self.await_leader(cluster, partition);
        Ok(OutcomesPlace::Topic { topic: self.name.clone(), partition })
    }

    fn create(&self, cluster: &Cluster) -> Result<(), Error> {
        cluster.create_topic(
            &self.name,
            self.partitions,
            self.replication,
            &[
                ("cleanup.policy", "compact"),
                ("min.insync.replicas", &self.min_insync_replicas.to_string()),
                ("unclean.leader.election.enable", "false"),
            ],
        )
    }

    /// A created topic takes a moment to be known to all brokers.
    fn await_known(&self, cluster: &Cluster) -> Result<TopicShape, Error> {
        let started = Instant::now();
        loop {
            match cluster.shape(&self.name) {
                Ok(shape) if shape.partitions > 0 => return Ok(shape),
                Ok(_) | Err(Error::UnknownTopic { .. } | Error::Unreachable { .. })
                    if started.elapsed() < SETTLE =>
                {
                    thread::park_timeout(Duration::from_millis(50));
                }
                // It was created, so it will be: that is worth another try.
                Ok(_) | Err(Error::UnknownTopic { .. }) => {
                    let act = format!("looking for topic {}, which was created", self.name);
                    return Err(Error::Unreachable { act, message: "no broker knows it yet".to_owned() });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// It takes another moment until its leaders lead, also when somebody else has created it. If that takes longer, whoever reads it is told so.
    fn await_leader(&self, cluster: &Cluster, partition: i32) {
        let started = Instant::now();
        while cluster.watermarks(&self.name, partition).is_err() && started.elapsed() < SETTLE {
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn check(&self, shape: TopicShape, config: &TopicConfig) -> Result<(), Error> {
        let unfit = |config, value: String, accepted: String| {
            Err(Error::UnfitTopic { topic: self.name.clone(), config, value, accepted })
        };
        let get = |name: &str| config.get(name).cloned().unwrap_or_default();
        if shape.partitions != self.partitions {
            let accepted = format!("{}, as the setting for its partitions says", self.partitions);
            return unfit("partition count", shape.partitions.to_string(), accepted);
        }
        if get("cleanup.policy") != "compact" {
            return unfit("cleanup.policy", get("cleanup.policy"), "compact, and nothing else".to_owned());
        }
        if i32::try_from(shape.replication).unwrap_or(i32::MAX) < self.replication {
            let accepted = format!("at least {} (a setting can lower it)", self.replication);
            return unfit("replication factor", shape.replication.to_string(), accepted);
        }
        let min_insync: i32 = get("min.insync.replicas").parse().unwrap_or(0);
        if min_insync < self.min_insync_replicas {
            let accepted = format!("at least {} (a setting can lower it)", self.min_insync_replicas);
            return unfit("min.insync.replicas", get("min.insync.replicas"), accepted);
        }
        if get("unclean.leader.election.enable") == "true" {
            let config = "unclean.leader.election.enable";
            return unfit(config, "true".to_owned(), "false: committed outcomes could be lost".to_owned());
        }
        Ok(())
    }
}

// === impl DurabilityWarning ===

impl DurabilityWarning {
    /// Which of the topics, and of __transaction_state, would lose committed data when a single broker is lost
    /// (min.insync.replicas < 2 or replication < 3). Topics that cannot be looked at are not warned about. Blocks.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub fn find(cluster: &Cluster, topics: &[&str]) -> Result<Vec<Self>, Error> {
        let mut warnings = Vec::new();
        for topic in topics.iter().copied().chain([TRANSACTION_STATE]) {
            let shape = match cluster.shape(topic) {
                Ok(shape) => shape,
                Err(error @ Error::Unreachable { .. }) => return Err(error),
                Err(_) => continue,
            };
            let min_insync_replicas = match cluster.config(topic) {
                Ok(config) => config.get("min.insync.replicas").and_then(|value| value.parse().ok()),
                Err(error @ Error::Unreachable { .. }) => return Err(error),
                Err(_) => None,
            };
            if shape.replication < 3 || min_insync_replicas.is_some_and(|min| min < 2) {
                let replication = shape.replication;
                warnings.push(Self { topic: topic.to_owned(), replication, min_insync_replicas });
            }
        }
        Ok(warnings)
    }
}

impl fmt::Display for DurabilityWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, replication, .. } = self;
        write!(f, "topic {topic} can lose committed records: replication factor {replication}")?;
        if let Some(min) = self.min_insync_replicas {
            write!(f, ", min.insync.replicas {min}")?;
        }
        f.write_str(" (at least 3 and 2 are safe)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> OutcomesTopic {
        OutcomesTopic { partitions: 4, ..OutcomesTopic::new("o") }
    }

    fn config(changes: &[(&str, &str)]) -> TopicConfig {
        [("cleanup.policy", "compact"), ("min.insync.replicas", "2")]
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn an_unfit_topic_is_named_with_what_would_be_accepted() {
        let fit = TopicShape { partitions: 4, replication: 3 };
        let error = |shape, changes: &[(&str, &str)]| {
            outcomes().check(shape, &config(changes)).expect_err("unfit").to_string()
        };
        assert_eq!(outcomes().check(fit, &config(&[])), Ok(()));
        assert_eq!(
            error(TopicShape { partitions: 5, ..fit }, &[]),
            "topic \"o\": partition count is 5: expected 4, as the setting for its partitions says"
        );
        assert!(error(TopicShape { replication: 2, ..fit }, &[]).contains("replication factor is 2"));
        for (name, value) in [
            ("cleanup.policy", "compact,delete"),
            ("min.insync.replicas", "1"),
            ("unclean.leader.election.enable", "true"),
        ] {
            assert!(error(fit, &[(name, value)]).contains(&format!("{name} is {value}: expected ")));
        }
    }

    #[test]
    fn a_slot_s_partition_never_changes() {
        let partition = |slot: &str| partition_of(&slot.parse().expect("a slot"), 16);
        let partitions: Vec<i32> = (0..6).map(|n| partition(&format!("p/shop/orders/{n}"))).collect();
        // A change of the hash would look for outcomes where they are not.
        assert_eq!(partitions, [15, 12, 5, 2, 3, 0]);
    }
}
