//! Executes the commands, one after the other.

use crate::{
    answer::{self, line, say},
    command::{Command, End, Generate, Transaction},
    processing::Processing,
    wire::WireRecord,
};
use opentelemetry::{
    Context,
    trace::{FutureExt as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use serde_json::{Value, json};
use sidecommit_client::{BoxError, Error, GroupOffsets, Record, Sidecommit, TransactionName};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::sync::{Mutex, mpsc::UnboundedReceiver};

/// How long `connect` waits for the sidecar, if not told.
const READY: Duration = Duration::from_secs(60);

/// The state between commands.
#[derive(Debug)]
pub(crate) struct Driver {
    client: Option<Sidecommit>,
    processing: Processing,
    /// Says that a pause is over.
    paused: Mutex<UnboundedReceiver<()>>,
    /// The caller's.
    context: Context,
}

// === impl Driver ===

impl Driver {
    pub(crate) fn new(paused: UnboundedReceiver<()>) -> Self {
        let (client, processing, context) = (None, Processing::default(), Context::new());
        Self { client, processing, paused: Mutex::new(paused), context }
    }

    pub(crate) fn processing(&self) -> Processing {
        self.processing.clone()
    }

    pub(crate) async fn run(mut self, mut commands: UnboundedReceiver<(u64, Command)>) {
        while let Some((id, command)) = commands.recv().await {
            let context = self.context.clone();
            let done = self.execute(id, command).with_context(context).await;
            say(id, done);
        }
    }

    async fn execute(&mut self, id: u64, command: Command) -> Result<Value, Value> {
        match command {
            Command::Connect { deadline_ms } => self.connect(deadline_ms).await,
            Command::Transaction(transaction) => self.transaction(id, transaction).await,
            Command::Transact { key, records, first_attempt_ms, attempts, deadline_ms } => {
                let client = self.client(deadline_ms)?;
                let mut transact = client.transact(records.into_iter().map(Record::from));
                if let Some(key) = key {
                    transact = transact.idempotency_key(key);
                }
                if let Some(millis) = first_attempt_ms.filter(|millis| *millis > 0) {
                    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
                    transact = transact.first_attempt_time(time);
                }
                if let Some(attempts) = attempts {
                    transact = transact.attempts(attempts);
                }
                let committed = transact.await.map_err(|error| answer::error(&error))?;
                let ranges = answer::ranges(&committed.ranges);
                Ok(json!({"transaction_id": committed.transaction_id, "ranges": ranges}))
            }
            Command::Outcome { transaction_id, request_id, key, wait } => {
                let name = transaction_id
                    .map(TransactionName::TransactionId)
                    .or_else(|| request_id.map(TransactionName::RequestId))
                    .or_else(|| key.map(TransactionName::IdempotencyKey))
                    .ok_or_else(|| malformed("outcome of what?"))?;
                self.outcome(name, wait.unwrap_or(true)).await
            }
            Command::Process(process) => {
                self.processing.begin(id, self.client(None)?, process);
                Ok(json!({}))
            }
            Command::Context { traceparent } => {
                self.context = context(&traceparent).ok_or_else(|| malformed("no traceparent"))?;
                Ok(json!({}))
            }
            // Read while others run; main has them.
            Command::Stop | Command::Continue => Err(malformed("not a command of its own")),
        }
    }

    async fn connect(&mut self, deadline_ms: Option<u64>) -> Result<Value, Value> {
        let mut builder = Sidecommit::builder();
        let deadline = deadline_ms.map(Duration::from_millis);
        if let Some(deadline) = deadline {
            builder = builder.deadline(deadline);
        }
        let connect = async {
            let client = builder.connect().await?;
            client.wait_ready(deadline.unwrap_or(READY)).await?;
            let info = client.server_info().await?;
            self.client = Some(client);
            Ok(json!({"version": info.version, "identity": info.identity}))
        };
        connect.await.map_err(|error: Error| answer::error(&error))
    }

    async fn outcome(&self, name: TransactionName, wait: bool) -> Result<Value, Value> {
        let client = self.client(None)?;
        let outcome = if wait { client.outcome(name).await } else { client.state(name).await };
        let outcome = outcome.map_err(|error| answer::error(&error))?;
        let mut ok = json!({
            "state": outcome.state.as_str_name().trim_start_matches("TRANSACTION_STATE_"),
            "record_count": outcome.record_count,
            "ranges": answer::ranges(&outcome.ranges),
        });
        if let Some(reason) = outcome.reason {
            ok["reason"] = reason.as_str_name().trim_start_matches("REASON_").into();
        }
        Ok(ok)
    }

    async fn transaction(&mut self, id: u64, mut command: Transaction) -> Result<Value, Value> {
        let client = self.client(command.deadline_ms)?;
        let records: Vec<Record> =
            std::mem::take(&mut command.records).into_iter().map(WireRecord::into).collect();
        let attempts = AtomicU32::new(0);
        let mut begin = client.transaction().attempts(command.attempts.unwrap_or(1));
        if let Some(request_id) = &command.request_id {
            begin = begin.request_id(request_id);
        }
        if command.timeout_ms > 0 {
            begin = begin.timeout(Duration::from_millis(command.timeout_ms));
        }
        let work = async |txn: Arc<sidecommit_client::Transaction>| {
            let first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
            for record in records.iter().cloned().chain(command.generate.iter().flat_map(generated)) {
                txn.produce(record).await?;
            }
            if let Some(offsets) = &command.offsets {
                let sent = offsets.offsets.iter().fold(GroupOffsets::new(&offsets.group_id), |sent, at| {
                    sent.offset(&at.topic, at.partition, at.offset)
                });
                txn.send_offsets(sent).await?;
            }
            tokio::time::sleep(Duration::from_millis(command.hold_ms)).await;
            if command.pause && first {
                txn.flush().await?;
                line(&json!({"id": id, "event": "paused", "transaction_id": txn.id()}));
                self.paused.lock().await.recv().await.ok_or("the runner is gone")?;
            }
            match command.end {
                End::Commit => Ok(()),
                End::Throw => Err(BoxError::from("thrown as told")),
            }
        };
        let done = begin.run(work).await;
        let attempts = attempts.load(Ordering::Relaxed);
        match done {
            Ok(committed) => Ok(json!({
                "transaction_id": committed.transaction_id,
                "ranges": answer::ranges(&committed.ranges),
                "attempts": attempts,
            })),
            Err(error) => {
                let mut error = answer::error(&error);
                error["attempts"] = attempts.into();
                Err(error)
            }
        }
    }

    /// The client, with a deadline of its own for this command.
    fn client(&self, deadline_ms: Option<u64>) -> Result<Sidecommit, Value> {
        let client = self.client.as_ref().ok_or_else(|| malformed("connect first"))?;
        Ok(match deadline_ms {
            None | Some(0) => client.clone(),
            Some(millis) => client.with_deadline(Duration::from_millis(millis)),
        })
    }
}

fn malformed(message: &str) -> Value {
    json!({"kind": "other", "message": message})
}

fn generated(generate: &Generate) -> impl Iterator<Item = Record> {
    let Generate { topic, count, size } = generate;
    (0..*count).map(move |index| {
        let value = format!("{index:.<size$}");
        Record::new(topic).key(index.to_string()).value(value)
    })
}

fn context(traceparent: &str) -> Option<Context> {
    let parts: Vec<_> = traceparent.split('-').collect();
    let [_, trace, span, flags] = parts[..] else { return None };
    let span = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    Some(Context::new().with_remote_span_context(span))
}
