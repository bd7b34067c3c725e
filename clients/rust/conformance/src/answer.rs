//! What the driver says.

use serde_json::{Map, Value, json};
use sidecommit_client::{Error, v1::PartitionRange};
use std::io::Write as _;

/// Prints the answer to a command.
pub(crate) fn say(id: u64, done: Result<Value, Value>) {
    match done {
        Ok(ok) => line(&json!({"id": id, "ok": ok})),
        Err(error) => line(&json!({"id": id, "error": error})),
    }
}

/// Prints a line. A runner that is gone wants to hear nothing.
pub(crate) fn line(value: &Value) {
    let _ = writeln!(std::io::stdout().lock(), "{value}");
}

pub(crate) fn ranges(ranges: &[PartitionRange]) -> Value {
    let range = |range: &PartitionRange| {
        json!({
            "topic": range.topic,
            "partition": range.partition,
            "first_offset": range.first_offset,
            "last_offset": range.last_offset,
            "count": range.count,
        })
    };
    ranges.iter().map(range).collect()
}

pub(crate) fn error(error: &Error) -> Value {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    let kind = match error {
        Error::Aborted(_) => "aborted",
        Error::BadRequest(_) => "bad_request",
        Error::NeedsHuman(_) => "needs_human",
        Error::DeadlineExceeded(_) => "deadline_exceeded",
        Error::Application(_) => "application",
        _ => "other",
    };
    set("kind", kind.into());
    set("message", error.to_string().into());
    set("in_doubt", error.is_in_doubt().into());
    if let Some(reason) = error.reason() {
        set("reason", reason.as_str_name().trim_start_matches("REASON_").into());
    }
    if let Some(next) = error.next_action() {
        set("next_action", next.as_str_name().trim_start_matches("NEXT_ACTION_").into());
    }
    if let Some(index) = error.record_index() {
        set("record_index", index.into());
    }
    if let Some(id) = error.transaction_id() {
        set("transaction_id", id.into());
    }
    Value::Object(object)
}
