//! Everything that can happen in the simulated world, one thing at a time.

use crate::broker::{Participant, Request, Response};
use crate::chaos::Chaos;
use sidecommit_core::{Answer, CallId, Generation, Input, LaneIndex, ReadToken, Refusal};

/// Index of a process (one life of a sidecar).
pub(crate) type ProcId = usize;

/// Index of a pod (its processes follow one another).
pub(crate) type PodId = usize;

/// Index of a client.
pub(crate) type ClientId = usize;

/// What a process answers to a call.
pub(crate) type CallAnswer = Result<Answer, Refusal>;

/// Which request of which producer an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) proc: ProcId,
    pub(crate) lane: LaneIndex,
    pub(crate) generation: Generation,
    /// Unique per request sent: a repeat is another attempt.
    pub(crate) attempt: u64,
}

/// One event.
#[derive(Debug)]
pub(crate) enum Event {
    /// An input reaches a process's engine.
    Deliver { proc: ProcId, input: Input },
    /// The engine's timer.
    Tick { proc: ProcId },
    /// A process's journal thread does its next operation.
    Journal { proc: ProcId },
    /// A lane's thread does its next operation.
    Lane { proc: ProcId, lane: LaneIndex },
    /// A read of the outcomes begins.
    ReadBegins { proc: ProcId, token: ReadToken },
    /// A read looks whether it can end.
    ReadPolls { proc: ProcId, token: ReadToken, until: i64, deadline: u64 },
    /// A reply leaves the process.
    Reply { proc: ProcId, call: CallId, answer: CallAnswer },
    /// The broker's answer reaches a producer.
    Answered { sender: Sender, response: Response },
    /// A producer has waited long enough for an answer, or for its next attempt.
    Overdue { sender: Sender },
    /// A process that got SIGTERM looks whether it is done.
    DrainPolls { proc: ProcId, until: u64 },
    /// A request reaches the broker.
    Arrive { sender: Option<Sender>, request: Box<Request> },
    /// The broker writes one control marker.
    Marker { id: String, participant: Participant },
    /// The broker looks for overdue transactions.
    ExpireTransactions,
    /// A reply, or the end of the connection (None), reaches a client.
    Replied { client: ClientId, call: CallId, answer: Option<CallAnswer> },
    /// A client loses patience with a call and repeats it.
    Impatient { client: ClientId, call: CallId },
    /// A client does what is next.
    Act { client: ClientId },
    /// A pod's container is started.
    Restart { pod: PodId },
    /// Something goes wrong.
    Chaos(Chaos),
    /// A paused process goes on.
    Continue { proc: ProcId },
    /// The world is healed and looked after until everything has settled.
    Heal,
}

// === impl Event ===

impl Event {
    /// The process that does this: nothing happens if it is dead, and later if it is paused.
    pub(crate) fn proc(&self) -> Option<ProcId> {
        match self {
            Self::Deliver { proc, .. }
            | Self::Tick { proc }
            | Self::Journal { proc }
            | Self::Lane { proc, .. }
            | Self::ReadBegins { proc, .. }
            | Self::ReadPolls { proc, .. }
            | Self::Reply { proc, .. }
            | Self::DrainPolls { proc, .. } => Some(*proc),
            Self::Answered { sender, .. } | Self::Overdue { sender } => Some(sender.proc),
            Self::Arrive { .. }
            | Self::Marker { .. }
            | Self::ExpireTransactions
            | Self::Replied { .. }
            | Self::Impatient { .. }
            | Self::Act { .. }
            | Self::Restart { .. }
            | Self::Chaos(_)
            | Self::Continue { .. }
            | Self::Heal => None,
        }
    }
}
