//! What an election costs at most. Run by `cargo xtask weights`.

// Built for benchmarks alone, which stop where the market is not what they asked for.
#![allow(clippy::expect_used)]

use alloc::vec::Vec;
use cuckoo_primitives::{benchmarking::BenchmarkMarket, AccountId, Role};
use frame_benchmarking::v2::*;
use frame_support::traits::{EnsureOrigin, Get};

use crate::{Call, Config, Event, Limits, MinValidators, Pallet, ValidatorCandidates, ValidatorCount};

/// Most validators that may be registered.
const MAX_CANDIDATES: u32 = 1_000;

/// Validators that are registered already.
fn registered<T: Config>() -> Vec<AccountId> {
    T::Candidates::active().into_iter().map(|(stash, _)| stash).collect()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn set_limits() -> Result<(), BenchmarkError> {
        let origin =
            T::LimitsOrigin::try_successful_origin().map_err(|()| BenchmarkError::Stop("someone may set them"))?;
        let (count, minimum) = (T::MaxValidators::get(), 4);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, count, minimum);

        assert_eq!((ValidatorCount::<T>::get(), MinValidators::<T>::get()), (count, minimum));
        frame_system::Pallet::<T>::assert_last_event(Event::LimitsSet { count, minimum }.into());
        Ok(())
    }

    /// `c` candidates, all with session keys; as many are chosen as may be.
    #[benchmark]
    fn next_validators(c: Linear<1, MAX_CANDIDATES>) {
        let before = registered::<T>();
        let new = c.saturating_sub(before.len() as u32);
        for number in 0..new {
            let stash: AccountId = account("validator", number, 0);
            T::BenchmarkMarket::register(&stash, Role::Validator);
            T::BenchmarkMarket::set_session_keys(&stash);
        }
        T::BenchmarkMarket::pass_eras(1);
        let limit = T::MaxValidators::get();
        Limits::<T>::set(limit, 1).expect("both are possible");
        assert_eq!(registered::<T>().len() as u32, c);
        let elected;

        #[block]
        {
            elected = Pallet::<T>::next_validators(before, true);
        }

        assert_eq!(elected.len() as u32, c.min(limit));
    }
}
