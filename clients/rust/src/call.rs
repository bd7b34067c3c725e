//! Calls, repeated until there is an outcome.

use crate::{
    backoff::Backoff,
    error::{DeadlineExceeded, Error},
    outcome::TransactionName,
    refusal::Refusal,
    rpc::{Rpc, Stub},
    trace::Trace,
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::Request;

/// Sends calls, and repeats them.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) stub: Stub,
    pub(crate) deadline: Duration,
}

/// One call with its repeats.
#[derive(Debug)]
pub(crate) struct Repeats {
    call: &'static str,
    decides: bool,
    transaction: Option<TransactionName>,
    deadline: Duration,
    end: Instant,
    backoff: Backoff,
    last: Option<Refusal>,
}

// === impl Caller ===

impl Caller {
    /// Sends a call until it is answered, refused for good, or the deadline is over.
    pub(crate) async fn call<R: Rpc>(&self, request: R, trace: &Trace) -> Result<R::Response, Error> {
        let mut repeats = self.repeats(&request);
        loop {
            match repeats.attempt(self, &request, trace).await? {
                Ok(response) => return Ok(response),
                Err(refusal) => repeats.rest(refusal).await?,
            }
        }
    }

    /// A call that begins now.
    pub(crate) fn repeats<R: Rpc>(&self, request: &R) -> Repeats {
        Repeats {
            call: R::NAME,
            decides: R::DECIDES,
            transaction: request.transaction(),
            deadline: self.deadline,
            end: Instant::now() + self.deadline,
            backoff: Backoff::default(),
            last: None,
        }
    }
}

// === impl Repeats ===

impl Repeats {
    /// Sends it once. The outer error is the deadline's.
    pub(crate) async fn attempt<R: Rpc>(
        &mut self,
        caller: &Caller,
        request: &R,
        trace: &Trace,
    ) -> Result<Result<R::Response, Refusal>, Error> {
        let mut message = Request::new(request.clone());
        trace.inject(message.metadata_mut());
        match timeout_at(self.end, R::send(caller.stub.clone(), message)).await {
            Ok(Ok(response)) => Ok(Ok(response.into_inner())),
            Ok(Err(status)) => {
                let transaction_id = match &self.transaction {
                    Some(TransactionName::TransactionId(id)) => Some(id.clone()),
                    _ => None,
                };
                Ok(Err(Refusal { transaction_id, ..Refusal::of(&status, self.decides) }))
            }
            Err(_) => Err(self.exceeded()),
        }
    }

    /// Waits before the next attempt, unless the refusal is for good or the deadline over.
    pub(crate) async fn rest(&mut self, refusal: Refusal) -> Result<(), Error> {
        if refusal.repeats() { self.wait(refusal).await } else { Err(refusal.into()) }
    }

    /// Waits before the next attempt, whatever was refused.
    pub(crate) async fn wait(&mut self, refusal: Refusal) -> Result<(), Error> {
        let asked = refusal.retry_delay;
        self.last = Some(refusal);
        timeout_at(self.end, self.backoff.rest(asked)).await.map_err(|_| self.exceeded())
    }

    fn exceeded(&mut self) -> Error {
        Error::DeadlineExceeded(Box::new(DeadlineExceeded {
            call: self.call,
            deadline: self.deadline,
            in_doubt: self.decides,
            transaction: self.transaction.take(),
            last: self.last.take(),
        }))
    }
}
