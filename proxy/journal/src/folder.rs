use crate::{Error, disk::Disk};
use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The journal's folder: which of its sled folders counts.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    /// The highest `data.<n>`.
    newest: Option<u64>,
    /// `data.<n>` that a newer one replaced, ascending.
    replaced: Vec<u64>,
    /// `new.<n>` that a crash left behind.
    unfinished: Vec<PathBuf>,
}

/// Creates a folder and its missing ancestors, for the owner only, and makes the entries durable.
pub(crate) fn create(dir: &Path, disk: &dyn Disk) -> Result<(), Error> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::io("create", dir))?;
    for created in missing {
        let parent = match created.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        disk.fsync_dir(parent).map_err(Error::io("sync", parent))?;
    }
    Ok(())
}

/// Takes everybody else's rights away: sled creates its files as the umask says.
pub(crate) fn restrict(dir: &Path) -> Result<(), Error> {
    walk(dir, &mut |path, is_dir| {
        let mode = if is_dir { 0o700 } else { 0o600 };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Error::io("set the mode of", path))
    })
}

/// Makes all files and entries of a folder durable.
pub(crate) fn sync_all(dir: &Path, disk: &dyn Disk) -> Result<(), Error> {
    walk(dir, &mut |path, is_dir| {
        let synced = if is_dir {
            disk.fsync_dir(path)
        } else {
            File::open(path).and_then(|file| disk.fdatasync(&file))
        };
        synced.map_err(Error::io("sync", path))
    })
}

fn walk(dir: &Path, visit: &mut dyn FnMut(&Path, bool) -> Result<(), Error>) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        if entry.file_type().map_err(Error::io("list", dir))?.is_dir() {
            walk(&entry.path(), visit)?;
        } else {
            visit(&entry.path(), false)?;
        }
    }
    visit(dir, true)
}

// === impl Folder ===

impl Folder {
    /// Looks; changes nothing.
    pub(crate) fn scan(dir: &Path) -> Result<Self, Error> {
        let (mut data, mut unfinished) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
            let entry = entry.map_err(Error::io("list", dir))?;
            // A volume's root may hold other things (lost+found): not ours, left alone.
            let name = entry.file_name();
            let Some((kind, number)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            match (kind, number.parse()) {
                ("data", Ok(number)) => data.push(number),
                ("new", Ok(_)) => unfinished.push(entry.path()),
                _ => {}
            }
        }
        data.sort_unstable();
        let newest = data.pop();
        Ok(Self { dir: dir.to_owned(), newest, replaced: data, unfinished })
    }

    /// The sled folder that counts.
    pub(crate) fn current(&self) -> Option<PathBuf> {
        self.newest.map(|number| self.data(number))
    }

    /// Where the next one is built.
    pub(crate) fn next(&self) -> PathBuf {
        self.building(self.newest.unwrap_or(0) + 1)
    }

    /// Removes what a crash left behind.
    pub(crate) fn clean(&mut self, disk: &dyn Disk) -> Result<(), Error> {
        let replaced: Vec<PathBuf> = self.replaced.drain(..).map(|number| data(&self.dir, number)).collect();
        for path in replaced.into_iter().chain(self.unfinished.drain(..)) {
            disk.remove_dir_all(&path).map_err(Error::io("remove", path))?;
        }
        Ok(())
    }

    /// Makes what was built at [`Folder::next`] (complete and synced) the journal, then removes the former.
    pub(crate) fn switch(&mut self, disk: &dyn Disk) -> Result<PathBuf, Error> {
        let number = self.newest.unwrap_or(0) + 1;
        let path = self.data(number);
        disk.rename(&self.building(number), &path).map_err(Error::io("rename to", &path))?;
        disk.fsync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
        self.replaced.extend(self.newest.replace(number));
        self.clean(disk)?;
        Ok(path)
    }

    /// Removes the journal. Lowest first: a crash in between must not bring back one that was replaced.
    pub(crate) fn discard(&mut self, disk: &dyn Disk) -> Result<(), Error> {
        self.clean(disk)?;
        if let Some(number) = self.newest.take() {
            let (path, removed) = (self.data(number), self.building(number));
            // Renamed first: half a removal must not look like a damaged journal.
            disk.rename(&path, &removed).map_err(Error::io("rename", path))?;
            disk.fsync_dir(&self.dir).map_err(Error::io("sync", &self.dir))?;
            disk.remove_dir_all(&removed).map_err(Error::io("remove", removed))?;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn leftovers(&self) -> usize {
        self.replaced.len() + self.unfinished.len()
    }

    fn data(&self, number: u64) -> PathBuf {
        data(&self.dir, number)
    }

    fn building(&self, number: u64) -> PathBuf {
        self.dir.join(format!("new.{number}"))
    }
}

fn data(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("data.{number}"))
}
