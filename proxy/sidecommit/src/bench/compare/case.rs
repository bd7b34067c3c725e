//! What is done. Pure.

use super::contender::Contender;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Case {
    /// One caller, one record of 1 KB a transaction
    #[value(name = "small-1")]
    Small1,
    /// 64 callers
    #[value(name = "small-64")]
    Small64,
    /// 256 callers
    #[value(name = "small-256")]
    Small256,
    /// One caller, 10,000 records of 1 KB a transaction
    #[value(name = "bulk-1k")]
    Bulk1k,
    /// One caller, 10,000 records of 100 bytes a transaction
    #[value(name = "bulk-100b")]
    Bulk100b,
    /// From topic to topic, up to 1,000 records of 1 KB a transaction
    #[value(name = "pipeline")]
    Pipeline,
}

/// Numbers of producers that native clients are tried with.
const PRODUCERS: [u16; 5] = [1, 4, 16, 64, 128];
/// Of those that callers share at once, so many at most.
const SHARED_PRODUCERS: u16 = 16;

// === impl Case ===

impl Case {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small1 => "small-1",
            Self::Small64 => "small-64",
            Self::Small256 => "small-256",
            Self::Bulk1k => "bulk-1k",
            Self::Bulk100b => "bulk-100b",
            Self::Pipeline => "pipeline",
        }
    }

    pub(super) fn callers(self) -> u16 {
        match self {
            Self::Small1 | Self::Bulk1k | Self::Bulk100b | Self::Pipeline => 1,
            Self::Small64 => 64,
            Self::Small256 => 256,
        }
    }

    /// Per transaction; of the pipeline at most.
    pub(super) fn records(self) -> u32 {
        match self {
            Self::Small1 | Self::Small64 | Self::Small256 => 1,
            Self::Bulk1k | Self::Bulk100b => 10_000,
            Self::Pipeline => 1_000,
        }
    }

    pub(super) fn record_size(self) -> u32 {
        if self == Self::Bulk100b { 100 } else { 1024 }
    }

    /// Large transactions count by their records.
    pub(super) fn is_bulk(self) -> bool {
        self.records() > 1
    }

    /// What a native client may be given: a caller has one transaction at a time, so more producers than callers are idle. Without
    /// transactions a producer is shared by all at once.
    pub(super) fn producers(self, contender: Contender) -> impl Iterator<Item = u16> {
        let shared = matches!(contender, Contender::Plain | Contender::Idempotent);
        let most = if shared { SHARED_PRODUCERS } else { self.callers() };
        PRODUCERS.into_iter().filter(move |producers| *producers <= most.min(self.callers()))
    }

    /// What the cost of exactly-once is shown by: the producers without transactions take part here only.
    pub(super) fn has(self, contender: Contender) -> bool {
        let shows_cost = matches!(self, Self::Small64 | Self::Bulk1k);
        shows_cost || !matches!(contender, Contender::Plain | Contender::Idempotent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_are_at_most_as_many_as_callers() {
        let of = |case: Case, contender| case.producers(contender).collect::<Vec<_>>();
        assert_eq!(of(Case::Small1, Contender::Java), [1]);
        assert_eq!(of(Case::Small64, Contender::Java), [1, 4, 16, 64]);
        assert_eq!(of(Case::Small64, Contender::Plain), [1, 4, 16]);
        assert_eq!(of(Case::Small256, Contender::FranzGo), PRODUCERS);
    }
}
