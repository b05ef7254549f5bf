//! End-to-end tests on the real binaries, one module a topic in `tests/e2e`.
//!
//! They need what `scripts/setup` and `cargo build --release --workspace` make; a test that misses something says what.
