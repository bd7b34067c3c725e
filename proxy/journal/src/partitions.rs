use crate::stored::Place;
use std::collections::BTreeMap;

/// Under which number the memory of each partition stands. Each writing takes a new number and then removes the former,
/// so that one that is interrupted leaves either what was there before or what was put.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    numbers: BTreeMap<Place, u64>,
    places: BTreeMap<u64, Place>,
    /// The highest number ever seen. Numbers have gaps: what nobody remembers any more leaves none behind.
    last: u64,
}

// === impl Partitions ===

impl Partitions {
    /// A number that was in use, whether or not it still counts.
    pub(crate) fn saw(&mut self, number: u64) {
        self.last = self.last.max(number);
    }

    /// The number of the next writing.
    pub(crate) fn next(&self) -> u64 {
        self.last + 1
    }

    /// Takes in a writing, the newest of all. Returns the number that it supersedes.
    pub(crate) fn set(&mut self, place: Place, number: u64) -> Option<u64> {
        self.saw(number);
        let former = self.forget(&place);
        self.places.insert(number, place.clone());
        self.numbers.insert(place, number);
        former
    }

    /// Forgets a partition. Returns its number.
    pub(crate) fn forget(&mut self, place: &Place) -> Option<u64> {
        let number = self.numbers.remove(place)?;
        self.places.remove(&number);
        Some(number)
    }

    /// Forgets the one that was written longest ago, if there are more than `keep`. Returns its number.
    pub(crate) fn forget_excess(&mut self, keep: usize) -> Option<(u64, Place)> {
        if self.places.len() <= keep {
            return None;
        }
        let oldest = self.places.pop_first()?;
        self.numbers.remove(&oldest.1);
        Some(oldest)
    }

    /// Places by number, written longest ago first.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = (u64, &Place)> {
        self.places.iter().map(|(number, place)| (*number, place))
    }
}
