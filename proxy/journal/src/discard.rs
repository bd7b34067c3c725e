use crate::{Error, disk::RealDisk, folder::Folder, lock::Lock};
use std::path::Path;

/// Removes a journal, readable or not, so that the next start begins anew from Kafka: what only the journal knew (the
/// callers' keys, where records went) is forgotten, outcomes are known as far as Kafka's markers reach.
///
/// # Errors
/// [`Error::Missing`], [`Error::Held`] while a process uses it, or what the file system says.
pub fn discard(dir: &Path) -> Result<(), Error> {
    if !dir.is_dir() {
        return Err(Error::Missing { dir: dir.to_owned() });
    }
    let _lock = Lock::acquire(dir)?;
    let mut folder = Folder::scan(dir)?;
    if folder.current().is_none() {
        return Err(Error::Missing { dir: dir.to_owned() });
    }
    folder.discard(&RealDisk)
}
