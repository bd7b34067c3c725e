use std::time::Duration;

use crate::facts::Facts;

/// Whose a lease is, as far as one observer can say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Nobody holds it.
    Free,
    /// It names us: ours before a restart, or by a write whose answer was lost.
    Mine,
    /// Somebody does, or did until a moment ago.
    Held {
        /// The holder's pod, or what it calls itself.
        by: String,
    },
    /// Its holder has let it be for as long as it lasts.
    Expired,
}

/// Judges a lease by what it says and by how long we have seen it say so: never by the times written in it, which are
/// another machine's.
pub(crate) fn evaluate(facts: &Facts, me: Option<&str>, unchanged: Duration, ours: Duration) -> State {
    match &facts.holder {
        None => State::Free,
        Some(holder) if me == Some(holder) => State::Mine,
        Some(_) if unchanged >= facts.duration.unwrap_or(ours) => State::Expired,
        Some(holder) => State::Held { by: facts.pod.as_ref().unwrap_or(holder).clone() },
    }
}

/// Whether nobody looks after the slot's ids, while transactions may be open under them.
pub(crate) fn is_abandoned(facts: &Facts, unchanged: Duration, ours: Duration) -> bool {
    !facts.settled && matches!(evaluate(facts, None, unchanged, ours), State::Free | State::Expired)
}
