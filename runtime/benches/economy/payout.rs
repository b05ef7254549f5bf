//! Paying a hundred thousand candidates for an era, block by block.

use std::time::Instant;

use cuckoo_primitives::CAI;
use cuckoo_runtime::{Runtime, Stake};
use frame_support::weights::Weight;

use crate::{
    chain::{check, end_era, into_backend, is_paid, new, pay_some},
    figure,
};

const CANDIDATES: u32 = 100_000;

pub(crate) fn run() {
    let mut ext = new(CANDIDATES, Vec::new());
    // The first era pays as any other, but to records that nobody has paid before.
    for paid_before in [false, true] {
        ext.execute_with(end_era);
        into_backend(&mut ext);
        let (mut weight, mut times) = (0f64, Vec::new());
        while !ext.execute_with(is_paid) {
            let start = Instant::now();
            let used = ext.execute_with(pay_some);
            times.push(start.elapsed());
            weight = weight.max(share(used));
            into_backend(&mut ext);
        }
        ext.execute_with(|| {
            let emission = Stake::emission();
            assert_eq!(emission.staking.open + emission.mining.open, 0, "all that was earned is paid");
            assert!(emission.emitted() > CAI);
        });
        if paid_before {
            figure::print("payout_blocks", times.len() as f64, "blocks");
            figure::print("payout_max_block_share", weight, "1");
            figure::print("payout_block_ms", figure::median_us(times) / 1e3, "ms");
        }
    }
    ext.execute_with(check);
}

/// The part of a block's weight.
fn share(used: Weight) -> f64 {
    let limits: frame_system::limits::BlockWeights = <Runtime as frame_system::Config>::BlockWeights::get();
    let whole = limits.max_block;
    let part = |used: u64, whole: u64| used as f64 / whole as f64;
    part(used.ref_time(), whole.ref_time()).max(part(used.proof_size(), whole.proof_size()))
}
