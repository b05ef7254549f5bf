//! Which crate may use which.

mod rules;

use anyhow::{ensure, Context};
use cargo_metadata::{DependencyKind, MetadataCommand};
use rules::{Edge, Origin};

/// Checks every normal dependency of every crate of the workspace against the rules. Dependencies of tests and build
/// scripts are free.
pub(crate) fn run() -> anyhow::Result<()> {
    let edges = declared()?;
    let broken = rules::broken(&edges);
    ensure!(
        broken.is_empty(),
        "{} dependencies break the rules of docs/ARCHITECTURE.md:\n{}",
        broken.len(),
        broken.iter().map(|reason| format!("  {reason}")).collect::<Vec<_>>().join("\n")
    );
    println!("check-deps: {} dependencies keep the rules", edges.len());
    Ok(())
}

/// The normal dependencies that the crates of the workspace declare.
fn declared() -> anyhow::Result<Vec<Edge>> {
    let metadata =
        MetadataCommand::new().no_deps().exec().context("cargo metadata failed; run this inside the clone")?;
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Normal {
                let origin = if dependency.path.is_some() { Origin::Workspace } else { Origin::Elsewhere };
                edges.push(Edge { from: package.name.to_string(), to: dependency.name.clone(), origin });
            }
        }
    }
    Ok(edges)
}
