//! How a transaction begins, and begins again.

use super::Transaction;
use crate::{
    BoxError, Sidecommit, backoff::Backoff, error::Error, id, outcome::Committed, trace::Trace,
    v1::BeginRequest,
};
use std::{fmt, ops::ControlFlow, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How often [`Begin::run`] tries in all.
const ATTEMPTS: u32 = 5;
/// How long the work's error waits for the abort. After that it goes on in the background.
const ABORT: Duration = Duration::from_secs(5);

/// A transaction that is to be begun: [`begin`](Self::begin), or [`run`](Self::run).
#[must_use = "nothing happens until it is begun or run"]
pub struct Begin<'a> {
    client: &'a Sidecommit,
    request: BeginRequest,
    attempts: u32,
    on_retry: Hook<'a>,
}

type Hook<'a> = Box<dyn Fn(u32, &Error) -> ControlFlow<()> + Send + Sync + 'a>;

// === impl Begin ===

impl<'a> Begin<'a> {
    pub(crate) fn new(client: &'a Sidecommit) -> Self {
        let on_retry = Box::new(|_: u32, _: &Error| ControlFlow::Continue(()));
        Self { client, request: BeginRequest::default(), attempts: ATTEMPTS, on_retry }
    }

    /// The application's own name for it, 1 to 128 characters; a random UUID by default. With the same one the same transaction
    /// is returned, unless that was aborted.
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request.request_id = id.into();
        self
    }

    /// How long it may take until its commit; the sidecar's default otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Some(crate::duration(timeout));
        self
    }

    /// For people who look at open transactions; at most 128 characters.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.request.label = label.into();
        self
    }

    /// Transactions with the same key never overlap in Kafka, and are written in the order of their commits.
    pub fn ordering_key(mut self, key: impl Into<String>) -> Self {
        self.request.ordering_key = key.into();
        self
    }

    /// How often [`run`](Self::run) tries in all, 5 by default.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Is told the number of the attempt that was aborted, from 1 on, and why, before [`run`](Self::run) tries again; `Break`
    /// stops it.
    pub fn on_retry(mut self, hook: impl Fn(u32, &Error) -> ControlFlow<()> + Send + Sync + 'a) -> Self {
        self.on_retry = Box::new(hook);
        self
    }

    /// Begins it.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`], and what the sidecar refuses for good.
    pub async fn begin(self) -> Result<Transaction, Error> {
        self.begin_one().await
    }

    /// Runs `work` in it and commits, as [`Sidecommit::run`].
    ///
    /// # Errors
    /// As [`Sidecommit::run`].
    pub async fn run<T, F>(self, work: impl Fn(Arc<Transaction>) -> F) -> Result<Committed<T>, Error>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        let mut backoff = Backoff::default();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&work).await {
                Ok(committed) => return Ok(committed),
                Err(error) => error,
            };
            if attempt >= self.attempts
                || !error.begins_again()
                || (self.on_retry)(attempt, &error).is_break()
            {
                return Err(error);
            }
            backoff.rest(error.refusal().and_then(|refusal| refusal.retry_delay)).await;
            attempt += 1;
        }
    }

    async fn attempt<T, F>(&self, work: &impl Fn(Arc<Transaction>) -> F) -> Result<Committed<T>, Error>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        let transaction = Arc::new(self.begin_one().await?);
        match work(Arc::clone(&transaction)).await {
            Ok(value) => transaction.finish().await.map(|committed| committed.map(value)),
            Err(error) => {
                let error = Error::of_work(error);
                // The work's error goes on its way, whatever becomes of the abort.
                let _ = timeout(ABORT, transaction.end(&error.to_string(), Vec::new())).await;
                Err(error)
            }
        }
    }

    async fn begin_one(&self) -> Result<Transaction, Error> {
        let mut request = self.request.clone();
        if request.request_id.is_empty() {
            request.request_id = id::random();
        }
        let response = self.client.caller.call(request, &Trace::current()).await?;
        Ok(Transaction::new(self.client.clone(), response.transaction_id))
    }
}

impl fmt::Debug for Begin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begin").field("request", &self.request).finish_non_exhaustive()
    }
}
