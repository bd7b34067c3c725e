//! One delivery, from its records to its end.

use super::{
    failure::describe,
    output::{Output, Outputs},
};
use crate::{
    BoxError, Sidecommit,
    delivery::{ConsumedRecord, Delivery},
    error::Error,
    trace::Trace,
    v1::{DeliveryFailure, Reason},
};
use std::sync::Arc;

/// What goes out in one call.
const TRANSACT_BYTES: usize = 3 << 20;

/// What the handler made of a delivery, or how it failed.
pub(super) type Made = Result<Outputs, DeliveryFailure>;

/// One record after the other.
pub(super) async fn each<F, O>(handler: &impl Fn(ConsumedRecord) -> F, delivery: Arc<Delivery>) -> Made
where
    F: Future<Output = Result<O, BoxError>>,
    O: Output,
{
    let mut outputs = Outputs::default();
    for record in delivery.records() {
        let trace = Trace::of_headers(&record.headers);
        let made = trace.around(handler(record.clone())).await;
        let output = made.map_err(|error| describe(&error, Some(record.offset)))?;
        for made in outputs.add(record.offset, output) {
            trace.follow(made);
        }
    }
    Ok(outputs)
}

/// All of it at once.
pub(super) async fn batch<F, O>(handler: &impl Fn(Vec<ConsumedRecord>) -> F, delivery: Arc<Delivery>) -> Made
where
    F: Future<Output = Result<O, BoxError>>,
    O: Output,
{
    let made = handler(delivery.records().to_vec()).await;
    made.map(Outputs::of_batch).map_err(|error| describe(&error, None))
}

/// Commits what was made of a delivery, or says how it failed. Returns how many of its records are settled, none if they come
/// again.
pub(super) async fn settle(
    client: &Sidecommit,
    delivery: &Delivery,
    made: Made,
    dead_letters: bool,
) -> Result<usize, Error> {
    let done = match made {
        Err(failure) => fail(client, delivery, failure).await.map(|()| 0),
        Ok(outputs) => match commit(client, delivery, &outputs).await {
            Ok(()) => Ok(delivery.records().len()),
            Err(error) => match blame(&error, &outputs) {
                Some(failure) if dead_letters => fail(client, delivery, failure).await.map(|()| 0),
                _ => Err(error),
            },
        },
    };
    match done {
        // It is given back when it is dropped. If its outcome is in doubt or, as after a lost journal, forgotten, it comes again only if it
        // was not settled: its offsets are in the same transaction.
        Err(Error::Aborted(_) | Error::DeadlineExceeded(_)) => Ok(0),
        Err(error) if error.reason() == Some(Reason::OutcomeForgotten) => Ok(0),
        done => done,
    }
}

/// In one call, or, if that is too much for one, in a stream.
async fn commit(client: &Sidecommit, delivery: &Delivery, outputs: &Outputs) -> Result<(), Error> {
    let records = outputs.records.iter().cloned();
    if outputs.bytes() <= TRANSACT_BYTES {
        client.transact(records).idempotency_key(delivery.id()).settle(delivery).await?;
        return Ok(());
    }
    let transaction = client.transaction().request_id(delivery.id()).begin().await?;
    let produced = async {
        for record in records {
            transaction.produce(record).await?;
        }
        transaction.flush().await?;
        transaction.settle(delivery).await
    };
    match produced.await {
        Ok(()) => transaction.commit().await.map(|_| ()),
        Err(error) => {
            // Before the delivery goes into another transaction. If this fails, so does that.
            let _ = transaction.abort(&error.to_string()).await;
            Err(error)
        }
    }
}

/// A record that is refused is the failure of the one that it was made of, for good.
fn blame(error: &Error, outputs: &Outputs) -> Option<DeliveryFailure> {
    let (Error::BadRequest(refusal), Some(index)) = (error, error.record_index()) else { return None };
    Some(DeliveryFailure {
        offset: outputs.origin(index),
        retryable: false,
        error_class: refusal.reason_name().to_owned(),
        message: refusal.message.clone(),
        ..DeliveryFailure::default()
    })
}

/// Aborts a transaction that has the delivery, with the failure.
async fn fail(client: &Sidecommit, delivery: &Delivery, failure: DeliveryFailure) -> Result<(), Error> {
    let transaction = client.begin().await?;
    transaction.settle(delivery).await?;
    let reason = failure.message.clone();
    let failure = DeliveryFailure { delivery_id: delivery.id().to_owned(), ..failure };
    transaction.abort_with_failures(&reason, vec![failure]).await
}
