//! The folder of one program's run: logs, data, key files.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Set to anything, this environment variable keeps the folders of runs that went well, too.
pub const KEEP_ENV: &str = "CUCKOO_KEEP_RUNS";

/// A temporary folder that stays if the test fails.
#[derive(Debug)]
pub struct RunDir {
    dir: tempfile::TempDir,
}

impl RunDir {
    /// A new folder, `name` is part of its path.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("cuckoo-{name}-"))
            .tempdir()
            .context("cannot make a temporary folder; is TMPDIR writable?")?;
        Ok(Self { dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Leaves the folder behind.
    pub fn keep(&mut self) {
        self.dir.disable_cleanup(true);
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os(KEEP_ENV).is_some() {
            self.keep();
            eprintln!("kept for a look: {}", self.path().display());
        }
    }
}
