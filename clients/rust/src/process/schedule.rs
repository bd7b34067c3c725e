//! What may be worked on: of each partition one delivery at a time, and so many in all.

use std::collections::{HashSet, VecDeque};

/// A partition.
pub(super) type Place = (String, i32);

/// Of each partition one delivery is outstanding at a time; but one that is void may still be worked on when its records come again.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    limit: usize,
    busy: HashSet<Place>,
    waiting: VecDeque<(Place, T)>,
}

// === impl Schedule ===

impl<T> Schedule<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, busy: HashSet::new(), waiting: VecDeque::new() }
    }

    pub(super) fn add(&mut self, place: Place, work: T) {
        self.waiting.push_back((place, work));
    }

    /// The next to be begun.
    pub(super) fn next(&mut self) -> Option<(Place, T)> {
        if self.busy.len() >= self.limit {
            return None;
        }
        let free = self.waiting.iter().position(|(place, _)| !self.busy.contains(place))?;
        let next = self.waiting.remove(free)?;
        self.busy.insert(next.0.clone());
        Some(next)
    }

    pub(super) fn done(&mut self, place: &Place) {
        self.busy.remove(place);
    }

    /// What waits is not worked on any more.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32) -> Place {
        ("t".to_owned(), partition)
    }

    #[test]
    fn a_partition_is_worked_on_in_order() {
        let mut schedule = Schedule::new(4);
        schedule.add(place(0), "a");
        schedule.add(place(0), "b");
        schedule.add(place(1), "c");
        assert_eq!(schedule.next(), Some((place(0), "a")));
        assert_eq!(schedule.next(), Some((place(1), "c")));
        assert_eq!(schedule.next(), None);
        schedule.done(&place(0));
        assert_eq!(schedule.next(), Some((place(0), "b")));
    }

    #[test]
    fn no_more_than_the_limit_are_worked_on() {
        let mut schedule = Schedule::new(1);
        schedule.add(place(0), "a");
        schedule.add(place(1), "b");
        assert!(schedule.next().is_some() && schedule.next().is_none());
        schedule.done(&place(0));
        assert_eq!(schedule.next(), Some((place(1), "b")));
    }
}
