//! A whole transaction in one call.

use crate::{
    Sidecommit,
    delivery::Delivery,
    error::Error,
    id,
    outcome::Committed,
    trace::Trace,
    v1::{GroupOffsets, NextAction, Record, TransactRequest},
};
use prost_types::Timestamp;
use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

/// How often an aborted one is tried in all.
const ATTEMPTS: u32 = 5;

/// A transaction that is to be made; `.await` makes it.
///
/// ```no_run
/// # async fn example(client: sidecommit_client::Sidecommit) -> Result<(), sidecommit_client::Error> {
/// use sidecommit_client::Record;
/// let committed = client
///     .transact([Record::new("mails").value("Your order is paid.")])
///     .idempotency_key("order-4711/paid")
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Aborted`] after the last attempt. [`Error::DeadlineExceeded`]: repeat it with the same key and records and with
/// [`first_attempt_time`](Self::first_attempt_time), or ask [`Sidecommit::outcome`]. [`Error::NeedsHuman`] with
/// [`Reason::OutcomeForgotten`](crate::v1::Reason::OutcomeForgotten): the first attempt is older than what the sidecar
/// remembers.
#[derive(Debug)]
#[must_use = "nothing happens until it is awaited"]
pub struct Transact<'a> {
    client: &'a Sidecommit,
    request: TransactRequest,
    deliveries: Vec<&'a Delivery>,
    attempts: u32,
}

// === impl Transact ===

impl<'a> Transact<'a> {
    pub(crate) fn new(client: &'a Sidecommit, records: Vec<Record>) -> Self {
        let request =
            TransactRequest { idempotency_key: id::random(), records, ..TransactRequest::default() };
        Self { client, request, deliveries: Vec::new(), attempts: ATTEMPTS }
    }

    /// Names the piece of work, 1 to 128 characters: of the attempts with one key at most one is ever committed. A random UUID
    /// by default.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.request.idempotency_key = key.into();
        self
    }

    /// Says that this repeats what was first tried then, by an application that kept key and time over its own restart.
    pub fn first_attempt_time(mut self, time: SystemTime) -> Self {
        self.request.first_attempt_time = Some(time.into());
        self
    }

    /// Settles a delivery with it.
    pub fn settle(mut self, delivery: &'a Delivery) -> Self {
        self.request.delivery_ids.push(delivery.id().to_owned());
        self.deliveries.push(delivery);
        self
    }

    /// Commits offsets of the application's own consumer with it; at most once for each group.
    pub fn send_offsets(mut self, offsets: GroupOffsets) -> Self {
        self.request.group_offsets.push(offsets);
        self
    }

    /// How often it is tried in all while it is aborted, 5 by default. With deliveries it is tried once: what comes after an
    /// abort are other ones.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long the transaction may take; the sidecar's default otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Some(crate::duration(timeout));
        self
    }

    /// Transactions with the same key never overlap in Kafka, and are written in the order of their commits.
    pub fn ordering_key(mut self, key: impl Into<String>) -> Self {
        self.request.ordering_key = key.into();
        self
    }

    async fn send(mut self) -> Result<Committed, Error> {
        let trace = Trace::current();
        let began = Timestamp::from(SystemTime::now());
        let mut repeats = self.client.caller.repeats(&self.request);
        let mut left = if self.deliveries.is_empty() { self.attempts } else { 1 };
        let response = loop {
            match repeats.attempt(&self.client.caller, &self.request, &trace).await? {
                Ok(response) => break response,
                Err(refusal) if refusal.next_action == NextAction::BeginAgain && left > 1 => {
                    left -= 1;
                    repeats.wait(refusal).await?;
                }
                Err(refusal) => repeats.rest(refusal).await?,
            }
            self.request.first_attempt_time.get_or_insert(began);
        };
        self.deliveries.into_iter().for_each(Delivery::held);
        Ok(Committed { value: (), transaction_id: response.transaction_id, ranges: response.ranges })
    }
}

impl<'a> IntoFuture for Transact<'a> {
    type Output = Result<Committed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
