use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

use crate::{
    error::Error,
    slots::Known,
    standing::{Guard, Standing},
    tenure::{Release, Tenure},
};

/// A slot that is ours, kept so by a task of its own. Dropped without a release it expires by itself, unsettled.
#[derive(Debug)]
pub struct Held {
    keeping: Keeping,
    inherited: Option<u16>,
}

/// The task that renews, and the ways to ask it; it ends with this.
#[derive(Debug)]
pub(crate) struct Keeping {
    ordinal: u32,
    standing: Standing,
    release: Option<oneshot::Sender<Release>>,
    task: JoinHandle<()>,
    known: Arc<Mutex<Known>>,
}

// === impl Held ===

impl Held {
    pub(crate) fn new(keeping: Keeping, inherited: Option<u16>) -> Self {
        Self { keeping, inherited }
    }

    /// The slot's number.
    pub fn ordinal(&self) -> u32 {
        self.keeping.ordinal
    }

    /// How many lanes an earlier holder may have left open: they are this holder's to settle, by initialising each of
    /// their transactional.ids, even those above its own number of lanes. None if it left nothing.
    pub fn inherited(&self) -> Option<u16> {
        self.inherited
    }

    /// Tells at any time whether the slot is still ours, without waiting.
    pub fn guard(&self) -> Guard {
        self.keeping.standing.guard()
    }

    /// Resolves when the slot is lost or may be, and says why: another holder, the lease deleted, or not renewed for so
    /// long that others may soon take it. Then nothing may be begun any more under its ids; claim again.
    pub async fn lost(&mut self) -> String {
        self.keeping.standing.lost().await
    }

    /// Gives the slot back. `settled`: no transaction is open under its ids, those of inherited lanes included.
    pub async fn release(self, settled: bool) -> Result<(), Error> {
        self.keeping.release(settled).await
    }
}

// === impl Keeping ===

impl Keeping {
    /// Begins to renew a lease that was acquired by a call sent at `sent`.
    pub(crate) fn start(tenure: Tenure, known: Arc<Mutex<Known>>) -> Self {
        let (release, asked) = oneshot::channel();
        let (ordinal, standing) = (tenure.ordinal, tenure.standing.clone());
        let leases = Arc::clone(&tenure.leases);
        known.lock().ours.insert(ordinal);
        let task = leases.spawn(Box::pin(tenure.keep(asked)));
        Self { ordinal, standing, release: Some(release), task, known }
    }

    pub(crate) fn ordinal(&self) -> u32 {
        self.ordinal
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) async fn release(mut self, settled: bool) -> Result<(), Error> {
        let (done, outcome) = oneshot::channel();
        let asked = self.release.take().map(|release| release.send(Release { settled, done }));
        if let Some(Ok(())) = asked
            && let Ok(outcome) = outcome.await
        {
            return outcome;
        }
        // The task has ended: it does so only once the slot is lost.
        let why = if self.standing.until().is_some_and(|until| Instant::now() < until) {
            "its renewal ended".to_owned()
        } else {
            self.standing.lost().await
        };
        Err(Error::Lost { ordinal: self.ordinal, why })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.task.abort();
        self.standing.lose("given up");
        self.known.lock().ours.remove(&self.ordinal);
    }
}
