//! Asks for the ids of topics, off the thread that polls.

use super::{Seat, failure::Stop, inbox::Order};
use crate::{Cluster, Error};
use sidecommit_core::Reason;
use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long a new assignment waits for them. Its partitions are nobody's meanwhile.
const LIMIT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(200);

/// The ids as text, by topic.
pub(super) type TopicIds = Result<BTreeMap<Arc<str>, Arc<str>>, Stop>;

/// Asks; the answer comes to the seat's inbox.
pub(super) fn ask(seat: Arc<Seat>, cluster: Cluster, number: u64, topics: Vec<Arc<str>>) -> Result<(), Stop> {
    let asking = move || {
        let ids = topics.into_iter().map(|topic| Ok((topic.clone(), id(&seat, &cluster, &topic)?)));
        let ids = ids.collect();
        seat.inbox.push(Order::TopicIds(number, ids));
    };
    let thread = thread::Builder::new().name("topic-ids".to_owned()).spawn(asking);
    thread.map(drop).map_err(Stop::kafka)
}

fn id(seat: &Seat, cluster: &Cluster, topic: &str) -> Result<Arc<str>, Stop> {
    let started = Instant::now();
    loop {
        match cluster.topic_id(topic) {
            Ok(id) => return Ok(id.to_string().into()),
            Err(_) if seat.is_closed() => return Err(Stop::Closed),
            Err(error @ Error::Denied { .. }) => {
                return Err(Stop::Failed(Reason::TopicDenied, error.to_string()));
            }
            Err(error) if started.elapsed() >= LIMIT => return Err(Stop::kafka(error)),
            // A topic that was just made is not known to all brokers.
            Err(error) => tracing::debug!(topic, %error, "asked again"),
        }
        thread::park_timeout(PAUSE);
    }
}
