//! What goes wrong under the journal, and what the sidecar is to say about it.

use sidecommit_e2e::{Cluster, Disk, Refused, Spec, unique};

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// No write finds room.
    Full,
    /// No write gets through.
    WritesFail,
    /// One sync fails. The kernel has dropped what it could not write, and calls every later sync a success.
    SyncFails,
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

// === impl Fault ===

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::Full, Self::WritesFail, Self::SyncFails];

    /// After so many more of the calls that it concerns.
    pub(crate) fn strike(self, disk: &Disk, after: u32) {
        self.strike_at(disk, after, "");
    }

    /// After so many more of the calls that it concerns on files of the journal whose paths begin so.
    pub(crate) fn strike_at(self, disk: &Disk, after: u32, prefix: &str) {
        match self {
            Self::Full => disk.fail_writes_after(after, ENOSPC, prefix),
            Self::WritesFail => disk.fail_writes_after(after, EIO, prefix),
            Self::SyncFails => disk.fail_sync_after(after, EIO, prefix),
        }
    }

    /// The operating system's words for it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Full => "No space left on device",
            Self::WritesFail | Self::SyncFails => "Input/output error",
        }
    }

    /// The disk's trace from the first call on that failed so.
    pub(crate) fn trace(self, disk: &Disk) -> Vec<String> {
        let errno = match self {
            Self::Full => " ENOSPC",
            Self::WritesFail | Self::SyncFails => " EIO",
        };
        disk.trace().into_iter().skip_while(|line| !line.ends_with(errno)).collect()
    }

    /// A pod on a disk of its own that says what it has to say about the fault.
    pub(crate) fn pod(self, cluster: &Cluster) -> (Disk, Spec) {
        let slot = format!("{}/test/app/0", unique("storage"));
        let spec = Spec::of_slot(&cluster.bootstrap(), &slot)
            .set("outcomes.partitions", "1")
            .set("limits.streaming_bytes", "1000")
            .expects(&format!("ERROR sidecommit .. the journal failed .. {}", self.words()), "the disk fails")
            .expects(&format!("ERROR sled .. hit error while writing .. {}", self.words()), "the disk fails");
        Disk::under(&spec)
    }

    /// As docs/errors.md says.
    pub(crate) fn assert_told(self, refused: &Refused) {
        let Refused { code, reason, next, .. } = refused;
        assert_eq!(
            (*code, reason.as_str(), next.as_str()),
            (tonic::Code::Unavailable, "JOURNAL_FAILED", "WAIT_READY"),
            "{refused:?}"
        );
        assert!(refused.message.contains(self.words()), "{refused:?}");
    }
}
