//! The Kafka cluster, once it was reached: for all terms of the process.

use super::front::Front;
use crate::{driver::Topics, exit::Failure, settings::Settings};
use sidecommit_core::{Serving, Slot};
use sidecommit_kafka::{Catalog, ClientSettings, Cluster};
use std::{sync::Arc, time::Duration};

/// How old a topic's configuration may become before it is read again.
const TOPIC_FACTS_MAX_AGE: Duration = Duration::from_secs(60);

/// Between two attempts to reach Kafka.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// How to reach the cluster, and what is known of it; cheap to clone.
#[derive(Clone)]
pub(super) struct Kafka {
    pub(super) client: ClientSettings,
    pub(super) cluster: Cluster,
    pub(super) cluster_id: Arc<str>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) topics: Topics,
}

// === impl Kafka ===

impl Kafka {
    /// Waits until Kafka answers, and tells so meanwhile.
    pub(super) async fn reach(
        settings: &Settings,
        prefix: &str,
        slot: &Slot,
        front: &Front,
    ) -> Result<Self, Failure> {
        let client = settings.clients().map_err(|error| Failure::Usage(error.to_string()))?;
        let servers = client.bootstrap_servers.clone();
        front.wait(Some(slot.clone()), Serving::Connecting(format!("waits for Kafka at {servers}")));
        let cluster = Cluster::new(&client).map_err(Failure::internal)?;
        let cluster_id = loop {
            let asked = cluster.clone();
            match tokio::task::spawn_blocking(move || asked.id()).await.map_err(Failure::internal)? {
                Ok(id) => break id.into(),
                Err(error) => {
                    tracing::warn!(%error, servers, "waiting for Kafka");
                    let why = format!("waits for Kafka at {servers}: {error}");
                    front.wait(Some(slot.clone()), Serving::Connecting(why));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        let catalog = Catalog::start(cluster.clone(), TOPIC_FACTS_MAX_AGE).map_err(Failure::internal)?;
        let catalog = Arc::new(catalog);
        let topics = Topics::new(cluster.clone(), catalog.clone(), settings.outcomes_topic_of(prefix));
        Ok(Self { client, cluster, cluster_id, catalog, topics })
    }
}
