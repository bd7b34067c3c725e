//! The clients' languages.

use crate::Wrong;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// All of them, in the order of the table.
pub(crate) const NAMES: [&str; 6] = ["python", "python-aio", "go", "java", "typescript", "rust"];

#[derive(Debug)]
pub(crate) struct Language {
    pub(crate) name: &'static str,
    root: PathBuf,
    built: OnceLock<Result<(), Wrong>>,
}

// === impl Language ===

impl Language {
    pub(crate) fn new(name: &'static str, root: &Path) -> Self {
        Self { name, root: root.to_owned(), built: OnceLock::new() }
    }

    /// The program behind the line protocol.
    pub(crate) fn driver(&self) -> PathBuf {
        let run = if self.name.ends_with("-aio") { "run-aio" } else { "run" };
        self.folder().join("conformance").join(run)
    }

    /// Builds it, once, so that its drivers start at once.
    pub(crate) fn built(&self) -> Result<(), Wrong> {
        self.built.get_or_init(|| self.build()).clone()
    }

    fn folder(&self) -> PathBuf {
        self.root.join("clients").join(self.name.trim_end_matches("-aio"))
    }

    fn build(&self) -> Result<(), Wrong> {
        let driver = self.driver();
        if !driver.is_file() {
            return Err(Wrong::new(format!("no driver: {}", driver.display())));
        }
        let build = self.folder().join("build");
        let output =
            Command::new(&build).output().map_err(|error| Wrong::of(&build.display().to_string(), &error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<_> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n");
        Err(Wrong::new(format!("{} fails ({}):\n{last}", build.display(), output.status)))
    }
}
