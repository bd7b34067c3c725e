//! One caller: takes a transfer through its calls to an outcome, by next_action alone.

use super::{
    super::{
        advice::{Advice, Call},
        ledger::SettledBy,
        records,
    },
    answer::{Answer, Halt},
    transfer::{Transfer, Way},
};
use crate::exit::Failure;
use prost_types::Timestamp;
use sidecommit_rpc::proto::v1::{
    AbortRequest, BeginRequest, CommitRequest, GetTransactionRequest, NextAction, ProduceRequest, Record,
    TransactRequest, TransactionState, get_transaction_request::By,
    transaction_service_client::TransactionServiceClient,
};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use tonic::{Request, Response, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// An attempt without an outcome for so long counts as UNKNOWN: the run fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(120);
/// Repeats without a RetryInfo pause so long at first, then twice as long up to the largest.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// About what a commit takes.
const HURRY: Duration = Duration::from_millis(4);

type Client = TransactionServiceClient<Channel>;

/// One caller.
#[derive(Debug)]
pub(super) struct Caller {
    client: Client,
    health: HealthClient<Channel>,
    run: String,
    rng: fastrand::Rng,
    /// When the attempt under way began.
    since: Instant,
    /// When the transfer was first attempted.
    first_attempt: Timestamp,
    /// Before the next repeat.
    pause: Duration,
    /// Whether an outcome is asked for with GetTransaction in this attempt; else the call is repeated. Both are allowed.
    asks: bool,
}

// === impl Caller ===

impl Caller {
    pub(super) fn new(channel: Channel, run: &str, seed: u64) -> Self {
        Self {
            client: Client::new(channel.clone()),
            health: HealthClient::new(channel),
            run: run.to_owned(),
            rng: fastrand::Rng::with_seed(seed),
            since: Instant::now(),
            first_attempt: Timestamp::default(),
            pause: PAUSE_MIN,
            asks: false,
        }
    }

    /// Makes one attempt at a transfer.
    pub(super) async fn attempt(&mut self, transfer: &Transfer, attempt: u32) -> Result<Answer, Failure> {
        self.since = Instant::now();
        self.asks = self.rng.bool();
        if attempt == 0 {
            self.first_attempt = Timestamp::from(SystemTime::now());
        }
        let (run, id) = (&self.run, transfer.id);
        let records = records::of_transfer(run, id, transfer.attempt(attempt), transfer.money);
        match transfer.way {
            Way::AtOnce => self.at_once(format!("{run}-{id}"), records, attempt > 0).await,
            way => self.in_steps(format!("{run}-{id}-{attempt}"), records, way).await,
        }
    }

    async fn in_steps(
        &mut self,
        request_id: String,
        records: Vec<Record>,
        way: Way,
    ) -> Result<Answer, Failure> {
        let begin = BeginRequest { request_id, label: "transfer".to_owned(), ..BeginRequest::default() };
        let call = async |client: &mut Client, _| client.begin(begin.clone()).await;
        let id = match self.persist(Call::Other, call).await {
            Ok((begun, _)) => begun.transaction_id,
            Err(halt) => return halt.end(Answer::default()),
        };
        let answer = Answer { transaction_id: Some(id.clone()), ..Answer::default() };
        if let Err(halt) = self.produce(&id, &records, 0).await {
            return halt.end(answer);
        }
        match way {
            Way::GivenUp => self.abort(id, answer).await,
            _ => self.commit(id, &records, way == Way::Hurried, answer).await,
        }
    }

    /// One record a call, so that a kill also falls between the debit and the credit.
    async fn produce(&mut self, id: &str, records: &[Record], from: i64) -> Result<(), Halt> {
        let mut sequence = from;
        while let Some(record) = usize::try_from(sequence).ok().and_then(|index| records.get(index)) {
            let request =
                ProduceRequest { transaction_id: id.to_owned(), sequence, records: vec![record.clone()] };
            let call = async |client: &mut Client, _| client.produce(request.clone()).await;
            sequence = match self.persist(Call::Other, call).await {
                Ok((produced, _)) => produced.next_sequence,
                Err(Halt::SendFrom(sequence)) => sequence,
                Err(halt) => return Err(halt),
            };
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        id: String,
        records: &[Record],
        hurried: bool,
        mut answer: Answer,
    ) -> Result<Answer, Failure> {
        let request = CommitRequest {
            transaction_id: id.clone(),
            record_count: Some(records.len() as i64),
            offsets_count: Some(0),
            ..CommitRequest::default()
        };
        loop {
            let first = answer.settled_by == SettledBy::Reply;
            let call = async |client: &mut Client, repeat: bool| {
                let mut request = Request::new(request.clone());
                if hurried && first && !repeat {
                    request.set_timeout(HURRY);
                }
                client.commit(request).await
            };
            match self.persist(Call::Decides, call).await {
                Ok((_, repeated)) => return Ok(answer.repeated(repeated).committed()),
                Err(Halt::Ask) => {
                    if let Some(asked) = self.ask(By::TransactionId(id.clone()), &answer).await? {
                        return Ok(asked);
                    }
                }
                Err(Halt::SendFrom(sequence)) => {
                    if let Err(halt) = self.produce(&id, records, sequence).await {
                        return halt.end(answer.repeated(true));
                    }
                }
                Err(halt) => return halt.end(answer),
            }
            answer = answer.repeated(true);
        }
    }

    async fn abort(&mut self, id: String, mut answer: Answer) -> Result<Answer, Failure> {
        let request =
            AbortRequest { transaction_id: id.clone(), reason: "given up".to_owned(), failures: Vec::new() };
        loop {
            let call = async |client: &mut Client, _| client.abort(request.clone()).await;
            match self.persist(Call::Decides, call).await {
                Ok((_, repeated)) => {
                    return Ok(answer.repeated(repeated).aborted("ABORTED_BY_CALLER".to_owned()));
                }
                Err(Halt::Ask) => {
                    if let Some(asked) = self.ask(By::TransactionId(id.clone()), &answer).await? {
                        return Ok(asked);
                    }
                }
                Err(halt) => return halt.end(answer),
            }
            answer = answer.repeated(true);
        }
    }

    async fn at_once(&mut self, key: String, records: Vec<Record>, again: bool) -> Result<Answer, Failure> {
        let request = TransactRequest { idempotency_key: key.clone(), records, ..TransactRequest::default() };
        let mut answer = Answer { idempotency_key: Some(key.clone()), ..Answer::default() };
        let first_attempt = self.first_attempt;
        loop {
            let again = again || answer.settled_by != SettledBy::Reply;
            let call = async |client: &mut Client, repeat: bool| {
                let first_attempt_time = (again || repeat).then_some(first_attempt);
                client.transact(TransactRequest { first_attempt_time, ..request.clone() }).await
            };
            match self.persist(Call::Decides, call).await {
                Ok((done, repeated)) => {
                    let transaction_id = Some(done.transaction_id);
                    return Ok(Answer { transaction_id, ..answer }.repeated(repeated).committed());
                }
                Err(Halt::Ask) => {
                    if let Some(asked) = self.ask(By::IdempotencyKey(key.clone()), &answer).await? {
                        return Ok(asked);
                    }
                }
                Err(halt) => return halt.end(answer),
            }
            answer = answer.repeated(true);
        }
    }

    /// Asks for an outcome. None: the call is to be repeated.
    async fn ask(&mut self, by: By, answer: &Answer) -> Result<Option<Answer>, Failure> {
        if !self.asks {
            return Ok(None);
        }
        let by_key = matches!(by, By::IdempotencyKey(_));
        let request = GetTransactionRequest { by: Some(by), wait: true };
        let call = async |client: &mut Client, _| client.get_transaction(request.clone()).await;
        let answer = Answer { settled_by: SettledBy::GetTransaction, ..answer.clone() };
        let transaction = match self.persist(Call::Other, call).await {
            Ok((got, _)) => got.transaction.unwrap_or_default(),
            // The call did not arrive. A key can be tried again as it is.
            Err(Halt::Over(_)) if by_key => return Ok(None),
            Err(halt) => return halt.end(answer).map(Some),
        };
        let reason = transaction.reason().as_str_name().trim_start_matches("REASON_").to_owned();
        let transaction_id = Some(transaction.transaction_id.clone());
        let answer = Answer { transaction_id, ..answer };
        Ok(match transaction.state() {
            TransactionState::Committed => Some(answer.committed()),
            TransactionState::Aborted => Some(answer.aborted(reason)),
            TransactionState::Unknown => Some(answer.unknown(reason)),
            _ => None,
        })
    }

    /// Repeats a call while that is the advice; tells whether it was repeated.
    async fn persist<T>(
        &mut self,
        call: Call,
        send: impl AsyncFn(&mut Client, bool) -> Result<Response<T>, Status>,
    ) -> Result<(T, bool), Halt> {
        let mut repeat = false;
        loop {
            let status = match send(&mut self.client, repeat).await {
                Ok(response) => {
                    self.pause = PAUSE_MIN;
                    return Ok((response.into_inner(), repeat));
                }
                Err(status) => status,
            };
            let advice = Advice::of(&status, call);
            if self.since.elapsed() > PATIENCE {
                return Err(Halt::Stop(format!("NO_ANSWER, last {}", advice.reason)));
            }
            match (advice.next, advice.next_sequence) {
                (NextAction::BeginAgain, _) => return Err(Halt::Over(advice.reason)),
                (NextAction::FixRequest, _) => return Err(Halt::Wrong(status)),
                (NextAction::Stop, _) => return Err(Halt::Stop(advice.reason)),
                (NextAction::RetrySame, Some(sequence)) => return Err(Halt::SendFrom(sequence)),
                (NextAction::WaitReady, _) => self.ready().await,
                (NextAction::AskOutcome, _) if call == Call::Decides => {
                    self.rest(advice.delay).await;
                    return Err(Halt::Ask);
                }
                _ => self.rest(advice.delay).await,
            }
            repeat = true;
        }
    }

    /// Waits until the sidecar serves, or the patience ends.
    async fn ready(&mut self) {
        while self.since.elapsed() <= PATIENCE {
            self.rest(None).await;
            let answer = self.health.check(HealthCheckRequest::default()).await;
            if answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
                return;
            }
        }
    }

    async fn rest(&mut self, delay: Option<Duration>) {
        tokio::time::sleep(delay.unwrap_or(self.pause)).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }
}
