//! What namespaces say, remembered for a while: a rollout asks for the same one a hundred times.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Namespaces by name. Cheap to clone.
#[derive(Clone)]
pub struct Namespaces {
    api: Api<Namespace>,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Clone)]
struct Known {
    annotations: Annotations,
    read: Instant,
}

type Annotations = Arc<Map<String, Value>>;

/// How long an annotation may go unseen.
const FRESH: Duration = Duration::from_secs(30);
/// How long what was read is better than nothing while the API server does not answer.
const USABLE: Duration = Duration::from_secs(600);
const KNOWN_MAX: usize = 4096;

// === impl Namespaces ===

impl Namespaces {
    /// Reads through this client.
    pub fn new(client: Client) -> Self {
        Self { api: Api::all(client), known: Arc::default() }
    }

    /// A namespace's annotations, as of the last 30 seconds, or of the last 10 minutes if the API server does not answer.
    ///
    /// # Errors
    /// If there is nothing to go by.
    pub async fn annotations(&self, name: &str) -> Result<Annotations, kube::Error> {
        let known = self.known.lock().get(name).cloned();
        if let Some(known) = &known
            && known.read.elapsed() < FRESH
        {
            return Ok(Arc::clone(&known.annotations));
        }
        match (self.api.get(name).await, known) {
            (Ok(namespace), _) => Ok(self.remember(name, namespace)),
            (Err(kube::Error::Api(status)), _) if status.code == 404 => Err(kube::Error::Api(status)),
            (Err(error), Some(known)) if known.read.elapsed() < USABLE => {
                tracing::warn!(name, %error, "namespace: not read again, going by what it said before");
                Ok(known.annotations)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn remember(&self, name: &str, namespace: Namespace) -> Annotations {
        let annotations = namespace.metadata.annotations.unwrap_or_default();
        let annotations: Annotations =
            Arc::new(annotations.into_iter().map(|(key, value)| (key, json!(value))).collect());
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, one| one.read.elapsed() < FRESH);
        }
        known.insert(name.to_owned(), Known { annotations: Arc::clone(&annotations), read: Instant::now() });
        annotations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_api::FakeApi;

    const PATH: &str = "/api/v1/namespaces/orders";

    fn put(api: &FakeApi, lanes: &str) {
        let annotations = json!({ "sidecommit.dev/lanes": lanes });
        api.put(PATH, json!({ "metadata": { "name": "orders", "annotations": annotations } }));
    }

    async fn lanes(namespaces: &Namespaces) -> Option<String> {
        let annotations = namespaces.annotations("orders").await.ok()?;
        annotations["sidecommit.dev/lanes"].as_str().map(str::to_owned)
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_counts_for_30_s_and_for_10_minutes_in_need() {
        let api = FakeApi::default();
        let namespaces = Namespaces::new(api.client());
        assert_eq!(lanes(&namespaces).await, None, "there is no such namespace");
        put(&api, "1");
        assert_eq!(lanes(&namespaces).await.as_deref(), Some("1"));
        put(&api, "2");
        assert_eq!(lanes(&namespaces).await.as_deref(), Some("1"));
        tokio::time::advance(FRESH).await;
        assert_eq!(lanes(&namespaces).await.as_deref(), Some("2"));
        api.set_down(true);
        tokio::time::advance(USABLE / 2).await;
        assert_eq!(lanes(&namespaces).await.as_deref(), Some("2"));
        tokio::time::advance(USABLE / 2).await;
        assert_eq!(lanes(&namespaces).await, None, "too old to go by");
    }
}
