//! What the economy costs on the real runtime.
//!
//! The runtime measures itself (`runtime/benches/economy`), and this only builds and runs that: a program that looks at
//! the chain from outside must not depend on it, and every chore would have to link it.

use std::process::Command;

use anyhow::{ensure, Context};

use super::program;

/// Prints the figures.
pub(crate) fn run() -> anyhow::Result<()> {
    let program = program::build("economy")?;
    let status = Command::new(&program).status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "the bench ended with {status}");
    Ok(())
}
