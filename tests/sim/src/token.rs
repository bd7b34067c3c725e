//! The value of each simulated record: says which application transaction it belongs to, so that the checker needs no
//! help from what it checks.

use bytes::Bytes;

/// Which record of which application transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token {
    /// Index into the ledger.
    pub(crate) app: usize,
    /// Index in the transaction.
    pub(crate) index: u64,
    /// The broker refuses this record.
    pub(crate) poison: bool,
}

const MAGIC: u8 = 0xa7;

// === impl Token ===

impl Token {
    /// The record value, padded to `size` bytes at least.
    pub(crate) fn encode(self, size: usize) -> Bytes {
        let mut value = vec![MAGIC, u8::from(self.poison)];
        value.extend_from_slice(&(self.app as u64).to_be_bytes());
        value.extend_from_slice(&self.index.to_be_bytes());
        value.resize(value.len().max(size), 0);
        value.into()
    }

    /// Reads a record value; None if it is not an application's.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(value.get(at..at + 8)?.try_into().ok()?));
        let (magic, poison) = (*value.first()?, *value.get(1)?);
        (magic == MAGIC).then_some(())?;
        Some(Self { app: number(2)? as usize, index: number(10)?, poison: poison == 1 })
    }
}
