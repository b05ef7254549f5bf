//! Where the built programs are.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, Context};

/// Finds the program `name` (`cuckoo-node`, `coordinator-gateway`, `miner-worker`) in the target folder that the running
/// executable was built into: tests lie in its `deps`, other programs beside it.
pub fn find(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this executable is")?;
    find_near(&own, name)
}

fn find_near(own: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let dirs: Vec<&Path> = own.ancestors().skip(1).take(2).collect();
    dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        let looked = dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(" and ");
        anyhow!("the program {name} is not built (looked in {looked}): run `cargo build --release --workspace`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_finds_programs_one_folder_up() {
        let target = tempfile::tempdir().unwrap();
        std::fs::create_dir(target.path().join("deps")).unwrap();
        let program = target.path().join("cuckoo-node");
        std::fs::write(&program, "").unwrap();
        assert_eq!(find_near(&target.path().join("deps/chain-1a2b"), "cuckoo-node").unwrap(), program);
        assert_eq!(find_near(&target.path().join("xtask"), "cuckoo-node").unwrap(), program);
    }

    #[test]
    fn a_missing_program_says_how_to_build_it() {
        let target = tempfile::tempdir().unwrap();
        let error = find_near(&target.path().join("deps/chain-1a2b"), "miner-worker").unwrap_err();
        assert!(error.to_string().contains("cargo build --release --workspace"), "{error}");
    }
}
