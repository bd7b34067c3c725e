//! What the runner says.

use crate::wire::{Base64, WireRecord};
use serde::Deserialize;

/// One line.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) command: Command,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Command {
    Connect {
        deadline_ms: Option<u64>,
    },
    Transaction(Transaction),
    Transact {
        key: Option<String>,
        #[serde(default)]
        records: Vec<WireRecord>,
        first_attempt_ms: Option<u64>,
        attempts: Option<u32>,
        deadline_ms: Option<u64>,
    },
    Outcome {
        transaction_id: Option<String>,
        request_id: Option<String>,
        key: Option<String>,
        wait: Option<bool>,
    },
    Process(Process),
    Stop,
    Continue,
    Context {
        traceparent: String,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Transaction {
    #[serde(default)]
    pub(crate) records: Vec<WireRecord>,
    pub(crate) generate: Option<Generate>,
    pub(crate) offsets: Option<Offsets>,
    #[serde(default)]
    pub(crate) end: End,
    pub(crate) attempts: Option<u32>,
    #[serde(default)]
    pub(crate) pause: bool,
    #[serde(default)]
    pub(crate) hold_ms: u64,
    #[serde(default)]
    pub(crate) timeout_ms: u64,
    pub(crate) request_id: Option<String>,
    pub(crate) deadline_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Generate {
    pub(crate) topic: String,
    pub(crate) count: usize,
    pub(crate) size: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Offsets {
    pub(crate) group_id: String,
    pub(crate) offsets: Vec<Offset>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Offset {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    #[default]
    Commit,
    Throw,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Process {
    pub(crate) group_id: String,
    pub(crate) topics: Vec<String>,
    pub(crate) output: String,
    pub(crate) max_attempts: Option<i32>,
    pub(crate) backoff_ms: Option<u64>,
    pub(crate) dead_letter_topic: Option<String>,
    pub(crate) poison: Option<Base64>,
    #[serde(default)]
    pub(crate) batch: bool,
    #[serde(default)]
    pub(crate) max_records: i32,
}
