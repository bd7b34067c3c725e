//! The records of a transfer: a debit and a credit, each in a topic of its own.

use super::ledger::Money;
use serde::{Deserialize, Serialize};
use sidecommit_rpc::proto::v1::Record;

/// Where the debits are.
pub(super) const DEBITS: &str = "demo-debits";
/// Where the credits are.
pub(super) const CREDITS: &str = "demo-credits";
/// Of each topic.
pub(super) const PARTITIONS: i32 = 6;

/// A record's value, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Value {
    /// Which run of the demo: a topic may have the records of several.
    pub(super) run: String,
    /// What it says.
    #[serde(flatten)]
    pub(super) says: Says,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Says {
    /// One half of a transfer.
    Moved(Half),
    /// Written by the checker: everything that could be visible lies before it.
    End {
        /// The partition.
        partition: i32,
    },
}

/// One half of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Half {
    /// Which transfer.
    pub(super) transfer: u64,
    /// Which attempt.
    pub(super) attempt: u32,
    /// Whose account.
    pub(super) account: u8,
    /// How much.
    pub(super) amount: u32,
}

/// The debit and the credit.
pub(super) fn of_transfer(run: &str, transfer: u64, attempt: u32, money: Money) -> Vec<Record> {
    let record = |topic: &str, account: u8| {
        let half = Half { transfer, attempt, account, amount: money.amount };
        let value = Value { run: run.to_owned(), says: Says::Moved(half) };
        Record {
            topic: topic.to_owned(),
            key: Some(format!("account-{account}").into_bytes().into()),
            value: Some(value.encode().into()),
            ..Record::default()
        }
    };
    vec![record(DEBITS, money.from), record(CREDITS, money.to)]
}

// === impl Value ===

impl Value {
    /// As JSON.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts can be encoded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_was_written() {
        let moved = Value {
            run: "r".to_owned(),
            says: Says::Moved(Half { transfer: 7, attempt: 1, account: 3, amount: 50 }),
        };
        let end = Value { run: "r".to_owned(), says: Says::End { partition: 2 } };
        for value in [moved, end] {
            assert_eq!(serde_json::from_str::<Value>(&value.encode()).unwrap(), value);
        }
    }
}
