//! The OpenAPI document in docs/, kept as the gateway serves it.

use std::{path::Path, process::Command};

use anyhow::{bail, ensure, Context};
use cuckoo_testkit::binaries;

const FILE: &str = "docs/openapi.json";
const PROGRAM: &str = "coordinator-gateway";

/// Writes the document, or with `check` only compares it.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let served = served()?;
    let path = Path::new(FILE);
    if !check {
        std::fs::write(path, &served).with_context(|| format!("cannot write {FILE}; run this in the clone's root"))?;
        println!("openapi: wrote {FILE}");
        return Ok(());
    }
    let kept = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {FILE}; `cargo xtask openapi` writes it"))?;
    if let Some((number, kept, served)) = first_difference(&kept, &served) {
        bail!("{FILE} is out of date (`cargo xtask openapi` writes it anew); line {number} is\n  {kept}\nand should be\n  {served}");
    }
    println!("openapi: {FILE} is what the gateway serves");
    Ok(())
}

/// The document as the built gateway prints it, with a line break at its end.
fn served() -> anyhow::Result<String> {
    let program = binaries::find(PROGRAM)?;
    let output =
        Command::new(&program).arg("openapi").output().with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(
        output.status.success(),
        "`{PROGRAM} openapi` ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).context("the document is not UTF-8")?;
    Ok(format!("{}\n", text.trim_end()))
}

/// Number and both versions of the first line in which two texts differ.
fn first_difference<'a>(one: &'a str, other: &'a str) -> Option<(usize, &'a str, &'a str)> {
    const END: &str = "(the end)";
    let (mut one, mut other) = (one.lines(), other.lines());
    for number in 1.. {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some((number, a.unwrap_or(END), b.unwrap_or(END))),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some((2, "b", "c")));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some((2, "(the end)", "b")));
    }
}
