//! End-to-end tests on the real binaries, one file a topic in `tests/`.
//!
//! They need what `scripts/setup` and `cargo build --release --workspace` make; a test that misses something says what.
