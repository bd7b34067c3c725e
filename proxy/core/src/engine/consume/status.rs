//! What operators see of what is read.

use super::{Session, partition::Busy};
use crate::{Millis, PartitionStatus, SessionStatus, engine::Engine};

impl Engine {
    /// Every session, in the order of their ids.
    pub fn sessions(&self) -> Vec<SessionStatus> {
        self.consuming.sessions.values().map(|session| self.session_status(session)).collect()
    }

    fn session_status(&self, session: &Session) -> SessionStatus {
        let partitions = session.partitions.iter().map(|(from, partition)| {
            let outstanding = match partition.busy {
                Busy::Delivered(delivery) => Some(delivery),
                _ => None,
            };
            let since = |delivery| Some((delivery, self.consuming.deliveries.get(&delivery)?.sent));
            let position = partition.position();
            PartitionStatus {
                partition: from.clone(),
                position,
                settled: partition.settled,
                end: partition.end,
                outstanding: outstanding.and_then(since) as Option<(_, Millis)>,
                buffered_bytes: partition.bytes,
                attempts: position.map_or(0, |position| partition.failed.attempts(position)),
            }
        });
        SessionStatus {
            session: session.id,
            group_id: session.subscribe.group_id.clone(),
            group_instance_id: session.subscribe.group_instance_id.clone(),
            connected: session.stream.is_some(),
            credit: session.credit,
            partitions: partitions.collect(),
            retried: session.retried,
            dead_lettered: session.dead_lettered,
            rebalances: session.rebalances,
        }
    }
}
