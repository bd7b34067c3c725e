//! An application that knows the calls and does what each refusal's next action says, and nothing else.
//!
//! What it does is docs/errors.md's first table and the paragraph after it, line by line; it never looks at a reason.

mod advice;
mod met;
mod reading;
mod work;

pub use self::{
    met::Met,
    reading::{Moment, Reading},
    work::{At, Attempt, Way, Work},
};

use self::advice::Advice;
use crate::{App, Refused, app};
use sidecommit_rpc::proto::v1::{
    self, TransactionState, get_transaction_request::By, transaction_service_server::SERVICE_NAME,
};
use std::{
    path::Path,
    time::{Duration, SystemTime},
};
use tokio::{
    runtime::Handle,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, timeout},
};
use tonic::{Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// Between two tries, where no RetryInfo says otherwise.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it asks GetTransaction to wait for an outcome.
const ASK: Duration = Duration::from_secs(1);
/// How long a transfer may take before the test is called stuck.
const PATIENCE: Duration = Duration::from_secs(150);

/// The application.
#[derive(Debug)]
pub struct Blind {
    /// Its stub.
    pub app: App,
    health: HealthClient<Channel>,
    deadline: Duration,
    met: Met,
    /// How often it was told to ask for an outcome.
    asked: usize,
}

/// How a transfer ended.
#[derive(Clone, Debug)]
pub enum End {
    /// It was told COMMITTED.
    Committed,
    /// It was told ABORTED, which it had asked for.
    Aborted,
    /// FIX_REQUEST or STOP: somebody has to do something about this.
    Person(Box<Refused>),
}

/// A turn that the caller of one call has to take.
enum Turn {
    BeginAgain,
    SendFrom(usize),
    Person(Box<Refused>),
}

/// What a call that decides can be asked about.
struct Question {
    by: By,
    wanted: TransactionState,
}

// === impl Blind ===

impl Blind {
    /// At a socket.
    pub fn connect(socket: &Path) -> Self {
        Self {
            app: App::connect(socket),
            health: HealthClient::new(app::channel(socket)),
            deadline: Duration::from_secs(30),
            met: Met::default(),
            asked: 0,
        }
    }

    /// Gives up each call after so long, and goes on as after any DEADLINE_EXCEEDED.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The refusals that it met, and will.
    pub fn met(&self) -> Met {
        self.met.clone()
    }

    /// Makes a transfer.
    pub async fn transfer(&mut self, work: &Work) -> End {
        self.transfer_while(work, async |_| {}).await
    }

    /// Makes a transfer on a thread of its own.
    pub fn start(mut self, work: Work) -> JoinHandle<End> {
        let runtime = Handle::current();
        spawn_blocking(move || runtime.block_on(self.transfer(&work)))
    }

    /// Makes a transfer of single calls while a test interferes.
    pub async fn transfer_while(&mut self, work: &Work, mut meanwhile: impl AsyncFnMut(Attempt<'_>)) -> End {
        let (mut work, end) = (work.clone(), Instant::now() + PATIENCE);
        let started = SystemTime::now();
        for number in 0.. {
            let done = match work.way {
                Way::Transact => self.transact(&work, work.first_attempt, started, number > 0).await,
                _ => self.attempt(&mut work, number, &mut meanwhile).await,
            };
            match done {
                Ok(done) => return done,
                Err(Turn::Person(refused)) => return End::Person(refused),
                Err(Turn::BeginAgain | Turn::SendFrom(_)) => {}
            }
            assert!(Instant::now() < end, "stuck for {PATIENCE:?}: {:?}", self.met.last());
        }
        unreachable!("it ends or tries again")
    }

    async fn attempt(
        &mut self,
        work: &mut Work,
        number: usize,
        meanwhile: &mut impl AsyncFnMut(Attempt<'_>),
    ) -> Result<End, Turn> {
        let request = work.begin(number);
        let mut txn = self.call(None, async |app| app.begin_with(request.clone()).await).await?;
        let mut next = 0;
        meanwhile(Attempt { number, at: At::Begun, txn: &mut txn, next: &mut next, work: &mut *work }).await;
        self.add(&txn, work, next).await?;
        meanwhile(Attempt { number, at: At::Added, txn: &mut txn, next: &mut next, work: &mut *work }).await;
        if work.abort {
            return self.abort(&txn).await;
        }
        let (records, offsets) = work.counts();
        loop {
            let question =
                Question { by: By::TransactionId(txn.clone()), wanted: TransactionState::Committed };
            let commit = async |app: &mut App| app.commit(&txn, records, offsets).await.map(drop);
            match self.call(Some(question), commit).await {
                Ok(()) => return Ok(End::Committed),
                Err(Turn::SendFrom(next)) => self.add(&txn, work, next).await?,
                Err(turn) => return Err(turn),
            }
        }
    }

    async fn abort(&mut self, txn: &str) -> Result<End, Turn> {
        let question = Question { by: By::TransactionId(txn.to_owned()), wanted: TransactionState::Aborted };
        match self.call(Some(question), async |app| app.abort(txn).await.map(drop)).await {
            // Over, and nothing of it is visible: that is what was wanted.
            Ok(()) | Err(Turn::BeginAgain) => Ok(End::Aborted),
            Err(turn) => Err(turn),
        }
    }

    /// Adds the records from an index on, and the offsets.
    async fn add(&mut self, txn: &str, work: &Work, mut next: usize) -> Result<(), Turn> {
        while next < work.records.len() {
            let records = &work.records[next..];
            let added = match work.way {
                Way::Stream => self.call(None, async |app| stream(app, txn, next, records).await).await,
                _ => {
                    let sequence = next as i64;
                    self.call(None, async |app| app.produce(txn, sequence, records.to_vec()).await).await
                }
            };
            next = match added {
                Ok(next) => next as usize,
                Err(Turn::SendFrom(next)) => next,
                Err(turn) => return Err(turn),
            };
        }
        if let Some(offsets) = &work.offsets {
            self.call(None, async |app| app.send_offsets(txn, offsets.clone()).await).await?;
        }
        if !work.deliveries.is_empty() {
            self.call(None, async |app| app.send_deliveries(txn, work.deliveries.clone()).await).await?;
        }
        Ok(())
    }

    /// Every call but the very first names the time of the first.
    async fn transact(
        &mut self,
        work: &Work,
        first_attempt: Option<SystemTime>,
        started: SystemTime,
        mut repeated: bool,
    ) -> Result<End, Turn> {
        let question =
            Question { by: By::IdempotencyKey(work.name.clone()), wanted: TransactionState::Committed };
        self.call(Some(question), async |app| {
            let started = std::mem::replace(&mut repeated, true).then_some(started);
            let first = first_attempt.or(started);
            Ok(app.stub.transact(work.transact(first)).await.map(drop)?)
        })
        .await
        .map(|()| End::Committed)
    }

    /// One call, until it is answered or somebody else has to act. `question`: of Commit, Transact and Abort. Where a
    /// question had the answer the call's own is not known, and nobody needs it.
    async fn call<T: Default>(
        &mut self,
        question: Option<Question>,
        mut call: impl AsyncFnMut(&mut App) -> Result<T, Refused>,
    ) -> Result<T, Turn> {
        let end = Instant::now() + PATIENCE;
        loop {
            let refused = match timeout(self.deadline, call(&mut self.app)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(refused)) => refused,
                Err(_) => Status::deadline_exceeded("the application gave the call up").into(),
            };
            self.met.push(&refused);
            assert!(Instant::now() < end, "stuck for {PATIENCE:?} at {refused:?}");
            match Advice::of(&refused, question.is_some()) {
                Advice::BeginAgain => return Err(Turn::BeginAgain),
                Advice::FixRequest | Advice::Stop => return Err(Turn::Person(refused.into())),
                Advice::WaitReady => self.wait_ready(end).await,
                Advice::AskOutcome => {
                    sleep(PAUSE).await;
                    if let Some(question) = &question
                        && self.ask(question).await?
                    {
                        return Ok(T::default());
                    }
                }
                Advice::RetrySame => {
                    sleep(refused.delay.unwrap_or(PAUSE)).await;
                    if let Some(next) = refused.detail.and_then(|detail| detail.next_sequence) {
                        return Err(Turn::SendFrom(next as usize));
                    }
                }
            }
        }
    }

    /// Whether the outcome is the wanted one. The contract leaves the choice between asking and repeating the call: this
    /// takes turns. Of any other outcome the repeat of the call tells the next action.
    async fn ask(&mut self, question: &Question) -> Result<bool, Turn> {
        self.asked += 1;
        if self.asked.is_multiple_of(2) {
            return Ok(false);
        }
        let get = v1::GetTransactionRequest { by: Some(question.by.clone()), wait: true };
        let refused = match timeout(ASK, self.app.stub.get_transaction(get)).await {
            Ok(Ok(answer)) => {
                let transaction = answer.into_inner().transaction;
                return Ok(transaction.is_some_and(|transaction| transaction.state() == question.wanted));
            }
            Ok(Err(status)) => Refused::from(status),
            Err(_) => return Ok(false),
        };
        self.met.push(&refused);
        match Advice::of(&refused, false) {
            Advice::BeginAgain => Err(Turn::BeginAgain),
            Advice::FixRequest | Advice::Stop => Err(Turn::Person(refused.into())),
            Advice::RetrySame | Advice::AskOutcome | Advice::WaitReady => Ok(false),
        }
    }

    async fn wait_ready(&mut self, end: Instant) {
        loop {
            let request = HealthCheckRequest { service: SERVICE_NAME.to_owned() };
            let answer = timeout(self.deadline, self.health.check(request)).await;
            if let Ok(Ok(health)) = answer
                && health.get_ref().status() == ServingStatus::Serving
            {
                return;
            }
            assert!(Instant::now() < end, "not SERVING within {PATIENCE:?}");
            sleep(PAUSE).await;
        }
    }
}

/// Streams records, two a message, up to the last acknowledgement.
async fn stream(app: &mut App, txn: &str, first: usize, records: &[v1::Record]) -> Result<i64, Refused> {
    let messages: Vec<_> = (first..)
        .step_by(2)
        .zip(records.chunks(2))
        .map(|(sequence, records)| v1::ProduceStreamRequest {
            transaction_id: txn.to_owned(),
            sequence: sequence as i64,
            records: records.to_vec(),
        })
        .collect();
    let mut acks = app.stub.produce_stream(tokio_stream::iter(messages)).await?.into_inner();
    let mut next = first as i64;
    while let Some(ack) = acks.message().await? {
        next = ack.next_sequence;
    }
    Ok(next)
}

// === impl End ===

impl End {
    /// # Panics
    /// If it did not end so.
    #[track_caller]
    pub fn committed(&self) {
        assert!(matches!(self, Self::Committed), "ended as {self:?}");
    }

    /// The refusal that a person has to do something about.
    ///
    /// # Panics
    /// If it did not end so, or for another reason.
    #[track_caller]
    pub fn person(self, reason: &str) -> Refused {
        match self {
            Self::Person(refused) if refused.reason == reason => *refused,
            other => panic!("expected {reason}, ended as {other:?}"),
        }
    }
}
