//! The gRPC services.

mod admin;
mod consume;
mod transaction;
mod upload;

pub(crate) use admin::Admin;
pub(crate) use consume::Consuming;
pub(crate) use transaction::Transactions;

use crate::Backend;
use sidecommit_core::{Answer, Refusal, Request};
use tonic::Status;

/// Checks have passed or not; if so the engine answers.
async fn call<B: Backend>(backend: &B, request: Result<Request, Refusal>) -> Result<Answer, Status> {
    let answer = match request {
        Ok(request) => backend.call(request).await,
        Err(refusal) => Err(refusal),
    };
    answer.map_err(|refusal| crate::status(&refusal))
}
