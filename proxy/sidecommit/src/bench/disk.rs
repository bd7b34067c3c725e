//! What the disk takes for an fdatasync: a floor under each commit, since PREPARED waits for one.

use crate::exit::Failure;
use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

const SYNCS: usize = 200;
/// About what a PREPARED entry makes sled write.
const WRITE_BYTES: usize = 512;

/// The median of some in a folder.
pub(super) fn fdatasync_p50(folder: &Path) -> Result<Duration, Failure> {
    let failed = |error| Failure::Internal(format!("fdatasync in {}: {error}", folder.display()));
    let mut file = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[1; WRITE_BYTES]).map_err(failed)?;
        let start = Instant::now();
        file.sync_data().map_err(failed)?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    Ok(took[SYNCS / 2])
}
