//! A read_committed reader of the output.

use super::{PARTITIONS, input::made_us};
use crate::{demo::kafka::from_beginning, exit::Failure};
use rdkafka::{Message as _, consumer::BaseConsumer};
use std::time::{Duration, Instant};

/// An output that stands still for so long fails the bench.
const PATIENCE: Duration = Duration::from_secs(30);

/// One.
pub(super) struct Reader {
    consumer: BaseConsumer,
}

// === impl Reader ===

impl Reader {
    /// From the beginning of a topic on.
    pub(super) fn open(servers: &str, topic: &str) -> Result<Self, Failure> {
        let properties = [
            ("group.id", "sidecommit-bench-reader"),
            // A reader that fell behind for a moment goes on at once, not after a second.
            ("fetch.queue.backoff.ms", "5"),
        ];
        let consumer = from_beginning(servers, topic, PARTITIONS, &properties)?;
        Ok(Self { consumer })
    }

    /// The next record: when the one was made of which it is the copy.
    pub(super) fn next(&self) -> Result<u64, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    let made = message.payload().and_then(made_us);
                    return made
                        .ok_or_else(|| Failure::Internal("the output has what is no copy".to_owned()));
                }
                // Errors pass, or the output stands still.
                _ if left.is_zero() => {
                    return Err(Failure::Unavailable(format!("nothing was copied for {PATIENCE:?}")));
                }
                _ => {}
            }
        }
    }
}
