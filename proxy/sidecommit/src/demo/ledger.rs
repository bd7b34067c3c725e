//! What the application was told of each attempt: a file of JSON lines, which the checker compares with Kafka.

use crate::exit::Failure;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// One outcome that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Which transfer.
    pub(super) transfer: u64,
    /// Which attempt at it, from 0; all attempts with one idempotency key are one.
    pub(super) attempt: u32,
    /// What was transferred.
    pub(super) money: Money,
    /// As far as the application was told it.
    pub(super) transaction_id: Option<String>,
    /// Of a Transact.
    pub(super) idempotency_key: Option<String>,
    /// What was told.
    pub(super) outcome: Told,
    /// Why, unless it was committed.
    pub(super) reason: Option<String>,
    /// Which call told it.
    pub(super) settled_by: SettledBy,
    /// When, in milliseconds since the Unix epoch.
    pub(super) told_ms: u64,
}

/// A transfer of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Money {
    /// The account debited.
    pub(super) from: u8,
    /// The account credited.
    pub(super) to: u8,
    /// How much.
    pub(super) amount: u32,
}

/// An outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Told {
    /// Visible.
    Committed,
    /// Not visible.
    Aborted,
    /// Nobody knows, or nobody answered.
    Unknown,
}

/// How an application got its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SettledBy {
    /// The reply to its first call.
    Reply,
    /// The reply to a repeat of the call.
    Repeat,
    /// GetTransaction.
    GetTransaction,
}

/// The application's end of the file. Not fsynced: the application is not what is killed.
#[derive(Debug)]
pub(super) struct Writer(File);

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// All lines of a ledger.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    let told =
        |error: &dyn std::fmt::Display| Failure::Internal(format!("ledger {}: {error}", path.display()));
    let file = File::open(path).map_err(|error| told(&error))?;
    let parse = |line: std::io::Result<String>| {
        serde_json::from_str(&line.map_err(|error| told(&error))?).map_err(|error| told(&error))
    };
    BufReader::new(file).lines().map(parse).collect()
}

// === impl Writer ===

impl Writer {
    /// Opens the file for appending.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map(Self).map_err(|error| Failure::Internal(format!("ledger {}: {error}", path.display())))
    }

    /// Appends a line in one write, and tells the demo of it on standard output.
    pub(super) fn append(&mut self, line: &Line) -> Result<(), Failure> {
        let mut json = serde_json::to_string(line).map_err(Failure::internal)?;
        json.push('\n');
        let written = self.0.write_all(json.as_bytes());
        written.and_then(|()| std::io::stdout().lock().write_all(json.as_bytes())).map_err(Failure::internal)
    }
}

// === impl SettledBy ===

impl SettledBy {
    /// For people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Reply => "the first reply",
            Self::Repeat => "a repeat of the call",
            Self::GetTransaction => "GetTransaction",
        }
    }
}
