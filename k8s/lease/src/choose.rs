use std::collections::BTreeMap;

use crate::evaluate::State;

/// What to try next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Choice {
    /// Replace this lease.
    Take(u32),
    /// Make this lease.
    Create(u32),
    /// Nothing can be had now.
    Wait,
}

/// Our own slot if there is one, else the lowest that can be had. Leases from `slots` on are left alone: they are of a
/// time when there were more.
pub(crate) fn choose(states: &BTreeMap<u32, State>, slots: u32, may_create: bool) -> Choice {
    let below = || states.range(..slots);
    if let Some((ordinal, _)) = below().find(|(_, state)| **state == State::Mine) {
        return Choice::Take(*ordinal);
    }
    let there =
        below().find(|(_, state)| matches!(state, State::Free | State::Expired)).map(|(ordinal, _)| *ordinal);
    let absent = (0..slots).find(|ordinal| may_create && !states.contains_key(ordinal));
    match (there, absent) {
        (Some(there), Some(absent)) if absent < there => Choice::Create(absent),
        (Some(there), _) => Choice::Take(there),
        (None, Some(absent)) => Choice::Create(absent),
        (None, None) => Choice::Wait,
    }
}
