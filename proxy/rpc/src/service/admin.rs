//! AdminService.

use super::call;
use crate::{
    Backend, convert,
    proto::v1::{self, admin_service_server::AdminService},
};
use futures_util::stream;
use sidecommit_core::{Reason, Refusal, Serving};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

/// Of WatchStatus, when the request names none.
const INTERVAL_MS: u64 = 1000;
const INTERVAL_MS_RANGE: std::ops::RangeInclusive<u64> = 100..=3_600_000;
/// Of ListTransactions, when the request names none.
const LIST_LIMIT: usize = 1000;
const LIST_LIMIT_MAX: usize = 10_000;

pub(crate) struct Admin<B> {
    pub(crate) backend: Arc<B>,
}

type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl<B: Backend> AdminService for Admin<B> {
    type WatchStatusStream = Pin<Box<dyn Stream<Item = Result<v1::WatchStatusResponse, Status>> + Send>>;

    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Answered<v1::GetStatusResponse> {
        let status = convert::status(self.backend.status().await);
        Ok(Response::new(v1::GetStatusResponse { status: Some(status) }))
    }

    async fn watch_status(
        &self,
        request: Request<v1::WatchStatusRequest>,
    ) -> Answered<Self::WatchStatusStream> {
        let interval = match request.into_inner().interval {
            None => INTERVAL_MS,
            Some(interval) => convert::span("interval", interval, INTERVAL_MS_RANGE)
                .map_err(|refusal| crate::status(&refusal))?,
        };
        let stream = watch(self.backend.clone(), Duration::from_millis(interval));
        Ok(Response::new(Box::pin(stream)))
    }

    async fn list_transactions(
        &self,
        request: Request<v1::ListTransactionsRequest>,
    ) -> Answered<v1::ListTransactionsResponse> {
        let limit = limit(request.into_inner().limit).map_err(|refusal| crate::status(&refusal))?;
        let transactions = self.backend.transactions().await;
        Ok(Response::new(v1::ListTransactionsResponse {
            total: transactions.len() as i64,
            transactions: transactions.into_iter().take(limit).map(Into::into).collect(),
        }))
    }

    async fn abort_transaction(
        &self,
        request: Request<v1::AbortTransactionRequest>,
    ) -> Answered<v1::AbortTransactionResponse> {
        let request = convert::abort_by_operator(request.into_inner());
        let transaction_id = convert::aborted(call(&*self.backend, request).await?)?;
        let state = v1::TransactionState::Aborted.into();
        Ok(Response::new(v1::AbortTransactionResponse { transaction_id, state }))
    }

    async fn list_groups(&self, _: Request<v1::ListGroupsRequest>) -> Answered<v1::ListGroupsResponse> {
        let lanes = self.backend.status().await.engine.map(|engine| engine.lanes).unwrap_or_default();
        let transactions = self.backend.transactions().await;
        let transaction_groups = convert::groups(&lanes, &transactions);
        let sessions = self.backend.sessions().await;
        let consumer_group_sessions = convert::sessions(sessions, self.backend.now());
        Ok(Response::new(v1::ListGroupsResponse { transaction_groups, consumer_group_sessions }))
    }

    async fn resume(&self, _: Request<v1::ResumeRequest>) -> Answered<v1::ResumeResponse> {
        let answer = call(&*self.backend, Ok(sidecommit_core::Request::Resume)).await?;
        convert::resumed(answer).map(Response::new)
    }
}

fn limit(wire: i32) -> Result<usize, Refusal> {
    match usize::try_from(wire) {
        Ok(0) => Ok(LIST_LIMIT),
        Ok(limit) if limit <= LIST_LIMIT_MAX => Ok(limit),
        _ => {
            let message = format!("limit {wire}: expected 0 to {LIST_LIMIT_MAX}");
            Err(Refusal::new(Reason::InvalidField, message).field("limit"))
        }
    }
}

/// The state at once, then at each change of serving, at the latest after the interval.
fn watch<B: Backend>(
    backend: Arc<B>,
    interval: Duration,
) -> impl Stream<Item = Result<v1::WatchStatusResponse, Status>> + Send {
    let serving = backend.serving();
    stream::unfold((backend, serving, true), move |(backend, mut serving, first)| async move {
        if !first && !pause(&mut serving, interval).await {
            return None;
        }
        serving.mark_unchanged();
        let status = convert::status(backend.status().await);
        let response = v1::WatchStatusResponse { status: Some(status) };
        Some((Ok(response), (backend, serving, false)))
    })
}

/// False: the sidecar ends.
async fn pause(serving: &mut watch::Receiver<Serving>, interval: Duration) -> bool {
    !matches!(timeout(interval, serving.changed()).await, Ok(Err(_)))
}
