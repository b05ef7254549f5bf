//! What claims cost at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use cuckoo_primitives::{benchmarking::BenchmarkMarket, faucet::Puzzle, registry::CurrentEra, AccountId, Hash, CAI};
use frame_benchmarking::v2::*;
use frame_support::{
    pallet_prelude::{TransactionSource, ValidateUnsigned},
    traits::{fungible::Inspect, UnfilteredDispatchable},
    weights::WeightMeter,
};
use frame_system::{pallet_prelude::BlockNumberFor, BlockHash, RawOrigin};
use sp_runtime::traits::Zero;

use crate::{Call, Claimed, ClaimedFrom, Claims, Config, FaucetTerms, Pallet, Terms, WeightInfo};

/// Zero bits that the proof has. How many does not matter to whoever checks it.
const DIFFICULTY: u32 = 8;

#[benchmarks]
mod benchmarks {
    use super::*;

    /// The account does not exist yet. What the pool checks is checked once more before the call.
    #[benchmark]
    fn claim() {
        let account: AccountId = account("poor", 0, 0);
        let terms = Terms { drip: CAI, era_cap: CAI, difficulty: DIFFICULTY };
        FaucetTerms::<T>::put(terms);
        T::BenchmarkMarket::fund(&Pallet::<T>::pot(), 10 * CAI);
        let (block_number, block_hash) = (BlockNumberFor::<T>::from(1u32), Hash::repeat_byte(1));
        frame_system::Pallet::<T>::set_block_number(2u32.into());
        BlockHash::<T>::insert(block_number, block_hash);
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let puzzle = Puzzle { genesis, account: account.clone(), block_hash };
        let nonce = puzzle.solve(DIFFICULTY, 0, u64::MAX).expect("some nonce solves it");
        let call = Call::<T>::claim { account: account.clone(), block_number, nonce };

        #[block]
        {
            Pallet::<T>::validate_unsigned(TransactionSource::External, &call).expect("it is valid");
            call.dispatch_bypass_filter(RawOrigin::None.into()).expect("it is paid");
        }

        assert_eq!(T::Currency::total_balance(&account), CAI);
        assert!(Claims::<T>::contains(&account));
    }

    #[benchmark]
    fn forget_claim() {
        let terms = Terms { drip: CAI, era_cap: CAI, difficulty: DIFFICULTY };
        Claims::<T>::enter(&account("poor", 0, 0), &terms);
        let era = T::CurrentEra::current_era();
        T::BenchmarkMarket::pass_eras(1);
        let mut meter = WeightMeter::with_limit(T::WeightInfo::forget_claim());

        #[block]
        {
            Claims::<T>::forget(&mut meter);
        }

        assert!(Claimed::<T>::iter_key_prefix(era).next().is_none());
        assert_eq!(ClaimedFrom::<T>::get(), era);
    }
}
