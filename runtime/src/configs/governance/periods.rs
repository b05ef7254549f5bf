//! Lengths of time as shares of an era, so that they are minutes on a development chain and days on a public one.
//!
//! They follow the clock in storage, and so answer only where there is a chain state.

use cuckoo_primitives::BlockNumber;
use frame_support::traits::Get;
use pallet_cuckoo_staking::BondingBlocks;

use crate::{Runtime, Stake};

/// `N / D` eras in blocks, rounded down, at least one.
pub struct Eras<const N: u32, const D: u32 = 1>;

impl<const N: u32, const D: u32> Get<BlockNumber> for Eras<N, D> {
    fn get() -> BlockNumber {
        share_of(era_blocks(), N, D)
    }
}

/// A minute of a day: how exactly referenda keep their times.
pub type AlarmMinute = Eras<1, 1440>;

/// How long a vote with the least conviction stays locked after its referendum: as long as unbonding takes.
pub struct VoteLocking;

impl Get<BlockNumber> for VoteLocking {
    fn get() -> BlockNumber {
        BlockNumber::try_from(<BondingBlocks<Runtime> as Get<u64>>::get()).unwrap_or(BlockNumber::MAX)
    }
}

/// Blocks of an era in which no slot stays empty.
pub(super) fn era_blocks() -> BlockNumber {
    let clock = Stake::era_progress();
    clock.sessions_per_era.saturating_mul(clock.session_blocks)
}

/// `n / d` of `blocks`, rounded down, at least one.
pub(super) fn share_of(blocks: BlockNumber, n: u32, d: u32) -> BlockNumber {
    let share = u64::from(blocks).saturating_mul(n.into()).checked_div(d.into()).unwrap_or(0);
    BlockNumber::try_from(share).unwrap_or(BlockNumber::MAX).max(1)
}
