use crate::ffi;
use parking_lot::Mutex;
use rdkafka::producer::Partitioner;
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    iter,
};

/// To which partition a record goes that does not name one.
///
/// One with a key goes where Java's producer would put it. Those without go to one partition until they fill a batch, then to the
/// next: a transaction's partitions each cost a request to add them and a marker at its end, and librdkafka polls without a pause while a partition has
/// more than the batch that is under way (its own sticky partitioner goes by time).
#[derive(Debug)]
pub(super) struct Placement {
    batch_bytes: u64,
    keyless: Mutex<Keyless>,
}

#[derive(Debug, Default)]
struct Keyless {
    /// The size in a batch of the record that is sent next.
    next: u64,
    topics: HashMap<String, Place>,
}

#[derive(Debug)]
struct Place {
    partition: i32,
    /// What is left of its batch.
    room: u64,
}

// === impl Placement ===

impl Placement {
    pub(super) fn new(batch_bytes: u64) -> Self {
        Self { batch_bytes, keyless: Mutex::default() }
    }

    /// Another transaction begins elsewhere.
    pub(super) fn begin(&self) {
        self.keyless.lock().topics.clear();
    }

    /// To be called before a record without a key or a partition is sent.
    pub(super) fn sending(&self, batched: u64) {
        self.keyless.lock().next = batched;
    }
}

impl Partitioner for Placement {
    /// Called in the lane's thread, or by librdkafka as soon as it knows the topic.
    fn partition(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        partitions: i32,
        is_available: impl Fn(i32) -> bool,
    ) -> i32 {
        if let Some(key) = key {
            return ffi::murmur2(key, partitions);
        }
        let mut keyless = self.keyless.lock();
        let Keyless { next: size, topics } = &mut *keyless;
        let from = match topics.get_mut(topic) {
            Some(place)
                if place.room >= *size && place.partition < partitions && is_available(place.partition) =>
            {
                place.room -= *size;
                return place.partition;
            }
            Some(place) => (place.partition + 1) % partitions,
            None => random_below(partitions),
        };
        let all = iter::successors(Some(from), |partition| Some((partition + 1) % partitions));
        // With none available it waits at one of them.
        let partition =
            all.take(partitions as usize).find(|partition| is_available(*partition)).unwrap_or(from);
        let place = Place { partition, room: self.batch_bytes.saturating_sub(*size) };
        topics.insert(topic.to_owned(), place);
        partition
    }
}

fn random_below(partitions: i32) -> i32 {
    let random = RandomState::new().build_hasher().finish();
    (random % partitions.max(1) as u64) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(placement: &Placement, size: u64, available: impl Fn(i32) -> bool) -> i32 {
        placement.sending(size);
        placement.partition("t", None, 6, available)
    }

    #[test]
    fn records_without_a_key_fill_a_batch_and_go_on_with_the_next_partition() {
        let placement = Placement::new(100);
        let first = place(&placement, 40, |_| true);
        assert_eq!(place(&placement, 60, |_| true), first);
        let second = (first + 1) % 6;
        assert_eq!(place(&placement, 1, |_| true), second);
        assert_eq!(place(&placement, 100, |_| true), (second + 1) % 6, "there is room for 99");
        assert_eq!(place(&placement, 500, |_| true), (second + 2) % 6, "larger than a batch");
        assert_eq!(place(&placement, 1, |_| true), (second + 3) % 6);
    }

    #[test]
    fn a_partition_without_a_leader_is_left_out() {
        let placement = Placement::new(100);
        let first = place(&placement, 1, |_| true);
        let second = place(&placement, 1, |partition| partition != first);
        assert_eq!(second, (first + 1) % 6);
        assert_eq!(place(&placement, 1, |_| true), second, "it stays");
        assert_eq!(place(&placement, 1, |_| false), (second + 1) % 6, "none has one");
        assert_eq!(place(&placement, 1, |partition| partition == first), first);
    }

    #[test]
    fn transactions_begin_anywhere() {
        let placement = Placement::new(100);
        let mut seen: Vec<_> = iter::repeat_with(|| {
            placement.begin();
            place(&placement, 1, |_| true)
        })
        .take(600)
        .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }
}
