//! One delivery in one transaction, to its outcome, by next_action alone.

use super::{
    super::{
        super::advice::{Advice, Call},
        said::Said,
    },
    bill,
};
use crate::exit::Failure;
use prost_types::Timestamp;
use sidecommit_rpc::proto::v1::{
    BeginRequest, CommitRequest, Delivery, NextAction, ProduceRequest, Record, TransactRequest,
    transaction_service_client::TransactionServiceClient,
};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use tonic::{Response, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// A call without an answer for so long fails the run instead of letting it hang.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two tries, where there is no RetryInfo.
const PAUSE: Duration = Duration::from_millis(50);

type Client = TransactionServiceClient<Channel>;

/// Does the work.
#[derive(Debug)]
pub(super) struct Worker {
    client: Client,
    health: HealthClient<Channel>,
    output: String,
}

/// Why a call is not simply repeated.
#[derive(Debug)]
enum Halt {
    /// The transaction is over, or never was: what was delivered comes again.
    Void(String),
    /// Records are missing from this one on.
    SendFrom(i64),
    /// No call will help.
    Failed(Failure),
}

// === impl Worker ===

impl Worker {
    pub(super) fn new(channel: Channel, output: &str) -> Self {
        let health = HealthClient::new(channel.clone());
        Self { client: Client::new(channel), health, output: output.to_owned() }
    }

    /// Reads, transforms, writes, settles.
    pub(super) async fn work(&self, delivery: Delivery) -> Result<Said, Failure> {
        let bill = |order| {
            bill::of(order, delivery.partition, &self.output)
                .map_err(|error| Failure::Internal(format!("an order that is none: {error}")))
        };
        let records: Vec<Record> = delivery.records.iter().map(bill).collect::<Result<_, _>>()?;
        let done = if fastrand::bool() {
            self.at_once(&delivery.delivery_id, &records).await
        } else {
            self.in_steps(&delivery.delivery_id, &records).await
        };
        match done {
            Ok(()) => {
                let again = delivery.records.iter().filter(|record| record.attempt > 1).count() as u64;
                Ok(Said::Committed { records: records.len() as u64, again })
            }
            Err(Halt::Void(reason)) => Ok(Said::Void { reason }),
            Err(Halt::Failed(failure)) => Err(failure),
            Err(Halt::SendFrom(sequence)) => Err(Failure::Internal(format!(
                "the sidecar gave advice that does not fit the call: send from {sequence}"
            ))),
        }
    }

    /// The delivery's name is that of the attempt: should the answer get lost, the same call is repeated.
    async fn at_once(&self, delivery: &str, records: &[Record]) -> Result<(), Halt> {
        let first_attempt = Timestamp::from(SystemTime::now());
        let request = TransactRequest {
            idempotency_key: delivery.to_owned(),
            records: records.to_vec(),
            delivery_ids: vec![delivery.to_owned()],
            ..TransactRequest::default()
        };
        let call = async |mut client: Client, repeat: bool| {
            let first_attempt_time = repeat.then_some(first_attempt);
            client.transact(TransactRequest { first_attempt_time, ..request.clone() }).await
        };
        self.persist(Call::Decides, call).await.map(|_| ())
    }

    async fn in_steps(&self, delivery: &str, records: &[Record]) -> Result<(), Halt> {
        let begin = BeginRequest {
            request_id: delivery.to_owned(),
            label: "pipeline".to_owned(),
            ..BeginRequest::default()
        };
        let call = async |mut client: Client, _| client.begin(begin.clone()).await;
        let id = self.persist(Call::Other, call).await?.transaction_id;
        self.produce(&id, records, 0).await?;
        let commit = CommitRequest {
            transaction_id: id.clone(),
            record_count: Some(records.len() as i64),
            offsets_count: Some(1),
            delivery_ids: vec![delivery.to_owned()],
            ..CommitRequest::default()
        };
        loop {
            let call = async |mut client: Client, _| client.commit(commit.clone()).await;
            match self.persist(Call::Decides, call).await {
                Err(Halt::SendFrom(sequence)) => self.produce(&id, records, sequence).await?,
                done => return done.map(|_| ()),
            }
        }
    }

    /// In two calls, so that a kill also falls between them.
    async fn produce(&self, id: &str, records: &[Record], from: i64) -> Result<(), Halt> {
        let half = records.len().div_ceil(2);
        let mut sequence = from;
        while let Some(rest) = usize::try_from(sequence).ok().and_then(|index| records.get(index..))
            && !rest.is_empty()
        {
            let records = rest[..half.min(rest.len())].to_vec();
            let request = ProduceRequest { transaction_id: id.to_owned(), sequence, records };
            let call = async |mut client: Client, _| client.produce(request.clone()).await;
            sequence = match self.persist(Call::Other, call).await {
                Ok(produced) => produced.next_sequence,
                Err(Halt::SendFrom(sequence)) => sequence,
                Err(halt) => return Err(halt),
            };
        }
        Ok(())
    }

    /// Repeats a call while that is the advice; tells it whether it is a repeat.
    async fn persist<T>(
        &self,
        call: Call,
        send: impl AsyncFn(Client, bool) -> Result<Response<T>, Status>,
    ) -> Result<T, Halt> {
        let since = Instant::now();
        let mut repeat = false;
        loop {
            let status = match send(self.client.clone(), repeat).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            let advice = Advice::of(&status, call);
            match (advice.next, advice.next_sequence) {
                (NextAction::BeginAgain, _) => return Err(Halt::Void(advice.reason)),
                (NextAction::FixRequest | NextAction::Stop, _) => {
                    let refused = format!("the sidecar refused the application: {status}");
                    return Err(Halt::Failed(Failure::Internal(refused)));
                }
                (NextAction::RetrySame, Some(sequence)) => return Err(Halt::SendFrom(sequence)),
                // An outcome may be asked for, or the call repeated.
                _ => self.rest(&advice).await,
            }
            if since.elapsed() > PATIENCE {
                let silent = format!("no answer in {PATIENCE:?}, last {}", advice.reason);
                return Err(Halt::Failed(Failure::Internal(silent)));
            }
            repeat = true;
        }
    }

    /// Before the next try.
    pub(super) async fn rest(&self, advice: &Advice) {
        tokio::time::sleep(advice.delay.unwrap_or(PAUSE)).await;
        let since = Instant::now();
        while advice.next == NextAction::WaitReady && since.elapsed() < PATIENCE {
            let answer = self.health.clone().check(HealthCheckRequest::default()).await;
            if answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
