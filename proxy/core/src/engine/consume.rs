//! Reading for applications.

use super::Engine;
use crate::{ConsumerEvent, ConsumerId, StreamEvent, StreamId};

impl Engine {
    pub(super) fn on_stream(&mut self, _stream: StreamId, _event: StreamEvent) {}

    pub(super) fn on_consumer(&mut self, _consumer: ConsumerId, _event: ConsumerEvent) {}
}
