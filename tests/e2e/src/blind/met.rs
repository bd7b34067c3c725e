//! What refusals an application met.

use crate::Refused;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

/// How long a test waits for a refusal.
const PATIENCE: Duration = Duration::from_secs(90);

/// Readable, and to be waited for, while the application runs.
#[derive(Clone, Debug, Default)]
pub struct Met(Arc<watch::Sender<Vec<Refused>>>);

// === impl Met ===

impl Met {
    pub(super) fn push(&self, refused: &Refused) {
        self.0.send_modify(|all| all.push(refused.clone()));
    }

    pub(super) fn last(&self) -> Option<Refused> {
        self.0.borrow().last().cloned()
    }

    /// All, in their order.
    pub fn all(&self) -> Vec<Refused> {
        self.0.borrow().clone()
    }

    /// Waits until a reason is among them.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn until(&self, reason: &str) {
        let mut all = self.0.subscribe();
        let met = all.wait_for(|all| all.iter().any(|refused| refused.reason == reason));
        let in_time = timeout(PATIENCE, met).await.is_ok();
        assert!(in_time, "{reason} did not come within {PATIENCE:?}: {:?}", self.count());
    }

    /// How often each reason came; a gRPC library's statuses are counted by their code.
    pub fn count(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for refused in self.0.borrow().iter() {
            let code = format!("{:?}", refused.code);
            let name = if refused.reason.is_empty() { code } else { refused.reason.clone() };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}
