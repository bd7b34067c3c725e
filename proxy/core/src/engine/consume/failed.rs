//! Which records of a partition failed how often, and which are given up.
//!
//! A delivery that fails as a whole names nobody: its records come again in halves, until one that fails is alone.

use crate::{FailedRange, Poison};

/// Records of a partition that are given up and not moved yet, at most: the journal has each with its texts. One more is
/// attempted once more, when these are moved.
const POISONS_MAX: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Failed {
    /// Sorted, not overlapping.
    ranges: Vec<FailedRange>,
    /// Sorted.
    poisoned: Vec<Poison>,
}

/// How much of a partition may be delivered together from some offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// How many records at most.
    pub(super) records: usize,
    /// Up to which offset.
    pub(super) last: i64,
    /// How many attempts of them failed.
    pub(super) attempts: u32,
}

impl Failed {
    pub(super) fn new(ranges: Vec<FailedRange>, poisoned: Vec<Poison>) -> Self {
        Self { ranges, poisoned }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.poisoned.is_empty()
    }

    pub(super) fn parts(&self) -> (Vec<FailedRange>, Vec<Poison>) {
        (self.ranges.clone(), self.poisoned.clone())
    }

    pub(super) fn attempts(&self, offset: i64) -> u32 {
        self.range(offset).map_or(0, |range| range.attempts)
    }

    /// One more attempt of these offsets failed; returns how many failed with nobody else to blame.
    pub(super) fn fail(&mut self, first: i64, last: i64) -> u32 {
        let attempts = 1 + self.overlapping(first, last).map(|range| range.attempts).max().unwrap_or(0);
        let before = self.range(first).filter(|range| range.first == range.last);
        let alone = if first == last { 1 + before.map_or(0, |range| range.alone) } else { 0 };
        // What overlaps at the edges keeps its own count outside.
        let mut ranges = Vec::with_capacity(self.ranges.len() + 2);
        for range in self.ranges.drain(..) {
            // That this part failed explains why the whole did.
            let outside = [
                FailedRange { last: range.last.min(first - 1), suspect: false, ..range },
                FailedRange { first: range.first.max(last + 1), suspect: false, ..range },
            ];
            ranges.extend(outside.into_iter().filter(|range| range.first <= range.last));
        }
        ranges.push(FailedRange { first, last, attempts, alone, suspect: true });
        ranges.sort_by_key(|range| range.first);
        self.ranges = ranges;
        alone
    }

    /// The record is given up.
    pub(super) fn poison(&mut self, poison: Poison) {
        match self.poisoned.binary_search_by_key(&poison.offset, |known| known.offset) {
            // Given up for good counts.
            Ok(at) if self.poisoned[at].retryable => self.poisoned[at] = poison,
            Ok(_) => {}
            Err(at) => self.poisoned.insert(at, poison),
        }
        self.poisoned.truncate(POISONS_MAX);
    }

    pub(super) fn poisoned(&self, offset: i64) -> Option<&Poison> {
        let at = self.poisoned.binary_search_by_key(&offset, |known| known.offset).ok()?;
        self.poisoned.get(at)
    }

    /// The record is not given up after all.
    pub(super) fn pardon(&mut self, offset: i64) {
        self.poisoned.retain(|poison| poison.offset != offset);
    }

    /// Everything before this offset is settled.
    pub(super) fn settle(&mut self, offset: i64) {
        self.ranges.retain(|range| range.last >= offset);
        if let Some(first) = self.ranges.first_mut() {
            first.first = first.first.max(offset);
        }
        self.poisoned.retain(|poison| poison.offset >= offset);
    }

    /// What may be delivered together from `head` on, of records with these offsets.
    pub(super) fn piece(&self, head: i64, offsets: impl Iterator<Item = i64>) -> Piece {
        let poison = self.poisoned.iter().map(|poison| poison.offset).find(|offset| *offset > head);
        let upto_poison = poison.map_or(i64::MAX, |offset| offset - 1);
        match self.range(head) {
            Some(range) => {
                let together = offsets.take_while(|offset| *offset <= range.last).count();
                Piece {
                    records: if range.suspect { together.div_ceil(2).max(1) } else { usize::MAX },
                    last: range.last.min(upto_poison),
                    attempts: range.attempts,
                }
            }
            None => {
                let next = self.ranges.iter().map(|range| range.first).find(|first| *first > head);
                let last = next.map_or(i64::MAX, |first| first - 1).min(upto_poison);
                Piece { records: usize::MAX, last, attempts: 0 }
            }
        }
    }

    fn range(&self, offset: i64) -> Option<&FailedRange> {
        self.overlapping(offset, offset).next()
    }

    fn overlapping(&self, first: i64, last: i64) -> impl Iterator<Item = &FailedRange> {
        self.ranges.iter().filter(move |range| range.first <= last && first <= range.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(failed: &Failed) -> Vec<(i64, i64, u32)> {
        failed.ranges.iter().map(|range| (range.first, range.last, range.attempts)).collect()
    }

    fn poison(offset: i64, retryable: bool) -> Poison {
        Poison { offset, retryable, error_class: String::new(), message: String::new() }
    }

    /// Fails every delivery that has the guilty one until it is alone so often; returns the sizes of the deliveries.
    fn hunt(guilty: i64, records: i64, alone: u32) -> Vec<usize> {
        let (mut failed, mut head, mut sizes) = (Failed::default(), 0, Vec::new());
        let mut times = 0;
        while head < records {
            let piece = failed.piece(head, head..records);
            let last = piece.last.min(head + piece.records.min(500) as i64 - 1).min(records - 1);
            sizes.push((last - head + 1) as usize);
            if (head..=last).contains(&guilty) {
                failed.fail(head, last);
                times += u32::from(head == last);
                if times < alone {
                    continue;
                }
            }
            head = last + 1;
            failed.settle(head);
        }
        assert!(failed.is_empty(), "{failed:?}");
        sizes
    }

    #[test]
    fn a_batch_is_halved_until_the_guilty_record_is_alone() {
        // The first half is innocent, then the second half's first quarter is not: so its other quarter is.
        assert_eq!(hunt(5, 8, 3), [8, 4, 2, 1, 1, 1, 1, 2]);
        for guilty in [0, 1, 249, 250, 498, 499] {
            let sizes = hunt(guilty, 500, 3);
            assert!(sizes.len() <= 21, "{guilty}: {sizes:?}");
        }
    }

    #[test]
    fn what_failed_again_in_part_keeps_its_counts_apart() {
        let mut failed = Failed::default();
        assert_eq!(failed.fail(0, 99), 0);
        assert_eq!(failed.fail(0, 49), 0);
        assert_eq!(ranges(&failed), [(0, 49, 2), (50, 99, 1)]);
        assert_eq!(failed.fail(40, 59), 0);
        assert_eq!(ranges(&failed), [(0, 39, 2), (40, 59, 3), (60, 99, 1)]);
        failed.settle(45);
        assert_eq!(ranges(&failed), [(45, 59, 3), (60, 99, 1)]);
        assert_eq!((failed.attempts(44), failed.attempts(45), failed.attempts(60)), (0, 3, 1));
    }

    #[test]
    fn what_failed_alone_is_counted_apart() {
        let mut failed = Failed::default();
        failed.fail(0, 9);
        assert_eq!((failed.fail(4, 4), failed.fail(4, 4), failed.attempts(4)), (1, 2, 3));
        assert_eq!((failed.fail(3, 5), failed.fail(4, 4)), (0, 1), "among others again");
    }

    #[test]
    fn so_many_are_given_up_at_a_time_and_the_first_are_first() {
        let mut failed = Failed::default();
        for offset in (0..2 * POISONS_MAX as i64).rev() {
            failed.poison(poison(offset, true));
        }
        let offsets: Vec<_> = failed.poisoned.iter().map(|poison| poison.offset).collect();
        assert_eq!(offsets, (0..POISONS_MAX as i64).collect::<Vec<_>>());
    }

    #[test]
    fn a_delivery_ends_before_what_failed_and_before_what_is_given_up() {
        let mut failed = Failed::default();
        failed.fail(10, 10);
        assert_eq!(failed.piece(0, 0..20).last, 9);
        assert_eq!(failed.piece(10, 10..20), Piece { records: 1, last: 10, attempts: 1 });
        failed.poison(poison(5, true));
        assert_eq!(failed.piece(0, 0..20).last, 4);
        assert!(failed.poisoned(5).is_some() && failed.poisoned(6).is_none());
        failed.poison(poison(5, false));
        failed.poison(poison(5, true));
        assert!(!failed.poisoned(5).expect("is").retryable, "given up for good stays so");
        failed.settle(6);
        assert!(failed.poisoned(5).is_none());
    }
}
