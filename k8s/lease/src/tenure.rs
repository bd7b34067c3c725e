use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    config::Config,
    error::Error,
    facts::Facts,
    leases::{Failure, Leases},
    object,
    standing::Standing,
};

/// A lease that carries our name, and the task that keeps it so.
pub(crate) struct Tenure {
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) config: Arc<Config>,
    /// As which holder: the pod's uid, or the settler.
    pub(crate) me: String,
    pub(crate) ordinal: u32,
    /// As the API server last showed it to us.
    pub(crate) lease: Lease,
    pub(crate) standing: Standing,
}

/// Asks the task to let go.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) settled: bool,
    pub(crate) done: oneshot::Sender<Result<(), Error>>,
}

/// What one attempt to renew came to.
enum Turn {
    Renewed,
    /// Still ours, in a version we did not know: to be renewed from that.
    Reread,
    Failed,
}

/// What a re-read lease turned out to be.
enum Whose {
    Ours,
    /// Nobody's: what a release whose answer was lost leaves behind.
    Nobodys,
    Anothers(String),
}

// === impl Tenure ===

impl Tenure {
    /// Renews until the slot is lost, given up or released.
    pub(crate) async fn keep(mut self, mut release: oneshot::Receiver<Release>) {
        let timing = self.config.timing();
        let mut next = Instant::now() + timing.renew_every();
        while let Some(until) = self.standing.until() {
            let turn = async {
                sleep_until(next.min(until)).await;
                (Instant::now(), self.renew(until).await)
            };
            // A renewal that is cut short may still be done: the release then finds another resourceVersion, and looks.
            let (began, turn) = tokio::select! {
                biased;
                asked = &mut release => {
                    // Before anything is sent: the next holder may have the slot before we have the answer.
                    self.standing.lose("released");
                    if let Ok(Release { settled, done }) = asked {
                        // The caller may have given up waiting; the outcome is the lease's either way.
                        let _ = done.send(self.release(settled).await);
                    }
                    return;
                }
                turned = turn => turned,
            };
            next = match turn {
                Turn::Renewed => began + timing.renew_every(),
                // At once after a call that took long.
                Turn::Failed => began + timing.retry_every(),
                Turn::Reread => began,
            };
        }
    }

    async fn renew(&mut self, until: Instant) -> Turn {
        let sent = Instant::now();
        if sent >= until {
            // Nothing is sent any more: whoever took over must not find its lease written by us.
            self.standing.lose(&self.overdue());
            return Turn::Failed;
        }
        let wanted = object::renewed(self.lease.clone(), self.leases.wall_clock());
        let patience = self.config.timing().call_at_most().min(until - sent);
        match limited(patience, self.leases.replace(wanted)).await {
            Ok(lease) => {
                self.lease = lease;
                if !self.standing.extend(sent + self.config.timing().held_for()) {
                    self.standing.lose(&self.overdue());
                }
                Turn::Renewed
            }
            Err(Failure::Conflict | Failure::Missing) => self.look_again(until).await,
            Err(failure) => {
                let error = Error::of("update", &self.config.namespace, failure);
                tracing::debug!(ordinal = self.ordinal, %error, "lease not renewed");
                self.standing.trouble(error.to_string());
                Turn::Failed
            }
        }
    }

    /// Our resourceVersion is not the present one: somebody took the lease, or an earlier renewal came through without
    /// its answer, or a person edited it.
    async fn look_again(&mut self, until: Instant) -> Turn {
        match self.whose(until).await {
            Ok(Whose::Ours) => return Turn::Reread,
            Ok(Whose::Nobodys) => self.standing.lose("the lease's holder was removed"),
            Ok(Whose::Anothers(why)) => self.standing.lose(&why),
            Err(error) => self.standing.trouble(error.to_string()),
        }
        Turn::Failed
    }

    async fn whose(&mut self, until: Instant) -> Result<Whose, Error> {
        let patience =
            self.config.timing().call_at_most().min(until.saturating_duration_since(Instant::now()));
        let name = object::name(&self.config.workload, self.ordinal);
        let lease = match limited(patience, self.leases.get(name)).await {
            Ok(lease) => lease,
            Err(Failure::Missing) => return Ok(Whose::Anothers("the lease was deleted".to_owned())),
            Err(failure) => return Err(Error::of("get", &self.config.namespace, failure)),
        };
        let Facts { holder, pod, .. } = match object::facts(&lease, &self.config.workload) {
            Some(facts) => facts,
            None => return Ok(Whose::Anothers("the lease is not one of this workload".to_owned())),
        };
        // Deleted and made anew in between, it says nothing of the time when it was not there.
        let same = lease.metadata.uid == self.lease.metadata.uid;
        Ok(match holder {
            _ if !same => Whose::Anothers("the lease was deleted and made anew".to_owned()),
            Some(holder) if holder == self.me => {
                self.lease = lease;
                Whose::Ours
            }
            Some(holder) => Whose::Anothers(format!("taken by {}", pod.unwrap_or(holder))),
            None => Whose::Nobodys,
        })
    }

    /// Takes our name out. Once somebody else's is in, there is nothing to release, and nothing is settled.
    async fn release(&mut self, settled: bool) -> Result<(), Error> {
        let patience = self.config.timing().call_at_most();
        let last = Instant::now() + self.config.timing().duration;
        loop {
            let now = self.leases.wall_clock();
            let wanted = object::released(self.lease.clone(), &self.config, settled, now);
            let failed = match limited(patience, self.leases.replace(wanted)).await {
                Ok(_) => return Ok(()),
                Err(Failure::Conflict | Failure::Missing) => None,
                Err(failure) => Some(Error::of("update", &self.config.namespace, failure)),
            };
            let error = match (self.whose(last).await, failed) {
                (Ok(Whose::Nobodys), _) => return Ok(()),
                (Ok(Whose::Anothers(why)), _) => return Err(Error::Lost { ordinal: self.ordinal, why }),
                // Only another version of ours: at once, and with that.
                (Ok(Whose::Ours), None) => continue,
                (Ok(Whose::Ours), Some(error)) | (Err(_), Some(error)) | (Err(error), None) => error,
            };
            // RBAC does not change while we wait for it; an API server that was away may be back.
            if !matches!(error, Error::Silent { .. }) || Instant::now() >= last {
                return Err(error);
            }
            tokio::time::sleep(self.config.timing().retry_every()).await;
        }
    }

    fn overdue(&self) -> String {
        format!("not renewed for {:?}", self.config.timing().held_for())
    }
}

/// A call with an end: no answer within `patience` is no answer.
pub(crate) async fn limited<T>(
    patience: std::time::Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match timeout(patience, call).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::Silent(format!("no answer within {patience:?}"))),
    }
}
