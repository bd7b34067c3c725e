//! An application: the generated client, with refusals decoded.

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use prost::Message as _;
use sidecommit_rpc::proto::{google_rpc, v1, v1::transaction_service_client::TransactionServiceClient};
use std::{path::Path, time::Duration};
use tokio::net::UnixStream;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint, Uri},
};

/// A connected application.
#[derive(Clone, Debug)]
pub struct App {
    /// The bare stub.
    pub stub: TransactionServiceClient<Channel>,
}

/// A refusal as a client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// gRPC's code.
    pub code: Code,
    /// The reason's name without its prefix; empty if the status was made by a gRPC library.
    pub reason: String,
    /// What to do next, likewise.
    pub next: String,
    /// Our detail.
    pub detail: Option<v1::ErrorDetail>,
    /// RetryInfo's: how long to wait before the next try.
    pub delay: Option<Duration>,
    /// The blamed field.
    pub field: String,
    /// For people.
    pub message: String,
}

/// A record with a key and a value.
pub fn record(topic: &str, key: &str, value: &str) -> v1::Record {
    v1::Record {
        topic: topic.to_owned(),
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        ..v1::Record::default()
    }
}

/// A connection over a Unix socket; it is made when it is needed, and anew after it broke.
pub(crate) fn channel(socket: &Path) -> Channel {
    let socket = socket.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector)
}

/// Offsets of a group without membership.
pub fn offsets(group: &str, topic: &str, partition: i32, offset: i64) -> v1::GroupOffsets {
    let offset =
        v1::TopicPartitionOffset { topic: topic.to_owned(), partition, offset, metadata: String::new() };
    v1::GroupOffsets {
        group_id: group.to_owned(),
        generation_id: Some(-1),
        offsets: vec![offset],
        ..v1::GroupOffsets::default()
    }
}

// === impl App ===

impl App {
    /// Over a Unix socket; the connection is made when it is needed.
    pub fn connect(socket: &Path) -> Self {
        Self { stub: TransactionServiceClient::new(channel(socket)).max_decoding_message_size(64 << 20) }
    }

    /// Over TCP.
    pub fn connect_tcp(address: &str) -> Self {
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        Self { stub: TransactionServiceClient::new(channel) }
    }

    /// The serving state's name; None if nobody answers.
    pub async fn state(&mut self) -> Option<String> {
        let info = self.stub.get_server_info(v1::GetServerInfoRequest {}).await.ok()?.into_inner();
        Some(info.state().as_str_name().trim_start_matches("SERVING_STATE_").to_owned())
    }

    /// Begins.
    pub async fn begin(&mut self, request_id: &str) -> Result<String, Refused> {
        let request = v1::BeginRequest { request_id: request_id.to_owned(), ..v1::BeginRequest::default() };
        self.begin_with(request).await
    }

    /// Begins with everything set by the caller.
    pub async fn begin_with(&mut self, request: v1::BeginRequest) -> Result<String, Refused> {
        Ok(self.stub.begin(request).await?.into_inner().transaction_id)
    }

    /// Adds records from an index on.
    pub async fn produce(
        &mut self,
        txn: &str,
        sequence: i64,
        records: Vec<v1::Record>,
    ) -> Result<i64, Refused> {
        let request = v1::ProduceRequest { transaction_id: txn.to_owned(), sequence, records };
        Ok(self.stub.produce(request).await?.into_inner().next_sequence)
    }

    /// Adds offsets.
    pub async fn send_offsets(&mut self, txn: &str, offsets: v1::GroupOffsets) -> Result<i64, Refused> {
        let request = v1::SendOffsetsRequest {
            transaction_id: txn.to_owned(),
            group_offsets: Some(offsets),
            ..v1::SendOffsetsRequest::default()
        };
        Ok(self.stub.send_offsets(request).await?.into_inner().offsets_count)
    }

    /// Adds deliveries.
    pub async fn send_deliveries(&mut self, txn: &str, deliveries: Vec<String>) -> Result<i64, Refused> {
        let request = v1::SendOffsetsRequest {
            transaction_id: txn.to_owned(),
            delivery_ids: deliveries,
            ..v1::SendOffsetsRequest::default()
        };
        Ok(self.stub.send_offsets(request).await?.into_inner().offsets_count)
    }

    /// Commits.
    pub async fn commit(
        &mut self,
        txn: &str,
        records: i64,
        offsets: i64,
    ) -> Result<v1::CommitResponse, Refused> {
        self.commit_within(txn, records, offsets, None).await
    }

    /// Commits with a gRPC deadline.
    pub async fn commit_within(
        &mut self,
        txn: &str,
        records: i64,
        offsets: i64,
        deadline: Option<Duration>,
    ) -> Result<v1::CommitResponse, Refused> {
        let mut request = Request::new(v1::CommitRequest {
            transaction_id: txn.to_owned(),
            record_count: Some(records),
            offsets_count: Some(offsets),
            ..v1::CommitRequest::default()
        });
        if let Some(deadline) = deadline {
            request.set_timeout(deadline);
        }
        Ok(self.stub.commit(request).await?.into_inner())
    }

    /// Aborts.
    pub async fn abort(&mut self, txn: &str) -> Result<v1::AbortResponse, Refused> {
        let request = v1::AbortRequest { transaction_id: txn.to_owned(), ..v1::AbortRequest::default() };
        Ok(self.stub.abort(request).await?.into_inner())
    }

    /// A whole transaction.
    pub async fn transact(
        &mut self,
        key: &str,
        records: Vec<v1::Record>,
    ) -> Result<v1::TransactResponse, Refused> {
        let request = v1::TransactRequest {
            idempotency_key: key.to_owned(),
            records,
            ..v1::TransactRequest::default()
        };
        Ok(self.stub.transact(request).await?.into_inner())
    }

    /// Reads a transaction.
    pub async fn get(&mut self, txn: &str, wait: bool) -> Result<v1::Transaction, Refused> {
        let by = v1::get_transaction_request::By::TransactionId(txn.to_owned());
        let request = v1::GetTransactionRequest { by: Some(by), wait };
        let transaction = self.stub.get_transaction(request).await?.into_inner().transaction;
        Ok(transaction.expect("a successful answer has the transaction"))
    }

    /// Begin, one Produce, Commit.
    pub async fn run(
        &mut self,
        request_id: &str,
        records: Vec<v1::Record>,
    ) -> Result<v1::CommitResponse, Refused> {
        let count = records.len() as i64;
        let txn = self.begin(request_id).await?;
        self.produce(&txn, 0, records).await?;
        self.commit(&txn, count, 0).await
    }

    /// As [`Self::settle`], but a sidecar that has stepped down is an answer as well.
    pub async fn settle_or_refused(&mut self, txn: &str) -> Result<v1::CommitResponse, Refused> {
        loop {
            match self.commit(txn, 1, 0).await {
                Err(refused) if refused.asks_again() && refused.reason != "FENCED_BY_RIVAL" => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Repeats a Commit as its refusals say, through restarts of the sidecar, until there is an outcome.
    pub async fn settle(&mut self, txn: &str, records: i64) -> Result<v1::CommitResponse, Refused> {
        self.settle_within(txn, records, Duration::from_secs(90)).await
    }

    /// The same with another patience.
    pub async fn settle_within(
        &mut self,
        txn: &str,
        records: i64,
        patience: Duration,
    ) -> Result<v1::CommitResponse, Refused> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            match self.commit(txn, records, 0).await {
                Err(refused) if refused.asks_again() => {
                    assert!(
                        tokio::time::Instant::now() < end,
                        "no outcome of {txn} within {patience:?}: {refused:?}"
                    );
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

// === impl Refused ===

impl Refused {
    /// Whether next_action (or its absence, after Commit) means to ask again.
    pub fn asks_again(&self) -> bool {
        matches!(self.next.as_str(), "" | "RETRY_SAME" | "WAIT_READY" | "ASK_OUTCOME")
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details =
            google_rpc::Status::decode(status.details()).map(|status| status.details).unwrap_or_default();
        let find =
            |name: &str| details.iter().find(|any| any.type_url.ends_with(name)).map(|any| &any.value[..]);
        let detail = find("sidecommit.v1.ErrorDetail").and_then(|bytes| v1::ErrorDetail::decode(bytes).ok());
        let delay = find("google.rpc.RetryInfo")
            .and_then(|bytes| google_rpc::RetryInfo::decode(bytes).ok()?.retry_delay)
            .and_then(|delay| Duration::try_from(delay).ok());
        let violation =
            find("google.rpc.BadRequest").and_then(|bytes| google_rpc::BadRequest::decode(bytes).ok());
        let field = violation
            .and_then(|bad| bad.field_violations.into_iter().next())
            .map(|violation| violation.field);
        let name = |full: &str, prefix: &str| full.trim_start_matches(prefix).to_owned();
        Self {
            code: status.code(),
            reason: detail.as_ref().map_or(String::new(), |d| name(d.reason().as_str_name(), "REASON_")),
            next: detail
                .as_ref()
                .map_or(String::new(), |d| name(d.next_action().as_str_name(), "NEXT_ACTION_")),
            detail,
            delay,
            field: field.unwrap_or_default(),
            message: status.message().to_owned(),
        }
    }
}
