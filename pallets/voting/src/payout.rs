//! Paying every candidate for the eras that are over, some in each block.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, EraIndex};
use frame_support::weights::{Weight, WeightMeter};
use scale_info::TypeInfo;

use crate::{Config, Earnings, EraPots, PayoutRun, Pools, WeightInfo};

/// The pass over all candidates that pays them. Only this type reads and writes [`PayoutRun`].
///
/// It does only what any change of a candidate would do to it anyway, so nobody gains or loses by when it comes along.
pub struct Payout<T>(PhantomData<T>);

/// Where the pass stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PayoutProgress {
    /// When the pass is through, everybody has been paid for all eras before this one.
    pub(crate) before: EraIndex,
    /// The last candidate that was visited.
    pub(crate) visited: Option<AccountId>,
}

impl<T: Config> Payout<T> {
    /// Starts a pass, if none is under way.
    pub(crate) fn start() {
        if !PayoutRun::<T>::exists() {
            PayoutRun::<T>::put(PayoutProgress { before: T::CurrentEra::current_era(), visited: None });
        }
    }

    /// Visits as many candidates as `meter` allows.
    pub(crate) fn proceed(meter: &mut WeightMeter) {
        let (idle, each) = Self::costs();
        if meter.try_consume(idle).is_err() {
            return;
        }
        let Some(mut progress) = PayoutRun::<T>::get() else { return };
        let mut candidates = match &progress.visited {
            Some(last) => Pools::<T>::iter_keys_from(Pools::<T>::hashed_key_for(last)),
            None => Pools::<T>::iter_keys(),
        };
        while meter.try_consume(each).is_ok() {
            let Some(candidate) = candidates.next() else { return Self::finish(&progress) };
            Earnings::<T>::caught_up(&candidate);
            progress.visited = Some(candidate);
        }
        PayoutRun::<T>::put(progress);
    }

    /// What a block costs in which nobody is paid, and what each candidate adds to it.
    fn costs() -> (Weight, Weight) {
        let idle = T::WeightInfo::payout(0);
        (idle, T::WeightInfo::payout(1).saturating_sub(idle))
    }

    fn finish(progress: &PayoutProgress) {
        EraPots::<T>::close_before(progress.before);
        PayoutRun::<T>::kill();
        crate::Pallet::<T>::deposit_event(crate::Event::ErasPaid { before: progress.before });
        if progress.before < T::CurrentEra::current_era() {
            Self::start();
        }
    }
}
