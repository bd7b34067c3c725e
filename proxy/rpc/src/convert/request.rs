//! Requests: wire -> core.

use super::{
    Topics, Trace,
    delivery::{deliveries, failures},
    digest,
    field::{count, instant, invalid, name, quoted, required_count, span, text},
    offsets,
};
use crate::{Backend, proto::v1};
use sidecommit_core::{
    Abort, Begin, Caller, Commit, Get, Lookup, Millis, Offsets, Refusal, Request, SendOffsets, Transact,
    TxnId,
};

/// Characters of a label or an ordering key.
const LABEL_CHARS_MAX: usize = 128;
/// Characters of the reason given to an abort.
const NOTE_CHARS_MAX: usize = 1024;
/// Ids in a KeepAlive.
const KEEP_ALIVE_MAX: usize = 1000;
/// How far a first attempt may lie ahead of the sidecar's clock. A clock further off would make an old key look new, and
/// then a forgotten commit would be written again.
const CLOCK_SKEW_MAX: Millis = 5 * 60_000;

pub(crate) fn txn(field: &str, value: &str) -> Result<TxnId, Refusal> {
    value.parse().map_err(|_| invalid(field, quoted(value), "the transaction_id that Begin returned"))
}

pub(crate) fn begin(
    backend: &impl Backend,
    caller: Caller,
    wire: v1::BeginRequest,
) -> Result<Request, Refusal> {
    let fingerprint = digest::of_begin(&wire);
    Ok(Request::Begin(Begin {
        caller,
        request_id: name("request_id", wire.request_id)?,
        fingerprint,
        timeout: timeout(backend, wire.timeout)?,
        label: text("label", wire.label, LABEL_CHARS_MAX)?,
        ordering_key: text("ordering_key", wire.ordering_key, LABEL_CHARS_MAX)?,
    }))
}

pub(crate) async fn send_offsets(
    backend: &impl Backend,
    wire: v1::SendOffsetsRequest,
) -> Result<Request, Refusal> {
    let txn = txn("transaction_id", &wire.transaction_id)?;
    let offsets = match wire.group_offsets {
        None if wire.delivery_ids.is_empty() => {
            return Err(invalid("delivery_ids", "empty", "at least one, or group_offsets"));
        }
        None => Offsets::Deliveries(deliveries("delivery_ids", &wire.delivery_ids)?),
        Some(group) if wire.delivery_ids.is_empty() => {
            let group = offsets::one(&mut Topics::of(backend, txn), group).await?;
            Offsets::Explicit(group.group, group.offsets)
        }
        Some(_) => return Err(invalid("group_offsets", "beside delivery_ids", "either of them")),
    };
    Ok(Request::SendOffsets(SendOffsets { txn, offsets }))
}

pub(crate) fn keep_alive(wire: &v1::KeepAliveRequest) -> Result<Request, Refusal> {
    let ids = &wire.transaction_ids;
    if !(1..=KEEP_ALIVE_MAX).contains(&ids.len()) {
        let shown = format!("with {} entries", ids.len());
        return Err(invalid("transaction_ids", shown, format_args!("1 to {KEEP_ALIVE_MAX}")));
    }
    let ids: Result<_, _> = ids.iter().map(|id| txn("transaction_ids", id)).collect();
    Ok(Request::KeepAlive(ids?))
}

pub(crate) async fn commit(backend: &impl Backend, wire: v1::CommitRequest) -> Result<Request, Refusal> {
    let txn = txn("transaction_id", &wire.transaction_id)?;
    Ok(Request::Commit(Commit {
        txn,
        record_count: required_count("record_count", wire.record_count)?,
        offsets_count: required_count("offsets_count", wire.offsets_count)?,
        deliveries: deliveries("delivery_ids", &wire.delivery_ids)?,
        offsets: offsets::all(Topics::of(backend, txn), wire.group_offsets).await?,
    }))
}

pub(crate) fn abort(wire: v1::AbortRequest) -> Result<Request, Refusal> {
    Ok(Request::Abort(Abort {
        txn: txn("transaction_id", &wire.transaction_id)?,
        note: text("reason", wire.reason, NOTE_CHARS_MAX)?,
        failures: failures(wire.failures)?,
        by_operator: false,
    }))
}

pub(crate) fn abort_by_operator(wire: v1::AbortTransactionRequest) -> Result<Request, Refusal> {
    Ok(Request::Abort(Abort {
        txn: txn("transaction_id", &wire.transaction_id)?,
        note: text("reason", wire.reason, NOTE_CHARS_MAX)?,
        failures: Vec::new(),
        by_operator: true,
    }))
}

pub(crate) async fn transact(
    backend: &impl Backend,
    caller: Caller,
    trace: &Trace,
    wire: v1::TransactRequest,
) -> Result<Request, Refusal> {
    let fingerprint = digest::of_transact(&wire);
    let key = digest::key(name("idempotency_key", wire.idempotency_key)?);
    if wire.records.is_empty() && wire.delivery_ids.is_empty() && wire.group_offsets.is_empty() {
        return Err(invalid("records", "empty", "at least one record, or delivery_ids, or group_offsets"));
    }
    let deliveries = deliveries("delivery_ids", &wire.delivery_ids)?;
    let first_attempt = wire.first_attempt_time.map(|time| first_attempt(time, backend.now())).transpose()?;
    let timeout = timeout(backend, wire.timeout)?;
    let ordering_key = text("ordering_key", wire.ordering_key, LABEL_CHARS_MAX)?;
    let mut topics = Topics::new(backend);
    let records = topics.records(wire.records, 0, trace).await?;
    let offsets = offsets::all(topics, wire.group_offsets).await?;
    Ok(Request::Transact(Transact {
        caller,
        key,
        fingerprint,
        first_attempt,
        records,
        offsets,
        deliveries,
        timeout,
        ordering_key,
    }))
}

pub(crate) fn get(wire: v1::GetTransactionRequest) -> Result<Request, Refusal> {
    use v1::get_transaction_request::By;
    let by = match wire.by {
        Some(By::TransactionId(id)) => Lookup::Id(txn("transaction_id", &id)?),
        Some(By::RequestId(id)) => Lookup::RequestId(name("request_id", id)?),
        Some(By::IdempotencyKey(key)) => Lookup::Key(digest::key(name("idempotency_key", key)?)),
        None => return Err(invalid("by", "absent", "transaction_id, request_id or idempotency_key")),
    };
    Ok(Request::Get(Get { by, wait: wire.wait }))
}

/// A Produce, of its own or of a stream: the latter is patient.
///
/// # Errors
/// What is wrong with it.
pub async fn produce(
    backend: &impl Backend,
    txn: TxnId,
    sequence: i64,
    records: Vec<v1::Record>,
    trace: &Trace,
    patient: bool,
) -> Result<Request, Refusal> {
    let sequence = count("sequence", sequence)?;
    if records.is_empty() {
        return Err(invalid("records", "empty", "at least one record"));
    }
    let records = Topics::of(backend, txn).records(records, sequence, trace).await?;
    Ok(Request::Produce(sidecommit_core::Produce { txn, sequence, records, patient }))
}

fn timeout(backend: &impl Backend, wire: Option<prost_types::Duration>) -> Result<Option<Millis>, Refusal> {
    wire.map(|timeout| span("timeout", timeout, 1..=backend.info().limits.max_timeout)).transpose()
}

fn first_attempt(wire: prost_types::Timestamp, now: Millis) -> Result<Millis, Refusal> {
    let field = "first_attempt_time";
    let at = instant(field, wire)?;
    if at > now + CLOCK_SKEW_MAX {
        let shown = format!("{at} ms since 1970");
        return Err(invalid(field, shown, format_args!("a time that has passed, now is {now}")));
    }
    Ok(at)
}
