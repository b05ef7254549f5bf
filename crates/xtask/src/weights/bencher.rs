//! The program that measures: Parity's `frame-omni-bencher`, which runs a wasm runtime's benchmarks.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{ensure, Context};

use super::{generated, pallets::Pallet};

const PROGRAM: &str = "frame-omni-bencher";
/// That of the SDK release of which the runtime is made.
const VERSION: &str = "0.28.0";
/// Storage items and their proofs are of use to chains that carry proofs.
const PROOF_COMMENT: &str = "// Proof: ";

/// A program that measures.
pub(crate) struct Bencher(PathBuf);

impl Bencher {
    /// The one in the cache folder, else the one in `PATH`; installed into the cache if there is neither.
    pub(crate) fn find_or_install() -> anyhow::Result<Self> {
        let root = cache_folder()?.join("omni-bencher");
        let cached = root.join("bin").join(PROGRAM);
        if cached.is_file() {
            return Ok(Self(cached));
        }
        if let Some(found) = in_path(PROGRAM) {
            return Ok(Self(found));
        }
        install(&root)?;
        Ok(Self(cached))
    }

    /// Runs the benchmarks of `pallet` in `blob` and writes its weights.
    pub(crate) fn measure(&self, blob: &Path, pallet: &Pallet, steps: u32, repeat: u32) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let (form, measured) = (folder.path().join("weights.hbs"), folder.path().join("weights.rs"));
        std::fs::write(&form, generated::template(&pallet.read_benchmarks()?)).context("cannot write the template")?;
        let status = Command::new(&self.0)
            .args(["v1", "benchmark", "pallet", "--genesis-builder=runtime", "--genesis-builder-preset=development"])
            .args(["--wasm-execution=compiled", "--extrinsic", ""])
            .args(["--steps", &steps.to_string(), "--repeat", &repeat.to_string()])
            .args(["--pallet", &pallet.crate_name()])
            .args([OsStr::new("--runtime"), blob.as_os_str()])
            .args([OsStr::new("--template"), form.as_os_str(), OsStr::new("--output"), measured.as_os_str()])
            .status()
            .with_context(|| format!("cannot run {}", self.0.display()))?;
        ensure!(status.success(), "a benchmark of {} failed; the reason is above", pallet.name());
        let text = std::fs::read_to_string(&measured).context("the bencher wrote no weights")?;
        std::fs::write(&measured, without_proofs(&text)).context("cannot write the weights")?;
        format(&measured)?;
        let weights = pallet.weights();
        std::fs::copy(&measured, &weights).with_context(|| format!("cannot write {}", weights.display()))?;
        Ok(())
    }
}

fn without_proofs(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(PROOF_COMMENT));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// As `cargo fmt` would have it.
fn format(file: &Path) -> anyhow::Result<()> {
    let status = Command::new("rustfmt")
        .args(["--edition", "2021", "--config-path", "rustfmt.toml"])
        .arg(file)
        .status()
        .context("cannot run rustfmt; `scripts/setup --tools` installs it")?;
    ensure!(status.success(), "rustfmt cannot format what the bencher wrote");
    Ok(())
}

fn install(root: &Path) -> anyhow::Result<()> {
    println!("weights: installing {PROGRAM} {VERSION}; this takes about 40 minutes, once");
    let build = root.join("target");
    let status = Command::new("cargo")
        .args(["install", "--locked", "--version", VERSION, PROGRAM, "--root"])
        .arg(root)
        // It has runtimes of its own, which it does not need here.
        .env("SKIP_WASM_BUILD", "1")
        .env("CARGO_TARGET_DIR", &build)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "{PROGRAM} does not build; the reason is above");
    std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
}

/// What scripts/env.sh says, or else would say.
fn cache_folder() -> anyhow::Result<PathBuf> {
    if let Some(folder) = env::var_os("CUCKOO_CACHE_DIR") {
        return Ok(folder.into());
    }
    let home = env::var_os("HOME").context("neither CUCKOO_CACHE_DIR nor HOME is set; set one of them")?;
    Ok(Path::new(&home).join(".cache/cuckoo"))
}

fn in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_on_proofs_are_left_out() {
        let text = "// Storage: `A::B` (r:1 w:0)\n    // Proof: `A::B`\nfn call() {}\n";
        assert_eq!(without_proofs(text), "// Storage: `A::B` (r:1 w:0)\nfn call() {}\n");
    }
}
