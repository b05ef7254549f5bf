//! What `scripts/setup` fetched for tests.

use std::path::PathBuf;

use anyhow::ensure;

use crate::models;

/// The Python that has the packages of `scripts/tools/requirements.txt`.
pub fn python() -> anyhow::Result<PathBuf> {
    let python = dir("CUCKOO_VENV", "venv")?.join("bin/python");
    ensure!(python.is_file(), "{} is missing: run `scripts/setup`", python.display());
    Ok(python)
}

/// The folder that has the npm package `name` in its `node_modules`.
pub fn npm(name: &str) -> anyhow::Result<PathBuf> {
    let dir = dir("CUCKOO_NPM", "npm")?;
    let package = dir.join("node_modules").join(name);
    ensure!(package.is_dir(), "{} is missing: run `scripts/setup`", package.display());
    Ok(dir)
}

/// A folder that `scripts/setup` makes, or the one that `variable` names instead.
fn dir(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    match std::env::var_os(variable) {
        Some(dir) => Ok(dir.into()),
        None => Ok(models::cache_dir()?.join(name)),
    }
}
