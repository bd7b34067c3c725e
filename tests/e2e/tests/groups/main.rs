//! Transactions that share a Kafka transaction: a bad one among good ones, what is killed or lost while groups are split
//! and tried again, their order, who waits for whom, and what slow commits cost.
//!
//! `SIDECOMMIT_GROUP_KILLS` sets how often `once` kills (16 in CI), `SIDECOMMIT_GROUP_SEED` replays when `order` does.

mod crowd;
mod once;
mod one_percent;
mod order;
mod poison;
mod rig;
mod slow_commits;
mod small_topic;
mod stalls;
