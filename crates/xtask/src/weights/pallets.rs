//! The pallets that are measured.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context};

/// Where they are, from the clone's root.
const FOLDER: &str = "pallets";
/// Names those that run; only they can be measured.
const RUNTIME: &str = "runtime/Cargo.toml";

/// One pallet of ours.
pub(crate) struct Pallet(PathBuf);

/// All pallets of the runtime by name, or the one that is called `only`.
pub(crate) fn find(only: Option<&str>) -> anyhow::Result<Vec<Pallet>> {
    let listing =
        std::fs::read_dir(FOLDER).with_context(|| format!("cannot read {FOLDER}/; run this in the clone's root"))?;
    let runtime = read(Path::new(RUNTIME))?;
    let mut folders = Vec::new();
    for entry in listing {
        let folder = entry.with_context(|| format!("cannot read {FOLDER}/"))?.path();
        let pallet = Pallet(folder);
        if is_dependency(&runtime, &pallet.name()) {
            folders.push(pallet);
        }
    }
    folders.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(only) = only {
        let names: Vec<String> = folders.iter().map(Pallet::name).collect();
        folders.retain(|pallet| pallet.name() == only);
        ensure!(!folders.is_empty(), "there is no pallet {only}; there are {}", names.join(", "));
    }
    Ok(folders)
}

/// Whether the manifest names the pallet as a dependency.
fn is_dependency(manifest: &str, pallet: &str) -> bool {
    let entry = format!("pallet-cuckoo-{pallet}.");
    manifest.lines().any(|line| line.starts_with(&entry))
}

impl Pallet {
    /// Its folder's name.
    pub(crate) fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What the runtime's benchmarks call it.
    pub(crate) fn crate_name(&self) -> String {
        format!("pallet_cuckoo_{}", self.name())
    }

    /// The file with its weights.
    pub(crate) fn weights(&self) -> PathBuf {
        self.0.join("src/weights.rs")
    }

    /// The text of that file; none if it was never written.
    pub(crate) fn read_weights(&self) -> anyhow::Result<String> {
        let path = self.weights();
        if !path.exists() {
            return Ok(String::new());
        }
        read(&path)
    }

    /// The text of its benchmarks.
    pub(crate) fn read_benchmarks(&self) -> anyhow::Result<String> {
        read(&self.0.join("src/benchmarking.rs"))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pallets_of_the_runtime_are_measured() {
        let manifest =
            "[dependencies]\npallet-cuckoo-voting.workspace = true\n[features]\n\"pallet-cuckoo-other/std\"\n";
        assert!(is_dependency(manifest, "voting"));
        assert!(!is_dependency(manifest, "vot"));
        assert!(!is_dependency(manifest, "other"));
    }
}
