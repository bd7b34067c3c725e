//! Deliveries and sessions by their names, and what became of deliveries.

use super::field::{invalid, quoted};
use crate::proto::v1;
use sidecommit_core::{DeliveryId, Failure, Refusal, SessionId};

/// Before the digits of a delivery's id on the wire.
const DELIVERY_PREFIX: &str = "dl-";
/// Before the digits of a session's id on the wire.
const SESSION_PREFIX: &str = "cs-";
/// Deliveries, or failures, in one call.
const DELIVERIES_MAX: usize = 10_000;
/// Characters of a failure's class that are kept.
const CLASS_CHARS_MAX: usize = 255;
/// Characters of a failure's message that are kept.
const MESSAGE_CHARS_MAX: usize = 1024;

pub(super) fn delivery(field: &str, value: &str) -> Result<DeliveryId, Refusal> {
    value
        .strip_prefix(DELIVERY_PREFIX)
        .and_then(DeliveryId::from_hex)
        .ok_or_else(|| invalid(field, quoted(value), "the delivery_id of a Delivery"))
}

/// None: a new session.
pub(super) fn session(field: &str, value: &str) -> Result<Option<SessionId>, Refusal> {
    if value.is_empty() {
        return Ok(None);
    }
    let id = value.strip_prefix(SESSION_PREFIX).and_then(SessionId::from_hex);
    id.map(Some).ok_or_else(|| invalid(field, quoted(value), "the session_id of SessionStarted, or none"))
}

pub(super) fn delivery_text(id: DeliveryId) -> String {
    format!("{DELIVERY_PREFIX}{id}")
}

pub(super) fn session_text(id: SessionId) -> String {
    format!("{SESSION_PREFIX}{id}")
}

/// Deliveries to settle.
pub(super) fn deliveries(field: &str, wire: &[String]) -> Result<Vec<DeliveryId>, Refusal> {
    at_most(field, wire.len())?;
    wire.iter().map(|id| delivery(field, id)).collect()
}

/// Records that could not be processed. Long texts are cut: to refuse them would keep a transaction open that its
/// application wants to be over.
pub(super) fn failures(wire: Vec<v1::DeliveryFailure>) -> Result<Vec<Failure>, Refusal> {
    at_most("failures", wire.len())?;
    wire.into_iter().map(failure).collect()
}

fn failure(wire: v1::DeliveryFailure) -> Result<Failure, Refusal> {
    if let Some(offset) = wire.offset.filter(|offset| *offset < 0) {
        let expected = "0 or more: the offset of a delivered record, or none";
        return Err(invalid("failures.offset", offset, expected));
    }
    Ok(Failure {
        delivery: delivery("failures.delivery_id", &wire.delivery_id)?,
        offset: wire.offset,
        retryable: wire.retryable,
        error_class: cut(wire.error_class, CLASS_CHARS_MAX),
        message: cut(wire.message, MESSAGE_CHARS_MAX),
    })
}

fn at_most(field: &str, count: usize) -> Result<(), Refusal> {
    if count <= DELIVERIES_MAX {
        return Ok(());
    }
    Err(invalid(field, format_args!("with {count} entries"), format_args!("at most {DELIVERIES_MAX}")))
}

/// So many characters of a text.
fn cut(mut text: String, max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let (id, other) = (DeliveryId([0xab; 16]), SessionId([7; 16]));
        assert_eq!(delivery_text(id), format!("dl-{}", "ab".repeat(16)));
        assert_eq!(delivery("f", &delivery_text(id)), Ok(id));
        assert_eq!(session("f", &session_text(other)), Ok(Some(other)));
        assert_eq!(session("f", ""), Ok(None));
        for bad in ["", "dl-", "dl-12", &"ab".repeat(16), &session_text(other)] {
            assert!(delivery("f", bad).is_err(), "{bad}");
        }
        assert!(session("f", &delivery_text(id)).is_err());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("für".into(), 2), "fü");
        assert_eq!(cut("für".into(), 3), "für");
        assert_eq!(cut("für".into(), 9), "für");
    }
}
