//! An open transaction.

mod begin;
mod upload;

pub use self::begin::Begin;

use self::upload::Upload;
use crate::{
    Sidecommit,
    delivery::Delivery,
    error::{DeadlineExceeded, Error},
    outcome::{Committed, TransactionName},
    record::Record,
    refusal::Refusal,
    rpc::Rpc as _,
    trace::Trace,
    v1::{
        AbortRequest, CommitRequest, DeliveryFailure, GroupOffsets, KeepAliveRequest, NextAction,
        ProduceRequest, SendOffsetsRequest,
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};
use tokio::{
    runtime::Handle,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

/// What Abort takes of a reason, in characters.
const REASON_CHARACTERS: usize = 1024;

/// An open transaction, until [`commit`](Self::commit) or [`abort`](Self::abort). Dropped before, it is aborted in the
/// background.
///
/// While it is open the sidecar is told that its application lives, so it may take its time, up to the transaction's timeout.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction {
    client: Sidecommit,
    id: String,
    upload: Arc<Upload>,
    /// As the sidecar counts them.
    offsets_count: AtomicI64,
    /// Whether it is to be aborted when it is dropped.
    open: AtomicBool,
    /// They end with it.
    _tasks: JoinSet<()>,
}

// === impl Transaction ===

impl Transaction {
    /// Of an id from Begin.
    fn new(client: Sidecommit, id: String) -> Self {
        let upload = Arc::new(Upload::new(id.clone()));
        let mut tasks = JoinSet::new();
        tasks.spawn(upload::run(Arc::clone(&upload), client.caller.stub.clone()));
        tasks.spawn(keep_alive(client.clone(), id.clone()));
        Self {
            client,
            id,
            upload,
            offsets_count: AtomicI64::new(0),
            open: AtomicBool::new(true),
            _tasks: tasks,
        }
    }

    /// Its id, opaque.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Adds a record. It is on its way when this returns, which waits only while 4 MiB or 5,000 records are not yet taken by the
    /// sidecar.
    ///
    /// # Errors
    /// What the sidecar said of this record or one before; [`Error::record_index`] counts the transaction's records from 0. Then
    /// nothing more can be added.
    pub async fn produce(&self, record: Record) -> Result<(), Error> {
        if let Some(record) = self.upload.offer(record)? {
            self.within_deadline(self.upload.room()).await?;
            self.upload.push(record);
        }
        Ok(())
    }

    /// Waits until the sidecar has all records that were produced. Commit does so itself.
    ///
    /// # Errors
    /// As [`produce`](Self::produce).
    pub async fn flush(&self) -> Result<(), Error> {
        let Some(batch) = self.upload.flush() else {
            return self.within_deadline(self.upload.settled()).await;
        };
        // Few records: one call is faster than a stream.
        let request = ProduceRequest {
            transaction_id: self.id.clone(),
            sequence: batch.sequence,
            records: batch.records,
        };
        match self.client.caller.call(request, &self.upload.trace()).await {
            Ok(response) => self.upload.acknowledge(response.next_sequence),
            Err(error) => {
                self.upload.fail(error.refusal());
                return Err(error);
            }
        }
        self.within_deadline(self.upload.settled()).await
    }

    /// Settles a delivery with it: the commit moves the group past it.
    ///
    /// # Errors
    /// [`Error::Aborted`]: the delivery is void, and the transaction aborted. [`Error::BadRequest`]: another transaction holds
    /// it; this one goes on without it.
    pub async fn settle(&self, delivery: &Delivery) -> Result<(), Error> {
        let delivery_ids = vec![delivery.id().to_owned()];
        self.offsets(SendOffsetsRequest { delivery_ids, ..SendOffsetsRequest::default() }).await?;
        delivery.held();
        Ok(())
    }

    /// Commits offsets of the application's own consumer with it.
    ///
    /// # Errors
    /// [`Error::BadRequest`]: there is no such topic or partition.
    pub async fn send_offsets(&self, offsets: GroupOffsets) -> Result<(), Error> {
        let group_offsets = Some(offsets);
        self.offsets(SendOffsetsRequest { group_offsets, ..SendOffsetsRequest::default() }).await
    }

    async fn offsets(&self, request: SendOffsetsRequest) -> Result<(), Error> {
        let request = SendOffsetsRequest { transaction_id: self.id.clone(), ..request };
        let response = self.client.caller.call(request, &Trace::current()).await?;
        self.offsets_count.fetch_max(response.offsets_count, Ordering::Relaxed);
        Ok(())
    }

    /// Commits it. `Ok` means: committed, visible to read_committed readers, for good.
    ///
    /// # Errors
    /// [`Error::Aborted`]: nothing of it is visible. [`Error::DeadlineExceeded`]: the outcome is in doubt, ask
    /// [`Sidecommit::outcome`]. [`Error::NeedsHuman`]: see its reason. After [`Error::BadRequest`] it is aborted.
    pub async fn commit(self) -> Result<Committed, Error> {
        self.finish().await
    }

    async fn finish(&self) -> Result<Committed, Error> {
        self.upload.close();
        self.flush().await?;
        let request = CommitRequest {
            transaction_id: self.id.clone(),
            record_count: Some(self.upload.count()),
            offsets_count: Some(self.offsets_count.load(Ordering::Relaxed)),
            ..CommitRequest::default()
        };
        let trace = self.upload.trace();
        let caller = self.client.caller.clone();
        let mut repeats = caller.repeats(&request);
        loop {
            // Whatever comes now, it is the sidecar that decides.
            self.open.store(false, Ordering::Relaxed);
            let refusal = match repeats.attempt(&caller, &request, &trace).await? {
                Ok(response) => {
                    let (transaction_id, ranges) = (response.transaction_id, response.ranges);
                    return Ok(Committed { value: (), transaction_id, ranges });
                }
                Err(refusal) => refusal,
            };
            let open = refusal.next_action == NextAction::FixRequest || refusal.sends_from().is_some();
            self.open.store(open, Ordering::Relaxed);
            if let Some(sequence) = refusal.sends_from() {
                self.upload.rewind_to(sequence);
                self.flush().await?;
            }
            repeats.rest(refusal).await?;
        }
    }

    /// Aborts it: nothing of it will ever be visible to read_committed readers. `reason` is for people.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`]: the sidecar aborts it when it has been idle for long enough.
    pub async fn abort(self, reason: &str) -> Result<(), Error> {
        self.abort_with_failures(reason, Vec::new()).await
    }

    /// Aborts it and says which records of its deliveries could not be processed; see
    /// [`RetryPolicy`](crate::v1::RetryPolicy).
    ///
    /// # Errors
    /// As [`abort`](Self::abort).
    pub async fn abort_with_failures(
        self,
        reason: &str,
        failures: Vec<DeliveryFailure>,
    ) -> Result<(), Error> {
        self.end(reason, failures).await
    }

    async fn end(&self, reason: &str, failures: Vec<DeliveryFailure>) -> Result<(), Error> {
        self.upload.close();
        let request = abort(&self.id, reason, failures);
        let done = self.client.caller.call(request, &Trace::current()).await;
        // Whatever was said, it would be said again.
        self.open.store(false, Ordering::Relaxed);
        done.map(|_| ())
    }

    /// For a wait that is the transaction's.
    async fn within_deadline(&self, wait: impl Future<Output = Result<(), Refusal>>) -> Result<(), Error> {
        let deadline = self.client.caller.deadline;
        match timeout(deadline, wait).await {
            Ok(done) => done.map_err(Error::from),
            Err(_) => Err(Error::DeadlineExceeded(Box::new(DeadlineExceeded {
                call: ProduceRequest::NAME,
                deadline,
                in_doubt: false,
                transaction: Some(TransactionName::TransactionId(self.id.clone())),
                last: self.upload.last(),
            }))),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Without a runtime, and if this fails, the sidecar's idle timeout aborts it.
        if let (true, Ok(runtime)) = (*self.open.get_mut(), Handle::try_current()) {
            let (caller, request) = (self.client.caller.clone(), abort(&self.id, "dropped", Vec::new()));
            runtime.spawn(async move { caller.call(request, &Trace::default()).await });
        }
    }
}

fn abort(id: &str, reason: &str, failures: Vec<DeliveryFailure>) -> AbortRequest {
    let reason = reason.chars().take(REASON_CHARACTERS).collect();
    AbortRequest { transaction_id: id.to_owned(), reason, failures }
}

/// Keeps it from its idle timeout, whatever the application does meanwhile.
async fn keep_alive(mut client: Sidecommit, id: String) {
    // Without an answer the sidecar is away, and the transaction with it.
    let Ok(idle_timeout) = client.idle_timeout().await else { return };
    let period = idle_timeout / 3;
    client.caller.deadline = period;
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let request = KeepAliveRequest { transaction_ids: vec![id.clone()] };
        // What is wrong the transaction's next call is told.
        drop(client.caller.call(request, &Trace::default()).await);
    }
}
