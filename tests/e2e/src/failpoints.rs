//! The named points at which a sidecar can be told to kill itself (proxy/sidecommit/src/driver/failpoint.rs).

/// All points that lie on the way of a commit.
pub const FAILPOINTS: [&str; 4] = ["before-prepared", "after-prepared", "after-end", "after-reply"];
