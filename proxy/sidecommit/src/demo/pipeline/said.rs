//! What an application tells the demo on its standard output, a line of JSON each.

use crate::exit::Failure;
use serde::{Deserialize, Serialize};
use std::io::Write as _;

/// One thing told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// Partitions came.
    Assigned(Vec<i32>),
    /// Partitions went.
    Revoked(Vec<i32>),
    /// A stream begins. What it has is told next, if it has anything.
    Begun {
        /// It goes on where it was.
        resumed: bool,
    },
    /// A transaction was committed.
    Committed {
        /// Its records.
        records: u64,
        /// Of these, such as had been delivered before, to somebody who failed.
        again: u64,
    },
    /// A transaction was aborted, or its delivery was void before there was one: it comes again.
    Void {
        /// Why.
        reason: String,
    },
}

// === impl Said ===

impl Said {
    /// Tells it.
    pub(super) fn tell(&self) -> Result<(), Failure> {
        let mut json = serde_json::to_string(self).map_err(Failure::internal)?;
        json.push('\n');
        std::io::stdout().lock().write_all(json.as_bytes()).map_err(Failure::internal)
    }
}
