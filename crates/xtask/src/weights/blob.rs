//! The wasm runtime that is measured.

use std::{path::PathBuf, process::Command};

use anyhow::{ensure, Context};
use cargo_metadata::MetadataCommand;

/// What has the runtime's build script make it.
const BENCHMARKS: &str = "CUCKOO_BENCHMARKS_WASM";
/// Where it lies in the target folder.
const BLOB: &str = "release/wbuild/cuckoo-runtime/cuckoo_runtime_benchmarks.compact.compressed.wasm";

/// Builds the runtime with its benchmarks and returns where it lies.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    println!("weights: building the runtime with benchmarks; this takes some minutes");
    // All of the workspace is selected, so that nothing is compiled twice.
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--workspace", "--bins"])
        .env(BENCHMARKS, "1")
        .env_remove("SKIP_WASM_BUILD")
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the runtime does not build with benchmarks; the reason is above");
    let metadata =
        MetadataCommand::new().no_deps().exec().context("cargo metadata failed; run this inside the clone")?;
    let blob = metadata.target_directory.join(BLOB).into_std_path_buf();
    ensure!(blob.is_file(), "the build left no {}; remove wbuild in its folder and try again", blob.display());
    Ok(blob)
}
