//! Benches that crates bring along, for what must not be linked here.

use std::process::{Command, Stdio};

use anyhow::{ensure, Context};
use cargo_metadata::Message;

/// Builds the bench of that name in the one profile that there is and returns where it lies. As part of the workspace,
/// since a crate by itself would have other features, and what it uses be compiled once more for them.
pub(super) fn build(bench: &str) -> anyhow::Result<String> {
    let mut cargo = Command::new("cargo")
        .args(["build", "--release", "--locked", "--workspace", "--bench", bench])
        .arg("--message-format=json-render-diagnostics")
        // It runs natively; the wasm runtime would only take time to build.
        .env("SKIP_WASM_BUILD", "1")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = cargo.stdout.take().context("cargo has no output")?;
    let mut program = None;
    for message in Message::parse_stream(std::io::BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's messages cannot be read")? {
            program = artifact.executable.filter(|_| artifact.target.name == bench).or(program);
        }
    }
    ensure!(cargo.wait()?.success(), "the bench does not build");
    Ok(program.context("cargo built no bench")?.into_string())
}
