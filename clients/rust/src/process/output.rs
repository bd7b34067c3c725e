//! What handlers return.

use crate::record::Record;

/// Records to be written: one, none, or many.
pub trait Output {
    /// Them.
    fn into_records(self) -> impl Iterator<Item = Record>;
}

/// What the handlers made of a delivery.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) records: Vec<Record>,
    /// For each handler's input the offset, and how many records there were after it.
    ends: Vec<(i64, usize)>,
}

// === impl Outputs ===

impl Outputs {
    /// Of a whole delivery: nobody knows which record is made of which.
    pub(super) fn of_batch(output: impl Output) -> Self {
        Self { records: output.into_records().collect(), ends: Vec::new() }
    }

    /// Adds what was made of the record at an offset.
    pub(super) fn add(&mut self, offset: i64, output: impl Output) -> &mut [Record] {
        let first = self.records.len();
        self.records.extend(output.into_records());
        self.ends.push((offset, self.records.len()));
        &mut self.records[first..]
    }

    /// The offset of what a record was made of.
    pub(super) fn origin(&self, index: usize) -> Option<i64> {
        self.ends.iter().find(|(_, end)| index < *end).map(|(offset, _)| *offset)
    }

    pub(super) fn bytes(&self) -> usize {
        self.records.iter().map(Record::bytes).sum()
    }
}

// === impl Output ===

impl Output for () {
    fn into_records(self) -> impl Iterator<Item = Record> {
        std::iter::empty()
    }
}

impl Output for Record {
    fn into_records(self) -> impl Iterator<Item = Record> {
        std::iter::once(self)
    }
}

impl Output for Option<Record> {
    fn into_records(self) -> impl Iterator<Item = Record> {
        self.into_iter()
    }
}

impl Output for Vec<Record> {
    fn into_records(self) -> impl Iterator<Item = Record> {
        self.into_iter()
    }
}

impl<const N: usize> Output for [Record; N] {
    fn into_records(self) -> impl Iterator<Item = Record> {
        self.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_leads_back_to_what_it_was_made_of() {
        let record = || Record::new("t");
        let mut outputs = Outputs::default();
        outputs.add(10, record());
        outputs.add(11, ());
        assert_eq!(outputs.add(12, [record(), record()]).len(), 2);
        let origins: Vec<_> = (0..4).map(|index| outputs.origin(index)).collect();
        assert_eq!(origins, [Some(10), Some(12), Some(12), None]);
    }

    #[test]
    fn of_a_batch_nothing_leads_back() {
        assert_eq!(Outputs::of_batch(vec![Record::new("t")]).origin(0), None);
    }
}
