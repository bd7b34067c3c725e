//! Callers whose records spoil groups run alone for a while (engine.md 6), so that the groups of all others go through.

use crate::{Caller, Millis};
use std::{collections::BTreeMap, sync::Arc};

/// How long a caller runs alone, and how long a first offence is held against it.
const TERM: Millis = 60_000;
/// Places that are remembered; of more the oldest is forgotten.
const PLACES_MAX: usize = 1_000;

/// Who spoilt groups with records for which topic.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    places: BTreeMap<(Caller, Arc<str>), Offences>,
}

#[derive(Debug)]
struct Offences {
    last: Millis,
    again: bool,
}

// === impl Quarantine ===

impl Quarantine {
    /// A record of the caller made a group abort. True if the caller runs alone from now on: the first time may be an
    /// accident, and a connection can carry a whole application, which would pay for it with its throughput.
    pub(super) fn offended(&mut self, now: Millis, caller: Caller, topic: &Arc<str>) -> bool {
        self.places.retain(|_, offences| now < offences.last + TERM);
        if self.places.len() >= PLACES_MAX
            && let Some(oldest) =
                self.places.iter().min_by_key(|(_, o)| o.last).map(|(place, _)| place.clone())
        {
            self.places.remove(&oldest);
        }
        let offences = self.places.entry((caller, topic.clone()));
        let again = offences.and_modify(|o| o.again = true).or_insert(Offences { last: now, again: false });
        again.last = now;
        again.again
    }

    /// Whether a transaction of the caller with records for these topics runs alone.
    pub(super) fn holds<'a>(
        &self,
        now: Millis,
        caller: Caller,
        topics: impl IntoIterator<Item = &'a Arc<str>>,
    ) -> bool {
        let held = |topic: &Arc<str>| {
            let offences = self.places.get(&(caller, topic.clone()));
            offences.is_some_and(|offences| offences.again && now < offences.last + TERM)
        };
        !self.places.is_empty() && topics.into_iter().any(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_spoils_groups_again_runs_alone_for_a_while_and_only_with_that_topic() {
        let (mut quarantine, topic, other) = (Quarantine::default(), Arc::from("t"), Arc::from("other"));
        let (bad, good) = (Caller(1), Caller(2));
        assert!(!quarantine.offended(0, bad, &topic));
        assert!(!quarantine.holds(0, bad, [&topic]), "once may be an accident");
        assert!(quarantine.offended(TERM - 1, bad, &topic));
        assert!(quarantine.holds(TERM, bad, [&other, &topic]));
        assert!(!quarantine.holds(TERM, bad, [&other]));
        assert!(!quarantine.holds(TERM, good, [&topic]));
        assert!(!quarantine.holds(2 * TERM - 1, bad, [&topic]), "its term is over");
        assert!(!quarantine.offended(2 * TERM - 1, bad, &topic), "and so is its first offence");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut quarantine = Quarantine::default();
        for caller in 0..3 * PLACES_MAX as u64 {
            quarantine.offended(caller, Caller(caller), &Arc::from("t"));
        }
        assert_eq!(quarantine.places.len(), PLACES_MAX);
    }
}
