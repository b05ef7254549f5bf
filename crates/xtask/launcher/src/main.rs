//! `cargo xtask` in any shell: hands over to scripts/xtask, which knows how to build the tool itself.
//!
//! An alias cannot set the target folder or choose the compiler, and would build the tool with other features than the
//! rest of the workspace. This program has no dependencies, so it costs nothing to build.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    // Asked when it runs: clones share one target folder, so that the one in which this was built may be another.
    let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        eprintln!("run this as `cargo xtask`, which tells where the project is");
        return ExitCode::FAILURE;
    };
    let script = Path::new(&folder).join("../../../scripts/xtask");
    let error = Command::new(&script).args(std::env::args_os().skip(1)).exec();
    eprintln!("cannot run {}: {error}", script.display());
    ExitCode::FAILURE
}
