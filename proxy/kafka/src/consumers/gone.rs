//! Whether topics are still there, off the thread that polls.

use super::{Seat, failure::Stop, inbox::Order};
use crate::{Cluster, Error};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// A topic that is unknown for so long is gone: neither made again just now, nor news that some broker has not heard yet.
const AFTER: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(500);

/// Asks; the answer comes to the seat's inbox.
pub(super) fn ask(seat: Arc<Seat>, cluster: Cluster, topics: Vec<Arc<str>>) -> Result<(), Stop> {
    let asking = move || {
        let gone = topics.into_iter().find(|topic| is_gone(&seat, &cluster, topic));
        seat.inbox.push(Order::Gone(gone));
    };
    let thread = thread::Builder::new().name("topics-gone".to_owned()).spawn(asking);
    thread.map(drop).map_err(Stop::kafka)
}

fn is_gone(seat: &Seat, cluster: &Cluster, topic: &str) -> bool {
    let mut unknown_since = None;
    while !seat.is_closed() {
        match cluster.shape(topic) {
            // Whoever may not see it is told so by librdkafka.
            Ok(_) | Err(Error::Denied { .. }) => return false,
            Err(Error::UnknownTopic { .. }) => {
                if unknown_since.get_or_insert_with(Instant::now).elapsed() >= AFTER {
                    return true;
                }
            }
            Err(_) => unknown_since = None,
        }
        thread::park_timeout(PAUSE);
    }
    false
}
