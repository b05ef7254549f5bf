//! What the economy costs on the real runtime.
//!
//! The runtime measures itself (`runtime/benches/economy`), and this only builds and runs that: a program that looks at
//! the chain from outside must not depend on it, and every chore would have to link it.

use std::process::{Command, Stdio};

use anyhow::{ensure, Context};
use cargo_metadata::Message;

/// Prints the figures.
pub(crate) fn run() -> anyhow::Result<()> {
    let program = build()?;
    let status = Command::new(&program).status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "the bench ended with {status}");
    Ok(())
}

/// Builds the bench in the one profile that there is and returns where it lies. As part of the workspace, since the
/// runtime by itself would have other features, and FRAME be compiled once more for them.
fn build() -> anyhow::Result<String> {
    let mut cargo = Command::new("cargo")
        .args(["build", "--release", "--locked", "--workspace", "--bench", "economy"])
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
            program = artifact.executable.filter(|_| artifact.target.name == "economy").or(program);
        }
    }
    ensure!(cargo.wait()?.success(), "the bench does not build");
    Ok(program.context("cargo built no bench")?.into_string())
}
