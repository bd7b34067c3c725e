//! `process`, which goes on in the background.

use crate::{
    answer::{self, line},
    command::Process,
};
use opentelemetry::{Context, trace::TraceContextExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sidecommit_client::{
    BoxError, Bytes, ConsumedRecord, Error, Record, Sidecommit, Subscription,
    process::{AtOffset, Stopper},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// What runs in the background, if anything does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processing {
    running: Arc<Mutex<Option<Running>>>,
}

#[derive(Clone, Debug)]
struct Running {
    stopper: Stopper,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// The runner wants the end as an answer, not as an event.
    asked: bool,
    ended: Option<Result<u64, Value>>,
}

/// What the handler does.
#[derive(Clone, Debug)]
struct Copier {
    output: String,
    driver: Bytes,
    poison: Option<Bytes>,
}

// === impl Processing ===

impl Processing {
    pub(crate) fn begin(&self, id: u64, client: Sidecommit, command: Process) {
        let state = Arc::new(watch::Sender::new(State::default()));
        let subscription = subscription(&command);
        let copier = Copier {
            output: command.output,
            driver: std::env::var("SIDECOMMIT_DRIVER").unwrap_or_default().into(),
            poison: command.poison.map(|poison| poison.0),
        };
        let processor = client.processor(subscription);
        let running = Running { stopper: processor.stopper(), state: Arc::clone(&state) };
        *self.running.lock() = Some(running);
        tokio::spawn(async move {
            let done = if command.batch {
                processor.run_batches(async |inputs: Vec<ConsumedRecord>| copier.all(&inputs)).await
            } else {
                processor.run(async |input: ConsumedRecord| copier.copy(&input)).await
            };
            tell(id, &state, done);
        });
    }

    /// Stops it gracefully; none is settled if nothing runs.
    pub(crate) async fn stop(&self) -> Result<Value, Value> {
        let Some(running) = self.running.lock().clone() else { return Ok(json!({"settled": 0})) };
        running.state.send_modify(|state| state.asked = true);
        running.stopper.stop();
        running.ended().await.map(|settled| json!({"settled": settled}))
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        let running = self.running.lock().clone();
        if let Some(running) = running {
            // The event has told how.
            let _ = running.ended().await;
        }
    }
}

// === impl Running ===

impl Running {
    async fn ended(&self) -> Result<u64, Value> {
        let mut told = self.state.subscribe();
        // The sender is in self.
        let state = told.wait_for(|state| state.ended.is_some()).await.map(|state| state.clone());
        state.ok().and_then(|state| state.ended).unwrap_or(Ok(0))
    }
}

// === impl Copier ===

impl Copier {
    fn copy(&self, input: &ConsumedRecord) -> Result<Record, BoxError> {
        if self.poison.is_some() && input.value == self.poison {
            return Err("poison".into());
        }
        let mut output = Record::new(&self.output).header("driver", self.driver.clone());
        output.key = input.key.clone();
        output.value = input.value.clone();
        // The trace is the client's to pass on.
        let kept = input.headers.iter().filter(|header| !TRACE.contains(&header.name.as_str()));
        output.headers.extend(kept.cloned());
        let context = Context::current();
        let seen = context.span().span_context().trace_id();
        let traced = context.span().span_context().is_valid();
        Ok(if traced { output.header("seen-traceparent", seen.to_string()) } else { output })
    }

    fn all(&self, inputs: &[ConsumedRecord]) -> Result<Vec<Record>, BoxError> {
        let copy = |input: &ConsumedRecord| {
            self.copy(input).map_err(|error| BoxError::from(AtOffset::new(input.offset, error)))
        };
        inputs.iter().map(copy).collect()
    }
}

fn subscription(command: &Process) -> Subscription {
    let mut subscription = Subscription::new(&command.group_id, &command.topics);
    if let Some(attempts) = command.max_attempts {
        subscription = subscription.max_attempts(attempts);
    }
    if let Some(millis) = command.backoff_ms {
        let backoff = Duration::from_millis(millis);
        subscription = subscription.backoff(backoff, backoff);
    }
    if let Some(topic) = &command.dead_letter_topic {
        subscription = subscription.dead_letter_topic(topic);
    }
    if command.max_records > 0 {
        subscription = subscription.max_records(command.max_records);
    }
    subscription
}

fn tell(id: u64, state: &watch::Sender<State>, done: Result<u64, Error>) {
    let done = done.map_err(|error| answer::error(&error));
    state.send_modify(|state| {
        if !state.asked {
            line(&match &done {
                Ok(settled) => json!({"id": id, "event": "stopped", "settled": settled}),
                Err(error) => json!({"id": id, "event": "stopped", "error": error}),
            });
        }
        state.ended = Some(done);
    });
}
