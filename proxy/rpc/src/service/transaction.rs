//! TransactionService.

use super::{call, upload};
use crate::{
    Backend,
    convert::{self, Trace, int64},
    proto::v1::{self, transaction_service_server::TransactionService},
};
use sidecommit_core::Caller;
use std::{pin::Pin, sync::Arc};
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

/// What this version can do beyond Begin, Produce and Commit.
const FEATURES: [&str; 6] =
    ["produce_stream", "send_offsets", "transact", "ordering_key", "consume", "delivery_offsets"];

pub(crate) struct Transactions<B> {
    pub(crate) backend: Arc<B>,
    /// The server's message limit.
    pub(crate) message_bytes: usize,
}

type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl<B: Backend> TransactionService for Transactions<B> {
    type ProduceStreamStream = Pin<Box<dyn Stream<Item = Result<v1::ProduceStreamResponse, Status>> + Send>>;

    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Answered<v1::GetServerInfoResponse> {
        let info = self.backend.info();
        let status = self.backend.status().await;
        let limits = v1::ServerLimits {
            message_bytes: self.message_bytes as i64,
            records_per_transaction: int64(info.limits.records_per_transaction),
            bytes_per_transaction: int64(info.limits.bytes_per_transaction),
            open_transactions: info.limits.open_transactions as i64,
            idle_timeout: Some(convert::duration(info.limits.idle_timeout)),
            default_timeout: Some(convert::duration(info.limits.default_timeout)),
            max_timeout: Some(convert::duration(info.limits.max_timeout)),
            delivery_timeout: Some(convert::duration(info.limits.delivery_timeout)),
            session_grace: Some(convert::duration(info.limits.session_grace)),
        };
        Ok(Response::new(v1::GetServerInfoResponse {
            version: info.version,
            features: FEATURES.map(str::to_owned).to_vec(),
            incarnation: status.engine.map_or(0, |engine| engine.incarnation.0).into(),
            identity: status.slot.map(|slot| slot.to_string()).unwrap_or_default(),
            limits: Some(limits),
            state: convert::serving(&status.serving).into(),
        }))
    }

    async fn begin(&self, request: Request<v1::BeginRequest>) -> Answered<v1::BeginResponse> {
        let request = convert::begin(&*self.backend, caller(&request), request.into_inner());
        convert::begun(call(&*self.backend, request).await?).map(Response::new)
    }

    async fn produce(&self, request: Request<v1::ProduceRequest>) -> Answered<v1::ProduceResponse> {
        let trace = Trace::of(request.metadata());
        let v1::ProduceRequest { transaction_id, sequence, records } = request.into_inner();
        let request = match convert::txn("transaction_id", &transaction_id) {
            Ok(txn) => convert::produce(&*self.backend, txn, sequence, records, &trace, false).await,
            Err(refusal) => Err(refusal),
        };
        let next = convert::produced(call(&*self.backend, request).await?)?;
        Ok(Response::new(v1::ProduceResponse { next_sequence: int64(next) }))
    }

    async fn produce_stream(
        &self,
        request: Request<Streaming<v1::ProduceStreamRequest>>,
    ) -> Answered<Self::ProduceStreamStream> {
        let trace = Trace::of(request.metadata());
        Ok(Response::new(Box::pin(upload::start(self.backend.clone(), request.into_inner(), trace))))
    }

    async fn send_offsets(
        &self,
        request: Request<v1::SendOffsetsRequest>,
    ) -> Answered<v1::SendOffsetsResponse> {
        let request = convert::send_offsets(&*self.backend, request.into_inner()).await;
        convert::offsets_taken(call(&*self.backend, request).await?).map(Response::new)
    }

    async fn keep_alive(&self, request: Request<v1::KeepAliveRequest>) -> Answered<v1::KeepAliveResponse> {
        let request = convert::keep_alive(request.get_ref());
        convert::alive(call(&*self.backend, request).await?).map(Response::new)
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Answered<v1::CommitResponse> {
        let request = convert::commit(&*self.backend, request.into_inner()).await;
        convert::committed(call(&*self.backend, request).await?).map(Response::new)
    }

    async fn abort(&self, request: Request<v1::AbortRequest>) -> Answered<v1::AbortResponse> {
        let request = convert::abort(request.into_inner());
        let transaction_id = convert::aborted(call(&*self.backend, request).await?)?;
        let state = v1::TransactionState::Aborted.into();
        Ok(Response::new(v1::AbortResponse { transaction_id, state }))
    }

    async fn transact(&self, request: Request<v1::TransactRequest>) -> Answered<v1::TransactResponse> {
        let (caller, trace) = (caller(&request), Trace::of(request.metadata()));
        let request = convert::transact(&*self.backend, caller, &trace, request.into_inner()).await;
        convert::committed_at_once(call(&*self.backend, request).await?).map(Response::new)
    }

    async fn get_transaction(
        &self,
        request: Request<v1::GetTransactionRequest>,
    ) -> Answered<v1::GetTransactionResponse> {
        let request = convert::get(request.into_inner());
        let transaction = convert::view(call(&*self.backend, request).await?)?;
        Ok(Response::new(v1::GetTransactionResponse { transaction: Some(transaction) }))
    }
}

/// Which connection a call came over.
fn caller<T>(request: &Request<T>) -> Caller {
    request.extensions().get().copied().unwrap_or_default()
}
