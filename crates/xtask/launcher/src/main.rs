//! `cargo xtask` in any shell: hands over to scripts/xtask, which knows how to build the tool itself.
//!
//! An alias cannot set the target folder or choose the compiler, and would build the tool with other features than the
//! rest of the workspace. This program has no dependencies, so it costs nothing to build.

use std::{os::unix::process::CommandExt, process::Command};

fn main() -> std::process::ExitCode {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../scripts/xtask");
    let error = Command::new(script).args(std::env::args_os().skip(1)).exec();
    eprintln!("cannot run {script}: {error}");
    std::process::ExitCode::FAILURE
}
