//! What no client of ours sends: bytes that are no HTTP/2, messages that are no protobuf, too large, never ended, too many.
//! Each gets the right error or none, the sidecar's memory stays bounded by its limits, and others are served all the while.
//!
//! `SIDECOMMIT_MALFORMED_SEED` replays the random bytes.

mod bystander;
mod crowds;
mod garbage;
mod messages;
mod raw;
mod slow;

/// The system chooses a port that is free.
const ANY_PORT: &str = "127.0.0.1:0";
const MIB: u64 = 1 << 20;
/// What a sidecar may take beyond what its limits count: connections, decoding, librdkafka, the allocator's own.
const SLACK: u64 = 64 * MIB;

/// Random, and said, so that a failure can be replayed.
fn rng(test: &str) -> fastrand::Rng {
    let given = std::env::var("SIDECOMMIT_MALFORMED_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("{test}: SIDECOMMIT_MALFORMED_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
