//! What the economy costs on the real runtime, run natively on a state in memory. One JSON object a line, as
//! `cargo xtask bench economy` shows them.
//!
//! It is a program of the runtime's and not part of `xtask`, which looks at the chain from outside: else every chore,
//! the check of dependencies included, would have to link the whole runtime.

mod chain;
mod crowd;
mod figure;
mod payout;

fn main() {
    crowd::run();
    payout::run();
}
