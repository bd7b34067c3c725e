//! What namespaces say, remembered for a while: a rollout asks for the same one a hundred times.

use crate::decision::Namespace;
use kube::{Api, Client};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Namespaces by name. Cheap to clone.
#[derive(Clone)]
pub struct Namespaces {
    api: Api<k8s_openapi::api::core::v1::Namespace>,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Clone)]
struct Known {
    namespace: Arc<Namespace>,
    read: Instant,
}

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

    /// What a namespace says, as of the last 30 seconds, or of the last 10 minutes if the API server does not answer.
    ///
    /// # Errors
    /// If there is nothing to go by.
    pub async fn get(&self, name: &str) -> Result<Arc<Namespace>, kube::Error> {
        let known = self.known.lock().get(name).cloned();
        if let Some(known) = &known
            && known.read.elapsed() < FRESH
        {
            return Ok(Arc::clone(&known.namespace));
        }
        match (self.api.get(name).await, known) {
            (Ok(namespace), _) => Ok(self.remember(name, namespace)),
            (Err(kube::Error::Api(status)), _) if status.code == 404 => Err(kube::Error::Api(status)),
            (Err(error), Some(known)) if known.read.elapsed() < USABLE => {
                tracing::warn!(name, %error, "namespace: not read again, going by what it said before");
                Ok(known.namespace)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn remember(&self, name: &str, namespace: k8s_openapi::api::core::v1::Namespace) -> Arc<Namespace> {
        let metadata = namespace.metadata;
        let namespace = Arc::new(Namespace {
            name: name.to_owned(),
            labels: metadata.labels.unwrap_or_default(),
            annotations: metadata.annotations.unwrap_or_default(),
        });
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, one| one.read.elapsed() < FRESH);
        }
        known.insert(name.to_owned(), Known { namespace: Arc::clone(&namespace), read: Instant::now() });
        namespace
    }
}
