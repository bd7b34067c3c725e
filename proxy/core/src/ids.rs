//! Names and numbers that identify things, each a type of its own so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Milliseconds since the Unix epoch, as told by the driver (monotonic within one process life).
pub type Millis = u64;

/// The stable identity of a pod: `<prefix>/<namespace>/<workload>/<ordinal>` (engine.md 1).
///
/// A transactional.id is the slot followed by `/<lane>`. No part is empty or contains '/'; parts consist of
/// `[A-Za-z0-9._-]`, the characters that Kafka's names and ACLs take without surprise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot(String);

/// Why a text is no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{value:?} is not a slot: expected <prefix>/<namespace>/<workload>/<ordinal>, each of [A-Za-z0-9._-]"
)]
pub struct InvalidSlot {
    /// The text that was refused.
    pub value: String,
}

/// Which lane of the slot; the last part of a transactional.id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LaneIndex(pub u16);

/// Which producer instance of a lane; a new one each time the lane's producer is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// Counts the lives of a slot's owner; larger is newer. Stored in the owner record and in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation(pub u32);

/// Made when a journal is created: tells the markers of two journals of one slot apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JournalId(pub [u8; 16]);

/// Identifies one attempt to commit one group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupUuid(pub [u8; 16]);

/// The first 16 bytes of the SHA-256 of an idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyHash(pub [u8; 16]);

/// A digest of a request's content, so that a repeat with other content is refused.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

/// An application's idempotency key with its hash (made by the rpc layer).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// As the application sent it, 1 to 128 characters.
    pub text: String,
    /// What the marker carries.
    pub hash: KeyHash,
}

/// A transaction's id: begin time, incarnation of the sidecar that issued it, randomness (api.md: opaque).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TxnId([u8; 16]);

/// Why a text is no transaction id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a transaction id: expected the transaction_id that Begin returned")]
pub struct InvalidTxnId {
    /// The text that was refused.
    pub value: String,
}

/// One call of an application that awaits its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// Where a call came from: a connection of the API's server. 0: unknown, or the engine itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller(pub u64);

/// One Consume stream of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// One member of a consumer group, from Open to Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConsumerId(pub u64);

/// An application that reads, across breaks of its stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 16]);

/// Records handed to an application.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId(pub [u8; 16]);

/// Connects a journal sync with its completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyncToken(pub u64);

/// Connects a read of the outcomes with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReadToken(pub u64);

// === impl Slot ===

impl Slot {
    /// The transactional.id of a lane.
    pub fn transactional_id(&self, lane: LaneIndex) -> String {
        format!("{}/{}", self.0, lane.0)
    }

    /// The slot's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slot {
    type Err = InvalidSlot;

    fn from_str(value: &str) -> Result<Self, InvalidSlot> {
        let part_ok = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let ok = value.len() <= 200 && value.split('/').count() == 4 && value.split('/').all(part_ok);
        if ok { Ok(Self(value.to_owned())) } else { Err(InvalidSlot { value: value.to_owned() }) }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LaneIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Generation {
    /// The generation after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

// === impl TxnId ===

impl TxnId {
    /// Composes an id; only the low 48 bits of `begun` and of `random` are kept.
    pub fn new(begun: Millis, incarnation: Incarnation, random: u64) -> Self {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&begun.to_be_bytes()[2..]);
        id[6..10].copy_from_slice(&incarnation.0.to_be_bytes());
        id[10..].copy_from_slice(&random.to_be_bytes()[2..]);
        Self(id)
    }

    /// When the transaction was begun, by the issuing sidecar's clock.
    pub fn begun(&self) -> Millis {
        self.0[..6].iter().fold(0, |acc, b| acc << 8 | Millis::from(*b))
    }

    /// The incarnation that issued the id.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(u32::from_be_bytes([self.0[6], self.0[7], self.0[8], self.0[9]]))
    }
}

impl fmt::Display for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tx-")?;
        hex(&self.0, f)
    }
}

impl fmt::Debug for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TxnId {
    type Err = InvalidTxnId;

    fn from_str(value: &str) -> Result<Self, InvalidTxnId> {
        value
            .strip_prefix("tx-")
            .and_then(unhex)
            .map(Self)
            .ok_or_else(|| InvalidTxnId { value: value.to_owned() })
    }
}

// === 16-byte ids ===

macro_rules! hex_id {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }

        impl $name {
            /// Reads the 32 hexadecimal digits that `Display` writes.
            pub fn from_hex(text: &str) -> Option<Self> {
                unhex(text).map(Self)
            }
        }
    )*};
}

hex_id!(JournalId, GroupUuid, KeyHash, Fingerprint, SessionId, DeliveryId);

fn hex(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 16];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_id_keeps_its_parts_through_text() {
        let id = TxnId::new(1_763_000_000_123, Incarnation(7), u64::MAX);
        let back: TxnId = id.to_string().parse().expect("own text");
        assert_eq!((back, back.begun(), back.incarnation()), (id, 1_763_000_000_123, Incarnation(7)));
        assert!("tx-12".parse::<TxnId>().is_err());
    }

    #[test]
    fn a_slot_has_four_plain_parts() {
        assert!("orders/shop/checkout/0".parse::<Slot>().is_ok());
        for bad in ["", "a/b/c", "a/b/c/d/e", "a//c/d", "a/b/c d/0", "a/b/ü/0"] {
            assert!(bad.parse::<Slot>().is_err(), "{bad}");
        }
    }
}
